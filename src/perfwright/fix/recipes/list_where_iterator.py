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
    inner = source.text_of(items)[1:-1]
    inner = inner if "\n" in inner else inner.strip()
    if isinstance(above, ast.Call) and items in above.args:
        text = inner if len(above.args) == 1 and not above.keywords else f"({inner})"
        says = f"`{ast.unparse(above.func)}` gets the items as they come, without a list"
        yield Proposal((source.replace(items, text),), says)
    elif (isinstance(above, ast.For | ast.comprehension) and above.iter is items) or isinstance(above, ast.Assign):
        yield Proposal((source.replace(items, f"({inner})"),), "the items are used as they come, without a list")


RECIPE = Recipe(rule="list-where-iterator", improves=("memory",), propose=propose)
