"""A query looks rows up by a column that has no index: the database reads the whole table to find them.

Foreign keys count too: Django indexes them, SQLAlchemy and most databases do not.

## Setup

```python
# file: models.py
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
```

## Slow

```python
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import Base


class Holder(Base):
    __tablename__ = "holder"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(40))


def holder(session: Session, token: str) -> int | None:
    found = session.scalar(select(Holder).where(Holder.token == token))
    return found.id if found else None
```

## Fast

```python
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import Base


class Holder(Base):
    __tablename__ = "holder"
    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(40), index=True)


def holder(session: Session, token: str) -> int | None:
    found = session.scalar(select(Holder).where(Holder.token == token))
    return found.id if found else None
```

## Input

```python
from functools import cache

from sqlalchemy import create_engine, insert

from models import Base


@cache
def make(n: int) -> tuple[Session, str]:
    session = Session(create_engine("sqlite://"))
    Base.metadata.create_all(session.connection())
    rows = [{"id": i + 1, "token": f"t{i}"} for i in range(n)]
    session.execute(insert(Holder), rows) if rows else None
    return session, f"t{n - 1}"
```

## When to leave it

The table is small and stays so (name its size in the settings), or it is written far more often than read.
"""

from collections.abc import Iterator

from perfwright.effects.observations import Lookup
from perfwright.effects.schema import SQLALCHEMY, Column, Model
from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Place, Proof, Step, Term
from perfwright.index.lower import line_of
from perfwright.rules._contract import Rule

SELECTIVE = ("eq", "exact", "iexact", "in", "relation", "pk")


def find(effects: Effects) -> Iterator[Finding]:
    wanted: dict[tuple[str, str], tuple[Model, Column, str, list[Lookup]]] = {}
    for lookup in effects.lookups:
        for model, column, how in unindexed(lookup):
            key = (column.module.name, f"{column.line}:{column.name}")
            wanted.setdefault(key, (model, column, how, []))[3].append(lookup)
    for model, column, how, lookups in wanted.values():
        yield told(model, column, how, lookups)


def told(model: Model, column: Column, how: str, lookups: list[Lookup]) -> Finding:
    first = min(lookups, key=lambda lookup: (lookup.function.path, lookup.position))
    sites = {(lookup.function.path, lookup.position >> 12) for lookup in lookups}
    verb = {"order": "sort by", "range": "filter by a range of"}.get(how, "look rows up by")
    if first.relation or len(sites) == 1:
        by, verb = f"following `{first.relation}`" if first.relation else "a query", verb.replace(" ", "s ", 1)
    else:
        by = f"{len(sites)} queries"
    chain = [
        Step(
            path=site.function.path,
            line=line_of(site.position),
            function=site.function.qualified,
            what=f"db.query: {site.what}",
        )
        for site in sorted({(s.function.path, s.position): s for s in lookups}.values(), key=lambda s: s.position)[:5]
    ]
    if model.framework == SQLALCHEMY:
        cure = f"Add index=True to {model.name}.{column.name}, with a migration."
    else:
        cure = f"Add db_index=True to {model.name}.{column.name} or an Index to its Meta, with a migration."
    return Finding(
        rule=RULE.name,
        place=Place(path=column.module.path, line=column.line, function=model.name),
        symbol=f"{model.name}.{column.name}",
        message=f"{by} {verb} `{model.name}.{column.name}`, which has no index",
        cure=cure,
        confidence=confidence(how, first),
        chain=tuple(chain),
        cost=Cost(terms=(Term("db.seqscan", (model.name,)),)),
    )


def confidence(how: str, lookup: Lookup) -> Confidence:
    if lookup.relation or how == "eq":
        return "certain"
    return "likely" if how == "range" or (how == "order" and lookup.limited) else "possible"


def unindexed(lookup: Lookup) -> Iterator[tuple[Model, Column, str]]:
    """Give the columns that a query looks up by, where none of its conditions can use an index."""
    own = [part for part in lookup.filters if part[0] is lookup.model]
    if len(own) < len(lookup.filters):
        return  # conditions of other tables may be the ones that select
    columns = []
    for model, name, operator in own:
        column = model.column(name) if name else None
        relation = model.relations.get(name) if name else None
        if column is None:
            if name in ("pk", "id") or relation is not None or not name:
                return
            continue
        if column.indexed:
            return
        columns.append((model, column, operator))
    for model, column, operator in columns:
        if operator in SELECTIVE and not column.is_flag:
            yield model, column, "eq"
            return
    for model, column, operator in columns:
        if operator == "range":
            yield model, column, "range"
            return
    if lookup.filters:
        return
    for model, name in lookup.orders:
        column = model.column(name)
        if model is lookup.model and column is not None and not column.indexed:
            yield model, column, "order"
        return


RULE = Rule(
    name="filter-on-unindexed-column", sees=("look-up",), spends=("latency",), proof=Proof.growth("n"), find=find
)
