"""Looking an item up in a list, inside a loop, scans the list on every pass.

## Slow

```python
def common(left: list[int], right: list[int]) -> list[int]:
    return [item for item in left if item in right]
```

## Fast

```python
def common(left: list[int], right: list[int]) -> list[int]:
    wanted = set(right)
    return [item for item in left if item in wanted]
```

## Input

```python
def make(n: int) -> tuple[list[int], list[int]]:
    return list(range(n)), list(range(n, 2 * n))
```

## When to leave it

The list stays short, or its items cannot be hashed.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.rules._contract import Rule


def find(effects: Effects) -> Iterator[Finding]:
    for effect in effects.repeated("scan"):
        scan, loop = effect.scan, effect.loop
        if scan is None or loop is None or scan.kind != "membership":
            continue
        size = getattr(scan.iterated, "size", None)
        first = effect.event.chain[0]
        sizes = (*effects.term(effect).sizes, str(size or "items"))
        made = (Term("allocate", sizes),) if scan.remade else ()
        yield Finding(
            rule=RULE.name,
            place=effects.place(first[0], first[1]),
            symbol=scan.collection,
            message=f"every pass over `{loop.over}` {'makes and ' if made else ''}scans the list `{scan.collection}`",
            cure=f"Make a set of `{scan.collection}` before the loop and look up in that.",
            confidence=effects.confidence(effect),
            chain=effects.chain(effect),
            cost=Cost(terms=(Term("scan", sizes), *made)),
        )


RULE = Rule(name="membership-in-list", sees=("scan",), spends=("latency",), proof=Proof.growth("n^2"), find=find)
