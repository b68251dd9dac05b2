"""One function over growing input: which sizes, how long, and what is said of it."""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from perfwright.measure import growth, recording, spreads
from perfwright.measure.growth import Fit
from perfwright.measure.recording import Suite
from perfwright.measure.run import WORKER, Guest
from perfwright.measure.spreads import Worst

FIRST, LARGEST = 8, 2_000_000
TARGETS = (100, 10_000, 1_000_000)
CALL = 0.4  # seconds; a call that takes longer is the last
SHORT = 0.05  # seconds; calls up to this are measured at the fewest sizes that a fit needs, however late it is
SHARE, LEAST = 0.7, 0.4  # of the budget: what timing may take, and what it has in any case
OTHERS, RESERVED = 0.25, 0.12  # of the budget: what other spreads of the input may take, and have in any case
COUNTING, MEMORY = 0.85, 0.95  # of the budget: when counting lines, and measuring memory, end
LINES = 100_000  # line events counted at one size
PEAKS, LATE = 8, 0.25  # sizes at which memory is measured; seconds for it, even late
PATIENCE = 0.4  # of the time left: what one size may take
ENOUGH = 9  # sizes
GRACE = 0.3  # seconds
SMALLEST = 3  # the first size where growth is exponential
STEEP = 4.2  # local slope from which sizes grow by one or two
DISCERNIBLE, HOT = 0.3, 5  # slope of a line that grows; lines named
UNSEEN, ARENAS = 1.5, 4 << 20  # times tracemalloc's peak and bytes more, from which memray sees what it does not
WHOLE = 0.75  # seconds to see that, and once more where it is so
WAITS, WAITING = 1.5, 2  # wall to CPU from which a function waits, at so many of the largest sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One size measured: seconds of CPU and wall a call, and how often it gave the processor up itself."""

    n: int
    cpu: float
    wall: float
    waits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What growing input showed of one function. `stopped` says why no larger size was measured."""

    function: str
    file: str
    line: int
    python: str
    samples: Sequence[Sample]
    time: Fit
    wall: Fit | None
    lines: Sequence[tuple[int, int]]
    lines_fit: Fit
    hot: Sequence[tuple[str, float]]
    peaks: Sequence[tuple[int, int]]
    peak: Fit
    peak_by: str
    stopped: str
    seconds: float
    failed: str = ""
    mutates: bool = False
    input: str = ""  # how it was made
    stub: str = ""  # the builder to write, where no input could be made
    covered: float = 0.0  # of the function's own lines: how many ran
    endless: bool = False  # it gives an iterator that never ends
    apart: Sequence[tuple[str, float]] = ()  # slopes of the parts of the input that grow, where they differ
    worst: Worst | None = None  # another spread of the input that takes much longer, where there is one
    targets: Sequence[tuple[int, float, float, float, bool]] = field(default_factory=tuple)


def sweep(
    guest: Guest,
    module: str,
    function: str,
    *,
    seconds: float = 5.0,
    marks: str = "",
    tests: Suite | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Sweep:
    """Measure one function over doubling sizes within `seconds`; what running tests for its input takes comes on top.

    Raises GuestError where it cannot be loaded.
    """
    began = clock()
    known = guest.load(module, function, marks)
    choice = recording.choose(guest, known, function, tests, seconds=seconds, clock=clock)
    chosen, began = choice.said, began + choice.seconds
    if failed := _failed(chosen):
        failed = f"{failed} ({choice.note})" if choice.note else failed
        return _nothing(known, function, failed, chosen.get("stub", ""), clock() - began)
    said = guest.ask({"ask": "changes", "n": FIRST}, seconds)
    if failed := _failed(said):
        return _nothing(known, function, failed, "", clock() - began)
    fresh = bool(said["changes"])
    until = max(began + seconds * SHARE, clock() + seconds * LEAST)  # trials may have taken their time
    samples, stopped = _timed(guest, fresh, until, clock, SMALLEST if chosen["steep"] else FIRST)
    counted, per_line, covered = _counted(guest, [sample.n for sample in samples], began + COUNTING * seconds, clock)
    peaks, peak_by = _peaks(guest, [sample.n for sample in samples], began + MEMORY * seconds, clock)
    lines_fit = growth.fit(counted)
    time_fit = growth.fit([(sample.n, sample.cpu) for sample in samples], lines_fit)
    last = samples[-WAITING:]
    waits = bool(last) and all(each.waits >= 1 and each.wall > max(WAITS * each.cpu, 0.001) for each in last)
    left = min(max(began + seconds - clock(), RESERVED * seconds), OTHERS * seconds)
    points = [(sample.n, sample.cpu) for sample in samples]
    searched = clock()
    apart = spreads.apart(guest, chosen["parts"], points, left / 2, clock)
    return Sweep(
        function=function, file=known["file"], line=known["line"], python=known["python"], samples=samples,
        time=time_fit, wall=growth.fit([(sample.n, sample.wall) for sample in samples]) if waits else None,
        lines=counted, lines_fit=lines_fit, hot=hot(per_line), peaks=peaks, peak=growth.fit(peaks), peak_by=peak_by,
        stopped=stopped, seconds=clock() - began, mutates=fresh, targets=at_targets(samples, time_fit),
        apart=apart, worst=spreads.search(guest, points, left - (clock() - searched), clock),
        input="; ".join(filter(None, (chosen["input"], choice.note))),
        covered=max(covered, chosen["covered"]), endless=chosen["endless"],
    )  # fmt: skip


def _timed(guest: Guest, fresh: bool, until: float, clock: Callable[[], float], first: int) -> tuple[list[Sample], str]:
    samples: list[Sample] = []
    n, stopped = first, f"n = {LARGEST:,} is the largest size"
    while n <= LARGEST:
        left = until - clock()
        enough = len(samples) >= growth.LEAST_POINTS or any(sample.wall > SHORT for sample in samples)
        if left <= 0 and enough:
            stopped = "the time was used up"
            break
        said = _time(guest, n, fresh, max(PATIENCE * left, 1.0))
        if failed := _failed(said):
            stopped = f"at n = {n:,} it {failed}"
            break
        samples.append(Sample(n=n, cpu=said["cpu"], wall=said["wall"], waits=said["waits"]))
        if said["wall"] > CALL:
            stopped = f"a call at n = {n:,} takes {said['wall']:.2f} s"
            break
        n = following(samples) if first == FIRST else n + 1
    if len(samples) < ENOUGH:
        samples = _between(guest, samples, n, fresh, until, clock)
    return samples, stopped


def _time(guest: Guest, n: int, fresh: bool, seconds: float) -> dict[str, Any]:
    """Return the time of a call. The worker ends itself what takes too long; it is ended where that is in C."""
    return guest.ask({"ask": "time", "n": n, "fresh": fresh, "within": seconds}, seconds + GRACE)


def _between(
    guest: Guest, samples: list[Sample], failed: int, fresh: bool, until: float, clock: Callable[[], float]
) -> list[Sample]:
    """Measure sizes between those that could be measured, and up to the one that could not: the largest gap first."""
    sizes = {sample.n for sample in samples}
    bound = {*sizes, failed} if samples else {1, FIRST}
    while len(samples) < ENOUGH:
        late = until - clock() <= 0
        if late:  # below calls that are short there are short ones, and they are needed
            if len(samples) >= growth.LEAST_POINTS:
                break
            bound = {sample.n for sample in samples if sample.wall <= SHORT}
        ordered = sorted(bound)
        gaps = [(later - one, one) for one, later in itertools.pairwise(ordered) if later - one > 1]
        if not gaps:
            break
        width, start = max(gaps)
        n = start + width // 2
        said = _time(guest, n, fresh, min(max(until - clock(), 0.3), 2 * CALL))
        bound.add(n)
        if _failed(said):
            if late:
                break
            bound = {each for each in bound if each <= n}
            continue
        one = Sample(n=n, cpu=said["cpu"], wall=said["wall"], waits=said["waits"])
        samples = sorted([*samples, one], key=lambda sample: sample.n)
    return samples


def following(samples: Sequence[Sample]) -> int:
    """Return the size after the ones measured: twice the last, less where the next call would be too long."""
    last = samples[-1]
    if len(samples) < 2:
        return last.n * 2
    local = growth.slope([(sample.n, max(sample.wall, 1e-9)) for sample in samples[-3:]])
    if local > STEEP and last.wall > 1e-5:
        return last.n + (1 if last.wall > 1e-3 else 2)
    if local > 0.5 and last.wall * 2**local > 3 * CALL:
        return int(last.n * 1.41)
    return last.n * 2


def _counted(
    guest: Guest, sizes: Sequence[int], until: float, clock: Callable[[], float]
) -> tuple[list[tuple[int, int]], dict[str, list[tuple[int, int]]], float]:
    """Return how many lines ran at each size, of each line how often, as far as they are few, and the share of the
    function's own lines that ran at all.

    The sizes that a fit needs are counted even where the time is up: they take milliseconds.
    """
    counted: list[tuple[int, int]] = []
    per_line: dict[str, list[tuple[int, int]]] = {}
    ran: set[str] = set()
    own = 0
    for n in sizes:
        left = until - clock()
        if left <= 0 and len(counted) >= growth.LEAST_POINTS:
            break
        said = guest.ask({"ask": "lines", "n": n, "most": LINES}, max(left, 0.5))
        if _failed(said) or not said["whole"]:
            break
        ran, own = ran | set(said["ran"]), said["own"]
        counted.append((n, sum(said["lines"].values())))
        for line, count in said["lines"].items():
            per_line.setdefault(line, []).append((n, count))
    return counted, per_line, len(ran) / own if own else 0.0


def _peaks(
    guest: Guest, sizes: Sequence[int], until: float, clock: Callable[[], float]
) -> tuple[list[tuple[int, int]], str]:
    """Return peak memory by size, and what counted it: memray where C libraries hold what tracemalloc does not see."""
    until = max(until, clock() + LATE)
    found = _held(guest, "peak", sizes[:: max(len(sizes) // PEAKS, 1)], until, clock)
    if found:
        n, traced = found[-1]
        traced *= (sizes[-1] / n) ** max(growth.fit(found).growth.exponent, 1.0)
        whole = _held(guest, "whole", sizes[-1:], clock() + WHOLE, clock)
        if whole and whole[0][1] > UNSEEN * traced + ARENAS:
            return _held(guest, "whole", [n for n, _ in found], clock() + WHOLE, clock) + whole, "memray"
    return found, "tracemalloc"


def _held(
    guest: Guest, counted: str, sizes: Sequence[int], until: float, clock: Callable[[], float]
) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for n in sizes:
        left = until - clock()
        if left <= 0:
            break
        said = guest.ask({"ask": counted, "n": n}, max(left, 0.5))
        if _failed(said):
            break
        found.append((n, said[counted]))
    return found


def hot(per_line: dict[str, list[tuple[int, int]]]) -> list[tuple[str, float]]:
    """Return the lines that run more often the larger the input is, the steepest first, each with its slope."""
    steep = []
    for line, counts in per_line.items():
        if line.startswith(str(WORKER)):  # items compared: ours, see docs/decisions/0008
            continue
        if len(counts) >= growth.LEAST_POINTS:
            exponent = growth.tail(counts)[0]
            if exponent > DISCERNIBLE:
                steep.append((exponent, counts[-1][1], line))
    steep.sort(reverse=True)
    return [(line, round(exponent, 2)) for exponent, _, line in steep[:HOT]]


def at_targets(samples: Sequence[Sample], fit: Fit) -> list[tuple[int, float, float, float, bool]]:
    """Return seconds of CPU at 100, 10,000 and 1,000,000: middle, low, high, and whether they were measured."""
    found = []
    if not samples:
        return []
    for n in TARGETS:
        if n <= samples[-1].n:
            near = min(samples, key=lambda sample: abs(sample.n - n) / n)
            scale = fit.curve.at(n) / fit.curve.at(near.n) if fit.curve is not None else n / near.n
            found.append((n, near.cpu * scale, near.cpu * scale, near.cpu * scale, True))
        elif (guess := fit.at(n, samples[-1].n)) is not None:
            found.append((n, *guess, False))
    return found


def _failed(said: dict[str, Any]) -> str:
    """Return what kept a question from being answered, as the end of a sentence; nothing where it was answered."""
    if said.get("failed"):
        return str(said["failed"])
    if "slow" in said:
        return str(said["slow"])
    if "raised" in said:
        return f"raised {said['raised']}"
    if "cannot" in said:
        return f"cannot be called: {said['cannot']}"
    return str(said.get("ended", ""))


def _nothing(known: Any, function: str, failed: str, stub: str, seconds: float) -> Sweep:
    untold = growth.fit([])
    return Sweep(
        function=function, file=known["file"], line=known["line"], python=known["python"], samples=(), time=untold,
        wall=None, lines=(), lines_fit=untold, hot=(), peaks=(), peak=untold, peak_by="", stopped="",
        seconds=seconds, failed=failed, stub=stub,
    )  # fmt: skip
