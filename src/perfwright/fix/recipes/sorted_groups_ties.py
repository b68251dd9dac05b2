"""Groups of a frame that a loop sorts one by one by a column are in order, for the frame is sorted before.

The sort of the loop promises no order of rows that are equal in that column, and from then on they keep the one that
they have in the frame; or nobody knows whether values of one group compare with those of another, as text with numbers
does not. All else as where both are known.
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
        yield from sorted_before(source, call, ties=True)


RECIPE = Recipe(
    rule="sort-in-loop",
    improves=("time",),
    propose=propose,
    allows=("exception-text",),
    suggested="rows that are equal in the column that they are sorted by keep the order of the frame, which the "
    "default sort does not promise, and values of all groups are compared, where one may hold text and another numbers",
)
