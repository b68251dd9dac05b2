"""Measures one form of a rule's page at growing sizes, in a process of its own.

It is started as `python page_measures.py FOLDER FORM FIGURE STEP SECONDS`, with `FOLDER/page.json` as
`tests/_run_page.py` reads it, and prints a line of JSON for each size: `[n, {figure: value}]`.
"""

import asyncio
import gc
import json
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import _run_page as pages
from perfwright.runtime.capture import Capture

FIRST, MOST = 8, 1 << 26
AT_ONCE = 1 << 16  # what a stop of the event loop is measured up to: it need not grow
ENOUGH, REPEATS = 0.2, 5  # seconds of timings at one size, and how many of them
LEAST = 5  # sizes, however long they take together
LONGEST = 1.0  # seconds of one call, after which there is no larger size
SMALL = 0.2  # part of the time that calls take, below which sizes grow faster
TICK = 0.001
TURNS = Path("/proc/thread-self/schedstat")  # nanoseconds that a thread ran, and that it waited for its turn
HAS_TURNS = TURNS.exists()

SERVED = 100_000  # the size of what a request is served from
LOADERS = ("numpy_pickle.py",)  # files of libraries whose `load` reads a model

POOLS = ("ThreadPoolExecutor.__init__", "ProcessPoolExecutor.__init__", "new_event_loop", "Thread.__init__")
CLIENTS = ("Client", "AsyncClient", "Session", "ClientSession", "OpenAI", "AsyncOpenAI")

Call = Callable[[], Any]
Fresh = Callable[[int], Call]


def main(folder: Path, form: str, figure: str, step: str, seconds: float) -> None:
    function, make = pages.load_form(folder, form)

    def fresh(n: int) -> Call:
        pages.empty_tables()
        made = make(n)
        return lambda: finished(function, made if isinstance(made, tuple) else (made,))

    measure = {"time": timed, "count": counted, "stall": stalled, "peak": held, "left": left, "served": served}[figure]
    until, n = clock() + seconds, FIRST
    sizes, most = 0, AT_ONCE if figure == "stall" else MOST
    while n <= most and (sizes < LEAST or clock() < until):
        before = clock()
        found = measure(fresh, n)
        print(json.dumps([n, found]), flush=True)
        took, sizes = clock() - before, sizes + 1
        if took > LONGEST * REPEATS:
            break
        wide = REPEATS * found.get("wall", 0.0) < took * SMALL  # most of the time goes into making the input
        n = n + 2 if step == "2^n" else n * (4 if wide else 2)


def clock() -> float:
    """Return seconds of wall time, less those in which this thread could have run and others had the processor."""
    waited = turns()
    while True:
        now, before = time.perf_counter(), waited
        if before == (waited := turns()):  # else others had it just between the two
            return now - waited


def turns() -> float:
    """Return the seconds that this thread has waited for the processor; none where the system does not say."""
    return int(TURNS.read_bytes().split()[1]) / 1e9 if HAS_TURNS else 0.0


def finished(function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Call a function to its end: a coroutine is run, an iterator is read."""
    if pages._is_async(function):
        return asyncio.run(pages._finish(function, args))
    result = function(*args)
    return list(result) if isinstance(result, Iterator) else result


def timed(fresh: Fresh, n: int) -> dict[str, float]:
    """Return the least seconds of CPU and wall time of a call."""
    cpu = wall = float("inf")
    spent = 0.0
    for repeat in range(REPEATS):
        call = fresh(n)
        gc.collect()
        before = clock(), time.process_time()
        call()
        took = clock() - before[0]
        cpu, wall = min(cpu, time.process_time() - before[1]), min(wall, took)
        spent += took
        if took > LONGEST or (spent > ENOUGH and repeat):  # once alone may have met others in the caches
            break
    return {"cpu": cpu, "wall": wall}


def counted(fresh: Fresh, n: int) -> dict[str, float]:
    """Return how many queries, commits, requests, clients and calls of what Setup stands in for one call makes."""
    commits: list[int] = []
    calls: list[int] = []
    clients: list[int] = []
    requests: list[int] = []
    pools: list[int] = []

    def commit(_connection: Any) -> None:
        commits.append(1)

    def seen(frame: Any, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if code.co_name == "__init__" and code.co_qualname.partition(".")[0] in CLIENTS:
            if type(frame.f_locals["self"]).__name__ == code.co_qualname.partition(".")[0]:
                clients.append(1)
        elif code.co_qualname in POOLS:
            pools.append(1)
        elif code.co_name == "_send_single_request":
            requests.append(1)
        elif code.co_filename.endswith("setup.py") and not code.co_name.startswith("_"):
            calls.append(1)

    engine = sys.modules.get("sqlalchemy.engine")
    capture = Capture([str(Path.cwd())], stub_requests=False)
    capture.install()  # before the input is made: it may hold a connection
    call = fresh(n)
    if engine is not None:
        from sqlalchemy import event

        event.listen(engine.Engine, "commit", commit)
    try:
        with capture.recording() as trace:
            threading.setprofile(seen)
            sys.setprofile(seen)
            try:
                call()
            finally:
                sys.setprofile(None)
                threading.setprofile(None)
    finally:
        capture.remove()
        if engine is not None:
            event.remove(engine.Engine, "commit", commit)
    traced = trace.to_json()
    return {
        "queries": traced["queries"], "rows": traced["rows"], "commits": len(commits), "calls": len(calls),
        "requests": max(len(requests), sum(each["count"] for each in traced["requests"])), "clients": len(clients),
        "pools": len(pools),
    }  # fmt: skip


def served(fresh: Fresh, n: int) -> dict[str, float]:
    """Return what as many calls as the size make together, as so many requests: loads of a model, and tokens.

    Tokens are those of prompts that the provider has not found in its cache, by the usage in its answers.
    """
    loads = uncached = 0

    def seen(frame: Any, event: str, result: Any) -> None:
        nonlocal loads, uncached
        code = frame.f_code
        if event == "call" and code.co_name == "load" and code.co_filename.endswith(LOADERS):
            loads += 1
        elif event == "return" and code.co_qualname == "Responses.create" and result is not None:
            uncached += result.usage.input_tokens - result.usage.input_tokens_details.cached_tokens

    call = fresh(SERVED)
    sys.setprofile(seen)
    try:
        for _ in range(n):
            call()
    finally:
        sys.setprofile(None)
    return {"loads": loads, "uncached tokens": uncached}


def held(fresh: Fresh, n: int) -> dict[str, float]:
    """Return the most bytes that a call held at once."""
    call = fresh(n)
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return {"peak": tracemalloc.get_traced_memory()[1]}
    finally:
        tracemalloc.stop()


def left(fresh: Fresh, n: int) -> dict[str, float]:
    """Return the bytes that are left behind by as many calls as the size, each with another input."""
    fresh(1)()  # what is made once
    calls = [fresh(size) for size in range(n - 1, -1, -1)]  # the largest comes last
    gc.collect()
    tracemalloc.start()
    try:
        while calls:
            calls.pop()()
        gc.collect()
        return {"left": tracemalloc.get_traced_memory()[0]}
    finally:
        tracemalloc.stop()


def stalled(fresh: Fresh, n: int) -> dict[str, float]:
    """Return the longest time, in seconds, in which nothing else of the event loop could run: the least of some."""
    return {"stall": min(_stalled(fresh, n) for _ in range(REPEATS))}


def _stalled(fresh: Fresh, n: int) -> float:
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            before = clock()
            await asyncio.sleep(TICK)
            longest = max(longest, clock() - before - TICK)

    async def beside(call: Any) -> None:
        task = asyncio.create_task(tick())
        await asyncio.sleep(TICK)
        await call
        await asyncio.sleep(2 * TICK)  # or the stop ends with the call, before it was seen
        task.cancel()

    run = asyncio.run
    call = fresh(n)
    asyncio.run = lambda coroutine: run(beside(coroutine))  # type: ignore[assignment,misc]
    try:
        call()
    finally:
        asyncio.run = run
    return longest


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5], float(sys.argv[5]))
