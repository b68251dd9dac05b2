"""Functions that call themselves: which calls do, and how many of them one way through the function makes."""

from typing import Any

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import walk


def calls_itself(effects: Effects) -> bool:
    """Tell whether a function leads straight back to itself."""
    reading, function = effects.reading, effects.function
    return function in reading.open or any(called.function is function for called in reading.called)


def is_self(call: Node, function: Function) -> bool:
    called = call[2]
    if function.owner is None:
        return bool(called[0] == "name" and called[2] == function.name)
    first = function.parameters[0][0] if function.parameters else ""
    return bool(
        called[0] == "attr"
        and called[3] == function.name
        and called[2][0] == "name"
        and called[2][2] in (first, function.owner.name)
    )


def most(block: tuple[Node, ...], calls: set[int]) -> tuple[int, int, bool]:
    """Return the most of the calls on one way through a block, how many its end is reached with, and if it is not."""
    best = run = 0
    for statement in block:
        tag = statement[0]
        if tag == "if":
            run += count(statement[2], calls)
            ways = [most(statement[3], calls), most(statement[4], calls)]
            best = max(best, *(run + way[0] for way in ways))
            on = [way[1] for way in ways if not way[2]]
            if not on:
                return best, run, True
            run += max(on)
            continue
        if tag in ("for", "while"):
            body = statement[4] if tag == "for" else statement[3]
            run += 2 * most(body, calls)[0]
        elif tag == "with":
            inner = most(statement[3], calls)
            best, run = max(best, run + inner[0]), run + inner[1]
            if inner[2]:
                return best, run, True
        elif tag == "try":
            run += most(statement[2], calls)[0]
        else:
            run += count(statement[2:], calls)
            if tag in ("return", "raise", "continue", "break"):
                return max(best, run), run, True
    return max(best, run), run, False


def count(node: Any, calls: set[int]) -> int:
    """Return the most of the calls that evaluating an expression makes, two for one in a comprehension."""
    if type(node) is not tuple:
        return 0
    if node and node[0] == "comp" and type(node[1]) is int:
        return 2 * sum(id(inner) in calls for inner in walk(node))
    if node and node[0] == "if" and len(node) == 5 and type(node[1]) is int:
        return count(node[2], calls) + max(count(node[3], calls), count(node[4], calls))
    return (id(node) in calls) + sum(count(part, calls) for part in node)
