"""asgiref: what `sync_to_async` hands back to the thread that waits in `async_to_sync`."""

import sys
from collections.abc import Callable
from typing import Any

from ..carry import carry
from ..patches import Patches

LIBRARY = "asgiref.current_thread_executor"
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch what is handed over."""
    PATCHES.wrap(sys.modules[LIBRARY].CurrentThreadExecutor, "submit", _submitting)


remove = PATCHES.undo


def _submitting(original: Callable[..., Any]) -> Callable[..., Any]:
    def submit(self: Any, fn: Any, /, *given: Any, **named: Any) -> Any:
        return original(self, carry(fn), *given, **named)

    return submit
