"""Groups of a frame that a loop sorts one by one are in order, for the frame is sorted before.

The columns to group by are written there, and groups come sorted by them. Each pass of the loop sorts, by several
columns or with a stable kind: rows that are equal keep their order. The function made these columns of times or
numbers, so that values of all groups compare. The loop asks for nothing of a group before that is sorted but its
length, and changes none. Of two columns that a frame is without, the other may be told.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._sorted_groups import sorted_before
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    if call is not None:
        yield from sorted_before(source, call, ties=False)


RECIPE = Recipe(rule="sort-in-loop", improves=("time",), propose=propose, allows=("exception-text",))
