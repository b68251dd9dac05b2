"""What a call waits for: how long it takes, how long it holds the event loop, what it asks of the network."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import clients, timing, trees  # type: ignore[import-not-found,unused-ignore]
from .network import NETWORK  # type: ignore[import-not-found,unused-ignore]
from .search import limited  # type: ignore[import-not-found,unused-ignore]

ANSWER = 0.004  # seconds in which the network, and a function that is given, answers
TICK = 0.001
REPEATS, ENOUGH = 3, 0.5  # calls, and seconds after which there are no more
TURNS = Path("/proc/thread-self/schedstat")  # nanoseconds that a thread ran, and that it waited for its turn
HAS_TURNS = TURNS.exists()


def waits(target: Any, make: Callable[[], Any], seconds: float) -> dict[str, Any]:
    """Return, of a call with arguments that are made anew for each, the least seconds of `elapsed` and of `stall`: the
    longest time in which nothing else of its event loop could run; and what it asked of the network."""
    found: dict[str, Any] = {"elapsed": float("inf"), "stall": float("inf")}
    until = time.perf_counter() + ENOUGH
    NETWORK.wait = trees.LATER = ANSWER
    NETWORK.quick = True
    try:
        with limited(seconds, 3 * seconds):
            for _ in range(REPEATS):
                elapsed, stall = _once(target, make)
                found["elapsed"] = min(found["elapsed"], elapsed)
                found["stall"] = min(found["stall"], stall)
                if time.perf_counter() > until:
                    break
    finally:
        NETWORK.wait = trees.LATER = 0.0
    counted = {"requests": NETWORK.requests, "connections": NETWORK.connections, "concurrency": NETWORK.most}
    return {**found, **counted}


def _once(target: Any, make: Callable[[], Any]) -> tuple[float, float]:
    """Return how long a call takes, and how long it holds the event loop."""
    given, named = make()
    clients.install()
    NETWORK.begin()
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = _clock()
            await asyncio.sleep(TICK)
            longest = max(longest, _clock() - before - TICK)

    async def beside(awaited: Any) -> float:
        beating = asyncio.create_task(tick())
        await asyncio.sleep(TICK)
        before = time.perf_counter()
        if hasattr(awaited, "__aiter__"):
            await timing._collected(awaited, None)
        else:
            await awaited
        elapsed = time.perf_counter() - before
        await asyncio.sleep(2 * TICK)  # or what holds the loop ends with the call, before it was seen
        beating.cancel()
        return elapsed

    before = time.perf_counter()
    result = target.function(*given, **named)
    if asyncio.iscoroutine(result) or hasattr(result, "__aiter__"):
        return asyncio.run(beside(result)), longest
    timing.finish(result)
    return time.perf_counter() - before, 0.0


def _clock() -> float:
    """Return seconds of wall time, less those in which this thread could have run and others had the processor."""
    waited = _turns()
    while True:
        now, before = time.perf_counter(), waited
        if before == (waited := _turns()):  # else others had it just between the two
            return now - waited


def _turns() -> float:
    """Return the seconds that this thread has waited for the processor; none where the system does not say."""
    return int(TURNS.read_bytes().split()[1]) / 1e9 if HAS_TURNS else 0.0
