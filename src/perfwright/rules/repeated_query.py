"""The same query is run again, with the same arguments, on the way of one request.

The second answer is the first: keep it in a variable, or pass it on. It is seldom written twice in a row; two
helpers that each look up what they need do it as well.

## Slow

```python
import sqlite3


def balance(connection: sqlite3.Connection, account: int) -> int:
    return connection.execute("SELECT total FROM account WHERE id = ?", (account,)).fetchone()[0]


def report(connection: sqlite3.Connection, account: int) -> dict[str, int]:
    return {"now": balance(connection, account), "half": balance(connection, account) // 2}
```

## Fast

```python
import sqlite3


def balance(connection: sqlite3.Connection, account: int) -> int:
    return connection.execute("SELECT total FROM account WHERE id = ?", (account,)).fetchone()[0]


def report(connection: sqlite3.Connection, account: int) -> dict[str, int]:
    total = balance(connection, account)
    return {"now": total, "half": total // 2}
```

## Input

```python
import sqlite3


def make(n: int) -> tuple[sqlite3.Connection, int]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, total INTEGER)")
    connection.executemany("INSERT INTO account VALUES (?, ?)", [(i, i * 10) for i in range(n + 1)])
    return connection, n
```

## When to leave it

Something may have changed the rows in between, and the second answer must show it.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Step, Term
from perfwright.index.lower import line_of
from perfwright.rules._contract import Rule


def find(effects: Effects) -> Iterator[Finding]:
    for event, earlier in effects.repeats:
        if event.effect == "db.query":
            yield told(effects, event, earlier)


def told(effects: Effects, event: Event, earlier: int) -> Finding:
    function, position, shown = event.chain[0]
    steps = [Step(path=function.path, line=line_of(earlier), function=function.qualified, what="the first time")]
    steps += [Step(path=f.path, line=line_of(p), function=f.qualified, what=what) for f, p, what in event.chain]
    through = f" through `{shown}`" if len(event.chain) > 1 else ""
    return Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=event.symbol,
        message=f"the query of line {line_of(earlier)} is run again with the same arguments{through}",
        cure="Keep the first answer in a variable and pass it on.",
        confidence="likely" if event.certain else "possible",
        chain=tuple(steps),
        cost=Cost(terms=(Term("db.query", ()),)),
    )


RULE = Rule(
    name="repeated-query", sees=("repeat",), spends=("latency", "queries"), proof=Proof.count("queries"), find=find
)
