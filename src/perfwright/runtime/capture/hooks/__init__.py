"""The libraries that are watched. Every file here without a leading underscore is one.

Each has `LIBRARY`, the module that must be imported, `install(capture)` and `remove()`.
"""

import importlib
import pkgutil
from functools import cache
from typing import Any


@cache
def load() -> dict[str, Any]:
    """Return every hook by its name. None imports its library."""
    names = sorted(entry.name for entry in pkgutil.iter_modules(__path__) if not entry.name.startswith("_"))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
