"""A copy of a frame that a function returns shares the columns that it leaves as they are.

All as for a copy that no caller gets, but before pandas 3 what a caller writes into the copy is seen in what was
copied, and the other way round.
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
        yield from sharing(source, call, returned=True)


RECIPE = Recipe(
    rule="redundant-copy",
    improves=("time", "memory"),
    propose=propose,
    suggested="before pandas 3 what a caller writes into a column of the copy is written into what was copied as well",
)
