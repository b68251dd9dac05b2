"""The time of some statements of a function alone, within calls of it: of what was changed, for the judge."""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import time
from collections.abc import Callable, Iterator
from types import CodeType, TracebackType
from typing import Any

NAME = "_perfwright_part"
BLOCKS = ("body", "orelse", "finalbody")


class Clock:
    """Seconds of CPU and of the wall, between all entries and exits; what is entered within itself counts once."""

    def __init__(self) -> None:
        self.cpu = self.wall = 0.0
        self.depth = 0
        self.began = (0.0, 0.0)

    def __enter__(self) -> None:
        self.depth += 1
        if self.depth == 1:
            self.began = time.process_time(), time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.cpu += time.process_time() - self.began[0]
            self.wall += time.perf_counter() - self.began[1]


def timed(module: Any, place: dict[str, Any], batch: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Return the seconds of CPU and of the wall that some statements take in a batch of calls: the least of several.

    `place` names the function in its module, and the line, the column and the count of the statements.
    """
    found: list[tuple[float, float]] = []
    with clocked(module, place) as clock:
        for _ in range(repeats):
            clock.cpu = clock.wall = 0.0
            batch()
            found.append((clock.cpu, clock.wall))
    return min(each[0] for each in found), min(each[1] for each in found)


@contextlib.contextmanager
def clocked(module: Any, place: dict[str, Any]) -> Iterator[Clock]:
    """Have some statements of a function in a clock of their own, meanwhile."""
    function = named(module, place["function"])
    known = function.__code__
    clock = Clock()
    setattr(builtins, NAME, clock)
    try:
        function.__code__ = rewritten(inspect.getsource(module), known, place)
        yield clock
    finally:
        function.__code__ = known
        delattr(builtins, NAME)


def named(module: Any, name: str) -> Any:
    """Return a function of a module by its name, without what it is decorated with."""
    found: Any = module
    for each in name.split("."):
        found = inspect.getattr_static(found, each)
    for inner in ("fget", "func", "__func__"):  # of properties, cached or not, and of methods of classes
        found = getattr(found, inner, found)
    return inspect.unwrap(found)


def rewritten(text: str, known: CodeType, place: dict[str, Any]) -> CodeType:
    """Return the code of a function with some of its statements clocked. Raises LookupError where it is not found."""
    tree = ast.parse(text)
    start = place["line"], place["column"]
    for node in ast.walk(tree):
        for name in BLOCKS:
            held: Any = getattr(node, name, None)
            block: list[ast.stmt] = held if isinstance(held, list) else []
            at = [(each.lineno, each.col_offset) for each in block]
            if start in at:
                first = at.index(start)
                block[first : first + place["count"]] = [_clocked(block[first : first + place["count"]])]
                code = compile(ast.fix_missing_locations(tree), known.co_filename, "exec", dont_inherit=True)
                return next(each for each in codes(code) if _is_same(each, known))
    raise LookupError(f"no statement begins at {start}")


def codes(code: CodeType) -> Iterator[CodeType]:
    """Give the code of all that is defined within some code."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from codes(each)


def _clocked(some: list[ast.stmt]) -> ast.stmt:
    clock = ast.withitem(ast.Name(NAME, ast.Load()))
    return ast.copy_location(ast.With([clock], some), some[0])


def _is_same(one: CodeType, other: CodeType) -> bool:
    return (one.co_name, one.co_firstlineno, one.co_freevars) == (
        other.co_name,
        other.co_firstlineno,
        other.co_freevars,
    )
