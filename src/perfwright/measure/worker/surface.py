"""What a module or a package offers to be measured: its public functions, and the methods of its public classes."""

import functools
import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any

from . import marks  # type: ignore[import-not-found,unused-ignore]

MOST = 5000
TESTS = ("tests", "test", "testing", "conftest")


def offered(module: ModuleType) -> tuple[list[str], list[str]]:
    """Return the targets of a module, `module:function` and `module:Class.method`, and what could not be imported.

    A package that exports functions itself has those; of any other, the public modules are asked.
    """
    left: list[str] = []
    found = _of(module, module.__name__)
    if not found and hasattr(module, "__path__"):
        for info in pkgutil.walk_packages(module.__path__, module.__name__ + "."):
            last = info.name.rpartition(".")[2]
            if last.startswith("_") or last in TESTS or any(f".{each}." in info.name for each in TESTS):
                continue
            try:
                inner = importlib.import_module(info.name)
            except BaseException as error:  # the user's module: it may do anything, exit too
                left.append(f"{info.name}: {type(error).__name__}: {error}"[:300])
                continue
            found |= {key: name for key, name in _of(inner, inner.__name__).items() if key not in found}
    return list(found.values())[:MOST], left


def _of(module: ModuleType, within: str) -> dict[Any, str]:
    """Return the targets of one module by what they stand for: a name for the same function is not a second one."""
    names = getattr(module, "__all__", None)
    public = [name for name in (names or vars(module)) if isinstance(name, str) and not name.startswith("_")]
    found: dict[Any, str] = {}
    for name in public:
        value = getattr(module, name, None)
        home = str(getattr(value, "__module__", None) or "")
        if isinstance(value, functools.partial):
            home = module.__name__
        if home != within and not home.startswith(within + "."):
            continue
        if inspect.isclass(value):
            if issubclass(value, BaseException):
                continue
            for inner, method in vars(value).items():
                if not inner.startswith("_") and (
                    inspect.isfunction(method) or isinstance(method, (classmethod, staticmethod))
                ):
                    found.setdefault((id(value), inner), f"{module.__name__}:{name}.{inner}")
        elif callable(value) and not hasattr(value, marks.BUILDS):
            found.setdefault(id(inspect.unwrap(value)), f"{module.__name__}:{name}")
    functions = {key: each for key, each in found.items() if not isinstance(key, tuple)}
    return functions | found


def built(module: ModuleType) -> list[str]:
    """Return the functions that a file's builders are for, as they are named there."""
    found: dict[str, None] = {}
    for each in list(vars(module).values()):
        function = getattr(each, marks.BUILDS, None)
        if isinstance(function, str):
            found[function] = None
        elif function is not None:
            name = getattr(function, "__qualname__", getattr(function, "__name__", ""))
            found[f"{getattr(function, '__module__', module.__name__)}:{name}"] = None
    return list(found)
