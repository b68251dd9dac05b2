"""Questions about the code around a place, for rules that must know more than what happens there."""

from collections.abc import Iterator
from typing import Any

from perfwright.effects.frame import Loop
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import called_names, text, walk

GROWS = ("append", "extend", "insert", "add", "update", "setdefault", "appendleft")
LEAVES = ("return", "raise", "continue", "break")
BLOCKS = {"if": (3, 4), "for": (4, 5), "while": (3, 4), "with": (3,), "try": (2, 4, 5)}


def path_to(tree: Any, position: int) -> tuple[Node, ...]:
    """Return the nodes from the outermost to the call or attribute at a position; nothing where there is none."""
    trail: list[Node] = []
    return tuple(trail) if _find(tree, position, trail) else ()


def _find(node: Any, position: int, trail: list[Node]) -> bool:
    if type(node) is not tuple:
        return False
    tagged = len(node) > 1 and type(node[0]) is str and type(node[1]) is int
    if tagged:
        trail.append(node)
        if node[1] == position and node[0] in ("call", "attr", "sub"):
            return True
    if any(_find(part, position, trail) for part in node):
        return True
    if tagged:
        trail.pop()
    return False


def positions(tree: Any) -> set[int]:
    """Return where the calls, attributes and items of a tree stand."""
    return {node[1] for node in walk(tree) if node[0] in ("call", "attr", "sub")}


def blocks(statement: Node) -> Iterator[tuple[Node, ...]]:
    """Give the blocks of a statement: bodies, branches, handlers."""
    for index in BLOCKS.get(statement[0], ()):
        yield statement[index]
    if statement[0] == "try":
        for handler in statement[3]:
            yield handler[2]
    elif statement[0] == "match":
        yield from statement[3]


def last_binding(body: tuple[Node, ...], name: str, position: int) -> Node | None:
    """Return the statement that binds a name for the last time before a place, whichever way leads there."""
    found: Node | None = None
    block: tuple[Node, ...] = body
    while block:
        before = [statement for statement in block if statement[1] <= position]
        if not before:
            break
        for statement in before[:-1]:
            if binds(statement, name):
                found = statement
        inner = [each for each in blocks(before[-1]) if each and each[0][1] <= position]
        block = max(inner, key=first_position) if inner else ()
    return found


def first_position(block: tuple[Node, ...]) -> int:
    return int(block[0][1])


def binds(statement: Node, name: str) -> bool:
    """Tell whether a statement gives a name a value of its own."""
    if statement[0] == "assign":
        return any(target[0] == "name" and target[2] == name for target in statement[2])
    return bool(statement[0] == "ann" and statement[4] is not None and statement[2][:3:2] == ("name", name))


def statements(block: tuple[Node, ...]) -> Iterator[Node]:
    """Give every statement of a block, those of inner blocks too, in the order in which they stand."""
    for statement in block:
        yield statement
        for inner in blocks(statement):
            yield from statements(inner)


def all_statements(function: Function) -> list[Node]:
    """Return every statement of a function, those of inner blocks too, in no order."""
    found: list[Node] = []
    stack: list[tuple[Node, ...]] = [function.body]
    while stack:
        for statement in stack.pop():
            found.append(statement)
            tag = statement[0]
            if tag in BLOCKS:
                stack.extend([statement[index] for index in BLOCKS[tag] if statement[index]])
                if tag == "try":
                    stack.extend([handler[2] for handler in statement[3]])
            elif tag == "match":
                stack.extend(statement[3])
    return found


def leaves(block: tuple[Node, ...]) -> bool:
    """Tell whether a block never goes on with what stands after it."""
    return bool(block) and block[-1][0] in LEAVES


def goes_on_after_failure(path: tuple[Node, ...]) -> bool:
    """Tell whether a place stands in a `try` whose handler lets the loop or the function go on."""
    for index, statement in enumerate(path):
        if statement[0] != "try" or index + 1 >= len(path) or not any(path[index + 1] is s for s in statement[2]):
            continue
        if any(not handler[2] or handler[2][-1][0] not in ("raise", "return") for handler in statement[3]):
            return True
    return False


def carried(loop: Loop, call: Node | None) -> bool:
    """Tell whether a call in a loop takes something that the pass before left behind: a cursor, a conversation."""
    if call is None or call[0] != "call":
        return False
    values = (*call[3], *(value for _, value in call[4]))
    given = {text(node) for node in walk(values) if node[0] in ("name", "attr")}
    for statement in reversed(list(statements(loop.body))):
        if statement[0] == "assign" and statement[1] < call[1] and given & {text(target) for target in statement[2]}:
            given |= {text(node) for node in walk(statement[3]) if node[0] in ("name", "attr")}
    fresh = set(loop.variables)
    begun = False  # from the statement with the call on
    for statement in statements(loop.body):
        begun = begun or (statement[0] not in BLOCKS and any(node is call for node in walk(statement)))
        changed = {text(target) for target in _targets(statement)}
        if statement[0] == "assign" and not begun:
            fresh |= changed
        elif any(name in given and name.partition(".")[0] not in fresh for name in changed | _grown(statement)):
            return True
    return False


def _targets(statement: Node) -> tuple[Node, ...]:
    if statement[0] == "assign":
        return tuple(part for target in statement[2] for part in (target[3] if target[0] == "coll" else (target,)))
    return (statement[2],) if statement[0] in ("aug", "ann") else ()


def _grown(statement: Node) -> set[str]:
    """Return what a statement adds to: `messages.append(...)`."""
    call = statement[2] if statement[0] == "expr" else None
    if call is None or call[0] != "call" or call[2][0] != "attr" or call[2][3] not in GROWS:
        return set()
    return {text(call[2][2])}


def ends_early(loop: Loop, position: int) -> bool:
    """Tell whether a loop may end once a pass did what was wanted: a search, or a second attempt."""
    return any(statement[0] in ("break", "return") and statement[1] > position for statement in statements(loop.body))


def paced(loop: Loop) -> bool:
    """Tell whether a loop is slow on purpose: it sleeps."""
    return "sleep" in called_names(loop.body)
