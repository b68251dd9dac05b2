"""SQLAlchemy statements that hold the values of many rows: `insert(Order).values(rows)` is compiled anew each time."""

from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function, Project
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._frames import assigned_to, few
from perfwright.rules._outside import returned

LISTS = ("list", "List", "Sequence", "Iterable", "Collection", "tuple")
DEEPEST = 3  # functions that hand a statement on


def many_values(effects: Effects) -> Iterator[tuple[Node, Node]]:
    """Give the calls of `values` that put many rows into an INSERT, each with the rows."""
    function = effects.function
    if function.index < 0 or "values" not in function.called:
        return
    for call in walk(function.body):
        if call[0] != "call" or call[2][0] != "attr" or call[2][3] != "values" or len(call[3]) != 1 or call[4]:
            continue
        if is_insert(effects.project, function, call[2][2]) and is_many(effects, call[3][0]):
            yield call, call[3][0]


def is_insert(project: Project, function: Function, node: Node, depth: int = 0) -> bool:
    """Tell whether an expression is an INSERT of SQLAlchemy, also one that a function of the project gives."""
    if node[0] == "name":
        bound = assigned_to(function.body, node[2])
        return len(bound) == 1 and is_insert(project, function, bound[0], depth)
    while node[0] == "call" and node[2][0] == "attr" and node[2][2][0] == "call":
        node = node[2][2]  # `insert(Order).prefix_with("OR IGNORE")`
    if node[0] != "call" or node[2][0] not in ("name", "attr"):
        return False
    entity = project.expression(function.module, node[2])
    if isinstance(entity, Function):
        return depth < DEEPEST and any(is_insert(project, entity, value, depth + 1) for value in made(entity))
    name = str(entity or "")
    if name.startswith("sqlalchemy") and name.endswith("insert"):
        return True
    last = node[2][-1]
    if name or (last != "insert" and last not in inserts(function)):
        return False
    # What is imported inside of a function, and `{"sqlite": sqlite, "postgresql": postgresql}[name].insert(model)`.
    known = [str(project.lookup(function.module, each) or "") for each in names_in(node[2])]
    return node[2][0] == "name" or any(each.startswith("sqlalchemy") for each in known)


def made(function: Function) -> list[Node]:
    """Return the expressions that a function may return."""
    return [part for value in returned(function) for part in walk(value) if part[0] == "call"]


def inserts(function: Function) -> set[str]:
    """Return the names by which a function itself imports SQLAlchemy's `insert`."""
    return {
        name
        for node in walk(function.body)
        if node[0] == "import"
        for name, module, attribute, _ in node[2]
        if module.startswith("sqlalchemy") and attribute == "insert"
    }


def is_many(effects: Effects, rows: Node) -> bool:
    """Tell whether an expression is a list of rows, and not known to be a short one."""
    if rows[0] == "comp":
        return not few(effects, rows[4][0][1])
    if rows[0] == "call":
        return rows[2][:3:2] in (("name", "list"), ("name", "tuple")) and not few(effects, rows)
    if rows[0] != "name":
        return False
    for name, annotation, _, _ in effects.function.parameters:
        if name == rows[2]:
            return annotation is not None and annotation[0] == "sub" and text(annotation[2]).endswith(LISTS)
    bound = assigned_to(effects.function.body, rows[2])
    return bool(bound) and all(
        value[0] == "comp"
        or (value[0] == "coll" and value[2] == "list" and not value[3])
        or is_many_call(effects, value)
        for value in bound
    )


def is_many_call(effects: Effects, value: Node) -> bool:
    return value[0] == "call" and is_many(effects, value)
