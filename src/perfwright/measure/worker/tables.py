"""The tables of a database of SQLite, and what is in them."""

from __future__ import annotations

import sqlite3
from typing import Any

ROWS, CELL = 2_000, 2_000  # rows told of one table, and letters or bytes of one value


def names(base: sqlite3.Connection) -> list[str]:
    """Return the names of a database's tables, as SQL takes them."""
    asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
    return ['"' + name.replace('"', '""') + '"' for (name,) in _cursor(base).execute(asked)]


def columns(base: sqlite3.Connection, name: str) -> list[str]:
    """Return the names of a table's columns."""
    return [row[1] for row in _cursor(base).execute(f"PRAGMA table_info({name})")]


def rows(base: sqlite3.Connection) -> dict[str, list[Any]]:
    """Return the rows of each table, by name: up to ROWS, in the order of all columns."""
    found = {}
    for name in names(base):
        order = ", ".join(str(place + 1) for place in range(len(columns(base, name))))
        asked = f"SELECT * FROM {name} ORDER BY {order} LIMIT {ROWS}"
        found[name.strip('"')] = [list(map(cell, row)) for row in _cursor(base).execute(asked)]
    return found


def cell(value: Any) -> Any:
    """Return a value of a row as JSON takes it."""
    if isinstance(value, bytes):
        return ["b", value[:CELL].hex()]
    if isinstance(value, float):
        return ["f", repr(value)]
    if isinstance(value, str):
        return value[:CELL]
    return value if value is None or type(value) in (int, bool) else str(value)[:CELL]  # what a converter made of it


def _cursor(base: sqlite3.Connection) -> sqlite3.Cursor:
    """Return a cursor that gives tuples, whatever the program has its rows made into."""
    cursor = sqlite3.Cursor(base)
    cursor.row_factory = None
    return cursor
