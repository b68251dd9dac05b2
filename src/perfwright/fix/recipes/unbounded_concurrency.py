"""Of what is started for each item at once, a few go on at a time: a semaphore is around each.

It is what `asyncio.gather` or `create_task` is given in a comprehension over the items.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes import _together
from perfwright.fix.recipes._imports import module
from perfwright.fix.source import Source

STARTS = ("gather", "create_task", "ensure_future", "wait", "as_completed")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    line = finding.place.line
    for made in ast.walk(source.tree):
        if not isinstance(made, ast.GeneratorExp | ast.ListComp) or not line <= (made.end_lineno or 0):
            continue
        if made.lineno > line and source.statement(made).lineno > line:
            continue
        if (started := coroutine(source, made)) is not None:
            yield from bounded(source, made, started)
            return


def coroutine(source: Source, made: ast.GeneratorExp | ast.ListComp) -> ast.Call | None:
    """Return the call that a comprehension starts for each item, None where it starts none."""
    function = source.function(made)
    if (
        not isinstance(function, ast.AsyncFunctionDef)
        or len(made.generators) != 1
        or not isinstance(made.elt, ast.Call)
    ):
        return None
    call = made.elt
    if source.text_of(call.func).rpartition(".")[2] in ("create_task", "ensure_future"):
        inner = call.args[0] if len(call.args) == 1 else None
        return inner if isinstance(inner, ast.Call) else None
    around = [each for each in source.above(made) if isinstance(each, ast.Call)]
    if around and source.text_of(around[0].func).rpartition(".")[2] in STARTS:
        return call
    name = source.parents.get(made)
    if isinstance(name, ast.Assign) and len(name.targets) == 1 and isinstance(name.targets[0], ast.Name):
        return call if is_gathered(source, function, name.targets[0].id) else None
    return None


def is_gathered(source: Source, function: ast.AST, name: str) -> bool:
    """Tell whether a list of coroutines is given to `gather`, and used nowhere else."""
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name]
    stars = [source.parents.get(each) for each in uses if isinstance(each.ctx, ast.Load)]
    if len(uses) != 2 or len(stars) != 1 or not isinstance(stars[0], ast.Starred):
        return False
    call = source.parents.get(stars[0])
    return isinstance(call, ast.Call) and source.text_of(call.func).rpartition(".")[2] == "gather"


def bounded(source: Source, made: ast.GeneratorExp | ast.ListComp, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal that puts a semaphore around the calls."""
    statement = source.statement(made)
    target = source.text_of(made.generators[0].target)
    inside = (
        source.text_of(call),
        *[source.text_of(each) for each in made.generators[0].ifs],
        source.text_of(made.generators[0].iter),
    )
    if not source.is_alone(statement) or "\n" in inside[0] or "await" in inside[0] or source.loops(made):
        return
    name = source.fresh("bounded", "one_of_a_few")
    is_name = isinstance(made.generators[0].target, ast.Name)
    helper = _together.limited(source, name, target if is_name else "item", [f"return await {inside[0]}"])
    if not is_name:
        spread = helper.index(next(line for line in helper if line.startswith("    async with")))
        helper.insert(spread, f"    {target} = item")
    given = target if is_name else f"({target.strip('()')})"
    _, imports = module(source, "asyncio")
    edits = (_together.before(source, statement, helper), source.replace(call, f"{name}({given})"), *imports)
    yield Proposal(edits, f"{_together.AT_ONCE} at a time go on, the others wait for their turn")


RECIPE = Recipe(rule="unbounded-concurrency", improves=("concurrency",), propose=propose, allows=("await-order",))
