"""One call, and all that can be seen of it: what it gives or raises, says, calls, changes and leaves."""

import asyncio
import collections
import contextlib
import hashlib
import inspect
import io
import json
import logging
import os
import random
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import changing, clients, network, surroundings, timing, used  # type: ignore[import-not-found,unused-ignore]
from .scratch import anywhere  # type: ignore[import-not-found,unused-ignore]
from .search import LateError, limited  # type: ignore[import-not-found,unused-ignore]
from .trees import ADDRESS, Feed, Maker, Scribe, Tree  # type: ignore[import-not-found,unused-ignore]

STEPS, LEFT = 2_000, 20  # items taken of a generator, and of one that a function gives that was given
LONG = 60_000  # characters of a part that is told whole; of a longer one, its hash
WHOLE = 32 << 20  # the same, where something may differ that a hash does not tell
HANDED = 100  # calls of functions that are given, of which what they got is looked at again in the end
SEED = 20_240_229


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
        self.handed: list[Any] = []  # what functions that were given are called with
        self.uses = True  # functions that a call gives are called, too
        self.sends = False  # generators are sent something at each second step
        self.meanwhile: tuple[Any, ...] = ()  # what is changed after the first item of an iterator

    def trial(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what the calls of one trial come to, in the order in which they are made.

        The first is with what the tree says. Where it gives an iterator, one is left after an item, and in one what the
        arguments hold is changed after an item; one that `sends` is sent something. Then what the first gave is spoilt,
        and it is called with the same again, made anew; then what its arguments hold is changed, and it is called with
        the same objects.
        """
        seconds = asked["seconds"]
        self.uses = asked.get("again", True)
        given, keywords = self._made(asked["args"])
        result, said = self._call(given, keywords, seconds)
        calls = [{"how": "first", **said}]
        if not asked.get("again", True) or said["outcome"][0] == "late":
            return {"calls": calls}
        walks = isinstance(result, (collections.abc.Iterator, collections.abc.AsyncIterator))
        if walks or isinstance(result, used.CONTEXTS):
            given, keywords = self._made(asked["args"])
            calls.append({"how": "left", **self._call(given, keywords, seconds, most=1)[1]})
        if walks:
            given, keywords = self._made(asked["args"])
            calls.append({"how": "meanwhile", **self._call(given, keywords, seconds, meanwhile=True)[1]})
        if walks and asked.get("sends"):
            given, keywords = self._made(asked["args"])
            self.sends = True
            calls.append({"how": "sent", **self._call(given, keywords, seconds)[1]})
            self.sends = False
        changing.spoil(result)
        given, keywords = self._made(asked["args"])
        calls.append({"how": "spoilt", **self._call(given, keywords, seconds)[1]})
        if calls[-1]["outcome"][0] != "late" and changing.change((*given, *keywords.values())):
            calls.append({"how": "changed", **self._call(given, keywords, seconds)[1]})
        return {"calls": calls}

    def _made(self, tree: Tree) -> tuple[list[Any], dict[str, Any]]:
        maker = Maker(self.target.module, self._log, self.target.call, lambda: self.events)
        self.files = tree[2] if len(tree) > 2 else []
        return [maker.make(each) for each in tree[0]], {name: maker.make(each) for name, each in tree[1]}

    def _log(self, kind: str, *what: Any) -> None:
        scribe = Scribe(self.home)
        self.events.append([kind, *[scribe.write(each) for each in what]])
        if kind == "call" and len(self.handed) < HANDED:
            self.handed.append(what[1:])

    def _call(
        self, given: list[Any], keywords: dict[str, Any], seconds: float, most: int = STEPS, *, meanwhile: bool = False
    ) -> tuple[Any, dict[str, Any]]:
        """Return what the function gives, and all that is seen of the call; of an iterator so many items at most."""
        self.scratch.lay(self.files)
        self.events, self.handed = [], []
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
        before, around = (dict(os.environ), str(Path.cwd())), surroundings.interpreter()
        library = surroundings.library(self.target.module)
        streams = _Said("out", self.events), _Said("err", self.events)
        heard = _Heard(self.events)
        logging.getLogger().addHandler(heard)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            filters = list(warnings.filters)
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
            filters = [each for each in warnings.filters if each not in filters]
        scribe = Scribe(self.home)
        seen: dict[str, Any] = {"outcome": outcome}
        if outcome[0] == "gave":
            seen["result"] = scribe.write(result) if walked is None else ["w", walked[0], scribe.write(walked[1])]
        # After the result: its numbers say what of it is a part of the arguments.
        seen["args"] = [scribe.write(each) for each in given]
        seen["kwargs"] = [[name, scribe.write(each)] for name, each in keywords.items()]
        seen["handed"] = [scribe.write(each) for each in self.handed]
        if outcome[0] == "raised":  # what others had begun by then is a matter of luck
            self.events = [each for each in self.events if each[0] != "aside"]
        seen["events"] = _joined(self.events)
        seen["warnings"] = [[each.category.__name__, ADDRESS.sub("0x", str(each.message))] for each in warned]
        seen["random"] = _digest(repr(random.getstate()))
        if numpy is not None and hasattr(numpy, "random"):
            seen["random"] += _digest(repr(numpy.random.get_state()))
        seen["state"] = {name: _short(each) for name, each in surroundings.state(self.target, scribe).items()}
        environment = {name: os.environ.get(name) for name in {*os.environ, *before[0]}}
        seen["environment"] = sorted(
            [name, text] for name, text in environment.items() if text != before[0].get(name)
        ) + ([["cwd", str(Path.cwd())]] if str(Path.cwd()) != before[1] else [])
        names = {each[0] for each in around}  # what is loaded meanwhile has settings that were not there
        seen["environment"] += [each for each in surroundings.interpreter() if each not in around and each[0] in names]
        seen["environment"] += [["warnings.filters", str(each)] for each in filters]
        seen["environment"] += [["replaced", name] for name in surroundings.replaced(library)]
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
        if isinstance(result, used.CONTEXTS):
            if isinstance(result, contextlib.AbstractContextManager):
                return result, ["context", used.entered(result, fails=most == 1)]
            return result, ["context", asyncio.run(used.entered_later(result, fails=most == 1))]
        if self.uses and (functions := used.functions(result)):
            return result, ["functions", [result, used.called(functions, lambda each: self._finished(each, LEFT)[0])]]
        if inspect.isasyncgen(result):
            return result, ["async generator", asyncio.run(self._stepped_later(result, most))]
        if isinstance(result, collections.abc.Iterator) and not isinstance(result, (Feed, io.IOBase)):
            return result, [f"{type(result).__module__}.{type(result).__qualname__}", self._stepped(result, most)]
        return result, None

    def _stepped(self, result: Iterator[Any], most: int) -> list[Any]:
        """Return what an iterator gives; in between, the events say what it asked for until then."""
        items: list[Any] = []
        walk = iter(result)
        while len(items) < most:
            try:
                sent = self.sends and len(items) % 2 == 1
                item = walk.send(len(items)) if sent else next(walk)  # type: ignore[attr-defined]
            except StopIteration as end:
                if end.value is not None:  # what `yield from` gives
                    self._log("return", end.value)
                break
            self.events.append(["yield"])
            items.append(item)
            if len(items) == 1:
                changing.change(self.meanwhile)
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
        if (each[0] == "next" and not steps) or (each[0] in ("out", "err") and not each[1]):
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
