"""A query looks rows up by what is inside a JSON column: the database reads and parses every document to find them.

On SQLite that takes seven to seventeen times as long as going through a plain column without an index. An index on the
column itself does not help, and a key in a document has none of its own. It needs an index on that
very expression, an inverted index (GIN) for containment, or a column that holds the key.

## Setup

```python
# file: models.py
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
```

## Slow

```python
from sqlalchemy import JSON, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import Base


class Holder(Base):
    __tablename__ = "holder"
    id: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[dict[str, str]] = mapped_column(JSON)


def holder(session: Session, token: str) -> int | None:
    found = session.scalar(select(Holder).where(Holder.data["token"].as_string() == token))
    return found.id if found else None
```

## Fast

```python
from sqlalchemy import JSON, Computed, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models import Base


class Holder(Base):
    __tablename__ = "holder"
    id: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[dict[str, str]] = mapped_column(JSON)
    token: Mapped[str] = mapped_column(Computed("json_extract(data, '$.token')"), index=True)


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
    rows = [{"id": i + 1, "data": {"token": f"t{i}"}} for i in range(n)]
    session.execute(insert(Holder), rows) if rows else None
    return session, f"t{n - 1}"
```

## When to leave it

The table is small and stays so (name its size in the settings), or the index was made by hand in the database.
"""

from collections.abc import Iterator

from perfwright.effects.observations import Lookup
from perfwright.effects.schema import SQLALCHEMY, Column, Model
from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Place, Proof, Step, Term
from perfwright.index.lower import line_of
from perfwright.index.project import Project
from perfwright.rules._contract import Rule
from perfwright.rules._indexes import makers, mentions

DOCUMENTS = ("JSONField", "JSON", "JSONB", "HStoreField", "HSTORE", "JSONEncodedDict", "MutableDict")
WHOLE = ("eq", "exact", "flag", "isnull", "in", "not", "order", "relation", "range", "other")
CONTAINS = ("text", "contained_by", "has_key", "has_keys", "has_any_keys")
SELECTIVE = ("eq", "exact", "in", "relation", "pk", "iexact")


def find(effects: Effects) -> Iterator[Finding]:
    wanted: dict[tuple[str, int, str], tuple[Model, Column, str, list[Lookup]]] = {}
    for lookup in effects.lookups:
        for model, column, key in inside(lookup) if not lookup.condition else ():
            if not has_index(effects.project, model, column):
                at = (column.module.name, column.line, key)
                wanted.setdefault(at, (model, column, key, []))[3].append(lookup)
    for model, column, key, lookups in wanted.values():
        yield told(model, column, key, lookups)


def inside(lookup: Lookup) -> Iterator[tuple[Model, Column, str]]:
    """Give the documents that a query looks into, with the key; nothing where another condition finds the rows."""
    found: list[tuple[Model, Column, str]] = []
    for model, name, operator in lookup.filters:
        column = model.column(name) if model is not None and name else None
        if column is not None and column.type in DOCUMENTS:
            if operator.startswith("->"):
                found.append((model, column, operator[2:]))
            elif operator not in WHOLE:
                found.append((model, column, "" if operator in CONTAINS else operator))
        elif finds(model, name, operator, column):
            return
    yield from found[:1]


def finds(model: Model | None, name: str, operator: str, column: Column | None) -> bool:
    """Tell whether a condition alone finds few rows: by an index, or along a relation."""
    if operator not in SELECTIVE:
        return False
    if column is not None:
        return bool(column.indexed)
    return name in ("pk", "id") or (model is not None and name in model.relations)


def told(model: Model, column: Column, key: str, lookups: list[Lookup]) -> Finding:
    shown = f'{model.name}.{column.name}["{key}"]' if key else f"{model.name}.{column.name}"
    sites = sorted({(s.function.path, s.position): s for s in lookups}.values(), key=lambda s: s.position)
    by = "a query looks" if len(sites) == 1 else f"{len(sites)} queries look"
    chain = [
        Step(
            path=site.function.path,
            line=line_of(site.position),
            function=site.function.qualified,
            what=f"db.query: {site.what}",
        )
        for site in sites[:5]
    ]
    return Finding(
        rule=RULE.name,
        place=Place(path=column.module.path, line=column.line, function=model.name),
        symbol=shown,
        message=f"{by} rows up by what is inside `{shown}`, which has no index: every document is read",
        cure=cure(model, column, key),
        confidence="likely",
        chain=tuple(chain),
        cost=Cost(terms=(Term("db.seqscan", (model.name,)),)),
    )


def cure(model: Model, column: Column, key: str) -> str:
    name = f"{model.name.lower()}_{column.name}"
    if model.framework == SQLALCHEMY:
        if key:
            made = f'Index("ix_{name}_{key}", {column.name}["{key}"].astext)'
            return f"Add {made} to __table_args__, or give the key a column of its own with index=True."
        return f'Add Index("ix_{name}", "{column.name}", postgresql_using="gin") to __table_args__.'
    if key:
        made = f'Index(KT("{column.name}__{key}"), name="{name}_{key}")'
        return f"Add {made} to Meta.indexes and filter by that KT, or give the key a column of its own."
    return f'Add GinIndex(fields=["{column.name}"], name="{name}") to Meta.indexes, with a migration.'


# ---------------------------------------------------------------------------- indexes
def has_index(project: Project, model: Model, column: Column) -> bool:
    """Tell whether something in the project indexes a document, or a key in it."""
    if column.indexed:
        return True
    meta = model.cls.names.get("Meta")
    if meta is not None and meta[0] == "class":
        inner = model.cls.module.classes[meta[1]]
        for name in ("indexes", "constraints"):
            binding = inner.names.get(name)
            if binding is not None and binding[0] == "value" and mentions(binding[1], column.name):
                return True
    arguments = model.cls.names.get("__table_args__")
    if arguments is not None and arguments[0] == "value" and mentions(arguments[1], column.name):
        return True
    return any(mentions(call, column.name) for call in makers(project))


RULE = Rule(
    name="json-filter-without-index", sees=("look-up",), spends=("latency",), proof=Proof.growth("n"), find=find
)
