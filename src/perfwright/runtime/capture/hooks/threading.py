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
    PATCHES.wrap(threading.Thread, "start", _starting)


remove = PATCHES.undo


def _starting(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(self: Any) -> Any:
        run = self.run
        carried = carry(run)
        if carried is not run:
            self.run = carried
        return original(self)

    return start
