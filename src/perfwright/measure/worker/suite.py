"""The project's own tests, run: what becomes of each, whether it reaches a function, and what it calls that with."""

import contextlib
import gc
import importlib
import importlib.util
import io
import json
import os
import re
import sys
import unittest
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from .search import Limit, limited  # type: ignore[import-not-found,unused-ignore]
from .trees import CannotWriteError, Scribe, Tree  # type: ignore[import-not-found,unused-ignore]
from .watch import Watch  # type: ignore[import-not-found,unused-ignore]

TAIL = 2_000  # characters kept of what the runner says
REASON = 200
PARTS, WRITTEN = 20_000, 8 << 20  # values of a call that is written down, and characters of all calls
# The cache writes; the others start processes, trace, shuffle, or set the alarms that limit the tests here.
WITHOUT = ("cacheprovider", "xdist", "xdist.looponfail", "pytest_cov", "cov", "randomly", "timeout", "rerunfailures")
PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"
OF_A_MODULE = re.compile(r'"([A-Za-z_][\w.]*):[A-Za-z_]')  # how a tree names a class or a function
SETTINGS = re.compile(r"DJANGO_SETTINGS_MODULE['\"],\s*['\"]([\w.]+)")

Import = Callable[[str], ModuleType]


@dataclass
class Ran:
    """What became of the tests of a file: by their ids an outcome, why it failed, and whether it reached the function.

    `began` counts those whose body was begun, `why` is the first failure, `said` tells why nothing could be run.
    """

    tests: dict[str, tuple[str, str, bool]] = field(default_factory=dict)
    began: int = 0
    why: str = ""
    said: str = ""
    empty: bool = False  # there are none
    late: bool = False  # the time was over before all were through


def answer(asked: dict[str, Any], imported: Import) -> dict[str, Any]:
    """Run the tests of a file, all or those of some ids; return what became of them, and the calls that were seen."""
    place = asked["watch"]
    watch = Watch((place["file"], place["line"], place["name"]), drop=place["drop"]) if place else None
    found = run(asked, imported, watch, wanted=asked["ids"])
    why = "" if not found.late and (found.began or found.empty) else found.said or found.why
    calls, uncopied, folders = _written(watch, Path(asked["root"])) if watch is not None else ([], "", [])
    tests = {name: list(each) for name, each in found.tests.items()}
    return {"tests": tests, "why": why[:REASON], "calls": calls, "uncopied": uncopied, "folders": folders}


def run(
    asked: dict[str, Any],
    imported: Import,
    watch: Watch | None,
    *,
    wanted: list[str] | None = None,
    until_enough: bool = False,
) -> Ran:
    """Run the tests of a file, with pytest where there is one, until enough calls were seen or all are through."""
    found, limit = Ran(), Limit()
    before = Path.cwd(), sys.stderr, list(gc.callbacks), dict(os.environ)
    try:
        os.chdir(asked["root"])
        with limited(asked["seconds"], asked["seconds"]) as limit:
            _django(Path(asked["root"]))
            runner = _Runner(found, limit, asked["name"], watch, wanted, until_enough)
            if importlib.util.find_spec("pytest") is None:
                _with_unittest(imported(asked["test"]), runner)
            else:
                _with_pytest(asked["test"], asked["root"], runner)
    except BaseException as error:  # an exit or an interrupt is one of the tests' ways to end, too
        found.said = f"its tests ended with {type(error).__name__}: {error}"
    finally:
        if watch is not None:
            watch.stop()
        sys.settrace(None)
        os.chdir(before[0])
        sys.stderr, gc.callbacks[:] = before[1:3]  # a plugin's callbacks would run, and be counted, in the function
        os.environ.clear()
        os.environ.update(before[3])
    if limit.reached:  # a runner may have taken it for a test that fails, or for an error of its own
        found.late, found.said = True, f"its tests took over {asked['seconds']:.1f} s"
    return found


class _Runner:
    """What pytest is asked to tell, and told to leave out and to end at."""

    def __init__(
        self, found: Ran, limit: Limit, name: str, watch: Watch | None, wanted: list[str] | None, until_enough: bool
    ) -> None:
        self.found, self.limit, self.name, self.watch, self.until_enough = found, limit, name, watch, until_enough
        self.wanted = set(wanted) if wanted is not None else None

    def id_of(self, node: str) -> str:
        """Return the id of a test: it is the same wherever the project lies."""
        return f"{self.name}::{node.partition('::')[2]}"

    def is_wanted(self, test: str) -> bool:
        """Tell whether a test is to be run."""
        return self.wanted is None or test in self.wanted

    @property
    def enough(self) -> bool:
        """Tell whether no more tests are to be run."""
        return self.limit.reached or (self.until_enough and self.watch is not None and self.watch.enough)

    def begin(self) -> None:
        """Watch one test; not before, for a runner's own start would take many times as long."""
        if self.watch is not None:
            self.watch.reached = False
            self.watch.start()

    def end(self, test: str) -> None:
        """Watch no more, and keep whether the test reached the function."""
        if self.watch is not None:
            self.watch.stop()
            if self.watch.reached and test in self.found.tests:
                self.found.tests[test] = (*self.found.tests[test][:2], True)

    def tell(self, test: str, outcome: str, why: str) -> None:
        """Keep what became of a test; of its parts the worst counts. A test that the limit ended is not known."""
        if self.limit.reached:
            return
        known = self.found.tests.get(test, ("", "", False))
        order = ("", SKIPPED, PASSED, FAILED)
        if order.index(outcome) > order.index(known[0]):
            self.found.tests[test] = (outcome, why[:REASON], known[2])
        if outcome == FAILED and not self.found.why:
            self.found.why = why[:REASON]

    # ------------------------------------------------------------------ what pytest calls
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [each for each in items if self.is_wanted(self.id_of(each.nodeid))]

    def pytest_runtest_logstart(self) -> None:
        self.begin()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.end(self.id_of(nodeid))

    def pytest_runtest_teardown(self, item: Any) -> None:
        if self.enough:
            item.session.shouldstop = "no more tests are needed"

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.found.began += report.when == "call"
        if report.when == "call" or report.outcome != PASSED:
            why = _reason(report) if report.failed else ""
            self.tell(self.id_of(report.nodeid), FAILED if report.failed else report.outcome, why)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and not self.found.why:
            self.found.why = _reason(report)


def _reason(report: Any) -> str:
    lines = [line for line in str(report.longrepr).splitlines() if line.strip()]
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", "")
    return str(crash or " ".join(errors[-1:] or lines[-1:]))[:REASON]


class _Tail(io.TextIOBase):
    """A stream that keeps the end of what is written to it."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text = (self.text + text[-TAIL:])[-TAIL:]
        return len(text)


def _with_pytest(test: str, root: str, runner: _Runner) -> None:
    sys.stderr = said = _Tail()
    pytest = importlib.import_module("pytest")
    options = [part for name in WITHOUT for part in ("-p", f"no:{name}")]
    found = runner.found
    # The project's own options may need what is left out here; without them its settings may be missed.
    for own in (["-o", "addopts="], []):
        earlier, found.why, said.text = found.why, "", ""
        status = int(pytest.main([test, "-q", "--capture=no", f"--rootdir={root}", *own, *options], plugins=[runner]))
        if found.began or runner.limit.reached or status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            break
        found.why = earlier or found.why
    found.empty = status == pytest.ExitCode.NO_TESTS_COLLECTED
    if not (found.why or found.began):
        found.said = f"pytest runs none of its tests: {said.text.strip() or 'it found none'}"


def _with_unittest(module: ModuleType, runner: _Runner) -> None:
    names: dict[unittest.TestCase, str] = {}

    class Result(unittest.TestResult):
        def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
            super().startTest(test)
            runner.found.began += 1
            runner.begin()

        def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
            super().stopTest(test)
            bad = [text for each, text in (*self.errors, *self.failures) if each is test]
            skipped = any(each is test for each, _ in self.skipped)
            outcome = FAILED if bad else SKIPPED if skipped else PASSED
            runner.tell(names[test], outcome, bad[0].strip().splitlines()[-1] if bad else "")
            runner.end(names[test])
            if runner.enough:
                self.stop()

    def cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
        for each in suite:
            if isinstance(each, unittest.TestSuite):
                yield from cases(each)
            else:
                yield each

    suite = unittest.TestLoader().loadTestsFromModule(module)
    every = list(cases(suite))
    names.update((each, runner.id_of(f"::{type(each).__name__}::{each._testMethodName}")) for each in every)
    if not every:
        runner.found.said = "that interpreter has no pytest, and the file has no cases of unittest"
        return
    unittest.TestSuite(each for each in every if runner.is_wanted(names[each])).run(Result())


def _django(root: Path) -> None:
    """Set Django and its test databases up as `manage.py test` does, where pytest has no plugin that would."""
    plan = root / "manage.py"
    named = SETTINGS.search(plan.read_text("utf8", "replace")) if plan.is_file() else None
    there = {each for each in ("django", "pytest_django") if importlib.util.find_spec(each) is not None}
    if named is None or there != {"django"}:
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", named[1])
    utils = importlib.import_module("django.test.utils")
    if not hasattr(utils._TestState, "saved_data"):  # one process runs the tests of many files
        importlib.import_module("django").setup()
        utils.setup_test_environment()
        importlib.import_module("django.test.runner").DiscoverRunner(verbosity=0, interactive=False).setup_databases()


def _written(watch: Watch, root: Path) -> tuple[list[Tree], str, list[str]]:
    """Return the trees of the calls that were seen, why there are fewer, and the folders that their modules lie in."""
    found: list[Tree] = []
    why, left = watch.why, WRITTEN
    for call in watch.calls:
        scribe = Scribe(watch.home, strict=True, most=PARTS)
        try:
            args = [scribe.write(each) for each in call.positional]
            made = [args, [[name, scribe.write(each)] for name, each in call.named.items()]]
        except CannotWriteError as error:
            why = str(error)
            continue
        except Exception as error:  # a class of the user's may refuse anything
            why = f"{type(error).__name__}: {error}"
            continue
        left -= len(json.dumps(made))
        if left < 0:
            break
        found.append(made)
    return found, why[:REASON], sorted(_folders(found, root))


def _folders(calls: list[Tree], root: Path) -> set[str]:
    """Return the folders below the root, relative to it, that the modules named in some trees are imported from."""
    found: set[str] = set()
    for name in set(OF_A_MODULE.findall(json.dumps(calls))):
        file = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(file, str):
            path = Path(file)
            folder = (path.parent if path.name == "__init__.py" else path).parents[name.count(".")]
            with contextlib.suppress(ValueError):
                found.add(folder.relative_to(root).as_posix())
    return found
