"""A client, session or engine is made for every call: no connection is ever used twice.

Each one pays for name resolution, TCP and TLS again. `requests.get` and its like make a session each time.

## Slow

```python
from concurrent.futures import ThreadPoolExecutor

import httpx


def fetch(transport: httpx.BaseTransport, paths: list[str]) -> list[str]:
    def one(path: str) -> str:
        with httpx.Client(transport=transport) as client:
            return client.get(f"http://example.test/{path}").text

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, paths))
```

## Fast

```python
from concurrent.futures import ThreadPoolExecutor

import httpx


def fetch(transport: httpx.BaseTransport, paths: list[str]) -> list[str]:
    with httpx.Client(transport=transport) as client, ThreadPoolExecutor(4) as pool:

        def one(path: str) -> str:
            return client.get(f"http://example.test/{path}").text

        return list(pool.map(one, paths))
```

## Input

```python
import httpx


def make(n: int) -> tuple[httpx.BaseTransport, list[str]]:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text=request.url.path))
    return transport, [str(i) for i in range(n)]
```

## When to leave it

The function runs once in the life of the program.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Sequence
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.tree import walk
from perfwright.rules._anew import ALONE, is_lazy
from perfwright.rules._contract import Rule

NEAR = 3  # calls between a loop over groups and a client


def find(effects: Effects) -> Iterator[Finding]:
    yield from connected(effects)
    for effect in effects.effects("client"):
        event = effect.event
        if event.once:
            continue  # kept: behind a memo or made only where there is none yet
        looped = bool(event.loops) and not event.multiplied
        at_entry = bool(effects.entry) and not effects.entry.startswith(ALONE)
        sends = event.model is not None and any(each.name == "http.request" for each in event.model.does)
        if not looped and not (at_entry and not event.multiplied and not sends):
            continue
        leaf, first = event.chain[-1], event.chain[0]
        made = event.symbol.rpartition(".")[2]
        per = f"pass over `{effect.loop.over}`" if looped and effect.loop is not None else f"call of {effects.entry}"
        # The change is where the client is made, unless that is the loop itself.
        function, position = (leaf[0], leaf[1]) if not looped else (first[0], first[1])
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, position),
            symbol=event.symbol,
            message=f"a new connection pool for every {per}: `{leaf[2]}`",
            cure=cure(effect, made),
            confidence=confidence(effects, effect, looped),
            chain=effects.chain(effect),
            cost=Cost(terms=(Term("client", tuple(str(loop.size) for loop in event.loops)),)),
        )


def connected(effects: Effects) -> Iterator[Finding]:
    """Give the calls in a loop that open a connection for one message each, where one would carry them all."""
    for group in effects.repeated_at("connect"):
        for effect in group:
            event, loop = effect.event, effect.loop
            if event.once or loop is None or event.model is None or not event.model.bulk or is_given(loop):
                continue
            yield effects.finding(
                RULE.name,
                effect,
                f"a new connection for every pass over `{loop.over}`: `{event.leaf[2]}`",
                cure=f"Open one connection before the loop and pass it on, for all that is sent: {event.model.bulk}.",
                confidence="possible" if any(map(is_lazy, event.chain)) else confidence(effects, effect, True),
            )
            break


def is_given(loop: Loop) -> bool:
    """Tell whether a loop passes on a connection that it has."""
    return any(name == "connection" for node in walk(loop.body) if node[0] == "call" for name, _ in node[4])


def confidence(effects: Effects, effect: Effect, looped: bool) -> Confidence:
    """Return how sure it is that a client is made often; a loop over groups of rows is taken for a long one."""
    found = effects.confidence(effect) if looped else "likely"
    loop, event = effect.loop, effect.event
    if found == "possible" and loop is not None and not event.doubtful and not event.rare and loop.kind == "for":
        groups = isinstance(loop.iterated, Sequence) and str(loop.size) not in ("items", str(loop.size.constant))
        return "likely" if groups and len(event.chain) <= NEAR else found
    return found


def cure(effect: Effect, made: str) -> str:
    model = effect.event.model
    if model is not None and model.instead:
        return f"Make one {model.instead.rpartition('.')[0]} for the program and call it instead."
    if made[:1].islower():
        return "Make one client for the program (requests.Session, httpx.Client) and send every request through it."
    return f"Make one {made} for the program (module, app state or lifespan) and pass it on."


RULE = Rule(
    name="client-per-call",
    sees=("client", "connect"),
    spends=("latency",),
    proof=Proof.count("connections"),
    find=find,
)
