"""Frames, series and arrays with more rows like theirs; none of their libraries is imported here."""

import random
from typing import Any

from .generations import TELLS  # type: ignore[import-not-found,unused-ignore]

KINDS = {("pandas", "DataFrame"), ("pandas", "Series"), ("numpy", "ndarray")}


def is_frame(value: Any) -> bool:
    """Tell whether a value is a frame, a series or an array that has rows."""
    kind = type(value)
    if (kind.__module__.partition(".")[0], kind.__name__) not in KINDS:
        return False
    return bool(getattr(value, "ndim", 0)) and len(value) > 0


def larger(value: Any, n: int, way: str) -> Any:
    """Return one of `n` rows: those it has again and again, what tells rows apart with values of its own.

    Rows are in any order where `way` is "mixed" and no column of the first was in order.
    """
    places = [place % len(value) for place in range(n)]
    generation = [place // len(value) for place in range(n)]
    made = value.take(places, axis=0)
    if not hasattr(value, "iloc"):
        if way == "mixed" and not _in_order(value):
            random.Random(f"{n}").shuffle(places)
            made = value.take(places, axis=0)
        return made
    if type(value.index).__name__ == "RangeIndex":
        made = made.reset_index(drop=True)
    if not hasattr(value, "columns"):
        return made.sample(frac=1, random_state=n) if way == "mixed" and not value.is_monotonic_increasing else made
    for name in value.columns:
        if way != "same" and isinstance(name, str) and TELLS.search(name):
            made[name] = _renamed(made[name], value[name], generation)
    ordered = [name for name in value.columns if _in_order(value[name])]
    if ordered:
        return made.sort_values(ordered[0], kind="stable", ignore_index=True)
    return made.sample(frac=1, random_state=n, ignore_index=True) if way == "mixed" else made


def _renamed(column: Any, first: Any, generation: list[int]) -> Any:
    if column.dtype.kind in "iu":
        return column + [int(first.max() - first.min() + 1) * each for each in generation]
    if all(isinstance(each, str) for each in first):
        return [f"{each}-{one}" if one else each for each, one in zip(column, generation, strict=True)]
    return column


def _in_order(some: Any) -> bool:
    """Tell whether values are in order, and not all the same."""
    try:
        listed = some.tolist()
        return len(listed) > 2 and listed == sorted(listed) and listed[0] != listed[-1]
    except Exception:  # comparing them may run the user's code
        return False
