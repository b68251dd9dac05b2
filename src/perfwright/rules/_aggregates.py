"""Queries that group a whole table and count or add up each group: which there are in a function, and over what."""

from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Class, External, Function
from perfwright.index.tree import text, walk

FUNCTIONS = ("count", "avg", "sum", "min", "max", "total", "array_agg", "string_agg", "group_concat")
CLASSES = ("Count", "Avg", "Sum", "Min", "Max")
NARROWS = (  # methods that leave a part of the table, or tie the query to a row of another
    *("where", "filter", "filter_by", "exclude", "get", "correlate", "lateral", "join_from", "with_parent", "in_bulk"),
    *("limit_by", "all_for", "for_user", "visible", "active"),
)
ANSWERS = ("limit", "first", "all", "one", "scalar", "scalars", "execute", "get")  # a query that is cut, or was run
SELECTS, VALUES = ("select", "query"), ("values", "values_list")


class Grouped:
    """A query that groups all rows of a table: the call, and the table, by its model's name or as it is written."""

    __slots__ = ("call", "table")

    def __init__(self, call: Node, table: str) -> None:
        self.call, self.table = call, table


def grouped(effects: Effects) -> Iterator[Grouped]:
    """Give the queries that a function builds over whole tables, group by group."""
    body, called = effects.function.body, effects.function.called
    if "group_by" not in called and ("annotate" not in called or called.isdisjoint(VALUES)):
        return
    inner: set[int] = set()
    for node in walk(body):
        if node[0] != "call" or id(node) in inner:
            continue
        calls = chain(node)
        inner.update(id(each) for each in calls)
        names = [str(each[2][-1]) for each in calls if each[2][0] in ("name", "attr")]
        if any(narrows(each) for each in calls):
            continue
        table = of_sqlalchemy(effects, calls) if "group_by" in names else of_django(effects, calls, names)
        if table and not later_narrowed(body, node):
            yield Grouped(node, table)


def chain(node: Node) -> list[Node]:
    """Return the calls of a chain of methods, the last first: `a(x).b(y).c()` gives c, b, a."""
    calls = []
    while True:
        if node[0] == "call":
            calls.append(node)
            node = node[2]
        elif node[0] in ("attr", "sub"):
            node = node[2]
        else:
            return calls


def narrows(call: Node) -> bool:
    """Tell whether a method leaves another part of the table for each who asks: not one by a number or a yes or no."""
    if call[2][0] not in ("name", "attr") or call[2][-1] not in NARROWS:
        return False
    if call[2][-1] not in ("filter", "exclude", "where") or not (call[3] or call[4]):
        return True
    return not (
        all(is_fixed(part) for part in call[3])
        and all(name is not None and is_constant(value) for name, value in call[4])
    )


def is_fixed(part: Node) -> bool:
    """Tell whether a condition holds a column against a constant: `Stock.quantity > 0`."""
    return bool(part[0] == "cmp" and len(part[4]) == 1 and part[2][0] == "attr" and is_constant(part[4][0]))


def is_constant(value: Node) -> bool:
    """Tell whether a value is a number, a yes or no, or None: a state in words may be that of few rows."""
    return bool(value[0] == "const" and not isinstance(value[2], str | bytes))


def later_narrowed(body: tuple[Node, ...], call: Node) -> bool:
    """Tell whether the function narrows a query once it has a name: `rows = rows.where(...)`."""
    names: set[str] = set()
    for statement in walk(body):
        if statement[0] == "assign" and statement[3] is call:
            names |= {text(target, 100) for target in statement[2]}
    if not names:
        return False
    for node in walk(body):
        if node[0] == "call" and node[2][0] == "attr" and node[2][3] in NARROWS and text(node[2][2], 100) in names:
            return True
    return False


def of_sqlalchemy(effects: Effects, calls: list[Node]) -> str:
    """Return the table whose rows `select(x, func.count()).group_by(x)` goes through, all of them; else nothing."""
    first = next((each for each in reversed(calls) if str(each[2][-1]) in SELECTS), None)
    if first is None or not any(aggregates(part) for part in first[3]):
        return ""
    if first[2][0] == "name":
        known = effects.project.lookup(effects.function.module, first[2][2])
        if not isinstance(known, External) or not known.startswith(("sqlalchemy", "sqlmodel")):
            return ""
    joined = [each for each in calls if each[2][0] == "attr" and each[2][3] in ("join", "outerjoin", "select_from")]
    for call in (*joined, first):
        for node in walk(call[3]):
            entity = effects.project.lookup(effects.function.module, node[2]) if node[0] == "name" else None
            if isinstance(entity, Class):
                name: str = entity.name
                return name
    return of_made(effects, first)


def of_made(effects: Effects, first: Node) -> str:
    """Return the table of a query that a function made before which takes nothing: it is the same for all who ask."""
    names = {base_of(node) for node in walk(first[3]) if node[0] == "attr"}
    for statement in walk(effects.function.body):
        if statement[0] != "assign" or statement[3][0] != "call" or statement[3][3] or statement[3][4]:
            continue
        if not any(target[0] == "name" and target[2] in names for target in statement[2]):
            continue
        made = effects.project.expression(effects.function.module, statement[3][2])
        if not isinstance(made, Function) or made.parameters or made.body[-1][0] != "return":
            continue
        effects.program.interpreter.consulted.add(made)
        if made.called.isdisjoint(ANSWERS):
            return table_in(effects, made)
    return ""


def base_of(node: Node) -> str:
    """Return the name that a dotted one begins with."""
    while node[0] in ("attr", "sub", "call"):
        node = node[2]
    return str(node[2]) if node[0] == "name" else ""


def table_in(effects: Effects, function: Function) -> str:
    """Return the model that a function selects from first."""
    for node in walk(function.body):
        if node[0] == "call" and node[2][0] in ("name", "attr") and node[2][-1] in SELECTS:
            for inner in walk(node[3]):
                entity = effects.project.lookup(function.module, inner[2]) if inner[0] == "name" else None
                model = effects.schema.of(entity) if isinstance(entity, Class) else None
                if model is not None:
                    return str(model.name)
    return ""


def aggregates(part: Node) -> bool:
    """Tell whether a selected column counts or adds up: `func.count()`."""
    return any(
        node[0] == "call" and node[2][0] == "attr" and node[2][3] in FUNCTIONS and text(node[2][2]).endswith("func")
        for node in walk(part)
    )


def of_django(effects: Effects, calls: list[Node], names: list[str]) -> str:
    """Return the model whose rows `Model.objects.values(x).annotate(Count(y))` goes through, all of them."""
    if "annotate" not in names or not {"values", "values_list"} & set(names[names.index("annotate") :]):
        return ""
    counted = [each for each in calls if each[2][0] == "attr" and each[2][3] == "annotate"]
    if not any(
        node[0] == "call" and node[2][0] in ("name", "attr") and node[2][-1] in CLASSES and not node[4]
        for each in counted
        for node in walk((each[3], each[4]))
    ):
        return ""
    base = calls[-1][2]
    while base[0] == "attr" and base[2][0] == "attr":
        base = base[2]
    if base[0] != "attr" or base[3] != "objects" or base[2][0] != "name":
        return ""
    entity = effects.project.lookup(effects.function.module, base[2][2])
    model = effects.schema.of(entity) if isinstance(entity, Class) else None
    return str(model.name) if model is not None else ""
