"""Rows that each pass of a loop over keys gets with `session.get`, also in a helper, are held before the loop.

The keys are a list of whole numbers by annotation, a field of a request's body, too; they are asked for in parts of
1,000. What a session holds it gives without a query, so the helper stays as it is, and what it raises for a row that is
not there it raises at the same pass. Relations that are read of the rows are fetched with them. Nothing in the loop, or
in what it calls, ends the transaction or writes around the session. It is SQLAlchemy's, not the one that is awaited.
"""

from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._keyed import proposed
from perfwright.fix.recipes._lookups import looked_up
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    if next(looked_up(source, finding), None) is None:
        yield from proposed(source, finding)


RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=propose)
