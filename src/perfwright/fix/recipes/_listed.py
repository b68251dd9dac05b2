"""Rows that are in a list, wherever they come from: fetched again before they are gone through, with what is read."""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._ahead import again, fetched_ahead, more_fetched
from perfwright.fix.recipes._bindings import assigned, is_empty
from perfwright.fix.recipes._calls import WIDE, name_of
from perfwright.fix.recipes._children import KEPT, is_list
from perfwright.fix.recipes._eager import along, asks_anew, is_recursive, rendered_with
from perfwright.fix.recipes._keyed import is_kept
from perfwright.fix.recipes._looped import loop_step, looped, over_of
from perfwright.fix.recipes._origins import Frame, Origins
from perfwright.fix.recipes._preloads import options_of
from perfwright.fix.recipes._rows import key
from perfwright.fix.recipes._sessions import session
from perfwright.fix.source import FUNCTIONS, Source
from perfwright.fix.surroundings import Surroundings, also_from
from perfwright.index.project import Function

DEEPEST = 5  # names and functions between a loop and the list that it goes through


def proposed(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposal that fetches the rows of a list again, with what is read of them."""
    around = surroundings.around(source.root) if source.root is not None and finding.fetches else None
    found = gone_through(around, finding) if around is not None else None
    if around is None or found is None or is_recursive(finding) or asks_anew(finding):
        return
    own, over = found
    place = own.statement(over)
    if own.loops(over) or not own.begins(place) or isinstance(place, (ast.While, *FUNCTIONS)):
        return
    model = model_of(around, own, over)
    said = session(around, own, over)
    if model is None or said is None or not key(model) or not is_listed(around, own, over):
        return
    ways = [way for name in finding.fetches or () if (way := along(around, finding, model, (), name)) is not None]
    options = options_of(around, own, ways)
    written = around.written(own, model)
    if not ways or options is None or written is None or not is_kept(around, own, place, model, ways, said[0]):
        return
    texts, edits, loaders = options
    edits = [*dict.fromkeys((*edits, *written[1], *said[1])), *also_from(own, "sqlalchemy.orm", loaders)]
    names = ", ".join(dict.fromkeys(f"`{way[-1][0].name}.{way[-1][1].name}`" for way in ways))
    says = f"what is read of all rows is fetched together: {names}"
    before = fetched_ahead(own, place, written[0], key(model), own.text_of(over))
    if before is not None:
        more = more_fetched(own, before, texts)
        if more:
            yield Proposal((*more, *edits), says, source=own)
        return
    edits += also_from(own, "sqlalchemy", ["select"])
    items, lines = own.text_of(over), list[str]()
    if not isinstance(over, ast.Name | ast.Attribute):
        plural = f"{model.name.lower()}s"
        items = own.fresh(plural, f"all_{plural}")
        lines.append(f"{items} = {own.expression(over)}")
        edits.append(own.replace(over, items))
    item = own.fresh(model.name.lower(), "row")
    room = WIDE - len(own.indent(place))
    lines += again(own, said[0], written[0], key(model), item, items, texts, room)
    yield Proposal((own.before(place, *lines), *edits), says, source=own)


def gone_through(around: Surroundings, finding: Finding) -> tuple[Source, ast.expr] | None:
    """Return what the loop of a finding goes through, with its file: of a template, what it is rendered with."""
    step = loop_step(finding)
    own = around.source(step.path) if step is not None else None
    if step is not None and own is None:
        return rendered_with(around, finding) if "." not in over_of(finding) else None
    over = looped(own, finding) if own is not None else None
    return (own, over) if own is not None and over is not None else None


def model_of(around: Surroundings, source: Source, node: ast.expr) -> Model | None:
    """Return SQLAlchemy's model of the rows in a list, as its queries or its annotation have it."""
    found = [each.model for each in Origins(around).of(Frame(source), node)] or [
        around.model(own, each.slice)
        for own, each in annotations(around, source, node)
        if isinstance(each, ast.Subscript) and name_of(each.value) in KEPT
    ]
    models = {id(each): each for each in found}
    model = models.popitem()[1] if len(models) == 1 else None
    return model if model is not None and model.framework != DJANGO else None


def annotations(
    around: Surroundings, source: Source, node: ast.expr, depth: int = 0
) -> Iterator[tuple[Source, ast.expr]]:
    """Give how the values are annotated that an expression may stand for."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        node = node.value
    function = source.function(node)
    if isinstance(node, ast.Name) and function is not None and depth < DEEPEST:
        given = [each for each in ast.walk(function.args) if isinstance(each, ast.arg) and each.arg == node.id]
        yield from [(source, each.annotation) for each in given if each.annotation is not None]
        for each in assigned(function, node.id) or ():
            yield from annotations(around, source, each, depth + 1)
    called = around.entity(source, node.func) if isinstance(node, ast.Call) else None
    defined = around.definition(called) if isinstance(called, Function) else None
    if defined is not None and defined[1].returns is not None:
        yield defined[0], defined[1].returns


def is_listed(around: Surroundings, source: Source, node: ast.expr, depth: int = 0) -> bool:
    """Tell whether what an expression stands for is a list."""
    function = source.function(node)
    if depth > DEEPEST:
        return False
    if isinstance(node, ast.Attribute) or is_list(node) or is_empty(node):
        return True
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return is_listed(around, source, node.value, depth + 1)
    if isinstance(node, ast.Name) and function is not None:
        values = assigned(function, node.id)
        if any(isinstance(each, ast.arg) and each.arg == node.id for each in ast.walk(function.args)):
            written = [each for _, each in annotations(around, source, node)]
            return values == [] and any(name_of(getattr(each, "value", each)) in ("list", "List") for each in written)
        return bool(values) and all(is_listed(around, source, each, depth + 1) for each in values or ())
    called = around.entity(source, node.func) if isinstance(node, ast.Call) else None
    defined = around.definition(called) if isinstance(called, Function) else None
    if defined is None:
        return False
    returned = [each for each in ast.walk(defined[1]) if isinstance(each, ast.Return)]
    own = [each.value for each in returned if defined[0].function(each) is defined[1]]
    return bool(own) and all(each is not None and is_listed(around, defined[0], each, depth + 1) for each in own)
