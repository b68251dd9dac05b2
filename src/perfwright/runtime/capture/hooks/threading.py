"""threading: what a thread runs counts for the call that started it."""

import sys
from collections.abc import Callable
from typing import Any

from ..carry import carry
from ..patches import Patches

LIBRARY = "threading"
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch threads that start."""
    PATCHES.wrap(sys.modules[LIBRARY].Thread, "start", _starting)


remove = PATCHES.undo


def _starting(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(self: Any) -> Any:
        run = self.run
        carried = carry(run)
        if carried is not run:
            self.run = carried
        return original(self)

    return start
