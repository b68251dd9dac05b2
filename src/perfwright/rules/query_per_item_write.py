"""Each item of a loop is written by a statement of its own, where one could write them all.

Every `save`, `create`, `delete`, `INSERT` or flush is a round trip, and often a transaction of its own.

## Slow

```python
import sqlite3


def store(connection: sqlite3.Connection, names: list[str]) -> int:
    for name in names:
        connection.execute("INSERT INTO person (name) VALUES (?)", (name,))
    return len(names)
```

## Fast

```python
import sqlite3


def store(connection: sqlite3.Connection, names: list[str]) -> int:
    connection.executemany("INSERT INTO person (name) VALUES (?)", [(name,) for name in names])
    return len(names)
```

## Input

```python
import sqlite3


def make(n: int) -> tuple[sqlite3.Connection, list[str]]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE person (name TEXT)")
    return connection, [f"person {i}" for i in range(n)]
```

## When to leave it

The loop is short by nature, or each row must be written before the next is begun. `session.add` in a loop
is not a write per item: the unit of work sends the rows together when it is flushed.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Cost, Finding, Proof
from perfwright.rules._commits import called, committed
from perfwright.rules._contract import Rule

BULK = {
    "save": "bulk_update (or bulk_create for new rows)",
    "create": "bulk_create",
    "delete": "one filter(...).delete()",
    "update": "one update() over all of them, or bulk_update",
    "add": "one add(*objects), or bulk_create on the through table",
    "execute": "executemany, or one execute with a list of parameters",
    "flush": "one flush after the loop",
}


def find(effects: Effects) -> Iterator[Finding]:
    groups = [[effect for effect in group if writes(effect)] for group in effects.repeated_at("db.write")]
    if not any(groups):
        return
    # What commits on every pass is told there: once the commit is gone, the writes go together.
    told = {effect.event.chain[0][1] for effect, sure in committed(effects) if effect.through and sure != "possible"}
    for wanted in groups:
        if not wanted or wanted[0].loop is None or wanted[0].event.chain[0][1] in told:
            continue
        effect, loop = wanted[0], wanted[0].loop
        first = effect.event.chain[0]
        through = f" through `{first[2]}`" if len(effect.event.chain) > 1 else f": `{first[2]}`"
        times = f", {len(wanted)} times" if len(wanted) > 1 else ""
        yield Finding(
            rule=RULE.name,
            place=effects.place(first[0], first[1]),
            symbol=effect.event.symbol,
            message=f"each pass over `{loop.over}` writes to the database{through}{times}",
            cure=cure(effect),
            confidence=effects.confidence(effect),
            chain=effects.chain(effect),
            cost=Cost(terms=tuple(effects.term(each) for each in wanted)),
        )


def writes(effect: Effect) -> bool:
    """Tell whether a statement is sent for this one item, not in bulk."""
    return not called(effect).startswith(
        ("get_or_create", "aget_or_create", "bulk_", "abulk_", "executemany", "insert_many")
    )


def cure(effect: Effect) -> str:
    name = called(effect)
    model = effect.event.model
    bulk = BULK.get(name) or (model.bulk.rpartition(".")[2] if model is not None and model.bulk else "")
    return f"Collect the rows in the loop and write them after it: {bulk or 'the bulk form of this call'}."


RULE = Rule(
    name="query-per-item-write",
    sees=("db.write",),
    spends=("latency", "queries"),
    proof=Proof.count("queries"),
    find=find,
)
