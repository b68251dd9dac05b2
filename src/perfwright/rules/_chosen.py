"""Numbers that whoever calls an entry point chooses: which page, how many rows."""

from functools import lru_cache

from perfwright.effects.frame import Link
from perfwright.index.lower import Node
from perfwright.index.project import Class, Entity, Function, Module, Project, Value
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import leaves, statements
from perfwright.rules._same import arguments, call_at

REQUESTS = ("request", "req", "self.request", "flask.request", "info.context")
OWN = ("self", "cls", "request")
PASSES = ("int", "max", "abs", "float", "round", "or_", "str")
ROUNDS = 4  # assignments that are followed from a name to what it is made from
BOUNDS = ("le", "lt", "max_value")
ABOVE, BELOW = (">", ">="), ("<", "<=")
JOBS = (
    *(
        "task ",
        "command ",
        "migration ",
        "program ",
        "middleware ",
        "context processor ",
        "callback ",
        "update ",
        "signal ",
    ),
    *("before each ", "after each "),
)


def is_request(entry: str) -> bool:
    """Tell whether a label is of an entry point that answers somebody outside."""
    return bool(entry) and not entry.startswith(JOBS)


def chosen(
    project: Project, chain: tuple[Link, ...], function: Function, node: Node, but: tuple[str, ...] = ()
) -> tuple[Function, Node] | None:
    """Return where the caller of an entry point chooses a number without bound: the parameter, or the question.

    `chain` leads from the entry point to the function that uses the number. Names whose last word is one of `but`
    do not count.
    """
    wanted = [node]
    place = next((index for index in range(len(chain) - 1, -1, -1) if chain[index][0] is function), -1)
    for index in range(place, -1, -1):
        here = chain[index][0]
        names, asked = made_from(here, wanted, but)
        if asked is not None:
            return here, asked
        held = [
            (parameter, attribute)
            for name, dot, attribute in (each.partition(".") for each in sorted(names))
            for parameter in here.parameters
            if dot and parameter[0] == name
        ]
        free_ones = [
            parameter
            for parameter in here.parameters
            if parameter[0] in names
            and parameter[0] not in OWN
            and not bounded_parameter(project, here.module, parameter)
        ]
        if index == 0:
            for parameter, attribute in held:
                field = field_of(project, here, parameter, attribute)
                if field is not None:
                    return here, field
            return (here, free_ones[0][1] or free_ones[0][2] or node) if free_ones else None
        free_names = {parameter[0] for parameter in free_ones}
        given = passed_on(chain, index, here)
        wanted = [value for name, value in given if name in free_names and value[0] != "const"]
        for parameter, attribute in held:
            passed = [value for name, value in given if name == parameter[0] and value[0] == "name"]
            wanted.extend([("attr", value[1], value, attribute) for value in passed])
        if not wanted:
            return None
    return None


def passed_on(chain: tuple[Link, ...], index: int, here: Function) -> list[tuple[str, Node]]:
    """Return what a function of a chain is given by the one before it."""
    call = call_at(chain[index - 1])
    given = arguments(call, here) if call is not None else []
    return [(name, value) for name, value in given if value is not None]


def field_of(project: Project, function: Function, parameter: Node, attribute: str) -> Node | None:
    """Return where the caller chooses `page.offset` without bound: `page` is a class or a function of parameters."""
    _, annotation, default, _ = parameter
    named = project.expression(function.module, annotation) if annotation is not None else None
    where = [(function.module, annotation), (function.module, default)]
    if isinstance(named, Value):
        where.append((named.module, named.expression))
    for module, said in where:
        for node in walk(said):
            found = project.expression(module, node) if node[0] in ("name", "attr") else None
            for owner, field in fields(found):
                if field[0] == attribute:
                    return None if bounded_parameter(project, owner, field) else node
    return None


def fields(found: Entity | None) -> list[tuple[Module, Node]]:
    """Return what a class or a function that a request is read into takes, as parameters are written."""
    if isinstance(found, Function):
        return [(found.module, parameter) for parameter in found.parameters]
    if not isinstance(found, Class):
        return []
    binding = found.names.get("__init__")
    if binding is not None and binding[0] == "func":
        return [(found.module, parameter) for parameter in found.module.functions[binding[1]].parameters]
    values = [(name, each) for name, each in found.names.items() if each[0] == "value"]
    return [(found.module, (name, each[2], each[1], 0)) for name, each in values]


def made_from(function: Function, nodes: list[Node], but: tuple[str, ...]) -> tuple[set[str], Node | None]:
    """Return the names that expressions are made from and that nothing bounds, and what asks the request."""
    known = assigned(function)
    checked = limits(function)
    names: set[str] = set()
    fresh = list(nodes)
    for _ in range(ROUNDS):
        following: list[Node] = []
        for part in free(fresh):
            if part[0] == "attr" and asks(part[2]):
                return names, part
            if part[0] == "attr" and part[2][0] == "name" and last_word(part[3]) not in but:
                names.add(f"{part[2][2]}.{part[3]}")
            if part[0] != "name" or part[2] in names or part[2] in checked or last_word(part[2]) in but:
                continue
            names.add(part[2])
            following.extend(known.get(part[2], ()))
        fresh = following
    return names, None


def last_word(name: str) -> str:
    return name.lower().rpartition("_")[2]


def free(nodes: list[Node]) -> list[Node]:
    """Return the names and attributes that make up numbers: not what a call makes of its arguments.

    A call of `int` or `max` gives what it is given, and one of a request what the caller sent; `min` has a bound.
    """
    found: list[Node] = []
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node[0] == "call":
            name = str(node[2][-1])
            if asks(node[2]):
                found.append(node[2])
            elif name in PASSES:
                stack.extend(node[3])
            elif any(given[0] == "name" and given[2] == "request" for given in node[3]):
                found.append(("attr", node[1], ("name", node[1], "request"), name))  # pages(request)
        elif node[0] in ("name", "attr"):
            found.append(node)
        elif node[0] == "sub":
            stack.append(node[2])
        else:
            stack.extend([part for part in node if type(part) is tuple and len(part) > 1 and type(part[0]) is str])
            if node[0] == "bool":
                stack.extend(node[3])
    return found


def asks(node: Node) -> bool:
    """Tell whether something is read of the request: `request.GET.get`, `self.request.query_params`."""
    while node[0] in ("attr", "sub", "call"):
        if text(node) in REQUESTS:
            return True
        node = node[2]
    return bool(node[0] == "name" and node[2] in REQUESTS)


def names_of(nodes: list[Node]) -> set[str]:
    return {node[2] for node in nodes if node[0] == "name"}


@lru_cache(maxsize=16)
def assigned(function: Function) -> dict[str, tuple[Node, ...]]:
    """Return what a function assigns to each of its names."""
    found: dict[str, tuple[Node, ...]] = {}
    for node in walk(function.body):
        if node[0] == "assign":
            for target in node[2]:
                for part in target[3] if target[0] == "coll" else (target,):
                    if part[0] == "name":
                        found[part[2]] = (*found.get(part[2], ()), node[3])
        elif node[0] == "ann" and node[2][0] == "name" and node[4] is not None:
            found[node[2][2]] = (*found.get(node[2][2], ()), node[4])
        elif node[0] == "walrus":
            found[node[2]] = (*found.get(node[2], ()), node[3])
    return found


@lru_cache(maxsize=16)
def limits(function: Function) -> frozenset[str]:
    """Return the names that a function compares with a most: `if page > LAST: raise`, `size = LAST`."""
    found: set[str] = set()
    for name, values in assigned(function).items():
        if any(name in names_in(value) and name not in names_of(free([value])) for value in values):
            found.add(name)  # page = min(page, LAST)
    for statement in statements(function.body):
        if statement[0] != "if" or not statement[3]:
            continue
        changed = {text(target) for inner in statement[3] if inner[0] == "assign" for target in inner[2]}
        for test in walk(statement[2]):
            if test[0] != "cmp" or len(test[4]) != 1:
                continue
            left, right = test[2], test[4][0]
            high = left if test[3][0] in ABOVE else right if test[3][0] in BELOW else None
            other = right if high is left else left
            if high is None or high[0] != "name" or (other[0] == "const" and other[2] in (0, 1)):
                continue
            if leaves(statement[3]) or high[2] in changed:
                found.add(high[2])
    return frozenset(found)


def bounded_parameter(project: Project, module: Module, parameter: Node) -> bool:
    """Tell whether a parameter's annotation or default says the most that it may be; it may have a name of its own."""
    _, annotation, default, _ = parameter
    named = project.expression(module, annotation) if annotation is not None else None
    for node in walk((annotation, default, named.expression if isinstance(named, Value) else None)):
        if node[0] == "call" and any(name in BOUNDS for name, _ in node[4]):
            return True
        if node[0] in ("name", "attr") and str(node[-1]).endswith(("Literal", "Enum")):
            return True
    return False
