"""Each answer is awaited before the next is asked for, though none needs the one before it.

An `await` lets other requests run meanwhile, but this one goes on only afterwards: ten questions of 50 ms take half a
second, asked together they take 50 ms. Where there may be many, a semaphore says how many at a time.

## Setup

```python
# file: share.py
import time
from pathlib import Path


def read(path: Path) -> str:
    time.sleep(0.002)  # a disk across a network
    return path.read_text()
```

## Slow

```python
import asyncio
from pathlib import Path

from share import read


async def titles(paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        text = await asyncio.to_thread(read, path)
        found.append(text.upper())
    return found
```

## Fast

```python
import asyncio
from pathlib import Path

from share import read


async def titles(paths: list[Path]) -> list[str]:
    free = asyncio.Semaphore(20)

    async def title(path: Path) -> str:
        async with free:
            return (await asyncio.to_thread(read, path)).upper()

    return await asyncio.gather(*(title(path) for path in paths))
```

## Input

```python
import tempfile
from pathlib import Path


def make(n: int) -> list[Path]:
    folder = Path(tempfile.gettempdir()) / "perfwright-titles"
    folder.mkdir(exist_ok=True)
    paths = [folder / str(number) for number in range(n)]
    for path in paths:
        path.write_text(f"title of {path.name}")
    return paths
```

## When to leave it

Each answer is there at once: small files of a local disk are not read faster in threads. Or the order matters, the
other side allows one question at a time, or the pause between two is meant.
"""

import re
from collections.abc import Iterable, Iterator

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import blocks
from perfwright.rules._contract import Rule
from perfwright.rules._held import batch

ASKS = ("http.request", "llm.call", "connect", "file.read", "process.spawn", "db.query")
WRITES = ("db.write", "db.commit", "file.write")
LOCAL = ("fastapi.UploadFile", "starlette.datastructures.UploadFile", "io.")  # in memory, or as good as
POOLS = ("asyncpg.pool.Pool.", "motor.", "pymongo.asynchronous.", "redis.asyncio.", "elasticsearch.")
MUTATES = ("append", "add", "update", "extend", "insert", "pop", "popleft", "remove", "discard", "setdefault", "clear")
# A name that says that one at a time, or not so fast, is meant.
PACED = re.compile(
    r"(^|[_.])(sem|semaphore|lock|limit|limiter|throttle|throttler|rate|slot|bucket|sleep|delay|pace|mutex)s?([_.(]|$)"
    r"|[a-z](Semaphore|Lock|Limit|Throttl|Rate|Slot|Bucket)|ratelimit|wait_for_slot",
)
ENDS = re.compile(
    r"close|stop|cancel|shutdown|disconnect|cleanup|clean_up|teardown|release|kill|terminate|__aexit__|quit"
)
STARTS = re.compile(
    r"^_?(async_)?(on_)?(start|startup|setup|set_up|init\w*|bootstrap|migrat\w*|upgrade|install|main|lifespan)$"
)
CHANGES = re.compile(
    r"(^|_)(create|update|delete|remove|set|put|post|patch|write|save|insert|add|apply|execute|run|move|rename|install"
    r"|uninstall|enable|disable|restart|reload|register|unregister|attach|detach|commit|reset|start|login|connect|auth\w*)"
    r"(_|$)"
)


def find(effects: Effects) -> Iterator[Finding]:
    if not effects.function.is_async or ENDS.search(effects.function.name):
        return
    waited = awaited(effects)
    if not waited:
        return
    yield from in_loops(effects, waited)
    yield from in_a_row(effects, waited)


def awaited(effects: Effects) -> dict[int, list[Effect]]:
    """Return the effects of each call that the function waits for, by where it stands."""
    entered = {node[1] for node in contexts(effects.function.body)}
    found: dict[int, list[Effect]] = {}
    for effect in effects.effects(*ASKS, *WRITES, "wait", "lock.acquire"):
        position = effect.event.chain[0][1]
        if effect.event.awaited or position in entered:
            found.setdefault(position, []).append(effect)
    return {position: group for position, group in found.items() if any(e.event.effect in ASKS for e in group)}


def contexts(body: tuple[Node, ...]) -> Iterator[Node]:
    """Give the calls that `async with` waits for: `async with session.get(url) as answer`."""
    for node in walk(body):
        if node[0] == "with" and node[4]:
            yield from (item for item, _ in node[2] if item[0] == "call")


def independent(group: list[Effect]) -> list[Effect]:
    """Return the questions of one call, most dear first; none where others must not be asked meanwhile."""
    asks = []
    for effect in group:
        event = effect.event
        if event.effect in ("db.write", "db.commit", "lock.acquire") or event.held or event.sheltered:
            return []
        if event.effect == "db.query" and not event.symbol.startswith(POOLS):
            return []  # one session or connection runs one query at a time
        if event.effect == "file.read" and event.symbol.startswith(LOCAL):
            continue
        if event.effect in ASKS and (event.aside or (event.model is not None and not event.model.blocking)):
            asks.append(effect)
    return sorted(asks, key=lambda e: (ASKS.index(e.event.effect), len(e.event.chain)))


# ------------------------------------------------------------------------------- loops
def in_loops(effects: Effects, waited: dict[int, list[Effect]]) -> Iterator[Finding]:
    for group in waited.values():
        asks = [e for e in independent(group) if e.event.loops and not e.event.multiplied]
        if not asks:
            continue
        effect = asks[0]
        loop, event = effect.loop, effect.event
        if batch(effect):
            continue  # one call takes them all: llm-call-per-item, request-per-item
        if loop is None or event.node is None or loop.kind not in ("for", "comprehension") or is_async(effects, effect):
            continue
        if leaves(loop.body) or paced(loop.body) or depends(loop.body, event.node, loop.variables):
            continue
        yield effects.finding(
            RULE.name,
            effect,
            f"each pass over `{loop.over}` waits for `{shown(event)}` before the next one begins",
            cure=f"Ask for them together: await asyncio.gather(*(... for ... in {loop.over})), {bounds(event)}.",
            symbol=event.chain[0][2],
            confidence=confidence(effects, effect, used(loop.body, event.node)),
        )


def bounds(event: Event) -> str:
    return (
        "with a semaphore for how many at a time" if event.effect != "llm.call" else "within the rate you are allowed"
    )


def is_async(effects: Effects, effect: Effect) -> bool:
    """Tell whether the loop is an `async for`: what comes one after the other is taken so."""
    loop = effect.loop
    assert loop is not None
    for node in walk(effects.function.body):
        if node[0] == "for" and node[4] is loop.body:
            return bool(node[6])
        if node[0] == "comp" and loop.body and node[3] is loop.body[0]:
            return any(generator[3] for generator in node[4])
    return False


def leaves(body: tuple[Node, ...]) -> bool:
    """Tell whether a loop may end before its end, or hands out what it has on the way."""
    return any(node[0] in ("break", "return", "yield", "yieldfrom") for node in walk(body))


def paced(body: tuple[Node, ...]) -> bool:
    """Tell whether a loop takes its time on purpose: it sleeps, or asks for leave."""
    for node in walk(body):
        if node[0] == "with" and any(PACED.search(text(item, 200)) for item, _ in node[2]):
            return True
        if node[0] == "call" and node[2][0] in ("name", "attr") and PACED.search(text(node[2], 200)):
            return True
    return False


def depends(body: tuple[Node, ...], call: Node, variables: set[str]) -> bool:
    """Tell whether what is asked on one pass depends on the passes before it."""
    tainted = carried(body, variables)
    for _ in range(3):  # names made from names made from names
        for node in walk(body):
            if node[0] == "assign" and reads(node[3]) & tainted:
                tainted |= {name for target in node[2] for name in reads(target)}
    if reads(call) & tainted:
        return True
    tests = [node[2] for node in walk(body) if node[0] in ("if", "while")]
    return any(reads(test) & tainted for test in tests)


def carried(body: tuple[Node, ...], variables: set[str]) -> set[str]:
    """Return the names that a pass reads as an earlier one left them: bound or changed in it, not made anew."""
    assigned = {name for node in walk(body) if node[0] in ("assign", "ann", "aug") for name in bound(node)}
    made = set(variables)
    found = read_before(body, made) & assigned
    for node in walk(body):
        if node[0] == "call" and node[2][0] == "attr" and node[2][3] in MUTATES:
            found |= reads(node[2][2]) - made
        elif node[0] in ("assign", "aug"):
            targets = node[2] if node[0] == "assign" else (node[2],)
            found |= {name for target in targets if target[0] == "sub" for name in reads(target[2])} - made
    return found - {"self", "cls"}


def read_before(block: tuple[Node, ...], made: set[str]) -> set[str]:
    """Return what a block reads before it has made it, and add to `made` what it makes."""
    found: set[str] = set()
    for statement in block:
        if statement[0] in ("assign", "ann"):
            value = statement[3] if statement[0] == "assign" else statement[4]
            found |= reads(value) - made
            made |= bound(statement)
            continue
        if statement[0] == "with":
            for item, target in statement[2]:
                found |= reads(item) - made
                made |= reads(target)
        elif statement[0] == "for":
            found |= reads(statement[3]) - made
            made |= reads(statement[2])
        elif statement[0] == "try":
            made |= {name for _, name, _ in statement[3] if name}
        elif statement[0] in ("if", "while", "match"):
            found |= reads(statement[2]) - made
        else:
            found |= reads(statement) - made
        for inner in blocks(statement):
            found |= read_before(inner, made)
    return found


def bound(statement: Node) -> set[str]:
    """Return the names and attributes that an assignment binds."""
    targets = statement[2] if statement[0] == "assign" else (statement[2],)
    return {name for target in targets if target[0] != "sub" for name in reads(target)}


def reads(part: object) -> set[str]:
    """Return the names and dotted names of some code, `self.page` as one."""
    found = names_in(part)
    found |= {text(node, 200) for node in walk(part) if node[0] == "attr" and node[2][0] == "name"}
    return found - {"self", "cls"}


def used(body: tuple[Node, ...], call: Node) -> bool:
    """Tell whether the answer is used: it is a question, not an order."""
    return not any(node[0] == "expr" and holds(node[2], call) for node in walk(body))


def holds(expression: Node, call: Node) -> bool:
    """Tell whether an expression is the call, or awaits it, and nothing more."""
    return expression is call or (expression[0] == "await" and holds(expression[2], call))


def confidence(effects: Effects, effect: Effect, answered: bool) -> Confidence:
    function, event = effects.function, effect.event
    known = effects.confidence(effect)
    called = event.chain[0][2].rpartition(".")[2].partition("(")[0]
    if event.effect == "process.spawn" or STARTS.search(function.name) or ENDS.search(called):
        return "possible"
    if not answered and (CHANGES.search(called) or event.effect == "file.read"):
        return "possible"
    return "likely" if known == "certain" and not answered else known


def shown(event: Event) -> str:
    return text(event.node) if event.node is not None else event.chain[0][2]


# ------------------------------------------------------------------------------- in a row
def in_a_row(effects: Effects, waited: dict[int, list[Effect]]) -> Iterator[Finding]:
    """Give the awaits that stand one after the other in a block, each with an answer that the next does not need."""
    for block in all_blocks(effects.function.body):
        for run in runs(block, waited):
            first, last = run[0], run[-1]
            effect = independent(waited[last[1]])[0]
            others = " and ".join(f"`{text(call)}`" for call in run[:-1][:2])
            calls = ", ".join(text(call) for call in run[:3]) + (", ..." if len(run) > 3 else "")
            yield Finding(
                rule=RULE.name,
                place=effects.place(effects.function, last[1]),
                symbol=text(last[2]),
                message=f"`{text(last)}` is asked for only when {others} is answered, which it does not need",
                cure=f"Ask for them together: await asyncio.gather({calls}).",
                confidence=effects.confidence(effect),
                chain=(
                    effects.step(effects.function, first[1], f"await {text(first)}"),
                    *effects.chain(effect),
                ),
                cost=Cost(terms=tuple(Term(effect.event.effect, ()) for _ in run[1:])),
            )


def all_blocks(body: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    yield body
    for statement in body:
        for inner in blocks(statement):
            yield from all_blocks(inner)


def runs(block: tuple[Node, ...], waited: dict[int, list[Effect]]) -> Iterator[list[Node]]:
    """Give the calls of a block that could be asked together: two or more, none needs another's answer."""
    run: list[Node] = []
    tainted: set[str] = set()
    for statement in (*block, None):
        call = question(statement, waited)
        if call is not None and not reads(call) & tainted:
            run.append(call)
            tainted |= bound(statement)  # type: ignore[arg-type]
            continue
        if call is None and statement is not None and harmless(statement):
            if reads(statement[3:]) & tainted:
                tainted |= bound(statement)
            continue
        if len(run) > 1:
            yield run
        run, tainted = ([call], bound(statement)) if call is not None and statement is not None else ([], set())


def question(statement: Node | None, waited: dict[int, list[Effect]]) -> Node | None:
    """Return the call of `name = await call(...)` where it asks something of somebody else."""
    if statement is None or statement[0] != "assign" or statement[3][0] != "await" or statement[3][2][0] != "call":
        return None
    call: Node = statement[3][2]
    asks = independent(waited.get(call[1], []))
    if not asks or asks[0].event.effect in ("connect", "process.spawn") or any(e.event.loops for e in asks):
        return None
    name = call[2][3] if call[2][0] == "attr" else call[2][2] if call[2][0] == "name" else ""
    if CHANGES.search(name) or STARTS.search(name) or PACED.search(name) or verb(asks) == "changes":
        return None
    return call


def verb(asks: Iterable[Effect]) -> str:
    """Tell by the method of HTTP whether a call asks or changes something."""
    names = {effect.event.symbol.rpartition(".")[2] for effect in asks if effect.event.effect == "http.request"}
    return "changes" if names & {"post", "put", "patch", "delete"} else "asks"


def harmless(statement: Node) -> bool:
    """Tell whether a statement between two awaits only makes a value of its own."""
    if statement[0] not in ("assign", "ann"):
        return False
    return not any(node[0] in ("await", "yield", "yieldfrom", "call") for node in walk(statement[3:]))


RULE = Rule(name="sequential-awaits", sees=ASKS, spends=("latency",), proof=Proof.growth("n"), find=find)
