"""A function that is asked the same again and again remembers its answers, a bounded number of them.

It stands in the same file, only counts with what it is given and with what never changes, what it is given can be
hashed, and what it gives cannot be changed by its receiver.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._memos import memoised
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    if call is None or not isinstance(call.func, ast.Name):
        return
    found = [each for each in source.tree.body if isinstance(each, ast.FunctionDef) and each.name == call.func.id]
    if len(found) == 1:
        yield from memoised(source, found[0])


RECIPE = Recipe(rule="missing-memo", improves=("time",), propose=propose, allows=("cache",))
