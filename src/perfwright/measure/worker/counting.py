"""Lines that run during a call, counted by `sys.monitoring` where there is one (from Python 3.12), else by a trace."""

import collections
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from . import timing  # type: ignore[import-not-found,unused-ignore]

Call = tuple[tuple[Any, ...], dict[str, Any]]
Counts = dict[tuple[str, int], int]

TOOLS = (4, 3, 5, 2)  # numbers of tools that nobody else may have taken
OWN = frozenset([timing.run.__code__, timing.finish.__code__])


class _EnoughError(BaseException):
    """As many lines ran as were asked for."""


def lines(function: Callable[..., Any], call: Call, most: int, items: int | None = None) -> tuple[dict[str, int], bool]:
    """Return how often each line ran during a call, as `file:line`, and whether all of the call was counted.

    Comparing and hashing an item is a line too, of `timing.py`: so work in C that depends on items is seen.
    """
    counts: Counts = collections.defaultdict(int)
    tool = free_tool()
    start, stop = (_monitored(counts, most, tool)) if tool is not None else _traced(counts, most)
    whole = True
    start()
    try:
        timing.run(function, call, items)
    except _EnoughError:
        whole = False
    finally:
        stop()
    return {f"{file}:{line}": count for (file, line), count in counts.items()}, whole


def free_tool() -> int | None:
    """Return the number of a tool for `sys.monitoring` that nobody uses; None where there is no such module."""
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return None
    return next((tool for tool in TOOLS if monitoring.get_tool(tool) is None), None)


def _traced(counts: Counts, most: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return how to begin and to end counting with a trace function."""
    left = most

    def local(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if event == "line":
            counts[frame.f_code.co_filename, frame.f_lineno] += 1
            left -= 1
            if left < 0:
                raise _EnoughError
        return local

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        return local if event == "call" and frame.f_code not in own else None

    def start() -> None:
        sys.settrace(trace)

    def stop() -> None:
        sys.settrace(None)

    own = OWN | {lines.__code__, stop.__code__}
    return start, stop


def _monitored(counts: Counts, most: int, tool: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return how to begin and to end counting with events of lines, and of jumps back to the line they are on."""
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    left = most
    starts: dict[CodeType, dict[int, int]] = {}

    def count(code: CodeType, line: int) -> Any:
        nonlocal left
        if code in own:
            return monitoring.DISABLE
        counts[code.co_filename, line] += 1
        left -= 1
        if left < 0:
            raise _EnoughError
        return None

    def line_at(code: CodeType, place: int) -> int | None:
        if code not in starts:
            starts[code] = {
                place: line for start, end, line in code.co_lines() if line for place in range(start, end, 2)
            }
        return starts[code].get(place)

    def jump(code: CodeType, here: int, to: int) -> Any:
        line = line_at(code, to)
        if to > here or line is None or line != line_at(code, here):  # not a loop on one line
            return monitoring.DISABLE
        return count(code, line)

    def began(_: CodeType, __: int) -> None:
        return None

    said = {monitoring.events.LINE: count, monitoring.events.JUMP: jump}
    if sys.version_info >= (3, 13):
        # Unless this is listened to, 3.13 says nothing of a body that begins on the line of its `lambda`.
        said[monitoring.events.PY_START] = began

    def start() -> None:
        monitoring.use_tool_id(tool, "perfwright")
        for event, callback in said.items():
            monitoring.register_callback(tool, event, callback)
        monitoring.restart_events()
        monitoring.set_events(tool, sum(said))

    def stop() -> None:
        monitoring.set_events(tool, 0)
        for event in said:
            monitoring.register_callback(tool, event, None)
        monitoring.free_tool_id(tool)

    own = OWN | {lines.__code__, start.__code__, stop.__code__}
    return start, stop
