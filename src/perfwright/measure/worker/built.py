"""A call with what a builder made, where no copy of it can be: a session, a connection, a file. For the judge.

Both versions make it themselves, the same way. Told are the result, arguments that can be told, what is printed, the
rows that are left in the databases of SQLite that were opened, how many queries and requests were made, and what SQLite
did for them.
"""

from __future__ import annotations

import collections.abc
import contextlib
import inspect
import io
import json
import random
import sqlite3
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import capturing, search, timing  # type: ignore[import-not-found,unused-ignore]
from .apps import _databases as databases  # type: ignore[import-not-found,unused-ignore]
from .steps import WORK  # type: ignore[import-not-found,unused-ignore]
from .tables import rows  # type: ignore[import-not-found,unused-ignore]
from .trees import Scribe  # type: ignore[import-not-found,unused-ignore]

ASKS = ("built", "spent")
OURS = "is_perfwrights"
LIBRARIES = ("sqlalchemy", "django.db", "peewee", "psycopg", "psycopg2", "asyncpg", "aiosqlite")
WALKED = 100_000  # items of a result that are looked at
DEEPEST = 8

_opened: list[sqlite3.Connection] = []


def answer(target: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Answer one question of the judge."""
    return built(target, asked) if asked["ask"] == "built" else spent(target, asked)


def watch() -> None:
    """Remember the databases of SQLite that are opened from now on: before the program is imported."""
    if getattr(sqlite3.dbapi2.connect, OURS, False):
        return
    WORK.watch()
    real = sqlite3.dbapi2.connect

    def connect(*given: Any, **named: Any) -> Any:
        made = real(*given, **named)
        _opened.append(made)
        return made

    setattr(connect, OURS, True)
    sqlite3.connect = sqlite3.dbapi2.connect = connect


def may_query(target: Any) -> bool:
    """Tell whether a database was opened, or a library is loaded that opens some, or the module knows SQLite."""
    knows = any(value is sqlite3 for value in vars(target.module).values())
    return bool(_opened) or knows or any(name in sys.modules for name in LIBRARIES)


def built(target: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what a call at a size comes to."""
    capture = capturing.installed(asked["capture"])
    databases.compare_with(asked["constants"])
    random.seed(asked["n"])
    positional, named = target.call(asked["n"], asked["distribution"])
    if asked["distribution"] == "few":
        disorder((*positional, *named.values()))
    random.seed(asked["n"])
    printed = io.StringIO()
    outcome, body = "", ""
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        cpu, wall = time.process_time(), time.perf_counter()
        with capture.recording() as trace, WORK.counted():
            try:
                with search.limited(asked["seconds"], 3 * asked["seconds"]):
                    result = finished(target.function(*positional, **named))
            except Exception as error:  # the user's code
                outcome = f"{type(error).__module__}.{type(error).__qualname__}: {error}"[:500]
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if not outcome:
        body = written(target, result)
    return {
        "error": outcome,
        "body": body,
        "args": [written(target, each) for each in (*positional, *named.values()) if plain(each)],
        "printed": printed.getvalue(),
        "rows": left(),
        "random": repr(random.getstate()) == repr(_seeded(asked["n"])),
        "cpu": cpu,
        "wall": wall,
        "steps": WORK.steps,
        "text": WORK.bytes,
        **capturing.counts(trace),
    }


def disorder(values: tuple[Any, ...]) -> None:
    """Put the keys in lists of them in another order, and one of them in twice."""
    for each in values:
        if type(each) is list and all(type(item) in (int, str) for item in each):
            each.reverse()
            each += each[:1]


def _seeded(n: int) -> Any:
    return random.Random(n).getstate()


def spent(target: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the CPU and wall seconds of one call at a size, and the most memory that it held where that is asked."""
    call = target.call(asked["n"], asked["distribution"])
    said = io.StringIO()
    seconds = asked["seconds"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), search.limited(seconds, 3 * seconds):
        if asked.get("peak"):
            tracemalloc.start()
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            timing.run(target.function, call)
        finally:
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            peak = tracemalloc.get_traced_memory()[1] if asked.get("peak") else 0
            tracemalloc.stop()
    return {"cpu": cpu, "wall": wall, "peak": peak}


def finished(result: Any) -> Any:
    """Return what a result comes to: what is awaited, walked or asked for when it is looked at."""
    result = timing.finish(result, 0) if inspect.iscoroutine(result) else result
    if isinstance(result, collections.abc.Iterator) and not isinstance(result, io.IOBase):
        return [f"{type(result).__module__}.{type(result).__qualname__}", *_some(result)]
    if type(result).__name__ == "QuerySet":
        return ["a query set", *_some(iter(result))]
    return result


def _some(result: Iterator[Any]) -> Iterator[Any]:
    for place, each in enumerate(result):
        if place == WALKED:
            return
        yield each


def plain(value: Any) -> bool:
    """Tell whether what a value is left as can be told."""
    return isinstance(value, (list, dict, set, bytearray, collections.deque))


def written(target: Any, value: Any) -> str:
    """Return a value as text: rows of a mapped class by their columns, all else as a tree."""
    return json.dumps(Scribe(target.module.__name__).write(told(value)))


def told(value: Any, depth: int = 0) -> Any:
    """Return a value with what is mapped to a table replaced by its columns; the rest as it is."""
    if depth > DEEPEST:
        return value
    if isinstance(value, (list, tuple, set, frozenset)) and type(value) in (list, tuple, set, frozenset):
        items = [told(each, depth + 1) for each in value]
        if type(value) in (set, frozenset):
            return [type(value).__name__, *sorted(items, key=repr)]
        return items if type(value) is list else tuple(items)
    if type(value) in (dict, collections.OrderedDict, collections.defaultdict):
        return {_key(told(key, depth + 1)): told(each, depth + 1) for key, each in value.items()}
    columns = columns_of(value)
    if columns is not None:
        return {"row of": type(value).__name__, **{name: getattr(value, name) for name in columns}}
    mapping = getattr(value, "_mapping", None)
    if isinstance(value, tuple) and isinstance(mapping, collections.abc.Mapping):
        return {"row": {str(name): told(each, depth + 1) for name, each in mapping.items()}}
    return value


def _key(value: Any) -> Any:
    return repr(value) if isinstance(value, (dict, list)) else value


def columns_of(value: Any) -> list[str] | None:
    """Return the columns of a row of SQLAlchemy's or Django's; None where a value is none."""
    mapper = getattr(type(value), "__mapper__", None)
    if mapper is not None:
        return sorted(each.key for each in mapper.column_attrs)
    meta = getattr(type(value), "_meta", None)
    fields = getattr(meta, "concrete_fields", None)
    return [each.attname for each in fields] if fields is not None and hasattr(value, "_state") else None


def left() -> dict[str, Any]:
    """Return the rows of all tables in the databases that are open, by database and table."""
    found: dict[str, Any] = {}
    for base in list(_opened):
        try:
            files = base.execute("PRAGMA database_list").fetchall()
        except sqlite3.Error:  # it is closed
            _opened.remove(base)
            continue
        name = Path(files[0][2]).name or "memory"
        with contextlib.suppress(sqlite3.Error):
            found |= {f"{name}.{table}": {"added": each} for table, each in rows(base).items()}
    return found
