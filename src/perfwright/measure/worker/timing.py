"""One size measured: CPU and wall time of a call, and whether it changes its input."""

import asyncio
import collections
import gc
import inspect
import itertools
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

Call = tuple[tuple[Any, ...], dict[str, Any]]
Took = tuple[float, float, float]  # seconds of CPU and wall, and how often it waited

COUNTED = hasattr(resource, "RUSAGE_THREAD")  # on Linux
BATCH = 0.004  # seconds that one timing takes at least
REPEATS = 5
PLAIN = (int, float, str, bytes, bool, list, tuple, dict, set, frozenset, type(None))  # nothing to finish
MOST = 1 << 20  # calls in a batch
PART = 1 << 16  # items
# A call this short (seconds, or seconds an item: less than moving a pointer takes) has not walked an input of so many
# items: a few more calls on the same one are like it.
VAST, UNWALKED, ITEM, FEW = 4096, 20e-6, 3e-10, 100
ALONE, FRESH = 40, 0.06  # calls, and seconds, for a function that changes its input


def run(function: Callable[..., Any], call: Call, most: int | None = None) -> Any:
    """Call a function and finish what it gives: a coroutine is awaited, a generator is walked to its end."""
    return finish(function(*call[0], **call[1]), most)


def finish(result: Any, most: int | None = None) -> Any:
    """Return what a result comes to. Of an iterator that never ends, `most` items are taken."""
    if inspect.iscoroutine(result):
        return asyncio.run(_awaited(result))
    if inspect.isasyncgen(result):
        return asyncio.run(_collected(result, most))
    if isinstance(result, collections.abc.Iterator) and not hasattr(result, "fileno"):
        walked = result if most is None else itertools.islice(result, most)
        # In parts: an alarm is heard between two of them, and never within an iterator that is all C.
        while collections.deque(itertools.islice(walked, PART), maxlen=1):
            pass
    return result


def taken(size: int) -> int:
    """Return how many items are taken of an iterator that never ends, for an input of a size."""
    return 4 * size


async def _awaited(result: Any) -> Any:
    return await result


async def _collected(result: Any, most: int | None) -> None:
    left = most if most is not None else -1
    async for _ in result:
        left -= 1
        if left == 0:
            break


def changes(function: Callable[..., Any], make: Callable[[], Call], most: int | None = None) -> bool:
    """Tell whether a call leaves its arguments other than they were: they must be made anew for each."""
    call = make()
    if any(isinstance(each, collections.abc.Iterator) for each in (*call[0], *call[1].values())):
        return True
    before = state(call)
    run(function, call, most)
    return before is None or state(call) != before


def state(call: Call) -> bytes | None:
    """Return all that arguments hold, to be compared; None where that cannot be looked into, so that it may change."""
    try:
        return pickle.dumps(call)
    except Exception:  # pickling runs the user's own methods, which raise what they like
        return None


def timed(
    function: Callable[..., Any], make: Callable[[], Call], *, fresh: bool, size: int, most: int | None = None
) -> dict[str, Any]:
    """Return the CPU and wall seconds of one call: the least of several batches, after one call to warm up.

    `waits` is how often a call gave the processor up itself; on a busy machine wall time alone does not tell.
    """
    call = make()
    began, waited = (time.perf_counter(), time.thread_time()), _waited()
    run(function, call, most)
    first_cpu, first = time.thread_time() - began[1], time.perf_counter() - began[0]
    waits = _waited() - waited if COUNTED else 1
    if fresh:
        if size >= VAST and first < max(UNWALKED, ITEM * size):
            several = [_batch(function, [call] * FEW, most) for _ in range(REPEATS)]
            cpu, wall, waits = (min(each) / FEW for each in zip(*several, strict=True))
            return {"cpu": cpu, "wall": wall, "waits": waits, "calls": FEW}
        return _alone(function, make, (first_cpu, first, waits), most)
    calls = 1
    while calls < MOST and calls * first < BATCH:
        calls *= 2
    repeats = 1 if first > 0.1 else REPEATS if first < 0.02 else 3
    best = (float("inf"),) * 3 if calls > 1 else (first_cpu, first, waits)
    for _ in range(repeats):
        one = _batch(function, [call] * calls, most)
        best = _least(best, (one[0] / calls, one[1] / calls, one[2] / calls))
    return {"cpu": best[0], "wall": best[1], "waits": best[2], "calls": calls}


def _least(one: Took, other: Took) -> Took:
    return min(one[0], other[0]), min(one[1], other[1]), min(one[2], other[2])


def _waited() -> int:
    """Return how often this thread gave the processor up itself, where the system counts it."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw if COUNTED else 0


def _alone(function: Callable[..., Any], make: Callable[[], Call], first: Took, most: int | None) -> dict[str, Any]:
    """Return the least time of single calls, each on an input made just before: what it touches is in the caches."""
    best, calls, until = first, 1, time.perf_counter() + FRESH
    while calls < ALONE and time.perf_counter() < until:
        best, calls = _least(best, _batch(function, [make()], most)), calls + 1
    return {"cpu": best[0], "wall": best[1], "waits": best[2], "calls": 1}


def _batch(function: Callable[..., Any], batch: list[Call], most: int | None) -> Took:
    gc.collect(0)
    enabled = gc.isenabled()
    gc.disable()
    before = threading.active_count()
    clock = time.thread_time if before == 1 else time.process_time
    try:
        waited = _waited()
        wall, cpu = time.perf_counter(), clock()
        for positional, named in batch:
            result = function(*positional, **named)
            if type(result) not in PLAIN:
                finish(result, most)
        cpu, wall = clock() - cpu, time.perf_counter() - wall
        waits = _waited() - waited if COUNTED else len(batch)
    finally:
        if enabled:
            gc.enable()
    return cpu, wall, waits


class Number(int):
    """A number that says when it is compared or hashed: work that C does on items becomes lines that are counted."""

    def __lt__(self, other: Any) -> Any:
        return int.__lt__(self, other)

    def __gt__(self, other: Any) -> Any:
        return int.__gt__(self, other)

    def __eq__(self, other: object) -> Any:
        return int.__eq__(self, other)

    def __hash__(self) -> int:
        return int.__hash__(self)

    def __neg__(self) -> "Number":
        return Number(-int(self))  # what sorts by it is counted too


class Text(str):
    """Text that says when it is compared or hashed."""

    __slots__ = ()

    def __lt__(self, other: Any) -> Any:
        return str.__lt__(self, other)

    def __gt__(self, other: Any) -> Any:
        return str.__gt__(self, other)

    def __eq__(self, other: object) -> Any:
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def counted(value: Any, depth: int = 0) -> Any:
    """Return a value whose items, three containers deep, say when they are compared."""
    if depth and type(value) is int:
        return Number(value)
    if depth and type(value) is str:
        return Text(value)
    if depth > 3:
        return value
    if type(value) in (list, tuple, set, frozenset, collections.deque):
        return type(value)([counted(each, depth + 1) for each in value])
    if type(value) is dict:
        return {counted(key, depth + 1): counted(each, depth + 1) for key, each in value.items()}
    return value
