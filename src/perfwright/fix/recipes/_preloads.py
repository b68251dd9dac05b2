"""A row that is there fetched again with what is read of it below: its relations are filled in, those too of its rows.

SQLAlchemy gives the same object again, and fills in what was not read of it yet.
"""

import ast
from collections.abc import Sequence

from perfwright.effects.schema import Model, Relation
from perfwright.fix.recipes._calls import WIDE, method_of, with_argument
from perfwright.fix.recipes._nones import may_be_none
from perfwright.fix.recipes._origins import Origin
from perfwright.fix.recipes._rows import key
from perfwright.fix.recipes._sessions import has_one, session
from perfwright.fix.source import FUNCTIONS, Edit, Source, bound
from perfwright.fix.surroundings import Surroundings, also_from

NOTE = "# What is read of it below is fetched at once, not row by row."
LOOPS = (ast.For, ast.AsyncFor, ast.While)
PUTS = ("add", "add_all", "delete", "merge", "bulk_save_objects")  # rows that a relation would have, or not


def preloaded(
    around: Surroundings, origin: Origin, ways: Sequence[Sequence[tuple[Model, Relation]]]
) -> list[Edit] | None:
    """Return the edits that fetch what is read of a row before it is read first; None where they cannot."""
    source, node = origin.source, origin.query
    own = around.written(source, origin.first)
    options = options_of(around, source, ways)
    if own is None or options is None or not isinstance(node, ast.Name) or not has_one(around, source, node):
        return None
    if not all(any(relation.many for _, relation in way) for way in ways):
        return None
    place = first_read(source, node, ways[0][0][1].name)
    if place is None or not source.begins(place) or any(method_of(each) in PUTS for each in ast.walk(place)):
        return None
    texts, edits, loaders = options
    said = session(around, source, node)
    name, column = own[0], key(origin.first)
    asked = f"{name}.{column} == {node.id}.{column}"
    earlier = known(source, place, asked)
    if earlier is not None:
        return [*added(source, earlier, texts), *edits, *own[1], *also_from(source, "sqlalchemy.orm", loaders)]
    held, given = said or (source.fresh("session", "own_session"), [])
    loaders = loaders if said is not None else sorted(["object_session", *loaders])
    edits = [*dict.fromkeys((*edits, *own[1], *given)), *also_from(source, "sqlalchemy.orm", loaders)]
    edits += also_from(source, "sqlalchemy", ["select"])
    is_optional = may_be_none(around, source, place, node.id)
    within_test = said is None or is_optional
    room = WIDE - len(source.indent(place)) - (4 if within_test else 0)
    made = [NOTE, *fetched(f"{held}.scalars", name, asked, texts, room)]
    if said is None:
        made = [f"if {held} is not None:", *[f"    {each}" for each in made]]
        of_row = f"object_session({node.id})"
        made = [f"{held} = {f'{of_row} if {node.id} is not None else None' if is_optional else of_row}", *made]
    elif is_optional:
        made = [f"if {node.id} is not None:", *[f"    {each}" for each in made]]
    return [source.before(place, *made), *edits]


def fetched(scalars: str, name: str, asked: str, texts: Sequence[str], room: int) -> list[str]:
    """Return the lines of a query for rows of a model, with options."""
    line = f"{scalars}(select({name}).where({asked}).options({', '.join(texts)})).all()"
    if len(line) <= room:
        return [line]
    options = f"    .options({', '.join(texts)})"
    rows = [row for each in texts for row in folded(f"        {each},", room)]
    last = [options] if len(options) <= room else ["    .options(", *rows, "    )"]
    return [f"{scalars}(", f"    select({name})", f"    .where({asked})", *last, ").all()"]


def options_of(
    around: Surroundings, source: Source, ways: Sequence[Sequence[tuple[Model, Relation]]], *, apart: bool = False
) -> tuple[list[str], list[Edit], list[str]] | None:
    """Return the options that fetch relations along, with the edits of the models that they name, and the loaders.

    What would harm the query as a join is asked for `apart`.
    """
    texts: dict[str, None] = {}
    edits: dict[str, list[Edit]] = {}
    loaders: set[str] = set()
    for way in ways:
        text = ""
        for model, relation in way:
            written = around.written(source, model)
            if written is None:
                return None
            edits[written[0]] = written[1]
            loader = "selectinload" if apart or not is_joined(model, relation) else "joinedload"
            loaders.add(loader)
            text += f"{'.' if text else ''}{loader}({written[0]}.{relation.name})"
        texts[text] = None
    kept = [each for each in texts if not any(other.startswith(f"{each}.") for other in texts)]
    return kept, [edit for some in edits.values() for edit in some], sorted(loaders)


def is_joined(model: Model, relation: Relation) -> bool:
    """Tell whether a join gives each row once: what a relation leads to is one row, also where nobody keeps it so."""
    column = relation.column
    return not relation.many and (column is None or column.unique or column in model.columns.values())


def folded(line: str, room: int) -> list[str]:
    """Return a line, in several where it is too long: each loader has one."""
    if len(line) <= room:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    first, *rest = line.split(").")
    return [f"{first})", *[f"{indent}.{each}{')' if each is not rest[-1] else ''}" for each in rest]]


def first_read(source: Source, node: ast.Name, relation: str) -> ast.stmt | None:
    """Return the statement at which a relation of a name is read first after the name is bound, among those that are
    always run before the node; None where the name is not one of its function."""
    function = source.function(node)
    if function is None:
        return None
    arguments = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    block = function.body
    above = [each for each in (node, *source.above(node)) if isinstance(each, ast.stmt)]
    above = above[: above.index(function)]
    is_bound = node.id in arguments
    while True:
        here = next((index for index, each in enumerate(block) if each in above), None)
        if here is None:
            return None
        start = 0
        for index, each in enumerate(block[:here]):
            if node.id in bound(each):
                is_bound, start = True, index + 1
        if is_bound:
            for each in block[start : here + 1]:
                if reads(each, node.id, relation) or each is block[here]:
                    inner = within(each, above) if each is block[here] and not isinstance(each, LOOPS) else None
                    if inner is not None and not reads_itself(each, node.id, relation, inner):
                        block = inner
                        break
                    return each if node.id not in bound(each) else None
            continue
        inner = within(block[here], above)
        if inner is None:
            return None
        block = inner


def within(statement: ast.stmt, above: Sequence[ast.stmt]) -> list[ast.stmt] | None:
    """Return the block of a statement that one of some lies in; None where it is a function's own."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return None
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, [])
        if isinstance(block, list) and any(each in above for each in block):
            return block
    return None


def reads(statement: ast.AST, name: str, relation: str) -> bool:
    """Tell whether a relation of a name is read in a statement."""
    return any(
        isinstance(each, ast.Attribute)
        and each.attr == relation
        and isinstance(each.value, ast.Name)
        and each.value.id == name
        for each in ast.walk(statement)
    )


def reads_itself(statement: ast.stmt, name: str, relation: str, block: Sequence[ast.stmt]) -> bool:
    """Tell whether a statement reads a relation outside of one of its blocks."""
    inside = {id(each) for inner in block for each in ast.walk(inner)}
    return any(
        isinstance(each, ast.Attribute)
        and each.attr == relation
        and id(each) not in inside
        and isinstance(each.value, ast.Name)
        and each.value.id == name
        for each in ast.walk(statement)
    )


def known(source: Source, place: ast.stmt, asked: str) -> ast.Call | None:
    """Return the call that says what is fetched with the row already: by an earlier patch, in the statement before."""
    for node in ast.walk(source.function(place) or source.tree):
        if isinstance(node, ast.Expr) and node.lineno < place.lineno and isinstance(node.value, ast.Call):
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
            found = next((each for each in calls if method_of(each) == "options"), None)
            where = next((each for each in calls if method_of(each) == "where"), None)
            if found is not None and where is not None and [ast.unparse(each) for each in where.args] == [asked]:
                return found
    return None


def added(source: Source, call: ast.Call, texts: Sequence[str]) -> list[Edit]:
    """Return the edits that give a call more options; one that goes on with another takes its place."""
    here = {source.text_of(each): each for each in call.args}
    new = [each for each in texts if not any(held == each or held.startswith(f"{each}.") for held in here)]
    edits: list[Edit] = []
    for each in new:
        shorter = [node for held, node in here.items() if each.startswith(f"{held}.")]
        edits.append(source.replace(shorter[0], each) if shorter else with_argument(source, call, each))
    return edits
