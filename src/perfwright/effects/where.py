"""What the conditions of a query ask of which columns, also where AND, OR and helpers put them together."""

from typing import Any

from perfwright.effects.frame import Frame
from perfwright.effects.observations import Lookup
from perfwright.effects.schema import DJANGO, Model
from perfwright.effects.values import ClassValue
from perfwright.effects.written import DEEPEST, MOST, Scope, Step
from perfwright.index.lower import Node
from perfwright.index.tree import text, walk

Filter = tuple[Any, ...]  # (model, column, operator)

RANGE = ("gt", "gte", "lt", "lte", "range", "date", "year")
TEXT = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "regex", "iregex", "search")
NULL = ("isnull",)
MADE_BY = ("date", "lower", "upper", "trim", "substr", "date_trunc", "strftime", "to_char", "extract", "cast")
OF_TEXT = (
    *("CharField", "TextField", "EmailField", "URLField", "SlugField", "CITextField", "CICharField", "FileField"),
    *("String", "Text", "Unicode", "UnicodeText", "str", "VARCHAR", "TEXT", "AutoString", "CITEXT"),
)
OF_COLUMN = {
    "in_": "in",
    "is_": "flag",
    "isnot": "flag",
    "is_not": "flag",
    "between": "range",
    "not_in": "not",
    "notin_": "not",
    "desc": "order",
    "asc": "order",
}
BOTH, EITHER = ("and_", "&"), ("or_", "|")


class Asked:
    """What conditions ask: the `filters` that always hold, and the `groups` of them that hold only sometimes."""

    __slots__ = ("filters", "groups", "sometimes")

    def __init__(self) -> None:
        self.filters: list[Filter] = []
        self.groups: list[tuple[Filter, ...]] = []
        self.sometimes = False

    def add(self, filters: list[Filter]) -> None:
        if not filters:
            return
        if self.sometimes:
            self.groups.append(tuple(filters))
        else:
            self.filters.extend(filters)

    def only(self, scope: Scope, node: Node, model: Model | None) -> None:
        """Add what holds only sometimes."""
        inner = Asked()
        read(scope, node, model, inner)
        if inner.filters:
            self.groups.append(tuple(inner.filters))
        self.groups.extend(inner.groups[:MOST])


def other(model: Model | None) -> Filter:
    """Return what stands for a condition that cannot be read."""
    return (model, "", "other")


def read(scope: Scope, node: Node, model: Model | None, asked: Asked) -> None:  # noqa: C901 - one line a shape
    """Add what a condition asks; `model` is what Django's paths begin at."""
    tag = node[0]
    if not scope.spend():
        asked.add([other(model)])
    elif tag == "star":
        read(scope, node[2], model, asked)
    elif tag in ("coll", "bool"):
        for item in node[3]:
            read(scope, item, model, asked)
    elif tag == "dict":
        for key, value in zip(node[2], node[3], strict=True):
            if key is not None and key[0] == "const" and isinstance(key[2], str) and model is not None:
                asked.add(keyword(model, key[2], value))
            else:
                asked.add([other(model)])
    elif tag == "cmp":
        asked.add(compared(scope, node, model))
    elif tag == "bin" and node[2] in BOTH:
        read(scope, node[3], model, asked)
        read(scope, node[4], model, asked)
    elif tag == "bin" and node[2] in EITHER:
        asked.add(either(scope, sides(node), model))
    elif tag == "un":
        asked.add([(of, name, "flag" if kind == "flag" else "not") for of, name, kind in plain(scope, node[3], model)])
    elif tag == "call":
        called(scope, node, model, asked)
    elif tag == "comp":
        asked.only(scope, node[3], model)
    elif tag == "if":
        asked.only(scope, node[3], model)
        asked.only(scope, node[4], model)
    elif tag == "attr" and scope.column(node) is not None:
        asked.add([(*(scope.column(node) or ()), "flag")])
    elif tag == "name":
        named(scope, node, model, asked)
    elif tag != "const":
        asked.add([other(model)])


def plain(scope: Scope, node: Node, model: Model | None) -> list[Filter]:
    """Return what a condition always asks."""
    asked = Asked()
    read(scope, node, model, asked)
    return asked.filters


def sides(node: Node) -> list[Node]:
    """Return what stands between the `|` of a condition."""
    if node[0] == "bin" and node[2] in EITHER:
        return [*sides(node[3]), *sides(node[4])]
    return [node]


def named(scope: Scope, node: Node, model: Model | None, asked: Asked) -> None:
    """Add what a name stands for: a parameter's argument, or all that it is made from."""
    given = scope.given.get(node[2])
    if given is not None:
        read(given[0], given[1], model, asked)
        return
    steps(scope.deeper(), scope.made(node[2]), model, asked)


def steps(scope: Scope, made: list[Step], model: Model | None, asked: Asked) -> None:
    if not made or scope.level > DEEPEST:
        asked.add([other(model)])
    for node, only in made:
        if only:
            asked.only(scope, node, model)
        else:
            read(scope, node, model, asked)


def called(scope: Scope, node: Node, model: Model | None, asked: Asked) -> None:
    name = node[2][-1]
    if name in BOTH:
        for argument in node[3]:
            read(scope, argument, model, asked)
    elif name in EITHER and not any(argument[0] == "star" for argument in node[3]):
        asked.add(either(scope, list(node[3]), model))
    elif name == "Q":
        for argument in node[3]:
            read(scope, argument, model, asked)
        for key, value in node[4]:
            if key and model is not None:
                asked.add(keyword(model, key, value))
            elif not key:
                read(scope, value, model, asked)
    elif name in ("list", "tuple", "reduce") and node[3]:
        asked.add([other(model)])
    elif node[2][0] == "attr" and scope.column(node[2][2]) is not None:
        asked.add([(*(scope.column(node[2][2]) or ()), OF_COLUMN.get(node[2][3], "text"))])
    else:
        inside = scope.helper(node)
        if inside is not None:
            steps(inside, inside.returned(), model, asked)
        elif not any(scope.column(inner) for inner in walk(node) if inner[0] == "attr"):
            asked.add([other(model)])


def compared(scope: Scope, node: Node, model: Model | None) -> list[Filter]:
    """Return what a comparison asks."""
    found: list[Filter] = []
    known = False
    both = [column for side in (node[2], node[4][0]) if (column := scope.column(side)) is not None]
    if len(both) > 1:
        return [(*column, "join") for column in both]
    for side in (node[2], node[4][0]):
        column = scope.column(side)
        if column:
            found.append((*column, "eq" if node[3][0] == "==" else "not" if node[3][0] == "!=" else "range"))
        elif side[0] == "call" and side[3] and side[2][-1] in MADE_BY:
            of = scope.column(side[3][-1 if side[2][-1] == "extract" else 0])
            known = True
            if scope.is_own:
                note(scope.frame, of, "made", side[1], text(node))
        else:
            found.extend(inside_document(scope, side))
            known = known or any(scope.column(inner) for inner in walk(side) if inner[0] == "attr")
    return found if found or known else [other(model)]


def either(scope: Scope, branches: list[Node], model: Model | None) -> list[Filter]:
    """Return what one of several conditions must hold: an index helps only where each of them has one."""
    ways = [plain(scope, branch, model) for branch in branches]
    if not all(ways) or any(kind == "other" for way in ways for _, _, kind in way):
        return [other(model)]
    after = cursor(ways)
    if after is not None:
        return [after]
    columns = {(of, name) for way in ways for of, name, _ in way}
    if len(columns) == 1 and all(len(way) == 1 for way in ways):
        ((of, name),) = columns
        kinds = [way[0][2] for way in ways]
        return [(of, name, next((kind for kind in ("range", "in", "eq") if kind in kinds), kinds[0]))]
    slow = [way for way in ways if not any(is_served(*part) for part in way)]
    if not slow:
        return [next(part for part in ways[0] if is_served(*part))]
    for of, name, kind in slow[0]:
        if kind in ("eq", "in"):
            return [(of, name, "or")]
    return [(model, "", "any")]  # it can be read, and finds not few


def cursor(ways: list[list[Filter]]) -> Filter | None:
    """Return the first column of a page's key, where what comes after it is asked as `a < x OR (a = x AND b < y)`."""
    for first, second in ((ways[0], ways[-1]), (ways[-1], ways[0])) if len(ways) == 2 else ():
        if len(first) != 1 or len(second) != 2 or not first[0][2] == second[1][2] == "range":
            continue
        if second[0] == (first[0][0], first[0][1], "eq") and second[1][1] != first[0][1]:
            return (first[0][0], first[0][1], "cursor")
    return None


def keyword(model: Model, path: str, value: Node) -> list[Filter]:
    """Return what a keyword of a filter asks, by the framework's own names."""
    if model.framework == DJANGO:
        return django(model, path, value)
    return [(model, path, "flag" if value[0] == "const" and isinstance(value[2], bool) else "eq")]


def django(model: Model, path: str, value: Node) -> list[Filter]:
    parts = path.split("__")
    current: Model | None = model
    for index, part in enumerate(parts):
        if current is None:
            break
        relation = current.relations.get(part)
        rest = parts[index + 1 :]
        if relation is not None and rest and not is_operator(rest[0]):
            current = relation.target
            continue
        operator = "eq"
        if rest:
            operator = "range" if rest[0] in RANGE else "text" if rest[0] in TEXT else rest[0]
        if value[0] == "const" and isinstance(value[2], bool) and operator == "eq":
            operator = "flag"
        if relation is not None and relation.many:
            return [(current, part, "relation")]
        return [(current, part, operator)]
    return [(current, "", "other")]


def is_operator(part: str) -> bool:
    return part in RANGE or part in TEXT or part in NULL or part in ("in", "exact", "iexact", "pk", "id")


def finds_few(model: Model | None, name: str, operator: str) -> bool:
    """Tell whether a condition alone finds few rows: by a key, an index, or along a relation."""
    if operator not in ("eq", "in", "exact", "relation", "pk"):
        return False
    column = model.column(name) if model is not None and name else None
    if column is not None:
        return bool(column.indexed)
    return name in ("pk", "id") or (model is not None and name in model.relations)


def is_served(model: Model | None, name: str, operator: str) -> bool:
    """Tell whether an index may serve a condition, be it a range or what is inside."""
    column = model.column(name) if model is not None and name else None
    return finds_few(model, name, operator) or (
        column is not None and column.indexed and operator not in ("not", "flag")
    )


def inside_document(scope: Scope, node: Node) -> list[Filter]:
    """Return the column and, after `->`, the key that `Event.data["kind"].astext` looks at in a JSON column."""
    for inner in walk(node):
        if inner[0] == "sub" and inner[3][0] == "const":
            column = scope.column(inner[2])
            if column:
                return [(*column, f"->{inner[3][2]}")]
    return []


def column_of(frame: Frame, node: Node) -> tuple[Model, str] | None:
    """Return the model and the column that `User.name` names, None where it names none."""
    if node[0] != "attr" or node[2][0] not in ("name", "attr"):
        return None
    base = frame.interp.peek(frame, node[2])
    if isinstance(base, ClassValue):
        model = frame.interp.schema.of(base.cls)
        if model is not None and node[3] in model.columns:
            return model, node[3]
    return None


def note(frame: Frame, found: tuple[Model, str] | None, kind: str, position: int, shown: str) -> None:
    """Note a condition that no ordered index serves: `text` inside of text, what is `made` or `cut` of a column."""
    if found is None:
        return
    model, name = found
    column = model.column(name)
    if column is None or (kind == "text" and column.type not in OF_TEXT):
        return
    lookup = Lookup(frame.function, position, model, ((model, name, kind),), ())
    lookup.condition, lookup.what = kind, shown
    frame.lookups.append(lookup)
