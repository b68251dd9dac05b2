"""A query runs once per item of a loop, where one query could fetch what all of them need.

A thousand rows cost a thousand and one round trips. The query often does not look like one: it hides in a
lazy relation, a property, a serializer field or a helper two modules away.

## Setup

```python
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)
```

```python
# file: models.py
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    customer: Mapped[Customer] = relationship()
```

## Slow

```python
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Order


def names(session: Session) -> set[str]:
    return {order.customer.name for order in session.scalars(select(Order))}
```

## Fast

```python
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from models import Order


def names(session: Session) -> set[str]:
    query = select(Order).options(joinedload(Order.customer))
    return {order.customer.name for order in session.scalars(query)}
```

## Input

```python
from sqlalchemy.orm import Session

from models import Base, Customer, Order


def make(n: int) -> Session:
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    session = Session(engine)
    session.add_all(Order(id=i, customer=Customer(id=i, name=f"customer {i}")) for i in range(1, n + 1))
    session.commit()
    return session
```

## When to leave it

The loop is over a handful of items whose number does not grow, or the rows come from a cache.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Link
from perfwright.effects.schema import DJANGO, Relation
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Cost, Finding, Proof
from perfwright.index.tree import walk
from perfwright.rules._contract import Rule
from perfwright.rules._same import call_at, same_from

VALIDATIONS = ("full_clean", "validate_unique", "validate_constraints")
MOST = 4  # symbols and cures named in one finding


def find(effects: Effects) -> Iterator[Finding]:
    for group in effects.repeated_at("db.query"):
        group = [effect for effect in group if not refreshes(effect)]
        sure = [effect for effect in group if effects.confidence(effect) != "possible"] or group
        if not sure:
            continue
        effect = sure[0]
        loop = effect.loop
        if loop is None:
            continue
        first = effect.event.chain[0]
        yield Finding(
            rule=RULE.name,
            place=effects.place(first[0], first[1]),
            symbol=effect.event.symbol,
            message=message(sure, loop.over),
            cure=" ".join(dict.fromkeys(cure(effects, each) for each in sure[:MOST])),
            confidence=effects.confidence(effect),
            chain=effects.chain(effect),
            cost=Cost(terms=tuple(effects.term(each) for each in sure)),
            fetches=tuple([name for name in map(fetched, sure) if name]),
        )


def refreshes(effect: Effect) -> bool:
    """Tell whether a query only reads back the row that was just written: the write is the cause."""
    model = effect.event.model
    return model is not None and model.name.endswith(("Session.refresh", "Model.refresh_from_db"))


def fetched(effect: Effect) -> str:
    """Return the relation that would be fetched along, `Order.customer`; nothing where it is another query."""
    rows = effect.rows
    if effect.relation is not None:
        return f"{effect.event.symbol.partition('.')[0]}.{effect.relation.name}"
    if rows is not None and rows.relation and rows.owner is not None and not rows.filters:
        return f"{rows.owner.model.name}.{rows.relation}"
    return ""


def message(group: list[Effect], over: str) -> str:
    effect, call = group[0], group[0].event.chain[0][2]
    symbols = [f"`{each.event.symbol}`" for each in group]
    if len(group) > 1:
        more = f" and {len(group) - MOST} more" if len(group) > MOST else ""
        named = ", ".join(symbols[:MOST])
        return f"each pass over `{over}` runs up to {len(group)} queries through `{call}`: {named}{more}"
    if effect.relation is not None:
        owner = effect.event.symbol.partition(".")[0]
        through = f" (through `{call}`)" if len(effect.event.chain) > 1 else ""
        return f"one query per item of `{over}`: {symbols[0]} is not fetched with the {owner} rows{through}"
    if len(effect.event.chain) > 1:
        return f"each pass over `{over}` runs a query for {symbols[0]} through `{call}`"
    return f"each pass over `{over}` runs a query: `{call}`"


def cure(effects: Effects, effect: Effect) -> str:
    """Name the call of the user's own library that fetches the relation along, or the batch form."""
    relation = effect.relation
    model = effect.event.symbol.partition(".")[0]
    special = otherwise(effect, model)
    if special:
        return special
    if relation is not None:
        if is_django(effects, model, relation):
            call = "prefetch_related" if relation.many or relation.generic else "select_related"
            return f'Add .{call}("{relation.name}") to the query of the {model} rows.'
        loader = "selectinload" if relation.many else "joinedload"
        return f"Add .options({loader}({model}.{relation.name})) to the query of the {model} rows."
    rows = effect.rows
    if rows is not None and rows.relation and rows.owner is not None and rows.api.startswith("django"):
        if not rows.filters:
            return f'Add .prefetch_related("{rows.relation}") to the query of the {rows.owner.model.name} rows.'
        return f"Fetch the {rows.relation} of all items in one query, or prefetch them with Prefetch(queryset=...)."
    if rows is not None and rows.model is not None:
        return f"Fetch all {rows.model.name} rows that the loop needs in one query (an IN filter) before it."
    return "Ask once before the loop for everything that it needs."


def is_django(effects: Effects, owner: str, relation: Relation) -> bool:
    """Tell whether a relation is of a Django model."""
    for model in effects.schema.by_name.get(owner, ()):
        if model.relations.get(relation.name) is relation:
            return model.framework == DJANGO
    return effects.schema.frameworks == {DJANGO}


def otherwise(effect: Effect, model: str) -> str:
    """Return the cure of a query that no fetching along and no IN filter mends; nothing for all others."""
    event = effect.event
    if effect.loop is not None and effect.loop.drains:
        return (
            "Take some dozens of rows with one query (a larger limit), with what is asked of each, and go through them."
        )
    if effect.loop is not None and effect.loop.kind == "answer":
        return "Answer with the row as the view's own query fetches it: `self.get_queryset().get(pk=saved.pk)`."
    if effect.relation is None and (same := same_from(effect, looking=True)) is not None:
        return f"Move `{event.chain[same][2]}` before the loop: it asks for the same on each pass."
    leaf = call_at(event.leaf)
    asked = leaf[2][3] if leaf is not None and leaf[0] == "call" and leaf[2][0] == "attr" else ""
    if asked in VALIDATIONS:
        return (
            "Each validation asks the database about one row (unique fields, relations): check all rows with one "
            "query, or leave it to the constraints of the table and write the rows together."
        )
    if asked in ("exists", "aexists") and any(in_while(link) for link in event.chain[1:]):
        return f"Fetch the {model} values that are taken in one query before the loop, and choose free ones in memory."
    functions = [link[0] for link in event.chain]
    if effect.relation is None and any(function in functions[:index] for index, function in enumerate(functions)):
        return f"Load the {model} rows of the whole tree in one query (or a recursive CTE) and link them in memory."
    return ""


def in_while(link: Link) -> bool:
    """Tell whether a step stands in a `while`: it goes on until it finds something."""
    function, position, _ = link
    return any(node[0] == "while" and any(inner[1] == position for inner in walk(node)) for node in walk(function.body))


RULE = Rule(
    name="n-plus-one-query", sees=("db.query",), spends=("latency", "queries"), proof=Proof.count("queries"), find=find
)
