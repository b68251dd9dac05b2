"""Whole rows are loaded, long texts and documents with them, and only a few short columns are used.

The database reads each long value from where it is kept apart, sends it, and Python builds an object that holds it.
Asking for the columns that are needed leaves all of that out.

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
from typing import Any

from perfwright.effects.schema import Column, Model
from perfwright.effects.summary import Effects
from perfwright.effects.values import Load
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import walk
from perfwright.rules._code import positions
from perfwright.rules._contract import Rule

LONG = ("text", "json", "jsonb", "blob", "binary", "bytes", "hstore", "richtext", "stream")
CHOOSES = frozenset(("only", "defer", "values", "values_list", "load_only", "undefer", "with_only_columns"))
FEW = 3  # as many columns as a tuple can hold and still be read


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if not function.called.isdisjoint(CHOOSES):
        return
    for load in effects.loads:
        model = load.model
        if model is None or load.limited or load.values or load.owned or load.reduced or len(load.chain) != 1:
            continue
        unused = long_columns(model)
        used = columns_used(effects, load, model) if unused else None
        if not used or len(used) > FEW:
            continue
        left = [column.name for column in unused if column.name not in used]
        if left:
            yield told(effects, load, model, used, left)


def told(effects: Effects, load: Load, model: Model, used: list[str], left: list[str]) -> Finding:
    named = ", ".join(f"`{name}`" for name in left[:FEW]) + (" and others" if len(left) > FEW else "")
    shown = ", ".join(f"`{name}`" for name in used)
    _, position, what = load.chain[0]
    of_all = bool(load.relation) and is_of_all(effects, load)
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, position),
        symbol=load.symbol,
        message=f"all columns of `{load.symbol}` are loaded, {named} too, and only {shown} of each row used",
        cure=cure(model, used, load.relation if of_all else None),
        confidence="possible" if load.filtered or (load.relation and not of_all) else "likely",
        chain=(effects.step(effects.function, position, f"load: {what}"),),
        cost=Cost(terms=(Term("load", (load.symbol,)),)),
    )


def is_of_all(effects: Effects, load: Load) -> bool:
    """Tell whether what is linked to a row is loaded for every row of a table, in a loop over them."""
    nodes = walk(effects.function.body)
    for outer in effects.loads:
        whole = outer.model is not None and not (outer.limited or outer.values or outer.filtered or outer.relation)
        if not whole or len(outer.chain) != 1:
            continue
        at = outer.chain[0][1]
        name = name_of(nodes, at)
        for node in nodes:
            for _, over, inside in passes(node):
                through = at in positions(over) or (over[0] == "name" and (over[1] == at or over[2] == name))
                if through and load.chain[0][1] in positions(inside):
                    return True
    return False


def cure(model: Model, used: list[str], relation: str | None) -> str:
    if model.framework == "django" and relation:
        columns = ", ".join(repr(name) for name in used)
        return f"Fetch what is used: Prefetch({relation!r}, queryset={model.name}.objects.only({columns}))."
    if model.framework == "django":
        return f"Ask for what is used: values_list({', '.join(repr(name) for name in used)}), or only(...)."
    return f"Ask for what is used: select({', '.join(f'{model.name}.{name}' for name in used)})."


def long_columns(model: Model) -> list[Column]:
    """Return the columns that may hold much: texts, documents, bytes."""
    return [column for column in model.columns.values() if is_long(column.type)]


def is_long(kind: str) -> bool:
    name = kind.rpartition(".")[2].lower().removesuffix("field")
    return name in LONG or name.endswith(("json", "jsonb", "blob"))


def columns_used(effects: Effects, load: Load, model: Model) -> list[str] | None:
    """Return the columns that are read of each row; None where a row is used otherwise, or it is not known what for."""
    body = effects.function.body
    nodes = walk(body)
    name = name_of(nodes, load.chain[0][1])
    used: dict[str, None] = {}
    ends = 0  # the places where rows are gone through
    for node in nodes:
        for target, over, inside in passes(node):
            direct = load.chain[0][1] in positions(over) or over[1] == load.chain[0][1]
            if not direct and not (name and over[0] == "name" and over[2] == name):
                continue
            ends += 1
            if target[0] != "name" or not columns_of(inside, target[2], model, used):
                return None
    others = sum(node[0] == "name" and node[2] == name for node in nodes) - 1 if name else 0
    return list(used) if ends and (not name or others == ends) else None


def name_of(nodes: list[Node], position: int) -> str:
    """Return the name that rows are given before they are gone through; nothing where they have none."""
    names = [
        node[2][0][2] for node in nodes if node[0] == "assign" and is_name(node) and position in positions(node[3])
    ]
    over = [node[3][2] for node in nodes if node[0] == "for" and node[3][0] == "name" and node[3][1] == position]
    over += [
        generator[1][2]
        for node in nodes
        if node[0] == "comp"
        for generator in node[4]
        if generator[1][0] == "name" and generator[1][1] == position
    ]
    known = set(names or over)
    return known.pop() if len(known) == 1 else ""


def is_name(statement: Node) -> bool:
    return bool(len(statement[2]) == 1 and statement[2][0][0] == "name")


def passes(node: Node) -> list[tuple[Node, Node, tuple[Any, ...]]]:
    """Return what a loop or a comprehension goes through: its variable, what over, and the code that sees an item."""
    if node[0] == "for":
        return [(node[2], node[3], (node[4],))]
    if node[0] == "comp":
        found = []
        for at, (variable, over, *_) in enumerate(node[4]):
            tests = tuple(each[2] for each in node[4])
            after = tuple(each[1] for each in node[4][at + 1 :])
            found.append((variable, over, (node[3], node[5], tests, after)))
        return found
    return []


def columns_of(inside: tuple[Any, ...], row: str, model: Model, used: dict[str, None]) -> bool:
    """Add the columns that code reads of a row; return False where it does anything else with it."""
    reads = 0
    for node in walk(inside):
        if node[0] == "attr" and node[2][0] == "name" and node[2][2] == row:
            column = "id" if node[3] == "pk" else node[3]
            if column not in model.columns:
                return False
            used[column] = None
            reads += 1
        elif node[0] == "name" and node[2] == row:
            reads -= 1
    return reads == 0


RULE = Rule(name="over-fetch", sees=("load",), spends=("latency", "memory"), proof=Proof.growth("n"), find=find)
