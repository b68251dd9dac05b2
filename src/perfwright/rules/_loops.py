"""What a pass of a loop changes, and whether an expression depends on it."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from perfwright.effects.frame import Loop
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk

MUTATORS = (
    *("append", "add", "insert", "extend", "update", "pop", "popitem", "popleft", "appendleft", "remove", "discard"),
    *("clear", "setdefault", "sort", "reverse", "push", "put", "write", "writelines", "send", "read", "readline"),
    *("readlines", "seek", "truncate", "next", "__next__", "fetchone", "fetchmany", "recv", "acquire", "release"),
    *("set", "difference_update", "intersection_update", "symmetric_difference_update", "move_to_end", "subtract"),
)
KEEPS = ("append", "add", "insert", "extend", "update", "put", "push", "print", "debug", "info", "warning", "error")
ASKS = ("sum", "min", "max", "any", "all", "len", "sorted", "set", "frozenset", "tuple", "join", "next", "startswith")
READS = ("get", "keys", "values", "items", "index", "count")
LONGEST = 400  # characters of an expression that is compared with another


class Changes:
    """What each pass of a loop binds or changes: names, and dotted names (`self.page`)."""

    __slots__ = ("bound", "but", "names", "paths")

    def __init__(self, loop: Loop, but: Node | None = None) -> None:
        """Note what a loop changes; `but` is a call of which it is known what it changes."""
        self.but = but
        self.names: set[str] = set(loop.variables)
        self.paths: set[str] = set()
        self.bound: set[str] = set()  # those of the paths that stand for another object afterwards
        for node in walk(loop.body):
            self._note(node)

    def _note(self, node: Node) -> None:
        tag = node[0]
        if tag == "assign":
            for target in node[2]:
                self._bind(target)
        elif tag in ("ann", "aug", "for"):
            self._bind(node[2])
        elif tag == "walrus":
            self.names.add(node[2])
        elif tag in ("with", "del"):
            for part in node[2]:
                target = part[1] if tag == "with" else part
                if target is not None:
                    self._bind(target)
        elif tag == "try":
            self.names.update(name for _, name, _ in node[3] if name)
        elif tag == "import":
            self.names.update(binding[0] for binding in node[2])
        elif tag == "call" and node[2][0] == "attr" and node[2][3] in MUTATORS:
            self.paths.add(text(node[2][2], LONGEST))
        elif tag == "expr":
            self._called(node[2][2] if node[2][0] == "await" else node[2])

    def _bind(self, target: Node) -> None:
        if target[0] == "name":
            self.names.add(target[2])
        elif target[0] == "attr":
            self.paths.add(text(target, LONGEST))
            self.bound.add(text(target, LONGEST))
        elif target[0] == "sub":
            self.paths.add(text(target[2], LONGEST))
        elif target[0] == "coll":
            for part in target[3]:
                self._bind(part)
        elif target[0] == "star":
            self._bind(target[2])

    def _called(self, call: Node) -> None:
        """Note a call whose answer nobody takes: it is there for what it changes."""
        if call[0] != "call" or call is self.but:
            return
        function = call[2]
        name = function[3] if function[0] == "attr" else function[2] if function[0] == "name" else ""
        if name in KEEPS:
            return
        if function[0] == "attr":
            self.paths.add(text(function[2], LONGEST))
        for argument in (*call[3], *(value for _, value in call[4])):
            if argument[0] in ("name", "attr"):
                self.paths.add(text(argument, LONGEST))

    def rebind(self, node: Node) -> bool:
        """Tell whether an expression may stand for another object on each pass, whatever its state."""
        if (names_in(node) - set(bound_in(node))) & self.names:
            return True
        return any(path == c or path.startswith(f"{c}.") for path in read_by(node, called=True) for c in self.bound)

    def touch(self, node: Node, inside: Iterable[Function] = ()) -> bool:
        """Tell whether what an expression reads may be another on each pass; `inside` are functions that it calls."""
        own = set(bound_in(node))
        if (names_in(node) - own) & self.names:
            return True
        functions = tuple(inside)
        for path in read_by(node, called=not functions):
            if path.partition(".")[0] in own:
                continue
            if any(path == c or within(path, c) or within(c, path) for c in self.paths):
                return True
        if not functions:
            return False
        changed = {path.rpartition(".")[2] for path in self.paths if "." in path}
        return any(inner[0] == "attr" and inner[3] in changed for each in functions for inner in walk(each.body))


def within(path: str, whole: str) -> bool:
    """Tell whether a dotted name is a part of another: an attribute or an item of it."""
    return path.startswith(whole) and path[len(whole) : len(whole) + 1] in (".", "[")


def bound_in(node: Node) -> Iterator[str]:
    """Give the names that an expression binds for itself: in comprehensions and lambdas."""
    for inner in walk(node):
        if inner[0] == "comp":
            for generator in inner[4]:
                yield from names_in(generator[0])
        elif inner[0] == "lambda":
            yield from (parameter[0] for parameter in inner[2])


def read_by(node: Node, *, called: bool) -> Iterator[str]:
    """Give the names and dotted names that an expression reads, the longest of each.

    A method that is called reads its object, which counts where `called` says so.
    """
    stack: list[Any] = [node]
    while stack:
        top = stack.pop()
        if type(top) is not tuple or not top:
            continue
        if top[0] == "call" and type(top[1]) is int and top[2][0] == "attr":
            if called:
                stack.append(top[2][2])
            else:
                stack.extend(() if dotted(top[2]) else (top[2][2],))
            stack.extend((top[3], top[4]))
        elif top[0] in ("name", "attr") and len(top) > 2 and type(top[1]) is int and dotted(top):
            yield text(top, LONGEST)
        else:
            stack.extend(top)


def dotted(node: Node) -> bool:
    """Tell whether an expression is a name, or attributes of one."""
    while node[0] == "attr":
        node = node[2]
    return bool(node[0] == "name")


def idle(loop: Loop) -> bool:
    """Tell whether a loop does the same on each pass on purpose: nothing in it asks for what it goes through."""
    return bool(loop.body) and not loop.variables & names_in(loop.body)


def root(node: Node) -> Node:
    """Return what a chain of attributes, subscripts and calls begins with."""
    while node[0] in ("attr", "sub", "call"):
        node = node[2]
    return node


def node_at(function: Function, position: int, tag: str) -> Node | None:
    """Return the expression of a kind at a position of a function."""
    return standing(function).get((position, tag))


@lru_cache(maxsize=64)
def standing(function: Function) -> dict[tuple[int, str], Node]:
    """Return the calls, attributes and items of a function by where they stand and what they are, the outermost."""
    found: dict[tuple[int, str], Node] = {}
    for node in walk(function.body):
        if node[0] in ("call", "attr", "sub"):
            found.setdefault((node[1], node[0]), node)
    return found


def only_read(node: Node, loop: Loop) -> bool:
    """Tell whether the loop only looks at what a comprehension makes: another pass could use the same."""
    name = ""
    for statement in walk(loop.body):
        if statement[0] == "assign" and statement[3] is node and len(statement[2]) == 1:
            target = statement[2][0]
            name = target[2] if target[0] == "name" else ""
        elif statement[0] == "call" and any(part is node for part in statement[3]):
            function = statement[2]
            return (function[2] if function[0] == "name" else function[-1]) in ASKS
        elif statement[0] == "cmp" and any(part is node for part in statement[4]):
            return statement[3][-1] in ("in", "not in")
    return bool(name) and looked_at(name, loop)


def looked_at(name: str, loop: Loop) -> bool:
    """Tell whether all that a loop does with a name is to look things up in what it holds."""
    seen = 0
    for inner in walk(loop.body):
        tag = inner[0]
        if tag == "sub" or (tag == "attr" and inner[3] in READS):
            seen += is_name(inner[2], name)
        elif tag == "call" and inner[2][0] == "name" and inner[2][2] in ASKS:
            seen += sum(is_name(part, name) for part in inner[3])
        elif tag == "cmp":
            seen += sum(is_name(part, name) for part in inner[4])
        elif tag == "for":
            seen += is_name(inner[3], name)
        elif tag == "comp":
            seen += sum(is_name(generator[1], name) for generator in inner[4])
        elif tag == "if":
            seen += is_name(inner[2], name)
        if tag in ("assign", "aug", "del") and changed_item(inner, name):
            return False
    reads = sum(is_name(inner, name) for inner in walk(loop.body)) - 1  # all but where it is bound
    return seen == reads


def is_name(node: Node, name: str) -> bool:
    return bool(node[0] == "name" and node[2] == name)


def changed_item(statement: Node, name: str) -> bool:
    targets = (statement[2],) if statement[0] == "aug" else statement[2]
    return any(target[0] == "sub" and is_name(target[2], name) for target in targets)


def confidence_of(effects: Effects, effect: Effect, far: int) -> Confidence:
    """Return how sure it is that work is repeated; what stands in the loop or a call away is seen, if not its type."""
    found = effects.confidence(effect)
    if len(effect.event.chain) > far or any(link[0] is effect.function for link in effect.event.chain[1:]):
        return "possible"  # far away, or a function that calls itself, for other things each time
    if found == "possible" and len(effect.event.chain) <= 2 and not effect.event.doubtful:
        plain = all(
            loop.kind in ("for", "comprehension") and ".items()" not in loop.over for loop in effect.event.loops
        )
        return "likely" if plain else "possible"
    return found
