"""What is around a call and outlives it: the state of the interpreter, and that of the function's module."""

import atexit
import builtins
import collections
import contextlib
import csv
import decimal
import functools
import gc
import inspect
import locale
import logging
import socket
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any

from .trees import Scribe  # type: ignore[import-not-found,unused-ignore]

OF_STATE = 1_000_000  # number of the first object that is a part of a state alone
STATE = 20_000  # parts of a module's state that are written down
UNSEEN = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, functools._lru_cache_wrapper)
# Settings of libraries that hold for all who use them: the module, and what gives the setting.
SETTINGS = (("numpy", "get_printoptions"), ("pandas", "options.d"))
STATEFUL = (list, dict, set, int, float, str, collections.deque)


def interpreter() -> list[list[Any]]:
    """Return the state of the interpreter that code may change for all: by name, a number or a text of each part."""
    root = logging.getLogger()
    return [
        ["sys.meta_path", len(sys.meta_path)],
        ["sys.path_hooks", len(sys.path_hooks)],
        ["sys.path", len(sys.path)],
        ["sys.getrecursionlimit", sys.getrecursionlimit()],
        ["builtins", len(vars(builtins))],
        ["gc.isenabled", gc.isenabled()],
        ["threads", threading.active_count()],
        ["decimal", str(decimal.getcontext())],
        ["logging", root.level, len(root.handlers), logging.root.manager.disable],
        ["atexit", atexit._ncallbacks()],
        ["digits", getattr(sys, "get_int_max_str_digits", int)()],
        ["numpy.geterr", str(getattr(sys.modules.get("numpy"), "geterr", dict)())],
        ["csv.field_size_limit", csv.field_size_limit()],
        ["socket.getdefaulttimeout", socket.getdefaulttimeout()],
        ["locale", locale.setlocale(locale.LC_ALL)],
        ["sys.getswitchinterval", sys.getswitchinterval()],
        [
            "threading.excepthook",
            threading.excepthook is threading.__excepthook__,
            sys.excepthook is sys.__excepthook__,
        ],
        *[[f"{module}.{name}", text] for module, name, text in _settings()],
    ]


def _settings() -> Iterator[tuple[str, str, str]]:
    """Give what libraries keep for all who use them, of those that are loaded: each as text."""
    for module, name in SETTINGS:
        found: Any = sys.modules.get(module)
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not None:
            with contextlib.suppress(Exception):
                yield module, name, str(found() if callable(found) else found)


def library(module: types.ModuleType) -> list[tuple[types.ModuleType, dict[str, Any]]]:
    """Return the modules that a module refers to, each with what it holds."""
    return [(each, dict(vars(each))) for each in list(vars(module).values()) if isinstance(each, types.ModuleType)]


def replaced(before: list[tuple[types.ModuleType, dict[str, Any]]]) -> list[str]:
    """Return the names of the functions and classes of other modules that are not what they were."""
    return [
        f"{module.__name__}.{name}"
        for module, held in before
        for name, value in held.items()
        if callable(value) and vars(module).get(name) is not value
    ]


def state(target: Any, known: Scribe) -> dict[str, Any]:
    """Return the state around a function, by name: globals of its module, attributes of its classes, its defaults.

    Each is numbered by itself, but for what the arguments and the result hold: another version may have other names.
    """
    module = target.module.__name__
    found: dict[str, Any] = {}

    def tell(name: str, value: Any) -> None:
        scribe = Scribe(known.home, most=STATE)
        scribe.numbers, scribe.first = dict(known.numbers), OF_STATE
        found[name] = scribe.write(value)

    for name, value in list(vars(target.module).items()):
        if name.startswith("__") and name.endswith("__"):
            continue
        if isinstance(value, type) and value.__module__ == module:
            for inner, each in list(vars(value).items()):
                if not inner.startswith("__") and isinstance(each, STATEFUL):
                    tell(f"{name}.{inner}", each)
        elif isinstance(value, types.FunctionType) and value.__module__ == module:
            for inner, each in vars(value).items():
                if not inner.startswith("__"):
                    tell(f"{name}.{inner}", each)
        elif not isinstance(value, UNSEEN):
            tell(name, value)
    for name, value in _own(target):
        tell(name, value)
    return found


def _own(target: Any) -> Iterator[tuple[str, Any]]:
    """Give what a function itself holds, by name: its defaults, and what is kept around it by the one that made it."""
    function = inspect.unwrap(target.function)
    function = getattr(function, "__func__", function)
    for part in ("__defaults__", "__kwdefaults__"):
        if getattr(function, part, None):
            yield f"{target.name} {part}", getattr(function, part)
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        with contextlib.suppress(ValueError):  # it is empty
            if not isinstance(cell.cell_contents, UNSEEN):
                yield f"{target.name} {name}", cell.cell_contents
