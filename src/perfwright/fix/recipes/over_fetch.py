"""Long columns that nothing reads are left out of the query: they are deferred, and would still be asked for if read.

The query gives whole rows of one model and is found from the finding's place (through names and helpers); it does not
say yet which columns it wants. What is fetched along by relations, and a `SELECT *` in a text, are left alone.
"""

import ast
import re
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import called_on, name_of, placed
from perfwright.fix.recipes._origins import Frame, Origins
from perfwright.fix.source import Source
from perfwright.fix.surroundings import also_from

UNREAD = re.compile(r"are loaded, ((?:`\w+`(?:, )?)+)(?: and others)? too, and only")
CHOSEN = ("only", "defer", "load_only", "values", "values_list", "with_entities", "with_only_columns")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around = surroundings.around(source.root) if source.root is not None else None
    unread = UNREAD.search(finding.message)
    own = around.source(source.path) if around is not None else None
    if around is None or own is None or unread is None:
        return
    names = re.findall(r"`(\w+)`", unread[1])
    found = [each for node in placed(own, finding.place) for each in Origins(around).of(Frame(own), node)]
    origins = {id(each.query): each for each in found}
    if len(origins) != 1:
        return
    origin = found[0]
    model = origin.first
    function = origin.source.function(origin.query) or ast.Module([], [])
    called = [name_of(each) for each in ast.walk(function) if isinstance(each, ast.Call)]
    known = all(name in model.columns for name in names)
    if (
        origin.path
        or origin.shared
        or origin.kind in ("get", "class")
        or not known
        or any(name in CHOSEN for name in (*origin.asked, *called))
    ):
        return
    unused = ", ".join(f"`{name}`" for name in names)
    says = f"{unused} of each `{model.name}` {'is' if len(names) == 1 else 'are'} not read"
    if model.framework == DJANGO:
        given = [f'"{name}"' for name in names]
        yield Proposal((called_on(origin.source, origin.query, "defer", given),), says, source=origin.source)
        return
    written = around.written(origin.source, model)
    if written is None or isinstance(origin.query, ast.Name):
        return
    options = [f"defer({written[0]}.{name})" for name in names]
    edits = [called_on(origin.source, origin.query, "options", options), *written[1]]
    yield Proposal((*edits, *also_from(origin.source, "sqlalchemy.orm", ["defer"])), says, source=origin.source)


RECIPE = Recipe(rule="over-fetch", improves=("bytes", "memory"), propose=propose)
