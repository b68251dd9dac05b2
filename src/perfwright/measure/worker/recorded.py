"""Calls that tests made, made again with more: some of their arguments, or what these hold, grown."""

import collections
import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from . import frames  # type: ignore[import-not-found,unused-ignore]
from .generations import Generations, attributes, is_record  # type: ignore[import-not-found,unused-ignore]
from .grown import Grower  # type: ignore[import-not-found,unused-ignore]

STILL = 64  # size of what does not grow, while another part does
DEEPEST, MOST_SITES, MOST_ATTEMPTS = 3, 16, 60
KINDS = ("range", "text", "number", "object")
HOLDS = (list, tuple, set, frozenset, dict, collections.deque, collections.OrderedDict)
# How more is made, the most natural first: items in any order; in the order of the tests; no generation cut off in the
# middle, so that all that items refer to is there; at last the very same items again.
WAYS = ("mixed", "in order", "whole", "same")

Call = tuple[tuple[Any, ...], dict[str, Any]]


class Step(NamedTuple):
    """One step from what holds a value to the value."""

    key: Any
    is_attribute: bool = False


class Site(NamedTuple):
    """A value in a call that may grow, and its name as people write it. `kind`: items, frame, or one of KINDS."""

    steps: tuple[Step, ...]
    name: str
    kind: str


class FromRecorded:
    """Arguments that a test called the function with, some of them grown."""

    def __init__(self, test: str, call: Any, sites: Sequence[Site], way: str) -> None:
        self.test, self.recorded, self.sites, self.way = test, call, tuple(sites), way
        self.plan: dict[str, Any] = {}

    def call(self, n: int, distribution: str, alone: str = "") -> Call:
        """Return the arguments of one call at a size, where only one part grows if one is named."""
        root: list[Any] = copy.deepcopy([list(self.recorded.positional), dict(self.recorded.named)])
        items = [site for site in self.sites if site.kind == "items"]
        above = [each for site in items for each in _path(root, site)]
        one = [site for site in items if site.name == alone]
        together = [(n, items)] if alone == "" else [(n, one), (STILL, [site for site in items if site not in one])]
        for size, some in together:
            if some:
                generations = Generations(size, distribution, self.way, above)
                made = generations.grown([_path(root, site)[-1] for site in some])
                for site, value in zip(some, made, strict=True):
                    _put(root, site, value)
        for site in self.sites:
            if site.kind != "items":
                size, value = n if alone in ("", site.name) else STILL, _path(root, site)[-1]
                is_frame = site.kind == "frame"
                grown = frames.larger(value, size, self.way) if is_frame else Grower(size, distribution).larger(value)
                _put(root, site, grown)
        return tuple(root[0]), root[1]

    @property
    def has_rows(self) -> bool:
        """Tell whether frames or arrays grow."""
        return any(site.kind == "frame" for site in self.sites)

    @property
    def said(self) -> str:
        """Say where the input comes from."""
        how = ", the same items again" if self.way == "same" else ""
        return f"recorded from {self.test}, grown: {', '.join(self.parts)}{how}"

    @property
    def parts(self) -> list[str]:
        """Return what grows."""
        return [site.name for site in self.sites]


def attempts(test: str, calls: Sequence[Any]) -> Iterator[FromRecorded]:
    """Give the ways in which what was recorded may grow, each with its number as its plan."""
    return itertools.islice(_attempts(test, calls), MOST_ATTEMPTS)


def _attempts(test: str, calls: Sequence[Any]) -> Iterator[FromRecorded]:
    found = [list(itertools.islice(_sites(call), MOST_SITES)) for call in calls]
    for way in WAYS:
        for call, sites in zip(calls, found, strict=True):
            items = [site for site in sites if site.kind == "items"]
            top = [site for site in items if len(site.steps) == 2]
            inner = [site for site in items if len(site.steps) > 2]
            tables = [site for site in sites if site.kind == "frame"]
            chosen = [tables] if len(tables) > 1 else []
            chosen += [[site] for site in tables]
            # All together first: what is asked for may be the keys of what is held.
            chosen += [items] if top and inner else []
            chosen += [some for some in (top, inner) if len(some) > 1]
            chosen += [[site] for site in (*top, *inner)]
            if way == WAYS[0]:
                others = [site for kind in KINDS for site in sites if site.kind == kind]
                chosen += [[site] for site in sorted(others, key=lambda site: len(site.steps))]
            for some in chosen:
                yield FromRecorded(test, call, some, way)


def _sites(call: Any) -> Iterator[Site]:
    """Give what may grow in a call, the outermost first."""
    left = [(Step(0), Step(place), value, _named(call, place)) for place, value in enumerate(call.positional)]
    left += [(Step(1), Step(name), value, name) for name, value in call.named.items()]
    level: list[tuple[tuple[Step, ...], Any, str]] = [
        ((first, second), value, name) for first, second, value, name in left
    ]
    seen: set[int] = set()
    for depth in range(DEEPEST):
        below: list[tuple[tuple[Step, ...], Any, str]] = []
        for steps, value, name in level:
            if id(value) in seen or value is None or isinstance(value, bool):
                continue
            seen.add(id(value))
            kind = _kind(value)
            if kind and (depth == 0 or kind in ("items", "frame", "text")):
                yield Site(steps, name, kind)
            if is_record(value):
                below += [((*steps, Step(key)), each, f"{name}[{key!r}]") for key, each in value.items()]
            elif kind == "object":
                below += [((*steps, Step(key, True)), each, f"{name}.{key}") for key, each in attributes(value)]
        level = below


def _named(call: Any, place: int) -> str:
    return call.names[place] if place < len(call.names) else f"argument {place + 1}"


def _kind(value: Any) -> str:
    kind = type(value)
    if frames.is_frame(value):
        return "frame"
    if kind in HOLDS:
        return "items" if value and not is_record(value) else ""
    if kind in (str, bytes, bytearray):
        return "text" if value else ""
    if kind is range:
        return "range"
    if kind is int:
        return "number" if value > 1 else ""
    return "object" if kind is collections.Counter or next(attributes(value), None) is not None else ""


def _path(root: Any, site: Site) -> list[Any]:
    """Return what lies on the way to a site, its value last."""
    found = [root]
    for step in site.steps:
        held = found[-1]
        found.append(getattr(held, step.key) if step.is_attribute else held[step.key])
    return found


def _put(root: Any, site: Site, value: Any) -> None:
    """Let a site have a value: the object there takes it on where it can, for others may know it, too."""
    *_, holder, old = _path(root, site)
    step = site.steps[-1]
    if type(old) is type(value) and isinstance(old, (list, collections.deque, set, dict)):
        held = value.copy()
        old.clear()
        old.extend(held) if isinstance(old, (list, collections.deque)) else old.update(held)
    elif step.is_attribute:
        object.__setattr__(holder, step.key, value)  # it may be frozen
    else:
        holder[step.key] = value
