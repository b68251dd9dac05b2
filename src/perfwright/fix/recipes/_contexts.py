"""What a `with` makes anew each time is made once: the `with` is put around the loop or the function that it is in."""

import ast
from collections.abc import Callable, Collection, Iterator, Sequence

from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._hoisting import does_not_depend, shortened
from perfwright.fix.recipes._together import whole_lines
from perfwright.fix.source import COMPREHENSIONS, FUNCTIONS, Edit, Source, bound, names

EAGER = ("list", "tuple", "set", "dict", "sum", "sorted", "min", "max", "str", "len", "gather", "run", "join")
With = ast.With | ast.AsyncWith


def around_loop(source: Source, opened: With, may: Callable[[Source, With], bool]) -> Iterator[Proposal]:
    """Give the proposal that puts a `with` around the outermost loop that it does not depend on."""
    item = opened.items[0]
    loops = [each for each in source.loops(opened) if does_not_depend(item.context_expr, each)]
    if not loops or not isinstance(loops[-1], ast.For | ast.AsyncFor | ast.While) or not may(source, opened):
        return
    outer = source.loops(opened)
    if any(isinstance(each, COMPREHENSIONS) for each in outer) or loops[-1].orelse:
        return
    if any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(loops[-1])):
        return
    yield from moved(source, opened, [loops[-1]], "the loop")


def uses_of(source: Source, opened: With, kinds: Collection[str]) -> list[ast.Name] | None:
    """Return the uses of what a `with` makes by a call of one of some names; None where it makes something else."""
    made, target = opened.items[0].context_expr, opened.items[0].optional_vars
    if not isinstance(made, ast.Call) or not isinstance(target, ast.Name):
        return None
    if source.text_of(made.func).rpartition(".")[2] not in kinds:
        return None
    return [
        each for each in ast.walk(opened) if isinstance(each, ast.Name) and each.id == target.id and each is not target
    ]


def around_function(source: Source, opened: With, may: Callable[[Source, With], bool]) -> Iterator[Proposal]:
    """Give the proposal that puts a `with` around the function within another that it is in, and what follows there.

    That function is called, or handed to what calls it before the block ends, and is not given away.
    """
    inner = source.function(opened)
    if inner is None or opened not in inner.body or not may(source, opened):
        return
    outer = source.parents.get(inner)
    if not isinstance(outer, FUNCTIONS) or inner.decorator_list or source.loops(opened):
        return
    if isinstance(opened, ast.AsyncWith) and not isinstance(outer, ast.AsyncFunctionDef):
        return
    if names(opened.items[0].context_expr) & bound(inner):
        return
    rest = outer.body[outer.body.index(inner) + 1 :]
    if not rest or any(isinstance(each, ast.Yield | ast.YieldFrom) for one in rest for each in ast.walk(one)):
        return
    uses = [n for one in rest for n in ast.walk(one) if isinstance(n, ast.Name) and n.id == inner.name]
    if not uses or not all(is_used_here(source, each) for each in uses):
        return
    yield from moved(source, opened, [inner, *rest], f"`{inner.name}` and all its calls")


def is_used_here(source: Source, use: ast.Name) -> bool:
    """Tell whether a function is called, or handed to what has called it by the end of the statement."""
    for each in source.above(use):
        if isinstance(each, ast.Call):
            called = source.text_of(each.func).rpartition(".")[2]
            if called in EAGER:
                return True
        if isinstance(each, ast.ListComp | ast.DictComp | ast.SetComp | ast.Await):
            return True
        if isinstance(each, ast.stmt):
            called_itself = isinstance(parent := source.parents.get(use), ast.Call) and parent.func is use
            is_plain = isinstance(source.function(use), ast.FunctionDef)
            inside = any(isinstance(one, ast.GeneratorExp | ast.Lambda) for one in source.above(use))
            return called_itself and is_plain and not inside
    return False


def moved(source: Source, opened: With, region: Sequence[ast.stmt], what: str) -> Iterator[Proposal]:
    """Give the proposal that puts the head of a `with` before some statements and all of them into it."""
    target = opened.items[0].optional_vars
    if target is None or target.end_lineno != opened.lineno or opened.body[0].lineno == opened.lineno:
        return
    head = source.text[source.span(opened)[0] : source.starts[opened.lineno] - 1].rstrip()
    if not all(map(source.is_alone, (opened, *region))) or not all(whole_lines(source, each) for each in region):
        return
    others = [n for each in region for n in ast.walk(each) if isinstance(n, ast.Name) and n is not target]
    if not isinstance(target, ast.Name) or any(n.id == target.id and not isinstance(n.ctx, ast.Load) for n in others):
        return
    inside = {id(n) for n in ast.walk(opened)}
    if any(n.id == target.id and id(n) not in inside for n in others):
        return
    first, last = region[0].lineno, region[-1].end_lineno or region[-1].lineno
    lines = source.text.split("\n")
    made = [f"{source.indent(region[0])}{head}"]
    for number in range(first, last + 1):
        line = lines[number - 1]
        if number == opened.lineno:
            continue
        within = opened.lineno < number <= (opened.end_lineno or opened.lineno)
        made.append(line if within or not line.strip() else f"    {line}")
    edit = Edit(source.starts[first - 1], source.starts[last] - 1, "\n".join(made))
    yield Proposal((edit,), f"`{shortened(source.text_of(opened.items[0].context_expr))}` is made once around {what}")
