"""A request is sent for each item of a loop, and each waits for the answer to the one before.

The loop lasts as long as all answers together. Where the service has a form for many items, one request is enough;
where the requests do not depend on each other, a few at a time take a fraction of the time.

## Slow

```python
import httpx


def prices(client: httpx.Client, names: list[str]) -> list[int]:
    found = []
    for name in names:
        answer = client.get("http://prices.test/price", params={"name": name})
        found.append(answer.json())
    return found
```

## Fast

```python
from concurrent.futures import ThreadPoolExecutor

import httpx


def prices(client: httpx.Client, names: list[str]) -> list[int]:
    def price(name: str) -> int:
        return client.get("http://prices.test/price", params={"name": name}).json()

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(price, names))
```

## Input

```python
import time

import httpx


def answer(request: httpx.Request) -> httpx.Response:
    time.sleep(0.005)
    return httpx.Response(200, json=len(request.url.params["name"]))


def make(n: int) -> tuple[httpx.Client, list[str]]:
    return httpx.Client(transport=httpx.MockTransport(answer)), [f"item {i}" for i in range(n)]
```

## When to leave it

The service allows only one request at a time, or each request needs the answer to the last one.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Finding, Proof
from perfwright.rules._code import carried, ends_early, paced
from perfwright.rules._contract import Rule
from perfwright.rules._held import batch, waits

NEXT = ("cursor", "next", "offset", "token", "page", "continuation", "marker", "attempt", "retry", "retries", "mirror")


def find(effects: Effects) -> Iterator[Finding]:
    for group in effects.repeated_at("http.request"):
        sent = [effect for effect in group if is_sent(effect)]
        if not sent or sent[0].loop is None:
            continue
        effect, over = sent[0], sent[0].loop.over
        through = f" through `{effect.through}`" if effect.through else f": `{effect.what}`"
        number = f"{len(sent)} requests and waits for each" if len(sent) > 1 else "a request and waits for its"
        yield effects.finding(
            RULE.name,
            effect,
            f"each pass over `{over}` sends {number} answer{through}",
            cure=cure(effect),
            confidence=confidence(effects, effect),
            terms=tuple(effects.term(each) for each in sent),
        )


def is_sent(effect: Effect) -> bool:
    """Tell whether the loop waits for each answer, or could send all items in one request.

    Awaited requests one after the other are `sequential-awaits`, unless the library has a form for many.
    """
    return waits(effect) and (not effect.event.awaited or bool(batch(effect)))


def confidence(effects: Effects, effect: Effect) -> Confidence:
    loop, event = effect.loop, effect.event
    if loop is None or paced(loop) or ends_early(loop, event.chain[0][1]) or carried(loop, event.node):
        return "possible"
    if any(word in loop.over.lower() for word in NEXT):
        return "possible"
    return effects.confidence(effect)


def cure(effect: Effect) -> str:
    """Name the form for many of the user's own library, else how to have a few on their way at a time."""
    together = batch(effect)
    if together:
        return f"Send all items in one request: {together}."
    if effect.function.is_async:
        return "Send a few at a time: asyncio.gather with an asynchronous client and a Semaphore."
    return "Ask for all of them in one request if the service can, else send a few at a time: ThreadPoolExecutor.map."


RULE = Rule(name="request-per-item", sees=("http.request",), spends=("latency",), proof=Proof.growth("n"), find=find)
