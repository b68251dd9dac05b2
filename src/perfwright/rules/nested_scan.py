"""For each item of one collection all of another is gone through to find what matches: a join by hand.

## Slow

```python
def totals(users: list[dict], orders: list[dict]) -> list[int]:
    return [sum(order["total"] for order in orders if order["user"] == user["id"]) for user in users]
```

## Fast

```python
def totals(users: list[dict], orders: list[dict]) -> list[int]:
    by_user: dict[int, int] = {}
    for order in orders:
        by_user[order["user"]] = by_user.get(order["user"], 0) + order["total"]
    return [by_user.get(user["id"], 0) for user in users]
```

## Input

```python
def make(n: int) -> tuple[list[dict], list[dict]]:
    return [{"id": i} for i in range(n)], [{"user": i, "total": i} for i in range(n)]
```

## When to leave it

The inner collection is bounded, or every pair is wanted.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.rules._contract import Rule


def find(effects: Effects) -> Iterator[Finding]:
    for effect in effects.repeated("scan"):
        scan, loop = effect.scan, effect.loop
        if scan is None or loop is None or scan.kind not in ("join", "pass"):
            continue
        if any(link[0] is effects.function for link in effect.event.chain[1:]):
            continue  # it calls itself: what it goes through is less and less
        size = getattr(scan.iterated, "size", None) or getattr(scan.iterated, "how_many", None)
        first = effect.event.chain[0]
        through = f" in `{first[2]}`" if len(effect.event.chain) > 1 else ""
        yield Finding(
            rule=RULE.name,
            place=effects.place(first[0], first[1]),
            symbol=scan.collection,
            message=f"every pass over `{loop.over}` goes through all of `{scan.collection}`{through}",
            cure=f"Group `{scan.collection}` in a dictionary by the key that is compared, once, before the loop.",
            confidence=effects.confidence(effect),
            chain=effects.chain(effect),
            cost=Cost(terms=(Term("scan", (*effects.term(effect).sizes, str(size or "items"))),)),
        )


RULE = Rule(name="nested-scan", sees=("scan",), spends=("latency",), proof=Proof.growth("n^2"), find=find)
