"""One call, and all that can be seen of it: what it gives or raises, says, calls, changes and leaves."""

import asyncio
import atexit
import builtins
import collections
import contextlib
import decimal
import functools
import gc
import hashlib
import inspect
import io
import itertools
import json
import logging
import os
import random
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import arrays, clients, network, timing  # type: ignore[import-not-found,unused-ignore]
from .scratch import anywhere  # type: ignore[import-not-found,unused-ignore]
from .search import LateError, limited  # type: ignore[import-not-found,unused-ignore]
from .trees import ADDRESS, Feed, Maker, Scribe, Tree  # type: ignore[import-not-found,unused-ignore]

STEPS = 2_000  # items taken of a generator
LONG = 60_000  # characters of a part that is told whole; of a longer one, its hash
WHOLE = 32 << 20  # the same, where something may differ that a hash does not tell
OF_STATE = 1_000_000  # number of the first object that is a part of a state alone
STATE = 20_000  # parts of a module's state that are written down
SEED = 20_240_229
UNSEEN = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type, functools._lru_cache_wrapper)
STATEFUL = (list, dict, set, int, float, str, collections.deque)


class Observer:
    """Calls one function on inputs that come as trees."""

    def __init__(self, target: Any, scratch: Any, longest: int = LONG) -> None:
        self.target, self.scratch, self.longest = target, scratch, longest
        self.home = target.module.__name__
        if not network.NETWORK.shape:
            with contextlib.suppress(OSError, TypeError):
                network.NETWORK.shape = network.shape(inspect.getsource(target.module))
        self.files: list[Any] = []  # that the arguments name
        self.events: list[Any] = []
        self.meanwhile: tuple[Any, ...] = ()  # what is changed after the first item of an iterator

    def trial(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what the calls of one trial come to, in the order in which they are made.

        The first is with what the tree says. Where it gives an iterator, one is left after an item, and in one what the
        arguments hold is changed after an item. Then what the first gave is spoilt, and it is called with the same
        again, made anew; then what its arguments hold is changed, and it is called with the same objects.
        """
        seconds = asked["seconds"]
        given, keywords = self._made(asked["args"])
        result, said = self._call(given, keywords, seconds)
        calls = [{"how": "first", **said}]
        if not asked.get("again", True) or said["outcome"][0] == "late":
            return {"calls": calls}
        if isinstance(result, (collections.abc.Iterator, collections.abc.AsyncIterator)):
            given, keywords = self._made(asked["args"])
            calls.append({"how": "left", **self._call(given, keywords, seconds, most=1)[1]})
            given, keywords = self._made(asked["args"])
            calls.append({"how": "meanwhile", **self._call(given, keywords, seconds, meanwhile=True)[1]})
        spoil(result)
        given, keywords = self._made(asked["args"])
        calls.append({"how": "spoilt", **self._call(given, keywords, seconds)[1]})
        if calls[-1]["outcome"][0] != "late" and change((*given, *keywords.values())):
            calls.append({"how": "changed", **self._call(given, keywords, seconds)[1]})
        return {"calls": calls}

    def _made(self, tree: Tree) -> tuple[list[Any], dict[str, Any]]:
        maker = Maker(self.target.module, self._log, self.target.call)
        self.files = tree[2] if len(tree) > 2 else []
        return [maker.make(each) for each in tree[0]], {name: maker.make(each) for name, each in tree[1]}

    def _log(self, kind: str, *what: Any) -> None:
        scribe = Scribe(self.home)
        self.events.append([kind, *[scribe.write(each) for each in what]])

    def _call(
        self, given: list[Any], keywords: dict[str, Any], seconds: float, most: int = STEPS, *, meanwhile: bool = False
    ) -> tuple[Any, dict[str, Any]]:
        """Return what the function gives, and all that is seen of the call; of an iterator so many items at most."""
        self.scratch.lay(self.files)
        self.events = []
        clients.install()
        network.NETWORK.hear = self._log
        network.NETWORK.begin()
        network.NETWORK.quick = True
        self.meanwhile = (*given, *keywords.values()) if meanwhile else ()
        result: Any = None
        walked: Any = None
        random.seed(SEED)
        if (numpy := sys.modules.get("numpy")) is not None and hasattr(numpy, "random"):
            numpy.random.seed(SEED % (1 << 32))
        before, around = (dict(os.environ), str(Path.cwd())), interpreter()
        streams = _Said("out", self.events), _Said("err", self.events)
        heard = _Heard(self.events)
        logging.getLogger().addHandler(heard)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                with (
                    contextlib.redirect_stdout(streams[0]),
                    contextlib.redirect_stderr(streams[1]),
                    limited(seconds, 3 * seconds),
                ):
                    result = self.target.function(*given, **keywords)
                    result, walked = self._finished(result, most)
                outcome: list[Any] = ["gave"]
            except LateError:
                outcome = ["late"]
            except BaseException as error:
                outcome = ["raised", *_raised(error, self.home)]
            finally:
                logging.getLogger().removeHandler(heard)
        scribe = Scribe(self.home)
        seen: dict[str, Any] = {"outcome": outcome}
        if outcome[0] == "gave":
            seen["result"] = scribe.write(result) if walked is None else ["w", walked[0], scribe.write(walked[1])]
        # After the result: its numbers say what of it is a part of the arguments.
        seen["args"] = [scribe.write(each) for each in given]
        seen["kwargs"] = [[name, scribe.write(each)] for name, each in keywords.items()]
        if outcome[0] == "raised":  # what others had begun by then is a matter of luck
            self.events = [each for each in self.events if each[0] != "aside"]
        seen["events"] = _joined(self.events)
        seen["warnings"] = [[each.category.__name__, ADDRESS.sub("0x", str(each.message))] for each in warned]
        seen["random"] = _digest(repr(random.getstate()))
        if numpy is not None and hasattr(numpy, "random"):
            seen["random"] += _digest(repr(numpy.random.get_state()))
        seen["state"] = state(self.target, scribe)
        environment = {name: os.environ.get(name) for name in {*os.environ, *before[0]}}
        seen["environment"] = sorted(
            [name, text] for name, text in environment.items() if text != before[0].get(name)
        ) + ([["cwd", str(Path.cwd())]] if str(Path.cwd()) != before[1] else [])
        seen["environment"] += [each for each in interpreter() if each not in around]
        os.chdir(before[1])
        os.environ.clear()
        os.environ.update(before[0])
        seen["files"] = self.scratch.left()
        events = _short(seen["events"], self.longest)
        if events is not seen["events"]:  # in another order they are others, and yet as many
            events.append(_digest(json.dumps(sorted(seen["events"], key=repr))))
        return result, {**{name: _short(each, self.longest) for name, each in seen.items()}, "events": events}

    def _finished(self, result: Any, most: int) -> tuple[Any, Any]:
        """Return a result and, for what is walked or awaited, what comes of it."""
        if inspect.iscoroutine(result):
            result = asyncio.run(timing._awaited(result))
            return self._finished(result, most)
        if inspect.isasyncgen(result):
            return result, ["async generator", asyncio.run(self._stepped_later(result, most))]
        if isinstance(result, collections.abc.Iterator) and not isinstance(result, (Feed, io.IOBase)):
            return result, [f"{type(result).__module__}.{type(result).__qualname__}", self._stepped(result, most)]
        return result, None

    def _stepped(self, result: Iterator[Any], most: int) -> list[Any]:
        """Return what an iterator gives; in between, the events say what it asked for until then."""
        items: list[Any] = []
        for item in itertools.islice(result, most):
            self.events.append(["yield"])
            items.append(item)
            if len(items) == 1:
                change(self.meanwhile)
        if len(items) == most and inspect.isgenerator(result):
            result.close()
        return items

    async def _stepped_later(self, result: Any, most: int) -> list[Any]:
        items: list[Any] = []
        async for item in result:
            self.events.append(["yield"])
            items.append(item)
            if len(items) == most:
                await result.aclose()
                break
        return items


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
        found[name] = _short(scribe.write(value))

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
    function = inspect.unwrap(target.function)
    function = getattr(function, "__func__", function)
    for part in ("__defaults__", "__kwdefaults__"):
        if getattr(function, part, None):
            tell(f"{target.name} {part}", getattr(function, part))
    return found


def spoil(value: Any, depth: int = 0) -> None:
    """Change a result as its receiver may: who keeps it for others must not give it away."""
    with contextlib.suppress(Exception):
        if isinstance(value, (list, tuple)) and depth < 2:
            for each in value[:3]:
                spoil(each, depth + 1)
        elif isinstance(value, dict) and depth < 2:
            for each in list(value.values())[:3]:
                spoil(each, depth + 1)
        if type(value) in (list, collections.deque):
            value.append("spoilt")
        elif isinstance(value, dict):
            value["spoilt"] = "spoilt"
        elif type(value) is set:
            value.add("spoilt")
        elif type(value) is bytearray:
            value.append(1)
        elif arrays.library(type(value)):
            arrays.change(value)
        elif hasattr(value, "__dict__") and not isinstance(value, UNSEEN):
            value.spoilt = True


def change(values: Any, depth: int = 0) -> bool:
    """Change what some of the values hold, in place, and tell whether anything was: caches must not be stale."""
    changed = False
    for value in list(values):
        with contextlib.suppress(Exception):
            if type(value) in (list, collections.deque) and value:
                if type(value[0]) in (list, dict, set) or hasattr(value[0], "__dict__"):
                    changed = change([value[0]], depth + 1) or changed
                value.append(value[0])
                value.rotate() if isinstance(value, collections.deque) else value.reverse()
                changed = True
            elif type(value) is dict and value:
                first = next(iter(value))
                if type(value[first]) in (list, dict, set) and depth < 3:
                    changed = change([value[first]], depth + 1) or changed
                else:
                    last = list(value)[-1]
                    value[first], value[last] = value[last], value[first]
                    del value[last]
                    changed = True
            elif type(value) is set and value:
                value.discard(min(value, key=repr))
                changed = True
            elif type(value) is bytearray and value:
                value.reverse()
                changed = True
            elif arrays.library(type(value)):
                changed = arrays.change(value) or changed
            elif depth < 2 and type(getattr(value, "__dict__", None)) is dict and not isinstance(value, UNSEEN):
                changed = change(list(vars(value).values()), depth + 1) or changed
    return changed


class _Said(io.TextIOBase):
    """A stream whose text becomes events."""

    def __init__(self, name: str, events: list[Any]) -> None:
        self.name, self.events = name, events

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.events.append([self.name, ADDRESS.sub("0x", str(text))])
        return len(text)


class _Heard(logging.Handler):
    """What is logged becomes events."""

    def __init__(self, events: list[Any]) -> None:
        super().__init__()
        self.events = events

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception as error:  # it formats what the user's objects say of themselves
            text = f"{type(error).__name__}: {error}"
        self.events.append(["log", record.name, record.levelname, ADDRESS.sub("0x", text)])


def _joined(events: list[Any]) -> list[Any]:
    """Return events where what is written in several goes is one; asking an iterator counts where it is a step."""
    found: list[Any] = []
    steps = any(each[0] == "yield" for each in events)
    for each in events:
        if each[0] == "next" and not steps:
            continue
        if each[0] in ("out", "err") and found and found[-1][0] == each[0]:
            found[-1] = [each[0], found[-1][1] + each[1]]
        else:
            found.append(each)
    return [each for each in found if each[0] != "aside"] + sorted(each for each in found if each[0] == "aside")


def _raised(error: BaseException, home: str) -> list[Any]:
    """Return the type of an error, its text, what it holds, and the types of what caused it."""
    scribe = Scribe(home, most=500)
    above = (error.__cause__, None if error.__suppress_context__ else error.__context__)
    causes = [scribe.name(type(each)) if each is not None else None for each in above]
    try:
        text = ADDRESS.sub("0x", str(error))
    except Exception as other:  # its own method
        text = type(other).__name__
    return [scribe.name(type(error)), text[:2_000], [scribe.write(each) for each in error.args], causes]


def _short(tree: Tree, longest: int = LONG) -> Tree:
    text = json.dumps(tree)
    placeless = anywhere(text)
    if len(placeless) > longest:
        return ["#", len(placeless), _digest(placeless)]
    return tree if placeless is text else json.loads(placeless)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def traced(function: Callable[..., Any], act: Callable[[], Any]) -> tuple[Any, list[int]]:
    """Return what an act gives, and the lines of the function's file that ran meanwhile."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return act(), []
    file, ran = code.co_filename, set()

    def local(frame: types.FrameType, event: str, _: Any) -> Any:
        if event == "line":
            ran.add(frame.f_lineno)
        return local

    def trace(frame: types.FrameType, event: str, _: Any) -> Any:
        return local if event == "call" and frame.f_code.co_filename == file else None

    sys.settrace(trace)
    try:
        return act(), sorted(ran)
    finally:
        sys.settrace(None)
