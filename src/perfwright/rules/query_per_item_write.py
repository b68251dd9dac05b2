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

import re
from collections.abc import Iterator

from perfwright.effects.schema import Model
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Row, Rows
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
OVERRIDDEN = ("save", "delete", "create")
LOGGERS = ("log", "write_log", "add_log", "log_entry", "audit")
LOGS = re.compile(r"(Log|Logs|LogEntry|LogRecord|Journal|AuditEntry|AuditEvent|HistoryEntry)$")


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
            cure=cure(effects, effect),
            confidence=effects.confidence(effect),
            chain=effects.chain(effect),
            cost=Cost(terms=tuple(effects.term(each) for each in wanted)),
        )


def writes(effect: Effect) -> bool:
    """Tell whether a statement is sent for this one item, not in bulk."""
    return not called(effect).startswith(
        ("get_or_create", "aget_or_create", "bulk_", "abulk_", "executemany", "insert_many")
    )


def cure(effects: Effects, effect: Effect) -> str:
    name = called(effect)
    model, row = effect.event.model, written(effect)
    bulk = BULK.get(name) or (model.bulk.rpartition(".")[2] if model is not None and model.bulk else "")
    log = effect.event.leaf[0].name.strip("_") in LOGGERS or (row is not None and LOGS.search(row.name) is not None)
    if log and name in ("save", "create"):
        return "Collect the rows in the loop and write them with bulk_create, unless each must be seen at once."
    besides = does_more(effects, effect, row, name)
    if besides:
        return (
            f"{besides}, which {bulk.partition(' (')[0]} leaves out. Where that is not wanted here, or can be done for "
            "all rows at once, write them after the loop; else keep the loop and run it in one transaction."
        )
    return f"Collect the rows in the loop and write them after it: {bulk or 'the bulk form of this call'}."


def written(effect: Effect) -> Model | None:
    """Return the model whose row an effect writes."""
    detail = effect.event.detail
    return detail.model if isinstance(detail, Row | Rows) else None


def does_more(effects: Effects, effect: Effect, row: Model | None, name: str) -> str:
    """Tell what writing a row does besides: a method of the model around it, or receivers of its signals."""
    if name not in OVERRIDDEN:
        return ""
    leaf = effect.event.leaf[0]
    if len(effect.event.chain) > 1 and leaf.owner is not None and leaf.name == name and len(leaf.body) > 1:
        return f"{leaf.owner.name}.{name}() does more than write the row"
    if row is not None and effects.receivers(row, name):
        return f"{name}() of {row.name} sends signals that are listened to"
    return ""


RULE = Rule(
    name="query-per-item-write",
    sees=("db.write",),
    spends=("latency", "queries"),
    proof=Proof.count("queries"),
    find=find,
)
