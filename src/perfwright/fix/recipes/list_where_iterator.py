"""A list that is gone through once becomes a generator: its items are used as they come.

Where a loop goes through them, it gives no name another value that items are worked out with, changes nothing of these,
and no item is worked out by a function that is not known to only read.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._stays import ASKS, READS
from perfwright.fix.source import Source, bound, changed, names


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    lines = source.at(finding.place, ast.Call)
    if lines is not None and isinstance(lines.func, ast.Attribute) and lines.func.attr == "readlines":
        file = source.text_of(lines.func.value)
        yield Proposal((source.replace(lines, file),), f"the lines of `{file}` are taken as they come")
        return
    items = source.at(finding.place, ast.ListComp)
    above = source.parents.get(items) if items is not None else None
    if items is None:
        return
    inner, lazy = dedented(source, items), f"({source.text_of(items)[1:-1]})"
    if isinstance(above, ast.Call) and items in above.args:
        text = inner if len(above.args) == 1 and not above.keywords else lazy
        says = f"`{ast.unparse(above.func)}` gets the items as they come, without a list"
        yield Proposal((source.replace(items, text),), says)
    elif (isinstance(above, ast.For | ast.comprehension) and above.iter is items) or isinstance(above, ast.Assign):
        loop = through(source, items)
        if loop is not None and not is_as_before(items, loop):
            return
        yield Proposal((source.replace(items, lazy),), "the items are used as they come, without a list")


def through(source: Source, items: ast.ListComp) -> ast.For | None:
    """Return the loop that goes through a list, or through its name."""
    above = source.parents[items]
    if isinstance(above, ast.For):
        return above
    function = source.function(items)
    named = ast.unparse(above.targets[0]) if isinstance(above, ast.Assign) else ""
    loops = [each for each in ast.walk(function or source.tree) if isinstance(each, ast.For)]
    return next((each for each in loops if named and ast.unparse(each.iter) == named), None)


def is_as_before(items: ast.ListComp, loop: ast.For) -> bool:
    """Tell whether each item is the same where it is worked out once the passes before have run."""
    worked = [items.elt, *[each for one in items.generators for each in one.ifs]]
    later = [*worked, *[each.iter for each in items.generators[1:]]]
    read = {name for each in later for name in names(each)} - bound(items)
    body = ast.Module([*loop.body, *loop.orelse], [])
    if read & (bound(body) | names(loop.target) | {root(each) for each in changed(body)}):
        return False
    inner = [node for each in worked for node in ast.walk(each)]
    parts = {node.attr for node in inner if isinstance(node, ast.Attribute)}
    if parts & {each.rpartition(".")[2] for each in changed(body) if "." in each}:
        return False
    return all(name_of(each) in READS | ASKS | {"issubclass"} for each in inner if isinstance(each, ast.Call))


def root(written: str) -> str:
    """Return the name that begins what is written."""
    return written.partition(".")[0].partition("[")[0]


def dedented(source: Source, items: ast.ListComp) -> str:
    """Return what stands between the brackets of a list; lines of its own begin where the bracket did."""
    inner = source.text_of(items)[1:-1]
    lines = inner.strip().split("\n")
    deeper, outer = inner[: len(inner) - len(inner.lstrip())].rpartition("\n"), source.starts[items.lineno - 1]
    if not deeper[1] or any("\n" in source.text_of(each) for each in ast.walk(items) if isinstance(each, ast.Constant)):
        return inner.strip()
    less = len(deeper[2]) - (source.span(items)[0] - outer)
    return "\n".join([lines[0], *[each[less:] if not each[:less].strip() else each for each in lines[1:]]])


RECIPE = Recipe(rule="list-where-iterator", improves=("memory",), propose=propose)
