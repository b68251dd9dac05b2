"""A call that blocks the thread stands in async code: the whole event loop waits with it.

While one coroutine sleeps, reads a file or asks a database synchronously, no other request is served. The call is often
several helpers away, behind a property or a context manager.

## Slow

```python
import asyncio
import time


def settle() -> None:
    time.sleep(0.02)


async def handle(items: list[int]) -> int:
    settle()
    await asyncio.sleep(0)
    return len(items)
```

## Fast

```python
import asyncio
import time


def settle() -> None:
    time.sleep(0.02)


async def handle(items: list[int]) -> int:
    await asyncio.to_thread(settle)
    await asyncio.sleep(0)
    return len(items)
```

## Input

```python
def make(n: int) -> list[int]:
    return list(range(n))
```

## When to leave it

The program has one task only, or the call happens once at start-up before anything is served.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Event, Link
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.tree import walk
from perfwright.rules._contract import Rule

BLOCKING = (
    *("wait", "http.request", "llm.call", "db.query", "db.write", "file.read", "file.write", "process.spawn"),
    *("connect", "model.load"),
)
WHAT = {
    "wait": "waits",
    "http.request": "makes an HTTP request",
    "llm.call": "calls a language model",
    "db.query": "runs a query",
    "db.write": "writes to the database",
    "file.read": "reads from disk",
    "file.write": "writes to disk",
    "process.spawn": "starts a process",
    "connect": "opens a connection",
    "model.load": "loads a model",
}
OPENS = ("open", "io.open_code", "pathlib.Path.open")
STARTUP = ("lifespan", "startup", "on_startup", "main", "setup", "init_db", "initialize", "cleanup", "shutdown")


def find(effects: Effects) -> Iterator[Finding]:
    blocking = [e for e in effects.effects(*BLOCKING) if e.function.is_async and e.event.blocking and not is_awaited(e)]
    opened = {id(effect.function) for effect in blocking if effect.event.symbol in OPENS}
    used = [e for e in blocking if id(e.function) in opened and is_of_file(e.event)]
    for effect in blocking:
        event = effect.event
        if id(effect.function) in opened and is_of_file(event):
            continue  # the file is read or written where it is opened: one thing to move to a thread
        also = (each.event for each in used if each.function is effect.function and event.symbol in OPENS)
        first = event.chain[0]
        inside = in_property(event)
        through = f" through `{first[2]}`" if len(event.chain) > 1 else f": `{first[2]}`"
        name = event.symbol if event.model is not None else event.effect
        yield Finding(
            rule=RULE.name,
            place=effects.place(inside[0], inside[1]),
            symbol=name,
            message=f"the event loop stands still while this {WHAT[event.effect]}{through}",
            cure=cure(effect),
            confidence=confidence(effect),
            chain=effects.chain(effect),
            also=tuple([effects.step(*each.chain[0]) for each in also]),
            cost=Cost(terms=(Term(event.effect, tuple(str(loop.size) for loop in event.loops)),)),
        )


def is_awaited(effect: Effect) -> bool:
    """Tell whether opening or reading a file is awaited: then the name stands for something else than Python's own."""
    if effect.event.symbol != "open" and not effect.event.symbol.startswith("io."):
        return False
    position = effect.event.chain[-1][1]
    function = effect.event.chain[-1][0]
    return any(node[0] == "await" and node[2][:2] == ("call", position) for node in walk(function.body))


def is_of_file(event: Event) -> bool:
    """Tell whether something is done with an open file."""
    return event.symbol.startswith("io.") and event.symbol.count(".") > 1


def in_property(event: Event) -> Link:
    """Return where the change is to be made: at the call, or in the property that is read as if it cost nothing."""
    for link, following in zip(event.chain, event.chain[1:], strict=False):
        if link[2].isidentifier():
            return following
    return event.chain[0]


def confidence(effect: Effect) -> Confidence:
    if effect.function.name in STARTUP:
        return "possible"
    return "certain" if len(effect.event.chain) == 1 else "likely"


def cure(effect: Effect) -> str:
    model = effect.event.model
    if model is not None and model.async_twin:
        return f"Use {model.async_twin}, or run it with asyncio.to_thread(...)."
    return "Run it in a thread with asyncio.to_thread(...), or use the library's async form."


RULE = Rule(name="blocking-call-in-async", sees=BLOCKING, spends=("stall",), proof=Proof.stall(), find=find)
