"""A collection is sorted again on every pass of a loop, though it is the same, or longer by one item only.

Sorting is cheap once and dear a thousand times. It belongs before the loop, or after it; where items come in one by
one, `bisect.insort` and `heapq` keep the order. Whoever wants only the least or the greatest needs no order at all.

## Slow

```python
def ranks(scores: list[int], wanted: list[int]) -> list[int]:
    found = []
    for score in wanted:
        best = sorted(scores, reverse=True)
        found.append(best[score % len(best)])
    return found
```

## Fast

```python
def ranks(scores: list[int], wanted: list[int]) -> list[int]:
    best = sorted(scores, reverse=True)
    found = []
    for score in wanted:
        found.append(best[score % len(best)])
    return found
```

## Input

```python
def make(n: int) -> tuple[list[int], list[int]]:
    return [i * 7 % (n + 1) for i in range(n)], list(range(n))
```

## When to leave it

The collection stays short, or what it is sorted by changes on each pass.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Foreign, Instance, Sequence, Value
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._each_time import loop_around, made_of_all
from perfwright.rules._loops import Changes, bound_in, confidence_of, idle, node_at

ADDS = ("append", "add", "insert", "extend", "update", "setdefault")
TAKES = ("pop", "popleft", "remove", "clear", "discard")
NEAR = 3  # calls between a loop and what is sorted, beyond which it is seldom the same collection


def find(effects: Effects) -> Iterator[Finding]:
    told = set()
    for effect in effects.repeated("sort"):
        finding = sorted_again(effects, effect)
        if finding is not None:
            told.add(id(effect.event.node))
            yield finding
    for effect in effects.effects("sort"):
        event = effect.event
        if len(event.chain) > 1 or event.node is None or id(event.node) in told:
            continue
        finding = taken(effects, effect) or taken_each_time(effects, effect) or in_groups(effects, effect)
        if finding is not None:
            yield finding


# ------------------------------------------------------------------------------ again
def sorted_again(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of a collection that is sorted on every pass of a loop it outlives."""
    event, loop = effect.event, effect.loop
    leaf = event.chain[-1]
    sort = node_at(leaf[0], leaf[1], "call")
    if loop is None or event.node is None or sort is None or idle(loop) or of_members(event.detail):
        return None
    changes = Changes(loop)
    if depends(changes, sort, event.node, leaf[0], local=len(event.chain) == 1):
        return None
    name = event.symbol
    adds, takes = (asked(loop, name, methods) for methods in (ADDS, TAKES))
    if len(event.chain) == 1 and changes.touch(collection(sort)) and not adds and not takes and sort[2][0] == "name":
        return None  # it is another one on each pass
    through = f" through `{effect.what}`" if len(event.chain) > 1 else ""
    if adds and takes:
        state, cure = "to take some of it", "Keep it in a heap: heapq.heappush() and heapq.heappop()."
    elif adds:
        state, cure = (
            "after adding to it",
            f"Sort `{name}` once after the loop, or keep it sorted with bisect.insort().",
        )
    else:
        state, cure = "again, which is the same", f"Sort `{name}` once before the loop."
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}` sorts `{name}` {state}{through}",
        cure=cure,
        confidence=confidence_of(effects, effect, NEAR),
        terms=(Term("sort", (*effects.term(effect).sizes, size_of(event.detail))),),
    )


def depends(changes: Changes, sort: Node, call: Node, where: Function, *, local: bool) -> bool:
    """Tell whether what is sorted by may be another on each pass."""
    key = next((value for name, value in sort[4] if name == "key"), None)
    if key is None:
        return False
    if local:
        return changes.touch(key) or keyed_by_changed(changes, key)
    passed = {parameter[0] for parameter in where.parameters}
    return bool((names_in(key) - set(bound_in(key))) & passed) and changes.touch(call, (where,))


def keyed_by_changed(changes: Changes, key: Node) -> bool:
    """Tell whether the loop sets an attribute that the key reads."""
    changed = {path.rpartition(".")[2] for path in changes.paths if "." in path}
    return any(inner[0] == "attr" and inner[3] in changed for inner in walk(key))


def collection(sort: Node) -> Node:
    """Return what a call of `sorted(x)` or `x.sort()` sorts."""
    found: Node = sort[3][0] if sort[2][0] == "name" and sort[3] else sort[2]
    return found[2] if found[0] == "attr" and not sort[3] else found


def asked(loop: Loop, name: str, methods: tuple[str, ...]) -> bool:
    """Tell whether a pass of a loop calls one of the methods of a collection."""
    return any(
        node[0] == "call" and node[2][0] == "attr" and node[2][3] in methods and text(node[2][2]) == name
        for node in walk(loop.body)
    )


def of_members(value: Value) -> bool:
    """Tell whether a collection holds members of an enumeration: there are only so many."""
    element = value.element if isinstance(value, Sequence) else None
    return isinstance(element, Instance) and any(
        "Enum" in text(base) or "Choices" in text(base) for base in element.cls.bases
    )


# ------------------------------------------------------------------------------ to take
def taken(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of a collection that is sorted for its first, last, or some few items."""
    event = effect.event
    assert event.node is not None
    found = wanted(effects.function, event.node)
    if found is None or not isinstance(event.detail, Sequence) or not is_large(event.detail):
        return None
    return to_take(effects, effect, *found, sizes=(size_of(event.detail),))


def taken_each_time(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of a sort for some few items of what each pass makes of a whole collection."""
    call = effect.event.node
    if call is None or call[2][:3:2] != ("name", "sorted") or not call[3]:
        return None
    found = wanted(effects.function, call)
    loop = loop_around(effects, call) if found is not None and found[1] else None
    if found is None or loop is None or not made_of_all(effects, call[3][0], loop):
        return None
    return to_take(effects, effect, *found, sizes=("items", size_of(effect.event.detail)))


def to_take(effects: Effects, effect: Effect, most: str, many: bool, sizes: tuple[str, ...]) -> Finding:
    event = effect.event
    assert event.node is not None
    keys = "".join(f", key={text(value)}" for name, value in event.node[4] if name == "key")
    function = (f"heapq.n{most}est(..., " if many else f"{'min' if most == 'small' else 'max'}(") + event.symbol
    what = "some few" if many else "one"
    return Finding(
        rule=RULE.name,
        place=effects.place(*event.chain[0][:2]),
        symbol=event.symbol,
        message=f"all of `{event.symbol}` is sorted to take {what} of it: `{effect.what}`",
        cure=f"Take {'them' if many else 'it'} without sorting: {function}{keys}).",
        confidence="likely",
        chain=effects.chain(effect),
        cost=Cost(terms=(Term("sort", sizes),)),
    )


def is_large(value: Sequence) -> bool:
    """Tell whether a collection is as long as a table or a file; rows themselves are for their query to sort."""
    return value.load is None and value.size.constant is None and value.size.symbol not in ("items", "page")


def wanted(function: Function, call: Node) -> tuple[str, bool] | None:
    """Return which end of a sorted list is wanted, and whether more than one item of it."""
    reverse = any(name == "reverse" and value[0] == "const" and value[2] is True for name, value in call[4])
    name = ""
    uses: list[Node] = []
    for node in walk(function.body):
        if node[0] == "assign" and node[3] is call and len(node[2]) == 1 and node[2][0][0] == "name":
            name = node[2][0][2]
        elif node[0] == "sub" and node[2] is call:
            uses.append(node)
    if name:
        reads = sum(node[0] == "name" and node[2] == name for node in walk(function.body)) - 1
        uses = [node for node in walk(function.body) if node[0] == "sub" and node[2][:3:2] == ("name", name)]
        if len(uses) != reads:
            return None
    ends = {end_of(use[3]) for use in uses}
    if len(ends) != 1 or None in ends:
        return None
    end, many = next(iter(ends))  # type: ignore[misc]
    return ("small" if (end == "first") != reverse else "larg"), many


def end_of(index: Node) -> tuple[str, bool] | None:
    """Return which end of a list an index or a slice takes, and whether more than one item."""
    if index[0] == "const" and index[2] == 0:
        return "first", False
    if index[0] == "un" and index[2] == "-":
        return ("last", False) if index[3][0] == "const" and index[3][2] == 1 else None
    if index[0] != "slice" or index[4] is not None:
        return None
    low, high = index[2], index[3]
    if low is None and high is not None and high[0] in ("const", "name", "attr"):
        return "first", True
    if high is None and low is not None and low[0] == "un" and low[2] == "-":
        return "last", True
    return None


# ------------------------------------------------------------------------------ groups
def in_groups(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of groups of a frame that are sorted one by one."""
    event = effect.event
    if not isinstance(event.detail, Foreign) or event.node is None or event.node[2][0] != "attr":
        return None
    group = event.node[2][2]
    for node in walk(effects.function.body):
        if node[0] != "for" or group[0] != "name" or group[2] not in names_in(node[2]):
            continue
        grouped = next(
            (n for n in walk(node[3]) if n[0] == "call" and n[2][0] == "attr" and n[2][3] == "groupby"), None
        )
        if grouped is None or not any(inner is event.node for inner in walk(node[4])):
            continue
        if (names_in(event.node) - {group[2]}) & names_in(node[2]):
            continue  # sorted by something that the group says
        frame = text(grouped[2][2])
        return Finding(
            rule=RULE.name,
            place=effects.place(*event.chain[0][:2]),
            symbol=event.symbol,
            message=f"every group of `{frame}` is sorted on its own: `{effect.what}`",
            cure=f"Sort `{frame}` once before groupby(), which keeps the order within each group.",
            confidence="likely",
            chain=effects.chain(effect),
            cost=Cost(terms=(Term("sort", ("items", "items")),)),
        )
    return None


def size_of(value: Value) -> str:
    return str(getattr(value, "size", None) or "items")


RULE = Rule(name="sort-in-loop", sees=("sort",), spends=("latency",), proof=Proof.growth("n^2"), find=find)
