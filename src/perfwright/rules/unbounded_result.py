"""An endpoint answers with a whole table: no limit, no page.

It is fine in the first week and takes the memory of the server, the network and the browser later.

## Setup

```python
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)
```

```python
# file: models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "product"
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

from models import Product, connect

router = APIRouter()


@router.get("/products")
def products(session: Annotated[Session, Depends(connect)]) -> list[str]:
    return [product.name for product in session.scalars(select(Product).order_by(Product.id))]
```

## Fast

```python
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Product, connect

router = APIRouter()


@router.get("/products")
def products(session: Annotated[Session, Depends(connect)], after: int = 0) -> list[str]:
    page = select(Product).where(Product.id > after).order_by(Product.id).limit(5)
    return [product.name for product in session.scalars(page)]
```

## Input

```python
from sqlalchemy.orm import Session

from models import Base, Product


def make(n: int) -> Session:
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    session = Session(engine)
    session.add_all(Product(id=i, name=f"product {i}") for i in range(1, n + 1))
    session.commit()
    return session
```

## What differs

The fast form answers with one page; the caller asks for the next with `after`.

## When to leave it

The table is small and stays so: name its size in the settings.
"""

from collections.abc import Iterator

from perfwright.effects.observations import Response
from perfwright.effects.schema import SQL
from perfwright.effects.summary import Effects
from perfwright.effects.values import Load
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import line_of
from perfwright.rules._contract import Rule


def find(effects: Effects) -> Iterator[Finding]:
    whole = [response for response in effects.responses if is_open(response.load)]
    for response in whole:
        others = any(not other.load.follows for other in whole)
        if not (response.load.follows and others):  # what goes with rows that are told of is as many as they are
            yield told(effects, response)


def is_open(load: Load) -> bool:
    return load.model is not None and not (load.limited or load.grouped or load.relation)


def told(effects: Effects, response: Response) -> Finding:
    load, function = response.load, response.function
    own = [link for link in load.chain if link[0] is function and link[1]]
    place = effects.place(function, own[-1][1] if own else response.position)
    entry = effects.entry or function.name
    steps = [
        Step(
            path=function.path,
            line=line_of(response.position),
            function=function.qualified,
            what=f"answer of {entry}",
        ),
        *(
            Step(path=f.path, line=line_of(p), function=f.qualified, what=f"db.query: {w}")
            for f, p, w in load.chain
            if p
        ),
    ]
    return Finding(
        rule=RULE.name,
        place=place,
        symbol=load.symbol,
        message=f"{entry} answers with all `{load.symbol}` rows, however many there are",
        cure="Give the query a limit, or page through it (by key, not by OFFSET, on a large table).",
        confidence=confidence(response),
        chain=tuple(steps),
        cost=Cost(terms=(Term("load", (load.symbol,)),)),
    )


def confidence(response: Response) -> Confidence:
    load = response.load
    if load.values and load.filtered and load.model is not None and load.model.framework != SQL:
        return "possible"  # a few columns of what belongs to one: seldom the table
    return "likely" if load.filtered else "certain"


RULE = Rule(
    name="unbounded-result",
    sees=("response",),
    spends=("latency", "memory", "response"),
    proof=Proof.peak("n"),
    find=find,
)
