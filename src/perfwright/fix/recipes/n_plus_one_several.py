"""What a loop asks for of the rows of a list is fetched before the loop, where no query is known that they come from.

The list is one by what is written (`.all()`, a comprehension, a slice, a helper that returns one), or by an annotation;
its rows are of one model of SQLAlchemy's with one column as its key, and a session is at hand: they are fetched
again by their keys, in parts of 1,000, with their relations, which fills these in. It is tried where nothing can be
said at the query itself, also for what a template is rendered with. Nothing in the loop ends the transaction, writes
around the session, or makes rows that a relation would have.
"""

from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes import _eager, _listed
from perfwright.fix.recipes._rows import Rows
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    if (
        next(_eager.proposed(source, finding), None) is None
        and next(_eager.proposed(source, finding, Rows), None) is None
    ):
        yield from _listed.proposed(source, finding)


RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=propose)
