"""Conditions and orders of queries: which columns rows are looked up, searched and sorted by."""

from typing import Any

from perfwright.effects.frame import Frame
from perfwright.effects.observations import Lookup
from perfwright.effects.schema import DJANGO, Model
from perfwright.effects.values import ClassValue, Rows
from perfwright.index.lower import Node
from perfwright.index.tree import text, walk

RANGE = ("gt", "gte", "lt", "lte", "range", "date", "year")
TEXT = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex", "search")
NULL = ("isnull",)
# Conditions that no ordered index serves: text inside of text, and what is made of a column first.
INSIDE = ("contains", "icontains", "endswith", "iendswith", "regex", "iregex")
MADE = ("date", "time", "month", "day", "week", "week_day", "iso_week_day", "quarter", "hour", "minute", "second")
BEGINNINGS = ("^", "=", "@")  # of names in `search_fields`: what begins so, is so, full-text search
MADE_BY = ("date", "lower", "upper", "trim", "substr", "date_trunc", "strftime", "to_char", "extract", "cast")
LIKE = frozenset(("like", "ilike", "contains", "icontains", "endswith", "iendswith", "regexp_match"))
OF_TEXT = (
    *("CharField", "TextField", "EmailField", "URLField", "SlugField", "CITextField", "CICharField", "FileField"),
    *("String", "Text", "Unicode", "UnicodeText", "str", "VARCHAR", "TEXT", "AutoString", "CITEXT"),
)


def filters_of(rows: Rows, arguments: tuple[Node, ...], keywords: tuple[Any, ...], frame: Frame) -> tuple[Any, ...]:
    """Return `(model, column, operator)` of each condition of a filter call."""
    found: list[tuple[Any, ...]] = []
    for name, value in keywords:
        if name and rows.model is not None:
            found.extend(
                _django_filter(rows.model, name, value)
                if rows.model.framework == DJANGO
                else [(rows.model, name, "eq")]
            )
    for argument in arguments:
        if rows.model is not None and rows.model.framework == DJANGO:
            for inner in walk(argument):
                if inner[0] == "call":
                    for name, value in inner[4]:
                        if name:
                            found.extend(_django_filter(rows.model, name, value))
        else:
            found.extend(_sqlalchemy_filters(frame, argument))
    if rows.model is not None and rows.model.framework == DJANGO:
        _note_unserved(frame, rows, (*rows.filters, *found), arguments, keywords)
    return tuple(found) or (((rows.model, "", "other"),) if arguments or keywords else ())


def _django_filter(model: Model, path: str, value: Node) -> list[tuple[Any, ...]]:
    parts = path.split("__")
    current: Model | None = model
    for index, part in enumerate(parts):
        if current is None:
            break
        relation = current.relations.get(part)
        rest = parts[index + 1 :]
        if relation is not None and rest and not _is_operator(rest[0]):
            current = relation.target
            continue
        operator = "eq"
        if rest:
            operator = "range" if rest[0] in RANGE else "text" if rest[0] in TEXT else rest[0]
        if value[0] == "const" and isinstance(value[2], bool) and operator == "eq":
            operator = "flag"
        if relation is not None and relation.many:
            return [(current, part, "relation")]
        return [(current, part, operator)]
    return [(current, "", "other")]


def _note_unserved(
    frame: Frame, rows: Rows, filters: tuple[Any, ...], arguments: tuple[Node, ...], keywords: tuple[Any, ...]
) -> None:
    """Note the conditions that no index serves, where no other condition of the query finds few rows."""
    if rows.model is None or rows.relation or any(finds_few(*part) for part in filters):
        return
    named = [*keywords, *(pair for argument in arguments for inner in walk(argument) for pair in _named(inner))]
    for path, value in named:
        parts = path.split("__") if path else []
        kind = "text" if parts and parts[-1] in INSIDE else "made" if not set(MADE).isdisjoint(parts[1:]) else ""
        if kind:
            note(frame, at_path(rows.model, path), kind, value[1], path)


def _named(node: Node) -> tuple[Any, ...]:
    keywords: tuple[Any, ...] = node[4] if node[0] == "call" else ()
    return keywords


def finds_few(model: Model | None, name: str, operator: str) -> bool:
    """Tell whether a condition alone finds few rows: by a key, an index, or along a relation."""
    if operator not in ("eq", "in", "exact", "relation", "pk"):
        return False
    column = model.column(name) if model is not None and name else None
    if column is not None:
        return bool(column.indexed)
    return name in ("pk", "id") or (model is not None and name in model.relations)


def at_path(model: Model | None, path: str) -> tuple[Model, str] | None:
    """Return the model and the column that Django's `customer__name__icontains` leads to."""
    for part in path.split("__"):
        if model is None:
            return None
        relation = model.relations.get(part)
        if relation is None:
            return (model, part) if part in model.columns else None
        model = relation.target
    return None


def note(frame: Frame, found: tuple[Model, str] | None, kind: str, position: int, shown: str) -> None:
    """Note a condition that no ordered index serves: `text` inside of text, or what is `made` of a column."""
    if found is None:
        return
    model, name = found
    column = model.column(name)
    if column is None or (kind == "text" and column.type not in OF_TEXT):
        return
    lookup = Lookup(frame.function, position, model, ((model, name, kind),), ())
    lookup.condition, lookup.what = kind, shown
    frame.lookups.append(lookup)


def searched(frame: Frame, node: Node) -> None:
    """Note `User.name.ilike(pattern)`, wherever the condition is built."""
    base = node[2][2]
    if base[0] == "call" and base[3]:
        base = base[3][0]  # func.lower(User.name), func.coalesce(Event.stack, "")
    found = column_of(frame, base)
    if found is None or (node[2][3] in ("like", "ilike") and node[3] and not _begins_anywhere(frame, node[3][0])):
        return
    note(frame, found, "text", node[1], text(node))


def _begins_anywhere(frame: Frame, pattern: Node) -> bool:
    """Tell whether a pattern begins with `%`."""
    if pattern[0] == "name":
        assigned = [
            each[3]
            for each in walk(frame.function.body)
            if each[0] == "assign" and any(target[:3:2] == ("name", pattern[2]) for target in each[2])
        ]
        return bool(assigned) and assigned[0][0] != "name" and _begins_anywhere(frame, assigned[0])
    while pattern[0] in ("bin", "fstr"):
        pattern = pattern[3] if pattern[0] == "bin" else pattern[2][0] if pattern[2] else ("", 0)
    return bool(pattern[0] == "const" and isinstance(pattern[2], str) and pattern[2].startswith("%"))


def _is_operator(part: str) -> bool:
    return part in RANGE or part in TEXT or part in NULL or part in ("in", "exact", "iexact", "pk", "id")


def _sqlalchemy_filters(frame: Frame, node: Node) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for inner in walk(node):
        if inner[0] == "cmp":
            for side in (inner[2], inner[4][0]):
                column = column_of(frame, side)
                if column:
                    found.append((*column, "eq" if inner[3][0] == "==" else "range"))
                elif side[0] == "call" and side[3] and side[2][-1] in MADE_BY:
                    of = side[3][-1 if side[2][-1] == "extract" else 0]
                    note(frame, column_of(frame, of), "made", side[1], text(inner))
                else:
                    found.extend(_inside_document(frame, side))
        elif inner[0] == "call" and inner[2][0] == "attr":
            column = column_of(frame, inner[2][2])
            if column:
                kind = inner[2][3]
                operator = {"in_": "in", "is_": "flag", "isnot": "flag", "is_not": "flag", "between": "range"}.get(
                    kind, "text"
                )
                if kind in ("desc", "asc"):
                    operator = "order"
                found.append((*column, operator))
        elif inner[0] == "attr" and inner is node:
            column = column_of(frame, inner)
            if column:
                found.append((*column, "flag"))
    return found


def _inside_document(frame: Frame, node: Node) -> list[tuple[Any, ...]]:
    """Return the column and, after `->`, the key that `Event.data["kind"].astext` looks at in a JSON column."""
    for inner in walk(node):
        if inner[0] == "sub" and inner[3][0] == "const":
            column = column_of(frame, inner[2])
            if column:
                return [(*column, f"->{inner[3][2]}")]
    return []


def column_of(frame: Frame, node: Node) -> tuple[Model, str] | None:
    """Return the model and the column that `User.name` names, None where it names none."""
    if node[0] != "attr" or node[2][0] not in ("name", "attr"):
        return None
    base = frame.interp.peek(frame, node[2])
    if isinstance(base, ClassValue):
        model = frame.interp.schema.of(base.cls)
        if model is not None and node[3] in model.columns:
            return model, node[3]
    return None


def orders_of(rows: Rows, arguments: tuple[Node, ...], frame: Frame) -> tuple[Any, ...]:
    """Return `(model, column)` of each column that rows are ordered by."""
    found: list[tuple[Any, ...]] = []
    for argument in arguments:
        if argument[0] == "star" and argument[2][0] == "name":
            argument = next(
                (
                    each[3]
                    for each in walk(frame.function.body)
                    if each[0] == "assign" and each[2][0][:3:2] == ("name", argument[2][2])
                ),
                argument,
            )
        if argument[0] == "coll":
            found.extend(orders_of(rows, argument[3], frame))
            continue
        if argument[0] == "const" and isinstance(argument[2], str):
            column = at_path(rows.model, argument[2].lstrip("-"))
            if column is not None:
                found.append(column)
            continue
        node = argument
        while node[0] == "call" and node[2][0] == "attr":
            node = node[2][2]
        column = column_of(frame, node)
        if column:
            found.append(column)
    return tuple(found)


def offered(frame: Frame, rows: Rows, position: int, searches: Node | None, orders: Node | None) -> None:
    """Note what REST framework lets callers search a list by (`search_fields`) and sort it by (`ordering_fields`)."""
    for node in searches[3] if searches is not None and searches[0] == "coll" else ():
        if node[0] == "const" and isinstance(node[2], str) and node[2][:1] not in BEGINNINGS:
            note(frame, at_path(rows.model, node[2].lstrip("$")), "text", node[1], f"search_fields: {node[2]}")
    for node in orders[3] if orders is not None and orders[0] == "coll" else ():
        column = at_path(rows.model, node[2]) if node[0] == "const" and isinstance(node[2], str) else None
        if column is not None and rows.model is not None:
            lookup = Lookup(frame.function, position, rows.model, rows.filters, (column,))
            lookup.limited = lookup.page = True
            lookup.what = f"ordering_fields: {node[2]}"
            frame.lookups.append(lookup)


def in_order(rows: Rows) -> tuple[Any, ...]:
    """Return what rows are ordered by: what the query says, else Django's model."""
    if rows.orders or rows.model is None or rows.model.ordering is None or rows.model.ordering[0] != "coll":
        return rows.orders
    named = (each[2].lstrip("-") for each in rows.model.ordering[3] if each[0] == "const" and isinstance(each[2], str))
    return tuple([column for name in named if (column := at_path(rows.model, name)) is not None])
