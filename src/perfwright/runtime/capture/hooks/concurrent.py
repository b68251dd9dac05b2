"""concurrent.futures: what is submitted to a pool of threads, `run_in_executor` and `to_thread` with it."""

import concurrent.futures
import sys
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
        return original(self, carry(fn) if _shares(self) else fn, *given, **named)

    return submit


def _shares(pool: Any) -> bool:
    """Say whether a pool's threads are of this interpreter: from Python 3.14 on there are others."""
    module = sys.modules.get("concurrent.futures.interpreter")
    return module is None or not isinstance(pool, module.InterpreterPoolExecutor)
