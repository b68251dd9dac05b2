"""What is sorted to take one or a few items of it is asked for these alone: `min`, `max`, `heapq.nsmallest`.

Of equal items those come that sorting would bring first. Nothing else is read of what is sorted.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Edit, Source, bound


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    if call is None or ast.unparse(call.func) != "sorted" or len(call.args) != 1:
        return
    given = {each.arg: each.value for each in call.keywords}
    reverse = given.pop("reverse", ast.Constant(False))
    if isinstance(call.args[0], ast.Starred) or not given.keys() <= {"key"} or not isinstance(reverse, ast.Constant):
        return
    key = f", key={source.expression(given['key'])}" if "key" in given else ""
    parent, items = source.parents[call], source.expression(call.args[0])
    down = bool(reverse.value)
    if isinstance(parent, ast.Subscript) and parent.value is call:
        yield from of_one(source, parent, f"{items}{key}", down=down)
        if (few := how_many(source, parent)) is not None:
            yield of_few(source, parent, f"{few}, {items}{key}", down=down)
    elif isinstance(parent, ast.Assign) and (most := most_read(source, parent)) is not None:
        yield of_few(source, call, f"{most}, {items}{key}", down=down)


def of_one(source: Source, taken: ast.Subscript, given: str, *, down: bool) -> Iterator[Proposal]:
    """Give the proposals for the first item, and for the last: of equal ones that is the last, if they can be told
    apart."""
    end = ast.unparse(taken.slice)
    if end == "0":
        best = "max" if down else "min"
        yield Proposal((source.replace(taken, f"{best}({given})"),), f"`{best}` finds the first without sorting")
        yield of_few(source, taken, f"1, {given}", "[0]", down=down)  # which fails alike where there is none
    elif end == "-1":
        best = "min" if down else "max"
        for through in (given, f"reversed({given})") if ", key=" not in given else ():
            yield Proposal((source.replace(taken, f"{best}({through})"),), f"`{best}` finds the last without sorting")


def of_few(source: Source, node: ast.expr, given: str, after: str = "", *, down: bool) -> Proposal:
    """Return the proposal that asks a heap for some items."""
    name, imports = source.imported("heapq", "nlargest" if down else "nsmallest")
    edits: list[Edit] = [source.replace(node, f"{name}({given}){after}"), *imports]
    return Proposal(tuple(edits), f"`{name}` finds them without sorting all")


def how_many(source: Source, taken: ast.Subscript) -> str | None:
    """Return how many of the first items are taken, as written; None where others are."""
    part = taken.slice
    if not isinstance(part, ast.Slice) or part.lower is not None or part.step is not None or part.upper is None:
        return None
    if isinstance(part.upper, ast.Constant | ast.Name):
        return source.text_of(part.upper)
    return None


def most_read(source: Source, made: ast.Assign) -> str | None:
    """Return how many of the first items are read of a name that is sorted, and of no other."""
    function, target = source.function(made), made.targets[0]
    if function is None or len(made.targets) != 1 or not isinstance(target, ast.Name):
        return None
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == target.id]
    reads = [source.parents[each] for each in uses if each is not target]
    found: set[str | None] = set()
    for each in reads:
        if (
            not isinstance(each, ast.Subscript)
            or not isinstance(each.ctx, ast.Load)
            or ast.unparse(each.value) != target.id
        ):
            return None
        found.add("1" if ast.unparse(each.slice) == "0" else how_many(source, each))
    few = found.pop() if len(found) == 1 else None
    return few if few is not None and few not in bound(ast.Module(function.body, [])) else None


RECIPE = Recipe(rule="sort-in-loop", improves=("time",), propose=propose)
