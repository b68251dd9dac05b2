"""What the interpreter knows of a value: its kind, where it came from, how much of it there is.

A value knows its `depth`: the number of loops (of the function being interpreted) in which it is made
anew. A list made before a loop has depth 0 and *outlives* the loop; the loop's variable has depth 1. What
is remembered on an object (a relation loaded once) costs once per object, so it multiplies by the
loops up to the object's depth, not by those the access stands in. `root` is the position of the parameter
that a value hangs on, or None: the caller knows that object's depth better.
"""

from typing import Any, Final

from perfwright.effects.schema import Model
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module

EVERY_LEVEL: Final = "~"  # after a relation to the own table: its rows have it too, and theirs
FILLED: Final = "collections.defaultdict"
MOST_FIELDS = 64  # constant keys of a dict that are remembered
NESTED: Final = 3  # collections inside each other whose items are told apart
DEEPEST: Final = 12  # collections inside each other that are known at all
EITHER_WAY = (None, "", "either")  # stands for conditions of which one or the other holds
OPTIONS = 24  # groups of conditions of one query that hold only sometimes
LITTLE = 20  # a constant number of items up to this is not worth a finding


class Size:
    """How many: a constant, or a symbol that the settings give a number for."""

    __slots__ = ("constant", "symbol")

    def __init__(self, symbol: str = "items", constant: int | None = None) -> None:
        self.symbol, self.constant = symbol, constant

    @property
    def is_little(self) -> bool:
        """Tell whether the number is constant and small."""
        return self.constant is not None and self.constant <= LITTLE

    def __str__(self) -> str:
        return self.symbol if self.constant is None else str(self.constant)


ITEMS: Final = Size("items")
ROWS: Final = Size("rows")
PAGE: Final = Size("page")


def constant(number: int) -> Size:
    """Return the size of a known number of items."""
    return Size(constant=number)


class Load:
    """Rows brought into memory by one query, and what is then done with them in one function.

    `whole` is set when the rows are used as they are; `reduced` lists uses that a query could have
    done: `(kind, position, text)` with kind filter, count, sum, max, sort, test, contains, slice.
    """

    __slots__ = (
        "by",
        "chain",
        "chosen",
        "columns",
        "few",
        "filtered",
        "follows",
        "grouped",
        "limited",
        "model",
        "owned",
        "position",
        "reduced",
        "relation",
        "symbol",
        "values",
        "whole",
    )

    def __init__(self, model: Model | None, position: int, symbol: str) -> None:
        self.model, self.position, self.symbol = model, position, symbol
        self.relation: str | None = None
        self.filtered = self.limited = self.whole = False
        self.values = False  # some columns of each row as a tuple or a dict, no objects
        self.follows = False  # they were looked up by the keys of other rows that were loaded
        self.grouped = False  # the database has put the rows together: one for each group, or each different value
        self.chosen = False  # the query says which columns it wants
        self.few = False  # one row, or a small constant number of them
        self.owned = False  # the parts of one row, or what is linked to it: few by nature
        self.reduced: list[tuple[str, int, str]] = []
        self.columns: set[str] = set()  # the columns that are used
        self.by: Any = None  # the library's call that loads it, where it is no query
        self.chain: tuple[Any, ...] = ()

    def above(self, link: Any) -> "Load":
        """Return what was loaded as the caller sees it that is given it: nothing has become of it there yet."""
        copy = Load(self.model, self.position, self.symbol)
        copy.limited, copy.by, copy.chain = self.limited, self.by, (link, *self.chain)
        copy.chosen, copy.few = self.chosen, self.few
        return copy

    def returned(self, link: Any, *, kept: bool) -> "Load":
        """Return what was loaded as the caller sees it that is given the rows, or what was made of them."""
        copy = Load(self.model, self.position, self.symbol)
        copy.relation, copy.filtered, copy.limited = self.relation, self.filtered, self.limited
        copy.owned, copy.values, copy.grouped, copy.follows = self.owned, self.values, self.grouped, self.follows
        copy.chosen, copy.few = self.chosen, self.few
        copy.whole = kept  # kept, it is there for others too
        copy.chain = (link, *self.chain)
        return copy


class Value:
    """The least that is known: nothing but where it came from."""

    __slots__ = ("depth", "root")
    kind = "unknown"

    def __init__(self, depth: int = 0, root: int | None = None) -> None:
        self.depth, self.root = depth, root

    def shape(self) -> Any:
        """Return what distinguishes this value for the functions it is passed to; None for nothing."""
        return None


UNKNOWN: Final = Value()


class Few(Value):
    """Something of which nothing is known but that it holds few: what one form was sent, a JSON field of one row.

    `inner` says that each thing in it holds few, too; else they may be long, as the lists in a request body.
    """

    __slots__ = ("inner",)

    def __init__(self, depth: int = 0, root: int | None = None, *, inner: bool = True) -> None:
        super().__init__(depth, root)
        self.inner = inner

    def shape(self) -> Any:
        return ("few", self.inner)


class Constant(Value):
    """A literal: number, string, None, True or False."""

    __slots__ = ("value",)
    kind = "constant"

    def __init__(self, value: Any, depth: int = 0) -> None:
        super().__init__(depth)
        self.value = value

    def shape(self) -> Any:
        return ("k", self.value) if self.value is None or isinstance(self.value, bool) else None


class Scalar(Value):
    """One plain value: a number, text, a date; `type` is `str`, `int` ... where known."""

    __slots__ = ("type",)
    kind = "scalar"

    def __init__(self, of: str = "", depth: int = 0, root: int | None = None) -> None:
        super().__init__(depth, root)
        self.type = of


class ModuleValue(Value):
    __slots__ = ("module",)
    kind = "module"

    def __init__(self, module: Module) -> None:
        super().__init__()
        self.module = module


class ClassValue(Value):
    """A class of the project itself (not an instance)."""

    __slots__ = ("cls", "model")
    kind = "class"

    def __init__(self, cls: Class, model: Model | None = None) -> None:
        super().__init__()
        self.cls = cls
        self.model = model  # the model that it is, where that is not the live one

    def shape(self) -> Any:
        return ("c", id(self.cls), id(self.model) if self.model is not None else 0)


class FunctionValue(Value):
    """A function of the project, bound to an object or not; `closure` is the frame it was made in."""

    __slots__ = ("arguments", "bound", "closure", "function", "keywords")
    kind = "function"

    def __init__(self, function: Function, bound: Value | None = None, closure: Any = None) -> None:
        super().__init__()
        self.function, self.bound, self.closure = function, bound, closure
        self.arguments: tuple[Value, ...] = ()
        self.keywords: dict[str, Value] = {}

    def shape(self) -> Any:
        bound = self.bound.shape() if self.bound is not None else None
        return ("f", id(self.function), bound, self.closure.serial if self.closure is not None else 0)


class LambdaValue(Value):
    __slots__ = ("closure", "node")
    kind = "lambda"

    def __init__(self, node: Node, closure: Any) -> None:
        super().__init__()
        self.node, self.closure = node, closure

    def shape(self) -> Any:
        return ("l", id(self.node), self.closure.serial if self.closure is not None else 0)


class External(Value):
    """Something of a library by its dotted name: a module, a function, a class; `bound` its receiver."""

    __slots__ = ("bound", "name", "receiver")
    kind = "external"

    def __init__(self, name: str, bound: Value | None = None, receiver: Node | None = None) -> None:
        super().__init__()
        self.name, self.bound, self.receiver = name, bound, receiver

    def shape(self) -> Any:
        return ("e", self.name)


class Instance(Value):
    """An object of a class of the project.

    `action` is what a viewset is asked for, or which fields a schema shows, where that is known.
    """

    __slots__ = ("action", "cls")
    kind = "instance"

    def __init__(self, cls: Class, depth: int = 0, root: int | None = None, action: str = "") -> None:
        super().__init__(depth, root)
        self.cls, self.action = cls, action

    def shape(self) -> Any:
        return ("i", id(self.cls), self.action)


class Foreign(Value):
    """An object of a library class: `pathlib.Path`, `sqlalchemy.orm.Session`."""

    __slots__ = ("asked", "element", "load", "name", "size", "timed")
    kind = "foreign"

    def __init__(self, name: str, depth: int = 0, root: int | None = None, element: Value | None = None) -> None:
        super().__init__(depth, root)
        self.name, self.element = name, element
        self.size: Size | None = None
        self.load: Load | None = None  # the file or the table that it holds
        self.asked: Rows | None = None  # a cursor's: the rows of the query that it ran last
        self.timed = False  # it was made with a timeout, which its calls have then

    def shape(self) -> Any:
        return ("o", self.name, self.element.shape() if self.element is not None else None, self.timed)


class Row(Value):
    """One object of a model, with the relations that came with it (`items__product`)."""

    __slots__ = ("assumed", "fetched", "locked", "model", "seen")
    kind = "row"

    def __init__(
        self, model: Model, fetched: frozenset[str] = frozenset(), depth: int = 0, root: int | None = None
    ) -> None:
        super().__init__(depth, root)
        self.model, self.fetched = model, fetched
        self.seen: dict[str, Value] = {}
        self.assumed = False  # only an annotation says so: what was fetched along is not known
        self.locked = False  # read FOR UPDATE: nobody else changes it meanwhile

    def shape(self) -> Any:
        return ("r", id(self.model), self.fetched, self.assumed, self.locked)


class Rows(Value):
    """A query, not run yet or run: of which model, fetched with what, filtered and limited by what.

    `api` is the library class whose methods it has. `relation` is set when it is what a row relates
    to; `manager` before `.all()`, while it only stands for the table.
    """

    __slots__ = (
        "api", "assumed", "columns", "custom", "escaped", "fetched", "filters", "grouped", "joined", "joins", "kept",
        "limited", "load", "locked", "made", "manager", "model", "open", "orders", "owner", "position", "relation",
        "size", "skips", "sometimes", "sorted", "stored", "takes", "values",
    )  # fmt: skip
    kind = "rows"

    def __init__(self, model: Model | None, api: str, position: int, depth: int = 0, root: int | None = None) -> None:
        super().__init__(depth, root)
        self.model, self.api, self.position = model, api, position
        self.fetched: frozenset[str] = frozenset()
        self.filters: tuple[Any, ...] = ()  # (model, column, operator)
        self.sometimes: tuple[tuple[Any, ...], ...] = ()  # filters that hold only where somebody asks for them
        self.orders: tuple[Any, ...] = ()  # (model, column, which way)
        self.joins: tuple[tuple[Any, ...], ...] = ()  # pairs of (model, column) that a join puts together
        self.sorted: tuple[Function, int] | None = None  # where that is said
        self.made: frozenset[str] = frozenset()  # names that are computed for each row
        self.limited: Size | None = None
        self.load: Load | None = None
        self.manager = False
        self.relation: str | None = None
        self.owner: Row | None = None
        self.values = False  # values(), values_list(): rows are tuples or dicts, not objects
        self.columns: tuple[str, ...] = ()
        self.grouped = False  # GROUP BY, DISTINCT: one row for each group
        self.joined = False  # with another table, which may leave some rows out
        self.open = False  # it is given keys to look up that were themselves read from all of a table
        self.stored = False  # already in memory: prefetched, or run before
        self.assumed = False
        self.locked = False  # FOR UPDATE
        self.escaped = False  # something else has them too: their rows may all be used there
        self.kept = False  # what returns them has put them on an object, for others to use
        self.size: Size | None = None
        self.custom: Class | None = None  # the project's own manager or queryset class
        self.skips: tuple[Function, Node] | None = None  # how many rows it passes over, where that is no constant
        self.takes: tuple[Function, Node] | None = None  # how many it gives at most, where that is no constant

    def copy(self, depth: int) -> "Rows":
        """Return the same query as a new object made at `depth`."""
        new = Rows(self.model, self.api, self.position, depth, self.root)
        new.fetched, new.filters, new.orders, new.limited = self.fetched, self.filters, self.orders, self.limited
        new.relation, new.owner, new.values, new.columns = self.relation, self.owner, self.values, self.columns
        new.assumed, new.size, new.custom = self.assumed, self.size, self.custom
        new.locked, new.skips, new.takes = self.locked, self.skips, self.takes
        new.sometimes, new.made, new.sorted = self.sometimes, self.made, self.sorted
        new.joins = self.joins
        new.grouped, new.joined, new.open = self.grouped, self.joined, self.open
        return new

    def shape(self) -> Any:
        limit = str(self.limited) if self.limited else None
        return (
            "q",
            id(self.model),
            self.api,
            self.fetched,
            limit,
            self.relation,
            self.manager,
            self.stored,
            self.locked,
            id(self.custom),
        )

    @property
    def how_many(self) -> Size:
        """Return the number of rows that the query gives."""
        if self.limited is not None:
            return self.limited
        if self.size is not None:
            return self.size
        return Size(self.model.name) if self.model is not None else ROWS

    def element(self, depth: int) -> Value:
        """Return one of the rows, met in a loop at `depth`."""
        if self.values or self.model is None:
            return Scalar(depth=depth) if self.values else Value(depth)
        fetched = self.fetched | self.model.always
        if self.relation and self.owner is not None:
            inverse = self.owner.model.relations[self.relation].inverse
            if inverse:
                fetched = fetched | {inverse}
        if not self.filters and self.limited is None and self.model.framework == "sqlalchemy":
            # The whole table is in the session: a parent of the same table is found there, not asked for.
            for name, relation in self.model.relations.items():
                if relation.target is self.model and not relation.many:
                    fetched = fetched | {name, f"{name}{EVERY_LEVEL}"}
        row = Row(self.model, fetched, depth)
        row.assumed, row.locked = self.assumed, self.locked
        return row


class Sequence(Value):
    """A collection in memory: `kind` list, tuple, set, dict, iter; `element` is one of its items."""

    __slots__ = (
        "element", "fields", "fills", "holding", "items", "key", "known", "levels", "load", "of", "size", "source"
    )  # fmt: skip
    kind = "sequence"

    def __init__(
        self,
        of: str,
        element: Value = UNKNOWN,
        size: Size = ITEMS,
        depth: int = 0,
        root: int | None = None,
        *,
        known: bool = True,
    ) -> None:
        super().__init__(depth, root)
        self.levels = 1
        if isinstance(element, Sequence):
            self.levels += element.levels
            if self.levels > DEEPEST:
                element, self.levels = Value(element.depth, element.root), 1
        self.of, self.element, self.size, self.known = of, element, size, known
        self.load: Load | None = None
        self.key: Value | None = None
        self.source: Load | None = None  # the rows that these items were made from
        self.items: tuple[Value, ...] | None = None  # a literal's items, one by one
        self.fields: dict[str, Value] | None = None  # a dict's values whose keys are constants, by key
        self.fills = False  # what is looked up in it and is not there, is put there: `defaultdict`
        self.holding: tuple[Any, ...] = ()  # a generator's: what it holds where it yields

    def shape(self) -> Any:
        little = self.size.constant if self.size.is_little else self.size.symbol
        if self.of == "tuple" and self.items and any(holds_rows(item) for item in self.items):
            return ("t", "tuple", tuple([item.shape() if holds_rows(item) else None for item in self.items]))
        if self.fields is None:
            return ("t", self.of, self.element.shape(), little)
        rows = tuple([(name, value.shape()) for name, value in self.fields.items() if holds_rows(value)])
        return ("t", self.of, self.element.shape(), little, rows)

    def put(self, name: str, value: Value) -> None:
        """Note the value that a dict holds under a constant key."""
        if self.fields is None:
            self.fields = {}
        elif len(self.fields) >= MOST_FIELDS:
            return
        if isinstance(value, Sequence) and value.fields is not None:
            held = value.fields.values()
            if value is self or any(isinstance(each, Sequence) and each.fields is not None for each in held):
                # Dicts of dicts of dicts are not followed: each could hold the others many times over.
                plain = Sequence(value.of, value.element, value.size, value.depth, value.root, known=value.known)
                plain.key, plain.load, plain.source = value.key, value.load, value.source
                value = plain
        self.fields[name] = value


def holds_rows(value: Value) -> bool:
    """Tell whether a value is rows, one of them or a collection of them."""
    return value.kind in ("row", "rows") or (isinstance(value, Sequence) and value.element.kind == "row")


class Awaitable(Value):
    """A coroutine or future; `result` is what awaiting it gives, `events` what awaiting it costs."""

    __slots__ = ("result",)
    kind = "awaitable"

    def __init__(self, result: Value, depth: int = 0) -> None:
        super().__init__(depth)
        self.result = result


class Super(Value):
    """What `super()` gives: the object, seen from above a class."""

    __slots__ = ("above", "bound")
    kind = "super"

    def __init__(self, above: Class, bound: Value) -> None:
        super().__init__(bound.depth, bound.root)
        self.above, self.bound = above, bound


def is_empty(value: Value) -> bool:
    """Tell whether a value is `[]` or `{}`: what stands in where there is nothing says little of what else may come."""
    return isinstance(value, Sequence) and value.size.constant == 0


def brought(first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
    """Return what was fetched along on either of two ways.

    Where one way only adds to the other (`if wanted: query = query.prefetch_related(...)`), what is wanted is asked
    again where it is used: it counts as fetched.
    """
    if first <= second or second <= first:
        return first | second
    return first & second


def options(first: Rows, second: Rows) -> tuple[tuple[Any, ...], ...]:
    """Return the groups of conditions that only one of two ways to a query adds."""
    found: dict[tuple[Any, ...], None] = {}
    for one, other in ((first, second), (second, first)):
        more = tuple([part for part in one.filters if part not in other.filters])
        if more:
            found[more] = None
        for group in one.sometimes:
            found[group if group in other.sometimes else (*more, *group)] = None
    return tuple(found)[:OPTIONS]


def either_order(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what rows may be ordered by in one of two ways: the first of each, as a choice, before the rest."""
    if first == second or not second:
        return first
    if not first:
        return second
    made = [(*order[:2], "either" if order[2] in ("made", "either") else "choice") for order in (first[0], second[0])]
    return (*dict.fromkeys(made), *first[1:])[:OPTIONS]


def join(first: Value, second: Value) -> Value:
    """Return a value that stands for either of two: what both branches of an `if` leave behind."""
    if first is second:
        return first
    if second.kind == "unknown" or (isinstance(second, Constant) and first.kind != "unknown"):
        return second if is_empty(first) and second.kind == "unknown" else first
    if first.kind in ("unknown", "constant"):
        return first if is_empty(second) and first.kind == "unknown" else second
    if isinstance(first, Rows) and isinstance(second, Rows) and first.model is second.model:
        for one, other in ((first, second), (second, first)):
            if one.limited is not None and one.limited.constant == 0:
                return other  # .none(): no row of it will be met
        merged = first.copy(max(first.depth, second.depth))
        merged.fetched = brought(first.fetched, second.fetched)
        merged.filters = tuple(name for name in first.filters if name in second.filters)
        if len(merged.filters) < min(len(first.filters), len(second.filters)):
            merged.filters = (*merged.filters, EITHER_WAY)  # it is never asked without either
        merged.joins = tuple([pair for pair in first.joins if pair in second.joins])
        merged.sometimes, merged.made = options(first, second), first.made | second.made
        merged.orders, merged.sorted = either_order(first.orders, second.orders), first.sorted or second.sorted
        merged.skips, merged.takes = first.skips or second.skips, first.takes or second.takes
        merged.limited = first.limited if second.limited else None
        merged.stored = first.stored and second.stored
        merged.locked, merged.escaped = first.locked and second.locked, first.escaped or second.escaped
        merged.load = first.load if first.load is not None else second.load
        return merged
    if isinstance(first, Row) and isinstance(second, Row) and first.model is second.model:
        if first.fetched == second.fetched and first.locked == second.locked:
            return first
        both = Row(first.model, brought(first.fetched, second.fetched), max(first.depth, second.depth), first.root)
        both.locked = first.locked and second.locked
        return both
    if isinstance(first, Sequence) and isinstance(second, Sequence) and first.of == second.of:
        part = first.load.filtered if first.load is not None else first.source not in (None, second.load)
        if part and second.load is not None and not second.load.filtered:
            return second  # the whole table, where the other is a part of it
        return second if first.size.is_little and not second.size.is_little else first
    return first
