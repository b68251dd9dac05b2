"""Rows are loaded from the database only to be counted, filtered, summed or sorted in Python.

The database does that where the rows are, and sends the answer instead of the table.

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


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[int]
```

## Slow

```python
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Order


def revenue(session: Session) -> int:
    orders = session.scalars(select(Order)).all()
    return sum(order.total for order in orders)
```

## Fast

```python
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Order


def revenue(session: Session) -> int:
    return session.scalar(select(func.coalesce(func.sum(Order.total), 0)))
```

## Input

```python
from sqlalchemy.orm import Session

from models import Base, Order


def make(n: int) -> Session:
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    session = Session(engine)
    session.add_all(Order(id=i, total=i) for i in range(1, n + 1))
    session.commit()
    return session
```

## When to leave it

The rows are also used as they are, or the condition cannot be said in SQL.
"""

import re
from collections.abc import Iterator

from perfwright.config import is_administered
from perfwright.effects.summary import Effects
from perfwright.effects.values import Load
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import line_of
from perfwright.rules._contract import Rule

WHAT = {
    "update": "changed one by one, all in the same way",
    "filter": "filtered in Python",
    "count": "counted in Python",
    "sum": "summed in Python",
    "max": "gone through for the least or greatest",
    "sort": "sorted in Python",
    "top": "gone through for the first few of each kind",
    "any": "gone through until one matches",
    "contains": "searched for one of them",
    "slice": "cut to the first few",
    "first": "only one of them taken",
    "columns": "reduced to one column",
}
CURE = {
    "filter": "Put the condition into the query (filter, WHERE).",
    "count": "Let the database count: count(), or func.count().",
    "sum": "Let the database add: aggregate(Sum(...)), or func.sum().",
    "max": "Let the database choose: aggregate(Max(...)), or order by it and take one.",
    "sort": "Order in the query, and limit it to what is used.",
    "top": "Let the database choose them: row_number() over each kind, and those up to the limit.",
    "any": "Put the condition into the query and ask exists().",
    "contains": "Ask for that one: filter(pk=...).exists().",
    "slice": "Order and limit in the query.",
    "first": "Order in the query and take one: first(), or limit(1).",
    "update": "Change them in one statement: update(Model).where(...).values(...).",
    "columns": "Select that column only: values_list(..., flat=True), or select(Model.column).",
}
OVER = re.compile(
    r"\.((?:is_|was_)?(?:archived|deleted|removed|closed|completed|done|finished|cancell?ed|expired|resolved|revoked)"
    r"(?:_at|_on)?)\b"
)
STRONG = ("filter", "count", "sum", "max", "contains", "any", "columns", "update", "first", "slice", "top")

# Who takes part in something: each is a row of its own, and whoever asks for one knows whom.
TAKES_PART = re.compile(
    r"(Member(ship)?|Participa(nt|tion)|Enrol?lment|Subscri(ber|ption)|Attendee|Attendance|Follower)$"
)
PERSON = re.compile(r"(User|Account|Profile|Person|Member|Customer|Employee|Student|Contact)$")


def find(effects: Effects) -> Iterator[Finding]:
    for load in effects.loads:
        uses = [use for use in load.reduced if use[0] in STRONG or (use[0] == "sort" and sliced(load))]
        if load.grouped:
            uses = [use for use in uses if use[0] == "top"]
        if load.whole or load.limited or load.model is None or not uses:
            continue
        yield told(effects, load, uses)


def sliced(load: Load) -> bool:
    return any(kind == "slice" for kind, _, _ in load.reduced)


def told(effects: Effects, load: Load, uses: list[tuple[str, int, str]]) -> Finding:
    order = list(WHAT)  # whether there are any at all is count-to-test-existence
    kind, position, shown = min(uses, key=lambda use: order.index(use[0]))
    function, where = (
        effects.function,
        load.chain[0][1] if load.chain[0][0] is effects.function and load.chain[0][1] else position,
    )
    if len(load.chain) > 1:
        where = position
    steps = [Step(path=f.path, line=line_of(p), function=f.qualified, what=w) for f, p, w in load.chain[::-1] if p]
    steps.append(Step(path=function.path, line=line_of(position), function=function.qualified, what=f"load: {shown}"))
    symbol = load.symbol
    return Finding(
        rule=RULE.name,
        place=effects.place(function, where),
        symbol=symbol,
        message=f"all `{symbol}` rows are loaded, then {WHAT[kind]}: `{shown}`",
        cure=CURE[kind],
        confidence=confidence(load, kind),
        chain=tuple(steps),
        cost=Cost(terms=(Term("load", (symbol,)),)),
    )


def confidence(load: Load, kind: str) -> Confidence:
    uses = [use[0] for use in load.reduced]
    if "first" in uses and "slice" not in uses and (load.filtered or load.relation):
        return "possible"  # where one is all that is there
    if load.owned:
        grows = (
            (kind == "count" and fans_out(load)) or (kind == "filter" and leaves_history(load)) or asks_for_one(load)
        )
        return "likely" if grows else "possible"
    if load.relation and kind in ("any", "columns", "contains") and not asks_for_one(load):
        return "possible"
    return "certain" if not load.filtered and not load.relation else "likely"


def asks_for_one(load: Load) -> bool:
    """Tell whether all who take part are loaded to find one of them: `user.id in [m.user_id for m in team.members]`."""
    owner = load.symbol.partition(".")[0]
    if load.model is None or not TAKES_PART.search(load.model.name) or PERSON.search(owner):
        return False
    relations = load.model.relations.values()
    people = [each.name for each in relations if each.target is not None and PERSON.search(each.target.name)]
    if not people:
        return False
    key = rf"\.({'|'.join(people)})(_id|\.id|\.pk)?"
    asked = {"filter": rf"{key} ==|== \w+{key}\b", "any": rf"{key} ==|== \w+{key}\b", "contains": rf"{key}\b"}
    return any(kind in asked and re.search(asked[kind], shown) for kind, _, shown in load.reduced)


def leaves_history(load: Load) -> bool:
    """Tell whether what is over and done with is dropped: there is ever more of it, however few are still open."""
    columns = load.model.columns if load.model is not None else {}
    tests = [shown for kind, _, shown in load.reduced if kind == "filter"]
    return any(found.group(1) in columns for shown in tests for found in OVER.finditer(shown))


def fans_out(load: Load) -> bool:
    """Tell whether few rows share all of a large table among them: `len(group.users)`."""
    owner, _, relation = load.symbol.partition(".")
    return bool(relation and load.model is not None and is_administered(owner) and not is_administered(load.model.name))


RULE = Rule(name="load-all-to-filter", sees=("load",), spends=("latency", "memory"), proof=Proof.peak("n"), find=find)
