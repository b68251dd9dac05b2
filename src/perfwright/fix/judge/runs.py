"""Runs of a project's own tests, in copies of its tree, in its interpreter, contained."""

import ast
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from perfwright.fix.judge.copies import copied
from perfwright.fix.judge.trees import Tree
from perfwright.measure.run import Choice, Guest

FILE, LEAST = 60.0, 10.0  # seconds for a file of tests at most, and what an answer may take longer
PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
INPUTS = 24  # recorded calls that are kept


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test, why it failed, and whether it reached the function."""

    outcome: str
    why: str = ""
    reached: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function stands: its file relative to the root, its first line and its name; `drop` says that its first
    argument is its class."""

    path: str
    line: int
    name: str
    drop: bool = False

    @classmethod
    def of(cls, text: str, path: str, function: str) -> Self:
        """Return where a function, with its class, stands in the text of a file; line 0 where it does not."""
        found: ast.AST = ast.parse(text)
        for part in function.split("."):
            inside = (each for each in ast.walk(found) if isinstance(each, NAMED) and each.name == part)
            found = next(inside, found)
        if not isinstance(found, NAMED):
            return cls(path, 0, function)
        line = min(each.lineno for each in (found, *found.decorator_list))
        bound = any(isinstance(each, ast.Name) and each.id == "classmethod" for each in found.decorator_list)
        return cls(path, line, found.name, bound)


@dataclass(slots=True)
class Outcomes:
    """What became of tests, by their ids; of files that could not be run, why; what they called the function with."""

    tests: dict[str, Outcome] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # by file
    left: int = 0  # files that were not run
    calls: list[Tree] = field(default_factory=list)
    callers: list[str] = field(default_factory=list)  # files whose tests made the calls
    folders: set[str] = field(default_factory=set)  # what the calls are of is imported from there, too


class Runs:
    """Runs of tests in copies of project trees. Use it as a context manager."""

    def __init__(self, python: Path, contain: Choice, reads: Sequence[Path] = ()) -> None:
        self.python, self.contain, self.reads = python, contain, list(reads)
        self.folder = Path(tempfile.mkdtemp(prefix="perfwright-")).resolve()
        self.laid: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def tree(self, root: Path) -> Path:
        """Return the copy of a project."""
        if root not in self.laid:
            self.laid[root] = copied(root, self.folder / str(len(self.laid)) / root.name)
        return self.laid[root]

    def run(
        self,
        root: Path,
        files: Sequence[str],
        *,
        watch: Place | None = None,
        only: Mapping[str, Sequence[str]] | None = None,
        seconds: float,
        limits: Mapping[str, float] | None = None,
    ) -> Outcomes:
        """Run files of tests, or `only` some tests of them by id, in a copy of a project, and watch a function there.

        `limits` are the seconds of some files.
        """
        tree = self.tree(root)
        found = Outcomes()
        until = time.monotonic() + seconds
        places = [place for place in (tree, tree / "src") if place.is_dir()]
        around = {"PYTHONPATH": os.pathsep.join(map(str, places))}  # for the processes that tests start
        with Guest(self.python, places, environment=around, scratch=tree.parent, contain=self.contain) as guest:
            guest.reads += [root, *self.reads]
            for name in files:
                began = time.monotonic()
                if began > until:
                    found.left += 1
                    continue
                limit = (limits or {}).get(name, min(FILE, until - began))
                said = guest.ask(_question(tree, name, limit, watch, (only or {}).get(name)), limit + LEAST)
                found.seconds[name] = time.monotonic() - began
                _take(found, name, said, tree)
        return found


def _question(tree: Path, name: str, seconds: float, watch: Place | None, only: Sequence[str] | None) -> dict[str, Any]:
    place = None
    if watch is not None:
        place = {"file": str(tree / watch.path), "line": watch.line, "name": watch.name, "drop": watch.drop}
    return {
        "ask": "tests", "test": str(tree / name), "name": name, "root": str(tree), "seconds": seconds,
        "ids": list(only) if only is not None else None, "watch": place,
    }  # fmt: skip


def _take(found: Outcomes, name: str, said: Mapping[str, Any], tree: Path) -> None:
    """Take up what the worker says of a file of tests. It may say anything."""
    if "tests" not in said:
        found.missed[name] = str(said.get("ended") or said.get("raised") or "it gave no answer")
        return
    for test, each in said["tests"].items():
        if isinstance(each, list) and len(each) == 3 and each[0] in (PASSED, SKIPPED, FAILED):
            found.tests[test] = Outcome(each[0], _line(str(each[1]), tree), each[2] is True)
    if said["why"]:
        found.missed[name] = _line(said["why"], tree)
    if said["calls"]:
        found.calls += said["calls"][: INPUTS - len(found.calls)]
        found.callers.append(name)
    found.folders |= {
        str(each) for each in said["folders"] if isinstance(each, str) and (tree / each).resolve().is_relative_to(tree)
    }


def _line(why: str, tree: Path) -> str:
    """Return the first line of a reason, with paths as they are in the project."""
    return why.strip().partition("\n")[0].replace(f"{tree}/", "").strip()
