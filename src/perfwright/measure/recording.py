"""Input recorded from the project's own tests: which files to run, and when."""

import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfwright import discover
from perfwright.errors import InputError
from perfwright.measure.run import WAYS, Guest

MOST, UNASKED = 20, 3  # files that are run: where tests are asked for, and where there is no other input
SECONDS, UNASKED_SECONDS, FILE = 60.0, 10.0, 20.0  # for all of them, and for one
READ, LARGEST = 2_000, 1 << 20  # files that are searched, and bytes of one
FOLDERS = ("tests", "test")
REASON = 300  # characters
HALF = 0.5  # of its lines: what a call runs that need not be improved upon


@dataclass(frozen=True, slots=True)
class Suite:
    """Where tests may be: below a root, in what was named; where nothing was, they are the last but one resort."""

    root: Path
    named: Sequence[Path] = ()

    @property
    def asked(self) -> bool:
        """Tell whether they are to come before all other ways to make input."""
        return bool(self.named)


@dataclass(slots=True)
class Choice:
    """How input is made, as the worker says it; why some tests gave none; the seconds that running them took."""

    said: dict[str, Any]
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def note(self) -> str:
        """Say what came of the tests that gave none; nothing where there were none."""
        return f"nothing recorded from {'; '.join(self.missed)}" if self.missed else ""


def choose(
    guest: Guest,
    known: Mapping[str, Any],
    function: str,
    tests: Suite | None,
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Choice:
    """Let the worker choose how the arguments of the function that it has loaded are made, by running tests if need be.

    Raises InputError for a path of tests that does not exist.
    """
    if tests is None or (known["built"] and not tests.asked):
        return Choice(guest.choose(seconds))
    files, direct = found(tests, Path(known["file"]), function)
    if not files:
        missed = [f"the tests named: none of them mentions {function}"] if tests.asked else []
        return Choice(guest.choose(seconds), missed)
    if not tests.asked:
        # Tests that name no more than its module may call it through another function: they are the last resort.
        said = guest.choose(seconds, WAYS[:1] if direct else WAYS)
        if _works(said) and (not direct or said["grows"] or said["covered"] >= HALF):
            return Choice(said)
    until = clock() + (SECONDS if tests.asked else UNASKED_SECONDS)
    missed, spent = [], 0.0
    for name in files:
        began = clock()
        left = until - began
        if left <= 0:
            missed.append("the other files: the time was used up")
            break
        told = guest.record(tests.root / name, name, tests.root, min(FILE, left))
        spent += clock() - began
        if told.get("calls"):
            said = guest.choose(seconds, ("recorded", *WAYS))
            if _works(said) and said["plan"].get("from") == "recorded":
                return Choice(said, missed, spent)
            told = {"why": "what its tests call it with is no input that grows"}
        missed.append(f"{name}: {_why(told)}")
    return Choice(guest.choose(seconds), missed, spent)


def found(tests: Suite, file: Path, function: str) -> tuple[list[str], bool]:
    """Return the files of tests to run, relative to the root, and whether they name the function, and not its module
    alone. What names both, and most often, comes first; files that were named themselves are taken as they are."""
    direct, indirect, _ = ranked(tests, file, function)
    return (direct or indirect)[: MOST if tests.asked else UNASKED], bool(direct)


def ranked(tests: Suite, file: Path, function: str) -> tuple[list[str], list[str], list[str]]:
    """Return the files of tests that name the function, those that name its module alone, and all others."""
    *owners, short = function.split(".")
    words = [re.compile(rf"\b{re.escape(word)}\b") for word in (short, file.stem, *owners[-1:])]
    named = {discover.relative(tests.root, tests.root / path) for path in tests.named}
    direct: list[tuple[int, int, str]] = []
    indirect: list[tuple[int, int, str]] = []
    others: list[str] = []
    for name in itertools.islice(_candidates(tests, file), READ):
        path = tests.root / name
        try:
            text = path.read_text("utf8", "replace") if path.is_file() and path.stat().st_size < LARGEST else ""
        except OSError:
            continue
        calls, *around = (len(word.findall(text)) for word in words)
        if calls or name in named:
            direct.append((-min(around), -calls, name))
        elif around[0]:
            indirect.append((0, -around[0], name))
        else:
            others.append(name)
    return [name for *_, name in sorted(direct)], [name for *_, name in sorted(indirect)], others


def _candidates(tests: Suite, file: Path) -> Iterator[str]:
    """Give the files that may hold tests: those named, else those in the usual places, each once."""
    root = tests.root
    for path in tests.named:
        if not (root / path).exists():
            raise InputError(f"{path} does not exist; give a file of tests, or a folder.", slug="missing-path")
    if tests.asked:
        names = discover.find(root, [root / path for path in tests.named], tests=True)
        named = {discover.relative(root, root / path) for path in tests.named}
        yield from (name for name in names if name in named or _is_test(name))
        return
    near = [file.parent] if file.is_relative_to(root) else []
    places = [place / name for place in dict.fromkeys((root, *near)) for name in FOLDERS if (place / name).is_dir()]
    places += [path for place in dict.fromkeys((root, *near)) for path in place.glob("*.py") if _is_test(path.name)]
    yield from (name for name in discover.find(root, places, tests=True) if _is_test(name))


def _is_test(name: str) -> bool:
    return discover.is_test(name) and not name.endswith(("conftest.py", "__init__.py"))


def _works(said: Mapping[str, Any]) -> bool:
    return "plan" in said and not said["failed"]


def _why(said: Mapping[str, Any]) -> str:
    for name in ("failed", "why", "raised", "cannot", "slow", "ended"):
        if said.get(name):
            return str(said[name])[:REASON]
    return "it gave no answer"
