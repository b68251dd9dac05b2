"""The smallest input that still shows a difference."""

import time
from collections.abc import Callable, Iterator

from perfwright.fix.judge import arrays
from perfwright.fix.judge.differences import Difference
from perfwright.fix.judge.trees import ITEMS, Path, Tree, parts, replaced, tag

SECONDS, TRIES = 3.0, 80


def smallest(args: Tree, found: Difference, differs: Callable[[Tree], Difference | None]) -> tuple[Tree, Difference]:
    """Return the smallest arguments that were found to show a difference, and the difference."""
    until, left = time.monotonic() + SECONDS, TRIES
    progress = True
    while progress and left > 0 and time.monotonic() < until:
        progress = False
        for smaller in _smaller(args):
            left -= 1
            if left <= 0 or time.monotonic() > until:
                break
            seen = differs(smaller)
            if seen is not None:
                args, found, progress = smaller, seen, True
                break
    return args, found


def _smaller(args: Tree) -> Iterator[Tree]:
    """Give arguments that are a little smaller, the much smaller ones first."""
    top: list[tuple[Path, Tree]] = [((0, place), each) for place, each in enumerate(args[0])]
    top += [((1, place, 1), each) for place, (_, each) in enumerate(args[1])]
    level = top
    for _ in range(4):
        for path, each in level:
            yield from (replaced(args, path, smaller) for smaller in _of(each))
        level = [((*path, *step), inner) for path, each in level for step, inner in list(parts(each))[:12]]


def _of(tree: Tree) -> Iterator[Tree]:
    kind = tag(tree)
    if isinstance(tree, str) and tree:
        yield from ([tree[: len(tree) // 2], tree[len(tree) // 2 :]] if len(tree) > 3 else [])
        yield tree[1:]
        yield tree[:-1]
    elif kind == "int" and tree not in (0, 1):
        yield 0
        yield 1
        yield int(tree) // 2
    elif kind in arrays.ROWS:
        yield from arrays.smaller(tree)
    elif kind in ITEMS or kind == "d":
        at = ITEMS.get(kind, 2)
        items = tree[at]
        if len(items) > 3:
            yield replaced(tree, (at,), items[: len(items) // 2])
            yield replaced(tree, (at,), items[len(items) // 2 :])
        if kind != "t":
            for place in range(min(len(items), 12)):
                yield replaced(tree, (at,), [*items[:place], *items[place + 1 :]])
