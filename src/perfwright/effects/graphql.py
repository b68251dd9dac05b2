"""GraphQL: the library calls the resolvers of a type once for each item of a list of that type.

A list field of the root type is read as a loop over its rows that calls a function made here for their type: it
calls each resolver and reads each relation that has none. What a select_related or a prefetch on the rows would
spare is reported at the list. What a resolver asks by itself is reported there, once, however many lists
lead to it. The types on one way are two at most: a third would repeat what the lists of that type say.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfwright.effects.frame import Event, Frame, Loop
from perfwright.effects.graphql_types import ARIADNE, STRAWBERRY, GraphField, GraphType, Types
from perfwright.effects.iteration import deepen, iterate, query, run_query
from perfwright.effects.observations import Reading
from perfwright.effects.queries import QUERYSET, everything
from perfwright.effects.schema import DJANGO, Relation, Schema
from perfwright.effects.values import (
    ITEMS,
    PAGE,
    UNKNOWN,
    Awaitable,
    ClassValue,
    External,
    FunctionValue,
    Instance,
    Row,
    Rows,
    Sequence,
    Size,
    Value,
)
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Function, Module, Project
from perfwright.index.tree import text, walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

OPTIMIZERS = ("graphene_django_optimizer.query", "query_optimizer.optimize", "query_optimizer.optimize_single")
KIND = "resolver"  # of a loop: as many passes as a client's query has items
SHOWN = "perfwright.shown"  # the made-up call that passes a field's value on to the type of the field
ASKS = ("db.query", "http.request", "llm.call", "db.write")
MUTATES = ("mutate", "mutate_and_get_payload", "perform_mutation")


class Shown(External):
    """A call that reads what is asked of a value: of each of its items, by the functions of their type."""

    __slots__ = ("away", "many", "target")

    def __init__(self, target: GraphType, many: bool, away: GraphType) -> None:
        super().__init__(SHOWN)
        self.target, self.many, self.away = target, many, away


class GraphQL:
    """The entry points that a GraphQL library makes, and what it calls below each of them."""

    def __init__(self, project: Project, schema: Schema, modules: list[Module], labels: dict[Function, str]) -> None:
        self.project, self.schema = project, schema
        self.types = Types(project, schema, modules)
        self.roots = list(self.types.roots())
        self.fields = [field for each in self.types.every for field in each.fields.values()]
        self.labels = labels
        self.made: dict[tuple[int, int], Function] = {}  # by type and the type it was reached from
        self.items: dict[GraphType, Value] = {}  # an item of each type that some list has
        self.nested: set[int] = set()  # of the made functions, those whose values' fields are the last to be read
        self.several: set[GraphType] = set()  # types that some field gives several of
        self.listed: set[GraphType] = set()  # types of which a root's list gives known rows
        for root in self.roots:
            kind = next((name for name in ("mutation", "subscription") if name in root.name.lower()), "query")
            for field in root.fields.values():
                if field.resolver is not None:
                    labels.setdefault(field.resolver, f"{kind} {field.name}")
        for module in modules:
            for function in module.functions:
                if function.name in MUTATES and function.owner is not None:
                    labels.setdefault(function, f"mutation {function.owner.name}")

    # --------------------------------------------------------------------------- reading
    def read(self, interp: "Interpreter") -> None:
        """Read every field of the root types, then the resolvers of each type that is met in lists."""
        first = len(interp.readings)
        begun: set[tuple[str, int, str]] = set()  # a root type inherits the fields of its parts
        for root in self.roots:
            for field in root.fields.values():
                place = (field.module.path, field.position, field.name)
                if place not in begun:
                    begun.add(place)
                    self._read_root(interp, root, field)
        made = {id(function) for function in self.made.values()}
        for reading in interp.readings[first:]:
            if id(reading.function) in made:
                reading.events = tuple([event for event in reading.events if not event.loops or fetchable(event)])
        known: set[Function] = set()
        for target, item in sorted(self._repeated(), key=lambda pair: sureness(pair[1])):
            for field in target.fields.values():
                resolver = field.resolver
                if resolver is None or (resolver in known and target in self.listed):
                    continue
                self._read_each(interp, target, field, resolver, item, again=resolver in known)
                known.add(resolver)
        self._rest_on_each_other(interp, interp.readings[first:])

    def _rest_on_each_other(self, interp: "Interpreter", readings: list[Reading]) -> None:
        """Note that all of it is read again when a part is: what one list gives says what a resolver is asked for."""
        one = next(iter(self.types.every), None)
        if one is None or not readings:
            return
        line = one.position >> 12
        whole = Frame(interp, Function(one.module, -1, ("graphql", "graphql", line, line, (), (), None, 0, (), -1, -1)))
        for reading in readings:
            if reading.standalone or reading.function.index >= 0:
                whole.called[id(reading)] = reading
        interp.readings.append(Reading(whole, True, None))

    def _read_root(self, interp: "Interpreter", root: GraphType, field: GraphField) -> None:
        """Read one field of a root type: its resolver, then what is asked of the value."""
        resolver = field.resolver
        if resolver is None and (field.target is None or root.style == ARIADNE):
            return
        function = stand_in(field, resolver)
        position = answer(resolver) if resolver is not None else field.position
        node: Node = ("call", position, ("name", position, field.name), (), ())
        frame = Frame(interp, function)
        if resolver is not None:
            self.labels[function] = self.labels.get(resolver, f"query {field.name}")
            value = interp.invoke(frame, FunctionValue(resolver), (UNKNOWN,), {}, node)
            if isinstance(value, Awaitable):
                value = value.result
        else:
            self.labels[function] = f"query {field.name}"
            value = self._table(frame, field, position)
        target = field.target if field.target is not None else self._by_name(value)
        if target is None:
            return
        interp.stack.append(function)
        try:
            shown = ("call", position, ("name", position, field.name), (written_as(resolver, field, position),), ())
            many = field.many or (field.target is None and isinstance(value, Rows))
            self.shown(interp, frame, Shown(target, many, root), value, shown, connection=field.connection)
        finally:
            interp.stack.pop()
        frame.events = {key: event for key, event in frame.events.items() if event.loops and fetchable(event)}
        frame.loads.clear()
        frame.lookups.clear()
        frame.repeats.clear()
        interp.readings.append(Reading(frame, True, None))

    def _table(self, frame: Frame, field: GraphField, position: int) -> Value:
        """Return what a list field without a resolver gives: every row of its type's model."""
        model = field.target.model if field.target is not None else None
        if model is None or not field.many:
            return UNKNOWN
        rows = Rows(model, QUERYSET if model.framework == DJANGO else "sqlalchemy.orm.Query", position, frame.depth)
        rows.fetched = model.always
        return rows

    def _by_name(self, value: Value) -> GraphType | None:
        """Return the type that a value's model shares its name with, where no schema text says what it is."""
        if isinstance(value, Sequence):
            value = value.element
        model = value.model if isinstance(value, Row | Rows) else None
        return self.types.by_name.get(model.name) if model is not None else None

    # ----------------------------------------------------------------- what is asked of a value
    def called(self, interp: "Interpreter", frame: Frame, callee: External, value: Value, node: Node) -> Value:
        """Call one of the calls that are made up here."""
        if isinstance(callee, Shown):
            return self.shown(interp, frame, callee, value, node)
        return hinted(value, callee.hints) if isinstance(callee, Hinted) else UNKNOWN

    def shown(
        self,
        interp: "Interpreter",
        frame: Frame,
        callee: Shown,
        value: Value,
        node: Node,
        *,
        connection: bool = False,
    ) -> Value:
        """Read the fields of a value's type: once, or in a loop over its items."""
        target = callee.target
        if isinstance(value, Awaitable):
            value = value.result
        known = isinstance(value, Rows) or (isinstance(value, Sequence) and isinstance(value.element, Row))
        nested = id(frame.function) in self.nested
        many = callee.many or isinstance(value, Sequence)
        if many or nested:
            self.items.setdefault(target, UNKNOWN)
        if many:
            self.several.add(target)
        if not known and not isinstance(value, Row):
            if isinstance(value, Sequence) and isinstance(value.element, Instance):
                self.items[target] = value.element
            return UNKNOWN
        function = self._fields(target, callee.away, deep=not nested)
        if isinstance(value, Rows) and not callee.many:
            value = self._first(frame, value, node)
        if isinstance(value, Row):
            row = self._fetched(target, value)
            if nested and self.items[target].kind == "unknown":
                self.items[target] = row
            interp.invoke(frame, FunctionValue(function), (row,), {}, node)
            return UNKNOWN
        if isinstance(value, Rows):
            value = self._narrowed(interp, frame, target, value, node)
            if connection and isinstance(value, Rows) and value.limited is None:
                value = value.copy(frame.depth)
                value.limited = PAGE
        element, loop = iterate(frame, value, node[3][0] if node[3] else node, kind=KIND)
        frame.loops.append(loop)
        if isinstance(element, Row):
            element = self._fetched(target, element)
        if target not in self.listed:
            self.items[target] = element
        if not nested:
            self.listed.add(target)
        interp.invoke(frame, FunctionValue(function), (element,), {}, node)
        frame.loops.pop()
        return UNKNOWN

    def _first(self, frame: Frame, rows: Rows, node: Node) -> Value:
        """Return the row that a library takes of a query, where a field gives one thing."""
        if not rows.stored:
            query(frame, rows, node[1], frame.interp.text(node))
        return rows.element(frame.depth)

    def _narrowed(self, interp: "Interpreter", frame: Frame, target: GraphType, rows: Rows, node: Node) -> Value:
        """Return the rows as the type's own `get_queryset` gives them."""
        found = self.project.class_member(target.cls, "get_queryset") if target.cls is not None else None
        if not isinstance(found, tuple) or found[1][0] != "func":
            return rows
        function = found[0].module.functions[found[1][1]]
        me = ClassValue(target.cls) if target.cls is not None else UNKNOWN
        narrowed = interp.invoke(frame, FunctionValue(function, me), (rows,), {}, node)
        return narrowed if isinstance(narrowed, Rows) else rows

    def _fetched(self, target: GraphType, row: Row) -> Row:
        """Return a row as an optimizer gives it, where the type has one: with what its fields name."""
        if not target.optimized:
            return row
        found = Row(row.model, row.fetched | everything(row.model), row.depth, row.root)
        found.assumed = row.assumed
        return found

    def _fields(self, target: GraphType, away: GraphType, *, deep: bool) -> Function:
        """Return the function that reads the fields of a type, but those that lead back where it was reached from.

        `deep` calls its resolvers too, and goes on to the fields of what each field gives.
        """
        key = (id(target), id(away))
        known = self.made.get(key)
        if known is None:
            known = self.made[key] = self._written(target, away, deep=deep)
            if deep:
                self.nested.add(id(known))
        return known

    def _written(self, target: GraphType, away: GraphType, *, deep: bool) -> Function:
        body: list[Node] = []
        for field in target.fields.values():
            if field.target is not None and (field.target is away or field.target is target):
                continue
            position = field.position if field.module is target.module else target.position
            read = self._asked(target, field, position) if deep or self._related(target, field) else None
            if read is None:
                continue
            if deep and field.target is not None and field.resolver is not None:
                # The loop over what a resolver gives stands in the resolver: many types may inherit it.
                given = FunctionValue(self._answered(field, field.resolver, field.target, target))
                row = read[3] if read[0] == "call" else read[2][3]
                read = ("call", position, ("given", position, given, field.name), row, ())
            elif deep and field.target is not None:
                shown = ("given", position, Shown(field.target, field.many, target), field.name)
                read = ("call", position, shown, (read,), ())
            body.append(("expr", position, read))
        parameters = (("obj", None, None, POSITIONAL),)
        end = target.cls.end_line if target.cls is not None else target.position >> 12
        facts = (
            target.name, target.name, target.position >> 12, end, (), parameters, None, 0, tuple(body), -1, -1,
        )  # fmt: skip
        return Function(target.module, -1, facts)

    def _related(self, target: GraphType, field: GraphField) -> bool:
        return field.resolver is None and target.model is not None and field.name in target.model.relations

    def _answered(self, field: GraphField, resolver: Function, target: GraphType, away: GraphType) -> Function:
        """Return the function that calls a resolver and reads the fields of what it gives."""
        key = (id(resolver), id(target))
        known = self.made.get(key)
        if known is None:
            position = answer(resolver)
            called = ("given", position, FunctionValue(resolver), text(written_as(resolver, field, position)))
            value: Node = ("call", position, called, (("name", position, "obj"),), ())
            if resolver.is_async:
                value = ("await", position, value)
            shown = ("given", position, Shown(target, field.many, away), target.name)
            body = (("expr", position, ("call", position, shown, (value,), ())),)
            known = self.made[key] = stand_in(field, resolver, (("obj", None, None, POSITIONAL),), body)
            self.nested.add(id(known))
        return known

    def _asked(self, target: GraphType, field: GraphField, position: int) -> Node | None:
        """Return the expression that asks for one field of `obj`."""
        obj: Node = ("name", position, "obj")
        if field.resolver is not None:
            row: Node = obj
            if target.optimized and "*" not in field.hints:
                row = ("call", position, ("given", position, Hinted(field.hints), "hinted"), (obj,), ())
            function = ("given", position, FunctionValue(field.resolver), field.resolver.name)
            call: Node = ("call", position, function, (row,), ())
            return ("await", position, call) if field.resolver.is_async else call
        model = target.model
        relation = model.relations.get(field.name) if model is not None else None
        if relation is None and model is not None and field.name in model.columns:
            return None
        read: Node = ("attr", position, obj, field.name)
        if relation is not None and relation.many and model is not None and model.framework == DJANGO:
            read = ("call", position, ("attr", position, read, "all"), (), ())
            if field.target is None:
                return None
        return read

    # ----------------------------------------------------------------- a resolver by itself
    def _repeated(self) -> Iterator[tuple[GraphType, Value]]:
        """Give each type that is met once per item of some list, with an item of it."""
        reached = dict(self.items)
        frontier = list(reached)
        while frontier:
            for field in frontier.pop().fields.values():
                if field.target is not None and field.target not in reached:
                    reached[field.target] = UNKNOWN
                    frontier.append(field.target)
        aimed = {field.target for field in self.fields}
        for target in self.types.every:
            # A model's type that no field leads to is reached from fields that are made as the program runs.
            if target in reached or (target.model is not None and target not in aimed):
                yield target, self._item(target, reached.get(target, UNKNOWN))

    def _item(self, target: GraphType, known: Value) -> Value:
        if known.kind != "unknown":
            return known
        if target.model is not None:
            row = Row(target.model, target.model.always)
            row.assumed = True
            return self._fetched(target, row)
        return Instance(target.cls) if target.cls is not None and target.style == STRAWBERRY else UNKNOWN

    def _read_each(
        self,
        interp: "Interpreter",
        target: GraphType,
        field: GraphField,
        resolver: Function,
        item: Value,
        *,
        again: bool,
    ) -> None:
        """Read a resolver as the body of a loop over the items of lists: what it asks by itself is asked per item.

        `again` says that it was read for another type that inherits it: only the relations of the rows differ.
        """
        size = Size(target.model.name) if target.model is not None else ITEMS
        loop = Loop(KIND, resolver.line << 12, f"list of {target.name}", size, UNKNOWN)
        loop.sure = False
        frame = Frame(interp, resolver)
        frame.loops.append(loop)
        frame.floor = 1
        for (name, _, _, _), value in zip(resolver.parameters, interp.parameters(resolver), strict=True):
            frame.env[name] = value
        if resolver.parameters and item.kind != "unknown":
            own = hinted(item, field.hints) if target.optimized and "*" not in field.hints else item
            frame.env[resolver.parameters[0][0]] = deepen(own, 1)
        if resolver.parameters and resolver.owner is not None:
            frame.self_value = frame.env[resolver.parameters[0][0]]
        interp.stack.append(resolver)
        try:
            frame.run(resolver.body)
            if isinstance(frame.returns, Rows):
                position = answer(resolver)
                run_query(frame, frame.returns, position, text(written_as(resolver, field, position)))
        finally:
            interp.stack.pop()
        if target not in self.several and not any(f.many and f.target is target for f in self.fields):
            for event in frame.events.values():
                event.doubtful = True  # met one by one, below the items of other lists
        related = target not in self.listed  # else it is reported at the list, where it can be fetched
        frame.events = {
            key: event
            for key, event in frame.events.items()
            if event.effect in ASKS and loop in event.loops and (related if fetchable(event) else not again)
        }
        frame.loads.clear()
        frame.lookups.clear()
        frame.responses.clear()
        frame.repeats.clear()
        if frame.events:
            interp.readings.append(Reading(frame, False, None))


class Hinted(External):
    """A call that gives a row as a resolver sees it: with the relations that its decorator names, and no others."""

    __slots__ = ("hints",)

    def __init__(self, hints: frozenset[str]) -> None:
        super().__init__(SHOWN)
        self.hints = hints


def optimized(value: Value, depth: int) -> Value:
    """Return rows as an optimizer gives them: with all that a query asks for."""
    if not isinstance(value, Rows) or value.model is None:
        return value
    rows = value.copy(depth)
    rows.fetched = rows.fetched | everything(value.model)
    return rows


def hinted(value: Value, hints: frozenset[str]) -> Value:
    """Return a row with the relations that are named, and what every query of its model fetches."""
    if not isinstance(value, Row):
        return value
    paths: set[str] = set()
    for hint in hints:
        parts = hint.split("__")
        paths.update("__".join(parts[:end]) for end in range(1, len(parts) + 1))
    row = Row(value.model, value.model.always | paths, value.depth, value.root)
    row.assumed = value.assumed
    return row


def sureness(item: Value) -> int:
    """Return the order in which items are tried: rows of a known query first."""
    return 2 if not isinstance(item, Row) else 1 if item.assumed else 0


def fetchable(event: Event) -> bool:
    """Tell whether an effect follows a relation: a query for the rows could have fetched it along."""
    detail = event.detail
    return isinstance(detail, Relation) or (isinstance(detail, Rows) and detail.relation is not None)


def stand_in(field: GraphField, resolver: Function | None, parameters: Node = (), body: Node = ()) -> Function:
    """Return a function that stands for a field, named after its resolver where it has one."""
    if resolver is not None:
        line, end = resolver.line, resolver.end_line
        facts = (resolver.name, resolver.qualified, line, end, (), parameters, None, 0, body, -1, -1)
        return Function(resolver.module, -1, facts)
    line = field.position >> 12
    return Function(field.module, -1, (field.name, field.name, line, line, (), (), None, 0, (), -1, -1))


def answer(resolver: Function) -> int:
    """Return the position of what a resolver returns last: the rows, as far as they are named there."""
    found = 0
    for statement in walk(resolver.body):
        if statement[0] == "return" and statement[2] is not None and statement[2][0] != "const":
            found = statement[1]
    return found or resolver.line << 12


def written_as(resolver: Function | None, field: GraphField, position: int) -> Node:
    """Return the expression that a list is shown as in a message: what its resolver returns, else its name."""
    if resolver is not None:
        for statement in walk(resolver.body):
            if statement[0] == "return" and statement[1] == position:
                return tuple(statement[2])
    return ("name", position, field.name)
