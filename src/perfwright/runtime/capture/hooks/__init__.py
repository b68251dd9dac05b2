"""The libraries that are watched. Every file here without a leading underscore is one.

Each has `LIBRARY`, the module that must be imported, `install(capture)` and `remove()`; those of the standard library
that a program may import at any time have `ALWAYS` for it. Some have `opened(trace)` and `closing(trace)` as well.
"""

import contextlib
import importlib
import pkgutil
from functools import cache
from typing import Any


@cache
def load() -> dict[str, Any]:
    """Return every hook by its name. None imports a library that is not of the standard library."""
    names = sorted(entry.name for entry in pkgutil.iter_modules(__path__) if not entry.name.startswith("_"))
    found = {}
    for name in names:
        with contextlib.suppress(ImportError):  # an interpreter without sqlite3
            found[name] = importlib.import_module(f"{__name__}.{name}")
    return found
