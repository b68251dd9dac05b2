"""What looks like a guard for the life of a program, and is not: a name that each pass or each call binds anew."""

from perfwright.effects.frame import Frame
from perfwright.effects.values import Row, Value, join
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk

STORES = ("set", "aset", "setex", "put", "setdefault", "store", "update")


def tested(test: Node) -> str:
    """Return the plain name that a test asks whether it is there: `x`, `not x`, `x is None`, `(x := ...)`."""
    if test[0] == "un" and test[2] == "not":
        test = test[3]
    if test[0] == "cmp" and test[3][0] in ("is", "is not"):
        test = test[2]
    return str(test[2]) if test[0] in ("name", "walrus") else ""


def made_anew(frame: Frame, name: str, rest: tuple[Node, ...]) -> bool:
    """Tell whether a name stands for something else on each pass, or in each call, that nothing keeps.

    `rest` is what fills it where it is missing. A row that was looked up here is one: the next pass looks up its
    own. So is what is bound in the loop, unless what it was taken from is given the new one.
    """
    value = frame.env.get(name)
    if isinstance(value, Row) and value.root is None and value.depth >= frame.depth:
        return not gives(rest, frozenset((name,)), stores_only=True)
    if not frame.loops or not frame.loops[-1].body or not rest:
        return False
    start = rest[0][1]
    anew = False
    for statement in walk(frame.loops[-1].body):
        if statement[0] != "assign" or statement[1] >= start:
            continue
        if any(target[0] == "name" and target[2] == name for target in statement[2]):
            anew = not gives(frame.loops[-1].body, names_in(statement[3]), stores_only=False)
    return anew


def gives(block: tuple[Node, ...], names: frozenset[str] | set[str], *, stores_only: bool) -> bool:
    """Tell whether a block puts something into what a name holds, or for `stores_only` puts a name somewhere."""
    for node in walk(block):
        if node[0] == "assign":
            items = [target for target in node[2] if target[0] == "sub"]
            if stores_only and items and names & names_in(node[3]):
                return True
            if not stores_only and any(names & names_in(target[2]) for target in items):
                return True
        elif node[0] == "call" and node[2][0] == "attr" and node[2][3] in STORES:
            if stores_only and names & names_in(node[3]):
                return True
            if not stores_only and names & names_in(node[2][2]):
                return True
    return False


def assigned_value(frame: Frame, node: Node) -> Value:
    """Return what an assignment gives; `x = make() if x is None else x + 1` makes it on the first pass only."""
    value = node[3]
    if value[0] != "if" or not frame.loops or len(node[2]) != 1 or node[2][0][0] != "name":
        return frame.value(value)
    name, test = node[2][0][2], value[2]
    if tested(test) != name or name not in frame.env or bound_before(frame, name, node):
        return frame.value(value)
    frame.value(test)
    first = (test[0] == "cmp" and test[3][0] == "is") or test[0] == "un"
    fresh, again = (value[3], value[4]) if first else (value[4], value[3])
    if name not in names_in(again):
        return frame.value(value)
    frame.guards += 1
    made = frame.value(fresh)
    frame.guards -= 1
    return join(made, frame.value(again))


def bound_before(frame: Frame, name: str, node: Node) -> bool:
    """Tell whether the loop binds a name elsewhere: it may be missing again on the next pass."""
    for statement in walk(frame.loops[-1].body):
        other = statement[0] == "assign" and statement is not node
        if other and any(text(target) == name for target in statement[2]):
            return True
    return False
