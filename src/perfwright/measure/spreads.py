"""How a function takes input that is spread in another way than at random: sorted, equal, near-miss, searched for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perfwright.measure import growth
from perfwright.measure.growth import Point
from perfwright.measure.run import Guest

NAMED = {
    "equal": "all items equal",
    "sorted": "sorted",
    "reversed": "sorted backwards",
    "few": "few distinct items",
    "near-miss": "text of 'a' again and again, then '!'",
}
SMALL = (12, 16, 20, 24, 32, 64)  # a pattern that backtracks ends before the next
CALL, LARGE = 0.1, 0.002  # seconds: of one call; up to which a size is called large
STEEPER, LONGER, AT_LEAST = 0.3, 3.0, 1.3
LEAST_TIME, LEAST_LEFT = 20e-6, 0.15
CLIMB = 0.4  # of the time left
PARTS = 4  # of an input, that are measured apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The spread that takes longest: its slope and that of random input, and both times at one size."""

    said: str
    spread: str
    exponent: float
    random: float
    n: int
    cpu: float
    cpu_random: float
    late: bool = False  # it did not return at this size: `cpu` is what it had


def search(guest: Guest, points: Sequence[Point], seconds: float, clock: Callable[[], float]) -> Worst | None:
    """Return the spread that grows much steeper, or takes much longer, than random; None where none was found."""
    if seconds < LEAST_LEFT or len(points) < growth.LEAST_POINTS:
        return None
    until = clock() + seconds
    sizes = _sizes(points)
    plain = _series(guest, "random", sizes, until, clock)[0]
    found: list[Worst] = []
    for spread, said in NAMED.items():
        found.extend(_judged(guest, spread, said, plain, until, clock))
    if (left := until - clock()) > LEAST_LEFT:
        answer = guest.ask({"ask": "climb", "seconds": CLIMB * left}, left + CALL)
        for each in answer.get("worst", ()):
            found.extend(_judged(guest, each["spread"], each["said"], plain, until + LEAST_LEFT, clock))
    return max(found, key=lambda one: (one.late, one.cpu / one.cpu_random), default=None)


def apart(
    guest: Guest, parts: Sequence[str], points: Sequence[Point], seconds: float, clock: Callable[[], float]
) -> list[tuple[str, float]]:
    """Return how time grows with each of several parts of the input, while the others stay as they are.

    Nothing where each grows as all do together: then it does not matter which.
    """
    if not 1 < len(parts) <= PARTS or seconds < LEAST_LEFT or len(points) < growth.LEAST_POINTS:
        return []
    until = clock() + seconds
    sizes = _sizes(points)[-4:]
    together, _ = _series(guest, "random", sizes, until, clock)
    if len(together) < 3 or together[-1][1] < LEAST_TIME:
        return []
    found = []
    for part in parts:
        series, _ = _series(guest, "random", sizes, until, clock, part)
        if len(series) < 3:
            return []
        found.append((part, round(growth.slope(series), 2)))
    whole = growth.slope(together)
    return found if any(abs(each - whole) > STEEPER for _, each in found) else []


def _judged(
    guest: Guest, spread: str, said: str, plain: Sequence[Point], until: float, clock: Callable[[], float]
) -> list[Worst]:
    """Return what is to be said of one spread: nothing where it is about as random input."""
    series, late = _series(guest, spread, [int(n) for n, _ in plain], until, clock)
    if late is None and len(series) < 3:
        return []
    known = dict(plain)
    n = late or int(series[-1][0])
    cpu = CALL if late else series[-1][1]
    exponent = growth.slope(series[-3:]) if len(series) > 2 else 0.0
    random = growth.slope([(each, known[each]) for each, _ in series[-3:]]) if len(series) > 2 else 0.0
    if late is None and cpu < LEAST_TIME:
        return []
    times = cpu / known[n]
    if late or times > LONGER or (exponent > random + STEEPER and times > AT_LEAST):
        return [
            Worst(
                said=said, spread=spread, exponent=round(exponent, 2), random=round(random, 2), n=n, cpu=cpu,
                cpu_random=known[n], late=late is not None,
            )
        ]  # fmt: skip
    return []


def _series(
    guest: Guest, spread: str, sizes: Sequence[int], until: float, clock: Callable[[], float], alone: str = ""
) -> tuple[list[Point], int | None]:
    """Return CPU seconds by size, and the size at which a call did not come back."""
    series: list[Point] = []
    for n in sizes:
        if clock() > until:
            break
        asked = {"ask": "quick", "n": n, "distribution": spread, "seconds": CALL, "alone": alone}
        said = guest.ask(asked, 10 * CALL)
        if said.get("slow") is True or said.get("late"):  # the worker ended the call, or had to be ended
            return series, n
        if not said.get("other"):  # no other input than a random one, or one that it refuses
            break
        series.append((n, said["cpu"]))
    return series, None


def _sizes(points: Sequence[Point]) -> list[int]:
    """Return the sizes to compare at: small ones, and three of those at which a call is still short."""
    short = [int(n) for n, cpu in points if cpu <= LARGE] or [int(points[0][0])]
    return sorted({*(n for n in SMALL if n <= short[-1]), *short[-5::2]})
