"""Whole rows are loaded, long texts and documents with them, and only a few short columns are used.

The database reads each long value from where it is kept apart, sends it, and Python builds an object that holds it.
Asking for the columns that are needed leaves all of that out. So it is with a text of which only the beginning is
shown, with `SELECT *` of a wide table, and with relations that a helper or a dependency fetches along for callers
that read none of them. Rows are followed through helpers, dicts, loops, properties and the models of an answer.

## Setup

```python
# file: shop/models.py
from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=100)
    slug = models.SlugField(unique=True)
    price = models.IntegerField(default=0)
    stock = models.IntegerField(default=0)
    description = models.TextField(default="")
    details = models.JSONField(default=dict)
```

## Slow

```python
from shop.models import Product


def prices(n: int) -> dict[str, int]:
    return {product.slug: product.price for product in Product.objects.all()}
```

## Fast

```python
from shop.models import Product


def prices(n: int) -> dict[str, int]:
    return dict(Product.objects.values_list("slug", "price"))
```

## Input

```python
from shop.models import Product


def make(n: int) -> int:
    words = "A long description. " * 50
    rows = [Product(name=f"product {i}", slug=f"p-{i}", price=i, description=words) for i in range(n)]
    Product.objects.bulk_create(rows)
    return n
```

## When to leave it

The rows are few, or the long columns are empty in most of them.
"""

from collections.abc import Iterator

from perfwright.effects import serializers
from perfwright.effects.observations import Reading
from perfwright.effects.schema import Column, Model
from perfwright.effects.summary import Effects
from perfwright.effects.values import Load
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function
from perfwright.index.tree import walk
from perfwright.rules._contract import Rule
from perfwright.rules._fetched_along import JOINED, SEPARATE, Origin, Origins
from perfwright.rules._read_of import At, Reads, State, Taken, standing
from perfwright.rules._star import stars

LONG = ("text", "json", "jsonb", "blob", "binary", "bytes", "hstore", "richtext", "stream", "largebinary")
CHOOSES = frozenset(
    (
        *("only", "defer", "load_only", "undefer", "with_only_columns", "with_entities"),
        *("raiseload", "noload", "lazyload"),
    )
)
LOADERS = (*SEPARATE, *JOINED)
WIDE = 10  # columns of a table of which a `SELECT *` should have named some
FEW = 3  # names of columns that a message lists


def find(effects: Effects) -> Iterator[Finding]:
    yield from columns(effects)
    yield from relations(effects)
    yield from written(effects)


def columns(effects: Effects) -> Iterator[Finding]:
    """Give the loads of whole rows with long columns that nothing reads."""
    for load in effects.loads:
        model = load.model
        if model is None or load.few or load.chosen or load.owned or not long_columns(model):
            continue
        if load.reduced and not load.whole and not load.limited:
            continue  # load-all-to-filter says it
        if any(not link[0].called.isdisjoint(CHOOSES) for link in load.chain):
            continue
        taken = taken_of(effects, load, model)
        if taken is None or not taken.names | taken.cut:
            continue
        left = [each.name for each in long_columns(model) if each.name not in taken.names | taken.written]
        if left:
            yield told(effects, load, model, taken, left)


def relations(effects: Effects) -> Iterator[Finding]:
    """Give the queries that fetch relations along which this function, where their rows end up, does not read."""
    for origin in Origins(effects).of(effects.reading):
        if origin.given:
            reads = Reads(effects)
            if not answered(effects, reads, origin.given, State("row", origin.model, origin.taken)):
                continue
        left = [name for name in origin.names if name not in origin.taken.inner]
        # Many rows that nobody reads are there for the session: others find them in it.
        primes = origin.many and not (origin.taken.names or origin.taken.inner or origin.taken.written)
        if left and origin.taken.known and not primes:
            yield along(effects, origin, left)
        if origin.taken.known and origin.many and origin.said[0].called.isdisjoint(CHOOSES):
            yield from whole(effects, origin)


def whole(effects: Effects, origin: Origin) -> Iterator[Finding]:
    """Give the relations that are fetched along with long columns, of which only short ones are read."""
    function, position = origin.said
    for name, how in origin.names.items():
        relation, taken = origin.model.relations.get(name), origin.taken.inner.get(name)
        target = relation.target if relation is not None else None
        if target is None or taken is None or not taken.known or not taken.names | taken.cut or how not in LOADERS:
            continue  # what Django fetches along is told where it is read
        read = taken.names | taken.cut | taken.written
        left = [column.name for column in long_columns(target) if column.name not in read]
        if not left:
            continue
        used = list(taken.names | taken.cut)
        shown = ", ".join(f"`{each}`" for each in used[:FEW]) + (" and others" if len(used) > FEW else "")
        named = ", ".join(f"`{each}`" for each in left[:FEW])
        chosen = ", ".join(f"{target.name}.{each}" for each in used)
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, named_at(function, name, position)),
            symbol=f"{origin.model.name}.{name}",
            message=f"`{name}` of each `{origin.model.name}` is fetched along whole, {named} too; only {shown} is used",
            cure=f"Fetch what is used: {how}({origin.model.name}.{name}).load_only({chosen}).",
            confidence="likely",
            chain=tuple(effects.step(*link) for link in origin.chain),
            cost=Cost(terms=(Term("load", (f"{origin.model.name}.{name}",)),)),
        )


def named_at(function: Function, name: str, position: int) -> int:
    """Return where a function names a relation to fetch it along."""
    for node in walk(function.body):
        first = node[3][0] if node[0] == "call" and node[3] and node[2][-1] in LOADERS else None
        if first is not None and first[0] == "attr" and first[3] == name:
            return int(node[1])
    return position


def along(effects: Effects, origin: Origin, left: list[str]) -> Finding:
    function, position = origin.said
    model = origin.model.name
    named = ", ".join(f"`{name}`" for name in left[:FEW]) + (" and others" if len(left) > FEW else "")
    by = f"`{effects.function.name}`" if len(origin.chain) > 1 else "nothing"
    uses = "which has the rows, reads none of that" if len(origin.chain) > 1 else "here reads it"
    terms = [Term("db.query", ()) for name in left if origin.names[name] != "joinedload"]
    return Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=model,
        message=f"{named} of each `{model}` are fetched along; {by}, {uses}",
        cure=f"Fetch the {model} without them where they are not used: give the options only to the callers that do.",
        confidence="likely",
        chain=tuple(effects.step(*link) for link in origin.chain),
        cost=Cost(terms=(*terms, *(Term("load", (f"{model}.{name}",)) for name in left))),
    )


def written(effects: Effects) -> Iterator[Finding]:
    """Give the loads of all columns of a wide table by SQL, where at most half of them are read."""
    function = effects.function
    for call, table in stars(effects, function):
        if len(table.columns) < WIDE:
            continue
        at, taken = At(function, effects.reading), Taken()
        Reads(effects).begin_at(at, call, State("list:row", table, taken))
        used = [name for name in taken.names if name in table.columns]
        left = [name for name in table.columns if name not in used]
        if not taken.known or at.given or not used or 2 * len(used) > len(table.columns):
            continue
        named = ", ".join(f"`{name}`" for name in used[:FEW]) + (f" and {len(used) - FEW} more" if used[FEW:] else "")
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, call[1]),
            symbol=table.name,
            message=f"all {len(table.columns)} columns of `{table.name}` are loaded, and only {named} of each row used",
            cure=f"Name the columns in the SELECT: without {', '.join(left[:FEW])} and the others that nothing reads.",
            confidence="likely",
            chain=(effects.step(function, call[1], f"load: {table.name}"),),
            cost=Cost(terms=(Term("load", (table.name,)),)),
        )


def told(effects: Effects, load: Load, model: Model, taken: Taken, left: list[str]) -> Finding:
    used = list(taken.names | taken.cut)
    named = ", ".join(f"`{name}`" for name in left[:FEW]) + (" and others" if len(left) > FEW else "")
    shown = ", ".join(f"`{name}`" for name in used[:FEW]) + (" and others" if len(used) > FEW else "")
    function, position, _ = load.chain[-1]
    begun = all(name in taken.cut for name in left)
    return Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=load.symbol,
        message=f"all columns of `{load.symbol}` are loaded, {named} too, and only {shown} of each row used"
        if not begun
        else f"{named} of each `{load.symbol}` is loaded whole, and only its beginning used",
        cure=cure(model, used, left, load.relation) if not begun else shortened(model, left[0]),
        confidence=confidence(effects, load, model, left),
        chain=steps(effects, load),
        cost=Cost(terms=(Term("load", (load.symbol,)),)),
    )


def confidence(effects: Effects, load: Load, model: Model, left: list[str]) -> Confidence:
    if load.relation and not is_of_all(effects, load):
        return "possible"
    return "possible" if load.filtered and all(model.columns[name].optional for name in left) else "likely"


def is_of_all(effects: Effects, load: Load) -> bool:
    """Tell whether what is linked to a row is loaded for every row of a table, in a loop over them."""
    for outer in effects.loads:
        whole = outer.model is not None and not (outer.limited or outer.values or outer.filtered or outer.relation)
        if not whole or len(outer.chain) != 1:
            continue
        for trail in standing(effects.function.body, load.chain[0][1]):
            if any(outer.chain[0][1] in iterated(node) for node in trail[:-1]):
                return True
    return False


def iterated(node: Node) -> set[int]:
    """Return the positions in what a loop or a comprehension goes through."""
    over = [node[3]] if node[0] == "for" else [each[1] for each in node[4]] if node[0] == "comp" else []
    return {inner[1] for inner in walk(tuple(over))}


def steps(effects: Effects, load: Load) -> tuple[Step, ...]:
    inner = load.chain[-1][0]
    return tuple(
        effects.step(function, position, f"load: {what}" if function is inner else what)
        for function, position, what in load.chain
    )


def shortened(model: Model, name: str) -> str:
    if model.framework == "django":
        return f'Let the database cut it: .defer("{name}").annotate(start=Left("{name}", n)).'
    return f"Let the database cut it: select func.substr({model.name}.{name}, 1, n)."


def cure(model: Model, used: list[str], left: list[str], relation: str | None) -> str:
    few = len(used) <= FEW
    if model.framework == "django" and relation:
        chosen = f"{'only' if few else 'defer'}({', '.join(repr(name) for name in (used if few else left))})"
        return f"Fetch what is used: Prefetch({relation!r}, queryset={model.name}.objects.{chosen})."
    if model.framework == "django":
        if few:
            return f"Ask for what is used: values_list({', '.join(repr(name) for name in used)}), or only(...)."
        return f"Leave out what is not used: defer({', '.join(repr(name) for name in left)}), or values(...)."
    if few:
        return f"Ask for what is used: select({', '.join(f'{model.name}.{name}' for name in used)})."
    columns = ", ".join(f"defer({model.name}.{name})" for name in left)
    return f"Leave out what is not used: .options({columns}), or load_only(...)."


def long_columns(model: Model) -> list[Column]:
    """Return the columns that may hold much: texts, documents, bytes."""
    return [column for column in model.columns.values() if is_long(column.type)]


def is_long(kind: str) -> bool:
    name = kind.rpartition(".")[2].lower().removesuffix("field")
    return name in LONG or name.endswith(("json", "jsonb", "blob"))


def taken_of(effects: Effects, load: Load, model: Model) -> Taken | None:
    """Return what is read of each row, from the query to the function that was read; None where that is not known."""
    readings = way(effects.reading, load)
    if readings is None:
        return None
    reads, taken = Reads(effects), Taken()
    state = State("list:row", model, taken)
    given: dict[str, None] = {"list:row": None}
    name = ""
    for (function, position, shown), reading in zip(reversed(load.chain), reversed(readings), strict=True):
        at = At(function, reading)
        if name:
            name = shown.removesuffix("()")
        for kind in given:
            reads.begin(at, position, kind, state, name)
        given, name = at.given, "called"
        if not taken.known:
            return None
    if given and not answered(effects, reads, list(given), state):
        return None
    return taken if taken.known else None


def way(reading: Reading, load: Load) -> list[Reading] | None:
    """Return the readings of the functions that a load went through, the outermost first."""
    found = [reading]
    for function, *_ in load.chain[1:]:
        inner = next((each for each in found[-1].called if each.function is function), None)
        if inner is None:
            return None
        found.append(inner)
    return found


def answered(effects: Effects, reads: Reads, given: list[str], state: State) -> bool:
    """Follow rows that an entry point returns into the model of its answer; tell whether it has one."""
    function: Function = effects.function
    node = serializers.response_model(function) if effects.entry else None
    held = serializers.held(effects.project, function.module, node) if node is not None else None
    if not isinstance(held, Class) or given not in (["list:row"], ["row"]):
        return False
    reads.answer(held, state)
    return True


RULE = Rule(
    name="over-fetch",
    sees=("load", "db.query", "dependency"),
    spends=("latency", "memory"),
    proof=Proof.growth("n"),
    find=find,
)
