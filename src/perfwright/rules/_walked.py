"""Lists that are copied only for a loop to go through the copy."""

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, walk
from perfwright.rules._frames import assigned_to
from perfwright.rules._uses import ASKS, READS, is_closed_over, trails, use

COPIES = ("list", "tuple")
KINDS = ("list", "tuple", "set", "frozenset")
ANNOTATED = (*KINDS, "List", "Tuple", "Set", "FrozenSet", "Sequence")


def copied_for(effects: Effects, statement: Node) -> Node | None:
    """Return the call of a `for` loop that copies what nothing changes meanwhile: `for each in list(items)`."""
    if statement[0] != "for" or statement[6]:
        return None
    call: Node = statement[3]
    if call[0] != "call" or call[2][0] != "name" or call[4]:
        return None
    function = effects.function
    if call[2][2] not in COPIES or len(call[3]) != 1 or is_bound(function, call[2][2]):
        return None
    source = call[3][0]
    return call if is_literal(source) or (source[0] == "name" and stays(function, source[2], statement)) else None


def stays(function: Function, name: str, loop: Node) -> bool:
    """Tell whether a name holds a list, a tuple or a set that stays as it is while a loop runs."""
    body = loop[4]
    if name in names_in(body) or name in names_in(loop[2]) or is_closed_over(function, name) or function.binds_globals:
        return False
    bound = assigned_to(function.body, name)
    parameter = next((each for each in function.parameters if each[0] == name), None)
    if parameter is not None:
        annotation = parameter[1]
        if annotation is not None and annotation[0] == "sub":
            annotation = annotation[2]
        known = annotation is not None and annotation[0] in ("name", "attr") and annotation[-1] in ANNOTATED
        return known and not bound and only_asks(body)
    return bool(bound) and all(is_literal(value) for value in bound) and is_own(function, name)


def is_own(function: Function, name: str) -> bool:
    """Tell whether nobody but a function's own code has what one of its names holds."""
    for trail in trails(function.body, name):
        parent = trail[-2] if len(trail) > 1 else trail[-1]
        if parent[0] == "call" and parent[2][0] == "name" and parent[2][2] in COPIES:
            continue
        if use(trail).kind in ("handed", "passed") or (use(trail).kind == "alias" and parent[0] in ("assign", "ann")):
            return False
    return True


def only_asks(body: tuple[Node, ...]) -> bool:
    """Tell whether a loop calls nothing that could change what its caller has, and waits for nothing."""
    for node in walk(body):
        if node[0] in ("await", "yield", "yieldfrom", "with", "def"):
            return False
        if node[0] == "call" and (node[2][0] not in ("name", "attr") or node[2][-1] not in ASKS | READS):
            return False
    return True


def is_literal(node: Node) -> bool:
    """Tell whether an expression is a list, a tuple or a set that is written out."""
    return bool(node[0] in ("coll", "comp") and node[2] in KINDS)


def is_bound(function: Function, name: str) -> bool:
    """Tell whether a name of Python's own is another's here."""
    return name in function.module.names or any(parameter[0] == name for parameter in function.parameters)
