"""Between attempts it waits longer after each failure, by a random part, and never longer than half a minute.

In a loop the pause is in the handlers after which it goes on; one that is there, always the same, grows, and is never
shorter than it was. One of half a minute is left, and so is a loop that asks many times until something is ready.
A decorator of tenacity is told how to wait, and bare when to stop; `urllib3.Retry` is given a `backoff_factor`.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._imports import merged, module, name_of
from perfwright.fix.recipes._keywords import given
from perfwright.fix.source import FUNCTIONS, Edit, Source

FIRST, LONGEST, TIMES = 0.5, 30, 5
MANY = 10  # attempts: more of them at the same pace are no retry, but wait for something
LEAVES = (ast.Return, ast.Raise, ast.Break)


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    if finding.symbol == "urllib3.Retry":
        call = source.at(finding.place, ast.Call)
        edit = given(source, call, "backoff_factor", str(FIRST)) if call is not None else None
        if edit is not None:
            yield Proposal((edit,), "it waits longer before each further attempt")
        return
    loops: ast.stmt | None = source.at(replace(finding.place, column=0), ast.For, ast.While)
    if (
        isinstance(loops, ast.For | ast.While)
        and loops.lineno == finding.place.line
        and finding.cure.startswith("Wait longer")
    ):
        yield from loop(source, loops)
    for function in ast.walk(source.tree):
        if isinstance(function, FUNCTIONS):
            for each in function.decorator_list:
                if each.lineno == finding.place.line:
                    yield from decorator(source, each)


# ------------------------------------------------------------------------------ loops
def loop(source: Source, each: ast.For | ast.While) -> Iterator[Proposal]:
    """Give the proposal that waits longer after each failed attempt of a loop."""
    handlers = [
        handler
        for tried in ast.walk(each)
        if isinstance(tried, ast.Try) and not [one for one in source.loops(tried) if one is not each][:1]
        for handler in tried.handlers
        if not isinstance(handler.body[-1], LEAVES)
    ]
    if not handlers or not all(source.is_alone(handler.body[-1]) for handler in handlers):
        return
    if source.loops(handlers[0].body[0])[:1] != [each]:
        return
    function = source.function(each)
    edits: list[Edit] = []
    if isinstance(each, ast.For):
        if not isinstance(each.target, ast.Name) or (first_count := counted_from(each.iter)) is None:
            return
        count = each.target.id
        if count == "_":
            count = source.fresh("attempt", "attempts")
            edits.append(source.replace(each.target, count))
    else:
        count = source.fresh("failures", "failed")
        if not source.is_alone(each):
            return
        edits.append(source.before(each, f"{count} = 0"))
    random, first = module(source, "random")
    library, second = module(source, "asyncio" if isinstance(function, ast.AsyncFunctionDef) else "time")
    awaited = "await " if isinstance(function, ast.AsyncFunctionDef) else ""
    sleeps = [one for one in ast.walk(each) if isinstance(one, ast.Call) and is_sleep(source, one)]
    if len(sleeps) > 1 or not all(may_grow(one, handlers) for one in sleeps):
        return
    for handler in handlers:
        counted = [] if isinstance(each, ast.For) else [f"{count} += 1"]
        if sleeps:
            if counted:
                edits.append(source.before(handler.body[0], *counted))
            continue
        last = handler.body[-1]
        pause = f"{awaited}{library}.sleep({longer(ast.Constant(FIRST), count, random)})"
        if isinstance(last, ast.Pass):
            indent = source.indent(last)
            edits.append(source.replace(last, f"\n{indent}".join([*counted, pause])))
        elif isinstance(last, ast.Continue):
            edits.append(source.before(last, *counted, pause))
        else:
            edits.append(source.after(last, *counted, pause))
    power = f"({count} + 1)" if isinstance(each, ast.For) and not first_count else count
    edits += [source.replace(one.args[0], longer(one.args[0], power, random)) for one in sleeps]
    imports = merged(first, [] if sleeps else second)
    yield Proposal((*edits, *imports), "it waits longer after each failure, by a random part")


def counted_from(range_: ast.expr) -> int | None:
    """Return the number from which a `range` counts its attempts up; None where it may count down, or counts many."""
    if not isinstance(range_, ast.Call) or ast.unparse(range_.func) != "range" or not 1 <= len(range_.args) <= 2:
        return None
    numbers = [each.value if isinstance(each, ast.Constant) else None for each in range_.args]
    first = numbers[0] if len(numbers) == 2 else 0
    many = isinstance(numbers[-1], int) and numbers[-1] > MANY
    return first if isinstance(first, int) and not many else None


def may_grow(sleep: ast.Call, handlers: list[ast.ExceptHandler]) -> bool:
    """Tell whether a pause is one after a failure alone, and shorter than it may become."""
    seconds = number(sleep.args[0])
    return (seconds is None or seconds < LONGEST) and any(
        one is sleep for handler in handlers for one in ast.walk(handler)
    )


def longer(first: ast.expr, power: str, random: str) -> str:
    """Return the seconds of a pause that grows with each failure."""
    written, known = ast.unparse(first), number(first)
    plain = written if isinstance(first, ast.Constant | ast.Name | ast.Attribute) else f"({written})"
    grown = f"min({LONGEST}, {plain} * 2**{power}) * {random}.uniform(0.5, 1)"
    return grown if known is not None and known * 2 <= LONGEST else f"max({written}, {grown})"


def number(seconds: ast.expr) -> float | None:
    """Return a number that is written down, or a product of some; None for what only the program knows."""
    if isinstance(seconds, ast.BinOp) and isinstance(seconds.op, ast.Mult):
        left, right = number(seconds.left), number(seconds.right)
        return left * right if left is not None and right is not None else None
    if isinstance(seconds, ast.Constant) and isinstance(seconds.value, int | float):
        return seconds.value
    return None


def is_sleep(source: Source, call: ast.Call) -> bool:
    """Tell whether a call is a pause of so many seconds."""
    return source.text_of(call.func).rpartition(".")[2] == "sleep" and len(call.args) == 1 and not call.keywords


# ------------------------------------------------------------------------------ decorators
def decorator(source: Source, each: ast.expr) -> Iterator[Proposal]:
    """Give the proposal that tells a decorator of tenacity how to wait, and when to stop."""
    called = each.func if isinstance(each, ast.Call) else each
    library = source.text_of(called).rpartition(".")[0]
    if not any(
        isinstance(one, ast.Import | ast.ImportFrom) and "tenacity" in source.text_of(one) for one in source.tree.body
    ):
        return

    def named(name: str) -> tuple[str, list[Edit]]:
        return (f"{library}.{name}", []) if library else name_of(source, "tenacity", name)

    wait, first = named("wait_random_exponential")
    if isinstance(each, ast.Call):
        edit = given(source, each, "wait", f"{wait}(max={LONGEST})")
        if edit is not None:
            yield Proposal((edit, *first), "it waits longer after each failure, by a random part")
        return
    stop, second = named("stop_after_attempt")
    edits = merged(first, second)
    written = f"{source.text_of(each)}(wait={wait}(max={LONGEST}), stop={stop}({TIMES}))"
    yield Proposal(
        (source.replace(each, written), *edits), f"it waits longer after each failure, and gives up after {TIMES}"
    )


RECIPE = Recipe(
    rule="retry-without-backoff",
    improves=("hazard",),
    propose=propose,
    suggested="who calls it waits longer where attempts fail",
)
