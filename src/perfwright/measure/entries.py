"""What an entry point showed at each size: its figures, how they grow, and the lines that cause them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from perfwright.config import Settings
from perfwright.measure import growth
from perfwright.measure.growth import Fit

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
class Seen:
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

    @property
    def said_well(self) -> bool:
        """Whether it was answered well at one size at least."""
        return any(200 <= each < 300 for each in self.status.values())

    @property
    def forbidden(self) -> bool:
        """Whether it does not take the method that it was asked by."""
        return set(self.status.values()) == {NOT_ALLOWED}


def asked(known: Seen, stated: int, settings: Settings) -> Asked:
    """Return an entry point with what it comes to at the stated size."""
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


def _lines(known: Seen) -> list[Line]:
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


def helps(known: Seen, *, signed_in: bool) -> str:
    """Return what would help an entry point that was not answered well."""
    status = next(iter(known.status.values()), 0)
    if status in (401, 403) and signed_in:
        return "the first user may not: say who may with --as or --header"
    if status in (401, 403):
        return "sign in with --as, or with --header 'Authorization: Bearer ...'"
    if status == 404:
        return "no row was found by what its path was filled with"
    if status in (400, 422):
        return "it asks for something that perfwright did not guess"
    if status >= 500:
        return "it fails on rows that are true to the schema: see why"
    if 300 <= status < 400:
        return "it leads elsewhere"
    return ""


def faulty(entries: Sequence[Asked]) -> list[str]:
    """Return where the watcher failed: its counts are a lower bound there."""
    return [
        f"watching {each.entry} failed {each.faults} times: its counts may be too low"
        for each in entries
        if each.faults
    ]
