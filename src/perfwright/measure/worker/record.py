"""The project's own tests, run to see what they call a function with. What is seen stays in this process."""

import copy
import gc
import importlib
import importlib.util
import inspect
import io
import os
import sys
import threading
import unittest
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

from . import counting, usage  # type: ignore[import-not-found,unused-ignore]
from .search import LateError, limited  # type: ignore[import-not-found,unused-ignore]
from .target import Target  # type: ignore[import-not-found,unused-ignore]

MOST, ALIKE, KEPT = 30, 2, 6  # calls copied, calls of one shape among them, and calls kept of all
ABOVE = 200  # frames looked through for a call of the same function
TAIL = 2_000  # characters kept of what the runner says
REASON = 200
# The cache writes; the others start processes, trace, shuffle, or set the alarms that limit the tests here.
WITHOUT = ("cacheprovider", "xdist", "xdist.looponfail", "pytest_cov", "cov", "randomly", "timeout", "rerunfailures")
SIZED = (str, bytes, range, list, tuple, dict, set, frozenset)


@dataclass(frozen=True)
class Recorded:
    """The arguments of one call, the instance of a method among them, and the names of those that have one."""

    positional: tuple[Any, ...]
    named: dict[str, Any]
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Return how much it holds, as far as that is seen from outside."""
        return sum(map(_size, (*self.positional, *self.named.values())))


@dataclass
class Recording:
    """What the tests of one file called a function with; `why` says why nothing was seen."""

    test: str
    place: dict[str, Any]  # the question that makes it again
    calls: list[Recorded] = field(default_factory=list)
    why: str = ""


def record(target: Target, asked: dict[str, Any], imported: Callable[[str], ModuleType]) -> Recording:
    """Run a file of tests and return what the target was called with, the largest calls first."""
    made = Recording(asked["name"], {key: asked[key] for key in ("test", "name", "root", "seconds")})
    code = usage.code_of(target.function)
    if not isinstance(code, CodeType):
        made.why = "the function is not written in Python"
        return made
    if callable(clear := getattr(target.function, "cache_clear", None)):
        clear()  # what is remembered is not called
    watch = _Watch(code, drop=inspect.ismethod(target.function))
    before = Path.cwd(), sys.stderr, list(gc.callbacks), dict(os.environ)
    said, late = "", f"its tests took over {asked['seconds']:.1f} s"
    try:
        os.chdir(asked["root"])
        with limited(asked["seconds"], asked["seconds"]):
            said = _ran(asked["test"], watch, imported)
        if LateError.__name__ in said:  # a runner took it for a test that fails
            said = late
    except LateError:
        said = late
    except BaseException as error:  # an exit or an interrupt is one of the tests' ways to end, too
        said = f"its tests ended with {type(error).__name__}: {error}"
    finally:
        watch.stop()
        sys.settrace(None)
        os.chdir(before[0])
        sys.stderr, gc.callbacks[:] = before[1:3]  # a plugin's callbacks would run, and be counted, in the function
        os.environ.clear()
        os.environ.update(before[3])
    made.calls = sorted(watch.calls, key=lambda call: call.size, reverse=True)[:KEPT]
    if not made.calls:
        made.why = " ".join((watch.why or said).split())[:REASON]
    return made


class _Watch:
    """Copies the arguments of a function's calls, as they are when it begins."""

    def __init__(self, code: CodeType, *, drop: bool) -> None:
        self.code, self.drop = code, drop
        self.where = (code.co_filename, code.co_firstlineno, code.co_name)
        self.calls: list[Recorded] = []
        self.shapes: dict[Any, int] = {}
        self.resumed: list[FrameType] = []  # a generator's frame begins again and again
        self.why = ""
        self.busy = False
        self.tool: int | None = None

    @property
    def enough(self) -> bool:
        """Tell whether as many calls were seen as are wanted."""
        return len(self.calls) >= MOST

    def start(self) -> None:
        """Watch from now on, in all threads."""
        self.tool = counting.free_tool()
        if self.tool is None:
            sys.setprofile(self._profiled)
            threading.setprofile(self._profiled)
            return
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        monitoring.restart_events()  # what was of no interest for another function may be for this one
        monitoring.use_tool_id(self.tool, "perfwright")
        monitoring.register_callback(self.tool, monitoring.events.PY_START, self._started)
        monitoring.set_events(self.tool, monitoring.events.PY_START)

    def stop(self) -> None:
        """Watch no more."""
        if self.tool is None:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type,unused-ignore]
            return
        monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
        if monitoring.get_tool(self.tool) is not None:
            monitoring.set_events(self.tool, 0)
            monitoring.register_callback(self.tool, monitoring.events.PY_START, None)
            monitoring.free_tool_id(self.tool)

    def _is_it(self, code: CodeType) -> bool:
        # By its place: the tests may import the file under another name, and run a code object of their own.
        return (code.co_filename, code.co_firstlineno, code.co_name) == self.where

    def _profiled(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and self._is_it(frame.f_code):
            self._seen(frame)

    def _started(self, code: CodeType, _: int) -> Any:
        if not self._is_it(code):
            return sys.monitoring.DISABLE  # type: ignore[attr-defined,unused-ignore]
        frame = sys._getframe(1)
        self._seen(frame)
        return None

    def _seen(self, frame: FrameType) -> None:
        if self.busy or self.enough or self._is_inner(frame) or any(frame is each for each in self.resumed):
            return
        self.busy = True  # copying may call the function
        try:
            if frame.f_code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_COROUTINE):
                self.resumed.append(frame)
            call = self._taken(frame)
            shape = tuple((type(each), _size(each)) for each in (*call.positional, *call.named.values()))
            if self.shapes.get(shape, 0) < ALIKE:
                self.shapes[shape] = self.shapes.get(shape, 0) + 1
                positional, named = copy.deepcopy((call.positional, call.named))
                self.calls.append(Recorded(positional, named, call.names))
        except Exception as error:  # what it is called with may refuse to be copied in any way
            self.why = f"the arguments cannot be copied: {type(error).__name__}: {error}"
        finally:
            self.busy = False

    def _is_inner(self, frame: FrameType) -> bool:
        """Tell whether a call is made by another one of the same function: it is that one's work."""
        above = frame.f_back
        for _ in range(ABOVE):
            if above is None:
                return False
            if above.f_code is frame.f_code:
                return True
            above = above.f_back
        return False

    def _taken(self, frame: FrameType) -> Recorded:
        code, held = frame.f_code, frame.f_locals
        count = code.co_argcount
        names = code.co_varnames
        positional = [held[name] for name in names[self.drop : count]]
        rest = count + code.co_kwonlyargcount
        named = {name: held[name] for name in names[count:rest]}
        if code.co_flags & inspect.CO_VARARGS:
            positional.extend(held[names[rest]])
            rest += 1
        if code.co_flags & inspect.CO_VARKEYWORDS:
            named.update(held[names[rest]])
        return Recorded(tuple(positional), named, tuple(names[self.drop : count]))


def _size(value: Any) -> int:
    """Return how much a value holds, one level into an object."""
    if isinstance(value, SIZED):
        return len(value)
    if type(value) is int:
        return value.bit_length()
    fields = getattr(value, "__dict__", None)
    return sum(len(each) for each in list(fields.values()) if isinstance(each, SIZED)) if type(fields) is dict else 0


class _Tail(io.TextIOBase):
    """A stream that keeps the end of what is written to it."""

    def __init__(self) -> None:
        self.text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text = (self.text + text[-TAIL:])[-TAIL:]
        return len(text)


def _ran(test: str, watch: _Watch, imported: Callable[[str], ModuleType]) -> str:
    """Run the tests of a file, with pytest where there is one; return what is to be said where nothing was seen."""
    sys.stderr = said = _Tail()
    if importlib.util.find_spec("pytest") is None:
        return _with_unittest(imported(test), watch)
    runner = _Runner(watch)
    pytest = importlib.import_module("pytest")
    options = [part for name in WITHOUT for part in ("-p", f"no:{name}")]
    # The project's own options may need what is left out here; without them its settings may be missed.
    for own in (["-o", "addopts="], []):
        runner.why, said.text = "", ""
        status = int(pytest.main([test, "-q", "--capture=no", *own, *options], plugins=[runner]))
        if watch.calls or status not in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            break
    if runner.why or runner.ran:
        return f"none of its {runner.ran} tests called it" + (f" ({runner.why})" if runner.why else "")
    return f"pytest runs none of its tests: {said.text.strip() or 'it found none'}"


class _Runner:
    """What pytest is asked to tell, and told to end at."""

    def __init__(self, watch: _Watch) -> None:
        self.watch, self.ran, self.why = watch, 0, ""

    def pytest_runtest_logstart(self) -> None:
        self.watch.start()  # not before: pytest's own start would take many times as long

    def pytest_runtest_logfinish(self) -> None:
        self.watch.stop()

    def pytest_runtest_teardown(self, item: Any) -> None:
        if self.watch.enough:
            item.session.shouldstop = "enough calls were seen"

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.ran += report.when == "call"
        self._told(report)

    def pytest_collectreport(self, report: Any) -> None:
        self._told(report)

    def _told(self, report: Any) -> None:
        if report.failed and not self.why:
            lines = [line for line in str(report.longrepr).splitlines() if line.strip()]
            errors = [line[1:].strip() for line in lines if line.startswith("E ")]
            crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", "")
            self.why = (crash or " ".join(errors[-1:] or lines[-1:]))[:REASON]


def _with_unittest(module: ModuleType, watch: _Watch) -> str:
    class Result(unittest.TestResult):
        def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
            super().startTest(test)
            if watch.enough:
                self.stop()

    result = Result()
    suite = unittest.TestLoader().loadTestsFromModule(module)
    if not suite.countTestCases():
        return "that interpreter has no pytest, and the file has no cases of unittest"
    watch.start()
    suite.run(result)
    failed = [text.strip().splitlines()[-1] for _, text in (*result.errors, *result.failures)]
    return f"none of its {result.testsRun} tests called it" + (f" ({failed[0]})" if failed else "")
