"""The same thing is read over the network again, though the answer is there already or seldom changes.

Each request to another machine takes tens of milliseconds, and the other side counts them too. Two helpers that each
fetch what they need do it on the way of one request; a handler that fetches the same address for everybody does it for
every visitor.

## Setup

```python
# file: rates.py
import httpx


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"EUR": 2, "USD": 3})


client = httpx.Client(transport=httpx.MockTransport(answer))


def rates() -> dict[str, int]:
    return client.get("http://rates.test/latest").json()
```

## Slow

```python
from rates import rates


def price(cents: int) -> dict[str, int]:
    return {"EUR": cents * rates()["EUR"], "USD": cents * rates()["USD"]}
```

## Fast

```python
from rates import rates


def price(cents: int) -> dict[str, int]:
    today = rates()
    return {"EUR": cents * today["EUR"], "USD": cents * today["USD"]}
```

## Input

```python
def make(n: int) -> int:
    return n
```

## When to leave it

The answer must show what has changed a moment ago: a state that is waited for, a lock, a balance.
"""

import re
from collections.abc import Iterator

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._chosen import assigned, is_request
from perfwright.rules._contract import Rule
from perfwright.rules._loops import node_at
from perfwright.rules._same import arguments, call_at

READS = re.compile(r"(get|head|options|urlopen|list|describe|fetch|read|retrieve|search)(_|$)", re.I)
# What changes from one moment to the next, or is asked to learn whether something is there.
LIVE = re.compile(
    r"health|status|ping|ready|alive|heartbeat|version|random|metrics|queue|jobs?\b|balance|poll|wait|lock|probe|now\b"
    r"|check|proxy|forward",
    re.I,
)
KEPT = re.compile(r"cache|memo|ttl", re.I)
SETTINGS = re.compile(
    r"url|uri|base|host|endpoint|address|timeout|header|key|token|secret|setting|config|api|client|path"
)
OWN = ("url", "uri", "path", "address", "endpoint", "link", "href")  # of an object: what it is about
CALLS = ("getenv", "get", "urljoin", "str", "format", "rstrip", "strip", "join", "Timeout", "Request")
FAR = 5  # calls between a handler and the request


def find(effects: Effects) -> Iterator[Finding]:
    told_at: set[int] = set()
    for event, earlier in effects.repeats:
        if event.effect == "http.request" and again(effects, event, earlier):
            told_at.add(event.chain[0][1])
            yield told(effects, event, earlier)
    for event, earlier in twice(effects):
        told_at.add(event.chain[0][1])
        yield told(effects, event, earlier)
    if is_request(effects.entry) and not LIVE.search(effects.entry):
        for effect in effects.effects("http.request"):
            if effect.event.chain[0][1] not in told_at and same_for_all(effect):
                yield for_everybody(effects, effect)


# -------------------------------------------------------------------------------- twice
def is_read(event: Event) -> bool:
    """Tell whether a request only asks: by the name of the library's call, or by the verb that it is given."""
    if event.model is None or event.once or event.aside:
        return False
    name = event.model.name.rpartition(".")[2]
    call = call_at(event.chain[-1])
    if call is None or call[0] != "call":
        return False
    if name in ("request", "stream", "Request"):
        return bool(call[3]) and call[3][0][0] == "const" and call[3][0][2] in ("GET", "HEAD")
    if any(key in ("data", "json", "content", "files") for key, _ in call[4]) or (
        name == "urlopen" and len(call[3]) > 1
    ):
        return False
    return bool(READS.match(name))


def again(effects: Effects, event: Event, earlier: int) -> bool:
    """Tell whether a helper's request is sent twice for its answer, and nothing was changed in between."""
    shown = " ".join(link[2] for link in event.chain)
    if any(node[0] == "expr" and node[2] is event.node for node in walk(effects.function.body)):
        return False  # nobody looks at the answer: it is asked for what it does
    first = node_at(effects.function, earlier, "call")
    if first is None or event.node is None or text(first[2], 400) != text(event.node[2], 400):
        return False  # two helpers that ask the same server for different things
    return is_read(event) and not LIVE.search(shown) and not changed(effects, earlier, event.chain[0][1])


def changed(effects: Effects, start: int, end: int) -> bool:
    """Tell whether something is sent, or waited for, between two places of a function."""
    for effect in effects.effects("http.request", "wait", "llm.call"):
        if start < effect.event.chain[0][1] < end and not (
            effect.event.effect == "http.request" and is_read(effect.event)
        ):
            return True
    return False


def twice(effects: Effects) -> Iterator[tuple[Event, int]]:
    """Give the requests that a function itself sends a second time, with where it sent the first."""
    first: dict[str, Event] = {}
    own = [e.event for e in effects.effects("http.request") if len(e.event.chain) == 1 and e.event.node is not None]
    for event in sorted(own, key=lambda event: event.chain[0][1]) if len(own) > 1 else ():
        node = event.node
        if node is None or node[0] != "call" or not node[3] or not is_read(event) or event.loops:
            continue
        shown = text(node, 400)
        known = first.setdefault(shown, event)
        if known is event or LIVE.search(shown) or known.path != event.path[: len(known.path)]:
            continue
        start, end = known.chain[0][1], event.chain[0][1]
        if not changed(effects, start, end) and not bound_between(effects.function, node, start, end):
            yield event, start


def bound_between(function: Function, node: Node, start: int, end: int) -> bool:
    """Tell whether a function binds a name of a call anew between two places, or is in a loop of attempts there."""
    names = names_in(node)
    for part in walk(function.body):
        if part[0] == "assign" and start < part[1] < end:
            if any(inner[0] == "name" and inner[2] in names for target in part[2] for inner in walk(target)):
                return True
        elif part[0] == "aug" and start < part[1] < end and names_in(part[2]) & names:
            return True
        elif part[0] == "try" and any(handler_has(handler, start, end) for handler in part[3]):
            return True  # tried again after a failure
    return False


def handler_has(handler: Node, start: int, end: int) -> bool:
    places = [node[1] for node in walk(handler[2]) if node[0] == "call"]
    return end in places and start not in places


def told(effects: Effects, event: Event, earlier: int) -> Finding:
    function, position, shown = event.chain[0]
    steps = [Step(path=function.path, line=line_of(earlier), function=function.qualified, what="the first time")]
    steps += [Step(path=f.path, line=line_of(p), function=f.qualified, what=what) for f, p, what in event.chain]
    through = f" through `{shown}`" if len(event.chain) > 1 else ""
    return Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=event.symbol,
        message=f"the request of line {line_of(earlier)} is sent again with the same arguments{through}",
        cure="Keep the first answer in a variable and pass it on.",
        confidence="likely" if event.certain else "possible",
        chain=tuple(steps),
        cost=Cost(terms=(Term("http.request", ()),)),
    )


# ------------------------------------------------------------------------- for everybody
def same_for_all(effect: Effect) -> bool:
    """Tell whether a request asks for the same whoever is served, and nothing on the way keeps the answer."""
    event = effect.event
    chain = event.chain
    if len(chain) > FAR or event.loops or event.multiplied or event.rare or not is_read(event):
        return False
    shown = " ".join(link[2] for link in chain)
    if LIVE.search(shown) or any(keeps(link[0]) for link in chain):
        return False
    call = call_at(chain[-1])
    if call is None or not (call[3] or call[4]):
        return False
    passed = {parameter[0] for parameter in chain[-1][0].parameters} - {"self", "cls"}
    if names_in(call[2]) & passed and not text(call[3][0] if call[3] else None).startswith(("'http", '"http')):
        return False  # a client that is made for somebody
    wanted: list[Node] = [*call[3], *(value for _, value in call[4])]
    for index in range(len(chain) - 1, -1, -1):
        function = chain[index][0]
        names = asked(function, wanted)
        if names is None:
            return False
        if not names:
            return True
        if index == 0:
            return False
        above = call_at(chain[index - 1])
        if above is None:
            return False
        given = {name: value for name, value in arguments(above, function) if name in names}
        if set(given) != names:
            return False
        wanted = [value for value in given.values() if value is not None]
    return False


def keeps(function: Function) -> bool:
    """Tell whether a function looks into a cache, or is decorated with one."""
    if any(KEPT.search(text(decorator, 200)) for decorator in function.decorators):
        return True
    return any(node[0] in ("name", "attr") and KEPT.search(str(node[-1])) for node in walk(function.body))


def asked(function: Function, nodes: list[Node]) -> set[str] | None:
    """Return the parameters that expressions are made from; None where they are made from something else, too."""
    parameters = {parameter[0] for parameter in function.parameters}
    known = assigned(function)
    found: set[str] = set()
    seen: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        tag = node[0]
        if tag == "name":
            if node[2] in known and node[2] not in seen:
                seen.add(node[2])
                stack.extend(known[node[2]])
            elif node[2] in parameters and node[2] not in ("self", "cls"):
                found.add(node[2])
        elif tag == "attr":
            if (not SETTINGS.search(node[3].lower()) and not node[3].isupper()) or node[3] in OWN:
                return None
            if node[2][0] == "name" and node[2][2] in parameters and node[2][2] not in ("self", "cls"):
                found.add(node[2][2])
        elif tag in ("fstr", "coll"):
            stack.extend(node[2] if tag == "fstr" else node[3])
        elif tag == "dict":
            stack.extend([part for part in (*node[2], *node[3]) if part is not None])
        elif tag == "bin":
            stack.extend(node[3:5])
        elif tag == "call" and str(node[2][-1]) in CALLS:
            stack.extend([*node[3], *(value for _, value in node[4])])
        elif tag == "sub" and "environ" in text(node[2]):
            continue
        elif tag != "const":
            return None
    return found


def for_everybody(effects: Effects, effect: Effect) -> Finding:
    through = f" through `{effect.through}`" if effect.through else f": `{effect.what}`"
    return effects.finding(
        RULE.name,
        effect,
        f"{effects.entry} sends the same request for everybody{through}",
        cure=cure(effects),
        confidence=confidence(effects, effect),
        terms=(Term("http.request", ()),),
    )


def confidence(effects: Effects, effect: Effect) -> Confidence:
    return "possible" if effects.confidence(effect) == "possible" else "likely"


def cure(effects: Effects) -> str:
    if any("django" in module.imports for module in effects.project.modules.values()):
        return "Keep the answer for a while: cache.get_or_set(key, read, timeout=300)."
    return "Keep the answer for a while (cachetools.func.ttl_cache(ttl=300)), or read it when the program starts."


RULE = Rule(
    name="repeated-remote-read",
    sees=("repeat", "http.request"),
    spends=("latency",),
    proof=Proof.count("requests"),
    find=find,
)
