"""A page that is found by OFFSET costs all pages before it: the database reads them and throws them away.

The first pages are quick, and tests look at no others. Crawlers and exports ask for the last ones. A page that begins
after the last key of the page before is found by the index, however deep it lies. Where that is asked for by OR
(`at < last OR (at = last AND id < last_id)`), no range of the index begins there, and the pages before are read too.

## Setup

```python
# file: models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Event(Base):
    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def connect() -> Session:
    return Session()
```

## Slow

```python
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Event, connect

router = APIRouter()


@router.get("/events")
def events(session: Annotated[Session, Depends(connect)], after: int = 0) -> list[str]:
    page = select(Event).order_by(Event.id).limit(5).offset(after)
    return [event.name for event in session.scalars(page)]
```

## Fast

```python
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Event, connect

router = APIRouter()


@router.get("/events")
def events(session: Annotated[Session, Depends(connect)], after: int = 0) -> list[str]:
    page = select(Event).where(Event.id > after).order_by(Event.id).limit(5)
    return [event.name for event in session.scalars(page)]
```

## Input

```python
from functools import cache

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from models import Base

ROWS = \"\"\"
    WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < :rows)
    INSERT INTO event SELECT i, 'event ' || i FROM number
\"\"\"


@cache
def make(n: int) -> tuple[Session, int]:
    session = Session(create_engine("sqlite://"))
    Base.metadata.create_all(session.connection())
    session.execute(text(ROWS), {"rows": n + 5})
    session.commit()
    return session, n
```

## When to leave it

The table is small and stays so (name its size in the settings), or nobody can go beyond the first pages.
"""

import re
from collections.abc import Iterator

from perfwright.effects.orders import EITHER, MADE
from perfwright.effects.schema import SQLALCHEMY, Model
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Rows
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function
from perfwright.index.tree import text, walk
from perfwright.rules._chosen import chosen, is_request
from perfwright.rules._contract import Rule
from perfwright.rules._indexes import LOGS, TENANT
from perfwright.rules._pagers import paged, pager

LENGTHS = ("size", "limit", "per", "count", "length", "take", "rows")  # last words of names for how long a page is
COMPUTED = (MADE, EITHER)
BY_NUMBER = ("PageNumberPagination", "LimitOffsetPagination")
LAST = re.compile(
    r"(max|last)_?(page|offset)s?(?!_?(size|len))", re.I
)  # in a paginator of the project: it may have a last page


def find(effects: Effects) -> Iterator[Finding]:
    yield from of_cursors(effects)
    if not is_request(effects.entry):
        return
    known: set[int] = set()
    for effect in effects.effects("db.query"):
        rows = effect.rows
        if rows is None or rows.skips is None or rows.model is None or id(rows.skips[1]) in known:
            continue
        function, node = rows.skips
        if not turns(node) and chosen(effects.project, effect.event.chain, function, node, LENGTHS) is None:
            continue
        known.add(id(node))
        yield told(effects, effect, rows, rows.model, function, node)
    yield from of_viewset(effects)


def turns(node: Node) -> bool:
    """Tell whether a call itself takes the page from the request, as `query.paginate()` of Flask-SQLAlchemy does."""
    return bool(node[0] == "call" and node[2][-1] == "paginate")


def told(effects: Effects, effect: Effect, rows: Rows, model: Model, function: Function, node: Node) -> Finding:
    order = next((str(name) for _, name, way in rows.orders[:1] if name and way not in COMPUTED), "id")
    if model.framework == SQLALCHEMY:
        cure = f".where({model.name}.{order} > last).limit(size)"
    else:
        cure = f".filter({order}__gt=last)[:size]"
    return Finding(
        rule=RULE.name,
        place=effects.place(function, node[1]),
        symbol=model.name,
        message=f"{effects.entry} skips as many `{model.name}` rows as the caller asks for: `{text(node)}`",
        cure=f"Page by key: {cure}, where `last` is the key of the last row of the page before.",
        confidence="likely",
        chain=effects.chain(effect),
        cost=Cost(terms=(Term("db.seqscan", (size(rows, model),)),)),
    )


def size(rows: Rows, model: Model) -> str:
    """Return how many rows may be skipped: of one owner there are few, unless they are events or it is a tenant."""
    if LOGS.search(model.name):
        return str(model.name)
    for of, name, operator in rows.filters:
        if of is not model or operator not in ("eq", "relation") or TENANT.search(name):
            continue
        column, relation = model.column(name), model.relations.get(name)
        if relation is not None or (column is not None and (column.target or name.endswith("_id"))):
            return "items"
    return str(model.name)


# ------------------------------------------------------------------------- cursors
def of_cursors(effects: Effects) -> Iterator[Finding]:
    """Give the pages after a key that an OR asks for: no index range begins there, so all pages before are read."""
    known: set[tuple[str, int]] = set()
    for lookup in effects.lookups:
        filters = (*lookup.filters, *(part for group in lookup.sometimes for part in group))
        key = next((name for of, name, operator in filters if of is lookup.model and operator == "cursor"), None)
        if key is None or not lookup.limited or not any(name == key for _, name, _ in lookup.orders[:1]):
            continue
        if any(of is lookup.model and name == key and operator == "range" for of, name, operator in lookup.filters):
            continue  # a bound of its own: the index begins there
        place = effects.place(lookup.function, lookup.position)
        if (place.path, place.line) in known:
            continue
        known.add((place.path, place.line))
        yield Finding(
            rule=RULE.name,
            place=place,
            symbol=f"{lookup.model.name}.{key}",
            message=f"the page after a `{lookup.model.name}.{key}` is asked for by OR, where no index range begins: "
            "all pages before it are read again",
            cure=bound(lookup.model, key),
            confidence="likely",
            chain=(effects.step(lookup.function, lookup.position, lookup.what),),
            cost=Cost(terms=(Term("db.seqscan", (lookup.model.name,)),)),
        )


def bound(model: Model, key: str) -> str:
    if model.framework == SQLALCHEMY:
        return (
            f"Compare both at once, tuple_({model.name}.{key}, {model.name}.id) < (last, id), or bound {key} beside it."
        )
    return f"Bound the key beside the OR: .filter({key}__lte=last)."


# ------------------------------------------------------------------- REST framework
def of_viewset(effects: Effects) -> Iterator[Finding]:
    """Give a finding for the paginator of a list endpoint, where it pages by number: one for all that have it."""
    found = paged(effects)
    pages = pager(effects, found[0]) if found is not None else None
    if found is None or pages is None or not pages.is_a(*BY_NUMBER):
        return
    cls, rows = found
    model = rows.model
    if model is None or (pages.cls is not None and has_last(effects, pages.cls)):
        return
    name = pages.name
    step = effects.step(effects.function, cls.line << 12, f"pages of {model.name}")
    yield Finding(
        rule=RULE.name,
        place=pages.place,
        symbol=name,
        message=f"`{name}` skips as many rows as the caller asks for, of `{model.name}` and all that it pages",
        cure="Use rest_framework.pagination.CursorPagination, which pages by key, for the tables that grow.",
        confidence="likely",
        chain=(step,),
        cost=Cost(terms=(Term("db.seqscan", ("rows" if pages.is_default else size(rows, model),)),)),
    )


def has_last(effects: Effects, cls: Class) -> bool:
    """Tell whether a paginator of the project goes up to some page and no further."""
    if "get_page_number" in cls.names or "get_offset" in cls.names:
        return True
    functions = [cls.module.functions[binding[1]] for binding in cls.names.values() if binding[0] == "func"]
    effects.program.interpreter.consulted.update(functions)
    names = [*cls.names, *(str(n[-1]) for f in functions for n in walk(f.body) if n[0] in ("name", "attr"))]
    return any(LAST.search(name) for name in names)


RULE = Rule(
    name="offset-pagination", sees=("db.query", "look-up"), spends=("latency",), proof=Proof.growth("n"), find=find
)
