"""asyncpg: statements of its connections, prepared ones, and its cursors."""

import sys
from collections.abc import Callable
from typing import Any

from ..patches import Patches
from ..scope import QUERY, SETTING_UP, TRACE, restore
from ._cursors import begun, counted

LIBRARY = "asyncpg.connection"
PATCHES = Patches()
CURSORS = 1_000  # read at a time
MARKS: dict[int, Any] = {}  # by address: they have no room for an attribute; each begins before it is read


def install(capture: Any) -> None:
    """Watch connections, and what they prepare."""
    connection = sys.modules[LIBRARY].Connection
    for name in ("execute", "_execute"):
        PATCHES.wrap(connection, name, lambda original: _asking(original, many=False))
    for name in ("executemany", "_executemany"):
        PATCHES.wrap(connection, name, lambda original: _asking(original, many=True))
    PATCHES.wrap(connection, "reset", _resetting)
    prepared = sys.modules["asyncpg.prepared_stmt"].PreparedStatement
    PATCHES.wrap(prepared, "_PreparedStatement__bind_execute", lambda original: _repeating(original, many=False))
    PATCHES.wrap(prepared, "executemany", lambda original: _repeating(original, many=True))
    cursor = sys.modules["asyncpg.cursor"].BaseCursor
    PATCHES.wrap(cursor, "_bind_exec", _opening)
    PATCHES.wrap(cursor, "_bind", _opening)
    PATCHES.wrap(cursor, "_exec", _reading)


remove = PATCHES.undo


def _asking(original: Callable[..., Any], *, many: bool) -> Callable[..., Any]:
    async def ask(self: Any, query: Any, *given: Any, **named: Any) -> Any:
        return await _told(query, given, many, original(self, query, *given, **named))

    return ask


def _repeating(original: Callable[..., Any], *, many: bool) -> Callable[..., Any]:
    async def repeat(self: Any, *given: Any, **named: Any) -> Any:
        return await _told(self._query, given, many, original(self, *given, **named))

    return repeat


def _opening(original: Callable[..., Any]) -> Callable[..., Any]:
    async def bind(self: Any, *given: Any, **named: Any) -> Any:
        mark = begun(self._query, self._args, database="postgresql")
        if len(MARKS) >= CURSORS:
            MARKS.clear()
        MARKS[id(self)] = mark
        try:
            return _rows(mark, await original(self, *given, **named))
        finally:
            if mark is not None:
                mark.end()

    return bind


def _reading(original: Callable[..., Any]) -> Callable[..., Any]:
    async def read(self: Any, *given: Any, **named: Any) -> Any:
        return _rows(MARKS.get(id(self)), await original(self, *given, **named))

    return read


def _resetting(original: Callable[..., Any]) -> Callable[..., Any]:
    async def reset(self: Any, *given: Any, **named: Any) -> Any:
        if TRACE.get() is None:
            return await original(self, *given, **named)
        token = QUERY.set(SETTING_UP)
        try:
            return await original(self, *given, **named)
        finally:
            restore(QUERY, token)

    return reset


async def _told(query: Any, given: Any, many: bool, answer: Any) -> Any:
    sets = len(given[0]) if many and given and isinstance(given[0], (list, tuple)) else 1
    mark = begun(query, given, sets=sets, database="postgresql")
    if mark is None:
        return await answer
    token, found = counted(mark), None
    try:
        found = await answer
        return _rows(mark, found)
    finally:
        restore(QUERY, token)
        mark.end(_written(found, sets) if mark.group.statement.is_write else 0)


def _rows(mark: Any, found: Any) -> Any:
    rows = found[0] if isinstance(found, tuple) and found else found
    if mark is not None and isinstance(rows, list):
        mark.rows(len(rows))
    return found


def _written(found: Any, sets: int) -> int:
    """Return how many rows a statement has changed: `INSERT 0 5` says five."""
    if isinstance(found, list):
        return len(found)  # what it returns
    last = found.rpartition(" ")[2] if isinstance(found, str) else ""
    return int(last) if last.isdecimal() else sets
