"""SQLAlchemy 2: every statement of every engine, sync and async, where its dialect hands it to the driver.

Not by its events: one listener makes SQLAlchemy look for nine at each statement, and a statement that is cancelled has
no end among them.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

from ..patches import Patches
from ..scope import TRACE
from ._cursors import MARK, begun, counted, ended, fetched, sets_of, setting_up

LIBRARY = "sqlalchemy.engine"
PATCHES = Patches()
WATCHED: set[type] = set()
FETCHES = ("fetchone", "fetchmany", "fetchall")


def install(capture: Any) -> None:
    """Watch the dialects that are loaded, and results."""
    _watch_dialects()
    cursor = sys.modules["sqlalchemy.engine.cursor"]
    for kind in vars(cursor).values():
        if isinstance(kind, type) and issubclass(kind, cursor.CursorFetchStrategy):
            for name in FETCHES:
                PATCHES.wrap(kind, name, _fetching)
    # What a dialect asks a new connection is no query of the program.
    record = sys.modules["sqlalchemy.pool.base"]._ConnectionRecord
    PATCHES.wrap(record, "_ConnectionRecord__connect", lambda original: setting_up(original, lambda: _again(capture)))


def remove() -> None:
    """Put everything back."""
    WATCHED.clear()
    PATCHES.undo()


def _again(capture: Any) -> None:
    try:
        if WATCHED:
            _watch_dialects()
    except Exception:
        capture.fault()
    capture.again()


def _watch_dialects() -> None:
    for kind in _kinds(sys.modules["sqlalchemy.engine.default"].DefaultDialect):
        if kind not in WATCHED:
            WATCHED.add(kind)
            PATCHES.wrap(kind, "do_execute", lambda original: _executing(original, many=False))
            PATCHES.wrap(kind, "do_execute_no_params", _executing_alone)
            PATCHES.wrap(kind, "do_executemany", lambda original: _executing(original, many=True))


def _kinds(kind: type) -> Iterator[type]:
    yield kind
    each: type
    for each in kind.__subclasses__():
        yield from _kinds(each)


def _executing(original: Callable[..., Any], *, many: bool) -> Callable[..., Any]:
    def execute(self: Any, cursor: Any, statement: Any, parameters: Any, *given: Any, **named: Any) -> Any:
        if TRACE.get() is None:
            return original(self, cursor, statement, parameters, *given, **named)
        sets = sets_of(parameters) if many else 1
        mark = begun(statement, parameters, sets=sets, database=self.name)
        _remember(mark, given, named)
        token = counted(mark)
        try:
            return original(self, cursor, statement, parameters, *given, **named)
        finally:
            ended(mark, token, cursor, sets)

    return execute


def _executing_alone(original: Callable[..., Any]) -> Callable[..., Any]:
    def execute(self: Any, cursor: Any, statement: Any, *given: Any, **named: Any) -> Any:
        mark = begun(statement, None, database=self.name)
        _remember(mark, given, named)
        token = counted(mark)
        try:
            return original(self, cursor, statement, *given, **named)
        finally:
            ended(mark, token, cursor, 1)

    return execute


def _remember(mark: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
    context = given[0] if given else named.get("context")
    if mark is not None and context is not None:
        context.__dict__[MARK] = mark


def _fetching(original: Callable[..., Any]) -> Callable[..., Any]:
    one = original.__name__ == "fetchone"

    def fetch(self: Any, result: Any, dbapi_cursor: Any, *given: Any, **named: Any) -> Any:
        rows = original(self, result, dbapi_cursor, *given, **named)
        mark = result.context.__dict__.get(MARK)
        return rows if mark is None else fetched(mark, rows, one=one)

    return fetch
