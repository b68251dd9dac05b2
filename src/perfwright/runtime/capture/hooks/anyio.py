"""AnyIO: what `to_thread.run_sync` runs; Starlette's and FastAPI's thread pool is that."""

import sys
from collections.abc import Callable
from typing import Any

from ..carry import carry
from ..patches import Patches

LIBRARY = "anyio.to_thread"
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch what is handed to threads."""
    PATCHES.wrap(sys.modules[LIBRARY], "run_sync", _running)


remove = PATCHES.undo


def _running(original: Callable[..., Any]) -> Callable[..., Any]:
    async def run_sync(func: Any, *given: Any, **named: Any) -> Any:
        return await original(carry(func), *given, **named)

    return run_sync
