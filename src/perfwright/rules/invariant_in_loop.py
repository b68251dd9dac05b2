"""A loop does the same work on every pass: it reads the same file, parses the same text, filters the same list.

What does not depend on the loop can be done once, before it. The work may hide in a helper whose arguments are always
the same, or in a template: a `<select>` of all customers in the form of every row.

## Setup

```python
import json
import tempfile
from pathlib import Path

RATES = Path(tempfile.gettempdir()) / "perfwright-rates.json"
RATES.write_text(json.dumps({"EUR": 2, "USD": 3}), "utf8")
```

## Slow

```python
import json
from pathlib import Path


def load_rates(path: Path) -> dict[str, int]:
    return json.loads(path.read_text("utf8"))


def totals(path: Path, orders: list[tuple[int, str]]) -> list[int]:
    found = []
    for amount, currency in orders:
        rates = load_rates(path)
        found.append(amount * rates[currency])
    return found
```

## Fast

```python
import json
from pathlib import Path


def load_rates(path: Path) -> dict[str, int]:
    return json.loads(path.read_text("utf8"))


def totals(path: Path, orders: list[tuple[int, str]]) -> list[int]:
    rates = load_rates(path)
    found = []
    for amount, currency in orders:
        found.append(amount * rates[currency])
    return found
```

## Input

```python
def make(n: int) -> tuple[Path, list[tuple[int, str]]]:
    return RATES, [(i, "EUR" if i % 2 else "USD") for i in range(n)]
```

## When to leave it

The answer can change while the loop runs and each pass must see it, or there are few passes.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.scans import Scan
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Rows, Value
from perfwright.finding import Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._loops import ASKS, READS, Changes, confidence_of, idle, only_read
from perfwright.rules._same import same_from, writes_in

MADE = ("set", "frozenset", "dict", "Counter", "fromkeys")  # what is looked up in
NEAR = 3  # calls between a loop and what is gone through, beyond which it is seldom the same
WORK = ("file.read", "compile", "cpu", "serialize")
WHAT = {
    "file.read": "reads from disk",
    "compile": "compiles",
    "cpu": "computes",
    "serialize": "parses or serialises",
}


def find(effects: Effects) -> Iterator[Finding]:
    known = set()
    for group in effects.repeated_at(*WORK):
        for effect in group:
            if worth(effects, effect) and same_from(effect, first=True) == 0:
                known.add(id(effect.event.node))
                yield told(effects, effect)
                break
    yield from defaults(effects)
    for effect in effects.repeated("scan"):
        scan, loop, node = effect.scan, effect.loop, effect.event.node
        if scan is None or scan.kind != "whole" or loop is None or node is None or idle(loop) or id(node) in known:
            continue
        if len(effect.event.chain) > 1:
            if node[0] == "call" and has_arguments(node) and same_from(effect, first=True) == 0:
                yield gone_through(effects, effect, scan, loop)
        elif (node[0] == "comp" and is_same(node, loop) and only_read(node, loop)) or is_made_again(node, loop):
            yield gone_through(effects, effect, scan, loop)
        elif node[0] == "for" and is_shown_alike(node, loop):
            yield shown_again(effects, effect, scan, loop)


def defaults(effects: Effects) -> Iterator[Finding]:
    """Give the long defaults that each pass makes, though most find a value there: `setdefault(key, [0] * n)`."""
    for effect in effects.repeated("allocate"):
        call, loop = effect.event.node, effect.loop
        if call is None or loop is None or len(effect.event.chain) > 1 or not gives_default(call):
            continue
        if Changes(loop).touch(call[3][1]):
            continue
        shown = text(call[3][1])
        yield effects.finding(
            RULE.name,
            effect,
            f"every pass over `{loop.over}` makes `{shown}`, and throws it away where there is a value already",
            symbol=shown,
            cure=f"Make it where none is there: `if {text(call[3][0])} not in {text(call[2][2])}:`, or a defaultdict.",
            terms=(Term("allocate", (*effects.term(effect).sizes, "items")),),
        )


def gives_default(call: Node) -> bool:
    """Tell whether a call is `setdefault` with a default."""
    return call[0] == "call" and call[2][0] == "attr" and call[2][3] == "setdefault" and len(call[3]) > 1


def worth(effects: Effects, effect: Effect) -> bool:
    """Tell whether what is read is not what the loop writes."""
    event, loop = effect.event, effect.loop
    if event.node is None or event.node[0] != "call" or loop is None:
        return False
    return event.effect != "file.read" or not writes_in(loop, effects.reading.events)


def has_arguments(node: Node) -> bool:
    return bool(node[3] or node[4])


def is_same(node: Node, loop: Loop) -> bool:
    """Tell whether a comprehension gives the same on every pass."""
    changes = Changes(loop)
    if changes.touch(node):
        return False
    changed = {path.rpartition(".")[2] for path in changes.paths if "." in path}
    called = any(inner[0] == "call" and not pure(inner) for inner in walk(node))
    return not called and not any(inner[0] == "attr" and inner[3] in changed for inner in walk(node))


def is_made_again(node: Node, loop: Loop) -> bool:
    """Tell whether each pass makes the same set or dictionary, only to look something up in it."""
    if node[0] != "call" or node[2][0] not in ("name", "attr") or node[2][-1] not in MADE:
        return False
    return not Changes(loop).touch(node) and only_read(node, loop)


OF_BUILT_INS = frozenset(("str", "int", "float", "len", "abs", "round", "bool", "isinstance", "getattr", *ASKS))
OF_TEXT = frozenset(
    (
        *READS,
        *("lower", "upper", "strip", "lstrip", "rstrip", "casefold", "startswith", "endswith", "replace", "title"),
    )
)


def pure(call: Node) -> bool:
    """Tell whether a call in a comprehension is sure to answer the same each time: a method of text, a built-in."""
    function = call[2]
    if function[0] == "name":
        return function[2] in OF_BUILT_INS
    return function[0] == "attr" and function[3] in OF_TEXT


def told(effects: Effects, effect: Effect) -> Finding:
    event, loop = effect.event, effect.loop
    assert loop is not None
    shown = text(event.node)
    what = WHAT[event.effect]
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}` {what} for the same answer: `{shown}` does not depend on the loop",
        cure=f"Call `{shown}` once before the loop and keep what it gives.",
    )


def gone_through(effects: Effects, effect: Effect, scan: Scan, loop: Loop) -> Finding:
    shown = text(effect.event.node)
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}` goes through all of `{scan.collection}` for the same answer: `{shown}`",
        symbol=scan.collection,
        cure="Do it once before the loop and keep the result; a set or a dictionary where it is looked up in.",
        confidence=confidence_of(effects, effect, NEAR),
        terms=terms_of(effects, effect, size_of(scan.iterated)),
    )


def terms_of(effects: Effects, effect: Effect, size: str) -> tuple[Term, ...]:
    """Return what going through a collection on each pass costs; a list that is made of it is written, too."""
    sizes = (*effects.term(effect).sizes, size)
    node = effect.event.node
    makes = node is not None and node[0] == "comp" and node[2] != "iter"
    return (Term("scan", sizes), Term("copy", sizes)) if makes else (Term("scan", sizes),)


def is_shown_alike(shown: Node, loop: Loop) -> bool:
    """Tell whether a loop of a template shows the same on every pass of the loop around it."""
    changes = Changes(loop)
    bound = changes.names - set(names_in(shown[2]))
    return not changes.touch(shown[3]) and not bound & names_in((shown[3], shown[4]))


def shown_again(effects: Effects, effect: Effect, scan: Scan, loop: Loop) -> Finding:
    size = str(scan.iterated.how_many) if isinstance(scan.iterated, Rows) else size_of(scan.iterated)
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}` shows all of `{scan.collection}` again, which is the same each time",
        symbol=scan.collection,
        cure="Render it once before the loop and show that, or write it into the page once (a `<datalist>`, a"
        " `<template>`) and refer to it.",
        terms=(Term("serialize", (*effects.term(effect).sizes, size)),),
    )


def size_of(value: Value) -> str:
    return str(getattr(value, "size", None) or "items")


RULE = Rule(
    name="invariant-in-loop", sees=(*WORK, "scan", "allocate"), spends=("latency",), proof=Proof.growth("n"), find=find
)
