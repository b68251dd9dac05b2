"""httpx: requests to the network, sync and async."""

from typing import Any

from ..patches import Patches
from ._httpx import watch

LIBRARY = "httpx"
PATCHES = Patches()


def install(capture: Any) -> None:
    """Watch the transports to the network."""
    watch(PATCHES, LIBRARY, capture)


remove = PATCHES.undo
