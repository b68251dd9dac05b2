"""Frames, columns and arrays that are near to a known one: other rows, labels, columns and values of the same types."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from math import inf, nan

from perfwright.fix.judge.trees import Tree, of, replaced, tag

ROWS = ("df", "sr", "np")
# What columns are filled with, by the beginning of the name of their type. Whole numbers are such that a product of two
# is one of 64 bits: past that, numpy begins anew and Python does not.
FILLS: dict[str, tuple[tuple[object, ...], ...]] = {
    "int": ((0, 1, -1, 7), (3,), (1 << 31, -5, 2, 2)),
    "uint": ((0, 1, 7), (3,)),
    "float": ((nan, 1.5, 0.0), (-0.0, 0.0, inf), (0.1, 0.2, 0.3), (2.0,)),
    "str": (("", "a", "A"), (None, "a b", "ß"), ("1", "b", "b")),
    "object": (("", "a", "A"), (None, "a b", "ß"), ("1", "b", "b")),
    "bool": ((True, False), (False,)),
    "datetime": (),
}
# Other widths of the same numbers, filled with what the narrowest of them still holds.
WIDTHS: dict[str, tuple[str, ...]] = {"float": ("float32", "int64", "uint8"), "int": ("uint8", "int32", "float64")}
NARROW = (200, 3, 100)
SMALL = 1 << 7  # numbers below it are of any width
ODD = ("a b", "class", "_1", 0)  # names of columns that are no names in Python
OTHERS: tuple[tuple[str, object], ...] = (("str", "x"), ("float64", 0.5))  # columns that nobody asks for
# What stands in a column for a value that is missing, by the beginning of the name of its type.
NO_TIME = ["pd", -1, "NaTType"]
MISSING: dict[str, Tree] = {
    "float": of(nan), "str": None, "object": None, "datetime": NO_TIME, "timedelta": NO_TIME,
}  # fmt: skip
GAPS = (0.0, 0.0, 0.2)  # of the values of a table that are missing
LABELS = (0, 0, 1, 2, 5)


def near(tree: Tree) -> Iterator[Tree]:
    """Give tables near to one, those that tell most first; none of what is no table."""
    kind = tag(tree)
    if kind not in ROWS or (kind == "np" and len(tree[4]) != 1):
        return
    count = rows(tree)
    for places in ([], [0] if count else [], list(range(count))[::-1], [*range(count), *range(count)]):
        yield taken(tree, places)
    if kind == "df":
        yield replaced(taken(tree, []), (2,), [])  # as of an empty list of rows
    if kind == "df" and count:
        yield from _columns(tree, count)
    for at, dtype, items in _held(tree):
        if any(tag(each) not in ("str", "none") for each in items) and dtype == "object":
            continue
        name = next((each for each in FILLS if str(dtype).startswith(each)), "")
        fills = [[of(each) for each in fill] for fill in FILLS.get(name, ())]
        if items:
            fills.append([items[0]])
        for width in WIDTHS.get(name, ()) if items else ():
            yield _retyped(tree, at, width, count)
        for fill in fills if count else ():
            yield replaced(tree, at, list(itertools.islice(itertools.cycle(fill), count)))
    if kind != "np" and count:
        index = 3 if kind == "df" else 5
        for dtype, labels in (("str", [f"r{place}" for place in range(count)]), ("int64", [7] * count)):
            yield replaced(tree, (index,), ["pd", -1, "Index", dtype, labels, ["key"]])


def drawn(tree: Tree, count: int, draw: Callable[[Tree], Tree], pick: random.Random) -> Tree:
    """Return a table with so many rows, of values that are drawn: values that come again, and such that are missing, in
    no order, and now and then labels that do. `draw` gives a value like one."""
    made = taken(tree, [pick.randrange(rows(tree)) for _ in range(count)] if rows(tree) else [])
    gaps = pick.choice(GAPS)
    for path, dtype, items in _held(made):
        missing = [each for name, each in MISSING.items() if str(dtype).startswith(name)]
        fresh = [missing[0] if missing and pick.random() < gaps else _value(each, str(dtype), draw) for each in items]
        made = replaced(made, path, fresh)
    if tag(tree) == "np":
        return made
    labels = [pick.choice(LABELS) for _ in range(count)] if pick.random() < gaps else list(range(count))
    return replaced(made, (3 if tag(tree) == "df" else 5,), ["pd", -1, "Index", "int64", labels, [None]])


def _value(tree: Tree, dtype: str, draw: Callable[[Tree], Tree]) -> Tree:
    """Return a value that is drawn like one of a column of a type, or an array, which is the same where none fits."""
    if tag(tree) == "l":
        return ["l", -1, [_value(each, dtype, draw) for each in tree[2]]]
    value = draw(tree) if tag(tree) in ("int", "f", "str", "bool") else tree
    if dtype.startswith("int"):
        return value if type(value) is int and abs(value) < SMALL else tree
    return value if not dtype.startswith("uint") and tag(value) == tag(tree) else tree


def smaller(tree: Tree) -> Iterator[Tree]:
    """Give the halves of a table, then all but one of its rows; what asks for its columns has to find them."""
    count = rows(tree)
    if tag(tree) == "np" and len(tree[4]) != 1:
        return
    if count > 3:
        yield taken(tree, list(range(count // 2)))
        yield taken(tree, list(range(count // 2, count)))
    for place in range(min(count, 8)):
        yield taken(tree, [each for each in range(count) if each != place])


def rows(tree: Tree) -> int:
    """Return how many rows a table has."""
    if tag(tree) == "np":
        return int(tree[4][0]) if tree[4] else 0
    return len((tree[3] if tag(tree) == "df" else tree[5])[4])


def taken(tree: Tree, places: Sequence[int]) -> Tree:
    """Return a table with some of its rows, in that order."""
    if tag(tree) == "np":
        items = [tree[5][2][place] for place in places]
        return [*tree[:4], [len(items), *tree[4][1:]], ["l", -1, items]]
    at = 3 if tag(tree) == "df" else 5
    made = replaced(tree, (at, 4), [tree[at][4][place] for place in places])
    for path, _, items in _held(tree):
        made = replaced(made, path, [items[place] for place in places])
    return made


def _held(tree: Tree) -> list[tuple[tuple[int, ...], Tree, list[Tree]]]:
    """Return the columns of a table: the way to each, its type, and what it holds."""
    if tag(tree) == "df":
        return [((2, place, 2), dtype, items) for place, (_, dtype, items) in enumerate(tree[2])]
    return [((4,), tree[3], tree[4])] if tag(tree) == "sr" else [((5, 2), tree[3], tree[5][2])]


def _retyped(tree: Tree, at: tuple[int, ...], dtype: str, count: int) -> Tree:
    """Return a table where one column, or all of an array, is of another type."""
    items = list(itertools.islice(itertools.cycle(map(of, NARROW)), count))
    place = (2, at[1], 1) if tag(tree) == "df" else (3,)
    return replaced(replaced(tree, at, items), place, dtype)


def _columns(tree: Tree, count: int) -> Iterator[Tree]:
    """Give a frame with its columns in another order, and with columns that nobody asks for."""
    columns = tree[2]
    yield replaced(tree, (2,), columns[::-1])
    more: list[list[Tree]] = [[name, *columns[0][1:]] for name in ODD] if columns else []
    for each in (*more, *[[f"other {dtype}", dtype, [of(value)] * count] for dtype, value in OTHERS]):
        kind = tree[4][0] if isinstance(each[0], str) else "object"
        yield [*tree[:2], [*columns, each], tree[3], [kind, tree[4][1]]]
