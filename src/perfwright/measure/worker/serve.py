"""Answers the measurement's questions over the pipes that were its standard input and output."""

import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from . import (
    answered,
    application,
    built,
    counting,
    guard,
    judged,
    marks,
    memory,
    record,
    scratch,
    search,
    suite,
    surface,
    timing,
    worst,
)  # type: ignore[import-not-found,unused-ignore]
from .instances import CannotBuildError
from .target import Target

HEAD = struct.Struct(">I")


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the other side closes."""
    target: Target | None = None
    while len(head := questions.read(HEAD.size)) == HEAD.size:
        asked = json.loads(questions.read(HEAD.unpack(head)[0]))
        try:
            if asked["ask"] == "load":
                target = load(asked)
                if "plan" in asked:  # this worker stands for one that was ended
                    if asked["plan"]["from"] == "recorded":
                        target.recordings = [record.record(target, asked["plan"]["question"], imported)]
                    target.source, target.endless = search.restored(target, asked["plan"]), asked["endless"]
                said: dict[str, Any] = describe(target)
            elif asked["ask"] == "names":
                found = imported(asked["module"])
                targets, left = surface.offered(found)
                said = {"targets": targets, "left": left, "built": surface.built(found)}
            elif asked["ask"] in application.ASKS:
                said = application.answer(asked)
            elif asked["ask"] == "tests":
                said = suite.answer(asked, imported)
            elif asked["ask"] in answered.ASKS:
                said = answered.answer(asked)
            else:
                said = answer(target, asked)
        except search.LateError as error:
            said = {"slow": str(error)}
        except CannotBuildError as error:
            said = {"cannot": str(error)}
        except BaseException as error:
            said = {"raised": f"{type(error).__name__}: {error}"[:500]}
        data = json.dumps(said).encode()
        answers.write(HEAD.pack(len(data)) + data)
        answers.flush()


def load(asked: dict[str, Any]) -> Target:
    """Import a module, by name or by path, and find a function in it; `marks` is where else its builder may stand."""
    if asked.get("watched"):
        built.watch()
    builders = [imported(asked["marks"])] if asked.get("marks") else []
    return Target(imported(asked["module"]), asked["function"], builders)


def imported(module: str) -> ModuleType:
    """Import a module by name or by path. A file of a package is imported as what it is there."""
    if not module.endswith(".py"):
        return importlib.import_module(module)
    path = Path(module)
    folder, names = path.parent, [path.stem]
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        names.insert(0, folder.name)
        folder = folder.parent
    name = ".".join(names[:-1] if path.stem == "__init__" and len(names) > 1 else names)
    if (known := sys.modules.get(name)) is not None and getattr(known, "__file__", None) == module:
        return known
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    settle(folder)
    if len(names) > 1:
        with contextlib.suppress(ImportError):  # another package of that name came first
            found = importlib.import_module(name)
            if getattr(found, "__file__", None) == module:
                return found
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{module} is no Python file")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def settle(folder: Path) -> None:
    """Set Django up for the modules of a folder, with the settings that its `manage.py` names, and without a database:
    who calls a function of it must not meet rows of somebody's."""
    plan = folder / "manage.py"
    named = suite.SETTINGS.search(plan.read_text("utf8", "replace")) if plan.is_file() else None
    if named is None or importlib.util.find_spec("django") is None:
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", named[1])
    settings = importlib.import_module("django.conf").settings
    if settings.configured:
        return
    with contextlib.suppress(Exception):  # the module that is asked for says what is missing
        settings.DATABASES = {name: {"ENGINE": "django.db.backends.dummy"} for name in settings.DATABASES}
        importlib.import_module("django").setup()


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
    if asked["ask"] in built.ASKS:
        return dict(built.answer(target, asked))
    if asked["ask"] in judged.ASKS:
        return judged.answer(target, asked)  # type: ignore[no-any-return,unused-ignore]
    if asked["ask"] == "search":
        return searched(target, asked["seconds"], asked["ways"])
    if asked["ask"] == "record":
        made = record.record(target, asked, imported)
        target.recordings = [made] if made.calls else []
        return {"calls": len(made.calls), "why": made.why}
    if asked["ask"] == "climb":
        return {"worst": worst.climb(target, asked["seconds"])}
    n, distribution = asked["n"], asked.get("distribution", "random")
    most = timing.taken(n) if target.endless else None

    def make() -> timing.Call:
        return target.call(n, distribution)

    if asked["ask"] == "changes":
        return {"changes": timing.changes(target.function, make, most)}
    if asked["ask"] == "time":
        within = asked.get("within")
        with search.limited(within, within) if within else contextlib.nullcontext():
            return timing.timed(target.function, make, fresh=asked["fresh"], size=n, most=most)
    if asked["ask"] == "quick":
        return worst.quick(target, n, distribution, asked["seconds"], asked.get("alone", ""))
    if asked["ask"] == "peak":
        return {"peak": memory.peak(target.function, make(), most)}
    if asked["ask"] == "whole":
        held = memory.whole(target.function, make(), most)
        return {"whole": held} if held is not None else {"cannot": "memray is not installed"}
    call = make()
    with contextlib.suppress(Exception):  # a value that cannot be made again is counted as it is
        call = (tuple(timing.counted(each) for each in call[0]), {k: timing.counted(v) for k, v in call[1].items()})
    try:
        counts, whole = counting.lines(target.function, call, asked["most"], most)
    except (TypeError, ValueError):  # it does not take our numbers for numbers
        counts, whole = counting.lines(target.function, make(), asked["most"], most)
    own = search.own_lines(target.function)
    return {"lines": counts, "whole": whole, "ran": sorted(own & set(counts)), "own": len(own)}


def searched(target: Target, seconds: float, ways: Sequence[str]) -> dict[str, Any]:
    """Choose how the target's arguments are made; return the choice, or why there is none and the builder to write."""
    found = search.search(target, seconds, ways)
    said: dict[str, Any] = {
        "failed": found.why,
        "stub": search.stub(target) if found.why else "",
        "plan": found.source.plan if found.source is not None else {},
        "endless": found.endless,
        "input": "",
        "parts": [],
        "covered": found.covered,
        "grows": found.grows,
        "steep": found.steep,
    }
    if not found.why:
        target.source, target.endless = found.source, found.endless
        said |= {"input": found.source.said[:500], "parts": found.source.parts}
    return said


def main() -> None:
    """Take over the pipes, so that what the measured code prints and reads meets nothing, and serve."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    sys.modules.setdefault("perfwright", marks)
    limits, untold, *places = sys.argv[1:]
    sys.path[:0] = places
    scratch.lies_in(json.loads(untold))
    del sys.argv[1:]
    guard.close(**json.loads(limits))
    serve(questions, answers)
