"""What an application answers at an entry point, and what that leaves behind: asked by the judge of two versions."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import shutil
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import application, capturing  # type: ignore[import-not-found,unused-ignore]
from .application import RUNNING  # type: ignore[import-not-found,unused-ignore]
from .apps import _commands  # type: ignore[import-not-found,unused-ignore]
from .apps._contract import Answer, Entry, Kept, Table  # type: ignore[import-not-found,unused-ignore]
from .apps._paths import filled  # type: ignore[import-not-found,unused-ignore]
from .apps._schema import example  # type: ignore[import-not-found,unused-ignore]
from .passes import PASSES  # type: ignore[import-not-found,unused-ignore]
from .steps import WORK  # type: ignore[import-not-found,unused-ignore]
from .tables import ROWS, cell, columns, names  # type: ignore[import-not-found,unused-ignore]

ASKS = ("lay", "answer", "took", "passes")
MOST = 4 << 20  # bytes of an answer that are compared
EMPTY = "empty"
QUIET = ("date", "content-length", "server", "set-cookie", "vary")

_laid: dict[str, list[dict[str, list[Any]]]] = {}  # keys of the tables, by the rows that each table has


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer one question of the judge."""
    Kept.most = MOST
    return {"lay": lay, "answer": answered, "took": took, "passes": passes}[asked["ask"]](asked)


# ------------------------------------------------------------------------------ rows
def lay(asked: dict[str, Any]) -> dict[str, Any]:
    """Put the databases to `n` rows a table, the same ones each time, `varied` or all alike; return a digest of what
    they hold."""
    name = f"{asked['n']}{' varied' if asked.get('varied') else ''}"
    if name in _laid:
        put(name)
        for table, keys in zip(RUNNING.tables, _laid[name], strict=True):
            table.keys = dict(keys)
        application.signed_in(RUNNING.app, RUNNING.tables, asked.get("as", ""))
        application.keep()
        return {"digest": digest()}
    if not _laid:
        save(EMPTY)
    put(EMPTY)
    said = application.fill({**asked, "writes": True})
    if "cannot" in said:
        return dict(said)
    if RUNNING.tables and not application.scratch_files():
        return {"cannot": "its database is no file, and cannot be put back"}
    save(name)
    _laid[name] = [copy.deepcopy(table.keys) for table in RUNNING.tables]
    return {"digest": digest(), "rows": said["rows"], "refused": said["refused"]}


def save(name: str) -> None:
    """Keep the databases under a name."""
    RUNNING.app.close()
    for path in application.scratch_files():
        shutil.copyfile(path, f"{path}.{name}.laid")


def put(name: str) -> None:
    """Put the databases back to what was kept under a name."""
    RUNNING.app.close()
    for path in application.scratch_files():
        if (kept := Path(f"{path}.{name}.laid")).exists():
            shutil.copyfile(kept, path)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database to look into it."""
    base = sqlite3.connect(path)
    base.text_factory = lambda data: data.decode("utf8", "surrogateescape")
    try:
        yield base
    finally:
        base.close()


def digest() -> str:
    """Return a hash of all rows."""
    made = hashlib.sha256()
    for path in sorted(application.scratch_files()):
        with opened(path) as base:
            for name in names(base):
                made.update(name.encode("utf8", "surrogateescape"))
                for row in base.execute(f"SELECT * FROM {name} ORDER BY rowid"):
                    made.update(repr(row).encode("utf8", "surrogateescape"))
    return made.hexdigest()


def left() -> dict[str, Any]:
    """Return what was added to each table and removed since the databases were kept: what was committed."""
    found: dict[str, Any] = {}
    for path in application.scratch_files():
        kept = Path(f"{path}.kept")
        if not kept.exists():
            continue
        with opened(path) as base:
            base.execute("ATTACH ? AS kept", (str(kept),))
            for name in names(base):
                own = columns(base, name)
                order = ", ".join(str(place + 1) for place in range(len(own)))
                changed: dict[str, Any] = {}
                for what, one, other in (("added", "main", "kept"), ("removed", "kept", "main")):
                    with contextlib.suppress(sqlite3.Error):  # a table that was made or dropped meanwhile
                        asked = f"SELECT * FROM {one}.{name} EXCEPT SELECT * FROM {other}.{name} ORDER BY {order}"
                        rows = [list(map(cell, row)) for row in base.execute(f"{asked} LIMIT {ROWS}")]
                        if rows:
                            changed[what] = rows
                if changed:
                    changed["columns"] = own
                    changed["rows"] = base.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                    found[name.strip('"')] = changed
    return found


# ------------------------------------------------------------------------------ requests
def request(entry: Entry, place: int, several: int = 1) -> tuple[str, Any]:
    """Return the path and body of a request, about the row at a place of each table, with lists of `several` in the
    body. Raises what the program raises."""
    tables = [turned(table, place) for table in RUNNING.tables]
    path = filled(entry, tables)
    body = None
    if entry.method in ("POST", "PUT", "PATCH"):
        schema = RUNNING.app.body(entry)
        body = example(schema, schema.get("components", {}), tables, several=several) if schema is not None else None
    return path, body


def turned(table: Table, place: int) -> Table:
    """Return a table of which the row at a place is the first."""
    return replace(table, keys={name: [keys[place], *keys] if keys else [] for name, keys in table.keys.items()})


def calling(entry: Entry, path: str, body: Any) -> Callable[[], Answer]:
    """Return what asks an entry point."""

    def call() -> Answer:
        said: Answer = _commands.run(entry) if entry.handle_runs else RUNNING.app.ask(entry, path, body)
        return said

    return call


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """Ask an entry point, some times with the same rows, and return all that can be told from outside of each time."""
    entry = RUNNING.entries[asked["index"]]
    try:
        path, body = request(entry, asked["place"])
        if several := asked.get("several", 0):
            one, (path, body) = body, request(entry, asked["place"], several)
            if body == one:
                return {"unasked": "it is the request about one"}
    except Exception as error:  # what describes the entry point is the user's own
        return {"unasked": f"no request can be made ({type(error).__name__}: {error})"[:300]}
    call = calling(entry, path, body)
    return {"path": path, "calls": [once(call) for _ in range(asked["times"])]}


def once(call: Callable[[], Answer]) -> dict[str, Any]:
    """Return what one call comes to."""
    application.restore()
    box = outbox()
    box.clear()
    printed = io.StringIO()
    told = warnings.catch_warnings(record=True)  # which of them were told before depends on what was asked before
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), told:
        cpu, wall = time.process_time(), time.perf_counter()
        with RUNNING.capture.recording() as trace, WORK.counted():
            said = call()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "status": said.status,
        "error": said.error,
        "hops": list(said.hops),
        "headers": sorted([name, value] for name, value in said.headers if name.lower() not in QUIET),
        "bytes": said.size,
        "body": said.start.decode("utf8", "surrogateescape"),
        "printed": printed.getvalue()[:MOST],
        "mails": [mail(each) for each in box[:ROWS]],
        "rows": left(),
        "steps": WORK.steps,
        "text": WORK.bytes,
        "cpu": cpu,
        "wall": wall,
        **capturing.counts(trace),
    }


def outbox() -> list[Any]:
    """Return the messages that Django has sent, as far as it was asked to."""
    module = sys.modules.get("django.core.mail")
    if module is None:
        return []
    if not hasattr(module, "outbox"):
        module.outbox = []  # type: ignore[attr-defined]
    found: list[Any] = module.outbox
    return found


def mail(message: Any) -> list[Any]:
    """Return what a message says, and to whom."""
    return [str(message.subject), str(message.body), sorted(map(str, message.recipients()))]


def took(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the CPU and wall seconds of calls with the same rows, and the most memory that one held."""
    entry = RUNNING.entries[asked["index"]]
    call = calling(entry, *request(entry, asked["place"]))
    samples = []
    for _ in range(asked["times"]):
        if entry.method != "GET":
            application.restore()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            cpu, wall = time.process_time(), time.perf_counter()
            call()
            samples.append([time.process_time() - cpu, time.perf_counter() - wall])
    peak = 0
    if asked.get("peak"):
        application.restore()
        peak = application.peak_of(call)
    return {"samples": samples, "peak": peak}


def passes(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the project's code goes through for a request that was made before, by file and line; nothing where
    not all of it is counted."""
    entry = RUNNING.entries[asked["index"]]
    call = calling(entry, *request(entry, asked["place"]))
    for _ in range(2):  # what is only done once is done
        application.restore()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), PASSES.counted():
            said = call()
    whole = PASSES.whole and not PASSES.blind
    return {"status": said.status, "passes": PASSES.by_line() if whole else {}}
