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

from perfwright.effects.frame import Loop
from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule

LISTS = ("pathlib.Path.glob", "pathlib.Path.rglob", "pathlib.Path.iterdir")


def find(effects: Effects) -> Iterator[Finding]:
    yield from folders(effects)
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
            cost=Cost(terms=(Term("pass", (*effects.term(effect).sizes, str(size or "items"))),)),
        )


def folders(effects: Effects) -> Iterator[Finding]:
    """Give the folders that are listed again for each of some files in them."""
    for effect in effects.repeated("file.read"):
        event, loop = effect.event, effect.loop
        if event.model is None or event.model.name not in LISTS or len(event.chain) > 1 or loop is None:
            continue
        folder = event.node[2][2] if event.node is not None and event.node[2][0] == "attr" else None
        if folder is None or not is_shared(folder, loop):
            continue
        shown = text(folder)
        yield effects.finding(
            RULE.name,
            effect,
            f"every pass over `{loop.over}` lists the folder `{shown}`, with all that is in it",
            symbol=shown,
            cure=f"List `{shown}` once before the loop, and look names up in a set; or ask for the one file: exists().",
            terms=(Term("scan", (*effects.term(effect).sizes, "items")),),
        )


def is_shared(folder: Node, loop: Loop) -> bool:
    """Tell whether a folder is the same on each pass of a loop, or the one that the item of a pass lies in."""
    made = loop.variables | {
        name
        for node in walk(loop.body)
        if node[0] in ("assign", "for", "with", "walrus", "ann")
        for name in names_in(node[2])
    }
    if folder[0] == "attr" and folder[3] == "parent":
        return bool(names_in(folder) & made)
    return folder[0] in ("name", "attr") and names_in(folder).isdisjoint(made)


RULE = Rule(name="nested-scan", sees=("scan", "file.read"), spends=("latency",), proof=Proof.growth("n^2"), find=find)
