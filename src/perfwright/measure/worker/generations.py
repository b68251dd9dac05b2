"""More items like some: the same again and again, each generation with names, keys and numbers of its own.

Within a generation what was equal stays equal, so items refer to each other as they did in the first; how often values
repeat, and whether they are in order, stays as it was.
"""

import collections
import copy
import enum
import math
import random
import re
import string
import types
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from . import spread  # type: ignore[import-not-found,unused-ignore]
from .grown import CannotGrowError  # type: ignore[import-not-found,unused-ignore]

MOST = 5_000  # values in one generation of one container
LISTS = (list, tuple, collections.deque)
FIXED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, enum.Enum, re.Pattern)
# A field of such a name tells one thing from another; what others hold is a quantity, a state, a text.
TELLS = re.compile(r"(^|_)(ids?|pk|keys?|codes?|sku|uuid|slug|email|name|user|username|login|number|ref|token)$", re.I)
PLAIN = re.compile(r"\S+")
DATED = re.compile(r"\d[-/:.]\d")


class Generations:
    """Grows containers to a size, the largest of them; the others in proportion. `above` is never copied."""

    def __init__(self, n: int, distribution: str, way: str, above: Sequence[Any]) -> None:
        self.n, self.spread, self.way = n, spread.parse(distribution), way
        self.above = {id(each) for each in above}
        self.span, self.digits = 1, 1
        self.kept: set[Any] = set()
        self.floats: list[float] = []
        self.made = 0

    def grown(self, some: Sequence[Any]) -> list[Any]:
        """Return each container grown. Raises CannotGrowError."""
        longest = max(map(len, some))
        count = max(math.ceil(self.n / longest), 1)
        self._look(some, count)
        parts: list[list[Any]] = [[] for _ in some]
        for generation in range(count):
            memo: dict[int, Any] = {}
            self.made = 0
            for value, part in zip(some, parts, strict=True):
                for each in value.items() if isinstance(value, dict) else value:
                    part.append(self._again(each, generation, memo, isinstance(value, dict)))
        return [
            self._arranged(value, part, max(round(self.n * len(value) / longest), 1))
            for value, part in zip(some, parts, strict=True)
        ]

    def _look(self, some: Sequence[Any], count: int) -> None:
        """Learn what numbers are there, and which values stand for a few states."""
        numbers: list[int] = []
        for value in some:
            flat = [each for each in value if type(each) in (int, str, float)]
            inner = [each for item in value if type(item) in (tuple, list, set) for each in item]
            if isinstance(value, dict):
                inner += [
                    each for item in value.values() if type(item) in (tuple, list, set, frozenset) for each in item
                ]
            numbers += [each for each in (*flat, *inner) if type(each) is int]
            told = [field for item in (value.values() if isinstance(value, dict) else value) for field in _fields(item)]
            numbers += [each for key, each in told if type(each) is int and TELLS.search(key)]
            self.floats += [each for each in flat if type(each) is float]
            words = [each for each in flat if type(each) is str]
            listed: dict[str, list[str]] = {"": [] if isinstance(value, dict) else words}
            for key, each in told:
                if isinstance(each, (*LISTS, set, frozenset)):
                    listed.setdefault(key, []).extend(one for one in each if type(one) is str)
            for some_words in listed.values():
                if len(some_words) > 1 and 2 * len(set(some_words)) <= len(some_words):
                    self.kept |= set(some_words)
        if len(numbers) > 1 and set(numbers) <= {0, 1}:
            self.kept |= {0, 1}
        if numbers:
            self.span = max(numbers) - min(numbers) + 1
        self.digits = max(len(str(count)), 1)

    def _again(self, item: Any, generation: int, memo: dict[int, Any], is_pair: bool) -> Any:
        if self.way == "same":
            return item if generation == 0 or is_pair else copy.copy(item)
        if generation == 0:
            return item
        if is_pair:
            key, value = item
            tells = type(value) not in (int, float, str)  # counted or looked up by the key: not a name
            return self._copy(key, generation, memo, True), self._copy(value, generation, memo, tells)
        return self._copy(item, generation, memo, True)

    def _copy(self, value: Any, generation: int, memo: dict[int, Any], tells: bool) -> Any:
        """Return a value of another generation; `tells` says that it tells one thing from another."""
        kind = type(value)
        if kind in (int, str, float, uuid.UUID):
            return self._renamed(value, generation) if tells else value
        if (
            value is None
            or kind in (bool, bytes, complex, range)
            or isinstance(value, FIXED)
            or id(value) in self.above
        ):
            return value
        if id(value) in memo:
            return memo[id(value)]
        self.made += 1
        if self.made > MOST:
            raise CannotGrowError(f"its items hold over {MOST:,} others")
        if kind in (tuple, set, frozenset) or (isinstance(value, tuple) and hasattr(value, "_fields")):
            # The first of a row tells which one it is; of a pair of alike, an edge, both do.
            alike = len({type(each) for each in value}) == 1
            copied = [self._copy(each, generation, memo, alike or not place) for place, each in enumerate(value)]
            made = kind(*copied) if hasattr(value, "_fields") else kind(copied)
            memo[id(value)] = made
        elif kind in (list, collections.deque):
            made = memo[id(value)] = kind()
            made.extend(self._copy(each, generation, memo, True) for each in value)
        elif isinstance(value, dict):
            made = memo[id(value)] = copy.copy(value)
            made.clear()
            record = is_record(value)
            for key, each in value.items():
                holds = type(each) not in (int, float, str)
                if record:
                    made[key] = self._copy(each, generation, memo, holds or TELLS.search(key) is not None)
                else:
                    made[self._copy(key, generation, memo, True)] = self._copy(each, generation, memo, holds)
        else:
            made = memo[id(value)] = copy.copy(value)
            for key, each in attributes(value):
                holds = type(each) not in (int, float, str)
                object.__setattr__(made, key, self._copy(each, generation, memo, holds or bool(TELLS.search(key))))
        return made

    def _renamed(self, value: Any, generation: int) -> Any:
        if value in self.kept:
            return value
        if type(value) is int:
            return value + generation * self.span
        if type(value) is float:
            low, high = (min(self.floats), max(self.floats)) if self.floats else (value, value)
            return random.Random(f"{value} {generation}").uniform(low, high) if high > low else value + generation
        if type(value) is uuid.UUID:
            return uuid.UUID(int=(value.int + generation) % (1 << 128))
        if not PLAIN.fullmatch(value) or DATED.search(value):
            return value  # a text, or a date: another one might be none
        digits = str(generation).zfill(self.digits)
        if value[-1].isdigit():
            return value + digits
        letters = string.ascii_uppercase if value[-1].isupper() else string.ascii_lowercase
        return value + "".join(letters[int(digit)] for digit in digits)

    def _arranged(self, value: Any, made: list[Any], n: int) -> Any:
        kind = type(value)
        if isinstance(value, dict) and self.way != "same" and _refers(value):
            made = _joined(made, len(value), n)
        if self.way != "whole":
            made = made[:n]
        if self.way == "mixed":
            random.Random(f"{n}").shuffle(made)  # one order for all of a length: what belongs together stays so
        if isinstance(value, LISTS):
            if self.spread != spread.Spread() and all(isinstance(each, (int, str, float)) for each in made):
                made = spread.arranged(made, self.spread, random.Random(f"{n}"))
            elif (order := _order(list(value))) is not None:
                made.sort(reverse=order)
        return kind(made)


def attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the fields of an object of a class of the user's; nothing of any other."""
    kind = type(value)
    if not kind.__flags__ & 1 << 9 or isinstance(value, FIXED):  # a class that was written in Python
        return
    held = getattr(value, "__dict__", None)
    if isinstance(held, dict):
        yield from list(held.items())
    for each in kind.__mro__:
        slots = each.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name not in ("__dict__", "__weakref__"):
                name = f"_{each.__name__.lstrip('_')}{name}" if name.startswith("__") and name[-2:] != "__" else name
                try:
                    yield name, object.__getattribute__(value, name)
                except AttributeError:  # it was never set
                    continue


def is_record(value: Any) -> bool:
    """Tell whether a dict stands for one thing, with a field for each key, and not for many things."""
    if type(value) is not dict or not value or not all(type(key) is str and key.isidentifier() for key in value):
        return False
    return len({type(each) for each in value.values()}) > 1


def _fields(item: Any) -> list[tuple[str, Any]]:
    return list(item.items()) if is_record(item) else list(attributes(item))


def _refers(value: dict[Any, Any]) -> bool:
    """Tell whether what a dict holds for each key are keys of it: a graph."""
    held = list(value.values())
    if not all(type(each) in (list, set) for each in held) or not any(held):
        return False
    try:
        return all(one in value for each in held for one in each)
    except TypeError:  # what cannot be a key
        return False


def _joined(pairs: list[tuple[Any, Any]], length: int, n: int) -> list[tuple[Any, Any]]:
    """Return `n` nodes of a graph with those that each leads to; a generation's first leads to the next one's."""
    pairs = pairs[:n]
    there = {key for key, _ in pairs}
    closed = [(key, type(each)(one for one in each if one in there)) for key, each in pairs]
    for place in range(length, len(closed), length):
        above = closed[place - length][1]
        above.append(closed[place][0]) if isinstance(above, list) else above.add(closed[place][0])
    return closed


def _order(some: list[Any]) -> bool | None:
    """Tell whether some were in order, False, or in reverse order, True; None where they were in neither."""
    try:
        ordered = sorted(some)
        if len(some) < 3 or ordered[0] == ordered[-1]:
            return None
        return False if some == ordered else True if some == ordered[::-1] else None
    except Exception:  # comparing them runs the user's code
        return None
