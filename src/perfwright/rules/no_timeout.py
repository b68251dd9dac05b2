"""A call waits for another machine, process or thread, and nothing says for how long.

Most of the time the answer comes. When it does not, the thread that asked never comes back: requests pile up behind it
until the whole service stands still, with nothing in the log. Most network libraries of Python wait for ever unless
they are told otherwise.

## Slow

```python
from urllib.request import urlopen


def read(address: str) -> bytes:
    with urlopen(address) as answer:
        return answer.read()
```

## Fast

```python
from urllib.request import urlopen


def read(address: str) -> bytes:
    with urlopen(address, timeout=1) as answer:
        return answer.read()
```

## Input

```python
def make(n: int) -> str:
    return f"data:text/plain,{n}"
```

## Scenario

A server takes the connection and never answers.

```python
from scene import ends, silence


def scenario() -> None:
    with silence() as address:
        assert ends(lambda: read(address)), "who asked still waits after two seconds"
```

## When to leave it

The program has nothing to do until the answer is there, and somebody sits in front of it who can stop it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from perfwright.effects.calls import endless
from perfwright.effects.frame import Event
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Instance
from perfwright.finding import Confidence, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module
from perfwright.index.tree import text, walk
from perfwright.rules._contract import Rule

WAITS = (
    "http.request",
    "llm.call",
    "db.query",
    "db.write",
    "connect",
    "process.spawn",
    "wait",
    "lock.acquire",
    "client",
)
FOR = {
    "http.request": "the server does not answer",
    "llm.call": "the model does not answer",
    "db.query": "the database does not answer",
    "db.write": "the database does not answer",
    "connect": "the other side does not answer",
    "process.spawn": "the process does not end",
    "wait": "what it waits for does not come",
    "lock.acquire": "the lock is not given back",
    "client": "the server does not answer",
}
# Within one machine waiting is the ordinary way to work together: it matters where somebody waits for an answer.
NEAR = ("subprocess.", "threading.", "queue.", "multiprocessing.", "concurrent.", "select.", "selectors.", "asyncio.")
QUEUES = ("redis.", "psycopg.")  # blocking reads of a queue: a worker that has nothing else to do waits
BY_SOCKET = ("urllib.", "smtplib.", "ftplib.", "imaplib.", "poplib.", "http.", "socket.")
CURES = {"requests": "Pass timeout=(3.05, 30): seconds to connect, and between two parts of the answer."}
TOOLS = re.compile(r"(^|/)(scripts?|tools|ci|dev|hack|release|packaging|bin|\.\w+)/|(^|/)(setup|noxfile|fabfile)\.py$")


def find(effects: Effects) -> Iterator[Finding]:
    calls: dict[int, Effect] = {}
    for effect in effects.effects(*WAITS):
        event = effect.event
        if not event.untimed or len(event.chain) > 1 or event.model is None or event.node is None:
            continue
        if event.effect == "client" and event.model.timeout is not None and event.model.timeout["default"] == "none":
            continue  # told at its requests; but one whose timeout is taken away is told here
        known = calls.get(event.chain[0][1])
        if known is None or WAITS.index(event.effect) < WAITS.index(known.event.effect):
            calls[event.chain[0][1]] = effect
    for effect in calls.values():
        event = effect.event
        if bounded(effects, event):
            continue
        yield effects.finding(
            RULE.name,
            effect,
            f"`{effect.what}` has no timeout: {it(event)} never returns if {FOR[event.effect]}",
            cure=cure(event),
            confidence=confidence(effects, event),
            terms=(Term(event.effect, ()),),
        )


def it(event: Event) -> str:
    return "what it is asked" if event.effect == "client" else "it"


def bounded(effects: Effects, event: Event) -> bool:
    """Tell whether something else than the call's own argument ends the wait, or the call does not wait."""
    name, node = event.symbol, event.node
    assert node is not None
    keywords = dict(node[4])
    if name.endswith(("wait_for_termination", "serve_forever")):
        return True  # a server's own thread has nothing else to do
    if any(argument[0] == "star" for argument in node[3]) or says_no(keywords.get("block", keywords.get("blocking"))):
        return True
    if name.endswith((".acquire", ".get")) and node[3] and says_no(node[3][0]):
        return True
    if "timeout" in text(node[2], 200).lower() or any("connect_timeout" in text(part, 500) for part in node[3]):
        return True
    if any("timeout" in decorator.lower() for decorator in effects.decorators):
        return True
    if any("time_limit" in text(decorator, 500) for decorator in effects.function.decorators):
        return True
    if name.startswith(BY_SOCKET) and any("setdefaulttimeout" in m.called for m in importing(effects, "socket")):
        return True
    if name.startswith("requests.Session.") and session_has_one(effects, event):
        return True
    limited = limits(effects.function)
    return limited is None or id(node) in limited


def says_no(node: Node | None) -> bool:
    return node is not None and node[0] == "const" and node[2] is False


@lru_cache(maxsize=1)
def limits(function: Function) -> frozenset[int] | None:
    """Return the ids of what stands in a `with` block that ends it: `asyncio.timeout`, `eventlet.Timeout`.

    None where a signal ends all of it.
    """
    inside: set[int] = set()
    for node in walk(function.body):
        if node[0] == "with" and any("timeout" in text(item, 200).lower() for item, _ in node[2]):
            inside.update([id(inner) for inner in walk(node[3])])
        elif node[0] == "call" and node[2][0] == "attr" and node[2][3] in ("alarm", "setitimer"):
            return None
    return frozenset(inside)


def session_has_one(effects: Effects, event: Event) -> bool:
    """Tell whether the project gives its sessions a timeout: by a class, by an adapter, by a `partial`."""
    receiver = event.detail
    if isinstance(receiver, Instance):
        return any(defines(receiver.cls, name) for name in ("request", "send"))
    return any(gives_timeout(module) for module in importing(effects, "requests"))


def importing(effects: Effects, top: str) -> list[Module]:
    """Return the modules that import a package, and note that what they do was looked at."""
    found = []
    for module in effects.project.modules.values():
        if top in module.imports:
            found.append(module)
            effects.program.interpreter.consulted.update(module.functions)
    return found


def defines(cls: Class, name: str) -> bool:
    binding = cls.names.get(name)
    return bool(binding) and binding[0] == "func"


def gives_timeout(module: Module) -> bool:
    """Tell whether a module mounts an adapter with a timeout, or fills `session.request` in."""
    if "mount" in module.called:
        for cls in module.classes:
            send = cls.names.get("send")
            if send and send[0] == "func" and mentions(module.functions[send[1]].body):
                return True
        for node in walk((module.body, *(function.body for function in module.functions))):
            if node[0] == "call" and node[2][0] == "attr" and node[2][3] == "mount" and mentions(node[3]):
                return True
    if "partial" in module.called:
        for node in walk((module.body, *(function.body for function in module.functions))):
            if node[0] == "assign" and any(target[0] == "attr" and target[3] == "request" for target in node[2]):
                return mentions(node[3])
    return False


def mentions(part: object) -> bool:
    """Tell whether code names a timeout: as a name, an attribute, a keyword or a key."""
    for node in walk(part):
        if node[0] == "call" and any(name and "timeout" in name.lower() for name, _ in node[4]):
            return True
        if node[0] in ("name", "const") and isinstance(node[2], str) and "timeout" in node[2].lower():
            return True
        if node[0] == "attr" and "timeout" in node[3].lower():
            return True
    return False


def confidence(effects: Effects, event: Event) -> Confidence:
    """Return `certain` for the network; less where waiting is the work, or nobody waits for an answer."""
    name, function = event.symbol, effects.function
    if event.model is not None and event.node is not None and endless(event.model, event.node):
        return "possible"  # somebody has thought of it
    if name.startswith("redis.lock."):
        return "likely"
    if name.startswith((*NEAR, *QUEUES)):
        if function.is_async and event.blocking:
            return "possible"  # the event loop should not wait for it at all: another finding says so
        if not name.startswith("subprocess.") or any(node[0] == "while" for node in walk(function.body)):
            return "possible"
        return "certain" if function.is_async else "likely"
    if TOOLS.search(function.path):
        return "possible"
    return "certain"


def settle(finding: Finding) -> Finding:
    """A process that no request and no task waits for is watched by somebody."""
    if finding.confidence != "likely" or not finding.symbol.startswith("subprocess."):
        return finding
    served = any(not entry.startswith("command ") for entry in finding.entry_points)
    return finding if served else replace(finding, confidence="possible")


def cure(event: Event) -> str:
    model = event.model
    assert model is not None
    if model.library in CURES:
        return CURES[model.library]
    arg = model.timeout["arg"] if model.timeout is not None else "timeout"
    return f"Pass {arg}= in seconds, and handle its end."


RULE = Rule(
    name="no-timeout",
    sees=WAITS,
    spends=("hazard",),
    proof=Proof("scenario", "hangs"),
    find=find,
    settle=settle,
)
