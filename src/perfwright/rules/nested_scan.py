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
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._loops import Changes, node_at
from perfwright.rules._same import Fixed, call_at, passed_on

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
        if event.model is None or event.model.name not in LISTS or loop is None:
            continue
        if len(event.chain) > 1:
            yield from looked_up(effects, effect, loop)
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


def looked_up(effects: Effects, effect: Effect, loop: Loop) -> Iterator[Finding]:
    """Give a folder that a function lists to find one file by its name, where a loop calls it for each item."""
    function, position, _ = effect.event.leaf
    call = node_at(function, position, "call")
    if call is None or call[2][0] != "attr" or not call[3] or call[3][0][0] == "const":
        return
    folder = call[2][2]
    if not holds_for_all(effect, loop, folder) or holds_for_all(effect, loop, call[3][0]):
        return
    yield Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=text(folder),
        message=f"every pass over `{loop.over}` lists the folder `{text(folder)}`, with all that is in it, to find one",
        cure=f"Ask for the file by its name, exists(), or list `{text(folder)}` once and look names up in a set.",
        confidence=effects.confidence(effect),
        chain=effects.chain(effect),
        cost=Cost(terms=(Term("pass", (*effects.term(effect).sizes, "items")),)),
    )


def holds_for_all(effect: Effect, loop: Loop, node: Node) -> bool:
    """Tell whether an expression of the function at the end of a chain stands for the same on each pass of a loop."""
    event = effect.event
    if event.node is None or not loop.body:
        return False
    chain = event.chain
    known = passed_on(event.node, chain[1][0], Changes(loop, event.node))
    for index in range(1, len(chain) - 1):
        call = call_at(chain[index])
        if call is None:
            return False
        known = Fixed(chain[index][0], known).passed_on(call, chain[index + 1][0])
    return Fixed(chain[-1][0], known).holds(node)


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
