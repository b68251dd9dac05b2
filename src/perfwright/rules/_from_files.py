"""Loops over the lines of a file, or the rows of a table that somebody uploads."""

from perfwright.effects.frame import Link
from perfwright.index.lower import Node
from perfwright.index.tree import walk
from perfwright.rules._code import path_to

READERS = (
    "reader",
    "DictReader",
    "iter_rows",
    "TextIOWrapper",
    "StringIO",
    "splitlines",
    "readlines",
    "open",
    "iter_lines",
)
AROUND = ("enumerate", "islice", "list", "iter", "tqdm", "reversed")


def loop_over_lines(chain: tuple[Link, ...]) -> int | None:
    """Return the place in a chain of the first call that stands in a loop over the lines of a file."""
    for index, (function, position, _) in enumerate(chain):
        if function.called.isdisjoint(READERS):
            continue
        for node in path_to(function.body, position):
            if node[0] == "for" and is_lines(function.body, node[3]):
                return index
    return None


def is_lines(body: tuple[Node, ...], over: Node) -> bool:
    """Tell whether what is gone through are the lines of a file, as far as the function says where they come from."""
    while over[0] == "call" and over[2][0] in ("name", "attr") and over[2][-1] in AROUND and over[3]:
        over = over[3][0]
    if over[0] == "call":
        return over[2][0] in ("name", "attr") and over[2][-1] in READERS
    if over[0] != "name":
        return False
    for node in walk(body):
        made: Node | None = None
        if node[0] == "assign" and any(target[0] == "name" and target[2] == over[2] for target in node[2]):
            made = node[3]
        elif node[0] == "with":
            made = next((value for value, target in node[2] if target is not None and target[2] == over[2]), None)
        if made is not None and made[0] == "call" and is_lines((), made):
            return True
    return False
