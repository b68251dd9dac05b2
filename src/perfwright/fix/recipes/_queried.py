"""The query of a function whose rows are gone through, as it may be asked for less."""

import ast

from perfwright.effects.schema import DJANGO, Model
from perfwright.fix.recipes._columns import beside
from perfwright.fix.recipes._eager import prefetched
from perfwright.fix.recipes._narrowed import Queried, Queryset, Rows, Selected
from perfwright.fix.recipes._origins import Frame, Origin, Origins
from perfwright.fix.recipes._related import flushes, is_untouched
from perfwright.fix.recipes._row_uses import Use
from perfwright.fix.source import COMPREHENSIONS, Edit, Source
from perfwright.fix.surroundings import Surroundings

BOUNDED = (
    *("limit", "offset", "slice", "distinct", "group_by", "having", "first", "with_for_update", "select_for_update"),
    *("unique", "union", "union_all", "in_bulk", "with_entities", "annotate", "fetchall", "yield_per"),
)


def asked_of(
    around: Surroundings, own: Source, use: Use
) -> tuple[Rows, Model, tuple[str, list[Edit]], ast.expr] | None:
    """Return the query that the rows come from, with its model and how this is written; None where it is not here."""
    found = Origins(around).of(Frame(own), use.over)
    if len(found) != 1 or found[0].source is not own or found[0].path or found[0].one:
        return None
    origin = found[0]
    if origin.kind in ("get", "class") or any(name in BOUNDED for name in origin.asked):
        return None
    if own.function(origin.query) is not own.function(use.node) or own.loops(origin.query) != own.loops(over_all(use)):
        return None  # what is asked for once is used for each
    model = origin.first
    if model.framework != DJANGO and is_pending(around, own, origin):
        return None
    if model.framework == DJANGO:
        if is_prefetched(around, origin):
            return None
        return Queryset(own, use.over, {}, origin, key="pk"), model, (model.name, []), origin.query
    written = around.written(own, model)
    if written is None:
        return None
    keys = [each.name for each in model.columns.values() if each.type == "primary"]
    key = keys[0] if len(keys) == 1 else ""
    if origin.kind == "select":
        return Selected(own, use.over, {}, origin, key=key), model, written, origin.query
    return Queried(own, use.over, {}, origin.query, written[0], key=key), model, written, origin.query


def is_pending(around: Surroundings, own: Source, origin: Origin) -> bool:
    """Tell whether rows may have been changed before a query that does not write this first."""
    function = own.function(origin.query)
    if flushes(beside(around, own, origin.first)) or function is None:
        return False
    start = own.span(origin.query)[0]
    stored = [
        each for each in ast.walk(function) if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
    ]
    return any(own.span(each)[0] < start for each in stored) or not is_untouched(around, function)


def is_prefetched(around: Surroundings, origin: Origin) -> bool:
    """Tell whether the rows are those of a relation that some query fetches along: asked anew, they are no better."""
    node = origin.query
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return isinstance(node, ast.Attribute) and node.attr in prefetched(around)


def over_all(use: Use) -> ast.AST:
    """Return the loop or the call, or for a comprehension what it goes through: it is gone through once."""
    return use.over if isinstance(use.node, COMPREHENSIONS) else use.node
