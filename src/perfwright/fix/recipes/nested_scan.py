"""A collection that is gone through for what matches is put into a dictionary by its key, once before the loop.

The match is an equality of a part of the item with something that is not of it, or looks for that in what the item
holds (`user in card.assignees`: a relation of SQLAlchemy's, or a list or a set of texts or numbers, by its annotation).
Before it is asked at most what depends on the item alone. It stands in a comprehension that is used at once, in `next`,
`any` and `all`, or in an inner loop. The loop does not change the collection, nor what the key is read from, nor does
what it calls; no item is handed on to code that is not known. It is sure that there is a collection, or each pass goes
through it. The inner loop's name is not read after it. What cannot be hashed, or is not equal to itself, is found by
the judge.
"""

from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._grouped import grouped
from perfwright.fix.recipes._scans import holds, matches
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    for match in matches(source, finding):
        loops = [each for each in source.loops(match.node) if holds(source, match, each)]
        if not loops or not source.begins(source.statement(loops[-1])):
            continue
        yield from grouped(source, match, loops[-1])
        return


RECIPE = Recipe(rule="nested-scan", improves=("time",), propose=propose, allows=("exception-text",))
