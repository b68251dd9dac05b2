"""What a function that calls itself goes down to, row by row, is fetched level by level with the row that it begins at.

The relation leads from a model to itself: `for child in category.children: ... f(child)`. What the function is given
from outside is the row, or the rows, of a query there, which gets `selectinload(..., recursion_depth=-1)`: one query a
level, and not one a row. That is of SQLAlchemy 2, which the project is seen to use.
"""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._bindings import arguments, walked
from perfwright.fix.recipes._calls import called_on, with_argument
from perfwright.fix.recipes._eager import REFUSES
from perfwright.fix.recipes._looped import loop_step, looped
from perfwright.fix.recipes._origins import Frame, Origin, Origins
from perfwright.fix.recipes._uses import used
from perfwright.fix.source import Edit, Source
from perfwright.fix.surroundings import Surroundings, also_from

SECOND = ("mapped_column", "DeclarativeBase", "MappedAsDataclass")  # names that SQLAlchemy has since its version 2


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around, step = surroundings.around(source.root) if source.root is not None else None, loop_step(finding)
    own = around.source(step.path) if around is not None and step is not None else None
    over = looped(own, finding) if own is not None else None
    if around is None or own is None or not isinstance(over, ast.Attribute) or not isinstance(over.value, ast.Name):
        return
    owner, _, name = finding.symbol.partition("~")[0].partition(".")
    model, function = around.named(owner, own), own.function(over)
    relation = model.relations.get(name) if model is not None else None
    if model is None or relation is None or function is None or over.attr != name or relation.dynamic:
        return
    if relation.target is not model or model.framework == DJANGO or next(around.mentioning(*SECOND), None) is None:
        return
    found = begun(around, own, function, over.value.id, name)
    files = {each.source.path: each.source for each in found}
    for path, file in files.items():
        edits = [edit for each in found if each.source.path == path for edit in fetched(around, each, model, name)]
        if edits:
            says = f"`{owner}.{name}` is fetched level by level with the row that is gone down from"
            yield Proposal((*dict.fromkeys(edits),), says, source=file)


def begun(
    around: Surroundings, own: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, row: str, name: str
) -> list[Origin]:
    """Return the queries of the rows that a function is given from outside; nothing where it does not go down by
    itself, or a query is not known."""
    calls = [(other, read, other.parents.get(read)) for other, read in used(around, own, function)]
    is_method = isinstance(own.parents.get(function), ast.ClassDef)
    found: dict[int, Origin] = {}
    goes_down = False
    for other, read, call in calls:
        if not isinstance(call, ast.Call) or call.func is not read:
            return []
        given = arguments(function, call, is_method=is_method).get(row)
        if given is None:
            return []
        if other.function(read) is function:
            child = walked(other, given) if isinstance(given, ast.Name) else None
            goes_down = isinstance(child, ast.Attribute) and child.attr == name
            if not goes_down:
                return []
            continue
        origins = Origins(around).of(Frame(other), given)
        if not origins or any(each.path or each.shared for each in origins):
            return []
        found.update({id(each.query): each for each in origins})
    return [*found.values()] if goes_down else []


def fetched(around: Surroundings, origin: Origin, model: Model, name: str) -> list[Edit]:
    """Return the edits by which a query fetches what is below its rows; nothing where it cannot."""
    source, query, written = origin.source, origin.query, around.written(origin.source, model)
    if written is None or origin.first is not model or any(each in REFUSES for each in origin.asked):
        return []
    option = f"selectinload({written[0]}.{name}, recursion_depth=-1)"
    edits = [*written[1], *also_from(source, "sqlalchemy.orm", ["selectinload"])]
    if origin.kind != "get":
        return [called_on(source, query, "options", [option]), *edits]
    if not isinstance(query, ast.Call) or any(each.arg in ("options", None) for each in query.keywords):
        return []
    return [with_argument(source, query, f"options=[{option}]"), *edits]


RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=propose)
