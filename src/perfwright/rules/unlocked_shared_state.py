"""State that several tasks or threads share is read, and written after a pause: what others wrote meanwhile is lost.

A task can be interrupted at every `await`, a thread wherever it calls something. Who has read a value before, and
writes what follows from it after, writes over what came in between: a counter that forgets, a seat that is sold twice,
a client that is made twice. `total += await count()` reads `total` before it waits.

Not every write is such a hazard. On CPython 3.10 to 3.13 with its global lock, four threads that did `n += 1`,
`found["a"] += 1` or `items.append(x)` 200,000 times lost nothing; with `n += count()` and with
`found["a"] = found.get("a", 0) + 1` they lost up to half. This rule names only what has a pause between read and write.

## Slow

```python
import asyncio

SEATS = {"left": 0}


async def book(people: int) -> None:
    left = SEATS["left"]
    await asyncio.sleep(0)
    SEATS["left"] = left - people


async def evening(parties: list[int]) -> int:
    SEATS["left"] = 100
    await asyncio.gather(*(book(people) for people in parties))
    return SEATS["left"]
```

## Fast

```python
import asyncio

SEATS = {"left": 0}


async def book(people: int) -> None:
    await asyncio.sleep(0)
    SEATS["left"] -= people


async def evening(parties: list[int]) -> int:
    SEATS["left"] = 100
    await asyncio.gather(*(book(people) for people in parties))
    return SEATS["left"]
```

## Input

```python
def make(n: int) -> list[int]:
    return [1] * n
```

## Scenario

Parties of two and of three book at the same time.

```python
import asyncio


def scenario() -> None:
    left = asyncio.run(evening([2, 3]))
    assert left == 95, f"{left} seats are left of 100 after 5 were booked"
```

## What differs

Of parties that book at the same time, Slow counts only the last.

## When to leave it

One task or thread alone ever runs this code, or a lost update does no harm.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._anew import ALONE
from perfwright.rules._beside import is_self, name_of, started
from perfwright.rules._code import blocks, statements
from perfwright.rules._contract import Rule
from perfwright.rules._kept import is_kept
from perfwright.rules._started import SIMPLE, is_limited, made_by

OWN = ("local", "ContextVar", "Local", "ThreadLocal")  # what makes state that each thread or task has its own of
HANDLED = ("GET ", "POST ", "PUT ", "PATCH ", "DELETE ", "HEAD ", "websocket ")


@dataclass(frozen=True, slots=True)
class Race:
    """A write of shared state after a pause: the statement, the state, what was done before, and where it pauses."""

    statement: Node
    state: str
    how: str  # updated, kept, tested, missing
    pause: Node


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    beside = goes_beside(effects) if function.index >= 0 and function.name != "__init__" else ""
    if not beside:
        return
    pauses: list[Node] = []
    shared = shared_state(effects, pauses)
    if not shared or is_limited(effects, function, function.body):
        return
    told: set[str] = set()
    for race in races(function, set(shared), sorted(pauses, key=lambda node: node[1])):
        if race.state in told or is_own(effects, race.statement):
            continue
        told.add(race.state)
        yield finding(effects, race, confidence(race, shared[race.state], beside))


def finding(effects: Effects, race: Race, sure: Confidence) -> Finding:
    function = effects.function
    paused = text(race.pause)
    lost = f"`{race.state}` is read before `{paused}` and written after it: what others wrote meanwhile is lost"
    said = {
        "updated": lost,
        "kept": lost,
        "tested": f"`{race.state}` is tested before `{paused}` and changed after it: others pass the test meanwhile",
        "missing": f"`{race.state}` is missing before `{paused}` and set after it: others make it as well meanwhile",
    }
    lock = "asyncio.Lock" if function.is_async else "threading.Lock"
    cure = f"Read it after `{paused}`, in one step with the write; or hold one {lock} from the read to the write."
    if race.how == "missing":
        cure = f"Hold one {lock} from the test to the write, and test again once it is held."
    if race.how == "updated" and race.statement[0] == "aug" and function.is_async:
        cure = f"Wait first, `more = {paused}`, then `{race.state} {race.statement[3]}= more`; or hold one {lock}."
    return Finding(
        rule=RULE.name,
        place=effects.place(function, race.statement[1]),
        symbol=race.state,
        message=said[race.how],
        cure=cure,
        confidence=sure,
        chain=(
            effects.step(function, race.pause[1], paused),
            effects.step(function, race.statement[1], f"{race.state} is written"),
        ),
        cost=Cost(terms=(Term("wait", ()),)),
    )


def confidence(race: Race, whose: str, beside: str) -> Confidence:
    if whose == "object" or (race.how in ("missing", "tested") and "[" in race.state):
        return "possible"  # each task may have an object of its own; twice looked up is only twice the work
    return "certain" if beside == "started" and race.how in ("updated", "kept") else "likely"


def settle(finding: Finding) -> Finding:
    """Where nothing from outside is known to lead there, or one command at a time, it is only possible."""
    alone = all(entry.startswith(ALONE) for entry in finding.entry_points)
    return replace(finding, confidence="possible") if alone and finding.confidence == "likely" else finding


# ------------------------------------------------------------------------------- who runs it
def goes_beside(effects: Effects) -> str:
    """Return how a function comes to run several times at once: `started`, `handler`, `async`, or nothing."""
    function = effects.function
    starters = started(effects.project, "tasks" if function.is_async else "threads").get(function)
    if starters:
        effects.program.interpreter.consulted.update(starters)
        return "started"
    if effects.entry.startswith(HANDLED) and not is_alone(effects):
        return "handler"
    return "async" if function.is_async else ""


def is_alone(effects: Effects) -> bool:
    """Tell whether a handler that does not await runs in the one thread of an event loop: Tornado's do."""
    owner = effects.function.owner
    if effects.function.is_async or owner is None:
        return False
    return any(str(base).startswith("tornado.") for base in effects.project.externals(owner))


# ------------------------------------------------------------------------------- what is shared
def shared_state(effects: Effects, pauses: list[Node]) -> dict[str, str]:
    """Return what a function writes that others share, as written, and whose it is: `module`, `kept` or `object`.

    The places where it pauses, in their order, are put into `pauses`.
    """
    function = effects.function
    tag = "await" if function.is_async else "call"
    written: list[Node] = []
    for node in walk(function.body):
        if node[0] == tag:
            if tag == "await" or name_of(node) not in SIMPLE:
                pauses.append(node)
        elif node[0] == "aug":
            written.append(node[2])
        elif node[0] == "assign":
            written.extend(node[2])
    return whose(effects, written) if pauses else {}


def whose(effects: Effects, written: list[Node]) -> dict[str, str]:
    """Return those of the targets of a function's assignments that others share, and whose they are."""
    function = effects.function
    found: dict[str, str] = {}
    for target in written:
        base = target
        while base[0] in ("attr", "sub"):
            base = base[2]
        if base[0] != "name":
            continue
        if target[0] != "name" and is_self(function, base):
            assert function.owner is not None
            handed_over = function in started(effects.project, "threads")
            kept = handed_over or is_kept(effects.project, function.owner)
            found[text(target, 200)] = "kept" if kept else "object"
        elif is_outside(function, base, bare=target[0] == "name"):
            found[text(target, 200)] = "module"
    return found


def targets(body: tuple[Node, ...]) -> Iterator[Node]:
    for node in walk(body):
        if node[0] == "aug":
            yield node[2]
        elif node[0] == "assign":
            yield from node[2]


def is_outside(function: Function, base: Node, *, bare: bool) -> bool:
    """Tell whether a name is the module's, or that of a function around: the function reads it before it binds it."""
    name = base[2]
    if any(parameter[0] == name for parameter in function.parameters):
        return False
    binding = function.module.names.get(name)
    around = function.module.functions[function.outer] if function.outer >= 0 else None
    outer = around is not None and any(t[0] == "name" and t[2] == name for t in targets(around.body))
    if not outer and (binding is None or binding[0] != "value"):
        return False
    bound = [node for node in statements(function.body) if binds(node, name)]
    if not bare:
        return not bound
    return bool(bound) and reads_itself_first(function, name, bound[0])


def binds(node: Node, name: str) -> bool:
    if node[0] == "aug":
        return bool(node[2][0] == "name" and node[2][2] == name)
    if node[0] == "assign":
        return any(part[0] == "name" and part[2] == name for target in node[2] for part in unpacked(target))
    if node[0] in ("for", "ann"):
        return name in names_in(node[2])
    if node[0] == "with":
        return any(target is not None and name in names_in(target) for _, target in node[2])
    return False


def unpacked(target: Node) -> tuple[Node, ...]:
    return tuple(target[3]) if target[0] == "coll" else (target,)


def reads_itself_first(function: Function, name: str, first: Node) -> bool:
    """Tell whether a name is read before, or where, a function first binds it: it is not the function's own."""
    if first[0] == "aug":
        return True
    for node in walk(function.body):
        if node[0] == "name" and node[2] == name and node[1] < first[1]:
            return True
    return first[0] == "assign" and name in names_in(first[3])


def is_own(effects: Effects, statement: Node) -> bool:
    """Tell whether what is written belongs to one thread or task."""
    target = statement[2] if statement[0] == "aug" else statement[2][0]
    while target[0] in ("attr", "sub"):
        if any(name in OWN for name in made_by(effects, effects.function, target)):
            return True
        target = target[2]
    return any(name in OWN for name in made_by(effects, effects.function, target))


# ------------------------------------------------------------------------------- what is done
def races(function: Function, shared: set[str], pauses: list[Node]) -> Iterator[Race]:
    """Give the writes of shared state that follow from what was read before a pause."""
    yield from at_once(function, shared)
    yield from kept(function, shared, pauses)
    yield from by_test(function, function.body, shared)


def at_once(function: Function, shared: set[str]) -> Iterator[Race]:
    """`total += await f()`, `total = total + f()`: one statement that reads, pauses and writes."""
    for node in statements(function.body):
        if node[0] == "aug" and text(node[2], 200) in shared:
            pause = pause_in(function, node[4])
            if pause is not None:
                yield Race(node, text(node[2], 200), "updated", pause)
        elif node[0] == "assign" and len(node[2]) == 1 and text(node[2][0], 200) in shared:
            read = read_of(node[3], node[2][0])
            pause = pause_in(function, node[3], read[1] if function.is_async else 0) if read is not None else None
            if pause is not None and (function.is_async or not is_lookup_alone(node[3], node[2][0])):
                yield Race(node, text(node[2][0], 200), "updated", pause)


def read_of(value: Node, target: Node) -> Node | None:
    """Return where an expression reads what is assigned to: as it is written, or by `.get` of the same key."""
    state = text(target, 200)
    for node in walk(value):
        if node[0] in ("name", "attr", "sub") and text(node, 200) == state:
            return node
        if target[0] == "sub" and is_get(node) and same(node[2][2], target[2]) and same(node[3][0], target[3]):
            return node
    return None


def is_get(node: Node) -> bool:
    return bool(node[0] == "call" and node[2][0] == "attr" and node[2][3] == "get" and node[3])


def same(one: Node, other: Node) -> bool:
    return text(one, 200) == text(other, 200)


def is_lookup_alone(value: Node, target: Node) -> bool:
    """Tell whether the value is what is there already, or a default: `d[k] = d.get(k, [])`."""
    return value[0] == "call" and read_of(value, target) is value


def pause_in(function: Function, tree: object, after: int = 0) -> Node | None:
    """Return the first place in some code, after a position, at which another task or thread may go on."""
    for node in walk(tree):
        if node[1] < after:
            continue
        if function.is_async:
            if node[0] == "await":
                return node
        elif node[0] == "call" and name_of(node) not in SIMPLE:
            return node
    return None


def kept(function: Function, shared: set[str], pauses: list[Node]) -> Iterator[Race]:
    """`left = SEATS`, a pause, `SEATS = left - 1`: what was read is kept in a name meanwhile."""
    held: dict[str, tuple[str, int]] = {}
    for node in statements(function.body):
        if node[0] != "assign" or len(node[2]) != 1:
            continue
        state = text(node[2][0], 200)
        if state in shared:
            for name in names_in(node[3]):
                read, position = held.get(name, ("", 0))
                if read == state and not reads_again(node[3], state):
                    pause = next((each for each in pauses if position < each[1] < node[1]), None)
                    if pause is not None:
                        yield Race(node, state, "kept", pause)
        elif node[2][0][0] == "name":
            held.pop(node[2][0][2], None)
            for each in walk(node[3]):
                if each[0] in ("name", "attr", "sub") and text(each, 200) in shared and is_value(node[3], each):
                    held[node[2][0][2]] = (text(each, 200), node[1])


def reads_again(value: Node, state: str) -> bool:
    return any(text(node, 200) == state for node in walk(value) if node[0] in ("name", "attr", "sub"))


def is_value(value: Node, read: Node) -> bool:
    """Tell whether an expression is what was read, or reckons with it; not what a call makes of it."""
    if value is read:
        return True
    return value[0] == "bin" and (is_value(value[3], read) or is_value(value[4], read))


def by_test(function: Function, block: tuple[Node, ...], shared: set[str]) -> Iterator[Race]:
    """`if LEFT > 0:`, a pause, `LEFT -= 1`: a test that others pass as well before the change."""
    if not function.is_async:
        return
    for index, statement in enumerate(block):
        if statement[0] == "if":
            yield from tested(statement, statement[3], shared)
            if statement[3] and statement[3][-1][0] in ("return", "raise", "continue"):
                yield from tested(statement, block[index + 1 :], shared)
        for inner in blocks(statement):
            yield from by_test(function, inner, shared)


def tested(test: Node, run: tuple[Node, ...], shared: set[str]) -> Iterator[Race]:
    asked = {text(node, 200) for node in walk(test[2]) if node[0] in ("name", "attr", "sub")}
    for node in statements(run):
        if node[0] not in ("assign", "aug"):
            continue
        target = node[2] if node[0] == "aug" else node[2][0]
        state = text(target, 200)
        if state not in shared or not (state in asked or (target[0] == "sub" and text(target[2], 200) in asked)):
            continue
        pause = first_await(run, node)
        if pause is None:
            continue
        missing = node[0] == "assign" and is_for_missing(test[2], state, target)
        if missing or node[0] == "aug":
            yield Race(node, state, "missing" if missing else "tested", pause)


def first_await(run: tuple[Node, ...], write: Node) -> Node | None:
    """Return the first `await` of a block that comes before a write, or makes what is written."""
    value = write[4] if write[0] == "aug" else write[3]
    end = write[1]
    for node in walk(run):
        if node[0] == "await" and (node[1] < end or any(each is node for each in walk(value))):
            return node
    return None


def is_for_missing(test: Node, state: str, target: Node) -> bool:
    """Tell whether a test asks if something is not there yet: `is None`, `not x`, `key not in x`."""
    for node in walk(test):
        if node[0] == "un" and node[2] == "not" and text(node[3], 200) == state:
            return True
        if node[0] == "cmp" and node[3][0] in ("is", "==", "is not") and text(node[2], 200) == state:
            return bool(node[4][0][0] == "const" and node[4][0][2] is None)
        if node[0] == "cmp" and node[3][0] in ("not in", "in") and target[0] == "sub":
            return text(node[4][0], 200) == text(target[2], 200)
    return False


RULE = Rule(
    name="unlocked-shared-state",
    sees=("def",),
    spends=("hazard",),
    proof=Proof("scenario", "lost"),
    find=find,
    settle=settle,
)
