"""The watcher: hooks that are put in and taken out, and recordings."""

import sys
import threading
from collections.abc import Sequence
from contextvars import Token
from types import FrameType, TracebackType
from typing import Any

from . import carry, hooks
from .patches import ALWAYS
from .scope import TRACE
from .sites import Sites
from .trace import Trace


class Capture:
    """Watches this process. One at a time is installed: another that comes puts the first away."""

    installed: "Capture | None" = None

    def __init__(self, places: Sequence[str], stub_requests: bool = True) -> None:
        self.sites = Sites(places, carry.hop.__code__)
        self.stub_requests = stub_requests
        self.faults = 0
        self.open = 0  # recordings
        self.lock = threading.Lock()
        self.hooks: dict[str, Any] = {}

    def install(self) -> None:
        """Hook into the libraries that the program has imported by now; call it again after more imports."""
        if Capture.installed is not None and Capture.installed is not self:
            Capture.installed.remove()
        Capture.installed = self
        for name, hook in hooks.load().items():
            if name not in self.hooks and _is_ready(hook.LIBRARY):
                try:
                    hook.install(self)
                    self.hooks[name] = hook
                except Exception:  # a library unlike those we know: it works on, not watched
                    self.fault()
                    hook.remove()

    def remove(self) -> None:
        """Put everything back."""
        while self.hooks:
            self.hooks.popitem()[1].remove()
        if Capture.installed is self:
            Capture.installed = None

    def recording(self) -> "Recording":
        """Return a context manager that gives the trace of what runs in it."""
        return Recording(self, sys._getframe(1))

    def fault(self) -> None:
        """Count a failure of ours: the program must not notice it."""
        self.faults += 1


class Recording:
    """What runs inside, and what it hands to threads and tasks, counts for its trace."""

    def __init__(self, capture: Capture, frame: FrameType) -> None:
        self.capture = capture
        self.trace = Trace(capture.sites, capture.fault, frame)
        self.token: Token[Any] | None = None

    def __enter__(self) -> Trace:
        if Capture.installed is self.capture:
            self.capture.install()  # what was imported since
        else:  # what was hooked before may still tell
            self.trace.close()
        self.token = TRACE.set(self.trace)
        with self.capture.lock:
            self.capture.open += 1
        for hook in list(self.capture.hooks.values()):
            if hasattr(hook, "opened"):
                hook.opened(self.trace)
        return self.trace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in list(self.capture.hooks.values()):
            if hasattr(hook, "closing"):
                hook.closing(self.trace)
        with self.capture.lock:
            self.capture.open -= 1
        self.trace.close()
        if self.token is not None:
            try:
                TRACE.reset(self.token)
            except ValueError:  # left in another context than it was entered in
                TRACE.set(None)


def _is_ready(library: str) -> bool:
    """Say whether a module is imported, to its end."""
    if library == ALWAYS:
        return True
    module = sys.modules.get(library)
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)
