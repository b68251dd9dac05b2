"""Rows are counted, or all loaded, only to learn whether there is one.

To count, the database goes through every row that matches; to load them, it sends them all. Asked whether there is
one, it stops at the first.

## Setup

```python
# file: shop/models.py
from django.db import models


class Order(models.Model):
    total = models.IntegerField()
    paid = models.BooleanField(default=False)
```

## Slow

```python
from shop.models import Order


def is_closed(start: int) -> bool:
    return Order.objects.filter(paid=False).count() == 0
```

## Fast

```python
from shop.models import Order


def is_closed(start: int) -> bool:
    return not Order.objects.filter(paid=False).exists()
```

## Input

```python
from shop.models import Order


def make(n: int) -> int:
    Order.objects.bulk_create([Order(total=i, paid=False) for i in range(n)])
    return n
```

## When to leave it

Few rows can match, or the number is shown as well.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.scans import asks_existence
from perfwright.effects.schema import Model
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Load, Rows
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.tree import walk
from perfwright.rules._code import path_to, statements
from perfwright.rules._contract import Rule

COUNTS = ("count", "acount")
DJANGO = "Ask .exists() instead: the database stops at the first row."
SQLALCHEMY = "Ask for one row instead: session.scalar(select(exists().where(...))), or .limit(1)."


def find(effects: Effects) -> Iterator[Finding]:
    for effect in effects.effects("db.query"):
        event = effect.event
        if event.loops or event.multiplied or event.once or len(event.chain) > (2 if event.existence else 1):
            continue
        if is_count(event) and (event.existence or asked_by_name(effects, event)):
            yield counted(effects, effect)
    for load in effects.loads:
        only = load.reduced and all(use[0] == "test" for use in load.reduced)
        if only and load.model is not None and not load.whole and not (load.limited or load.values):
            yield loaded(effects, load)


def counted(effects: Effects, effect: Effect) -> Finding:
    event = effect.event
    model = getattr(event.detail, "model", None)
    rows = event.detail if isinstance(event.detail, Rows) else None
    relation = f"{rows.owner.model.name}.{rows.relation}" if rows is not None and rows.owner is not None else ""
    matching = share(model, rows.filters if rows is not None else (), relation)
    sure: Confidence = "certain" if len(event.chain) == 1 and event.certain else "likely"
    return effects.finding(
        RULE.name,
        effect,
        f"`{effect.what}` counts every row that matches, to learn whether there is one",
        cure=cure(model),
        confidence="possible" if event.doubtful else sure,
        terms=(Term("db.seqscan", (matching,)),),
    )


def loaded(effects: Effects, load: Load) -> Finding:
    _, position, shown = load.reduced[0]
    filters = [f for lookup in effects.lookups if lookup.position == load.position for f in lookup.filters]
    steps = [Step(path=f.path, line=line_of(p), function=f.qualified, what=w) for f, p, w in load.chain[::-1] if p]
    steps.append(effects.step(effects.function, position, f"load: {shown}"))
    few = load.owned or load.relation is not None
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, position),
        symbol=load.symbol,
        message=f"all `{load.symbol}` rows are loaded to learn whether there is one: `{shown}`",
        cure=cure(load.model),
        confidence="possible" if few else "likely" if len(load.chain) > 1 else "certain",
        chain=tuple(steps),
        cost=Cost(terms=(Term("load", (share(load.model, tuple(filters)),)),)),
    )


def is_count(event: Event) -> bool:
    """Tell whether a query counts rows: `.count()`, or a statement made with `func.count()`."""
    function, _, _ = event.chain[0]
    node = event.node
    if len(event.chain) == 2:  # a helper that only counts
        function, position, _ = event.chain[1]
        path = path_to(function.body, position)
        node = path[-1] if path and path[0][0] == "return" and path[0][2] is path[-1] else None
    if node is None or node[0] != "call" or node[2][0] != "attr":
        return False
    if node[2][3] in COUNTS:
        return isinstance(event.detail, Rows) and not node[3]
    names = {part[2] for part in node[3] if part[0] == "name"}
    made = [
        s[3] for s in statements(function.body) if s[0] == "assign" and s[2][0][0] == "name" and s[2][0][2] in names
    ]
    return any(n[0] == "attr" and n[3] == "count" and last(n[2]) == "func" for n in walk((node[3], tuple(made))))


def last(node: Node) -> str:
    return str(node[2]) if node[0] == "name" else str(node[3]) if node[0] == "attr" else ""


def asked_by_name(effects: Effects, event: Event) -> bool:
    """Tell whether a count is kept under a name of which only the truth is asked."""
    body = effects.function.body
    for statement in statements(body):
        if statement[0] != "assign" or len(statement[2]) != 1 or statement[2][0][0] != "name":
            continue
        value = statement[3][2] if statement[3][0] == "await" else statement[3]
        if value is not event.node and not (value[0] == "call" and value[2][0] == "attr" and value[2][2] is event.node):
            continue
        name = statement[2][0][2]
        reads = [node for node in walk(body) if node[0] == "name" and node[2] == name and node is not statement[2][0]]
        asked = list(truths(body, name))
        return bool(asked) and len(reads) == len(asked)
    return False


def truths(body: tuple[Node, ...], name: str) -> Iterator[Node]:
    """Give the places where only the truth of a name is asked, or whether it is above zero."""
    for node in walk(body):
        if node[0] in ("if", "while") or (node[0] == "cmp" and asks_existence(node)):
            parts = [node[2]]
        elif node[0] == "bool":
            parts = list(node[3][:-1])
        elif node[0] == "un" and node[2] == "not":
            parts = [node[3]]
        else:
            continue
        yield from (part for part in parts if part[0] == "name" and part[2] == name)


def share(model: Model | None, filters: tuple[tuple[Model | None, str, str], ...], relation: str = "") -> str:
    """Return how many rows match: one by what is unique, the children of one row, else a share of the table."""
    if model is None:
        return relation or "rows"
    equal = {name for of, name, operator in filters if of is model and operator == "eq"}
    columns = {name: column for name in equal if (column := model.column(name)) is not None}
    known = {column.name for column in columns.values()}
    if any(column.unique for column in columns.values()) or any(group <= known for group in model.uniques):
        return "1"
    if relation:
        return relation
    keys = ("ForeignKey", "TreeForeignKey", "ParentalKey")
    return "items" if any(column.target or column.type in keys for column in columns.values()) else model.name


def cure(model: Model | None) -> str:
    return SQLALCHEMY if model is not None and model.framework == "sqlalchemy" else DJANGO


RULE = Rule(
    name="count-to-test-existence",
    sees=("db.query", "load"),
    spends=("latency", "memory"),
    proof=Proof.growth("n"),
    find=find,
)
