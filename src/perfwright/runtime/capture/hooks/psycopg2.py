"""psycopg2: connections made from now on are of a subclass that tells; the types are C and cannot be changed."""

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..patches import Patches
from ._cursors import composed, named_like, watched_cursor

LIBRARY = "psycopg2"
PATCHES = Patches()
FACTORY = 1  # its place among the arguments of `connect`


def install(capture: Any) -> None:
    """Watch the connections that will be made."""
    module = sys.modules[LIBRARY]
    PATCHES.wrap(module, "connect", lambda original: _connecting(original, module.extensions))


remove = PATCHES.undo


def _connecting(original: Callable[..., Any], types: Any) -> Callable[..., Any]:
    def connect(*given: Any, **named: Any) -> Any:
        if len(given) > FACTORY:
            named["connection_factory"], given = given[FACTORY], (given[0], *given[FACTORY + 1 :])
            if len(given) > 1:
                named["cursor_factory"], given = given[1], given[:1]
        factory = named.get("connection_factory") or types.connection
        if isinstance(factory, type) and issubclass(factory, types.connection):
            named["connection_factory"] = _connections(factory, types)
        return original(*given, **named)

    return connect


@lru_cache(100)
def _connections(kind: Any, types: Any) -> Any:
    class Connection(kind):  # type: ignore[misc]
        def cursor(self, *given: Any, **named: Any) -> Any:
            if len(given) > 1:
                named["cursor_factory"], given = given[1], (given[0], *given[2:])
            factory = named.get("cursor_factory") or self.cursor_factory or types.cursor
            if isinstance(factory, type) and issubclass(factory, types.cursor):
                named["cursor_factory"] = watched_cursor(factory, "postgresql", composed)
            return super().cursor(*given, **named)

    return named_like(Connection, kind)
