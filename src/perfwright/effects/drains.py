"""Loops that take one row after the other until there is none left: a pass for each row that waits."""

import re
from collections.abc import Callable

from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk

JOBS = re.compile(r"job|task|work", re.I)  # taken one by one on purpose: each may take long, and others work too
FIRST = ("first", "afirst", "one_or_none")
ONE = re.compile(r"\blimit\s+1\b", re.I)


def drained(loop: Node, called: Callable[[Node], Function | None]) -> str:
    """Return the call by which an endless loop takes its next row, where it ends as soon as there is none; else ""."""
    taken: dict[str, Node] = {}
    for statement in loop[3]:
        if statement[0] == "assign" and len(statement[2]) == 1 and statement[2][0][0] in ("name", "coll"):
            call = statement[3][2] if statement[3][0] == "await" else statement[3]
            if call[0] == "call":
                taken.update(dict.fromkeys(names_in(statement[2]), call))
        elif statement[0] == "if" and statement[3][-1:] and statement[3][-1][0] in ("break", "return"):
            name = missing(statement[2])
            if name in taken and not JOBS.search(text(taken[name])) and takes_one(taken[name], called):
                return text(taken[name])
    return ""


def missing(test: Node) -> str:
    """Return the name that a condition finds to be nothing: `not row`, `row is None`."""
    if test[0] == "un" and test[2] == "not" and test[3][0] == "name":
        return str(test[3][2])
    if test[0] == "cmp" and test[3] == ("is",) and test[2][0] == "name" and test[4][0][0] == "const":
        return str(test[2][2])
    return ""


def takes_one(call: Node, called: Callable[[Node], Function | None]) -> bool:
    """Tell whether a call asks for one row: itself, or the function of the project that it calls."""
    function = called(call[2])
    return any(asks_for_one(node) for node in walk(call if function is None else function.body))


def asks_for_one(node: Node) -> bool:
    if node[0] == "const" and isinstance(node[2], str):
        return ONE.search(node[2]) is not None
    if node[0] != "call" or node[2][0] != "attr":
        return False
    if node[2][3] == "limit":
        return any(given[0] == "const" and given[2] == 1 for given in node[3])
    return node[2][3] in FIRST and not node[3]
