"""threading: what a thread runs counts for the call that started it."""

import threading
from collections.abc import Callable
from typing import Any

from ..carry import carry
from ..patches import ALWAYS, Patches

LIBRARY = ALWAYS
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch threads that start."""
    PATCHES.wrap(threading.Thread, "start", lambda original: _starting(original, capture))


remove = PATCHES.undo


def _starting(original: Callable[..., Any], capture: Any) -> Callable[..., Any]:
    def start(self: Any) -> Any:
        try:
            run = self.run
            carried = carry(run)
            if carried is not run:
                self.run = carried
        except Exception:  # a thread of a kind that we do not know
            capture.fault()
        return original(self)

    return start
