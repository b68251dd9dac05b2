"""Queries: building them, running them, and following relations from one row to the next."""

from typing import Any

from perfwright.effects.conditions import filters_of, joined
from perfwright.effects.frame import Frame
from perfwright.effects.iteration import loaded, query, query_symbol, relation_size, run_query
from perfwright.effects.library import Model as LibraryModel
from perfwright.effects.library import Type
from perfwright.effects.orders import orders_of
from perfwright.effects.schema import DJANGO, Model, Relation
from perfwright.effects.values import (
    EVERY_LEVEL,
    UNKNOWN,
    ClassValue,
    Constant,
    FunctionValue,
    Load,
    Row,
    Rows,
    Scalar,
    Sequence,
    Size,
    Value,
    constant,
)
from perfwright.effects.where import column_of
from perfwright.index.lower import Node
from perfwright.index.project import Class
from perfwright.index.tree import called_names, walk

QUERYSET = "django.db.models.QuerySet"
RELATED = "django.db.models.manager.RelatedManager"
MANAGER = "django.db.models.Manager"
QUERY, FLASK_QUERY = "sqlalchemy.orm.Query", "flask_sqlalchemy.query.Query"
KEEPS_ROWS = frozenset(
    ("all", "count", "exists", "__iter__", "__len__", "__bool__", "iterator", "get_queryset", "only")
)
JOINS = ("join", "outerjoin")
INNER = ("subquery", "cte", "alias", "scalar_subquery", "as_scalar", "exists")  # make a part of another query
AS_IS = ("F", "Value", "Cast")  # annotations that are no more than a column
GROUPS = ("group_by", "distinct", "dates", "datetimes")
COLUMNS = ("load_only", "defer", "undefer", "raiseload", "noload", "lazyload")  # options that say what is not loaded
DEEPEST = 4  # constants that name each other
LOADERS = ("joinedload", "selectinload", "subqueryload", "contains_eager", "immediateload")
# Methods that choose a page: their parameters for where it begins and how long it is.
PAGES = {
    "offset": ("offset", ""),
    "limit": ("", "limit"),
    "slice": ("start", "stop"),
    "page": ("number", ""),
    "get_page": ("number", ""),
    "paginate": ("page", ""),
}


# ------------------------------------------------------------------------- relations
def follow(frame: Frame, row: Row, name: str, relation: Relation, node: Node) -> Value:
    """Read `row.<relation>`: a query, unless the relation came with the row."""
    known = row.seen.get(name)
    if known is not None and not (isinstance(known, Rows) and known.manager):
        return known
    fetched = name in row.fetched
    deeper = frozenset(path[len(name) + 2 :] for path in row.fetched if path.startswith(f"{name}__"))
    if f"{name}{EVERY_LEVEL}" in row.fetched:
        deeper |= {name, f"{name}{EVERY_LEVEL}"}
    target = relation.target
    result: Value
    if row.model.framework == DJANGO and relation.many:
        rows = Rows(target, RELATED, node[1], row.depth, row.root)
        rows.manager, rows.relation, rows.owner, rows.fetched = True, name, row, deeper
        rows.custom = frame.interp.manager_class(target) if target is not None else None
        if rows.custom is not None and target is not None:
            rows.fetched = deeper | managed(frame, rows.custom, target)
        rows.stored = fetched
        rows.assumed = row.assumed
        row.seen[name] = rows
        return rows
    if relation.dynamic:
        rows = Rows(target, QUERY, node[1], row.depth, row.root)
        rows.relation, rows.owner = name, row
        return rows
    if not fetched:
        frame.emit(
            "db.query",
            f"{row.model.name}.{name}",
            node[1],
            frame.interp.text(node),
            depth=row.depth,
            root=row.root,
            detail=relation,
            blocking=True,
            doubtful=row.assumed,
        )
        if relation.many or (target is not None and relation.column and relation.column in target.columns.values()):
            frame.interp.looked_up_relation(frame, row.model, relation, node[1])
    if target is None:
        result = Value(row.depth, row.root)
    elif relation.many:
        other = target.relations.get(relation.inverse) if relation.inverse else None
        back = frozenset((other.name,)) if other is not None and not other.many else frozenset()
        element = Row(target, deeper | target.always | back, row.depth, row.root)
        sequence = Sequence("list", element, relation_size(row, name), row.depth, row.root)
        load = Load(target, node[1], f"{row.model.name}.{name}")
        load.relation = name
        # The parts of one row are few; those of every row of a loop are the table.
        load.owned = (relation.owned or relation.through) and not frame.multiplying(row.depth)
        load.chain = ((frame.function, node[1], f"{row.model.name}.{name}"),)
        if not fetched:
            sequence.load = frame.load(load)
        result = sequence
    else:
        other = target.relations.get(relation.inverse) if relation.inverse else None
        if other is not None and not other.many:
            deeper |= {other.name}  # one to one: each knows the other
        result = Row(target, deeper | target.always, row.depth, row.root)
        result.assumed = row.assumed
    row.seen[name] = result
    return result


def fetched_by(frame: Frame, entry: LibraryModel, arguments: tuple[Node, ...], rows: Rows) -> frozenset[str]:
    """Return the relation paths that a call fetches along: names, Prefetch objects, loader options."""
    paths: set[str] = set()
    for argument in arguments:
        value = argument
        if value[0] == "star":
            value = frame.interp.constant_node(frame, value[2]) or value[2]
        if value[0] == "name":
            value = frame.interp.constant_node(frame, value) or value
        if value[0] == "coll":
            for item in value[3]:
                paths |= fetched_by(frame, entry, (item,), rows)
        elif value[0] == "const" and isinstance(value[2], str):
            paths.add(value[2])
        elif value[0] == "call":
            paths |= _option(value)
        elif argument[0] in ("name", "star", "attr", "sub"):
            paths.add("*")
    if not arguments and entry.name.endswith("select_related") and rows.model is not None:
        paths |= {name for name, relation in rows.model.relations.items() if not relation.many}
    if "*" in paths and rows.model is not None:  # names that cannot be read: every relation may be fetched
        paths |= everything(rows.model)
    complete: set[str] = set()
    for path in paths:
        parts = path.split("__")
        complete.update("__".join(parts[:end]) for end in range(1, len(parts) + 1))
    return frozenset(complete)


def everything(model: Model) -> frozenset[str]:
    """Return every relation of a model, and those of the models that they lead to."""
    paths = set(model.relations)
    for name, relation in model.relations.items():
        if relation.target is not None:
            paths.update(f"{name}__{inner}" for inner in relation.target.relations)
    return frozenset(paths)


def _option(call: Node) -> set[str]:
    """Return the path of `joinedload(A.b).selectinload(B.c)` or `Prefetch("items", ...)`."""
    parts: list[str] = []
    also: set[str] = set()
    inner = call
    while inner[0] == "call":
        called = inner[2]
        name = called[2] if called[0] == "name" else called[3] if called[0] == "attr" else ""
        if name == "Prefetch" and inner[3] and inner[3][0][0] == "const":
            path = str(inner[3][0][2])
            for query_set in [*inner[3][1:2], *(v for k, v in inner[4] if k == "queryset")]:
                for nested in walk(query_set):
                    if (
                        nested[0] == "call"
                        and nested[2][0] == "attr"
                        and nested[2][3] in ("select_related", "prefetch_related")
                    ):
                        also |= {f"{path}__{a[2]}" for a in nested[3] if a[0] == "const"}
            return {path} | also
        if name in LOADERS and inner[3]:
            argument = inner[3][0]
            parts.append(argument[3] if argument[0] == "attr" else str(argument[2]) if argument[0] == "const" else "*")
        elif name == "options":
            prefix = "__".join(reversed(_chain_names(called[2]))) if called[0] == "attr" else ""
            for argument in inner[3]:
                if argument[0] == "call":
                    also |= {f"{prefix}__{path}" if prefix else path for path in _option(argument)}
        inner = called[2] if called[0] == "attr" else ("", 0)
    path = "__".join(reversed(parts))
    return ({path} if path else set()) | also


def _chain_names(node: Node) -> list[str]:
    names: list[str] = []
    while node[0] == "call":
        if node[3] and node[3][0][0] == "attr":
            names.append(node[3][0][3])
        node = node[2][2] if node[2][0] == "attr" else ("", 0)
    return names


# -------------------------------------------------------------------------- methods
def method(  # noqa: C901 - one step a word of the vocabulary
    frame: Frame,
    rows: Rows,
    name: str,
    entry: LibraryModel | None,
    values: tuple[Value, ...],
    node: Node,
) -> Value:
    """Call a method of a query or a manager."""
    if entry is None:
        for value in values:
            frame.use_whole(value)
        if rows.model is not None and rows.model.framework == DJANGO and not name.startswith(("get", "is_", "has_")):
            # A method of a manager that cannot be seen: most give a narrower queryset.
            narrowed = rows.copy(frame.depth)
            narrowed.api, narrowed.filters = QUERYSET, (*rows.filters, (None, "", "other"))
            narrowed.assumed = True
            return narrowed
        return Value(frame.depth)
    stored = rows.stored and name in KEEPS_ROWS
    arguments, keywords = node[3], node[4]
    work = rows
    if entry.filters:
        work = rows.copy(frame.depth)
        work.custom = rows.custom
        work.open = rows.open or any(was_read(frame, part) for part in (*arguments, *(part for _, part in keywords)))
        asked = filters_of(rows, () if entry.filters == "**kwargs" else arguments, keywords, frame)
        work.filters = (*rows.filters, *asked.filters)
        work.sometimes = (*rows.sometimes, *asked.groups)
        if name == "exclude":  # what is left is most of the table: no index helps
            work.filters = rows.filters + tuple(
                [(of, column, "not") for of, column, _ in work.filters[len(rows.filters) :]]
            )
            work.sometimes = rows.sometimes
    if entry.orders:
        work = work.copy(frame.depth)
        work.sorted = (frame.function, node[1])
        said = orders_of(rows, arguments, frame)
        replaces = rows.model is not None and rows.model.framework == DJANGO
        work.orders = (said or ((rows.model, "", ""),)) if replaces else rows.orders + said
    if name in JOINS and arguments and rows.api.startswith("sqlalchemy"):
        work = work.copy(frame.depth) if work is rows else work
        work.joins = (*rows.joins, *joined(frame, rows, arguments))
    if name in INNER and rows.api.startswith("sqlalchemy") and not entry.does:
        frame.interp.looked_up(frame, rows, node[1], inner=True)
    for (key, _), value in zip(keywords, values[len(arguments) :], strict=False):
        if key and key.endswith("__in") and isinstance(value, Rows) and not value.stored:
            frame.interp.looked_up(frame, value, node[1], inner=True)
    if name in PAGES:
        work = paged(frame, work, name, node)
    returns = entry.returns
    if returns is not None and returns.head == "self" and not entry.does:
        return _refined(frame, rows, work, name, entry, values, node, stored)
    effects = [effect.name for effect in entry.does]
    if "db.query" in effects and "db.write" not in effects:
        if not stored and not (rows.stored and rows.api not in (QUERYSET, RELATED, MANAGER)):
            work.position = node[1]
            if entry.limits is not None or name in ("get", "first", "last", "one", "one_or_none"):
                work = work.copy(frame.depth)
                work.limited = constant(1)
            query(frame, work, node[1], frame.interp.text(node), blocking=entry.blocking, node=node)
    elif effects:
        for effect in effects:
            if effect in ("db.write", "db.commit"):
                query(frame, work, node[1], frame.interp.text(node), effect=effect, blocking=entry.blocking, node=node)
                event = frame.interp.last_event(frame)
                if event is not None:
                    event.model = entry
    for value in values:
        frame.use_whole(value)
    if name == "delete" and rows.model is not None and rows.api in (QUERY, FLASK_QUERY):
        frame.interp.deleted(frame, rows.model, node[1])
    if name == "update" and not rows.manager and not rows.stored:
        emptied(rows, keywords)
    if "db.write" in effects and work.model is not None:
        # A row that is written here knows the objects it was given.
        given = {key for key, _ in keywords if key} & set(work.model.relations)
        if given:
            work = work.copy(frame.depth)
            work.fetched = work.fetched | given
    return typed(frame, returns, work, entry, values, node)


def paged(frame: Frame, rows: Rows, name: str, node: Node) -> Rows:
    """Return the rows of a page, with what says which one and how long it is, where those are no constants."""
    skips, takes = PAGES[name]
    given: dict[str, Node] = dict(zip((skips or takes, takes), node[3], strict=False))
    given |= {key: value for key, value in node[4] if key in (skips, takes)}
    found = rows.copy(frame.depth)
    found.custom = rows.custom
    low, high = given.get(skips), given.get(takes)
    if low is not None and low[0] != "const":
        found.skips = (frame.function, low)
    elif low is None and name == "paginate":
        found.skips = (frame.function, node)  # Flask-SQLAlchemy takes it from the request
    if high is not None and high[0] != "const":
        found.takes = (frame.function, high)
    return found


def emptied(rows: Rows, keywords: tuple[Any, ...]) -> None:
    """`found = rows.exclude(state=s)`, `found.update(state=s)`: asked for again, the query finds none."""
    written = {name for name, _ in keywords}
    if any(
        operator in ("not", "flag") and model is rows.model and column in written
        for model, column, operator in rows.filters
    ):
        rows.limited = constant(0)


def _refined(
    frame: Frame,
    rows: Rows,
    work: Rows,
    name: str,
    entry: LibraryModel,
    values: tuple[Value, ...],
    node: Node,
    stored: bool,
) -> Value:
    new = work.copy(frame.depth) if work is rows else work
    for value in values:
        frame.use_whole(value)
    new.custom = rows.custom
    if name == "all" and rows.manager and rows.relation:
        new.depth = rows.depth if stored else frame.depth
    new.api = QUERYSET if rows.api in (RELATED, MANAGER) else rows.api
    new.stored = stored
    if name in ("none",):
        new.limited = constant(0)
    if name in ("select_for_update", "with_for_update"):
        new.locked = True
    if entry.fetches:
        positional = tuple(node[3])
        new.fetched = rows.fetched | fetched_by(frame, entry, positional, rows)
    if entry.limits is not None:
        new.limited = _limit(frame, entry, values, node)
    if name in ("values", "values_list", "dates", "datetimes", "mappings", "with_only_columns"):
        new.values = True
        new.columns = tuple(str(a[2]) for a in node[3] if a[0] == "const")
    if name in ("only", "defer") or (name == "options" and chooses(frame, node[3])):
        new.columns = ("*",)
    if name in ("annotate", "alias") and not rows.values:
        new.made |= {key for key, value in node[4] if key and value[0] != "const" and value[2][-1] not in AS_IS}
    new.joined = rows.joined or name in ("join", "outerjoin", "join_from")
    if name in GROUPS or (name == "annotate" and rows.values):
        new.grouped = True
    return new


def was_read(frame: Frame, condition: Node) -> bool:
    """Tell whether a condition names a collection that was made of rows in memory, however many there are."""
    for inner in walk(condition):
        found = frame.interp.peek(frame, inner) if inner[0] == "name" else UNKNOWN
        if isinstance(found, Sequence):
            load = found.source or found.load
            if load is not None and not load.limited:
                return True
    return False


def chooses(frame: Frame, options: tuple[Node, ...], depth: int = 0) -> bool:
    """Tell whether loader options say which columns are loaded, or may: those that a parameter holds are not known."""
    for option in options if depth < DEEPEST else ():
        held = option[2] if option[0] == "star" else option
        if held[0] in ("name", "sub"):
            name = held[2] if held[0] == "sub" else held
            known = frame.interp.constant_node(frame, name) if name[0] == "name" else None
            if known is None or chooses(frame, (known,), depth + 1):
                return True
        elif held[0] == "coll":
            if chooses(frame, held[3], depth + 1):
                return True
        elif not called_names(held).isdisjoint(COLUMNS):
            return True
    return False


def _limit(frame: Frame, entry: LibraryModel, values: tuple[Value, ...], node: Node) -> Any:
    if isinstance(entry.limits, int):
        return constant(entry.limits)
    index = entry.params.index(entry.limits) if entry.limits in entry.params else 0
    given = values[index] if index < len(values) else None
    for key, value in node[4]:
        if key == entry.limits and value[0] == "const":
            given = Constant(value[2])
    if isinstance(given, Constant):
        return constant(given.value) if isinstance(given.value, int) and not isinstance(given.value, bool) else None
    return frame.interp.page


def typed(  # noqa: C901 - one line a head of the type language
    frame: Frame,
    returns: Type | None,
    rows: Rows,
    entry: LibraryModel,
    values: tuple[Value, ...],
    node: Node,
) -> Value:
    """Return the value that a type of the small language stands for, M being the rows' model."""
    if returns is None:
        return Value(frame.depth)
    head = returns.head
    if head == "Row":
        return rows.element(frame.depth)
    if head == "Rows":
        new = rows.copy(frame.depth)
        new.custom = rows.custom
        if len(returns.args) > 1:
            new.api = returns.args[1].head
        elif new.api in (RELATED, MANAGER):
            new.api = QUERYSET
        return new
    if head in ("List", "Iter", "Set"):
        # Rows of a result are in memory once they are asked for.
        of = {"List": "list", "Iter": "iter", "Set": "set"}[head]
        size = rows.how_many
        if rows.relation and rows.owner is not None and rows.limited is None:
            size = relation_size(rows.owner, rows.relation)
        sequence = Sequence(of, rows.element(frame.depth), size, frame.depth)
        if "db.write" not in [effect.name for effect in entry.does]:
            sequence.load = (
                rows.load
                if rows.stored and rows.load is not None
                else loaded(frame, rows, rows.position if rows.stored and rows.position else node[1])
            )
        return sequence
    if head == "Dict":
        sequence = Sequence("dict", rows.element(frame.depth), rows.how_many, frame.depth)
        sequence.key = Scalar("", frame.depth)
        return sequence
    if head == "Tuple":
        items = (rows.element(frame.depth), Scalar("bool", frame.depth))
        pair = Sequence("tuple", items[0], constant(2), frame.depth)
        pair.items = items
        return pair
    if head == "Coroutine":
        return typed(frame, returns.args[0], rows, entry, values, node)
    if head == "self":
        return rows
    if head == "Scalar":
        return Scalar("", frame.depth)
    if head == "element":
        return rows.element(frame.depth)
    if "." in head:
        return frame.interp.foreign(head, frame.depth, element=rows)
    return UNKNOWN if head == "Unknown" else Value(frame.depth)


# ------------------------------------------------------------------------- beginnings
def of_entity(frame: Frame, value: Value, node: Node | None, api: str, position: int) -> Rows:
    """Return the rows that `select(x)` or `query(x)` names: a model, one of its columns, an aggregate."""
    rows = Rows(None, api, position, frame.depth)
    rows.custom = None
    if isinstance(value, ClassValue):
        rows.model = value.model or frame.interp.schema.of(value.cls)
        if rows.model is not None:
            rows.fetched = rows.model.always
    elif isinstance(value, Rows):
        return value
    elif isinstance(value, Row):  # a tree's node: more rows of its own table
        rows.model, rows.fetched = value.model, value.model.always
        rows.size = Size(f"{value.model.name}.tree")
    elif node is not None:
        column = column_of(frame, node)
        table = frame.interp.schema.table_at(frame.module, node[2]) if column is None and node[0] == "attr" else None
        if column or table is not None:
            rows.model, rows.values = column[0] if column else table, True
        else:
            inside = next((c for n in walk(node) if (c := column_of(frame, n))), None)
            if inside:
                rows.model, rows.values = inside[0], True
                rows.limited = constant(1)
            elif node[0] == "call":
                rows.values = True
                rows.limited = constant(1)
    return rows


def executed(frame: Frame, statement: Value, node: Node, entry: LibraryModel, returns: Type | None) -> Value:
    """Run a statement through a session: one query, whose result is then in memory."""
    if not isinstance(statement, Rows):
        return Value(frame.depth)
    rows = statement.copy(frame.depth)
    rows.custom = None
    rows.position = node[1]
    effects = [effect.name for effect in entry.does]
    if node[2][-1] == "paginate":
        rows = paged(frame, rows, "paginate", (*node[:3], node[3][1:], *node[4:]))
    single = returns is not None and returns.head in ("Row", "Scalar")
    if single:
        rows.limited = rows.limited or constant(1)
    if "db.query" in effects:
        query(frame, rows, node[1], frame.interp.text(node), blocking=entry.blocking, node=node)
    rows.stored = True
    rows.api = "sqlalchemy.engine.ScalarResult"
    if returns is not None and len(returns.args) > 1:
        rows.api = returns.args[1].head
    if single:
        rows.limited = constant(1)
        return (
            rows.element(frame.depth)
            if (returns is not None and returns.head == "Row") or not rows.values
            else Scalar("", frame.depth)
        )
    if returns is not None and returns.head in ("List", "Iter"):
        return typed(frame, returns, rows, entry, (), node)
    return rows


def begun(frame: Frame, model: Model, keywords: dict[str, Value]) -> frozenset[str]:
    """Return what a row that is made here has at hand: the rows that it was given, and what hangs on those.

    An object that is older than the loop keeps what was read of it, however many rows it is given to.
    """
    paths = {name for name, relation in model.relations.items() if not relation.many} | model.always
    for name, value in keywords.items():
        relation = model.relations.get(name)
        if relation is None:
            continue
        paths.add(name)
        if relation.target is not None and (value.depth < frame.depth or not frame.loops):
            for inner, further in relation.target.relations.items():
                if not further.many:
                    paths.add(f"{name}__{inner}")
    return frozenset(paths)


def managed(frame: Frame, cls: Class, model: Model) -> frozenset[str]:
    """Return the relations that a manager's own `get_queryset` fetches with every query."""
    interp = frame.interp
    key = (id(cls), id(model))
    known = interp.manager_fetches.get(key)
    if known is None:
        known = interp.manager_fetches[key] = frozenset()
        found = interp.project.class_member(cls, "get_queryset")
        if isinstance(found, tuple) and found[1][0] == "func":
            function = found[0].module.functions[found[1][1]]
            rows = Rows(model, MANAGER, function.line << 12)
            rows.manager, rows.custom, rows.fetched = True, cls, model.always
            given = interp.evaluate(function, interp.bind(FunctionValue(function, rows), (), {}), None).returns
            if isinstance(given, Rows) and given.model is model:
                known = interp.manager_fetches[key] = given.fetched
    return known


def manager(frame: Frame, model: Model, position: int, custom: Class | None) -> Rows:
    """Return what `Model.objects` stands for: the table, not asked yet."""
    rows = Rows(model, MANAGER, position, frame.depth)
    rows.manager = True
    rows.custom = custom
    rows.fetched = model.always if custom is None else model.always | managed(frame, custom, model)
    return rows


__all__ = ["executed", "filters_of", "follow", "manager", "method", "of_entity", "query_symbol", "run_query", "typed"]
