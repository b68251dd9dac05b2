"""Each item of a loop is committed by itself, where one transaction could hold them all.

A commit waits until the disk has the data. SQLAlchemy also forgets what it knows of every loaded object, and reads
each one again when it is next used: a loop over a thousand rows that commits on every pass runs a thousand
queries more.

## Setup

```python
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)
```

```python
# file: models.py
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    balance: Mapped[int]
```

## Slow

```python
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Account


def add_interest(session: Session) -> int:
    accounts = session.scalars(select(Account)).all()
    for account in accounts:
        account.balance = account.balance * 102 // 100
        session.commit()
    return len(accounts)
```

## Fast

```python
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Account


def add_interest(session: Session) -> int:
    accounts = session.scalars(select(Account)).all()
    for account in accounts:
        account.balance = account.balance * 102 // 100
    session.commit()
    return len(accounts)
```

## Input

```python
from sqlalchemy.orm import Session

from models import Account, Base


def make(n: int) -> Session:
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    session = Session(engine)
    session.add_all(Account(id=i, balance=100 * i) for i in range(1, n + 1))
    session.commit()
    return session
```

## When to leave it

What one pass did must be kept even if the next one fails: a message was sent, money was moved. A commit every
few hundred items is a fair middle.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Finding, Proof
from perfwright.rules._commits import BLOCKS, called, committed
from perfwright.rules._contract import Rule


def find(effects: Effects) -> Iterator[Finding]:
    for effect, confidence in committed(effects):
        over = effect.loop.over if effect.loop is not None else ""
        through = f" through `{effect.through}`" if effect.through else f": `{effect.what}`"
        verb = "is a transaction of its own" if called(effect) in BLOCKS else "commits"
        yield effects.finding(
            RULE.name, effect, f"each pass over `{over}` {verb}{through}", cure=cure(effect), confidence=confidence
        )


def cure(effect: Effect) -> str:
    """Name the call of the user's own library that commits once."""
    name, library = called(effect), effect.event.model.library if effect.event.model is not None else ""
    if library == "django":
        return "Put one transaction.atomic() around the loop: the passes become one transaction."
    if name in BLOCKS:
        return f"Open one {name}() around the loop: the passes become one transaction."
    if library.endswith("sqlalchemy"):
        return (
            "Call commit() once after the loop, or every few hundred items: after a commit every object is read again."
        )
    return "Call commit() once after the loop, or every few hundred items."


RULE = Rule(
    name="commit-per-item",
    sees=("db.commit",),
    spends=("latency",),
    proof=Proof.count("commits"),
    find=find,
)
