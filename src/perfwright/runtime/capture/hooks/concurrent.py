"""concurrent.futures: what is submitted to a pool of threads, `run_in_executor` and `to_thread` with it."""

import concurrent.futures
from collections.abc import Callable
from typing import Any

from ..carry import carry
from ..patches import ALWAYS, Patches

LIBRARY = ALWAYS
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch what is handed to threads."""
    PATCHES.wrap(concurrent.futures.ThreadPoolExecutor, "submit", _submitting)


remove = PATCHES.undo


def _submitting(original: Callable[..., Any]) -> Callable[..., Any]:
    def submit(self: Any, fn: Any, /, *given: Any, **named: Any) -> Any:
        return original(self, carry(fn), *given, **named)

    return submit
