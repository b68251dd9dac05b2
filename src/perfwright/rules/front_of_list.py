"""Each item that is put in front of a list, or taken from there, moves all the others by one place.

A list keeps its items side by side in memory. One `pop(0)` is quick, and a thousand of them are. Of a hundred thousand
lines, each taken from the front, most of the time goes into moving what is left. A `deque` takes and gives at both
ends and moves nothing.

## Slow

```python
def numbered(path: str) -> list[str]:
    with open(path) as file:
        waiting = list(file)
    done = []
    while waiting:
        done.append(f"{len(done)} {waiting.pop(0)}")
    return done
```

## Fast

```python
from collections import deque


def numbered(path: str) -> list[str]:
    with open(path) as file:
        waiting = deque(file)
    done = []
    while waiting:
        done.append(f"{len(done)} {waiting.popleft()}")
    return done
```

## Input

```python
import tempfile
from pathlib import Path


def make(n: int) -> str:
    path = Path(tempfile.mkdtemp(), "lines")
    path.write_text("line\\n" * n)
    return str(path)
```

## When to leave it

The list stays below some thousand items, or it is needed as a list for its indices and slices: a deque is slow there.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Sequence
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import called_names, names_in, text, walk
from perfwright.rules._code import BLOCKS, blocks, statements
from perfwright.rules._contract import Rule
from perfwright.rules._frames import assigned_to, body_of, few, is_short
from perfwright.rules._loops import dotted, node_at

SHORT = {"path", "paths", "parts", "args", "argv", "words", "segments", "bits", "sys"}
CLIMBS = ("parent", "next", "tail", "base", "outer", "__cause__", "__context__", "tb_next", "f_back")
SHRINKS = ("//", "/", ">>")
MOVES = ("pop", "insert")
NEAR = 3  # calls between a loop and a list, beyond which it is seldom the same list


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if "def" in effects.reading.seen and function.index >= 0 and function.loops:
        yield from direct(effects)
    for effect in effects.repeated("shift"):
        if 1 < len(effect.event.chain) <= NEAR:
            finding = called(effects, effect)
            if finding is not None:
                yield finding


# ------------------------------------------------------------------------------ in the loop itself
def direct(effects: Effects) -> Iterator[Finding]:
    """Give the loops that take from the front of a list, or put there, on each pass."""
    function = effects.function
    moves = not function.module.called.isdisjoint(MOVES) and not function.called.isdisjoint(MOVES)
    if not moves and not any(statement[0] == "del" for statement in statements(function.body)):
        return
    told: set[str] = set()
    for loop, site in sites(function.body, None, ()):
        base = list_of(site)
        if base is None or loop is None:
            continue
        name = text(base)
        if name not in told and lasts(effects, loop, base):
            told.add(name)
            yield finding_of(effects, loop, site, base)


def sites(block: tuple[Node, ...], loop: Node | None, bounds: tuple[Node, ...]) -> Iterator[tuple[Node | None, Node]]:
    """Give each place at the front of a list with the innermost loop around it; those under a bound are left out."""
    for statement in block:
        tag = statement[0]
        if tag in ("def", "class"):
            continue
        if tag in ("for", "while"):
            inside = (*bounds, statement[2]) if tag == "while" else bounds
            yield from sites(body_of(statement), statement, inside)
            continue
        if tag in BLOCKS or tag == "match":
            inside = (*bounds, statement[2]) if tag == "if" else bounds
            for inner in blocks(statement):
                yield from sites(inner, loop, inside)
            continue
        for node in walk(statement):
            base = list_of(node)
            if base is not None and not any(bounded(test, text(base)) for test in bounds):
                yield loop, node


def list_of(node: Node) -> Node | None:
    """Return the list whose front is moved: `x` of `x.pop(0)`, `x.insert(0, item)`, `del x[0]`."""
    if node[0] == "call" and node[2][0] == "attr" and not node[4] and node[3]:
        wanted = {"pop": 1, "insert": 2}.get(node[2][3], 0)
        if len(node[3]) == wanted and is_zero(node[3][0]) and dotted(node[2][2]):
            return node[2][2]  # type: ignore[no-any-return]
    if node[0] == "del":
        for target in node[2]:
            if target[0] == "sub" and is_zero(target[3]) and dotted(target[2]):
                return target[2]  # type: ignore[no-any-return]
    return None


def is_zero(node: Node) -> bool:
    return bool(node[0] == "const" and type(node[2]) is int and node[2] == 0)


def bounded(test: Node, name: str) -> bool:
    """Tell whether a test keeps a list at some length: `len(window) > 50`."""
    for node in walk(test):
        if node[0] != "cmp" or len(node[3]) != 1 or node[3][0] not in (">", ">=", "==", "<", "<="):
            continue
        sides = (node[2], node[4][0])
        for measured, limit in (sides, sides[::-1]):
            small = limit[0] == "const" and limit[2] in (0, 1)
            if not small and measured[0] == "call" and text(measured) == f"len({name})":
                return True
    return False


def lasts(effects: Effects, loop: Node, base: Node) -> bool:
    """Tell whether a list is older than a loop, and may be long."""
    name, body = text(base), body_of(loop)
    first = base
    while first[0] == "attr":
        first = first[2]
    if first[2] in SHORT or name.rpartition(".")[2] in SHORT or is_short(effects, loop) or few(effects, base):
        return False
    if loop[0] == "for" and first[2] in names_in(loop[2]):
        return False
    if loop[0] == "while" and "strip" in called_names(loop[2]):
        return False  # the blank lines at the top
    for node in walk(body):
        targets = node[2] if node[0] == "assign" else (node[2],) if node[0] in ("ann", "for") else ()
        if any(text(part) in (name, first[2]) for target in targets for part in (target, *parts_of(target))):
            return False  # another list on each pass
    return not climbs(loop)


def parts_of(target: Node) -> tuple[Node, ...]:
    return tuple(target[3]) if target[0] == "coll" else ()


def climbs(loop: Node) -> bool:
    """Tell whether a loop goes up a tree, or takes a number apart: few passes, however much data there is."""
    for node in walk(body_of(loop)):
        if node[0] == "aug" and node[3] in SHRINKS:
            return True
        if node[0] != "assign" or loop[0] != "while":
            continue
        for target in node[2]:
            value = node[3]
            if value[0] == "attr" and value[3].strip("_") in CLIMBS and text(value[2]) == text(target):
                return True
            if value[0] == "bin" and value[2] in SHRINKS and text(target) == text(value[3]):
                return True
            if target[0] == "name" and any(target[2] in names_in(part) for part in walk(value) if part[0] == "sub"):
                return True  # `node = came_from[node]`
            if target[0] == "coll" and value[0] == "call" and text(value[2]) == "divmod":
                return True
    return False


def finding_of(effects: Effects, loop: Node, site: Node, base: Node) -> Finding:
    name = text(base)
    event = event_at(effects, site)
    long = size_of(event.detail if event is not None else None)
    passes = long
    sure: Confidence = "likely"
    if loop[0] == "for":
        around = next((each for each in event.loops if each.position == loop[1]), None) if event is not None else None
        passes = str(around.size) if around is not None else "items"
        if event is not None and event.certain and around is not None and around.sure:
            sure = "certain"
        if long == "items":
            long = passes
    shown = "del " + text(site[2][0]) if site[0] == "del" else text(site)
    over = f"the loop over `{text(loop[3])}`" if loop[0] == "for" else f"`while {text(loop[2])}`"
    place = (effects.function, site[1], f"shift: {shown}")
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, site[1]),
        symbol=name,
        message=f"every pass of {over} moves all of `{name}` by one place: `{shown}`",
        cure=cure(effects, loop, site, base),
        confidence=sure,
        chain=(
            effects.step(effects.function, loop[1], f"loop over {passes}" if loop[0] == "for" else text(loop[2])),
            effects.step(*place),
        ),
        cost=Cost(terms=(Term("shift", (passes, long)),)),
    )


def event_at(effects: Effects, site: Node) -> Event | None:
    """Return what the engine saw at a place: which list, in which loops."""
    for event in effects.reading.events:
        if event.effect == "shift" and len(event.chain) == 1 and event.chain[0][1] == site[1]:
            return event
    return None


def size_of(value: object) -> str:
    """Return the size of a list; one that began empty has as many items as it was given."""
    if not isinstance(value, Sequence) or value.size.constant is not None:
        return "items"
    return str(value.size)


def cure(effects: Effects, loop: Node, site: Node, base: Node) -> str:
    """Say what to do instead: it depends on what else happens to the list."""
    name = text(base)
    if site[0] == "call" and site[2][3] == "insert":
        taken = any(
            node[0] == "call" and node[2][0] == "attr" and node[2][3] in ("pop", "popleft") and text(node[2][2]) == name
            for node in walk(effects.function.body)
        )
        if taken or base[0] == "attr":
            return f"Make `{name}` a collections.deque and use appendleft(...)."
        return (
            f"Use `{name}.append(...)` and reverse it once after the loop, or a collections.deque with appendleft(...)."
        )
    added = any(
        node[0] == "call" and node[2][0] == "attr" and text(node[2][2]) == name and node[2][3] != "pop"
        for node in walk(body_of(loop))
    )
    if base[0] == "name" and assigned_to(effects.function.body, name) and not added and loop[0] == "while":
        return f"Go through `{name}` with a `for` loop, or make it a collections.deque and use popleft()."
    return f"Make `{name}` a collections.deque and use popleft()."


# ------------------------------------------------------------------------------ through a call
def called(effects: Effects, effect: Effect) -> Finding | None:
    """Return what to say of a loop that calls what moves the front of a list."""
    event, loop = effect.event, effect.loop
    leaf = event.chain[-1]
    node = node_at(leaf[0], leaf[1], "call")
    base = list_of(node) if node is not None else None
    if base is None or loop is None or node is None or not isinstance(event.detail, Sequence):
        return None
    tests = tuple(statement[2] for statement in walk(leaf[0].body) if statement[0] in ("if", "while"))
    if any(bounded(test, text(base)) for test in tests) or text(base).rpartition(".")[2] in SHORT:
        return None
    taken = node[2][3] == "pop"
    return effects.finding(
        RULE.name,
        effect,
        f"every pass over `{loop.over}` moves all of `{text(base)}` by one place, through `{effect.what}`",
        symbol=text(base),
        cure=f"Make `{text(base)}` a collections.deque and use {'popleft()' if taken else 'appendleft(...)'}.",
        terms=(Term("shift", (*effects.term(effect).sizes, size_of(event.detail))),),
    )


RULE = Rule(name="front-of-list", sees=("def", "shift"), spends=("latency",), proof=Proof.growth("n^2"), find=find)
