"""Keys of records and columns of frames that a function asks for, and that no annotation names: told by its errors."""

import ast
import datetime
import itertools
import random
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from perfwright.fix.judge import arrays
from perfwright.fix.judge.sites import OF_TREE
from perfwright.fix.judge.trees import Path, Tree, of, parts, replaced, tag

MOST = 24  # keys that are given
GETS = ("get", "pop", "setdefault")
QUOTED = re.compile(r"'([^']+)'")
MISSING = ("in the [columns]", "not in index")
ATTRIBUTE = re.compile(r"'DataFrame' object has no attribute '(\w+)'")
Key = tuple[str, str]  # its name, and the kind of what it leads to
WORDS = ("a", "b", "ab", "c d", "B")
KINDS: dict[str, Callable[[random.Random], object]] = {
    "int": lambda pick: pick.randrange(6),
    "float": lambda pick: pick.randrange(40) / 4,
    "str": lambda pick: pick.choice(WORDS),
    "moment": lambda pick: f"2024-0{pick.randrange(1, 10)}-1{pick.randrange(10)}T0{pick.randrange(10)}:30:00",
    "list": lambda pick: [pick.choice(WORDS) for _ in range(pick.randrange(3))],
    "dict": lambda _: {},
    "time": lambda pick: datetime.datetime(2024, 1 + pick.randrange(9), 1 + pick.randrange(28), pick.randrange(24)),
}
DTYPES = {
    "int": "int64", "float": "float64", "str": "object", "moment": "object", "list": "object", "time": "datetime64[ns]",
}  # fmt: skip
# Columns that hold times or text, as it is written in their names.
NAMED = {
    "time": re.compile(r"(^|_)(time|timestamp|ts|date|datetime|day|start|end|at)$", re.IGNORECASE),
    "str": re.compile(
        r"(^|_)(\w*name|user|page|url|path|device|country|city|region|category|type|kind|status|state|email|text|title"
        r"|plan|sku|symbol|product|customer|\w*referrer)$",
        re.IGNORECASE,
    ),
}
FEW = 40  # rows of a frame up to which text is one of few words
UNFIT = ("builtins:TypeError", "builtins:AttributeError", "builtins:ValueError")


def asked(args: Tree, observe: Callable[[Tree], Any]) -> list[Key]:
    """Return the keys that the first version misses in arguments, each with a kind of value that it takes."""
    keys: list[Key] = []
    raised = _raised(observe(args))
    while len(keys) < MOST and (names := [name for name in _named(raised) if name not in dict(keys)]):
        for name in names:
            first = _told(args, name) or ("int", "float")[len(keys) % 2]
            for kind in dict.fromkeys((first, *KINDS)):
                made = given(args, [*keys, (name, kind)])
                if made == given(args, keys):
                    return keys
                raised = _raised(observe(made))
                if raised is None or raised[1] not in UNFIT:
                    break
            else:
                kind = first
            keys.append((name, kind))
    return keys


def optional(args: Tree, *sources: str) -> list[Key]:
    """Return the keys that sources ask records for by `get` and the like, which they can do without: each with the kind
    of value that the records in arguments have."""
    kinds = [
        OF_TREE.get(tag(value), "")
        for path in _places(args)
        if _is_record(record := _at(args, path))
        for _, value in record[2]
    ]
    kind = next((each for each in kinds if each in KINDS), "int")
    return [(name, kind) for name in dict.fromkeys(itertools.chain(*map(_gets, sources)))][:MOST]


def _gets(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GETS and node.args:
            key = node.args[0]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value


def given(args: Tree, keys: Sequence[Key]) -> Tree:
    """Return arguments whose records and frames have what the keys name."""
    for path in list(_places(args)):
        tree = _at(args, path)
        for name, kind in keys:
            tree = _with(tree, name, kind, path)
        args = replaced(args, path, tree)
    return args


def held(args: Tree) -> set[str]:
    """Return the keys of the records in the lists of arguments, as they were made for the function."""
    found: set[str] = set()
    for path in _places(args):
        tree = _at(args, path)
        if len(path) > 2 and _is_record(tree):
            found |= {key for key, _ in tree[2]}
    return found


def misses(args: Tree, before: Any, after: Any, keys: Collection[str]) -> bool:
    """Tell whether the second version only misses a key that the first one asks for too, where that ends or misses
    another: a record without it, among others in a list, is none that the function takes. A mapping that is an argument
    itself may well be without."""
    given = [*args[0], *(each for _, each in args[1])]
    mappings = [{key for key, _ in each[2]} for each in given if _is_record(each)]
    for one, other in zip(before.get("calls", ()), after.get("calls", ()), strict=False):
        missed = [name for name in _named(_failed(other)) if name in keys]
        if missed and (one["outcome"][0] == "gave" or any(name in keys for name in _named(_failed(one)))):
            return all(name in each for name in missed for each in mappings)
    return False


def _places(args: Tree) -> Iterator[Path]:
    """Give the ways to the records and frames in arguments: frames, and dicts whose keys are text."""
    level: list[tuple[Path, Tree]] = [((0, place), each) for place, each in enumerate(args[0])]
    level += [((1, place, 1), each) for place, (_, each) in enumerate(args[1])]
    for _ in range(3):
        yield from (path for path, each in level if tag(each) == "df" or _is_record(each))
        level = [(path + way, inner) for path, each in level for way, inner in parts(each) if isinstance(inner, list)]


def _at(args: Tree, path: Path) -> Tree:
    tree = args
    for place in path:
        tree = tree[place]
    return tree


def _is_record(tree: Tree) -> bool:
    return tag(tree) == "d" and all(isinstance(key, str) for key, _ in tree[2])


def _with(tree: Tree, name: str, kind: str, path: Path) -> Tree:
    """Return a record or a frame that has one thing more."""
    pick = random.Random(f"{name} {path}")
    if tag(tree) == "df":
        if kind not in DTYPES or any(column[0] == name for column in tree[2]):
            return tree
        rows = arrays.rows(tree)
        items = [of(KINDS[kind](pick)) for _ in range(rows)]
        if kind == "str" and rows > FEW:
            items = [f"{each}{pick.randrange(rows // FEW)}" for each in items]
        return replaced(tree, (2,), [*tree[2], [name, DTYPES[kind], items]])
    if any(key == name for key, _ in tree[2]):
        return tree
    return replaced(tree, (2,), [*tree[2], [name, _like(tree, kind, pick)]])


def _like(tree: Tree, kind: str, pick: random.Random) -> Tree:
    """Return a value for a key: of the kind that was found."""
    return of(KINDS[kind](pick), -1000 * (1 + len(tree[2])))


def _told(args: Tree, name: str) -> str:
    """Return the kind of a column by its name, where frames are given; nothing where it does not tell."""
    frames = any(tag(_at(args, path)) == "df" for path in _places(args))
    return next((kind for kind, each in NAMED.items() if frames and each.search(name)), "")


def _raised(seen: Any) -> Any:
    """Return what the first call of a trial raised; None where it raised nothing, or did not come so far."""
    return _failed(seen["calls"][0]) if "calls" in seen else None


def _failed(call: Any) -> Any:
    return call["outcome"] if call["outcome"][0] == "raised" else None


def _named(raised: Any) -> list[str]:
    """Return the names of what an error misses."""
    if raised is None:
        return []
    if raised[1] == "builtins:KeyError" and raised[3] and isinstance(raised[3][0], str):
        text = raised[3][0]
        return QUOTED.findall(text) if any(each in text for each in MISSING) else [text]
    return ATTRIBUTE.findall(raised[2]) if raised[1] == "builtins:AttributeError" else []
