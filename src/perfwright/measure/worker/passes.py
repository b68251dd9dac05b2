"""How much the code of a project goes through, counted: for the judge.

A pass is one of a loop or of a comprehension, a call of one of the project's functions, an item that `in` compares, and
an item of a collection that is copied, or handed to what goes through it in C. So work that is only moved out of sight
is still counted. The same request comes to the same count each time, whatever else the computer does.
"""

from __future__ import annotations

import bisect
import builtins
import collections
import contextlib
import functools
import heapq
import itertools
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

SIZED: tuple[Any, ...] = (
    list, tuple, set, frozenset, dict, collections.deque,
    type({}.keys()), type({}.values()), type({}.items()),
)  # fmt: skip
LAZY: tuple[Any, ...] = (
    map, filter, zip, enumerate, reversed, type(reversed([])), type(iter([])), type(iter(())), type(iter({})),
    type(iter(set())), itertools.chain, itertools.islice, itertools.takewhile, itertools.dropwhile, itertools.starmap,
    itertools.accumulate, itertools.compress, itertools.filterfalse, itertools.groupby,
)  # fmt: skip
# What is handed a collection and does not go through it, or only as it is gone through itself; what looks who calls it.
QUICK = frozenset((
    len, isinstance, issubclass, id, type, callable, getattr, setattr, hasattr, iter, next, bool, range, *LAZY[:5],
    functools.partial, bisect.bisect, bisect.bisect_left, bisect.bisect_right, heapq.heappush, heapq.heappop,
    heapq.heapreplace, heapq.heappushpop, super, locals, globals, vars, dir, exec, eval, compile,
))  # fmt: skip
# Methods that keep, or look up, what they are given.
KEPT = frozenset(("append", "appendleft", "add", "setdefault", "get", "pop", "discard", "insert", "__init__", "put"))
WALKING = frozenset(("index", "count", "remove", "copy", "sort", "reverse"))  # methods that go through it
WALK = ("builtins", "collections", "itertools")  # whose classes take any iterator
BLIND = frozenset((exec, eval, compile))
FRAMES = ("logging", "warnings", "inspect", "sys", "gettext")  # modules that look who calls them
WALKED = (list.__contains__, tuple.__contains__, collections.deque.__contains__)


class Walk:
    """What an iterator gives, counted as it is asked for."""

    def __init__(self, passes: Passes, site: int, items: Any) -> None:
        self.passes, self.site, self.items = passes, site, iter(items)

    def __iter__(self) -> Walk:
        return self

    def __next__(self) -> Any:
        self.passes.counts[self.site] += 1
        return next(self.items)


class Passes:
    """What was counted of each line of a project whose code was rewritten to say so."""

    def __init__(self) -> None:
        self.on = False
        self.blind = False  # code ran that was made as it ran
        self.whole = True  # all code was rewritten
        self.sites: list[tuple[str, int]] = []
        self.counts: list[int] = []
        self.files: set[str] = set()
        self.modules: set[str] = set()

    def site(self, file: str, line: int) -> int:
        """Return the number of a place in the code."""
        self.sites.append((file, line))
        self.counts.append(0)
        return len(self.sites) - 1

    def offer(self, names: Mapping[str, str]) -> None:
        """Put what rewritten code calls where it finds it: among the built-in names."""
        for method, name in names.items():
            setattr(builtins, name, getattr(self, method))

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count from nothing."""
        self.counts[:] = [0] * len(self.counts)
        self.on, self.blind = True, False
        try:
            yield
        finally:
            self.on = False

    def by_line(self) -> dict[str, dict[int, int]]:
        """Return what was counted, by file and line."""
        found: dict[str, dict[int, int]] = {}
        for (file, line), count in zip(self.sites, self.counts, strict=True):
            if count:
                lines = found.setdefault(file, {})
                lines[line] = lines.get(line, 0) + count
        return found

    # -------------------------------------------------------------------------- called by rewritten code
    def step(self, site: int) -> bool:
        """Count a pass, or a call."""
        self.counts[site] += 1
        return True

    def made(self, site: int, value: Any) -> Any:
        """Count the items of a collection that was just made, and return it."""
        if self.on and isinstance(value, SIZED):
            self.counts[site] += len(value)
        return value

    def within(self, site: int, item: Any, held: Any) -> bool:
        """Return `item in held`, and count what it is compared with."""
        if self.on:
            contains = getattr(type(held), "__contains__", None)
            if contains is None or contains in WALKED:
                held = Walk(self, site, held)  # `in` goes through it, as it does through a list
        return item in held

    def called(self, site: int, function: Any) -> Any:
        """Return a function that is about to be called; where it is not the project's own, one that counts what it is
        given."""
        if not self.on or self.is_own(function):
            return function
        with contextlib.suppress(TypeError):  # what cannot be hashed
            if function in QUICK:
                self.blind |= function in BLIND
                return function
        name, of = getattr(function, "__name__", ""), getattr(function, "__self__", None)
        module = str(getattr(function, "__module__", "") or type(of).__module__)
        if name in KEPT or module.partition(".")[0] in FRAMES:
            return function
        own = len(of) if isinstance(of, SIZED) and name in WALKING else 0
        return self._counting(site, function, own)

    def _counting(self, site: int, function: Callable[..., Any], own: int) -> Callable[..., Any]:
        walks = isinstance(function, types.BuiltinFunctionType) or getattr(function, "__module__", "") in WALK

        def call(*given: Any, **named: Any) -> Any:
            items = sum(len(each) for each in (*given, *named.values()) if isinstance(each, SIZED))
            self.counts[site] += own + items
            if walks and any(isinstance(each, LAZY) for each in given):
                given = tuple(Walk(self, site, each) if isinstance(each, LAZY) else each for each in given)
            return function(*given, **named)

        return call

    def is_own(self, function: Any) -> bool:
        """Tell whether something that is called is code that was rewritten, or a class of it."""
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is not None:
            return code.co_filename in self.files
        kind = function if isinstance(function, type) else type(function)
        return kind.__module__ in self.modules


PASSES = Passes()
