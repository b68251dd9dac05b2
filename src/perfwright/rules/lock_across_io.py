"""A lock is held while the program waits for a network, a process or a disk.

Everybody else who needs the lock waits as well, although what they need is in memory: the whole program goes at the
pace of the slowest answer. If the answer does not come, nobody ever gets the lock again.

## Slow

```python
import threading

import httpx


class Rates:
    def __init__(self, client: httpx.Client) -> None:
        self.client, self.lock, self.known = client, threading.Lock(), {}

    def rate(self, currency: str) -> int:
        with self.lock:
            if currency not in self.known:
                self.known[currency] = ask(self.client, currency)
            return self.known[currency]


def ask(client: httpx.Client, currency: str) -> int:
    return client.get(f"http://rates.test/{currency}").json()


def convert(client: httpx.Client, currency: str, amount: int) -> int:
    return Rates(client).rate(currency) * amount
```

## Fast

```python
import threading

import httpx


class Rates:
    def __init__(self, client: httpx.Client) -> None:
        self.client, self.lock, self.known = client, threading.Lock(), {}

    def rate(self, currency: str) -> int:
        with self.lock:
            rate = self.known.get(currency)
        if rate is None:
            rate = ask(self.client, currency)
            with self.lock:
                self.known[currency] = rate
        return rate


def ask(client: httpx.Client, currency: str) -> int:
    return client.get(f"http://rates.test/{currency}").json()


def convert(client: httpx.Client, currency: str, amount: int) -> int:
    return Rates(client).rate(currency) * amount
```

## Input

```python
import httpx


def make(n: int) -> tuple[httpx.Client, str, int]:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=len(request.url.path)))
    return httpx.Client(transport=transport), "eur", n
```

## Scenario

The server of rates is asked for the dollar; before it answers, somebody needs the euro, which is known.

```python
from scene import Answer, Request, ends, service


def scenario() -> None:
    def answer(request: Request) -> Answer:
        served.append(ends(lambda: rates.rate("eur")))
        return 200, 1

    served = []
    with service(answer) as address:
        rates = Rates(httpx.Client(proxy=address))
        rates.known["eur"] = 2
        rates.rate("usd")
    assert served == [True], "the euro, which is known, has to wait for the answer about the dollar"
```

## When to leave it

The lock is there for that very connection or file, or to let one ask while all others wait for the same answer. A
lock for each key, or for each account, keeps only those waiting who want the same.
"""

import re
from collections.abc import Iterator

from perfwright.effects.frame import Held
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Finding, Proof
from perfwright.index.lower import Node
from perfwright.index.tree import text
from perfwright.rules._code import path_to
from perfwright.rules._contract import Rule
from perfwright.rules._held import across, what

SLOW = (
    "llm.call",
    "http.request",
    "wait",
    "process.spawn",
    "connect",
    "db.query",
    "db.write",
    "file.read",
    "file.write",
)
# The name says that the lock is for what is waited for: a connection, a file, the one who asks for all.
GUARDS = re.compile(
    r"write|file|disk|io|conn|sock|serial|port|database|db|session|send|recv|client|channel|request|req|fetch|refresh"
    r"|token|auth|login|rate|throttle|limit|page|download|browser|device|bus|transport|stream|print|stdout|log|migrat"
    r"|init|start|setup|load|build|single|deploy|process|run|job|exec|cmd|command|api|update|sync|poll|model|gpu"
)
WORDS = re.compile(r"[a-z]+")


def find(effects: Effects) -> Iterator[Finding]:
    for held, found in across(effects, "lock", *SLOW):
        slow = [effect for effect in found if not is_own(held, effect) and not is_answer_for_all(effects, effect)]
        if not slow or is_for_rows(slow):
            continue
        effect = min(slow, key=lambda each: SLOW.index(each.event.effect))
        through = f" through `{effect.through}`" if effect.through else f": `{effect.what}`"
        more = f", and {len(slow) - 1} more" if len(slow) > 1 else ""
        yield effects.finding(
            RULE.name,
            effect,
            f"`{held.symbol}` is held during {what(effect)}{through}{more}",
            cure=f"Read what is needed under `{held.symbol}`, do this without it, and take it again for the outcome.",
            confidence=confidence(held, effect),
            terms=tuple(effects.term(each) for each in slow),
        )


def is_for_rows(slow: list[Effect]) -> bool:
    """Tell whether the lock keeps others from the rows that are read and written under it."""
    names = {effect.event.effect for effect in slow}
    return "db.write" in names and names <= {"db.query", "db.write", "db.commit"}


def is_own(held: Held, effect: Effect) -> bool:
    """Tell whether what is waited for is the lock itself (a condition), or what the lock is there for."""
    event = effect.event
    name = event.model.name if event.model is not None else ""
    if name.endswith(("Condition.wait", "Condition.wait_for")) or ".lock.Lock." in name:
        return True
    node = event.node
    if node is None or node[0] != "call" or node[2][0] != "attr":
        return False
    owner, on = held.symbol.rpartition(".")[0], text(node[2][2], 200)
    if event.effect.startswith(("file.", "db.")):  # by a method of the same object
        return bool(owner) and (on == owner or on.startswith(f"{owner}."))
    # `with self.lock: self.connection.send(...)`: part of the same object as the lock.
    return len(event.chain) == 1 and bool(owner) and on.startswith(f"{owner}.") and event.effect != "llm.call"


def is_answer_for_all(effects: Effects, effect: Effect) -> bool:
    """Tell whether the answer is kept in one place for everybody: the others would only ask for the same."""
    for node in reversed(path_to(effects.function.body, effect.event.chain[0][1])):
        if node[0] in ("assign", "ann"):
            targets = node[2] if node[0] == "assign" else (node[2],)
            return all(target[0] == "attr" or is_global(effects, target) for target in targets)
    return False


def is_global(effects: Effects, target: Node) -> bool:
    return bool(target[0] == "name" and target[2] in effects.function.module.names)


def confidence(held: Held, effect: Effect) -> Confidence:
    name = held.symbol.rpartition(".")[2].lower()
    if any(GUARDS.fullmatch(word) for word in WORDS.findall(name)) or "[" in held.symbol or "(" in held.symbol:
        return "possible"  # it guards that resource; or it is one lock of many
    if effect.event.once and not effect.event.certain:
        return "possible"
    return "certain" if len(effect.event.chain) == 1 and effect.event.certain else "likely"


RULE = Rule(name="lock-across-io", sees=SLOW, spends=("latency",), proof=Proof("scenario", "waiting"), find=find)
