"""Other readings of parameters of which nobody says what they are: values of drawn shapes that the first version takes.

What the body tells is one reading, and it may be a poor one: text where a list of texts is meant, numbers where
records are. So more are drawn, and those are kept at which the first version gives something and reaches most lines.
"""

import ast
import random
from collections.abc import Callable, Sequence
from typing import Any

from perfwright.fix.judge.sites import OF_TREE
from perfwright.fix.judge.trees import Tree, tag

DRAWN, KEPT = 320, 3
ITEMS = (2, 3, 3)
DEEPEST = 2
KEEPS = 0.7  # of the functions and objects that the body tells
PLAIN = ("l", "d", "s", "t", "str", "int", "f", "bool", "none", "r")  # what other values may stand for
FIRST = ("l", "d")  # shapes that tell more than others
FEW = 3  # words of one reading
WORDS = ("1", "2", "1.5", "a", "b")
GETS = ("get", "pop", "setdefault")
HINTS = {"list": ("list",), "dict": ("dict", "record"), "sequence": ("list",), "iterable": ("list",)}
Shape = tuple[Any, ...]
CONTAINERS = ("list", "list", "dict", "dict", "pair")
FIELDS: tuple[Shape, ...] = (("str",), ("str",), ("int",), ("list", ("str",)))


def readings(
    base: Tree | None,
    parameters: Sequence[Sequence[Any]],
    sources: Sequence[str],
    observe: Callable[[list[Tree]], list[Any]],
    pick: random.Random,
) -> list[Tree]:
    """Return arguments of other shapes that the first version takes, those that reach most of its lines first; none
    where it is said in full what the parameters are. `base` are the arguments that are known, if any are."""
    needed = [each for each in parameters if not each[2] and each[1].startswith("POSITIONAL")]
    count = len(needed) if base is None else len(base[0])
    if count > len(parameters) or not any(_is_vague(each[4]) for each in parameters[:count]):
        return []
    if base is None and any(_is_vague(each[4]) is False and each[4][0] not in SINGLE for each in needed):
        return []
    drawing = _Drawing(_keys(sources), pick)
    trials: dict[str, Tree] = {}
    for _ in range(DRAWN):
        drawing.begin()
        made = [
            drawing.argument(each[4], None if base is None else base[0][place])
            for place, each in enumerate(parameters[:count])
        ]
        if None not in made or base is not None:
            trials.setdefault(repr(made), [made, *(base[1:] if base is not None else [[]])])
    some = list(trials.values())
    kept = [
        (-len(seen.get("lines", ())), *_order(some[place][0]), place)
        for place, seen in enumerate(observe(some))
        if "calls" in seen and seen["calls"][0]["outcome"][0] == "gave"
    ]
    found: dict[str, Tree] = {}
    for *_, place in sorted(kept):
        shapes = repr([OF_TREE.get(tag(each), "") + _inside(each) for each in some[place][0]])
        found.setdefault(shapes, some[place])
    return list(found.values())[:KEPT]


def _is_vague(domain: Sequence[Any]) -> bool:
    return domain[0] == "any" or (domain[0] in HINTS and all(each == ["any"] for each in domain[1:]))


def _order(args: Sequence[Tree]) -> tuple[int, int]:
    """Return what puts shapes in order that reach as much: lists first, then mappings; simple ones beside them."""
    kind = tag(args[0]) if args else ""
    return (FIRST.index(kind) if kind in FIRST else len(FIRST)), sum(len(repr(each)) for each in args[1:])


def _inside(tree: Tree) -> str:
    held = tree[2] if tag(tree) in ("l", "d") else []
    return tag(held[0][1] if tag(tree) == "d" else held[0]) if held else ""


def _keys(sources: Sequence[str]) -> list[str]:
    """Return the texts that sources use as keys."""
    found: dict[str, None] = {}
    for node in (each for source in sources for each in ast.walk(ast.parse(source))):
        key: ast.AST | None = node.slice if isinstance(node, ast.Subscript) else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GETS and node.args:
            key = node.args[0]
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            found[key.value] = None
    return list(found)


class _Drawing:
    """Shapes that are drawn, and values of them."""

    def __init__(self, keys: list[str], pick: random.Random) -> None:
        self.keys, self.pick, self.last = keys, pick, 0
        self.words: list[str] = []

    def begin(self) -> None:
        """Begin arguments of a few words, which coincide."""
        self.last, self.words = 0, self.pick.sample(WORDS, FEW)

    def argument(self, domain: Sequence[Any], known: Tree) -> Tree:
        """Return an argument: the one that is known where it is said, or now and then, else one of a drawn shape."""
        if known is not None and (not _is_vague(domain) or (tag(known) not in PLAIN and self.pick.random() < KEEPS)):
            return self.renumbered(known)
        if not _is_vague(domain):
            return self.made((domain[0],))
        return self.made(self.shape(0, HINTS.get(domain[0], ())))

    def renumbered(self, tree: Tree) -> Tree:
        """Return a known argument; a function gets a number that nothing else has."""
        return [tree[0], self.number(), *tree[2:]] if tag(tree) == "k" else tree

    def number(self) -> int:
        self.last += 1
        return 100_000 + self.last

    def shape(self, depth: int, some: Sequence[str] = ()) -> Shape:
        """Return a shape: its kind, and the shapes of what it holds."""
        pick = self.pick
        kinds = list(some) or ["str", "str", "int", *(CONTAINERS if depth < DEEPEST else ())]
        if self.keys and depth < DEEPEST and (not some or "record" in some):
            kinds += ["record"] * 3
        kind = pick.choice([each for each in kinds if each != "record" or self.keys])
        if kind == "record":
            return kind, [(key, pick.choice(FIELDS)) for key in self.keys]
        if kind == "pair":
            return kind, [self.shape(depth + 1), self.shape(depth + 1)]
        return (kind, self.shape(depth + 1)) if kind in ("list", "dict") else (kind,)

    def made(self, shape: Shape) -> Tree:
        """Return a value of a shape."""
        pick, kind = self.pick, shape[0]
        if kind == "str":
            return pick.choice(self.words)
        if kind in SINGLE:
            return SINGLE[kind](pick)
        if kind == "pair":
            return ["t", [self.made(each) for each in shape[1]]]
        number = self.number()
        if kind == "record":
            return ["d", number, [[key, self.made(each)] for key, each in shape[1]]]
        items = [self.made(shape[1]) for _ in range(pick.choice(ITEMS))]
        if kind == "list":
            return ["l", number, items]
        return ["d", number, [list(each) for each in zip(self.words[: len(items)], items, strict=True)]]


SINGLE: dict[str, Callable[[random.Random], Tree]] = {
    "str": lambda pick: pick.choice(WORDS),
    "int": lambda pick: pick.randrange(4),
    "float": lambda pick: ["f", repr(pick.randrange(8) / 2)],
    "bool": lambda pick: pick.random() < 0.5,
}
