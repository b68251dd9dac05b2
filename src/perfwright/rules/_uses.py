"""What becomes of what a name holds in a function: it is read, changed, known by another name, or handed on."""

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._loops import MUTATORS

Kind = Literal["read", "changed", "alias", "handed", "passed", "method", "bound"]

DEEPEST = 3  # names for parts of one thing that are followed
WHOLE: Final = 200  # characters of an expression that is compared with another
ASKS = frozenset(  # functions that look at what they are given, and keep nothing of it
    (
        *(
            "len",
            "sum",
            "any",
            "all",
            "str",
            "repr",
            "int",
            "float",
            "bool",
            "abs",
            "round",
            "isinstance",
            "hash",
            "id",
        ),
        *("print", "format", "type", "ord", "bytes", "hasattr", "callable", "join", "dumps", "dump", "range", "divmod"),
        *("startswith", "endswith", "fsum", "mean", "median", "Decimal", "debug", "info", "warning", "error"),
        *("exception", "critical", "log", "assert_called_with", "HTTPException", "count"),
    )
)
PASSES_ON = frozenset(  # functions whose answer holds what they are given
    (
        *("list", "tuple", "set", "frozenset", "dict", "sorted", "reversed", "enumerate", "zip", "min", "max", "iter"),
        *("next", "filter", "map", "islice", "chain", "groupby", "Counter", "cast", "get"),
    )
)
READS = frozenset(  # methods that look at what they belong to, or give a part of it
    (
        *("get", "items", "keys", "values", "index", "lower", "upper", "strip", "split", "endswith", "startswith"),
        *("isoformat", "issubset", "issuperset", "isdisjoint", "union", "intersection", "difference", "encode"),
        *("replace", "title", "format", "total_seconds", "most_common", "date", "strftime", "copy"),
        *("bit_count", "bit_length"),
    )
)


class Use:
    """One place where a name stands: what becomes there of what it holds.

    `names` are the names by which parts of it are known from there on, `call` the call that it is passed to as
    `argument`, or whose method is called.
    """

    __slots__ = ("argument", "call", "kind", "names", "position")

    def __init__(
        self,
        kind: Kind,
        position: int,
        names: tuple[str, ...] = (),
        call: Node | None = None,
        argument: Node | None = None,
    ) -> None:
        self.kind, self.position, self.names, self.call, self.argument = kind, position, names, call, argument


def uses(body: Any, path: str) -> Iterator[Use]:
    """Give each use of a name or dotted name in statements."""
    for trail in trails(body, path):
        yield use(trail)


def trails(tree: Any, path: str) -> Iterator[tuple[Node, ...]]:
    """Give the nodes from a statement down to each place where a name or dotted name stands."""
    stack: list[tuple[Any, tuple[Node, ...]]] = [(tree, ())]
    while stack:
        node, above = stack.pop()
        if type(node) is not tuple:
            continue
        if len(node) > 1 and type(node[0]) is str and type(node[1]) is int:
            above = (*above, node)
            if node[0] in ("name", "attr") and text(node, WHOLE) == path:
                yield above
                continue
        stack.extend([(part, above) for part in node[::-1]])


def use(trail: tuple[Node, ...]) -> Use:  # noqa: C901 - one branch a tag
    """Return what becomes of what the last of the nodes holds, by the nodes around it."""
    node = trail[-1]
    position = node[1]
    for parent in trail[-2::-1]:
        tag = parent[0]
        if tag in ("attr", "star", "await", "if", "bool", "coll", "dict", "walrus") and not is_test(parent, node):
            if tag == "walrus":
                return Use("alias", position, (parent[2],))
        elif tag == "sub":
            if parent[2] is not node:
                return Use("read", position)
        elif tag == "call":
            if parent[2] is node:
                if node[0] != "attr":
                    return Use("handed", position)
                if node[3] in MUTATORS:
                    return Use("changed", position)
                if node[3] in ASKS:
                    return Use("read", position)
                if node[3] not in READS:
                    return Use("method", position, call=parent)
            else:
                name = parent[2][-1] if parent[2][0] in ("name", "attr") else ""
                if name in ASKS:
                    return Use("read", position)
                if name not in PASSES_ON or (parent[2][0] == "attr" and name != "get"):
                    return Use("passed", position, call=parent, argument=node)
        elif tag == "comp":
            found = in_comprehension(parent, node)
            if found == "read":
                return Use("read", position)
            if found == "each":
                names = [name for g in parent[4] if g[1] is node for name in names_in(g[0])]
                return Use("alias", position, tuple(names))
        elif tag == "bin":
            if parent[2] not in "+|" or not (is_whole(parent[3]) and is_whole(parent[4])):
                return Use("read", position)
        elif tag in ("assign", "ann"):
            return bound(parent, node, position)
        elif tag == "aug":
            return Use("changed" if parent[2] is node else "read" if not is_whole(node) else "handed", position)
        elif tag == "for":
            if parent[2] is node:
                return Use("bound" if node[0] == "name" else "changed", position)
            if parent[3] is node:
                return Use("alias", position, tuple(names_in(parent[2])))
        elif tag == "del":
            return Use("read" if node is trail[-1] else "changed", position)
        elif tag in ("cmp", "un", "fstr", "slice", "while", "expr", "if"):
            return Use("read", position)
        else:
            return Use("handed", position)  # returned, yielded, raised, in a lambda
        node = parent
    return Use("handed", position)


def is_test(parent: Node, node: Node) -> bool:
    """Tell whether only the truth of an expression is asked for."""
    return bool(parent[0] == "if" and parent[2] is node)


def is_whole(node: Node) -> bool:
    """Tell whether an expression is a thing of its own, not a number or text that was worked out."""
    return bool(node[0] in ("name", "attr", "coll", "comp", "dict", "call", "sub"))


def in_comprehension(comp: Node, node: Node) -> str:
    """Return how a comprehension uses an expression: it takes `each` of its items, `keeps` it, or reads it."""
    if any(generator[1] is node for generator in comp[4]):
        return "each"
    return "keeps" if node is comp[3] or node is comp[5] else "read"


def bound(statement: Node, node: Node, position: int) -> Use:
    """Return what an assignment does with an expression, which is a target or what is assigned."""
    targets = statement[2] if statement[0] == "assign" else (statement[2],)
    value = statement[3] if statement[0] == "assign" else statement[4]
    if value is not node:
        whole = any(target is node for target in targets) or any(
            target[0] == "coll" and any(part is node for part in target[3]) for target in targets
        )
        return Use("bound" if whole and node[0] == "name" else "changed", position)
    names: list[str] = []
    for target in targets:
        parts = target[3] if target[0] == "coll" else (target,)
        if any(part[0] != "name" for part in parts):
            return Use("handed", position)
        names += [part[2] for part in parts]
    return Use("alias", position, tuple(names))


Reads = Callable[[Use], bool]


def nothing(_: Use) -> bool:
    """Say of no call that it only reads what it takes."""
    return False


def only_read(
    function: Function, path: str, *, after: int = 0, but: Node | None = None, reads: Reads = nothing, depth: int = 0
) -> bool:
    """Tell whether a function only looks at what a name holds, and at all that hangs on it.

    Where it stands before `after`, or is bound, does not count, nor does what happens inside `but`; `reads` says of
    a call that takes it, or of a method of it, whether that only reads it.
    """
    if depth > DEEPEST or (depth == 0 and is_closed_over(function, path)):
        return False
    inside = {id(node) for node in walk(but)} if but is not None else set()
    for trail in trails(function.body, path):
        if id(trail[-1]) in inside or trail[-1][1] < after:
            continue
        found = use(trail)
        if found.kind in ("changed", "handed") or (found.kind in ("passed", "method") and not reads(found)):
            return False
        if found.kind == "alias":
            for name in found.names:
                if name != path and not only_read(function, name, after=after, reads=reads, depth=depth + 1):
                    return False
    return True


def is_closed_over(function: Function, path: str) -> bool:
    """Tell whether a function inside this one has the name too."""
    first = path.partition(".")[0]
    return (
        any(
            each.outer == function.index and each is not function and first in names_in(each.body)
            for each in function.module.functions
        )
        and function.index >= 0
    )
