"""Values as the worker writes them down (`measure/worker/trees.py`): their parts, changed copies, how they read."""

import base64
import datetime
from collections.abc import Iterator
from typing import Any

Tree = Any
Path = tuple[int, ...]

NUMBERED = ("l", "d", "s", "a", "n", "io", "k", "np", "df", "sr", "pd", "o", "r")
ITEMS = {"l": 2, "s": 2, "n": 2, "t": 1, "z": 1}
COLLECTIONS = ("list", "set", "tuple", "frozenset", "q")  # what an object may be a kind of
WALKED = "w"  # what came of an iterator: its type, then the items as a list
USED = {"context": "a context that is entered and left:", "functions": "what comes of functions:"}
LONGEST = 400  # characters of one value, as it is shown


def tag(tree: Tree) -> str:
    """Return what kind of value a tree is: the tag of its list, or the name of its Python type."""
    if isinstance(tree, list):
        return str(tree[0])
    return "none" if tree is None else type(tree).__name__


def parts(tree: Tree) -> Iterator[tuple[Path, Tree]]:
    """Give what a value holds, each with the way to it through the tree."""
    kind = tag(tree)
    if not isinstance(tree, list):
        return
    if kind in ITEMS:
        at = ITEMS[kind]
        yield from (((at, place), each) for place, each in enumerate(tree[at]))
    elif kind == "d":
        for place, (key, value) in enumerate(tree[2]):
            yield (2, place, 0), key
            yield (2, place, 1), value
    elif kind == "o":
        payload = tree[3]
        if payload is not None and payload[0] == "d":
            for place, (key, value) in enumerate(payload[1]):
                yield (3, 1, place, 0), key
                yield (3, 1, place, 1), value
        elif payload is not None and payload[0] in COLLECTIONS:
            yield from (((3, 1, place), each) for place, each in enumerate(payload[1]))
        for place, (_, value) in enumerate(tree[4]):
            yield (4, place, 1), value


def replaced(tree: Tree, path: Path, value: Tree) -> Tree:
    """Return a tree with another value at a place."""
    if not path:
        return value
    made = list(tree)
    made[path[0]] = replaced(tree[path[0]], path[1:], value)
    return made


def numbers(tree: Tree) -> set[int]:
    """Return the numbers of the objects that a tree makes."""
    found = {tree[1]} if isinstance(tree, list) and tag(tree) in NUMBERED and tag(tree) != "r" else set()
    for _, each in parts(tree):
        found |= numbers(each)
    return found


def copied(tree: Tree, first: int) -> Tree:
    """Return an equal value, none of whose objects is one of the first's; their numbers begin at `first`."""
    renamed = {old: first + place for place, old in enumerate(sorted(numbers(tree)))}

    def renumbered(each: Tree) -> Tree:
        if not isinstance(each, list):
            return each
        made = list(each)
        if tag(each) in NUMBERED:
            made[1] = renamed.get(each[1], each[1])
        for path, inner in parts(each):
            made = replaced(made, path, renumbered(inner))
        return made

    return renumbered(tree)


def shown(tree: Tree) -> str:
    """Return a value as people write it in Python, cut where it is long."""
    text = _shown(tree)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def call(function: str, args: Tree) -> str:
    """Return a call as people write it, with the files that its arguments name."""
    files = [(name, base64.b64decode(held)) for name, held in (args[2] if len(args) > 2 else ()) if held is not None]
    given = [shown(each) for each in args[0]] + [f"{name}={shown(each)}" for name, each in args[1]]
    holds = "".join(f", where {name} holds {str(data)[1:LONGEST]}" for name, data in files)
    return f"{function}({', '.join(given)}){holds}"


def _shown(tree: Tree) -> str:  # noqa: C901 - one line a kind
    if not isinstance(tree, list):
        return repr(tree)
    kind = tree[0]
    if kind == "f":
        return f"float('{tree[1]}')" if tree[1] in ("nan", "inf", "-inf") else str(tree[1])
    if kind == "i":
        return str(int(tree[1], 16)) if len(tree[1]) < 80 else tree[1]
    if kind == "l":
        return f"[{_joined(tree[2])}]"
    if kind == "t":
        return f"({_joined(tree[1])}{',' if len(tree[1]) == 1 else ''})"
    if kind == "s":
        return f"{{{_joined(tree[2])}}}" if tree[2] else "set()"
    if kind == "z":
        return f"frozenset([{_joined(tree[1])}])"
    if kind == "d":
        return "{" + ", ".join(f"{_shown(key)}: {_shown(each)}" for key, each in tree[2]) + "}"
    if kind == "n":
        return f"iter([{_joined(tree[2])}])"
    if kind in ("b", "a"):
        data = bytes.fromhex(tree[-1])
        return repr(data if kind == "b" else bytearray(data))
    if kind == "fn":
        return "<a function>"
    if kind == WALKED and tree[1] in USED:
        return f"{USED[tree[1]]} {_joined(tree[2][-1])}"
    if kind == WALKED:
        return f"an iterator ({tree[1]}) of {_shown(tree[2])}"
    if kind == "r":
        return f"<the same object {tree[1]}>"
    if kind == "x":
        return f"{tree[1]}({tree[2]!r})"
    if kind == "e":
        return f"{_short(tree[1])}.{tree[2]}"
    if kind in ("c", "g"):
        return _short(tree[1])
    if kind == "k":
        if isinstance(tree[3], list) and tree[3][:1] == ["raises"]:
            _, error, first, last, _ = tree[3]
            return f"<a function that raises {_short(error)} at call {first}{f' to {last}' if last > first else ''}>"
        return f"<a function that returns {tree[2] if tree[2].partition(',')[0] != 'fixed' else _shown(tree[3])}>"
    if kind == "E":
        return f"{_short(tree[1])}({_joined(tree[2])})"
    if kind == "o":
        return _object(tree)
    if kind == "np":
        array = tree[2] == "ndarray"
        return f"array({_shown(tree[5])}, dtype={tree[3]})" if array else f"{tree[2]}({_shown(tree[5])})"
    if kind == "sr":
        return f"Series([{_joined(tree[4])}], dtype={_dtype(tree[3])}{_labels(tree[5])}, name={_shown(tree[2])})"
    if kind == "df":
        columns = [f"{_shown(name)}: [{_joined(items)}] ({_dtype(dtype)})" for name, dtype, items in tree[2]]
        return f"DataFrame({{{', '.join(columns)}}}{_labels(tree[3])})"
    if kind == "pd":
        return _part(tree)
    if kind == "made":
        return f"<{_short(tree[4])}, as built for {tree[1]}>"
    if kind == "?":
        return f"<{' '.join(str(each) for each in tree[1:])}>"
    if kind == "#":
        return f"<{tree[1]:,} characters, hash {tree[2]}>"
    return f"<{kind} {' '.join(map(str, tree[1:2]))}>"


def _part(tree: Tree) -> str:
    """Return a single value of pandas, an index or an array as people write it."""
    kind = tree[2]
    if kind in ("Index", "array"):
        return f"{kind}([{_joined(tree[4])}], dtype={_dtype(tree[3])})"
    return f"{kind}({', '.join(str(each) for each in tree[3:] if each is not None)})"


def _dtype(kind: Tree) -> str:
    return kind if isinstance(kind, str) else str(kind[0])


def _labels(index: Tree) -> str:
    """Return the labels of rows, where they are more than a count."""
    return "" if index[4] == list(range(len(index[4]))) else f", index=[{_joined(index[4])}]"


def _object(tree: Tree) -> str:
    payload, held = tree[3], [f"{name}={_shown(each)}" for name, each in tree[4]]
    if payload is not None:
        inner = payload[1]
        if payload[0] == "d":
            held.insert(0, "{" + ", ".join(f"{_shown(key)}: {_shown(each)}" for key, each in inner) + "}")
        else:
            held.insert(0, f"[{_joined(inner)}]" if payload[0] in COLLECTIONS else _shown(inner))
    return f"{_short(tree[2])}({', '.join(held)})"


def _joined(trees: list[Tree]) -> str:
    return ", ".join(map(_shown, trees))


def _short(name: str) -> str:
    return name.rpartition(":")[2]


def of(value: object, number: int = -1) -> Tree:
    """Return the tree of a plain value or a moment; its objects have numbers from `number` down. Raises ValueError."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else ["i", hex(value)]
    if isinstance(value, float):
        return ["f", repr(value)]
    if isinstance(value, bytes):
        return ["b", value.hex()]
    if isinstance(value, datetime.datetime):
        return ["x", "datetime", value.isoformat()]
    if isinstance(value, tuple):
        return ["t", [of(each, number) for each in value]]
    if isinstance(value, list):
        return ["l", number, [of(each, number - 1) for each in value]]
    if isinstance(value, dict):
        return ["d", number, [[of(key), of(each, number - 1)] for key, each in value.items()]]
    raise ValueError(f"{value!r} is no plain value")
