"""Conditions and orders of queries: which columns rows are looked up, searched and sorted by."""

from typing import Any

from perfwright.effects.frame import Frame
from perfwright.effects.observations import Lookup
from perfwright.effects.orders import ASC, at_path, by_path
from perfwright.effects.orders import MADE as COMPUTED
from perfwright.effects.schema import DJANGO
from perfwright.effects.values import ClassValue, Rows
from perfwright.effects.where import NULL, RANGE, TEXT, Asked, column_of, django, finds_few, keyword, note, other, read
from perfwright.effects.written import Scope
from perfwright.index.lower import Node
from perfwright.index.tree import text, walk

# Conditions that no ordered index serves: text inside of text, and what is made of a column first.
INSIDE = ("contains", "icontains", "endswith", "iendswith", "regex", "iregex")
MADE = ("date", "time", "month", "day", "week", "week_day", "iso_week_day", "quarter", "hour", "minute", "second")
BEGINNINGS = ("^", "=", "@")  # of names in `search_fields`: what begins so, is so, full-text search
LOOKUPS = (*RANGE, *TEXT, *NULL, *MADE, "exact", "iexact", "in")
LIKE = frozenset(("like", "ilike", "contains", "icontains", "endswith", "iendswith", "regexp_match"))


def filters_of(rows: Rows, arguments: tuple[Node, ...], keywords: tuple[Any, ...], frame: Frame) -> Asked:
    """Return the conditions of a filter call."""
    asked, model = Asked(), rows.model
    scope = Scope(frame, frame.function, {}, 0)
    for name, value in keywords:
        if name and model is not None:
            asked.add(keyword(model, name, value))
        elif not name:
            read(scope, value, model, asked)
    for argument in arguments:
        read(scope, argument, model, asked)
    if model is not None and model.framework == DJANGO:
        _note_unserved(frame, rows, (*rows.filters, *asked.filters), arguments, keywords)
    if not asked.filters and not asked.groups and (arguments or keywords):
        asked.add([other(model)])
    return asked


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


def joined(frame: Frame, rows: Rows, arguments: tuple[Node, ...]) -> list[tuple[Any, ...]]:
    """Return the pairs of columns that a join puts together: said by a condition, else by the foreign key."""
    scope = Scope(frame, frame.function, {}, 0)
    if len(arguments) > 1:
        asked = Asked()
        read(scope, arguments[1], rows.model, asked)
        both = [part[:2] for part in asked.filters if part[2] == "join"]
        return list(zip(both[::2], both[1::2], strict=False))
    value = frame.interp.peek(frame, arguments[0]) if arguments[0][0] in ("name", "attr") else None
    other = frame.interp.schema.of(value.cls) if isinstance(value, ClassValue) else None
    for holder, pointed in ((other, rows.model), (rows.model, other)):
        for column in holder.columns.values() if holder is not None and pointed is not None else ():
            table, _, key = column.target.partition(".")
            if pointed is not None and table == pointed.table and key in pointed.columns:
                return [((holder, column.name), (pointed, key))]
    return []


def changed(frame: Frame, node: Node) -> None:
    """Note which rows `session.execute(delete(Run).where(...))` looks up, and what points to those that it deletes."""
    scope = Scope(frame, frame.function, {}, 0)
    said = node[3][0] if node[3] else None
    made = scope.made(said[2]) if said is not None and said[0] == "name" else []
    if said is not None and made:
        said = made[0][0] if len(made) == 1 else None
    asked = Asked()
    while said is not None and said[0] == "call" and said[2][0] == "attr" and said[2][2][0] == "call":
        if said[2][3] in ("where", "filter"):
            for argument in said[3]:
                read(scope, argument, None, asked)
        said = said[2][2]
    if said is None or said[0] != "call" or said[2][-1] not in ("delete", "update") or not said[3]:
        return
    value = frame.interp.peek(frame, said[3][0]) if said[3][0][0] in ("name", "attr") else None
    model = frame.interp.schema.of(value.cls) if isinstance(value, ClassValue) else None
    if model is None:
        return
    if asked.filters or asked.groups:
        lookup = Lookup(frame.function, node[1], model, tuple(asked.filters), ())
        lookup.sometimes, lookup.what = tuple(asked.groups), model.name
        frame.lookups.append(lookup)
    if said[2][-1] == "delete":
        frame.interp.deleted(frame, model, node[1])


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


def offered(frame: Frame, rows: Rows, position: int, searches: Node | None, orders: Node | None) -> None:
    """Note what REST framework lets callers search a list by (`search_fields`) and sort it by (`ordering_fields`)."""
    for node in searches[3] if searches is not None and searches[0] == "coll" else ():
        if node[0] == "const" and isinstance(node[2], str) and node[2][:1] not in BEGINNINGS:
            note(frame, at_path(rows.model, node[2].lstrip("$")), "text", node[1], f"search_fields: {node[2]}")
    for node in orders[3] if orders is not None and orders[0] == "coll" else ():
        found = by_path(rows, node[2], ASC) if node[0] == "const" and isinstance(node[2], str) else []
        if found and rows.model is not None:
            at = node[1] if found[0][2] == COMPUTED else position
            lookup = Lookup(frame.function, at, rows.model, rows.filters, tuple(found))
            lookup.limited = lookup.page = lookup.turned = True
            lookup.what = f"ordering_fields: {node[2]}"
            frame.lookups.append(lookup)


def offered_filters(frame: Frame, rows: Rows, position: int, said: list[Node]) -> None:
    """Note what callers may filter a list by, as a view says it: `filterset_fields`, a dictionary of paths."""
    model = rows.model
    if model is None:
        return
    groups: dict[tuple[Any, ...], None] = {}
    for node in said:
        for path, at in paths(node):
            parts = path.split("__")
            found = django(model, path, ("const", at, ""))
            if not set(MADE).isdisjoint(parts[1:]):
                note(frame, at_path(model, path), "made", at, path)
            elif all(part[0] is model for part in found):
                groups[tuple(found)] = None
    if groups:
        lookup = Lookup(frame.function, position, model, rows.filters, ())
        lookup.sometimes, lookup.what = tuple(groups), "filters that callers choose"
        frame.lookups.append(lookup)


def paths(node: Node) -> list[tuple[str, int]]:
    """Return the paths of a list, of `{"created": ["gte", "lte"]}` and of `{"since": ("created__gte", date)}`."""
    if node[0] == "coll":
        return [(item[2], item[1]) for item in node[3] if item[0] == "const" and isinstance(item[2], str)]
    found: list[tuple[str, int]] = []
    for key, value in zip(node[2], node[3], strict=True) if node[0] == "dict" else ():
        inner = paths(value) if value[0] == "coll" else []
        if value[0] == "const" and isinstance(value[2], str):
            inner = [(value[2], value[1])]
        if key is not None and key[0] == "const" and inner and all(said.split("__")[0] in LOOKUPS for said, _ in inner):
            found.extend((f"{key[2]}__{said}".removesuffix("__exact"), at) for said, at in inner)
        else:
            found.extend(inner[:1])
    return found
