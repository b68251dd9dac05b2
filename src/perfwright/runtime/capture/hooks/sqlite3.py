"""sqlite3: connections made from now on are of a subclass that tells; the types are C and cannot be changed."""

import sqlite3
import sqlite3.dbapi2
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..patches import ALWAYS, Patches
from ._cursors import begun, counted, ended, named_like, watched_cursor

LIBRARY = ALWAYS
PATCHES = Patches()
FACTORY = 5  # its place among the arguments of `connect`


def install(capture: Any) -> None:
    """Watch the connections that will be made."""
    for module in (sqlite3, sqlite3.dbapi2):
        PATCHES.wrap(module, "connect", _connecting)


remove = PATCHES.undo


def _connecting(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect(*given: Any, **named: Any) -> Any:
        factory = given[FACTORY] if len(given) > FACTORY else named.get("factory", sqlite3.Connection)
        watched = _watched(factory, sqlite3.Connection, _connections)
        if len(given) > FACTORY:
            given = (*given[:FACTORY], watched, *given[FACTORY + 1 :])
        else:
            named["factory"] = watched
        return original(*given, **named)

    return connect


def _watched(factory: Any, kind: type, make: Callable[[Any], Any]) -> Any:
    """Return a watched subclass; a factory that is no class is left alone: nobody knows what it makes."""
    return make(factory) if isinstance(factory, type) and issubclass(factory, kind) else factory


@lru_cache(100)
def _connections(kind: Any) -> Any:
    class Connection(kind):  # type: ignore[misc]
        def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
            return super().cursor(_watched(factory, sqlite3.Cursor, _cursors))

        # In C these make a plain cursor, past the method above.
        def execute(self, *given: Any) -> Any:
            return self.cursor().execute(*given)

        def executemany(self, *given: Any) -> Any:
            return self.cursor().executemany(*given)

        def executescript(self, *given: Any) -> Any:
            return self.cursor().executescript(*given)

    return named_like(Connection, kind)


@lru_cache(100)
def _cursors(kind: Any) -> Any:
    class Cursor(watched_cursor(kind, "sqlite")):  # type: ignore[misc]
        def executescript(self, script: Any, /) -> Any:
            self._perfwright_mark = mark = begun(script, None, database="sqlite")
            token = counted(mark)
            try:
                return super().executescript(script)
            finally:
                ended(mark, token, self, 0)

    return named_like(Cursor, kind)
