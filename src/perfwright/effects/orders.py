"""Orders of queries: which columns rows are sorted by, in which direction, and where that is chosen or computed."""

from perfwright.effects.frame import Frame
from perfwright.effects.schema import Model
from perfwright.effects.values import Rows
from perfwright.effects.written import DEEPEST, Scope
from perfwright.index.lower import Node
from perfwright.index.tree import text

Order = tuple[Model | None, str, str]  # a model, its column, and how: one of the words below
ASC, DESC = "asc", "desc"
CHOICE = "choice"  # one of several that may come first
MADE = "made"  # no column but what is computed of some, as it is written
EITHER = "either"  # what is computed, as one of several that may come first
CHOSEN = (CHOICE, EITHER)
NAMED = ("collate", "label")  # what stands before them is sorted by, not what they are given
OPEN = (  # what cannot be read, or only says where NULL stands
    *("getattr", "text", "column", "literal_column", "is_", "is_not", "isnot", "lower", "Lower", "upper", "Upper"),
)
AROUND = ("desc", "asc", "nulls_last", "nulls_first", "nullslast", "nullsfirst", *NAMED)


def orders_of(rows: Rows, arguments: tuple[Node, ...], frame: Frame) -> tuple[Order, ...]:
    """Return what rows are ordered by, what may come first before what does."""
    scope = Scope(frame, frame.function, {}, 0)
    first: list[Order] = []
    found: list[Order] = []
    for argument in arguments:
        for order in read(rows, scope, argument, DESC if argument[0] == "un" else ASC):
            (first if order[2] in CHOSEN else found).append(order)
    return (*first, *found)


def read(rows: Rows, scope: Scope, node: Node, way: str) -> list[Order]:  # noqa: C901 - one line a shape
    tag = node[0]
    if not scope.spend():
        return []
    if tag == "star":
        return read(rows, scope, node[2], way)
    if tag == "coll":
        return [order for item in node[3] for order in read(rows, scope, item, way)]
    if tag == "const":
        return by_path(rows, node[2], way) if isinstance(node[2], str) else []
    if tag == "un":
        return read(rows, scope, node[3], DESC)
    if tag == "attr":
        column = scope.column(node)
        return [(*column, way)] if column else []
    if tag == "if":
        return chosen(read(rows, scope, node[3], way), read(rows, scope, node[4], way))
    if tag == "sub":
        return in_table(rows, scope, node[2], way)
    if tag == "name":
        return named(rows, scope, node, way)
    if tag == "call":
        name = node[2][-1]
        if name in AROUND:
            of = node[3][0] if node[3] and name not in NAMED else node[2][2] if node[2][0] == "attr" else None
            return read(rows, scope, of, DESC if name == "desc" else way) if of is not None else []
        if name == "F" and node[3]:
            return read(rows, scope, node[3][0], way)
        if name == "get" and node[2][0] == "attr":
            return in_table(rows, scope, node[2][2], way)
        if name in OPEN or scope.helper(node) is not None:
            return []
        return [(rows.model, text(node), MADE)]
    return []


def by_path(rows: Rows, path: str, way: str) -> list[Order]:
    """Return the column that a text names, as Django and SQLAlchemy let it: a relation is sorted as its model is."""
    if path == "?":
        return [(rows.model, "?", MADE)]
    target = relation_at(rows.model, path.lstrip("-"))
    for _ in range(DEEPEST):
        said = target.ordering if target is not None else None
        if target is None:
            break
        first = said[3][0] if said is not None and said[0] == "coll" and said[3] else None
        inner = str(first[2]) if first is not None and first[0] == "const" else "pk"
        path = f"{path}__{inner.lstrip('-')}"
        target = relation_at(rows.model, path.lstrip("-"))
    name = path.lstrip("-")
    way = DESC if path.startswith("-") else way
    column = at_path(rows.model, name)
    if column is not None:
        return [(*column, way)]
    return [(rows.model, name, MADE)] if name in rows.made else []


def named(rows: Rows, scope: Scope, node: Node, way: str) -> list[Order]:
    """Return what a name stands for; what only sometimes is in it may come first."""
    given = scope.given.get(node[2])
    if given is not None:
        return read(rows, given[0], given[1], way)
    found: list[Order] = []
    inside = scope.deeper()
    made = scope.made(node[2])
    for each, only in made:
        orders = read(rows, inside, each, way)
        found[:0] = chosen(orders) if only else []
        found.extend([] if only else orders)
    return found


def in_table(rows: Rows, scope: Scope, table: Node, way: str) -> list[Order]:
    """Return the columns of `SORTS[sort]`: each of them may come first."""
    if table[0] == "name":
        inside = scope.deeper()
        for each, _ in scope.made(table[2]):
            if each[0] == "dict":
                return chosen(*(read(rows, inside, value, way) for value in each[3]))
    elif table[0] == "dict":
        return chosen(*(read(rows, scope, value, way) for value in table[3]))
    return []


def chosen(*ways: list[Order]) -> list[Order]:
    """Return the first of each way, as a choice."""
    return [(of, name, EITHER if way in (MADE, EITHER) else CHOICE) for orders in ways for of, name, way in orders[:1]]


def relation_at(model: Model | None, path: str) -> Model | None:
    """Return the model that a path leads to, where it ends in a relation."""
    for part in path.split("__"):
        relation = model.relations.get(part) if model is not None else None
        if relation is None:
            return None
        model = relation.target
    return model


def at_path(model: Model | None, path: str) -> tuple[Model, str] | None:
    """Return the model and the column that Django's `customer__name__icontains` leads to."""
    for part in path.split("__"):
        if model is None:
            return None
        relation = model.relations.get(part)
        if relation is None:
            return (model, part) if part in model.columns else None
        model = relation.target
    return None


def in_order(rows: Rows) -> tuple[Order, ...]:
    """Return what rows are ordered by: what the query says, else Django's model."""
    if rows.orders or rows.model is None or rows.model.ordering is None or rows.model.ordering[0] != "coll":
        return tuple(rows.orders)
    paths = [each[2] for each in rows.model.ordering[3] if each[0] == "const" and isinstance(each[2], str)]
    return tuple([order for path in paths for order in by_path(rows, path, ASC)])
