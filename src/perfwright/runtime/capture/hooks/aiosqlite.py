"""aiosqlite: each connection has a thread of its own; what it is asked to do counts for whoever asks."""

import sys
from collections.abc import Callable
from typing import Any

from ..carry import carry
from ..patches import Patches

LIBRARY = "aiosqlite.core"
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch what connections are asked."""
    PATCHES.wrap(sys.modules[LIBRARY].Connection, "_execute", _executing)


remove = PATCHES.undo


def _executing(original: Callable[..., Any]) -> Callable[..., Any]:
    async def execute(self: Any, fn: Any, *given: Any, **named: Any) -> Any:
        return await original(self, carry(fn), *given, **named)

    return execute
