"""asyncio: times in which an event loop stands still, and the lines that ran meanwhile.

Each callback of a loop is stamped when it begins. A thread of ours looks at the stamps while a recording is open, and
samples the stack of a loop whose callback is late. Loops that are not written in Python, such as uvloop's, have other
callbacks and are not seen.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from ..patches import Patches
from ..scope import TRACE
from ..sites import Line, Sites

LIBRARY = "asyncio.events"
PATCHES = Patches()
LIMIT = 0.010  # seconds
EVERY = 0.005  # seconds between two looks


class Running:
    """A callback that runs."""

    __slots__ = ("held", "samples", "start", "trace")

    def __init__(self, trace: Any) -> None:
        self.trace = trace
        self.held = 0.0  # seconds in which no other thread could run
        self.samples: Counter[tuple[Line, ...]] = Counter()
        self.start = time.perf_counter()


class Watchdog:
    """The thread that looks. It ends with the last recording, and starts with the next callback."""

    def __init__(self, capture: Any) -> None:
        self.capture, self.sites = capture, capture.sites
        self.running: dict[int, Running] = {}
        self.watches = False
        self.lock = threading.Lock()

    def start(self) -> None:
        """Watch, unless that is done already."""
        with self.lock:
            if self.watches:
                return
            self.watches = True
        thread = threading.Thread(target=self.watch, name="perfwright-watchdog", daemon=True)
        begin = type(thread).start
        getattr(begin, "__wrapped__", begin)(thread)  # ours counts for nobody

    def watch(self) -> None:
        """Sample what is late."""
        try:
            while self.capture.open > 0:
                asleep = time.perf_counter()
                time.sleep(EVERY)
                self.look(asleep, time.perf_counter())
        except Exception:
            self.capture.fault()
        finally:
            self.watches = False

    def look(self, asleep: float, now: float) -> None:
        """Sample each late callback once."""
        late = now - asleep - EVERY
        for thread, running in list(self.running.items()):
            if now - running.start < LIMIT:
                continue
            if late > LIMIT:
                running.held += min(late, now - running.start)
            frame = sys._current_frames().get(thread)
            if self.running.get(thread) is running:
                last = running.trace.last if running.trace is not None else None
                running.samples[self.sites.lines(frame, last)] += 1

    def told(self, trace: Any, running: Running, since: float, beside: tuple[Line, ...]) -> None:
        """Tell a trace of a callback that took too long."""
        seconds = time.perf_counter() - since
        if trace is None or seconds < LIMIT:
            return
        named = [(count, site) for site, count in running.samples.items() if site]
        site = max(named, key=lambda each: each[0])[1] if named else beside
        trace.stall(seconds * 1000, site, running.held > seconds / 2, sum(running.samples.values()))


WATCHDOGS: list[Watchdog] = []


def install(capture: Any) -> None:
    """Stamp callbacks."""
    watchdog = Watchdog(capture)
    WATCHDOGS.append(watchdog)
    PATCHES.wrap(sys.modules[LIBRARY].Handle, "_run", lambda original: _running(original, watchdog))


def remove() -> None:
    """Stamp no more."""
    WATCHDOGS.clear()
    PATCHES.undo()


def opened(trace: Any) -> None:
    """Begin a recording, which may be in the middle of a callback."""
    for watchdog in WATCHDOGS:
        running = watchdog.running.get(threading.get_ident())
        if running is not None:
            running.samples.clear()
            watchdog.start()


def closing(trace: Any) -> None:
    """End a recording: the callback that it ends in will be told of to nobody else."""
    for watchdog in WATCHDOGS:
        running = watchdog.running.get(threading.get_ident())
        if running is not None:
            watchdog.told(trace, running, max(running.start, trace.opened), ())


def _running(original: Callable[..., Any], watchdog: Watchdog) -> Callable[..., Any]:
    watched, capture = watchdog.running, watchdog.capture

    def run(self: Any) -> Any:
        if capture.open and not watchdog.watches:
            watchdog.start()
        thread = threading.get_ident()
        outer = watched.get(thread)  # a loop inside a loop: nest_asyncio
        context = self._context
        watched[thread] = running = Running(context.get(TRACE))
        try:
            return original(self)
        finally:
            if time.perf_counter() - running.start > LIMIT:
                _tell(self, context, watchdog, running)
            if outer is None:
                del watched[thread]
            else:
                watched[thread] = outer

    return run


def _tell(handle: Any, context: Any, watchdog: Watchdog, running: Running) -> None:
    try:
        trace = running.trace or context.get(TRACE)
        if trace is not None and not trace.closed:
            watchdog.told(trace, running, max(running.start, trace.opened), _awaiting(handle, watchdog.sites))
    except Exception:
        watchdog.capture.fault()


def _awaiting(handle: Any, sites: Sites) -> tuple[Line, ...]:
    """Return where a callback's task waits now, or the function that has ended: near what ran, for want of samples."""
    task = getattr(handle._callback, "__self__", None)
    coroutine: Any = getattr(task, "get_coro", lambda: None)()
    found: list[Line] = []
    while coroutine is not None and len(found) < 100:
        frame: FrameType | None = getattr(coroutine, "cr_frame", None)
        found += sites.lines(frame, frame) if frame is not None else ()
        if frame is None and not found and hasattr(coroutine, "cr_code"):  # it has ended: where it began
            return sites.named(coroutine.cr_code)
        coroutine = getattr(coroutine, "cr_await", None)
    return tuple(found)
