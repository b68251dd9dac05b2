"""The project's own tests on both versions: those that reach a function, or all of them, compared by their ids."""

import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from perfwright import discover
from perfwright.fix.judge import reach
from perfwright.fix.judge.runs import FAILED, LEAST, PASSED, SKIPPED, Outcome, Outcomes, Place, Runs
from perfwright.fix.judge.sides import Side, Sides
from perfwright.fix.judge.trees import Tree
from perfwright.fix.judge.verdict import Verdict
from perfwright.measure.recording import Suite, ranked
from perfwright.measure.run import Choice

FILES, SECONDS = 6, 20.0  # that are run where nobody asks for tests
ASKED_FILES, ASKED_SECONDS = 60, 180.0
PATIENCE = 4  # times as long as the tests of the first version
NAMED = 5  # tests that are named where more are set aside


@dataclass(frozen=True, slots=True)
class Compared:
    """The tests that pass on both sides; those that a rewrite breaks, with their last line; those that say nothing."""

    passed: tuple[str, ...]
    broken: Mapping[str, str]
    failing: tuple[str, ...]  # before, too
    flaky: tuple[str, ...]

    @property
    def notes(self) -> Iterator[str]:
        """Give what is to be told of the tests that break nothing."""
        if self.passed:
            one = len(self.passed) == 1
            what = "test of the project that reaches" if one else "tests of the project that reach"
            yield f"{len(self.passed):,} {what} it: passed before and after"
        for names, why in ((self.failing, "they fail before, too"), (self.flaky, "they do not do the same twice")):
            if names:
                more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
                yield f"tests set aside, as {why}: {', '.join(names[:NAMED])}{more}"


class ProjectTests:
    """The tests of a project that reach one function, on two versions of it. Use it as a context manager."""

    def __init__(self, suite: Suite, python: Path, contain: Choice, reads: Sequence[Path] = ()) -> None:
        self.suite = suite
        self.runs = Runs(python, contain, reads)
        self.seen = Outcomes()
        self.place: Place | None = None
        self.others = 0  # files of tests that neither name nor import it
        self.apart = False  # the second version is another function, which no test knows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.runs.__exit__(kind, error, trace)

    @property
    def source(self) -> str:
        """Say what was recorded, as a part of how inputs are made; nothing where nothing was."""
        calls = len(self.seen.calls)
        return f"{calls} recorded from {', '.join(self.seen.callers)}" if calls else ""

    def record(self, root: Path, place: Place, function: str) -> list[Tree]:
        """Run the tests of a project that may reach a function there; return the calls that they make.

        Raises InputError for a path of tests that does not exist.
        """
        if self.place == place:
            return self.seen.calls
        self.place = place
        asked = self.suite.asked
        files, others = reach.files(Suite(root, self.suite.named), root / place.path, function)
        most = ASKED_FILES if asked else FILES
        if files:
            seconds = ASKED_SECONDS if asked else SECONDS
            self.seen = self.runs.run(root, files[:most], watch=place, seconds=seconds)
            self.seen.left += len(files[most:])
        self.others = others
        return self.seen.calls

    def record_of(self, sides: Sides) -> list[Tree]:
        """Run the tests that may reach a function that is loaded, and let both versions import what their calls are
        of; return these."""
        first, second = (sides.side(name) for name in ("before", "after"))
        root, there = (side.version.root.resolve() for side in (first, second))
        path, other = (_relative(side) for side in (first, second))
        name = first.version.function
        if not path:
            return []
        self.apart = path != other or root == there or name != second.version.function
        place = Place(path, int(first.known["line"]), name.rpartition(".")[2], bool(first.about.get("bound")))
        calls = self.record(root, place, name)
        if self.seen.folders:
            sides.import_from([root / each for each in sorted(self.seen.folders)])
        return calls

    def confirmed(self, verdict: Verdict, before: Path, after: Path) -> Verdict:
        """Return a verdict after the tests that reach the function were run on the second version, too."""
        if verdict.word not in ("same", "not shown") or not (self.seen.tests or self.seen.missed):
            return verdict
        notes = [f"tests of {name} could not be run: {why}" for name, why in self.seen.missed.items()]
        if self.seen.left:
            notes.append(f"files of tests that may reach it, and for which there was no time: {self.seen.left:,}")
        if self.others:
            notes.append(f"files of tests that were not run, as they neither name nor import it: {self.others:,}")
        known = {name: test for name, test in self.seen.tests.items() if test.reached and test.outcome != SKIPPED}
        if not known or self.apart:
            none = f"none of the {len(self.seen.tests):,} tests that were run reaches it"
            notes.append(none if not known else "the tests call the first version by its name: not run on the second")
            return replace(verdict, notes=(*verdict.notes, *notes))
        found = compared(self.runs, before.resolve(), after.resolve(), known, self.seen.seconds)
        notes += found.notes
        if found.broken:
            test, why = next(iter(found.broken.items()))
            more = f", and {len(found.broken) - 1:,} more" if len(found.broken) > 1 else ""
            example = {"call": test, "before": "passes", "after": f"fails: {why}"}
            verdict = Verdict("differs", f"a test of the project fails: {test}{more}", example)
        return replace(verdict, notes=(*verdict.notes, *notes))


def _relative(side: Side) -> str:
    """Return the file of a function relative to the root of its version; nothing where it is not below that."""
    root, path = side.version.root.resolve(), Path(str(side.known["file"])).resolve()
    return discover.relative(root, path) if path.is_relative_to(root) else ""


def compared(
    runs: Runs, before: Path, after: Path, known: Mapping[str, Outcome], took: Mapping[str, float]
) -> Compared:
    """Run tests in the second of two trees, whose outcome in the first is known; compare, and look twice."""
    only = _by_file(known)
    limits = {name: max(LEAST, PATIENCE * took.get(name, 0.0)) for name in only}
    _lay_tests(runs, before, after)
    now = runs.run(after, list(only), only=only, limits=limits, seconds=sum(limits.values()))
    lost = {name for name, why in now.missed.items() if why}
    passed: list[str] = []
    failing: list[str] = []
    flaky: list[str] = []
    suspects: dict[str, str] = {}
    for name, test in known.items():
        other = now.tests.get(name)
        if test.outcome == FAILED:
            (failing if other is None or other.outcome == FAILED else flaky).append(name)
        elif other is not None and other.outcome == PASSED:
            passed.append(name)
        elif other is None and _file(name) not in lost:
            flaky.append(name)  # an id that is another in each run
        else:
            suspects[name] = other.why or other.outcome if other is not None else now.missed[_file(name)]
    broken: dict[str, str] = {}
    if suspects:
        files = {_file(name) for name in suspects}
        again = {name: ids for name, ids in only.items() if name in files}
        old, new = (
            runs.run(root, list(again), only=again, limits=limits, seconds=sum(limits.values()))
            for root in (before, after)
        )
        for name, why in suspects.items():
            one, other = old.tests.get(name), new.tests.get(name)
            stays = other.outcome != PASSED if other is not None else _file(name) in new.missed
            if one is not None and one.outcome == PASSED and stays:
                broken[name] = why
            else:
                flaky.append(name)
    return Compared(tuple(passed), broken, tuple(failing), tuple(flaky))


def whole(
    before: Path, after: Path, suite: Suite, python: Path, contain: Choice, *, seconds: float = ASKED_SECONDS
) -> tuple[Compared, Outcomes]:
    """Run all tests of a project, or those that are named, in two of its trees; return how they compare, and what
    became of them in the first."""
    with Runs(python, contain) as runs:
        every = ranked(Suite(before, suite.named), before / "_", "_")
        seen = runs.run(before, list(itertools.chain(*every)), seconds=seconds)
        known = {name: test for name, test in seen.tests.items() if test.outcome != SKIPPED}
        return compared(runs, before, after, known, seen.seconds), seen


def _lay_tests(runs: Runs, before: Path, after: Path) -> None:
    """Let the second version have the tests of the first: what they ask for is to hold still."""
    old, new = runs.tree(before), runs.tree(after)
    for name in discover.find(old, [old], tests=True):
        if discover.is_test(name):
            there = new / name
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(old / name, there)


def _by_file(tests: Mapping[str, Outcome]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in tests:
        found.setdefault(_file(name), []).append(name)
    return found


def _file(test: str) -> str:
    return test.partition("::")[0]
