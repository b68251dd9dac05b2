"""A whole application over growing data: started for each size on a scratch database, filled, asked everywhere."""

import fnmatch
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from perfwright.config import Settings
from perfwright.measure import growth
from perfwright.measure.application import Application
from perfwright.measure.growth import Fit
from perfwright.measure.postgres import Server
from perfwright.measure.run import Guest, GuestError
from perfwright.progress import Progress

CAPTURE = Path(__file__).parent.parent / "runtime" / "capture"
SIZES = (10, 30, 100, 300, 1_000)
STARTING, FILLING = 120.0, 300.0  # seconds
LONGEST = 20.0  # seconds that one entry point may take at one size
TOO_SLOW = 5.0  # seconds of one call, after which the entry point is not asked at larger sizes
MISSING = 12  # settings that are made up, one after the other, where the application asks for them
KEY_ERROR = re.compile(r"KeyError: ['\"](\w+)['\"]")
FIELD_REQUIRED = re.compile(r"^(\w+)\n\s+Field required", re.M)
WAITS, NOTICED = 1.5, 10.0  # wall to CPU, and milliseconds more, from which an entry point waits
STALL = 10.0  # milliseconds of the event loop that are told
NOISY = ("cpu_ms", "wall_ms", "own_ms", "stall_ms", "peak_kb", "latency_ms")
NOT_ALLOWED = 405
BUDGETS = {"queries": "queries", "latency_ms": "latency_ms", "stall_ms": "stall_ms", "response_kb": "response_kb"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of an entry point: its values by size, its growth, and what it comes to at the stated size."""

    name: str
    values: Mapping[int, float]
    fit: Fit
    at_stated: float | None = None
    budget: float | None = None

    @property
    def over(self) -> bool:
        """Whether more is predicted than the budget allows."""
        return self.budget is not None and self.at_stated is not None and self.at_stated > self.budget

    @property
    def grows(self) -> bool:
        """Whether it becomes more with the data."""
        return self.fit.growth.klass != "1" and self.fit.growth.exponent > growth.CACHES


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the project that makes queries or requests: how many, by size. `site` leads there, outermost first."""

    metric: str
    site: tuple[tuple[str, int, str], ...]
    statement: str
    tables: tuple[str, ...]
    values: Mapping[int, float]
    fit: Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An entry point that was asked: what it answered at each size, what that cost, and which lines ran."""

    entry: str
    endpoint: str
    path: str
    status: Mapping[int, int]
    metrics: Mapping[str, Metric]
    lines: Sequence[Line]
    ran: Mapping[str, frozenset[int]]
    hops: tuple[str, ...] = ()
    stopped: str = ""
    faults: int = 0  # of the watcher: what is counted may be too little

    @property
    def answered(self) -> bool:
        """Whether it was answered well at every size at which it was asked."""
        return bool(self.status) and all(200 <= each < 300 for each in self.status.values())

    @property
    def said_well(self) -> bool:
        """Whether it was answered well at one size at least."""
        return any(200 <= each < 300 for each in self.status.values())

    @property
    def cost(self) -> float:
        """Milliseconds predicted at the stated size; what was seen last where nothing can be predicted."""
        latency = self.metrics.get("latency_ms")
        if latency is None:
            return 0.0
        return latency.at_stated if latency.at_stated is not None else max(latency.values.values(), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """An entry point that was not answered well: why, and what would help."""

    entry: str
    why: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaled:
    """What growing data showed of a whole application.

    `models` gives the table of each model, `relations` that of each relation (`Order.lines`).
    """

    app: str
    framework: str
    python: str
    tier: str
    contained: str
    sizes: Sequence[int]
    rows: Mapping[int, Mapping[str, int]]
    refused: Mapping[str, str]
    entries: Sequence[Asked]
    unreached: Sequence[Unreached]
    notes: Sequence[str]
    models: Mapping[str, str]
    relations: Mapping[str, str]
    stopped: str
    seconds: float


@dataclass(slots=True)
class _Seen:
    """What was heard of one entry point so far."""

    entry: str
    endpoint: str
    path: str = ""
    hops: tuple[str, ...] = ()
    status: dict[int, int] = field(default_factory=dict)
    why: str = ""
    said: dict[int, dict[str, Any]] = field(default_factory=dict)
    ran: dict[str, set[int]] = field(default_factory=dict)
    stopped: str = ""
    same: bool = False  # asked with an option that changes nothing


class ApplicationError(GuestError):
    """The application could not be started or filled."""


def scale(
    guest: Callable[[], Guest],
    app: Application,
    root: Path,
    settings: Settings,
    *,
    sizes: Sequence[int] = SIZES,
    seconds: float = 120.0,
    writes: bool = False,
    commands: bool = False,
    even: bool = False,
    only: Sequence[str] = (),
    headers: Mapping[str, str] | None = None,
    server: Server | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Scaled:
    """Measure an application at growing sizes within `seconds`, three sizes at least.

    `guest` starts an interpreter with a scratch folder of its own; `only` has patterns of paths, as of a shell, that
    are to be asked. With `even`, no row has more children than another. With a `server` there is a database on it for
    each size, else SQLite; what `guest` starts shares its folder then. Raises ApplicationError where the application
    cannot be started.
    """
    progress = progress or Progress()
    began, until = clock(), clock() + seconds
    seen: dict[str, _Seen] = {}
    rows: dict[int, Mapping[str, int]] = {}
    run = _Run(guest, app, root, dict(headers or {}), server, commands=commands, writes=writes, even=even)
    done: list[int] = []
    stopped = "the largest size was reached"
    last = 0.0
    for n in sizes:
        left = until - clock()
        if len(done) >= growth.LEAST_COUNTED and left < last * 3:
            stopped = "the time was used up"
            break
        before = clock()
        with guest() as one:
            one.reads += [*app.places, root, CAPTURE]
            if server is not None:
                one.reach, one.fills = (server.host, server.port), server.folders
            started, filled = run.start(one, n)
            for each in started["entries"]:
                seen.setdefault(each["entry"], _Seen(each["entry"], each["endpoint"]))
            rows[n] = filled["rows"]
            progress.begin(f"{n:,} rows a table", len(started["entries"]))
            began_asking, share = clock(), max(until - clock(), 0.0) / max(len(sizes) - len(done), 1)
            for index, each in in_order(started["entries"]):
                progress.step(0)
                path = each["entry"].partition(" ")[2]
                if only and not any(fnmatch.fnmatchcase(path, pattern) for pattern in only):
                    continue
                known = seen[each["entry"]]
                if _is_asked(each["entry"], writes) and not (
                    known.stopped or known.same or known.hops or _refused(known)
                ):
                    quick = index > 0 and (clock() - began_asking) / index * len(started["entries"]) > share
                    run.visit(one, index, n, known, most=LONGEST, quick=quick)
                if len(done) >= growth.LEAST_COUNTED and clock() > until:
                    break
            done.append(n)
            tier, contained = one.tier, one.contained
        last = clock() - before
    stated = settings.size.rows
    heard = [each for each in seen.values() if each.status and not each.same and not _is_forbidden(each)]
    entries = [_asked(each, stated, settings) for each in heard if any(200 <= s < 300 for s in each.status.values())]
    entries.sort(key=lambda each: (-each.cost, each.entry))
    unreached = [
        Unreached(entry=each.entry, why=each.why, help=helps(each, signed_in=bool(filled["signed_in"])))
        for each in heard
        if _is_unreached(each)
    ]
    unreached += [
        Unreached(entry=each.entry, why="it writes", help="ask it as well with --writes")
        for each in seen.values()
        if not _is_asked(each.entry, writes) and not only
    ]
    return Scaled(
        app=app.target, framework=started["framework"], python=started["python"], tier=tier, contained=contained,
        sizes=done, rows=rows, refused=filled["refused"], entries=entries, unreached=unreached,
        notes=[*filled["notes"], *([filled["signed_in"]] if filled["signed_in"] else []), *run.notes, *faulty(entries)],
        models=filled["models"], relations=filled["relations"], stopped=stopped, seconds=clock() - began,
    )  # fmt: skip


def faulty(entries: Sequence[Asked]) -> list[str]:
    """Return where the watcher failed: its counts are a lower bound there."""
    return [
        f"watching {each.entry} failed {each.faults} times: its counts may be too low"
        for each in entries
        if each.faults
    ]


def in_order(entries: Sequence[Any]) -> list[tuple[int, Any]]:
    """Return entry points with their numbers: those that only read first, those that delete last."""
    ranks = {"GET": 0, "DELETE": 2}
    return sorted(enumerate(entries), key=lambda each: ranks.get(each[1]["entry"].partition(" ")[0], 1))


class _Run:
    """Starts the application in one interpreter after the other, with the settings that it turned out to need."""

    def __init__(
        self,
        guest: Callable[[], Guest],
        app: Application,
        root: Path,
        headers: Mapping[str, str],
        server: Server | None,
        *,
        commands: bool,
        writes: bool,
        even: bool,
    ) -> None:
        self.commands, self.writes, self.even, self.server = commands, writes, even, server
        self.guest, self.app, self.root, self.headers = guest, app, root, headers
        self.environment: dict[str, str] = {}
        self.notes = [f"its scratch databases are of {server.name}"] if server is not None else []

    def start(self, guest: Guest, n: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start and fill; return what the application said of both."""
        question = {
            "ask": "start", "framework": self.app.framework, "target": self.app.target,
            "places": [str(place) for place in self.app.places], "roots": [str(self.root)],
            "environment": self.environment, "capture": str(CAPTURE), "headers": self.headers,
            "session_names": list(self.app.session_names), "commands": self.commands,
        }  # fmt: skip
        for _ in range(MISSING):
            said = guest.ask({**question, "database": self.server.fresh() if self.server else None}, STARTING)
            missing = _missing(str(said.get("raised", "")))
            if not missing or missing in self.environment:
                break
            self.environment[missing] = _made_up(missing, on_postgres=self.server is not None)
            self.notes.append(f"{missing} was set to {self.environment[missing]!r}, since the application asks for it")
            guest.end()
        why = said.get("raised") or said.get("ended") or said.get("cannot")
        if why:
            raise ApplicationError(
                f"{self.app.target} does not start ({_plain(str(why))}); it is imported from "
                f"{self.app.places[0]} with {guest.python}: name another one with APP or --python.",
                slug="cannot-start",
            )
        writes = self.writes or self.commands
        filled = guest.ask(
            {"ask": "fill", "n": n, "said": dict(self.app.said), "writes": writes, "even": self.even}, FILLING
        )
        why = filled.get("raised") or filled.get("ended")
        if why:
            raise ApplicationError(
                f"the tables of {self.app.target} cannot be filled ({_plain(str(why))}); report it, with the models.",
                slug="cannot-fill",
            )
        return said, filled

    def visit(self, guest: Guest, index: int, n: int, known: _Seen, *, most: float, quick: bool) -> None:
        """Ask one entry point at one size, and remember what it said; `quick` where time is short: once, for counts."""
        lines = not known.said or (len(known.said) == 1 and not quick)
        said = guest.ask({"ask": "visit", "index": index, "lines": lines, "quick": quick}, most)
        if "status" not in said:
            known.stopped = str(said.get("ended") or said.get("raised") or "gave no answer")
            known.why = known.why or f"at {n:,} rows it {known.stopped}"
            known.status[n] = 0
            if "ended" in said:
                self.start(guest, n)
            return
        if said.get("same"):
            known.same = True
            return
        known.path, known.status[n], known.hops = said.get("path", ""), said["status"], tuple(said.get("hops", ()))
        known.why = said.get("why", "") or known.why
        for file, lines in said.get("ran", {}).items():
            known.ran.setdefault(file, set()).update(lines)
        if "trace" in said:
            known.said[n] = said
            if said["wall"] > TOO_SLOW:
                known.stopped = f"takes {said['wall']:.1f} s at {n:,} rows"


def _is_asked(entry: str, writes: bool) -> bool:
    return writes or entry.startswith(("GET ", "command ", "task "))


def _is_forbidden(known: _Seen) -> bool:
    """Tell whether an entry point does not take the method that it was asked by."""
    return set(known.status.values()) == {NOT_ALLOWED}


def _refused(known: _Seen) -> bool:
    return bool(known.status) and not any(200 <= each < 300 for each in known.status.values())


def _is_unreached(known: _Seen) -> bool:
    return not any(200 <= each < 300 for each in known.status.values())


def _missing(raised: str) -> str:
    """Return the setting that an application asks its environment for and does not find."""
    found = KEY_ERROR.search(raised)
    if found is not None and found[1].isupper():
        return found[1]
    found = FIELD_REQUIRED.search(raised)
    return found[1].upper() if found is not None else ""


def _made_up(name: str, *, on_postgres: bool = False) -> str:
    """Return a value for a setting that must be there."""
    if re.search(r"DATABASE|DB_?UR[LI]|_DSN$|SQLALCHEMY", name):
        return "postgresql://perfwright@localhost/perfwright" if on_postgres else "sqlite:///perfwright.db"
    if "REDIS" in name:
        return "redis://localhost:6379/0"
    if re.search(r"UR[LI]|ENDPOINT|ORIGIN", name):
        return "http://localhost:8000"
    if re.search(r"PORT|TIMEOUT|SECONDS|MINUTES|LIMIT|SIZE|COUNT|TTL|EXPIR", name):
        return "60"
    if re.search(r"DEBUG|ENABLE|USE_|^IS_", name):
        return "0"
    if "MAIL" in name:
        return "amber@example.com"
    return "perfwright-perfwright-perfwright-perfwright"


def _plain(why: str) -> str:
    """Return a reason on one line."""
    return " ".join(why.removeprefix("CannotStartError: ").split())[:400]


def helps(known: _Seen, *, signed_in: bool) -> str:
    """Return what would help an entry point that was not answered well."""
    status = next(iter(known.status.values()), 0)
    if status in (401, 403) and signed_in:
        return "the first user may not: say who may with --header"
    if status in (401, 403):
        return "give what signs in with --header, as 'Authorization: Bearer ...'"
    if status == 404:
        return "no row was found by what its path was filled with"
    if status in (400, 422):
        return "it asks for something that perfwright did not guess"
    if status >= 500:
        return "it fails on rows that are true to the schema: see why"
    if 300 <= status < 400:
        return "it leads elsewhere"
    return ""


def _asked(known: _Seen, stated: int, settings: Settings) -> Asked:
    sizes = sorted(known.said)
    values: dict[str, dict[int, float]] = {}
    waits = all(_waits(known.said[n]) for n in sizes)  # on a busy machine one size may look so
    for n in sizes:
        for name, value in figures(known.said[n], settings, waits=waits).items():
            values.setdefault(name, {})[n] = value
    metrics = {name: _metric(name, by_size, stated, known.entry, settings) for name, by_size in values.items()}
    if "latency_ms" in metrics:
        metrics["latency_ms"] = replace(metrics["latency_ms"], at_stated=_latency(metrics, settings))
    return Asked(
        entry=known.entry, endpoint=known.endpoint, path=known.path, status=known.status, metrics=metrics,
        lines=_lines(known), ran={file: frozenset(lines) for file, lines in known.ran.items()}, hops=known.hops,
        stopped=known.stopped, faults=sum(int(said["trace"].get("faults", 0)) for said in known.said.values()),
    )  # fmt: skip


def _waits(said: Mapping[str, Any]) -> bool:
    """Tell whether an answer took longer than the processor worked for it."""
    cpu, wall = said["cpu"] * 1000, said["wall"] * 1000
    return bool(wall > WAITS * cpu and wall - cpu > NOTICED)


def figures(said: Mapping[str, Any], settings: Settings, *, waits: bool) -> dict[str, float]:
    """Return the figures of one answer: counts, milliseconds and kilobytes.

    `latency_ms` is what a request takes with the database and other services at the prices of the settings: `own_ms`,
    what it takes of itself (of the processor; all of its time where it `waits`), and each query and outbound request
    at its price.
    """
    trace = said["trace"]
    cpu, wall = said["cpu"] * 1000, said["wall"] * 1000
    own = wall if waits else cpu
    requests = sum(each["count"] for each in trace["requests"])
    found = {
        "queries": trace["queries"],
        "statements": trace["statements"],
        "rows": trace["rows"],
        "writes": trace["writes"],
        "requests": requests,
        "cpu_ms": cpu,
        "wall_ms": wall,
        "own_ms": own,
        "stall_ms": trace["stall_ms"],
        "response_kb": said["bytes"] / 1024,
        "latency_ms": own + trace["queries"] * settings.prices["db.query"] + requests * settings.prices["http.request"],
    }
    if "peak" in said:
        found["peak_kb"] = said["peak"] / 1024
    return found


def _latency(metrics: Mapping[str, Metric], settings: Settings) -> float | None:
    """Return what a request takes at the stated size: its parts grow each in their own way."""
    parts = [metrics[name].at_stated for name in ("own_ms", "queries", "requests")]
    own, queries, requests = (part if part is not None else 0.0 for part in parts)
    if parts[0] is None and parts[1] is None:
        return None
    return own + queries * settings.prices["db.query"] + requests * settings.prices["http.request"]


def _metric(name: str, values: Mapping[int, float], stated: int, entry: str, settings: Settings) -> Metric:
    noisy = name in NOISY
    points = sorted(values.items())
    fit = growth.few(points) if noisy and all(values.values()) else growth.counted(points)
    at_stated = values.get(stated)
    if at_stated is None and fit.curve is not None:
        at_stated = max(fit.curve.at(stated), max(values.values()) if fit.growth.klass != "1" else 0.0)
    rate, largest = fit.growth.exponent, max(values)
    if at_stated is None and fit.curve is None and rate > 0 and len(values) >= growth.LEAST_COUNTED:
        at_stated = values[largest] * max(stated / largest, 1.0) ** rate  # no class, but a slope
    budget = settings.budget.of(BUDGETS[name], (entry.partition("?")[0],)) if name in BUDGETS else None
    if name == "peak_kb":
        budget = settings.budget.of("memory_mb", (entry,)) * 1024
    return Metric(name=name, values=values, fit=fit, at_stated=at_stated, budget=budget)


def _site(frames: Sequence[Any]) -> tuple[tuple[str, int, str], ...]:
    """Return the frames of a call site that are the project's: a project that holds perfwright has ours among them."""
    ours = "perfwright/measure/worker/"
    return tuple((str(path), int(line), str(name)) for path, line, name in frames if ours not in str(path))


def _lines(known: _Seen) -> list[Line]:
    """Return the lines that make queries and requests, those whose count grows first."""
    found: dict[tuple[str, str, tuple[tuple[str, int, str], ...]], dict[int, float]] = {}
    tables: dict[str, tuple[str, ...]] = {}
    for n, said in known.said.items():
        for group in said["trace"]["groups"]:
            if group["kind"] == "query":
                site = _site(group["site"])
                key = ("queries", str(group["statement"]), site)
                by_size = found.setdefault(key, {})
                by_size[n] = by_size.get(n, 0) + group["count"]
                read = found.setdefault(("rows", *key[1:]), {})
                read[n] = read.get(n, 0) + group["rows"]
                tables[key[1]] = tuple(map(str, group["tables"]))
        for stall in said["trace"]["stalls"]:
            site = _site(stall["site"])
            if site and stall["ms"] >= STALL:
                by_size = found.setdefault(("stall_ms", "", site), {})
                by_size[n] = max(by_size.get(n, 0), stall["ms"])
        for request in said["trace"]["requests"]:
            site = _site(request["site"])
            key = ("requests", f"{request['method']} {request['host']}{request['path']}", site)
            by_size = found.setdefault(key, {})
            by_size[n] = by_size.get(n, 0) + request["count"]
    sizes = sorted(known.said)
    lines = []
    for (metric, statement, site), counts in found.items():
        values = {n: counts.get(n, 0) for n in sizes}
        fit = growth.counted(list(values.items()))
        lines.append(
            Line(
                metric=metric, site=site, statement=statement, tables=tables.get(statement, ()), values=values, fit=fit
            )
        )  # fmt: skip
    lines.sort(key=lambda line: (-line.values[sizes[-1]] if sizes else 0, line.statement, line.site))
    return lines
