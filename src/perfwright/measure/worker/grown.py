"""Values made larger: more items like those that are there, text repeated, objects added to by their own methods."""

import collections
import collections.abc
import contextlib
import copy
import inspect
import random
import string
from collections.abc import Callable, Sequence
from typing import Any

from . import spread  # type: ignore[import-not-found,unused-ignore]

ADDERS = ("add", "append", "insert", "push", "put", "enqueue", "register", "set", "extend", "update", "union")
TRIED = 3  # items that an object must take before it counts as one that grows


class CannotGrowError(Exception):
    """No larger value like this one can be made."""


class Grower:
    """Makes a value like another one, of size `n`. `repeated`: of the same items again, not of new ones like them."""

    def __init__(self, n: int, distribution: str = "random", *, repeated: bool = False, seed: int = 0) -> None:
        self.n, self.spread, self.repeated = n, spread.parse(distribution), repeated
        self.random = random.Random(f"{seed} {n}")

    def larger(self, value: Any) -> Any:
        """Return a value like this one of size `n`. Raises CannotGrowError."""
        kind = type(value)
        if isinstance(value, bool) or value is None or callable(value):
            raise CannotGrowError
        if kind is int:
            return self.n
        if kind is float:
            return float(self.n)
        if kind is str:
            return self.text(value)
        if kind in (bytes, bytearray):
            return kind(self.text(value.decode("latin-1")).encode("latin-1", "replace"))
        if kind is range:
            return range(value.start, value.start + self.n * value.step, value.step)
        if kind is list or kind is collections.deque or (kind is tuple and value):
            return kind(self.items(list(value)))
        if kind in (set, frozenset):
            return kind(self.distinct(list(value)))
        if kind in (dict, collections.OrderedDict, collections.Counter):
            values = list(value.values())
            keys = self.distinct(list(value))
            return kind(zip(keys, self.items(values, len(keys)), strict=True))
        if isinstance(value, collections.abc.Iterator):
            return iter(self.items(list(value)))
        return filled(copy.deepcopy(value), self.n, self.random)

    def items(self, some: Sequence[Any], count: int | None = None) -> list[Any]:
        """Return `n` items like some: in order where these are, different where these are."""
        count = self.n if count is None else count
        if not some:
            raise CannotGrowError
        if self.repeated:
            return [copy.copy(some[place % len(some)]) for place in range(count)]
        if self.spread != spread.Spread() and all(isinstance(each, (int, str, float)) for each in some):
            return spread.arranged([self.like(some) for _ in range(count)], self.spread, self.random)
        made = [self.like(some) for _ in range(count)]
        with contextlib.suppress(TypeError, ValueError):
            if len(some) > 2 and list(some) == sorted(some) and some[0] != some[-1]:
                if all(type(each) is int for each in some) and len(set(some)) == len(some):
                    step = max((some[-1] - some[0]) // (len(some) - 1), 1)
                    return [some[0] + step * place for place in range(count)]
                made.sort()
        return made

    def distinct(self, some: Sequence[Any]) -> list[Any]:
        """Return up to `n` different items like some, these first."""
        found = dict.fromkeys(some)
        for _ in range(4 * self.n):
            if len(found) >= self.n:
                break
            found[self.like(some)] = None
        return list(found)[: max(self.n, 1)]

    def like(self, some: Sequence[Any]) -> Any:
        """Return one value of the kind and about the spread of some."""
        one = self.random.choice(some)
        alike = [each for each in some if type(each) is type(one)]
        if type(one) is int:
            low, high = min(alike), max(alike)
            return self.random.randint(low, max(high, low + (high > low) * self.n, low + (len(alike) == 1) * self.n))
        if type(one) is float:
            return self.random.uniform(min(alike), max(alike))
        if type(one) is str and one:
            if one.isdigit():
                return "".join(self.random.choices(string.digits, k=len(one)))
            letters = string.ascii_uppercase if one.isupper() else string.ascii_lowercase
            return "".join(self.random.choices(letters, k=max(len(one), 3))) if one.isalpha() else one
        if type(one) is tuple and one:
            # A pair joins what is there to what is new, as an edge, a parent or a reference does.
            columns = [[each[place] for each in alike if len(each) == len(one)] for place in range(len(one))]
            return (columns[0][self.random.randrange(len(columns[0]))], *(self.like(column) for column in columns[1:]))
        return copy.deepcopy(one)

    def text(self, value: str) -> str:
        """Return text of `n` characters: the same again and again, or as the distribution says."""
        if not value:
            raise CannotGrowError
        if self.spread.unit:
            return spread.text(self.n, self.spread, self.random)  # type: ignore[no-any-return,unused-ignore]
        made = (value * (self.n // len(value) + 1))[: self.n]
        if self.spread.order == "random":
            return made
        return "".join(spread.arranged(list(made), self.spread, self.random))


def filled(made: Any, n: int, pick: random.Random, *, linked: bool = False) -> Any:
    """Return an object after its own method for adding was called until it holds `n` things more.

    A method of two parameters joins a thing that is there with a new one; `linked` joins as many that are there.
    """
    add, needs = adder(made)
    there = _held(made)
    fresh = (each for each in range(len(there), 10 * n + 10 * len(there) + 10) if each not in there)
    known = list(there)
    for _ in range(n):
        new = next(fresh)
        add(*([pick.choice(known) if known else next(fresh)] * (needs - 1)), new)
        known.append(new)
    if linked and needs > 1:
        for _ in range(n):
            one, *rest = (pick.choice(known) for _ in range(needs))
            if one not in rest:
                add(one, *rest)
    return made


def adder(made: Any) -> tuple[Callable[..., Any], int]:
    """Return the method of an object that adds to it, and how many values it needs. Raises CannotGrowError."""
    ranked = []
    for name in dir(type(made)):
        place = next((place for place, start in enumerate(ADDERS) if name.startswith(start)), None)
        if place is None:
            continue
        try:
            method = getattr(made, name)
            needs = sum(
                each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
                for each in inspect.signature(method).parameters.values()
            )
        except (AttributeError, TypeError, ValueError):
            continue
        if 1 <= needs <= 2:
            ranked.append((place, -needs, len(name), name, needs))
    for *_, name, needs in sorted(ranked):
        if takes(made, name, needs):
            return getattr(made, name), needs
    raise CannotGrowError


def takes(made: Any, name: str, needs: int) -> bool:
    """Tell whether a method adds to an object: a copy of it holds more after a few calls."""
    try:
        trial = copy.deepcopy(made)
        before = len(_held(trial))
        for place in range(TRIED):
            getattr(trial, name)(*range(1000 + place, 1000 + place + needs))
        return len(_held(trial)) > before
    except Exception:  # it is the user's method, called with what it may not like
        return False


def _held(made: Any) -> dict[Any, None]:
    """Return what an object holds that can be a key."""
    held: dict[Any, None] = {}
    for each in made if isinstance(made, collections.abc.Iterable) else ():
        with contextlib.suppress(TypeError):
            held[each] = None
    return held
