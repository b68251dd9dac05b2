"""A copy of a frame that only gets other columns, labels or rows shares the columns that it leaves as they are.

Until its name stands for something else, nothing writes into a column of the copy, nor of what was copied: a column is
put in place of another as a whole, and what is asked of them is made anew. No caller gets the copy, who might.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._shallow_copies import sharing
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    if call is not None:
        yield from sharing(source, call, returned=False)


RECIPE = Recipe(rule="redundant-copy", improves=("time", "memory"), propose=propose)
