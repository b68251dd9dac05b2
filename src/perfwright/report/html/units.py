"""What is measured, in which unit, and how an amount is said; how a series grows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from perfwright.finding import Growth
from perfwright.measure import growth as fits
from perfwright.measure.growth import CANNOT_TELL, Fit, Point
from perfwright.report import measured, words

TIMES = (
    *(10.0**power for power in range(-9, 2)),
    *(60.0, 600.0, 3_600.0, 36_000.0, 86_400.0),
    *(86_400 * 10.0**power for power in range(1, 12)),
)
BYTES = tuple(step * 1024.0**power for power in range(6) for step in (1, 10, 100))
COUNTS = tuple(10.0**power for power in range(16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A metric's name, where an axis has its marks, and how an amount is said; both in the metric's own unit."""

    name: str
    ticks: Sequence[float]
    say: Callable[[float], str]


def count(amount: float) -> str:
    """Return a count: `21`, `1,200`, `2.5`, `10M` on an axis only where it is round."""
    return words.count(amount) if amount >= 100 or amount == round(amount) else f"{amount:.3g}"


def short(amount: float) -> str:
    """Return a round number for an axis: `10`, `1,000`, `100k`, `1M`."""
    for limit, mark in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if amount >= limit:
            return f"{amount / {'T': 1e12, 'G': 1e9, 'M': 1e6, 'k': 1e3}[mark]:.3g}{mark}"
    return f"{amount:,.3g}" if amount < 1000 else f"{amount:,.0f}"


def octets(amount: float) -> str:
    """Return bytes: `512 B`, `1.2 MB`."""
    return f"{amount:.3g} B" if amount < 1000 else words.memory(amount / 1024)


SECONDS = Unit(name="time", ticks=TIMES, say=measured.duration)
MILLISECONDS = Unit(
    name="time", ticks=tuple(1000 * tick for tick in TIMES), say=lambda ms: measured.duration(ms / 1000)
)
OCTETS = Unit(name="memory", ticks=BYTES, say=octets)
KILOBYTES = Unit(name="memory", ticks=tuple(tick / 1024 for tick in BYTES), say=lambda kb: octets(kb * 1024))
COUNT = Unit(name="count", ticks=COUNTS, say=count)

METRICS = {
    "queries": replace(COUNT, name="queries"),
    "statements": replace(COUNT, name="distinct statements"),
    "rows": replace(COUNT, name="rows fetched"),
    "writes": replace(COUNT, name="writing queries"),
    "requests": replace(COUNT, name="outbound requests"),
    "lines": replace(COUNT, name="lines executed"),
    "cpu_s": replace(SECONDS, name="CPU time"),
    "wall_s": replace(SECONDS, name="wall time"),
    "cpu_ms": replace(MILLISECONDS, name="CPU time"),
    "wall_ms": replace(MILLISECONDS, name="wall time"),
    "latency_ms": replace(MILLISECONDS, name="latency"),
    "stall_ms": replace(MILLISECONDS, name="event loop stopped"),
    "peak_bytes": replace(OCTETS, name="peak memory"),
    "peak_kb": replace(KILOBYTES, name="peak memory"),
    "response_kb": replace(KILOBYTES, name="response size"),
}


def of(metric: str) -> Unit:
    """Return a metric's unit; one that is not known is counted, under its own name."""
    return METRICS.get(metric) or replace(COUNT, name=metric)


def points(values: Mapping[str, float]) -> list[Point]:
    """Return values by size as points, the smallest size first; what is no size is left out."""
    found = [(float(size), float(amount)) for size, amount in values.items() if size.isdecimal() and amount is not None]
    return sorted((n, amount) for n, amount in found if n > 0 and math.isfinite(amount))


def fitted(measured_: Sequence[Point], growth: Growth) -> Fit:
    """Return the curve of the class that was told, through the points."""
    return fits.of_class(measured_, growth)


def klass(growth: Growth) -> str:
    """Return a class of growth for a table: `n^2`, and a word where the class is none to read."""
    return {"1": "constant", "2^n": "exponential"}.get(growth.klass, growth.klass)


def told(growth: Growth) -> str:
    """Return how a metric grows, in a few words."""
    if growth.klass == CANNOT_TELL:
        return "growth cannot be told"
    if growth.klass == "1":
        return "constant"
    if growth.klass == "2^n":
        return "grows exponentially"
    return f"grows as {growth.klass}, exponent {growth.exponent:.2f} ({growth.low:.2f} to {growth.high:.2f})"
