"""SQLAlchemy 2: every engine, sync and async, by its own events; rows as results fetch them."""

import sys
from collections.abc import Callable
from typing import Any

from ..patches import Patches
from ..scope import OPEN, QUERY
from ._cursors import MARK, begun, counted, ended, fetched, sets_of, setting_up

LIBRARY = "sqlalchemy.engine"
PATCHES = Patches()
EVENTS: list[tuple[Any, str, Callable[..., Any]]] = []
FETCHES = ("fetchone", "fetchmany", "fetchall")


def install(capture: Any) -> None:
    """Listen to all engines."""
    engine, event = sys.modules[LIBRARY].Engine, sys.modules["sqlalchemy.event"]
    listeners = ("before_cursor_execute", _before), ("after_cursor_execute", _after), ("handle_error", _failed)
    for name, listener in listeners:
        event.listen(engine, name, listener)
        EVENTS.append((engine, name, listener))
    cursor = sys.modules["sqlalchemy.engine.cursor"]
    for kind in vars(cursor).values():
        if isinstance(kind, type) and issubclass(kind, cursor.CursorFetchStrategy):
            for name in FETCHES:
                PATCHES.wrap(kind, name, _fetching)
    # What a dialect asks a new connection: it has no events, the driver's hook sees it.
    PATCHES.wrap(sys.modules["sqlalchemy.pool.base"]._ConnectionRecord, "_ConnectionRecord__connect", setting_up)


def remove() -> None:
    """Listen no more."""
    while EVENTS:
        sys.modules["sqlalchemy.event"].remove(*EVENTS.pop())
    PATCHES.undo()


def _before(conn: Any, cursor: Any, statement: Any, parameters: Any, context: Any, executemany: bool) -> None:
    if context is None:
        return
    QUERY.set(OPEN)  # the end of the one before may not have been told
    sets = sets_of(parameters) if executemany else 1
    mark = begun(statement, parameters, sets=sets, database=conn.dialect.name)
    context.__dict__[MARK] = mark, counted(mark), sets


def _after(conn: Any, cursor: Any, statement: Any, parameters: Any, context: Any, executemany: bool) -> None:
    _ended(context, cursor)


def _failed(failure: Any) -> None:
    _ended(failure.execution_context, failure.cursor)


def _ended(context: Any, cursor: Any) -> None:
    mark, token, sets = context.__dict__.get(MARK, (None, None, 1)) if context is not None else (None, None, 1)
    if mark is not None and token is not None:
        context.__dict__[MARK] = mark, None, sets
        ended(mark, token, cursor, sets)


def _fetching(original: Callable[..., Any]) -> Callable[..., Any]:
    one = original.__name__ == "fetchone"

    def fetch(self: Any, result: Any, dbapi_cursor: Any, *given: Any, **named: Any) -> Any:
        rows = original(self, result, dbapi_cursor, *given, **named)
        mark = result.context.__dict__.get(MARK, (None,))[0]
        return fetched(mark, rows, one=one)

    return fetch
