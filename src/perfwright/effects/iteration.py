"""What going through a value means: how many passes, what each pass sees, which query it runs."""

from perfwright.effects.frame import Frame, Loop
from perfwright.effects.values import (
    ITEMS,
    NESTED,
    ROWS,
    UNKNOWN,
    Awaitable,
    Constant,
    External,
    Few,
    Foreign,
    Instance,
    Load,
    Row,
    Rows,
    Scalar,
    Sequence,
    Size,
    Value,
    constant,
)
from perfwright.index.lower import Node
from perfwright.index.tree import text

FEW = 10  # items of what holds few by nature
CREATES = ("create", "update_or_create", "acreate", "aupdate_or_create")
BATCH_WORDS = ("batch", "chunk", "page", "partition", "grouper")
FEW_WORDS = (
    *("choices", "settings", "fields", "headers", "columns", "kwargs", "args", "params", "options", "validators"),
    *("signals", "middleware", "backends", "plugins", "handlers", "field_names", "locales", "languages", "formats"),
    *("_meta", "registry", "extensions", "errors", "attrs", "methods", "hooks", "permissions", "scopes"),
)


def run_query(frame: Frame, rows: Rows, position: int, what: str, *, method: str = "__iter__") -> Load:
    """Bring the rows into memory: a query, unless they are there already."""
    libraries = frame.interp.libraries
    if rows.load is not None and rows.stored:
        return rows.load
    if not rows.stored:
        entry = libraries.method(rows.api, method) or libraries.method(rows.api, "__iter__")
        entry = entry or libraries.method(rows.api, "__aiter__")
        once = entry is not None and entry.when == "first"
        effects = [effect.name for effect in entry.does] if entry is not None else []
        if "db.query" in effects or (entry is not None and entry.when == "iterate"):
            query(frame, rows, position, what, depth=rows.depth if once else None)
        if once:
            rows.stored = True
    return loaded(frame, rows, position)


def loaded(frame: Frame, rows: Rows, position: int) -> Load:
    """Watch rows that are in memory from here on."""
    load = Load(rows.model, position, query_symbol(rows))
    load.relation = rows.relation
    load.filtered = bool(rows.filters) or (rows.joined and rows.values)
    keyed = any(name in ("id", "pk") and how != "not" for model, name, how in rows.filters if model is rows.model)
    load.limited = rows.limited is not None or (keyed and not rows.open)
    load.values, load.grouped, load.follows = rows.values, rows.grouped and rows.values, keyed and rows.open
    load.chosen = rows.values or bool(rows.columns)
    one = any(
        name in ("id", "pk") and how in ("eq", "exact", "pk")
        for model, name, how in rows.filters
        if model is rows.model
    )
    load.few = one or (rows.limited is not None and rows.limited.is_little)
    load.chain = ((frame.function, position, query_symbol(rows)),)
    load.whole = rows.escaped
    rows.load = frame.load(load)
    return load


def query(
    frame: Frame,
    rows: Rows,
    position: int,
    what: str,
    *,
    depth: int | None = None,
    effect: str = "db.query",
    blocking: bool = True,
    node: Node | None = None,
) -> None:
    """Record one query for rows, and the columns it looks up by."""
    frame.emit(
        effect,
        query_symbol(rows),
        position,
        what,
        depth=depth,
        root=rows.root if depth is not None else None,
        detail=rows,
        certain=rows.model is not None or is_create(node),
        doubtful=rows.assumed and rows.relation is not None and not rows.filters,
        blocking=blocking,
        node=node,
    )
    frame.interp.looked_up(frame, rows, position)


def is_create(node: Node | None) -> bool:
    """Tell whether a call makes a row, of whichever model."""
    return node is not None and node[0] == "call" and node[2][0] == "attr" and node[2][3] in CREATES


def query_symbol(rows: Rows) -> str:
    """Name a query after what it fetches: `Order`, or `Customer.orders` along a relation."""
    if rows.relation and rows.owner is not None:
        return f"{rows.owner.model.name}.{rows.relation}"
    return rows.model.name if rows.model is not None else "query"


def relation_size(owner: Row, relation: str) -> Size:
    """Return how many rows one row relates to."""
    return Size(f"{owner.model.name}.{relation}")


def iterate(frame: Frame, value: Value, node: Node, *, kind: str = "for") -> tuple[Value, Loop]:
    """Return what one pass over a value sees, and the loop it makes (not yet entered)."""
    over, position = text(node), node[1]
    depth = frame.depth + 1
    if isinstance(value, Rows):
        if value.manager:
            stored, value = value.stored, value.copy(frame.depth)
            value.stored = stored
        load = run_query(frame, value, position, over)
        element = value.element(depth)
        size = value.how_many
        if value.relation and value.owner is not None and value.limited is None:
            size = relation_size(value.owner, value.relation)
        loop = Loop(kind, position, over, size, value)
        loop.iterated = value
        value.load = load
        return element, loop
    if isinstance(value, Sequence):
        loop = Loop(kind, position, over, value.size, value)
        loop.sure = value.known
        return deepen(value.element, depth), loop
    if isinstance(value, Foreign) and value.element is not None:
        return deepen(value.element, depth), Loop(kind, position, over, value.size or ITEMS, value)
    if isinstance(value, Constant):
        loop = Loop(kind, position, over, constant(len(value.value)) if isinstance(value.value, str) else ITEMS, value)
        return Scalar(depth=depth), loop
    if isinstance(value, Instance):
        found = frame.interp.method_result(frame, value, "__iter__", node)
        if isinstance(found, Sequence):
            return deepen(found.element, depth), Loop(kind, position, over, found.size, value)
        if isinstance(found, Instance):
            loop = Loop(kind, position, over, ITEMS, value)
            loop.sure = False
            frame.loops.append(loop)
            item = frame.interp.method_result(frame, found, "__next__", node)
            frame.loops.pop()
            return deepen(item, depth) if item is not None else Value(depth), loop
    loop = Loop(kind, position, over, constant(FEW) if isinstance(value, Few) else ITEMS, value)
    loop.sure = False
    if isinstance(value, Foreign) and ("IO" in value.name or "file" in value.name.lower()):
        loop.size = ROWS
        return Scalar("str", depth), loop
    if isinstance(value, Foreign):
        item = item_of(frame, value, node)
        if item is not None:
            return deepen(item, depth), loop
    if isinstance(value, External | Awaitable) or value.kind == "class":
        loop.size = constant(5) if value.kind == "class" else ITEMS  # members of an enumeration
    return Value(depth, value.root if value.root is not None else None), loop


def item_of(frame: Frame, value: Foreign, node: Node) -> Value | None:
    """Return what going through a library's object gives, where its model says."""
    from perfwright.effects.calls import result_of

    entry = frame.interp.libraries.method(value.name, "__iter__")
    if entry is None or entry.returns is None or entry.returns.head != "Iter":
        return None
    return result_of(frame, entry, entry.returns.args[0], value, (), {}, node)


def looks_few(node: Node) -> bool:
    """Tell whether a collection of unknown origin is named like one that does not grow with data."""
    name = ""
    inner = node
    while inner[0] in ("call", "sub", "attr", "dot"):
        if inner[0] in ("attr", "dot") and inner[3] not in ("items", "values", "keys", "all", "copy"):
            name = inner[3]
            break
        inner = inner[2]
    if inner[0] == "name":
        name = inner[2]
    if name.isupper() and len(name) > 1:
        return True
    lowered = name.lower().strip("_")
    return any(lowered == word or lowered.endswith(("_" + word.strip("_"),)) for word in FEW_WORDS)


def takes_batches(node: Node) -> bool:
    """Tell whether a loop goes through batches: `range(0, n, step)`, `chunked(...)`, `batched(...)`."""
    if node[0] != "call":
        return False
    called = node[2]
    name = called[2] if called[0] == "name" else called[3] if called[0] == "attr" else ""
    if name == "range" and len(node[3]) == 3:
        return bool(node[3][2][0] != "const" or (isinstance(node[3][2][2], int) and abs(node[3][2][2]) > 1))
    if "chunk" in name.lower() and any(word in text(node).lower() for word in ("text", "doc", "transcript")):
        return False  # the pieces of a text, one at a time: `chunk_text(text)`
    return any(word in name.lower() for word in BATCH_WORDS)


def deepen(value: Value, depth: int, level: int = 0) -> Value:
    """Return a value as one pass of a loop sees it: made anew at `depth`.

    `level` counts the collections around it: far inside, their items are not told apart.
    """
    if isinstance(value, Row):
        row = Row(value.model, value.fetched, depth)
        row.assumed, row.locked = value.assumed, value.locked
        return row
    if isinstance(value, Rows):
        copy = value.copy(depth)
        copy.manager, copy.stored = value.manager, value.stored
        return copy
    if isinstance(value, Instance):
        return Instance(value.cls, depth, None, value.action)
    if isinstance(value, Foreign):
        found = Foreign(value.name, depth, None, value.element)
        found.size, found.timed = value.size, value.timed
        return found
    if isinstance(value, Sequence):
        inner = level + 1
        sequence = Sequence(value.of, deepen(value.element, depth, inner), value.size, depth, known=value.known)
        sequence.key, sequence.holding = value.key, value.holding
        if value.items and level < NESTED:
            sequence.items = tuple([deepen(item, depth, inner) for item in value.items])
        if value.fields is not None and level < NESTED:
            sequence.fields = {name: deepen(held, depth, inner) for name, held in value.fields.items()}
        return sequence
    if isinstance(value, Constant):
        return Scalar(type(value.value).__name__ if isinstance(value.value, str | bytes) else "", depth)
    if isinstance(value, Scalar):
        return Scalar(value.type, depth)
    if isinstance(value, Few):
        return Few(depth, inner=value.inner)
    if value is UNKNOWN or value.kind == "unknown":
        return Value(depth)
    return value
