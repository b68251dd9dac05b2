"""Answers the measurement's questions over the pipes that were its standard input and output."""

import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import struct
import sys
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from . import application, guard, marks, timing  # type: ignore[import-not-found,unused-ignore]
from .inputs import Builder, CannotBuildError, is_container

HEAD = struct.Struct(">I")


class Target:
    """The function to measure and how its arguments are made."""

    def __init__(self, module: Any, name: str) -> None:
        owner: Any = None
        found: Any = module
        for part in name.split("."):
            owner, found = found, getattr(found, part)
        self.function, self.name = found, name
        self.owner = owner if inspect.isclass(owner) else None
        self.builder = self._builder(module)
        self.signature = inspect.signature(found)
        self.unread = ""  # why its annotations could not be read
        try:
            self.hints = typing.get_type_hints(found)
        except Exception as error:  # evaluating them is running the user's code
            self.hints, self.unread = {}, f"; the annotations cannot be read: {type(error).__name__}: {error}"
        self.needs_instance = self.owner is not None and not isinstance(
            inspect.getattr_static(self.owner, name.rpartition(".")[2]), (staticmethod, classmethod)
        )

    def _builder(self, module: Any) -> Callable[[int], Any] | None:
        for each in list(vars(module).values()):
            builds = getattr(each, marks.BUILDS, None)
            if builds is self.function or (isinstance(builds, str) and builds.rpartition(":")[2] == self.name):
                return each  # type: ignore[no-any-return]
        return None

    def call(self, n: int, distribution: str) -> timing.Call:
        """Return the arguments of one call at a size."""
        if self.builder is not None:
            made = self.builder(n)
            return ((), dict(made)) if isinstance(made, dict) else (made if isinstance(made, tuple) else (made,), {})
        builder = Builder(n, distribution)
        positional: list[Any] = []
        named: dict[str, Any] = {}
        parameters = list(self.signature.parameters.values())
        if self.needs_instance:
            positional.append(builder.instance(self.owner, n, 0))
            parameters = parameters[1:]
        asked = [each for each in parameters if each.default is each.empty or is_container(self.hints.get(each.name))]
        asked = [each for each in asked if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
        alone = not any(is_container(self.hints.get(each.name)) for each in asked)
        for each in asked:
            if each.name not in self.hints:
                raise CannotBuildError(f"parameter {each.name} has no annotation{self.unread}")
            try:
                value = builder.value(self.hints[each.name], n, grows=alone)
            except CannotBuildError as error:
                raise CannotBuildError(f"parameter {each.name}: {error}") from error
            if each.kind is each.KEYWORD_ONLY:
                named[each.name] = value
            elif each.default is each.empty:
                positional.append(value)
        return tuple(positional), named


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other side closes."""
    target: Target | None = None
    while len(head := questions.read(HEAD.size)) == HEAD.size:
        asked = json.loads(questions.read(HEAD.unpack(head)[0]))
        try:
            if asked["ask"] == "load":
                target = load(asked["module"], asked["function"])
                said: dict[str, Any] = describe(target)
            elif asked["ask"] in application.ASKS:
                said = application.answer(asked)
            else:
                said = answer(target, asked)
        except CannotBuildError as error:
            said = {"cannot": str(error)}
        except BaseException as error:
            said = {"raised": f"{type(error).__name__}: {error}"[:500]}
        data = json.dumps(said).encode()
        answers.write(HEAD.pack(len(data)) + data)
        answers.flush()


def load(module: str, function: str) -> Target:
    """Import a module, by name or by path, and find a function in it."""
    if module.endswith(".py"):
        path = Path(module)
        sys.path.insert(0, str(path.parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{module} is no Python file")
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = loaded
        spec.loader.exec_module(loaded)
    else:
        loaded = importlib.import_module(module)
    return Target(loaded, function)


def describe(target: Target) -> dict[str, Any]:
    """Return what the function is."""
    code = getattr(inspect.unwrap(target.function), "__code__", None)
    is_async = inspect.iscoroutinefunction(target.function) or inspect.isasyncgenfunction(target.function)
    return {
        "file": code.co_filename if code else "",
        "line": code.co_firstlineno if code else 0,
        "async": is_async,
        "built": target.builder is not None,
        "signature": str(target.signature),
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def answer(target: "Target | None", asked: dict[str, Any]) -> dict[str, Any]:
    """Return one measurement at one size."""
    if target is None:
        raise LookupError("no function was loaded")
    n, distribution = asked["n"], asked.get("distribution", "random")

    def make() -> timing.Call:
        return target.call(n, distribution)

    if asked["ask"] == "changes":
        return {"changes": timing.changes(target.function, make)}
    if asked["ask"] == "time":
        return timing.timed(target.function, make, fresh=asked["fresh"], size=n)
    if asked["ask"] == "peak":
        return {"peak": timing.peak(target.function, make())}
    call = make()
    with contextlib.suppress(Exception):  # a value that cannot be made again is counted as it is
        call = (tuple(timing.counted(each) for each in call[0]), {k: timing.counted(v) for k, v in call[1].items()})
    counts, whole = timing.lines(target.function, call, asked["most"])
    return {"lines": counts, "whole": whole}


def main() -> None:
    """Take over the pipes, so that what the measured code prints and reads meets nothing, and serve."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    sys.modules.setdefault("perfwright", marks)
    limits, *places = sys.argv[1:]
    sys.path[:0] = places
    del sys.argv[1:]
    guard.close(**json.loads(limits))
    serve(questions, answers)
