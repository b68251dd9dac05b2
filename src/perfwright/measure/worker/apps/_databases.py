"""Scratch databases for functions that take a session or a connection: the tables that are known, filled with rows.

Of SQLAlchemy these are the tables of all classes that are mapped; of the driver of SQLite those that a text of the
function's module creates. A database is filled once for a size; each call gets a copy of it.
"""

from __future__ import annotations

import asyncio
import datetime
import functools
import re
import shutil
import sqlite3
import sys
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from ..tables import names  # type: ignore[import-not-found,unused-ignore]
from ._contract import Column, Table  # type: ignore[import-not-found,unused-ignore]

SESSIONS, CONNECTIONS, ENGINES = ("Session", "scoped_session"), ("Connection",), ("Engine",)
LATER = ("AsyncSession", "AsyncConnection", "AsyncEngine")
CREATES = re.compile(r"\s*(--[^\n]*\n\s*)*CREATE\s+(TABLE|VIEW|(UNIQUE\s+)?INDEX)\b", re.I)
KINDS = (
    ("bool", "bool"), ("int", "int"), ("datetime", "datetime"), ("timestamp", "datetime"), ("date", "date"),
    ("char", "text"), ("clob", "text"), ("text", "text"), ("blob", "bytes"), ("real", "float"), ("floa", "float"),
    ("doub", "float"), ("dec", "float"), ("num", "float"),
)  # fmt: skip
USUAL = "random"
LONGEST, MOST = 40, 1 << 31  # letters of a text, and the size of a number, that rows may have
KEY = re.compile(r"(?P<of>\w*?)_?(id|pk|key)(?P<several>s)?", re.I)

HELD = 8  # databases with rows that are held: of the sizes that are compared, alike and varied
_filled: OrderedDict[tuple[str, int, bool], Filled] = OrderedDict()
_keys: dict[str, list[Any]] = {}  # of the database that is open, by the names of its tables in small letters
compared: tuple[list[str], list[int]] = ([], [])  # texts and numbers that the program compares with
_closing: list[Any] = []  # what closes a session with its loop
_open: list[Callable[[], Any]] = []  # what closes those of the call before


class Filled(NamedTuple):
    """A database with its rows, and their keys by table."""

    base: sqlite3.Connection
    keys: dict[str, list[Any]]


class CannotFillError(Exception):
    """No database can be made; the text says why."""


def handle(kind: Any, size: int, *, varied: bool) -> Any:
    """Return a session, a connection or an engine of a database with `size` rows a table, `varied` or all alike; None
    for other classes.

    That of the call before is closed. Raises CannotFillError.
    """
    name = next((each.__name__ for each in kind.__mro__ if _is_handle(each)), "")
    if not name:
        return None
    while _open:
        _open.pop()()
    _closing.clear()
    if kind.__mro__[-2] is sqlite3.Connection or kind is sqlite3.Connection:
        base = _copied(_plain(size, varied=varied))
        _open.append(base.close)
        return base
    filled = _mapped(size, varied=varied)
    return _later(name, filled) if name in LATER else _at_once(kind, name, filled)


def compare_with(constants: Sequence[Any]) -> None:
    """Let varied rows have the constants that the program compares with."""
    compared[0][:] = [each for each in constants if type(each) is str and each.isprintable() and len(each) <= LONGEST]
    compared[1][:] = [each for each in constants if type(each) is int and abs(each) < MOST]


def with_keys(given: dict[str, Any], spread: str) -> dict[str, Any]:
    """Return arguments by name, with those that are called as keys of rows being such keys; as they are where no
    database is open.

    With the usual spread it is the first row's, which has the most children; the last one's, or none's, with others.
    """
    return {name: _key(name, value, spread) for name, value in given.items()} if _open else given


def _key(name: str, value: Any, spread: str) -> Any:
    found = KEY.fullmatch(name)
    if found is None or not isinstance(value, (int, list)):
        return value
    wanted = (found["of"] or "").strip("_").lower()
    alike = [
        keys for table, keys in _keys.items() if wanted and wanted in (table, table.rstrip("s"), table.rstrip("es"))
    ]
    keys = next(iter([*alike, *_keys.values()]), [])
    if isinstance(value, int):
        if not keys or type(keys[0]) is not type(value):
            return value
        return {USUAL: keys[0], "reversed": keys[-1]}.get(spread, max(keys) + 1)
    fits = found["several"] and keys and all(isinstance(each, type(keys[0])) for each in value)
    if not fits:
        return value
    missing = [] if spread == USUAL else [max(keys) + 1]
    return [*missing, *[keys[place % len(keys)] for place in range(len(value))]][: len(value)]


def _is_handle(kind: Any) -> bool:
    module = str(kind.__module__)
    if kind is sqlite3.Connection:
        return True
    return module.startswith("sqlalchemy.") and kind.__name__ in (*SESSIONS, *CONNECTIONS, *ENGINES, *LATER)


# ------------------------------------------------------------------------------ SQLAlchemy
def _mapped(size: int, *, varied: bool) -> Filled:
    if ("mapped", size, varied) not in _filled:
        import sqlalchemy as sa
        from sqlalchemy.pool import StaticPool

        from . import _sqlalchemy  # type: ignore[import-not-found,unused-ignore]

        base = sqlite3.Connection(":memory:", check_same_thread=False)
        engine = sa.create_engine("sqlite://", creator=lambda: base, poolclass=StaticPool)
        try:
            database = _sqlalchemy.Database(engine)
            database.create()
            tables = database.tables()
        except Exception as error:  # of mappers that are the user's own
            raise CannotFillError(f"its tables cannot be made ({_sqlalchemy.brief(error)})") from error
        _hold(("mapped", size, varied), Filled(base, _fill(tables, size, database, varied=varied)))
    return _filled["mapped", size, varied]


def _at_once(kind: Any, name: str, filled: Filled) -> Any:
    import sqlalchemy as sa
    from sqlalchemy.orm import scoped_session, sessionmaker
    from sqlalchemy.pool import StaticPool

    base = _copied(filled)
    engine = sa.create_engine("sqlite://", creator=lambda: base, poolclass=StaticPool)
    _open.append(engine.dispose)
    if name in ENGINES:
        return engine
    if name in CONNECTIONS:
        made: Any = engine.connect()
    else:
        made = scoped_session(sessionmaker(engine)) if name == "scoped_session" else kind(engine)
    _open.append(made.close)
    return made


def _later(name: str, filled: Filled) -> Any:
    try:
        import aiosqlite  # noqa: F401 - it has to be there
    except ImportError as error:
        raise CannotFillError("a scratch database that is awaited needs aiosqlite in the environment") from error
    from sqlalchemy import event
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
    from sqlalchemy.pool import NullPool

    path = Path(tempfile.mkdtemp()) / "scratch.db"
    _open.append(functools.partial(shutil.rmtree, path.parent, ignore_errors=True))
    base = sqlite3.connect(path, check_same_thread=False)
    _copy(filled, base)
    _open.append(base.close)
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", poolclass=NullPool)
    made = engine.connect() if name == "AsyncConnection" else AsyncSession(engine, expire_on_commit=False)
    event.listen(engine.sync_engine, "connect", lambda *_: _close_with_loop(engine if name == "AsyncEngine" else made))
    return engine if name == "AsyncEngine" else made


def _close_with_loop(made: Any) -> None:
    """Let a session be closed at the end of the loop that it is used in: afterwards it cannot be."""

    async def closing() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await (made.dispose() if hasattr(made, "dispose") else made.close())

    async def begin(steps: AsyncIterator[None]) -> None:
        await steps.__anext__()

    steps = closing()
    _closing.append((steps, asyncio.get_running_loop().create_task(begin(steps))))


# ------------------------------------------------------------------------------ SQLite
def _plain(size: int, *, varied: bool) -> Filled:
    if ("plain", size, varied) not in _filled:
        base = sqlite3.Connection(":memory:", check_same_thread=False)
        texts = list(dict.fromkeys(text for module in _own_modules() for text in _texts(module)))
        for text in texts:
            try:
                base.executescript(text)
            except sqlite3.Error:  # a text that is put together, or for another database
                continue
        tables = [_described(base, name) for name in names(base)]
        if not tables:
            raise CannotFillError("no text of its module creates a table")
        _hold(("plain", size, varied), Filled(base, _fill(tables, size, Plain(base), varied=varied)))
    return _filled["plain", size, varied]


class Plain:
    """A database of SQLite that is filled without any library."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self.base = base

    def insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows, all or none."""
        columns = list(rows[0])
        into = ", ".join(map(_quoted, columns))
        places = ", ".join("?" * len(columns))
        with self.base:
            self.base.executemany(
                f"INSERT INTO {table.handle} ({into}) VALUES ({places})",
                [[_bound(row[column]) for column in columns] for row in rows],
            )


def _bound(value: Any) -> Any:
    """Return a value as the driver takes it."""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return value if value is None or isinstance(value, (int, float, str, bytes)) else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _own_modules() -> list[Any]:
    """Return the modules of the project that are loaded: those that lie in no library."""
    own = []
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None) or ""
        if path.endswith(".py") and not any(
            each in path for each in ("site-packages", "dist-packages", sys.base_prefix)
        ):
            own.append(module)
    return [each for each in own if not str(each.__name__).startswith("_perfwright")]


def _texts(module: Any) -> Iterator[str]:
    """Give the texts in a module that create tables: its own, and those in its functions."""
    for value in list(vars(module).values()):
        if isinstance(value, str) and CREATES.match(value):
            yield value
        if isinstance(value, (list, tuple)):
            yield from (each for each in value if isinstance(each, str) and CREATES.match(each))
        code = getattr(value, "__code__", None)
        if isinstance(code, CodeType) and getattr(value, "__module__", None) == module.__name__:
            yield from (each for each in code.co_consts if isinstance(each, str) and CREATES.match(each))


def _described(base: sqlite3.Connection, name: str) -> Table:
    """Return what the filler needs to know of a table; `name` is as SQL takes it."""
    refers = {row[3]: (row[2], row[4] or "") for row in base.execute(f"PRAGMA foreign_key_list({name})")}
    unique = [
        [each[2] for each in base.execute(f"PRAGMA index_info({_quoted(row[1])})")]
        for row in base.execute(f"PRAGMA index_list({name})").fetchall()
        if row[2]
    ]
    rows = base.execute(f"PRAGMA table_info({name})").fetchall()
    primary = [row[1] for row in rows if row[5]]
    columns = []
    for _, column, declared, needed, default, _ in rows:
        table, there = refers.get(column, ("", ""))
        kind = next((kind for part, kind in KINDS if part in declared.lower()), "text")
        columns.append(
            Column(
                name=column, kind=kind, nullable=not needed and column not in primary,
                unique=[column] in unique or primary == [column], primary=primary == [column],
                refers=(table, there or _key_of(base, table)) if table else ("", ""), default=_default(default),
            )
        )  # fmt: skip
    together = [each for each in [*unique, primary] if len(each) > 1]
    return Table(name=name.strip('"'), columns=columns, together=together, handle=name)


def _key_of(base: sqlite3.Connection, table: str) -> str:
    return next((row[1] for row in base.execute(f"PRAGMA table_info({_quoted(table)})") if row[5]), "")


def _default(text: str | None) -> Any:
    if text is None:
        return None
    if text.startswith("'"):
        return text.strip("'")
    return int(text) if text.lstrip("-").isdigit() else None


# ------------------------------------------------------------------------------ rows
def _fill(tables: Sequence[Table], size: int, database: Any, *, varied: bool) -> dict[str, list[Any]]:
    from ..application import inserted  # type: ignore[import-not-found,unused-ignore]
    from ._rows import Filler, in_order  # type: ignore[import-not-found,unused-ignore]
    from ._varied import Varied  # type: ignore[import-not-found,unused-ignore]

    tables = in_order(tables)
    filler = Filler(tables, {}, datetime.date.today(), varied=Varied(*compared) if varied else None)
    for table in tables:
        kept, _ = inserted(database, table, filler.rows(table, size))
        for column in table.keys:
            table.keys[column] = [row.get(column) for row in kept]
    return {
        table.name.lower(): table.keys.get(next((each.name for each in table.columns if each.primary), ""), [])
        for table in tables
    }


def _hold(key: tuple[str, int, bool], filled: Filled) -> None:
    """Hold a database; those that were made first are closed where there are too many."""
    _filled[key] = filled
    while len(_filled) > HELD:
        _filled.popitem(last=False)[1].base.close()


def _copied(filled: Filled) -> sqlite3.Connection:
    """Return a copy of a database, opened as the program opens one: so that what is left in it is seen."""
    base = sqlite3.connect(":memory:", check_same_thread=False)
    _copy(filled, base)
    return base


def _copy(filled: Filled, base: sqlite3.Connection) -> None:
    filled.base.backup(base)
    _keys.clear()
    _keys.update(filled.keys)
