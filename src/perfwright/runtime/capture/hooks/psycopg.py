"""psycopg 3: its cursors, sync and async."""

import sys
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from ..patches import Patches
from ..scope import TRACE
from ._cursors import begun, composed, counted, ended, fetched, sets_of

LIBRARY = "psycopg"
PATCHES = Patches()
KINDS = ("Cursor", "ServerCursor")
FETCHES = ("fetchone", "fetchmany", "fetchall")
MARKS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # cursors have no room for an attribute


def install(capture: Any) -> None:
    """Watch the cursors; those of clients, rows and other libraries are made from them."""
    module = sys.modules[LIBRARY]
    for kind in (getattr(module, name) for name in KINDS):
        PATCHES.wrap(kind, "execute", lambda original: _executing(original, many=False))
        PATCHES.wrap(kind, "executemany", lambda original: _executing(original, many=True))
        PATCHES.wrap(kind, "stream", _streaming)
        for name in (*FETCHES, "__next__"):
            PATCHES.wrap(kind, name, _fetching)
    for kind in (getattr(module, f"Async{name}") for name in KINDS):
        PATCHES.wrap(kind, "execute", lambda original: _awaiting(original, many=False))
        PATCHES.wrap(kind, "executemany", lambda original: _awaiting(original, many=True))
        PATCHES.wrap(kind, "stream", _streaming_async)
        for name in (*FETCHES, "__anext__"):
            PATCHES.wrap(kind, name, _fetching_async)


remove = PATCHES.undo


def _begun(cursor: Any, query: Any, params: Any, sets: int) -> Any:
    if TRACE.get() is None:
        return None
    text = query if isinstance(query, (str, bytes)) else composed(query, cursor)
    mark = begun(text, params, sets=sets, database="postgresql")
    MARKS[cursor] = mark
    return mark


def _executing(original: Callable[..., Any], *, many: bool) -> Callable[..., Any]:
    def execute(self: Any, query: Any, *given: Any, **named: Any) -> Any:
        params = given[0] if given else named.get("params_seq" if many else "params")
        sets = sets_of(params) if many else 1
        mark = _begun(self, query, params, sets)
        token = counted(mark)
        try:
            return original(self, query, *given, **named)
        finally:
            ended(mark, token, self, sets)

    return execute


def _awaiting(original: Callable[..., Any], *, many: bool) -> Callable[..., Any]:
    async def execute(self: Any, query: Any, *given: Any, **named: Any) -> Any:
        params = given[0] if given else named.get("params_seq" if many else "params")
        sets = sets_of(params) if many else 1
        mark = _begun(self, query, params, sets)
        token = counted(mark)
        try:
            return await original(self, query, *given, **named)
        finally:
            ended(mark, token, self, sets)

    return execute


def _streaming(original: Callable[..., Any]) -> Callable[..., Any]:
    def stream(self: Any, query: Any, *given: Any, **named: Any) -> Any:
        mark, count = _begun(self, query, given[0] if given else named.get("params"), 1), 0
        try:
            for row in original(self, query, *given, **named):
                count += 1
                yield row
        finally:
            if mark is not None:
                mark.rows(count)
                mark.end()

    return stream


def _streaming_async(original: Callable[..., Any]) -> Callable[..., Any]:
    async def stream(self: Any, query: Any, *given: Any, **named: Any) -> Any:
        mark, count = _begun(self, query, given[0] if given else named.get("params"), 1), 0
        try:
            async for row in original(self, query, *given, **named):
                count += 1
                yield row
        finally:
            if mark is not None:
                mark.rows(count)
                mark.end()

    return stream


def _fetching(original: Callable[..., Any]) -> Callable[..., Any]:
    one = original.__name__ in ("fetchone", "__next__")

    def fetch(self: Any, *given: Any, **named: Any) -> Any:
        return fetched(MARKS.get(self), original(self, *given, **named), one=one)

    return fetch


def _fetching_async(original: Callable[..., Any]) -> Callable[..., Any]:
    one = original.__name__ in ("fetchone", "__anext__")

    async def fetch(self: Any, *given: Any, **named: Any) -> Any:
        return fetched(MARKS.get(self), await original(self, *given, **named), one=one)

    return fetch
