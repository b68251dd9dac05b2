"""A whole application in this process: started once, filled with rows, asked at each entry point."""

from __future__ import annotations

import contextlib
import datetime
import importlib
import os
import re
import shutil
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from . import capturing, rewriting  # type: ignore[import-not-found,unused-ignore]
from .apps import _commands, _postgres, asgi, click, django, flask  # type: ignore[import-not-found,unused-ignore]
from .apps._contract import Answer, CannotStartError, Entry, Table  # type: ignore[import-not-found,unused-ignore]
from .apps._paths import filled  # type: ignore[import-not-found,unused-ignore]
from .apps._rows import Filler, in_order  # type: ignore[import-not-found,unused-ignore]
from .apps._schema import example  # type: ignore[import-not-found,unused-ignore]
from .apps._sqlalchemy import Engines, brief  # type: ignore[import-not-found,unused-ignore]
from .apps._varied import Varied  # type: ignore[import-not-found,unused-ignore]
from .steps import WORK  # type: ignore[import-not-found,unused-ignore]

ASKS = ("start", "fill", "visit")
FRAMEWORKS = (asgi, flask, click)
REPEATS, ENOUGH = 3, 0.3  # timings of one entry point, and seconds after which there are no more
SLOW = 2.0  # seconds; a call that takes longer is not made again to measure memory
HALVES = 12  # times that a refused batch of rows is halved
LINES = 20_000  # lines that are told of one entry point


class Running:
    """The application that was started, and what was learned of it."""

    def __init__(self) -> None:
        self.app: Any = None
        self.engines: Any = None
        self.entries: Sequence[Entry] = ()
        self.tables: Sequence[Table] = ()
        self.capture: Any = None
        self.places: tuple[str, ...] = ()
        self.ran: dict[str, dict[str, list[int]]] = {}  # lines, by file and entry point


RUNNING = Running()


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer one question about the application."""
    return {"start": start, "fill": fill, "visit": visit}[asked["ask"]](asked)


def start(asked: dict[str, Any]) -> dict[str, Any]:
    """Import the application, lead it to a scratch database, and return its entry points."""
    scratch = Path(os.environ["HOME"])
    for path in (*scratch.rglob("*.db*"), *scratch.rglob("*.sqlite3*")):  # of a run that was ended
        path.unlink()
    os.environ.update(asked["environment"])
    RUNNING.places = tuple(asked["roots"])
    WORK.watch()
    if asked.get("passes"):
        rewriting.install(asked["roots"])
    sys.path[:0] = [place for place in asked["places"] if place not in sys.path]
    database = _postgres.Place(**asked["database"]) if asked.get("database") else None
    if database is not None:
        database.lead()
    engines = RUNNING.engines = Engines(scratch, database)
    if asked["framework"] == "django":
        RUNNING.app = django.made_of(asked["target"], scratch, database)
    else:
        engines.redirect()
        flask.settle(scratch)
        target = found(asked["target"])
        for framework in FRAMEWORKS:
            if framework.is_one(target):
                more = (asked["session_names"],) if framework is flask else ()
                RUNNING.app = framework.made_of(target, engines, *more)
                break
        else:
            raise CannotStartError(f"{asked['target']} is a {type(target).__name__}, no application that is known here")
    app = RUNNING.app
    send(app, asked.get("headers", {}))
    RUNNING.entries = [each for entry in app.entries() for each in (entry, *entry.variants())]
    if asked.get("commands") or app.framework == "click":
        app.notes += _commands.imported(asked.get("modules", ()))
        found_here = _commands.commands(getattr(app, "app", app), app.framework, RUNNING.places, lambda: RUNNING.tables)
        RUNNING.entries = [*RUNNING.entries, *found_here]
    RUNNING.capture = capturing.installed(asked["capture"], RUNNING.places, stubs=asked.get("stub", True))
    return {
        "framework": app.framework,
        "python": ".".join(map(str, sys.version_info[:3])),
        "entries": [
            {"entry": each.name, "endpoint": each.endpoint, "file": each.file, "line": each.line}
            for each in RUNNING.entries
        ],
    }


def send(app: Any, headers: Mapping[str, str]) -> None:
    """Send headers with each request from now on."""
    for name, value in headers.items():
        if isinstance(app.headers, list):
            app.headers.append((name.lower().encode(), value.encode()))
        else:
            app.headers[name] = value


def found(target: str) -> Any:
    """Return an application by `module:attribute`; a function that makes one is called."""
    module, _, name = target.partition(":")
    loaded = importlib.import_module(module)
    made = loaded
    for part in name.split("."):
        made = getattr(made, part)
    if callable(made) and not any(framework.is_one(made) for framework in FRAMEWORKS):
        made = made()
    return made


def fill(asked: dict[str, Any]) -> dict[str, Any]:
    """Fill every table with rows; return how many each has, and why some have fewer."""
    app = RUNNING.app
    tables = in_order(app.tables())
    today = datetime.date.today()
    varied = Varied() if asked.get("varied") else None
    filler = Filler(tables, asked["said"], today, even=asked["even"], varied=varied)
    counts: dict[str, int] = {}
    refused: dict[str, str] = {}
    for table in tables:
        if table.keys and table.handle is None:  # filled by the framework itself
            continue
        rows = filler.rows(table, asked["n"])
        kept, why = inserted(app, table, rows)
        if why and len(kept) < len(rows):
            refused[table.name] = why
        for column in table.keys:
            table.keys[column] = [row.get(column) for row in kept]
        counts[table.name] = len(kept)
        if not rows:
            refused[table.name] = "what it refers to has no rows"
    app.filled()
    RUNNING.tables = tables
    try:
        signed = signed_in(app, tables, asked.get("as", ""))
    except Exception as error:  # the user's code
        return {"cannot": f"{type(error).__name__}: {error}"}
    if asked["writes"]:
        keep()
    return {
        "rows": counts,
        "refused": refused,
        "signed_in": signed,
        "notes": [*app.notes, *RUNNING.engines.notes, *getattr(getattr(app, "database", None), "notes", [])],
        "relations": app.relations(),
        "models": {table.model: table.name for table in tables if table.model},
    }


def signed_in(app: Any, tables: Sequence[Table], hook: str) -> str:
    """Sign somebody in: whom the function `module:name` gives, else the first user. Return how."""
    if not hook:
        return str(app.sign_in(tables))
    module, _, name = hook.partition(":")
    given = app.given(getattr(importlib.import_module(module), name))
    if isinstance(given, Mapping):
        send(app, given)
        return f"signed in by {hook}: it gives {', '.join(given) or 'nothing'}"
    app.sign_in(tables, given)
    return f"signed in by {hook}"


def keep() -> None:
    """Keep the scratch databases as they were filled."""
    RUNNING.app.close()
    for path in scratch_files():
        shutil.copyfile(path, f"{path}.kept")


def restore() -> None:
    """Put the scratch databases back to what they were filled with."""
    RUNNING.app.close()
    for path in scratch_files():
        kept = Path(f"{path}.kept")
        if kept.exists():
            shutil.copyfile(kept, path)


def scratch_files() -> list[Path]:
    """Return the databases in the scratch folder, and in the folders below it that a program makes for its own."""
    scratch = Path(os.environ["HOME"])
    return [path for kind in ("*.db", "*.sqlite3", "*.sqlite") for path in scratch.rglob(kind) if path.is_file()]


def inserted(app: Any, table: Table, rows: list[dict[str, Any]], depth: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Add rows; where some are refused, those that are not. Return them, and why the first was refused."""
    if not rows:
        return [], ""
    try:
        app.insert(table, rows)
    except Exception as error:  # the database's, the driver's or a type's of the user: all say that a row does not fit
        why = brief(error)
        if len(rows) == 1 or depth > HALVES:
            return [], why
        half = len(rows) // 2
        first, _ = inserted(app, table, rows[:half], depth + 1)
        if depth == 0 and not first and len(rows) > 8:
            return [], why  # none fits
        second, _ = inserted(app, table, rows[half:], depth + 1)
        return first + second, why
    return rows, ""


def visit(asked: dict[str, Any]) -> dict[str, Any]:
    """Ask one entry point: once to warm up and see what runs, once counted, some times for time, once for memory."""
    entry = RUNNING.entries[asked["index"]]
    app = RUNNING.app
    try:
        path = filled(entry, RUNNING.tables)
        body = None
        if entry.method in ("POST", "PUT", "PATCH"):
            schema = app.body(entry)
            body = example(schema, schema.get("components", {}), RUNNING.tables) if schema is not None else None
    except Exception as error:  # what describes the entry point is the user's own
        return {"status": 0, "why": f"no request can be made ({type(error).__name__}: {error})", "path": entry.path}

    def call() -> Answer:
        said: Answer = _commands.run(entry) if entry.handle_runs else app.ask(entry, path, body)
        return said

    if entry.method != "GET":  # it may change what is there: each call finds what was filled
        counted = counted_call(call)
        restore()
        ran = lines_of(call)[1] if asked["lines"] else {}
        restore()
        return {**counted, "path": path, "ran": ran}

    first, ran = (call(), {}) if not asked["lines"] else lines_of(call)
    if entry.option and asked["lines"] and (not 200 <= first.status < 300 or not says_more(entry, ran)):
        return {"status": first.status, "same": True}
    RUNNING.ran[entry.name] = ran
    said: dict[str, Any] = {"path": path, "status": first.status, "hops": first.hops, "why": why(first), "ran": ran}
    if not 200 <= first.status < 300:
        return said
    said.update(counted_call(call))
    if not asked["quick"]:
        cpu, wall = said["cpu"], said["wall"]
        spent, times = wall, 1
        while times < REPEATS and spent < ENOUGH:
            before = time.process_time(), time.perf_counter()
            call()
            took = time.perf_counter() - before[1]
            cpu, wall = min(cpu, time.process_time() - before[0]), min(wall, took)
            spent, times = spent + took, times + 1
        if wall < SLOW:
            said["peak"] = peak_of(call)
        said.update({"cpu": cpu, "wall": wall})
    return said


def counted_call(call: Callable[[], Answer]) -> dict[str, Any]:
    """Return the answer of a call, what it took, and all that it asked of databases and other services."""
    cpu, wall = time.process_time(), time.perf_counter()
    with RUNNING.capture.recording() as trace:
        counted = call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    traced = trace.to_json()
    traced.pop("events", None)
    return {
        "status": counted.status, "hops": counted.hops, "bytes": counted.size, "why": why(counted), "trace": traced,
        "cpu": cpu, "wall": wall,
    }  # fmt: skip


def says_more(entry: Entry, ran: dict[str, list[int]]) -> bool:
    """Tell whether an option makes lines run that do not run without it."""
    plain = RUNNING.ran.get(f"{entry.method} {entry.path}", {})
    return any(set(lines) - set(plain.get(file, ())) for file, lines in ran.items())


def why(said: Answer) -> str:
    """Return why an answer is not the one that was hoped for, in the words of the program."""
    if said.error:
        return said.error
    if 200 <= said.status < 300:
        return ""
    text = said.start.decode("utf8", "replace")
    if "<html" in text.lower():
        text = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>", " ", text)
    return f"{said.status}: {' '.join(text.split())[:300]}"


def peak_of(call: Callable[[], Any]) -> int:
    """Return the most bytes that a call held at once."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def lines_of(call: Callable[[], Answer]) -> tuple[Answer, dict[str, list[int]]]:
    """Return what a call gives and which lines of the project ran, by file relative to its place, in any thread."""
    ran: dict[str, set[int]] = {}
    names: dict[str, set[int] | None] = {}
    places = [str(Path(place)) + os.sep for place in RUNNING.places]
    on = True

    def lines_in(file: str) -> set[int] | None:
        if file not in names:
            place = next((place for place in places if file.startswith(place)), None)
            inside = place is not None and not any(part in file for part in ("site-packages", f"{os.sep}.venv{os.sep}"))
            names[file] = ran.setdefault(file[len(place) :], set()) if inside and place is not None else None
        return names[file]

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if not on:
            return None
        if event == "line":
            known = names[frame.f_code.co_filename]
            if known is not None:
                known.add(frame.f_lineno)
        return local

    def trace(frame: FrameType, _event: str, _: Any) -> Any:
        if not on:
            sys.settrace(None)  # a thread that was started while lines were seen
            return None
        return local if lines_in(frame.f_code.co_filename) is not None else None

    threading.settrace(trace)
    sys.settrace(trace)
    try:
        said = call()
    finally:
        on = False
        sys.settrace(None)
        threading.settrace(None)
    with contextlib.suppress(RuntimeError):
        return said, {file: sorted(lines)[:LINES] for file, lines in ran.items() if lines}
    return said, {}
