"""Which version is faster: CPU time of the same calls, interleaved, beside the first version once more."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from perfwright.fix.judge.sides import Sides
from perfwright.fix.judge.trees import Tree

ROUNDS = 8  # the least and the most ratio of so many hold the median in 99% of cases (order statistics)
BETTER, WORSE = 0.95, 1.05
FLOOR = 3e-6  # seconds of a call by which a version may be slower where little is measured
ONCE = 1e-3  # the same where each round has but one call
COARSE = 0.05  # seconds: in a sandbox the clock of a process may go by hundredths
NOISY = 1.25  # of the first version to itself: nothing can be told
NAMES = ("before", "after", "control")
Verdict = Literal["faster", "slower", "no evidence"]


@dataclass(frozen=True, slots=True)
class Speed:
    """The time of the second version as a share of the first's at the largest size, with its range."""

    verdict: Verdict
    ratio: float
    low: float
    high: float
    n: int
    before: float  # seconds of CPU
    after: float
    control: tuple[float, float]
    worse: tuple[int, ...] = ()  # sizes at which it is slower
    why: str = ""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What interleaved rounds at one size came to: the ratio with its range, seconds, and the control's range."""

    ratio: float
    low: float
    high: float
    before: float
    after: float
    control: tuple[float, float]


def compare(sides: Sides, sized: Sequence[tuple[int, Tree]], *, seconds: float) -> Speed | None:
    """Return which version is faster at the largest of some sizes, and not slower at the others; None without sizes."""
    found: list[tuple[int, Rounds]] = []
    for n, args in sized:
        one = _at(sides, args, seconds)
        if one is None:
            break
        found.append((n, one))
    return told(found)


def told(found: Sequence[tuple[int, Rounds]], floor: float = FLOOR) -> Speed | None:
    """Return which version is faster by the rounds at some sizes, the largest last; None without any.

    `floor` is in seconds: by less no version is slower.
    """
    if not found:
        return None
    n, last = found[-1]
    worse = tuple(
        size for size, one in found if one.low > max(WORSE, one.control[1]) and one.after - one.before > floor
    )
    noisy = last.control[1] / last.control[0] > NOISY**2
    verdict: Verdict = "no evidence"
    why = ""
    if n in worse:
        verdict = "slower"
    elif last.high < min(BETTER, last.control[0]):
        verdict, why = ("faster", "") if not worse else ("no evidence", "it is slower at smaller sizes")
    elif noisy:
        why = "the machine is too busy: the first version differs as much from itself"
    return Speed(
        verdict,
        round(last.ratio, 4),
        round(last.low, 4),
        round(last.high, 4),
        n,
        last.before,
        last.after,
        last.control,
        worse,
        why,
    )


def _at(sides: Sides, args: Tree, seconds: float) -> Rounds | None:
    known: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        said = sides.side(name).pace(args, seconds)
        if "cpu" not in said:
            return None
        known[name] = {"calls": said["calls"], "fresh": said["fresh"]}
    if any(each["fresh"] for each in known.values()):  # a version that changes what it is given sees it once: so do all
        known = {name: {"calls": 1, "fresh": True} for name in NAMES}

    def sample(name: str) -> float | None:
        said = sides.side(name).pace(args, seconds, known[name])
        return float(said["cpu"]) if "cpu" in said else None

    return rounds(sample)


def at_largest(
    sizes: Sequence[int], sampler: Callable[[int], Callable[[str], float | None] | None], short: float
) -> Speed | None:
    """Return which version is faster at the first of the sizes, the largest first, at which a call is `short` enough.

    `sampler` gives what samples calls at a size, as `rounds` asks for, or None where a call would be too long.
    """
    for n in sizes:
        took = sampler(n)
        first = took("before") if took is not None else None
        if took is not None and first is not None and (first < short or n == sizes[-1]):
            found = rounds(took)
            return told([(n, found)], ONCE) if found is not None else None
    return None


def by_one_clock(sample: Callable[[str], tuple[float, float] | None]) -> Callable[[str], float | None]:
    """Return what samples calls of all versions by one clock: that of CPU, or where the first call is too short for it,
    that of the wall. `sample` gives the seconds of both."""
    clocks: list[int] = []

    def took(name: str) -> float | None:
        if (seconds := sample(name)) is None:
            return None
        if not clocks:
            clocks.append(0 if seconds[0] >= COARSE else 1)
        return seconds[clocks[0]]

    return took


def rounds(sample: Callable[[str], float | None]) -> Rounds | None:
    """Return what interleaved rounds come to; `sample` gives the seconds of CPU of one call `before`, `after` and of
    the `control`. None where one cannot be had."""
    times: dict[str, list[float]] = {name: [] for name in NAMES}
    for place in range(ROUNDS):
        for name in NAMES if place % 2 else NAMES[::-1]:
            if (took := sample(name)) is None:
                return None
            times[name].append(max(took, 1e-9))
    ratios = [after / before for after, before in zip(times["after"], times["before"], strict=True)]
    control = [again / before for again, before in zip(times["control"], times["before"], strict=True)]
    return Rounds(
        ratio=math.exp(statistics.median(map(math.log, ratios))),
        low=min(ratios),
        high=max(ratios),
        before=statistics.median(times["before"]),
        after=statistics.median(times["after"]),
        control=(min(control), max(control)),
    )
