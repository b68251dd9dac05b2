"""What one recording saw: exact counts by statement and call site, and the first events one by one."""

import marshal
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from .scope import QUERY, SETTING_UP
from .sites import Key, Line, Origin, Sites, here
from .statements import Statement, normal

EVENTS = 2_000  # kept one by one
GROUPS = 5_000  # told apart; what comes after is counted in one group of its own
PARAMETERS = 20_000  # hashes of parameters that a group remembers
SETS = 1_000  # sets of parameters of one executemany that are hashed
STATEMENTS = 5_000  # texts whose normal form is remembered
STALLS = 200  # the longest are kept
BEYOND = Statement("(further statements)", "", (), False, False)

_normals: dict[str, Statement] = {}


class Group:
    """One statement at one call site, or one kind of request."""

    __slots__ = (
        "count",
        "database",
        "identical",
        "kind",
        "ms",
        "rows",
        "seen",
        "site",
        "statement",
        "stubbed",
        "writes",
    )

    def __init__(self, kind: str, statement: Any, site: tuple[Line, ...], database: str) -> None:
        self.kind, self.statement, self.site, self.database = kind, statement, site, database
        self.count = self.rows = self.writes = self.identical = 0
        self.ms = 0.0
        self.stubbed = False
        self.seen: set[int] = set()


class Mark:
    """One event: a statement or a request that has begun."""

    __slots__ = ("group", "ms", "returns", "start", "trace")

    def __init__(self, trace: "Trace", group: Group) -> None:
        self.returns = False  # each row that is fetched is one that was written
        self.trace, self.group, self.ms = trace, group, 0.0
        self.start = time.perf_counter()

    def rows(self, count: int) -> None:
        """Count rows that were fetched."""
        if not self.trace.closed:
            with self.trace.lock:
                self.group.rows += count
                if self.returns:
                    self.group.writes += count

    def end(self, written: int = 0) -> None:
        """Note the time that it took, and how many rows were written."""
        self.ms = (time.perf_counter() - self.start) * 1000
        with self.trace.lock:
            self.group.ms += self.ms
            if self.group.kind == "query" and self.group.statement.is_write:
                # SQLite knows what a RETURNING has written when it has been read.
                self.returns = not written and "RETURNING" in self.group.statement.text.upper()
                self.group.writes += written


class Trace:
    """The counts of one recording. Its methods may be called from any thread, and never raise."""

    def __init__(self, sites: Sites, fault: Callable[[], None], last: FrameType | None) -> None:
        self.sites, self.fault = sites, fault
        self.last = last  # the frame that opened it: nothing above is of interest
        self.lock = threading.Lock()
        self.opened = time.perf_counter()
        self.closed = False
        self.kept: dict[int, CodeType] = {}
        self.quick: dict[Any, Group] = {}
        self.groups: dict[Any, Group] = {}
        self.requests: dict[Any, Group] = {}
        self.events: list[Mark] = []
        self.dropped = 0
        self.stalls: list[dict[str, Any]] = []
        self.stalls_dropped = 0
        self.faults = 0

    def query(
        self, sql: Any, parameters: Any = None, *, sets: int = 1, database: str = "", depth: int = 2
    ) -> Mark | None:
        """Count a statement that is about to run. `depth` is the frame to look from, `sets` those of an executemany."""
        try:
            if self.closed:
                return None
            text = sql if isinstance(sql, str) else _text(sql)
            frame = sys._getframe(depth)
            setting_up = QUERY.get() == SETTING_UP
            key = (text, database, setting_up, *self.sites.key(frame, self.last, self.kept))
            known = hashed(text, parameters, sets)
            with self.lock:
                group = self.quick.get(key) or self._new(key, text, database, setting_up, frame)
                group.count += 1
                if known in group.seen:
                    group.identical += 1
                elif known is not None and len(group.seen) < PARAMETERS:
                    group.seen.add(known)
                mark = Mark(self, group)
                self._event(mark)
            return mark
        except Exception:
            self._fault()
            return None

    def request(self, method: str, host: str, path: str, *, stubbed: bool, depth: int = 2) -> Mark | None:
        """Count a request that is about to go out, or would."""
        try:
            if self.closed:
                return None
            frame = sys._getframe(depth)
            key = (method, host, path, stubbed, *self.sites.key(frame, self.last, self.kept))
            with self.lock:
                group = self.quick.get(key)
                if group is None:
                    site = self.sites.lines(frame, self.last)
                    whole = (method, host, path, stubbed, site)
                    if len(self.requests) >= GROUPS:
                        whole = (method, "", "", stubbed, ())
                    group = self.requests.setdefault(whole, Group("request", whole[:3], whole[4], ""))
                    group.stubbed = stubbed
                    self.quick[key] = group
                group.count += 1
                mark = Mark(self, group)
                self._event(mark)
            return mark
        except Exception:
            self._fault()
            return None

    def stall(self, ms: float, site: tuple[Line, ...], held: bool, samples: int) -> None:
        """Note a time in which the event loop stood still."""
        with self.lock:
            if self.closed:
                return
            told = [list(line) for line in site]
            self.stalls.append({"ms": round(ms, 3), "site": told, "held_gil": held, "samples": samples})
            if len(self.stalls) > STALLS:
                self.stalls.remove(min(self.stalls, key=lambda stall: stall["ms"]))
                self.stalls_dropped += 1

    def origin(self, frame: FrameType) -> Origin:
        """Return where work is handed on, for the thread that takes it."""
        return here(self.sites, frame, self.last, self.kept)

    def close(self) -> None:
        """Take no more."""
        with self.lock:
            self.closed = True
            self.last = None  # its locals may hold this trace
            self.quick.clear()
            self.kept.clear()

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON's types."""
        with self.lock:
            groups = sorted(self.groups.values(), key=lambda group: -group.count)
            requests = sorted(self.requests.values(), key=lambda group: -group.count)
            queries = [group for group in groups if group.kind == "query"]
            index = {id(group): place for told in (groups, requests) for place, group in enumerate(told)}
            return {
                "queries": sum(group.count for group in queries),
                "statements": len({group.statement.text for group in queries}),
                "rows": sum(group.rows for group in queries),
                "writes": sum(group.writes for group in queries),
                "query_ms": round(sum(group.ms for group in queries), 3),
                "groups": [_statement(group) for group in groups],
                "requests": [_request(group) for group in requests],
                "stalls": sorted(self.stalls, key=lambda stall: -stall["ms"]),
                "stall_ms": max((stall["ms"] for stall in self.stalls), default=0.0),
                "events": [
                    {
                        "kind": mark.group.kind,
                        "group": index[id(mark.group)],
                        "start_ms": round((mark.start - self.opened) * 1000, 3),
                        "ms": round(mark.ms, 3),
                    }
                    for mark in self.events
                ],
                "dropped": self.dropped,
                "stalls_dropped": self.stalls_dropped,
                "faults": self.faults,
            }

    def _new(self, key: Key, text: str, database: str, setting_up: bool, frame: FrameType) -> Group:
        statement = _normal(text)
        site = self.sites.lines(frame, self.last)
        kind = "control" if setting_up or statement.is_control else "query"
        whole = (kind, statement.text, site, database)
        if len(self.groups) >= GROUPS and whole not in self.groups:
            statement, site = BEYOND, ()
            whole = (kind, BEYOND.text, site, database)
        group = self.groups.get(whole)
        if group is None:
            group = self.groups[whole] = Group(kind, statement, site, database)
        if len(self.quick) < 10 * GROUPS:
            self.quick[key] = group
        return group

    def _event(self, mark: Mark) -> None:
        if len(self.events) < EVENTS:
            self.events.append(mark)
        else:
            self.dropped += 1

    def _fault(self) -> None:
        self.faults += 1
        self.fault()


def hashed(text: str, parameters: Any, sets: int) -> int | None:
    """Return a hash of a statement and its parameters; None where they cannot be compared."""
    if sets > SETS:
        return None
    try:
        # Not hash(): it is the same for -1 and -2. Not the later formats: theirs depends on who else holds a value.
        return hash((text, marshal.dumps(parameters, 0)))
    except ValueError:
        try:
            return hash((text, tuple(parameters)))
        except Exception:
            try:
                return hash((text, repr(parameters)))
            except Exception:
                return None


def _normal(text: str) -> Statement:
    found = _normals.get(text)
    if found is None:
        if len(_normals) >= STATEMENTS:
            _normals.clear()
        found = _normals[text] = normal(text)
    return found


def _text(sql: Any) -> str:
    if isinstance(sql, (bytes, bytearray)):
        return bytes(sql).decode("utf-8", "replace")
    return str(sql)


def _statement(group: Group) -> dict[str, Any]:
    statement: Statement = group.statement
    return {
        "kind": group.kind,
        "statement": statement.text,
        "verb": statement.verb,
        "tables": list(statement.tables),
        "count": group.count,
        "rows": group.rows,
        "writes": group.writes,
        "ms": round(group.ms, 3),
        "identical": group.identical,
        "site": [list(line) for line in group.site],
        "database": group.database,
    }


def _request(group: Group) -> dict[str, Any]:
    method, host, path = group.statement
    return {
        "kind": group.kind,
        "method": method,
        "host": host,
        "path": path,
        "count": group.count,
        "ms": round(group.ms, 3),
        "site": [list(line) for line in group.site],
        "stubbed": group.stubbed,
    }
