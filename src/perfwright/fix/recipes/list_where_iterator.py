"""A list that is gone through once becomes a generator: its items are used as they come."""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Source


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
        yield Proposal((source.replace(items, lazy),), "the items are used as they come, without a list")


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
