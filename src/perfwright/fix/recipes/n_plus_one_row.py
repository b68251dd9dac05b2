"""What a loop asks for of the rows of one row is fetched before the loop, where others share the query of that row.

The row has a name in the function, is one of SQLAlchemy's with one column as its key, and a session is at hand, or the
row has one that is not awaited: it is fetched again with its relations, which fills them in. Nothing is added or
deleted in the loop.
"""

from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._eager import proposed
from perfwright.fix.recipes._rows import OwnRows, Rows
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    if next(proposed(source, finding), None) is not None:
        return
    found = [*proposed(source, finding, Rows)]
    yield from found or proposed(source, finding, OwnRows)


RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=propose)
