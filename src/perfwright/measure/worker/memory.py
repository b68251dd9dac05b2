"""Peak memory of one call: what Python allocates for it, or with memray what the whole process does."""

import gc
import importlib
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .timing import Call, run  # type: ignore[import-not-found,unused-ignore]


def peak(function: Callable[..., Any], call: Call, most: int | None = None) -> int:
    """Return the most bytes that a call held at once beside its input, of those that Python allocates."""
    gc.collect()
    tracemalloc.start()
    try:
        run(function, call, most)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def whole(function: Callable[..., Any], call: Call, most: int | None = None) -> int | None:
    """Return the most bytes that the process held more than before, those of C libraries too.

    None where memray is not installed beside the function. It sees Python's own memory in arenas of 256 KiB or more.
    """
    try:
        memray = importlib.import_module("memray")
    except ImportError:
        return None
    gc.collect()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "allocations.bin")
        with memray.Tracker(path):
            run(function, call, most)
        return int(memray.FileReader(path).metadata.peak_memory)
