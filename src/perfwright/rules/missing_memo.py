"""Something costly is worked out again and again, and the answer is always the same.

A property looks like an attribute, so nobody minds reading it in a loop; a helper that reads a file is called for every
item by another helper. The answer can be kept: `functools.cached_property` on the object, `functools.cache` on a
function without or with few different arguments, or simply a variable that is passed on.

SQLAlchemy keeps what it compiled, but not a statement that holds the values of many rows: `insert(Order).values(rows)`
took 92 ms for a thousand rows of five columns on SQLite, and `execute(insert(Order), rows)` took 5 ms.

## Slow

```python
class Scores:
    def __init__(self, values: list[int]) -> None:
        self.values = values

    @property
    def highest(self) -> int:
        return max(self.values)

    def shares(self) -> list[float]:
        return [value / self.highest for value in self.values]


def shares(values: list[int]) -> list[float]:
    return Scores(values).shares()
```

## Fast

```python
from functools import cached_property


class Scores:
    def __init__(self, values: list[int]) -> None:
        self.values = values

    @cached_property
    def highest(self) -> int:
        return max(self.values)

    def shares(self) -> list[float]:
        return [value / self.highest for value in self.values]


def shares(values: list[int]) -> list[float]:
    return Scores(values).shares()
```

## Input

```python
def make(n: int) -> list[int]:
    return list(range(1, n + 1))
```

## When to leave it

The answer changes meanwhile and must be new each time, or it is asked for only a few times.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Value
from perfwright.finding import Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._loops import confidence_of, dotted, idle, node_at
from perfwright.rules._many_values import many_values
from perfwright.rules._same import answers, call_at, differs, same_from, writes_in

WORK = ("file.read", "compile", "cpu")
WHAT = {"file.read": "reads from disk", "compile": "compiles", "cpu": "computes", "scan": "goes through"}
FAR = 4  # calls from the loop to the effect beyond which something on the way is seldom understood


def find(effects: Effects) -> Iterator[Finding]:
    for group in effects.repeated_at(*WORK):
        for effect in group:
            at = again(effects, effect)
            if at is not None:
                yield told(effects, effect, at)
                break
    for effect in effects.repeated("scan"):
        scan = effect.scan
        if scan is not None and scan.kind == "whole" and len(effect.event.chain) > 1:
            at = again(effects, effect)
            if at is not None:
                yield told(effects, effect, at)
    told_of = set()
    for event, earlier in effects.repeats:
        if event.effect in WORK and event.chain[0][2] not in told_of and is_same(effects.function, event, earlier):
            told_of.add(event.chain[0][2])
            yield twice(effects, event, earlier)
    for call, rows in many_values(effects):
        yield compiled_anew(effects, call, rows)


# ------------------------------------------------------------------------------ in a loop
def again(effects: Effects, effect: Effect) -> int | None:
    """Return where on the way to an effect something is asked that each pass asks again; None for nowhere.

    What the loop itself calls with arguments is `invariant-in-loop`.
    """
    event, loop = effect.event, effect.loop
    if loop is None or event.node is None or len(event.chain) < 2 or idle(loop):
        return None
    if event.effect == "file.read" and writes_in(loop, effects.reading.events):
        return None
    at = same_from(effect)
    if at is None or (at == 0 and event.effect != "scan" and event.node[0] == "call"):
        return None
    if at == 0 and event.node[0] == "call" and (event.node[3] or event.node[4]):
        return None
    return at if at < len(event.chain) - 1 or at > 0 else None


def told(effects: Effects, effect: Effect, at: int) -> Finding:
    event, loop = effect.event, effect.loop
    assert loop is not None
    function, position, _ = event.chain[at]
    node = call_at(event.chain[at])
    shown = text(node)
    where = f" through `{event.chain[0][2]}`" if at else ""
    scan = effect.scan
    what = f"goes through all of `{scan.collection}`" if scan is not None else WHAT[event.effect]
    sizes = effects.term(effect).sizes
    term = Term(event.effect, (*sizes, size_of(scan.iterated)) if scan is not None else sizes)
    return Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=shown,
        message=f"every pass over `{loop.over}`{where} {what} for the same answer: `{shown}`",
        cure=cure(event, at, node, shown),
        confidence=confidence_of(effects, effect, FAR),
        chain=effects.chain(effect),
        cost=Cost(terms=(term,)),
    )


def cure(event: Event, at: int, node: Node | None, shown: str) -> str:
    """Say where the answer can be kept: on the object, by the function, or in a variable."""
    if event.effect == "scan" and at + 1 >= len(event.chain):
        return f"Work out `{shown}` once before the loop and pass it on."
    if at + 1 >= len(event.chain):
        return f"Keep what `{shown}` gives in a variable of the module, or behind functools.cache."
    callee = event.chain[at + 1][0]
    if node is not None and node[0] == "attr":
        return f"Make `{callee.name}` a functools.cached_property, or read it once before the loop."
    if callee.owner is not None:
        return f"Keep the answer of `{callee.name}` on the object, or ask once before the loop and pass it on."
    return f"Put functools.cache on `{callee.name}`, or call it once before the loop and pass the answer on."


# ------------------------------------------------------------------------------ one after the other
def is_same(function: Function, event: Event, earlier: int) -> bool:
    """Tell whether two calls of a function are written alike, and what they read is not set in between."""
    later = event.chain[0][1]
    nodes = [node_at(function, place, "call") or node_at(function, place, "attr") for place in (earlier, later)]
    first, second = nodes
    if first is None or second is None or text(first, 400) != text(second, 400) or differs(event):
        return False
    if not answers(second, function.body, event.chain) or event.once:
        return False
    if any(not dotted(part) and part[0] != "const" for part in second[3]) if second[0] == "call" else False:
        return False
    names = names_in(second)
    low, high = sorted((earlier, later))
    for node in walk(function.body):
        if node[0] in ("assign", "aug", "ann", "for") and low < node[1] <= high:
            targets = node[2] if node[0] == "assign" else (node[2],)
            if any(names_in(target) & names for target in targets):
                return False
        if node[0] == "expr" and low < node[1] < high and names_in(node[2][2]) & names:
            return False  # called for what it changes, perhaps in what is asked
    return True


def twice(effects: Effects, event: Event, earlier: int) -> Finding:
    function, position, shown = event.chain[0]
    first = Step(path=function.path, line=line_of(earlier), function=function.qualified, what="the first time")
    steps = [Step(path=f.path, line=line_of(p), function=f.qualified, what=what) for f, p, what in event.chain]
    return Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=shown,
        message=f"`{shown}` {WHAT[event.effect]} again, as in line {line_of(earlier)}, for the same answer",
        cure="Keep the first answer in a variable and pass it on.",
        confidence="likely" if event.certain else "possible",
        chain=(first, *steps),
        cost=Cost(terms=(Term(event.effect, ()),)),
    )


# ------------------------------------------------------------------------------ a statement for each list of rows
def compiled_anew(effects: Effects, call: Node, rows: Node) -> Finding:
    shown = text(call)
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, call[1]),
        symbol=text(rows),
        message=f"`{shown}` makes a statement with a parameter for each value of each row, which is compiled anew"
        " each time",
        cure=f"Leave `values` out and pass the rows beside the statement, which is then compiled once:"
        f" session.execute(statement, {text(rows)}).",
        confidence="likely",
        chain=(effects.step(effects.function, call[1], f"compile: {shown}"),),
        cost=Cost(terms=(Term("compile", ("items",)),)),
    )


def size_of(value: Value) -> str:
    return str(getattr(value, "size", None) or "items")


RULE = Rule(
    name="missing-memo",
    sees=(*WORK, "scan", "repeat", "def"),
    spends=("latency",),
    proof=Proof.growth("n^2"),
    find=find,
)
