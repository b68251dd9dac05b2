"""Django: the cursors of every connection, in whatever thread it was made."""

import sys
from collections.abc import Callable
from typing import Any

from ..patches import Patches
from ._cursors import MARK, begun, counted, each, ended, fetched, sets_of, setting_up

LIBRARY = "django.db.backends.utils"
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch the wrapper that every cursor of Django's comes in."""
    cursors = sys.modules[LIBRARY].CursorWrapper
    PATCHES.wrap(cursors, "_execute", lambda original: _executing(original, many=False))
    PATCHES.wrap(cursors, "_executemany", lambda original: _executing(original, many=True))
    PATCHES.wrap(cursors, "callproc", _calling)
    PATCHES.wrap(cursors, "__iter__", _iterating)
    for name in ("fetchone", "fetchmany", "fetchall"):
        PATCHES.put(cursors, name, _fetching(cursors.__getattr__, name))
    base = sys.modules.get("django.db.backends.base.base")
    if base is not None:
        PATCHES.wrap(base.BaseDatabaseWrapper, "connect", setting_up)


remove = PATCHES.undo


def _executing(original: Callable[..., Any], *, many: bool) -> Callable[..., Any]:
    def execute(self: Any, sql: Any, params: Any = None, *rest: Any) -> Any:
        sets = sets_of(params) if many else 1
        self.__dict__[MARK] = mark = begun(sql, params, sets=sets, database=self.db.alias)
        token = counted(mark)
        try:
            return original(self, sql, params, *rest)
        finally:
            ended(mark, token, self.cursor, sets)

    return execute


def _calling(original: Callable[..., Any]) -> Callable[..., Any]:
    def callproc(self: Any, procname: Any, *rest: Any, **named: Any) -> Any:
        self.__dict__[MARK] = mark = begun(f"CALL {procname}", rest, database=self.db.alias)
        token = counted(mark)
        try:
            return original(self, procname, *rest, **named)
        finally:
            ended(mark, token, self.cursor, 1)

    return callproc


def _iterating(original: Callable[..., Any]) -> Callable[..., Any]:
    def iterate(self: Any) -> Any:
        return each(self.__dict__.get(MARK), original(self))

    return iterate


def _fetching(found: Callable[..., Any], name: str) -> Callable[..., Any]:
    def fetch(self: Any, *given: Any, **named: Any) -> Any:
        return fetched(self.__dict__.get(MARK), found(self, name)(*given, **named), one=name == "fetchone")

    return fetch
