"""What a caller may do to what it got, and to what it gave, before it calls again."""

import collections
import contextlib
from typing import Any

from . import arrays  # type: ignore[import-not-found,unused-ignore]
from .surroundings import UNSEEN  # type: ignore[import-not-found,unused-ignore]


def spoil(value: Any, depth: int = 0) -> None:
    """Change a result as its receiver may: who keeps it for others must not give it away."""
    with contextlib.suppress(Exception):
        if isinstance(value, (list, tuple)) and depth < 2:
            for each in value[:3]:
                spoil(each, depth + 1)
        elif isinstance(value, dict) and depth < 2:
            for each in list(value.values())[:3]:
                spoil(each, depth + 1)
        if type(value) in (list, collections.deque):
            value.append("spoilt")
        elif isinstance(value, dict):
            value["spoilt"] = "spoilt"
        elif type(value) is set:
            value.add("spoilt")
        elif type(value) is bytearray:
            value.append(1)
        elif arrays.library(type(value)):
            arrays.change(value)
        elif hasattr(value, "__dict__") and not isinstance(value, UNSEEN):
            value.spoilt = True


def change(values: Any, depth: int = 0) -> bool:
    """Change what some of the values hold, in place, and tell whether anything was: caches must not be stale."""
    changed = False
    for value in list(values):
        with contextlib.suppress(Exception):
            if type(value) in (list, collections.deque) and value:
                if type(value[0]) in (list, dict, set) or hasattr(value[0], "__dict__"):
                    changed = change([value[0]], depth + 1) or changed
                if len(value) % 2 == 0 and value[0] is not value[-1]:  # it is no longer than it was
                    value[0] = value[-1]
                else:
                    value.append(value[0])
                    value.rotate() if isinstance(value, collections.deque) else value.reverse()
                changed = True
            elif type(value) is dict and value:
                first = next(iter(value))
                if type(value[first]) in (list, dict, set) and depth < 3:
                    changed = change([value[first]], depth + 1) or changed
                else:
                    last = list(value)[-1]
                    value[first], value[last] = value[last], value[first]
                    del value[last]
                    changed = True
            elif type(value) is set and value:
                value.discard(min(value, key=repr))
                changed = True
            elif type(value) is bytearray and value:
                value.reverse()
                changed = True
            elif arrays.library(type(value)):
                changed = arrays.change(value) or changed
            elif depth < 2 and type(getattr(value, "__dict__", None)) is dict and not isinstance(value, UNSEEN):
                changed = change(list(vars(value).values()), depth + 1) or changed
    return changed
