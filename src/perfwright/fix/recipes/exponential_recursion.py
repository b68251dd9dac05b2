"""A function that calls itself with the same arguments again and again remembers its answers, a bounded number of them.

It only counts with what it is given and with what never changes, what it is given can be hashed, and what it gives
cannot be changed by its receiver. It is no method: its object would be kept alive.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._memos import memoised
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    statement = source.at(replace(finding.place, column=0), ast.stmt)
    function = source.function(statement) if statement is not None else None
    if isinstance(function, ast.FunctionDef) and function.name == finding.symbol:
        yield from memoised(source, function)


RECIPE = Recipe(rule="exponential-recursion", improves=("time",), propose=propose, allows=("cache",))
