"""Whether rows that a query would fetch ahead may be written before they are read: by the loop that reads them, by what
comes after the query in its function, and by what these call.

Of Django's each row that is asked for by itself is as it is then; what was fetched ahead is as it was, and each row has
its own. SQLAlchemy has each row once, but a list of rows as it was fetched, and with those that were added by it.
"""

import ast
from collections.abc import Iterable, Iterator

from perfwright.effects.schema import Model, Relation
from perfwright.finding import Finding
from perfwright.fix.recipes._calls import chain, method_of, name_of
from perfwright.fix.recipes._looped import loop_step, looped
from perfwright.fix.recipes._origins import Frame, Origin, Origins
from perfwright.fix.recipes._reached import CREATES, entity, models_made, reached
from perfwright.fix.source import COMPREHENSIONS, Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class

OF_ROWS = ("save", "delete", "update", "bulk_update")
OF_RELATIONS = ("add", "remove", "set", "clear")
SIGNALS = ("send", "send_robust")


def is_written(around: Surroundings, finding: Finding, origin: Origin, relations: Iterable[Relation]) -> bool:
    """Tell whether rows that relations lead to may be written where they would have been fetched already."""
    some = list(relations)
    models = {each.target for each in some if each.target is not None}
    own = {each.name for each in some if not each.many and each.column is not None and each.column.unique}
    return any(
        isinstance(each, ast.Call) and not models.isdisjoint(written(around, source, each, own))
        for part, node in regions(around, finding, origin)
        for source, each in reached(around, part, node)
    )


def is_added(around: Surroundings, finding: Finding, origin: Origin, relations: Iterable[Relation]) -> bool:
    """Tell whether rows that a list of SQLAlchemy's would have are made by their foreign key, before it may be read."""
    some = [each for each in relations if each.many and each.target is not None and each.column is not None]
    parts = list(regions(around, finding, origin)) if some else []
    inner = [each for _, node in parts for each in ast.walk(node)]
    for part, node in parts:
        for source, each in reached(around, part, node):
            models = set[Model | None](models_made(around, source, each)) if isinstance(each, ast.Call) else set()
            given = {one.arg for one in each.keywords} if isinstance(each, ast.Call) else set()
            for one in some:
                if one.target in models and one.column is not None and one.column.name in given:
                    reads = [r.lineno for r in inner if isinstance(r, ast.Attribute) and r.attr == one.name]
                    if source is not part or not reads or max(reads) > getattr(each, "lineno", 0):
                        return True
    return False


def regions(around: Surroundings, finding: Finding, origin: Origin) -> Iterator[tuple[Source, ast.AST]]:
    """Give what follows a query in its function, and the loop that goes through its rows, each with its file."""
    function, line = origin.source.function(origin.query), origin.query.lineno
    for each in ast.walk(function) if function is not None else ():
        above = origin.source.parents[each]
        outermost = above is function or getattr(above, "lineno", line) < line
        if isinstance(each, ast.stmt) and each is not function and each.lineno >= line and outermost:
            yield origin.source, each
    step = loop_step(finding)
    source = around.source(step.path) if step is not None else None
    over = looped(source, finding) if source is not None else None
    if source is not None and over is not None:
        yield source, next((e for e in source.above(over) if isinstance(e, (ast.stmt, *COMPREHENSIONS))), over)


def written(around: Surroundings, source: Source, call: ast.Call, own: set[str]) -> Iterable[Model]:
    """Return the models of which a call may write rows: all where that is not known; none for what a relation leads to
    that no two rows share, which has one of some names of its `own`."""
    every = around.schema.by_class.values()
    name, rows = method_of(call), call.func.value if isinstance(call.func, ast.Attribute) else None
    if rows is None or (isinstance(rows, ast.Call) and name_of(rows) == "super"):
        return []
    if name in SIGNALS and any(each.arg == "sender" for each in call.keywords):
        return every
    if name in CREATES:
        return models_made(around, source, call)
    if name in OF_RELATIONS:
        return related(around, rows) if isinstance(rows, ast.Attribute) else []
    if name not in OF_ROWS or (name != "bulk_update" and call.args) or (name == "update" and not call.keywords):
        return []
    if name != "update" and isinstance(rows, ast.Attribute) and rows.attr in own:
        return []
    known = of_rows(around, source, rows)
    return every if known is None else known


def of_rows(around: Surroundings, source: Source, node: ast.expr) -> list[Model] | None:
    """Return the models of the rows that an expression stands for; None where they are not known."""
    every = list(around.schema.by_class.values())
    found = [each.model for each in Origins(around).of(Frame(source), node) if each.model is not None]
    parts = chain(node)
    for each in parts:
        cls = entity(around, source, each.value) if isinstance(each, ast.Attribute) and each.attr == "objects" else None
        found += [one for one in every if one.cls is cls]
    if isinstance(node, ast.Name) and node.id in ("self", "cls") and not found:
        inside = next((each for each in source.above(node) if isinstance(each, ast.ClassDef)), None)
        cls = around.entity(source, ast.Name(inside.name)) if inside is not None else None
        return [each for each in every if isinstance(cls, Class) and cls in around.project.mro(each.cls)]
    for each in parts if not found else ():
        found += related(around, each) if isinstance(each, ast.Attribute) else []
    if not found and isinstance(node, ast.Name):
        found = [each for each in every if each.name.lower() == node.id.replace("_", "").lower()]
    return found or None


def related(around: Surroundings, node: ast.Attribute) -> list[Model]:
    """Return the models that relations of a name lead to."""
    some = [model.relations.get(node.attr) for model in around.schema.by_class.values()]
    return [each.target for each in some if each is not None and each.target is not None]
