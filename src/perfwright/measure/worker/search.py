"""Trial runs: which of the ways to make arguments works, lets the work grow, and runs the function's lines."""

import collections.abc
import contextlib
import itertools
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from . import counting, repair, timing, usage  # type: ignore[import-not-found,unused-ignore]
from .instances import CannotBuildError  # type: ignore[import-not-found,unused-ignore]
from .target import FromAnnotations, FromBuilder, Target, Uses, replayed, shown  # type: ignore[import-not-found,unused-ignore]

SMALLER, SMALL, MIDDLE = 6, 8, 24
LONG, STEEP = (
    0.001,
    5,
)  # seconds from which, and times by which, a call at 8 is longer than at 6 where it is exponential
PATIENCE = 0.4  # of the time: what a call of the right types may take
SHARE, SHORTEST, LONGEST = 0.3, 0.6, 1.5  # of the time: all trials, and at least and at most (seconds)
TRIAL = 0.3  # seconds of one call
LINES = 20_000
GROWN = 1.2
HALF = 0.5
ENDLESS = 50_000  # items: more than an input of 8 explains
REPAIRS = 14
EXAMPLES = 0.7  # of the time: for what the docstring shows
BUSY = 3  # wall to CPU seconds that a busy machine may take
FEWEST = 3  # trials of what the body asks for, however long the rest took
MORE = 8  # trials after one that ran half of the lines
WAYS = ("written", "body")  # what says how arguments are made: builder, annotations, examples; what the body does


class LateError(BaseException):
    """A trial took too long: not an Exception, so that what is tried does not swallow it."""


@dataclass
class Trial:
    """What one way to make the arguments came to."""

    source: Any
    why: str = ""  # it did not return
    covered: float = 0.0
    grows: bool = False
    endless: bool = False
    steep: bool = False  # it grows as an exponential does
    error: BaseException | None = None

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Return what makes one better than another."""
        return (self.grows and self.covered >= HALF, self.grows or self.covered >= HALF, self.covered)


@dataclass
class Limit:
    """A limit of time, and whether it was reached: what is ended by it may take the error for one of its own."""

    reached: bool = False


@contextlib.contextmanager
def limited(seconds: float, wall: float | None = None) -> Iterator[Limit]:
    """End what takes more CPU seconds, or more wall seconds (some times as many), as far as it is Python.

    LateError is raised in it, again and again.
    """
    limit = Limit()
    if not hasattr(signal, "setitimer"):  # Windows: the other side ends the worker
        yield limit
        return
    limits = {signal.ITIMER_PROF: seconds, signal.ITIMER_REAL: wall or BUSY * seconds}

    active = True

    def ring(_: int, frame: FrameType | None) -> None:
        while active and frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib"):  # half of a module would stay behind
                begin()
                return
            frame = frame.f_back
        if active:
            limit.reached = True
            raise LateError(f"took over {seconds:.1f} s")

    def begin() -> None:
        for timer, most in limits.items():
            signal.setitimer(timer, most, 0.05)

    before = {each: signal.signal(each, ring) for each in (signal.SIGALRM, signal.SIGPROF)}
    begin()
    try:
        yield limit
    finally:
        with contextlib.suppress(LateError):  # of this very moment
            active = False
        active = False
        for timer in limits:
            signal.setitimer(timer, 0)
        for each, handler in before.items():
            signal.signal(each, handler)


class Deadline:
    """When CPU seconds, or some times as many wall seconds, are over: a busy machine is not the code's fault."""

    def __init__(self, seconds: float) -> None:
        self.cpu, self.wall = time.process_time() + seconds, time.monotonic() + BUSY * seconds

    @property
    def over(self) -> bool:
        """Tell whether the time is up."""
        return time.process_time() > self.cpu or time.monotonic() > self.wall


def own_lines(function: Any) -> set[str]:
    """Return the lines of a function's body, as `file:line`, those of functions inside it too."""
    code = usage.code_of(function)
    if code is None:
        return set()
    found: set[str] = set()
    left: list[CodeType] = [code]
    while left:
        each = left.pop()
        lines = {line for _, _, line in each.co_lines() if line is not None and line > each.co_firstlineno}
        lines = lines or {each.co_firstlineno}
        found |= {f"{each.co_filename}:{line}" for line in lines}
        left.extend(constant for constant in each.co_consts if isinstance(constant, CodeType))
    return found


def attempt(target: Target, source: Any, seconds: float = TRIAL, wall: float | None = None) -> Trial:
    """Return what calls at two small sizes come to: lines run, and whether more of them at the larger size."""
    trial = Trial(source)
    own = own_lines(target.function)
    totals: list[int] = []
    ran: set[str] = set()
    middle = MIDDLE
    for place in range(2):
        n = middle if place else SMALL
        try:
            with limited(seconds, wall):
                if n == SMALL:
                    trial.endless, took = _taken(target, source, SMALL)
                    if took > LONG and _steep(target, source, took):
                        middle, trial.steep = SMALL + 1, True
                most = timing.taken(n) if trial.endless else None
                counts, whole = counting.lines(target.function, source.call(n, "random"), LINES, most)
                if not whole:
                    timing.run(target.function, source.call(n, "random"), most)
        except LateError as error:
            if n == SMALL:
                trial.why, trial.error = f"took over {seconds:.1f} s at n = {n}", error
            break
        except CannotBuildError as error:
            trial.why, trial.error = f"cannot be called: {error}", error
            break
        except MemoryError as error:
            trial.why, trial.error = "raised MemoryError: memory ran out", error
            break
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if n == SMALL:
                trial.why, trial.error = f"raised {type(error).__name__}: {error}"[:300], error
            else:
                trial.grows = False
            break
        totals.append(sum(counts.values()))
        ran |= own & set(counts)
    trial.covered = len(ran) / len(own) if own else 1.0
    trial.grows = len(totals) == 2 and totals[1] > GROWN * totals[0]
    return trial


def _steep(target: Target, source: Any, took: float) -> bool:
    """Tell whether a call grows as an exponential does. One that took long is made again: the first fills caches."""
    least = max(LONG, STEEP * _taken(target, source, SMALLER)[1])
    return took > least and _taken(target, source, SMALL)[1] > least


def _taken(target: Target, source: Any, n: int) -> tuple[bool, float]:
    """Return whether a call gives an iterator that goes on and on, and the seconds that it took."""
    positional, named = source.call(n, "random")
    began = time.perf_counter()
    result = target.function(*positional, **named)
    if not isinstance(result, collections.abc.Iterator) or hasattr(result, "fileno"):
        timing.finish(result)
        return False, time.perf_counter() - began
    endless = sum(1 for _ in itertools.islice(result, ENDLESS)) == ENDLESS
    return endless, time.perf_counter() - began


def search(target: Target, seconds: float, ways: Sequence[str] = WAYS) -> Trial:
    """Return the best way to make a target's arguments; one with `why` where none of them works.

    `ways` are some of WAYS, and "recorded": what the project's tests called it with, which comes first.
    """
    allowed = min(max(SHARE * seconds, SHORTEST), LONGEST)
    replay = _best(_replays(target, allowed)) if "recorded" in ways else None
    if replay is not None and not replay.why and replay.rank[0]:
        return replay
    if target.builder is not None:
        return Trial(FromBuilder(target.builder), covered=1.0, grows=True)
    patience = max(PATIENCE * seconds, TRIAL)
    first = attempt(target, FromAnnotations(target), patience, patience)
    works = [each for each in (replay, first) if each is not None and not each.why]
    best = max(works, key=lambda each: each.rank, default=None)
    if not first.why and (first.grows or first.covered >= HALF) and best is first:
        return first
    if isinstance(first.error, (LateError, MemoryError)):
        return best or first  # of the right types, and it does not come back: other types prove nothing
    found = _best(_tried(target, allowed, ways), best)
    if found is not None and (not found.why or isinstance(first.error, CannotBuildError)):
        return found
    return first


def _replays(target: Target, seconds: float) -> Iterator[Trial]:
    until = Deadline(seconds)
    for place, (_, source) in enumerate(replayed(target)):
        if place >= FEWEST and until.over:
            return
        trial = attempt(target, source)
        if source.has_rows and not trial.why:
            trial.grows = True  # in C, as work on frames does, where no lines show it
        yield trial


def _best(trials: Iterator[Trial], best: Trial | None = None) -> Trial | None:
    """Return the best of some trials; the first, where none returned; None where there were none."""
    enough = 0
    failed: Trial | None = None
    for trial in trials:
        if trial.why:
            failed = failed or trial
            continue
        if best is None or trial.rank > best.rank:
            best = trial
        enough += 1
        if best.rank[0] or enough > MORE:
            break
    return best or failed


def _tried(target: Target, seconds: float, ways: Sequence[str]) -> Iterator[Trial]:
    """Give one trial after the other: the docstring's examples, then what the body asks for."""
    until, examples = Deadline(seconds), Deadline(EXAMPLES * seconds)
    for _, source in shown(target):
        if examples.over:
            break
        yield attempt(target, source)
    if "body" not in ways:
        return
    uses = Uses(target)
    repairs = repair.Repairs(target, uses)
    plan: dict[str, Any] | None = repairs.plan
    for place in range(REPAIRS * (2 if len(uses.kinds) > 1 else 1)):
        if plan is None or (until.over and place >= FEWEST):
            return
        trial = attempt(target, uses.source(plan))
        yield trial
        plan = repairs.following(trial.error)


def restored(target: Target, plan: dict[str, Any]) -> Any:
    """Return the source that a plan stands for: the worker was started anew."""
    if plan["from"] == "builder" and target.builder is not None:
        return FromBuilder(target.builder)
    if plan["from"] == "use":
        return Uses(target).source(plan)
    if plan["from"] in ("example", "recorded"):
        for each, source in shown(target) if plan["from"] == "example" else replayed(target):
            if each == plan:
                return source
    return FromAnnotations(target)


def stub(target: Target) -> str:
    """Return the builder that the user would write; nothing where the body cannot be read."""
    try:
        return Uses(target).stub()
    except Exception:  # it reads the user's code, which may be anything
        return ""
