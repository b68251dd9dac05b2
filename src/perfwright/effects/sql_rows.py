"""The rows that a query written as SQL gives: of which table, and how many, as far as its text says."""

import re

from perfwright.effects.frame import Frame
from perfwright.effects.library import Model as LibraryModel
from perfwright.effects.schema import SQL, Model
from perfwright.effects.sql import CONDITION, LIMIT, NAME, WHERE, plain
from perfwright.effects.values import Constant, Rows, constant
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Class

SELECT = re.compile(rf"\s*select\b(?P<what>.*?)\bfrom\s+{NAME}(?P<rest>.*)", re.I | re.S)
AGGREGATE = re.compile(r"\b(count|sum|min|max|avg|total|group_concat|string_agg|array_agg|json_agg)\s+\?", re.I)
GROUPS = re.compile(r"\bgroup\s+by\b|\bunion\b|\bexcept\b|\bintersect\b", re.I)
GIVEN = re.compile(r"\s*(?:[?:%$@'\"]|\d|and\b|$)", re.I)
KEYS = ("id", "pk", "rowid", "oid", "uuid")
OF_DATABASE = re.compile(r"sqlite_|pg_|pragma_|information_schema|duckdb_", re.I)
UNREAD = "\x00"  # stands for a part of a statement that is not known
LONGEST = 4_000
TEXTS = ("sql", "query")  # names of the parameter that takes a statement
FETCHES = ("fetchall", "fetchmany", "fetchone")


def takes_text(entry: LibraryModel) -> bool:
    """Tell whether a library's call runs a query that it is given as text."""
    return bool(entry.params) and entry.params[0] in TEXTS and any(effect.name == "db.query" for effect in entry.does)


def run(frame: Frame, api: str, node: Node) -> Rows | None:
    """Return the rows that a call's statement gives, None where its text does not say."""
    rows = Rows(None, api, node[1], frame.depth)
    describe(frame, rows, node)
    return rows if rows.model is not None else None


def describe(frame: Frame, rows: Rows, node: Node) -> None:
    """Say of rows what the text of their query says."""
    said = statement(frame, node[3][0]) if node[3] else None
    if said is None or len(said) >= LONGEST:
        return
    found = SELECT.match(plain(said))
    if found is None or OF_DATABASE.match(found.group(2)) or UNREAD in found.group():
        return
    what, rest = found.group("what"), found.group("rest")
    table = named(frame, found.group(2), node)
    rows.model, rows.values = table, True
    limit = LIMIT.search(rest)
    where = WHERE.search(rest)
    if limit is not None:
        rows.limited = constant(int(limit.group(1))) if limit.group(1).isdigit() else frame.interp.page
    elif (AGGREGATE.search(what) and not GROUPS.search(rest)) or (where and finds_one(table, where.group(1))):
        rows.limited = constant(1)
    elif re.search(r"\bfetch\s+(?:first|next)\b", rest, re.I):
        rows.limited = frame.interp.page
    rows.grouped = GROUPS.search(rest) is not None or re.match(r"\s*distinct\b", what, re.I) is not None
    if where is not None or re.search(r"\bjoin\b", rest, re.I):
        rows.filters = ((table, "", "other"),)


def finds_one(table: Model, where: str) -> bool:
    """Tell whether one condition, all of which must hold, is a key's."""
    if re.search(r"\bor\b", where, re.I):
        return False
    for part in re.split(r"\band\b", where, flags=re.I):
        found = CONDITION.match(part)
        if found is None or found.group(3).lower() not in ("=", "==", "in") or not GIVEN.match(found.group(4)):
            continue
        column = table.columns.get(found.group(2))
        if found.group(2).lower() in KEYS or (column is not None and column.unique):
            return True
    return False


def named(frame: Frame, name: str, node: Node) -> Model:
    """Return the table of a name: one that the project makes, else one of which nothing else is known."""
    tables = frame.interp.tables
    known = tables.by_name.get(name.lower()) or tables.others.get(name.lower())
    if known is None:
        line = line_of(node[1])
        known = Model(Class(frame.module, (name, name, line, line, (), (), (), {}, {}, -1)), SQL)
        known.table = name
        tables.others[name.lower()] = known
    return known


def statement(frame: Frame, node: Node) -> str | None:
    """Return the text of a statement, what is put into it left open; None where it is not known."""
    if node[0] == "const":
        return node[2] if isinstance(node[2], str) else None
    if node[0] == "bin" and node[2] == "+":
        first, second = statement(frame, node[3]), statement(frame, node[4])
        return first + (second if second is not None else UNREAD) if first is not None else None
    if node[0] == "fstr":
        return "".join(statement(frame, part) or UNREAD for part in node[2])
    if node[0] == "name":
        local = frame.lookup(node[2])
        if local is not None:
            return local.value if isinstance(local, Constant) and isinstance(local.value, str) else None
        bound = frame.interp.constant_node(frame, node)
        return statement(frame, bound) if bound is not None and bound[0] != "name" else None
    if node[0] == "call" and node[2][0] == "attr" and node[2][3] in ("strip", "format") and not node[4]:
        return statement(frame, node[2][2]) if not node[3] else None
    return None
