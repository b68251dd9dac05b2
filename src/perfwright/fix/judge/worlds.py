"""Inputs drawn anew in a small world: few values, often the same, in containers of any size, so that things coincide:
ties of ties, keys that two arguments share, spans that touch, cycles, an error in the middle, a state once more."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from perfwright.fix.judge import arrays
from perfwright.fix.judge.hard import DATA, FLOATS, TEXTS
from perfwright.fix.judge.sites import OF_TREE
from perfwright.fix.judge.trees import ITEMS, Path, Tree, parts, tag

WORLDS = 260
ALIKE = 4  # of so many worlds, in one all single values that nobody speaks of are of one kind
SIZES = (0, 1, 2, 2, 3, 3, 4, 5, 6, 8)
LONGEST, LARGEST = 20, 1_000  # texts and numbers of the sources that are taken up
SHORT = 3  # letters of a text that others may stand between
ODD, AGAIN = 0.06, 0.08  # of the values that are hard ones, and of the objects that are there already
ALPHABETS = (("a", "b", "c", "d"), ("a", "b", "c", "d"), ("0", "1", "2", "01", "10"))
LETTERS = (("a", "b", "A", " ", "1"), ("0", "1", "9", "10", "5", "-"), ("a", "b", "\n", "\n"), ("É", "ß", "a", "b"))
SPECIAL = [each for each in TEXTS if not each.isascii()]
RARE: tuple[Tree, ...] = (*TEXTS, "É", "1_0", "+1", "-3", " 7")
AROUND = tuple(zip("[{(<\"'%", "]})>\"'%", strict=True))
BYTES = tuple(bytes([each]) for each in (0, 1, 2, 97, 255, 10))
NUMBERS = (0.0, 0.5, 1.0, 1.0, 2.0, -1.0, 2.5)


def worlds(args: Tree, constants: Sequence[Tree], pick: random.Random, vague: Collection[Path] = ()) -> Iterator[Tree]:
    """Give arguments of the same shape, each drawn in a world of its own.

    Of arguments at `vague` places nobody says in full what they are: in some worlds all single values in them are of
    one kind, so that those of one may be keys of another, or lead to each other.
    """
    if _refers(["l", 0, [*args[0], *[each for _, each in args[1]]]]):  # to an object that may not be drawn
        return
    for turn in range(WORLDS):
        world = World(constants, pick)
        one = pick.choice(("str", "int")) if vague and turn % ALIKE == 1 else ""

        def drawn(path: Path, tree: Tree, world: World = world, one: str = one) -> Tree:
            world.one = one if path in vague else ""
            return world.drawn(tree)

        given = [drawn((0, place), each) for place, each in enumerate(args[0])]
        yield [given, [[name, drawn((1, place, 1), each)] for place, (name, each) in enumerate(args[1])], *args[2:]]


@dataclass(slots=True)
class World:
    """A few values of each type, of which whatever is drawn consists."""

    constants: Sequence[Tree]
    pick: random.Random
    known: list[str] = field(default_factory=list)  # texts of the sources
    words: list[Tree] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    joins: float = 0.0  # of the texts that are made of several
    lines: float = 0.0  # of the texts that are lines with what the sources look for
    marks: list[str] = field(default_factory=list)
    around: list[tuple[str, str]] = field(default_factory=list)
    numbers: list[Tree] = field(default_factory=list)
    floats: Sequence[float] = NUMBERS
    gaps: float = 0.0  # of the floats that are missing
    octets: Sequence[bytes] = BYTES  # and what the sources name of them
    one: str = ""  # the kind of all single values, where there is one
    last: int = 0  # number of the object that was made last

    def __post_init__(self) -> None:
        pick = self.pick
        self.known = [each for each in self.constants if isinstance(each, str) and 0 < len(each) <= LONGEST]
        named = [each for each in self.constants if type(each) is int and abs(each) <= LARGEST]
        words = pick.sample(self.known, min(len(self.known), pick.choice((2, 4, 8))))
        self.words = [*words, *pick.sample(pick.choice(ALPHABETS), pick.choice((0, 1, 3)) if words else 3)]
        self.words += pick.sample(SPECIAL, pick.choice((0, 0, 1)))
        around = [each for each in self.known if len(each) <= SHORT] or [""]
        between = [f"{pick.choice(around)}{pick.choice(self.words)}{pick.choice(around)}" for _ in range(3)]
        self.letters = [*pick.choice(LETTERS), *self.known, *self.known, *map(str, self.words), *between]
        self.joins = pick.choice((0.0, 0.1, 0.8))
        self.lines = pick.choice((0.0, 0.6))
        short = [each for each in self.known if len(each) <= SHORT]
        self.marks = [each for each in [*short, *"".join(short)] if each.strip() and not each.isalnum()]
        self.around = [pair for pair in AROUND if pair[0] in self.marks and pair[1] in self.marks] or [("", "")]
        low = pick.choice((-2, 0, 0, 1))
        self.numbers = list(range(low, low + pick.randrange(2, 8)))
        self.numbers += pick.sample(named, min(len(named), pick.randrange(3)))
        self.gaps = pick.choice(arrays.GAPS)
        self.octets = [*BYTES, *[bytes.fromhex(each[1]) for each in self.constants if tag(each) == "b"] * 2]
        self.floats = pick.sample(NUMBERS, pick.choice((2, 3, len(NUMBERS))))

    def drawn(self, tree: Tree) -> Tree:
        """Return a value of the same shape."""
        pick, kind = self.pick, tag(tree)
        if self.one and kind in ("int", "str", "none"):
            tree, kind = None, self.one if pick.random() > ODD else "none"
        if kind == "bool":
            return pick.random() < 0.5
        if kind in ("int", "i"):
            return pick.choice(self.numbers) if pick.random() > ODD else pick.choice((True, False, 1 << 53, -7))
        if kind == "f":
            if pick.random() < self.gaps:
                return ["f", "nan"]
            return ["f", repr(pick.choice(self.floats))] if pick.random() > ODD else pick.choice(FLOATS)
        if kind == "str":
            return self.text()
        if kind == "b":
            return ["b", self._bytes()]
        if kind == "a":
            return ["a", self._number(), self._bytes()]
        if kind == "x" and tree[1] in DATA:
            return ["x", tree[1], pick.choice(pick.choice(DATA[tree[1]]))] if pick.random() < 0.8 else tree
        return self._held(tree, kind)

    def _held(self, tree: Tree, kind: str) -> Tree:
        """Return what holds others, drawn anew; what is none of these stays as it is."""
        if kind == "t":
            return self._tuple(tree)
        if kind in ("l", "n"):
            return [kind, self._number(), self._items(tree[2])]
        if kind in ("s", "z"):
            items = list({repr(each): each for each in self._items(tree[ITEMS[kind]])}.values())
            return ["s", self._number(), items] if kind == "s" else ["z", items]
        if kind == "d":
            return ["d", self._number(), self._pairs(tree[2])]
        if kind == "io" and tree[2] == "StringIO":
            return ["io", self._number(), tree[2], "\n".join(self.text() for _ in range(self.pick.choice(SIZES))), 0]
        if kind == "o":
            return self._object(tree)
        if kind in arrays.ROWS and len(tree) > 3:
            made = self._table(tree)
            return [kind, self._number(), *made[2:]]
        if kind == "io":
            return ["io", self._number(), tree[2], self._bytes(), 0]
        if kind in ("k", "pd"):
            return [kind, self._number(), *tree[2:]]
        return tree

    def text(self) -> str:
        """Return a word of this world, what some make together, or one that is hard."""
        pick = self.pick
        if pick.random() < ODD:
            return str(pick.choice(RARE))
        if pick.random() < self.lines:
            return "\n".join(self._line() for _ in range(pick.choice((1, 1, 1, 2, 3, 5))))
        if pick.random() >= self.joins:
            return str(pick.choice(self.words))
        return "".join(pick.choices(self.letters, k=pick.choice(SIZES)))

    def _line(self) -> str:
        """Return words of this world beside, between or behind the marks that the sources look for."""
        pick = self.pick
        word, other = (str(pick.choice(self.words)) for _ in range(2))
        opened, closed = pick.choice(self.around)
        mark = pick.choice(self.marks or [" "])
        forms = (word, f"{opened}{word}{closed}", f"{word}{mark}{other}", f"{opened}{word}{closed}{other}", mark + word)
        return pick.choice(("", "", "", " ")) + pick.choice(forms)

    def _bytes(self) -> str:
        """Return some bytes as text, those that the sources name among them."""
        return b"".join(self.pick.choices(self.octets, k=self.pick.choice(SIZES))).hex()

    def _number(self) -> int:
        self.last += 1
        return self.last

    def _table(self, tree: Tree) -> Tree:
        """Return a table of the same columns; an array that is no row of numbers keeps its shape."""
        if tree[0] == "np" and (tree[2] != "ndarray" or not tree[4]):
            return tree
        keeps = tree[0] == "np" and len(tree[4]) != 1
        count = arrays.rows(tree) if keeps else self.pick.choice(SIZES)
        return arrays.drawn(tree, count, self.drawn, self.pick)

    def _tuple(self, tree: Tree) -> Tree:
        kinds = {OF_TREE.get(tag(each), tag(each)) for each in tree[1]}
        if len(tree[1]) > 2 and len(kinds) == 1:
            return ["t", self._items(tree[1])]
        return ["t", [self.drawn(each) for each in tree[1]]]

    def _items(self, templates: Sequence[Tree]) -> list[Tree]:
        made: list[Tree] = []
        for _ in range(self.pick.choice(SIZES) if templates else 0):
            first = made[0] if made else None
            if isinstance(first, list) and first[0] in ("l", "d", "o") and self.pick.random() < AGAIN:
                made.append(["r", first[1]])
            else:
                made.append(self.drawn(self.pick.choice(templates)))
        return made

    def _pairs(self, templates: Sequence[Tree]) -> list[Tree]:
        """Return the items of a dict: of a record with its keys, of a mapping with others."""
        if not templates:
            return []
        pick = self.pick
        if any(key in self.known for key, _ in templates) and pick.random() < 0.8:
            pairs = [[key, self.drawn(value)] for key, value in templates]
        else:
            values = [value for _, value in templates]
            pairs = [[self.drawn(key), None] for key in self._items([key for key, _ in templates])]
            pairs = [[key, self.drawn(pick.choice(values))] for key, _ in pairs]
        return list({repr(pair[0]): pair for pair in pairs}.values())

    def _object(self, tree: Tree) -> Tree:
        tag_, _, name, payload, held = tree
        number = self._number()
        if payload is not None and payload[0] == "d":
            payload = ["d", self._pairs(payload[1]), *payload[2:]]
        elif payload is not None and payload[0] in ("list", "q"):
            payload = [payload[0], self._items(payload[1]), *payload[2:]]
        return [tag_, number, name, payload, [[each, self.drawn(value)] for each, value in held]]


def _refers(tree: Tree) -> bool:
    return tag(tree) == "r" or any(_refers(each) for _, each in parts(tree))
