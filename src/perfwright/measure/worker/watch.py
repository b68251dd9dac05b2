"""Calls of one function, seen while the project's own tests run."""

import copy
import inspect
import sys
import threading
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from . import counting  # type: ignore[import-not-found,unused-ignore]

MOST, ALIKE = 30, 2  # calls copied, and calls of one shape among them
ABOVE = 200  # frames looked through for a call of the same function
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
        return sum(map(size_of, (*self.positional, *self.named.values())))


class Watch:
    """Copies the arguments of a function's calls, as they are when it begins."""

    def __init__(self, where: tuple[str, int, str], *, drop: bool) -> None:
        self.where, self.drop = where, drop
        self.home = ""  # the module of the function, as it was imported
        self.reached = False  # it was called; who asks sets it back
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
        self.reached = True
        if self.busy or self.enough or self._is_inner(frame) or any(frame is each for each in self.resumed):
            return
        self.busy = True  # copying may call the function
        try:
            if frame.f_code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_COROUTINE):
                self.resumed.append(frame)
            self.home = str(frame.f_globals.get("__name__", ""))
            call = self._taken(frame)
            shape = tuple((type(each), size_of(each)) for each in (*call.positional, *call.named.values()))
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


def size_of(value: Any) -> int:
    """Return how much a value holds, one level into an object."""
    if isinstance(value, SIZED):
        return len(value)
    if type(value) is int:
        return value.bit_length()
    fields = getattr(value, "__dict__", None)
    return sum(len(each) for each in list(fields.values()) if isinstance(each, SIZED)) if type(fields) is dict else 0
