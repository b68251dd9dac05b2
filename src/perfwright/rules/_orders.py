"""What is wrong with the order that a query asks for, where no index of one column would mend it."""

from collections.abc import Iterator

from perfwright.effects.observations import Lookup
from perfwright.effects.orders import CHOICE, CHOSEN, EITHER, MADE
from perfwright.effects.schema import Column, Model
from perfwright.rules._indexes import LOGS, SOURCE, TENANT

Filter = tuple[Model | None, str, str]
Wrong = tuple[str, str, str]  # what the rows are sorted by, what is wrong with it, and the cure
SELECTIVE = ("eq", "exact", "iexact", "in", "relation", "pk", "or", "child")
KEYS = ("id", "pk")


def has_many(model: Model, column: Column) -> bool:
    """Tell whether very many rows have the same in a key: an organisation's, or events of whoever makes many."""
    points = bool(column.target) or column.name in model.relations
    return points and bool(TENANT.search(column.name) or (LOGS.search(model.name) and SOURCE.search(column.name)))


def firsts(lookup: Lookup) -> Iterator[tuple[str, ...]]:
    """Give the columns of a query's own table that it sorts by, for each of those that may come first."""
    rest = tuple([name for model, name, way in lookup.orders if model is lookup.model and way not in CHOSEN])
    for model, name, way in lookup.orders:
        if model is lookup.model and way not in (MADE, EITHER):
            yield (name, *rest) if way == CHOICE else rest
        if way not in CHOSEN:
            return


def backwards(lookup: Lookup) -> Iterator[Wrong]:
    """Give the order of a query that an index has in its turn, but not in its directions."""
    orders = [order for order in lookup.orders if order[0] is lookup.model and order[2] in ("asc", "desc")]
    if len(orders) < 2 or len(orders) < len(lookup.orders):
        return
    equal = frozenset(name for model, name, operator in lookup.filters if model is lookup.model and operator == "eq")
    if lookup.model.turns(equal, tuple([(name, way == "desc") for _, name, way in orders])):
        index = ", ".join(f"{name} {way}".upper() if way == "desc" else name for _, name, way in orders[:2])
        yield (
            index,
            f"an index of `{lookup.model.name}` has the columns of this order, but not its directions ({index}): "
            "the rows are sorted each time",
            f"Declare the index as the order goes: ({index}).",
        )


def turned(lookup: Lookup) -> Iterator[Wrong]:
    """Give what pages that a caller turns are sorted by and no index of the table can have."""
    if not (lookup.page and lookup.turned) or any(few(lookup.model, part) for part in lookup.filters):
        return
    for model, name, way in lookup.orders:
        if way in (MADE, EITHER):
            yield (
                name,
                f"pages of `{lookup.model.name}` are sorted by `{name}`, which is computed for every row first",
                f"Keep it in a column of {lookup.model.name} with an index, updated where it changes.",
            )
            return
        if model is not None and model is not lookup.model:
            yield (
                f"{model.name}.{name}",
                f"pages of `{lookup.model.name}` are sorted by `{model.name}.{name}`, a column of another table: "
                "all rows are joined and sorted for one page",
                f"Sort by an indexed column of {lookup.model.name}, or keep a copy of the column in it.",
            )
            return
        if way not in CHOSEN:
            return


def by_default(lookup: Lookup) -> Iterator[Wrong]:
    """Give the order of several columns that a model says for all its queries, where no index begins with them."""
    model = lookup.model
    names = [name for of, name, way in lookup.orders if of is model and way in ("asc", "desc") and name not in KEYS]
    if not lookup.default or not lookup.page or lookup.filters or len(names) < 2:
        return
    if len(names) + sum(name in KEYS for _, name, _ in lookup.orders) < len(lookup.orders):
        return
    if not model.serves(frozenset(), tuple(names)):
        shown = ", ".join(names)
        yield (
            shown,
            f"pages of `{model.name}` have its default order ({shown}), which no index has: all rows are sorted",
            f"Give {model.name} an index of ({shown}), or order its pages by a column that has one.",
        )


def few(model: Model, part: Filter) -> bool:
    """Tell whether a condition leaves few rows to sort."""
    of, name, operator = part
    column = of.column(name) if of is not None and name else None
    if of is None or column is None:
        return operator != "any"
    return operator in SELECTIVE and column.indexed and not (of is model and has_many(model, column))


class Asked:
    """What a page that is sorted by its own key is asked by, where that is not few rows."""

    __slots__ = ("after", "equal", "parent", "ranges", "several")

    def __init__(self) -> None:
        self.ranges: list[Column] = []
        self.several = self.parent = ""  # the key that all rows have one of several values in, or one
        self.equal: set[str] = set()
        self.after = False  # it begins after a key


def by_key(lookup: Lookup) -> Asked | None:
    """Return what a page is asked by that is sorted by its own key; None where that is few, or cannot be told."""
    order = next(firsts(lookup), ())
    if not lookup.page or not order or order[0] not in KEYS:
        return None
    model, asked = lookup.model, Asked()
    for of, name, operator in lookup.filters:
        if of is model and name in KEYS and operator in ("range", "not"):
            asked.after = asked.after or operator == "range"
            continue
        column = of.column(name) if of is model and of is not None and name else None
        if column is None:
            if operator != "any":
                return None
        elif operator == "range":
            asked.ranges.append(column)
        elif operator == "in" and has_many(model, column):
            asked.several = column.name
        elif operator == "eq" and column.indexed and has_many(model, column):
            asked.parent = column.name
            asked.equal.add(column.name)
        elif operator in SELECTIVE and (column.unique or column.target or column.name in model.relations):
            return None
        elif operator == "eq":
            asked.equal.add(column.name)
    return asked


def found_by_another(lookup: Lookup) -> Iterator[Wrong]:
    """Give the indexed column that a page is found by a range of, while it is sorted by its key."""
    asked = by_key(lookup)
    for column in asked.ranges if asked is not None else ():
        if asked is not None and (column.indexed or follows(lookup.model, asked.equal, column.name)):
            yield (
                f"{column.name}, by key",
                f"a page of `{lookup.model.name}` is found by a range of `{column.name}` and sorted by its key: all "
                "that fits is read and sorted for one page, or the key is walked past all that does not fit",
                f"Sort by {column.name}, with the key after it: its index gives the first of them at once.",
            )
            return


def of_several(lookup: Lookup) -> Iterator[Wrong]:
    """Give the parents that have very many rows each, of which a page sorted by key is taken."""
    asked = by_key(lookup)
    if asked is None or next(found_by_another(lookup), None) is not None:
        return
    if asked.several:
        yield (
            f"{asked.several}, by key",
            f"a page of the `{lookup.model.name}` rows of several `{asked.several}` is sorted by their key: all that "
            "they ever had is read and sorted for it",
            f"Take the newest of each {asked.several} (a lateral join, or a UNION of limited queries), or keep a list.",
        )
    elif asked.parent and asked.after and not follows(lookup.model, asked.equal, "id"):
        yield (
            f"{asked.parent}, by key",
            f"pages of `{lookup.model.name}` begin after a key among the rows with one `{asked.parent}`, and no index "
            "has both: each page reads the rows before it again, or those of all others",
            f"Give {lookup.model.name} an index of ({asked.parent}, id).",
        )


def follows(model: Model, equal: set[str], name: str) -> bool:
    """Tell whether a column stands in an index right behind columns of which a query asks one value."""
    for columns in model.indexes:
        if name in columns and columns.index(name) and equal.issuperset(columns[: columns.index(name)]):
            return True
    return False


def of_parents(lookup: Lookup) -> Iterator[Wrong]:
    """Give the column of another table that a page of what happened is found by, all of it read to be sorted."""
    own = next(firsts(lookup), ())
    if not lookup.page or not own or not LOGS.search(lookup.model.name):
        return
    found = [(of, of.column(name), operator) for of, name, operator in lookup.filters if of is not None and name]
    if len(found) != len(lookup.filters) or not found or (lookup.sometimes and len(lookup.sometimes) > 1):
        return
    for of, column, operator in found:
        if of is lookup.model or column is None or operator != "eq" or not has_many(of, column):
            return
    parent, through = found[0][1], found[0][0]
    if parent is not None:
        yield (
            f"{through.name}.{parent.name}",
            f"a page of `{lookup.model.name}` is found by `{through.name}.{parent.name}`, a column of another table: "
            "all that belongs to it is joined and sorted for one page",
            f"Keep {parent.name} in {lookup.model.name} too, with an index of ({parent.name}, {own[0]}).",
        )
