"""Every pass of a loop goes through all of a collection again: a slice that copies it, a sum or a maximum of it.

The work of a pass grows with the collection, so the whole is quadratic. A running total, a set of what was seen, or an
index in place of a slice does the same in one pass; what does not change is computed once, before the loop.

## Slow

```python
def balances(amounts: list[int]) -> list[int]:
    return [sum(amounts[: i + 1]) for i in range(len(amounts))]
```

## Fast

```python
from itertools import accumulate


def balances(amounts: list[int]) -> list[int]:
    return list(accumulate(amounts))
```

## Input

```python
def make(n: int) -> list[int]:
    return list(range(n))
```

## When to leave it

The collection stays short, or every pair of its items is wanted: then the slices are the least of the work.
"""

import re
from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.scans import Scan
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Sequence, Value
from perfwright.finding import Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._loops import Changes, bound_in, confidence_of, idle, node_at

RUNNING = ("sum", "min", "max")  # what can be kept up to date from item to item
SHORT = ("path", "parts", "keys", "args", "words", "bits", "tokens", "segments", "names", "rest", "tail")
TEXT = re.compile(r"(^|_)(s|str|string|text|line|data|buf|buffer|src|source|expr|sql|html|path|name)$")
NEAR = 3  # calls between a loop and what is gone through, beyond which it is seldom the same
GROWS = ("append", "add", "insert", "extend", "update", "setdefault", "appendleft")


WHOLE = frozenset((*RUNNING, "set", "frozenset", "dict", "Counter", "fromkeys", "sorted", "any", "all"))


def find(effects: Effects) -> Iterator[Finding]:
    for effect in effects.repeated("copy", "scan"):
        finding = sliced(effects, effect) if effect.event.effect == "copy" else gone_through(effects, effect)
        if finding is not None:
            yield finding
    for effect in effects.effects("copy"):
        if len(effect.event.chain) == 1 and not effect.event.loops and is_slice(effect.event.node):
            finding = eaten(effects, effect) or recursive(effects, effect)
            if finding is not None:
                yield finding


# ------------------------------------------------------------------------------ slices
def is_slice(node: Node | None) -> bool:
    return node is not None and node[0] == "sub" and node[3][0] == "slice"


def sliced(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of a head or a tail that every pass copies."""
    event, loop = effect.event, effect.loop
    leaf = event.chain[-1]
    node = node_at(leaf[0], leaf[1], "sub")
    if loop is None or node is None or not is_slice(node) or not isinstance(event.detail, Value) or idle(loop):
        return None
    if not isinstance(event.detail, Sequence) and not of_items(leaf[0], node, goes_over(loop, node[2])):
        return None  # it may be text
    changes = Changes(loop)
    low, high = node[3][2], node[3][3]
    local = len(event.chain) == 1
    if is_end(low) or is_end(high) or not starts(low):
        return None  # the last few, or all but the last few
    bound = low if low is not None else high
    if bound is None:
        return None  # a copy of the whole
    moves = changes.touch(bound) if local else bool(names_in(bound) & bound_by(leaf[0]))
    if not moves and low is None:
        return None  # a window of one length
    if not moves and local and not stays(changes, node[2]):
        return None
    name = text(node[2])
    through = f" through `{effect.what}`" if not local else ""
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}` copies a part of `{name}`{through}: `{text(node)}`",
        symbol=name,
        cure=cure_of(effects.function if local else leaf[0], node, moves=moves),
        confidence=confidence_of(effects, effect, NEAR),
        terms=(Term("copy", (*effects.term(effect).sizes, size_of(event.detail))),),
    )


def goes_over(loop: Loop, base: Node) -> bool:
    """Tell whether a loop goes through what is sliced in it: `for i, item in enumerate(items)`."""
    return bool(re.search(rf"(^|[(\s]){re.escape(text(base))}($|[),])", loop.over))


def of_items(function: Function, node: Node, over: bool) -> bool:
    """Tell whether a slice of something unknown is used like a list: summed, sorted, gone through, looked up in."""
    for inner in walk(function.body):
        sources: tuple[Node, ...] = ()
        if inner[0] == "call" and inner[2][0] == "name" and inner[2][2] in WHOLE:
            sources = inner[3]
        elif inner[0] == "for":
            sources = (inner[3],)
        elif inner[0] == "cmp" and over and inner[3][-1] in ("in", "not in"):
            sources = inner[4]
        elif inner[0] == "comp":
            sources = tuple(generator[1] for generator in inner[4])
        if any(source is node for source in sources):
            return True
    return False


def bound_by(function: Function) -> set[str]:
    """Return the names that a function binds: its parameters, and what it assigns."""
    names = {parameter[0] for parameter in function.parameters}
    for node in walk(function.body):
        for target in node[2] if node[0] == "assign" else (node[2],) if node[0] in ("ann", "aug", "for") else ():
            names |= names_in(target) if target[0] in ("name", "coll") else set()
    return names


def is_end(node: Node | None) -> bool:
    """Tell whether a bound counts from the end: `-3`, `-n`."""
    return node is not None and node[0] == "un" and node[2] == "-"


def starts(low: Node | None) -> bool:
    """Tell whether a lower bound skips something: `0` takes all."""
    return low is None or low[0] != "const" or low[2] not in (0, None)


def stays(changes: Changes, base: Node) -> bool:
    """Tell whether a collection is the same on each pass."""
    return not changes.touch(base)


def cure_of(function: Function, node: Node, *, moves: bool) -> str:
    """Say what to do instead of a slice: it depends on what is done with it."""
    if not moves:
        return f"Take `{text(node)}` once before the loop."
    consumer = next(
        (inner for inner in walk(function.body) if inner[0] == "call" and any(part is node for part in inner[3])), None
    )
    name = consumer[2][2] if consumer is not None and consumer[2][0] == "name" else ""
    if name in RUNNING:
        return f"Keep a running {'total' if name == 'sum' else name} (itertools.accumulate) in place of `{name}(...)`."
    if any(
        inner[0] == "cmp" and inner[3][-1] in ("in", "not in") and inner[4][-1] is node for inner in walk(function.body)
    ):
        return "Keep a set of the items that were passed, and look up in that."
    if node[3][2] is not None:
        return "Go on from an index, or with itertools.islice(...), which copies nothing."
    return "Keep what is wanted of the items so far up to date from pass to pass."


def eaten(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of a list that a loop eats up from its front: `items = items[1:]`."""
    event = effect.event
    node = event.node
    if node is None or node[2][0] != "name" or not first_few(node):
        return None
    if not isinstance(event.detail, Sequence) and TEXT.search(node[2][2]):
        return None
    for loop in walk(effects.function.body):
        if loop[0] != "while":
            continue
        for statement in walk(loop[3]):
            if statement[0] == "assign" and binds(statement, node):
                name = text(node[2])
                return effects.finding(
                    RULE.name,
                    effect,
                    f"every pass of `while {text(loop[2])}` copies what is left of `{name}`: `{name} = {text(node)}`",
                    symbol=name,
                    cure="Use a collections.deque with popleft(), or go on from an index.",
                    confidence="likely" if event.certain or takes_first(loop, name) else "possible",
                    terms=(Term("copy", (size_of(event.detail), size_of(event.detail))),),
                )
    return None


def takes_first(loop: Node, name: str) -> bool:
    """Tell whether a pass takes the first or the last item of a list."""
    return any(
        node[0] == "sub" and node[2][:3:2] == ("name", name) and node[3][0] in ("const", "un") for node in walk(loop[3])
    )


def binds(statement: Node, node: Node) -> bool:
    """Tell whether an assignment gives a name a slice of what it held: `x = x[1:]`, `a, x = x[0], x[1:]`."""
    for target in statement[2]:
        pairs = [(target, statement[3])]
        if target[0] == "coll" and statement[3][0] == "coll" and len(target[3]) == len(statement[3][3]):
            pairs = list(zip(target[3], statement[3][3], strict=True))
        if any(value is node and bound[:3:2] == ("name", node[2][2]) for bound, value in pairs):
            return True
    return False


def first_few(node: Node) -> bool:
    """Tell whether a slice leaves out the first one or the last one: `items[1:]`, `items[:-1]`."""
    low, high = node[3][2], node[3][3]
    if high is None:
        return bool(low is not None and low[0] == "const" and low[2] == 1)
    return bool(low is None and is_end(high) and high[3][0] == "const" and high[3][2] == 1)


def recursive(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of a function that calls itself with all but the first item."""
    event, function = effect.event, effects.function
    node = event.node
    names = {parameter[0] for parameter in function.parameters}
    if node is None or node[2][0] != "name" or node[2][2] not in names or not first_few(node):
        return None
    if node[2][2] in SHORT or not isinstance(event.detail, Sequence) or event.detail.of not in ("list", "tuple"):
        return None
    for call in walk(function.body):
        if call[0] != "call" or not any(part is node for part in call[3]):
            continue
        called = call[2]
        if (called[0] == "name" and called[2] == function.name) or (
            called[0] == "attr" and called[3] == function.name and function.owner is not None
        ):
            return effects.finding(
                RULE.name,
                effect,
                f"`{function.name}` copies all but one item of `{node[2][2]}` each time it calls itself",
                symbol=node[2][2],
                cure="Go through it with a loop, or pass an index along.",
                confidence="likely" if event.certain else "possible",
                terms=(Term("copy", (size_of(event.detail), size_of(event.detail))),),
            )
    return None


# ------------------------------------------------------------------------------ all of it
def gone_through(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of `max(items)` on every pass; `set(items)` is `invariant-in-loop`."""
    event, loop = effect.event, effect.loop
    scan = event.detail
    node = event.node
    if not isinstance(scan, Scan) or scan.kind != "whole" or loop is None or idle(loop):
        return None
    if len(event.chain) > 1 or node is None:
        return None
    if node[0] == "comp":
        return part_of(effects, effect, scan)
    if node[0] != "call":
        return None
    collection = node[3][0] if node[3] else node
    changes = Changes(loop)
    name = node[2][2] if node[2][0] == "name" else node[2][3]
    grows = asked(loop.body, scan.collection)
    if name not in RUNNING or (name != "sum" and len(node[3]) > 1):  # `max(one, other)` goes through nothing
        return None
    if not grows and (changes.touch(collection) or others_vary(changes, node)):
        return None
    if grows:
        cure = f"Keep a running {'total' if name == 'sum' else name} in place of `{text(node)}`."
    else:
        cure = f"Compute `{text(node)}` once before the loop."
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}` goes through all of `{scan.collection}` again: `{text(node)}`",
        symbol=scan.collection,
        cure=cure,
        confidence=confidence_of(effects, effect, NEAR),
        terms=(Term("scan", (*effects.term(effect).sizes, size_of(scan.iterated))),),
    )


def part_of(effects: Effects, effect: Effect, scan: Scan) -> Finding | None:
    """Return what to say of a comprehension that picks what lies below or above something of the loop."""
    event, loop = effect.event, effect.loop
    assert event.node is not None
    assert loop is not None
    changes = Changes(loop)
    own = set(bound_in(event.node))
    generators = event.node[4]
    if len(generators) > 1 or changes.touch(generators[0][1]):
        return None
    tests = [*generators[0][2], event.node[3]]
    if not any(is_bound(test, own, changes.names) for test in tests):
        return None
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}` goes through all of `{scan.collection}` for a part of it: `{text(event.node)}`",
        symbol=scan.collection,
        cure=f"Sort `{scan.collection}` once and find the part with bisect, or go through both side by side.",
        confidence=confidence_of(effects, effect, NEAR),
        terms=(Term("scan", (*effects.term(effect).sizes, size_of(scan.iterated))),),
    )


def is_bound(test: Node, own: set[str], outer: set[str]) -> bool:
    """Tell whether a test asks if an item comes before or after something that the loop around it says."""
    for inner in walk(test):
        if inner[0] != "cmp" or not {"<", "<=", ">", ">="} & set(inner[3]):
            continue
        sides = [names_in(side) for side in (inner[2], *inner[4])]
        if any(side & own for side in sides) and any(side & outer and not side & own for side in sides):
            return True
    return False


def others_vary(changes: Changes, node: Node) -> bool:
    """Tell whether another argument is another on each pass: the key that a maximum is taken by."""
    return any(changes.touch(value) for _, value in node[4]) or any(changes.touch(value) for value in node[3][1:])


def asked(body: tuple[Node, ...], name: str) -> bool:
    """Tell whether something is added to a collection on each pass."""
    return any(
        node[0] == "call" and node[2][0] == "attr" and node[2][3] in GROWS and text(node[2][2]) == name
        for node in walk(body)
    )


def size_of(value: Value) -> str:
    return str(getattr(value, "size", None) or "items")


RULE = Rule(name="repeated-slice", sees=("copy", "scan"), spends=("latency",), proof=Proof.growth("n^2"), find=find)
