"""What failed is tried again at once, or always after the same short while.

A service that is overloaded gets more requests the less it answers: every client that is turned away comes back
immediately, all of them at the same moment. Waiting longer after each failure, by a random amount and only so often,
lets it recover. The same holds where a retrying function is called in a loop that retries: the attempts multiply.

## Slow

```python
import httpx


def square(client: httpx.Client, number: int) -> int:
    for _ in range(5):
        try:
            answer = client.get(f"http://squares.test/{number}").raise_for_status()
            return answer.json()
        except httpx.HTTPError:
            continue
    return -1
```

## Fast

```python
import random
import time

import httpx


def square(client: httpx.Client, number: int) -> int:
    for attempt in range(5):
        try:
            answer = client.get(f"http://squares.test/{number}").raise_for_status()
            return answer.json()
        except httpx.HTTPError:
            time.sleep(0.1 * 2**attempt * random.uniform(0.5, 1))
    return -1
```

## Input

```python
import httpx


def make(n: int) -> tuple[httpx.Client, int]:
    answers = iter([httpx.Response(503), httpx.Response(200, json=n * n)])
    return httpx.Client(transport=httpx.MockTransport(lambda request: next(answers))), n
```

## Scenario

Five callers at once ask a server that needs 0.7 seconds to start.

```python
import time

from scene import Answer, Request, at_once, service


def scenario() -> None:
    def answer(request: Request) -> Answer:
        asked.append(request)
        return (200, 4) if time.monotonic() > back else (503, "starting")

    asked = []
    with service(answer) as address, httpx.Client(proxy=address) as client:
        back = time.monotonic() + 0.7
        found = at_once(*[lambda: square(client, 2)] * 5)
    failed = 5 - found.count(4)
    assert not failed, f"{failed} of 5 callers have given up before that, after {len(asked)} requests"
```

## When to leave it

What is tried again is on the same machine and nobody else uses it, or a person waits and stops it by hand.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import called_names, names_in, text, walk
from perfwright.rules._code import blocks, positions, statements
from perfwright.rules._contract import Rule

REMOTE = ("http.request", "llm.call", "connect", "db.query", "db.write", "process.spawn")
ENDLESS = ("count", "repeat", "cycle")
DELAYS = re.compile(r"sleep|backoff|back_off|delay|pause|retry|wait", re.IGNORECASE)
# What these say is not that the other side is overloaded: the next attempt is another one.
OURS = re.compile(
    r"(Integrity|Unique|Duplicate|Exist|Value|Key|Index|Type|Attribute|Lookup|Decode|Validation|Unicode|Parse|Syntax"
    r"|BlockingIO|Interrupted|Permission|NotFound|Import|Assertion|Collision|Cancelled|KeyboardInterrupt|NotImplemented)"
    r"\w*$|^(Empty|Full|QueueEmpty|QueueFull|StopIteration|StopAsyncIteration|EOFError|DoesNotExist|OSError)$"
)
THEIRS = re.compile(
    r"Connect|Time(d)?[Oo]ut|Network|H(TTP|ttp)|Request|RateLimit|Throttl|Unavailable|Operational|Interface|Gateway|Socket"
    r"|Transport|Client|Server|Service|A(PI|pi)(Error|Exception|Status)|Broker|Redis|socket|Remote|Overloaded"
)
ITSELF = ("tenacity.retry", "retrying.retry")  # decorators that wait only if they are told to
COUNTER = re.compile(r"attempt|retr|tries|trial", re.IGNORECASE)  # names for which number of attempt it is
RETRIES = re.compile(r"(^|\.)(retry|retries|retrying|on_exception|on_predicate|retryable|with_retry|autoretry)$")


@dataclass(frozen=True, slots=True)
class Attempts:
    """A loop that tries again: what it tries, which exceptions it goes on after, and how long it waits."""

    loop: Node
    tried: Node
    handlers: tuple[Node, ...]
    bounded: bool
    few: bool
    waits: str  # "no", "same" or "grows"

    @property
    def errors(self) -> tuple[str, ...]:
        """Return the last names of the exceptions after which it goes on; none for all of them."""
        return tuple(name for kind, _, _ in self.handlers for name in error_names(kind))


def find(effects: Effects) -> Iterator[Finding]:
    if "def" in effects.reading.seen:
        yield from decorated(effects)
        yield from handed_over(effects)
    for attempts in retry_loops(effects.function.body) if effects.function.tries else ():
        inside = positions((attempts.tried[2], attempts.tried[4]))
        events = [effect.event for effect in effects.effects(*REMOTE) if effect.event.chain[0][1] in inside]
        event = min(events, key=lambda e: (len(e.chain), e.chain[0][1])) if events else None
        call = shown_call(attempts, event)
        if call is None or (event is None and not promising(attempts)) or asks_person(attempts, events):
            continue
        nested = next((f for e in events for f, at, _ in e.chain[1:] if retries(f, at)), None)
        if nested is not None:
            message = f"retries multiply: `{text(call)}` is tried again, and `{nested.name}` in it tries again itself"
            cure = f"Retry in one place only: here, or in `{nested.name}`."
        elif attempts.waits == "grows":
            continue
        else:
            message, cure = said(attempts, call), cure_for(attempts)
        yield Finding(
            rule=RULE.name,
            place=replace(effects.place(effects.function, attempts.loop[1]), end_line=attempts.loop[-1]),
            symbol=text(call[2]),
            message=message,
            cure=cure,
            confidence=confidence(attempts, event, nested is not None),
            chain=chain(effects, attempts, call, event),
            cost=Cost(terms=(Term(event.effect if event is not None else "http.request", ()),)),
        )


# --------------------------------------------------------------------------- telling
def said(attempts: Attempts, call: Node) -> str:
    shown = text(call)
    if attempts.waits == "no":
        how = "again at once" if attempts.bounded else "again at once, for ever"
    else:
        how = "again after the same pause each time" + ("" if attempts.bounded else ", for ever")
    return f"when `{shown}` fails it is tried {how}"


def cure_for(attempts: Attempts) -> str:
    bound = "" if attempts.bounded else ", and give up after some attempts"
    return f"Wait longer after each failure, with a random part: sleep(random.uniform(0, base * 2**attempt)){bound}."


def confidence(attempts: Attempts, event: Event | None, nested: bool) -> Confidence:
    """Return how likely a crowd of such clients does harm: not with two attempts, or few and well apart."""
    errors = attempts.errors
    theirs = any(THEIRS.search(name) for name in errors)
    if event is None and not theirs:
        return "possible"
    if nested:
        return "likely"
    far = event is not None and event.effect in ("http.request", "llm.call", "connect")
    if attempts.few or (attempts.waits == "same" and attempts.bounded and not far):
        return "possible"
    return "likely" if far or theirs else "possible"


def chain(effects: Effects, attempts: Attempts, call: Node, event: Event | None) -> tuple[Step, ...]:
    loop = attempts.loop
    what = f"for {text(loop[2])} in {text(loop[3])}" if loop[0] == "for" else f"while {text(loop[2])}"
    first = effects.step(effects.function, loop[1], what)
    if event is None:
        return first, effects.step(effects.function, call[1], text(call))
    steps = [effects.step(function, position, shown) for function, position, shown in event.chain]
    return first, *steps


def shown_call(attempts: Attempts, event: Event | None) -> Node | None:
    """Return the call that is tried again: the one that leads to the effect, else the first that may fail."""
    if event is not None and event.node is not None and event.node[0] == "call":
        return event.node
    found: Node | None = None
    for node in walk(attempts.tried[2]):
        if node[0] == "await" and node[2][0] == "call":
            inner: Node = node[2]
            return inner
        if node[0] == "call" and found is None and not logs(node):
            found = node
    return found


def promising(attempts: Attempts) -> bool:
    """Tell whether it may well ask somebody else, though what it calls is not known."""
    awaits = any(node[0] == "await" for node in walk(attempts.tried[2]))
    return awaits or any(THEIRS.search(name) for name in attempts.errors)


def asks_person(attempts: Attempts, events: list[Event]) -> bool:
    """Tell whether a person is asked on each attempt, who decides when to stop."""
    if any("EOFError" in error_names(kind) for kind, _, _ in attempts.tried[3]):
        return True
    below = [function.body for event in events for function, _, _ in event.chain[1:]]
    return bool(called_names((attempts.tried[2], *below)) & {"input", "getpass", "prompt", "confirm"})


def logs(call: Node) -> bool:
    written = text(call[2], 200)
    return bool(re.search(r"(^|\.)(log|logger|logging|print|_LOGGER)\b", written, re.IGNORECASE))


# --------------------------------------------------------------------------- reading loops
def retry_loops(body: tuple[Node, ...]) -> Iterator[Attempts]:
    """Give the loops of a function that go round again because something failed."""
    for loop in loops(body):
        block = loop[4] if loop[0] == "for" else loop[3]
        for tried, after in tries(block):
            found = attempts_of(loop, block, tried, after)
            if found is not None:
                yield found


def loops(block: tuple[Node, ...]) -> Iterator[Node]:
    for statement in block:
        if statement[0] == "while" or (statement[0] == "for" and counts(statement)):
            yield statement
        for inner in blocks(statement):
            yield from loops(inner)


def counts(loop: Node) -> bool:
    """Tell whether a `for` only counts: `range(3)`, `itertools.count()`."""
    over = loop[3]
    if over[0] != "call" or over[2][0] not in ("name", "attr"):
        return False
    called = over[2][2 if over[2][0] == "name" else 3]
    return called == "range" or called in ENDLESS


def tries(block: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Give each `try` of a loop's body, inner loops left out, with what follows it there."""
    for index, statement in enumerate(block):
        rest = block[index + 1 :]
        if statement[0] == "try" and statement[3]:
            yield statement, rest
        if statement[0] in ("if", "with", "try", "match"):
            for inner in blocks(statement):
                for found, after in tries(inner):
                    yield found, after + rest


def attempts_of(loop: Node, block: tuple[Node, ...], tried: Node, after: tuple[Node, ...]) -> Attempts | None:
    """Return what a loop with a `try` is as a retry: it ends with success and goes on after a failure."""
    again = tuple(handler for handler in tried[3] if not leaves(handler[2]))
    if not again or not ends_with_success(loop, tried, after):
        return None
    if all(is_ours(kind) for kind, _, _ in again):
        return None
    if loop[0] == "for" and uses_index(loop, tried):
        return None
    bounded = is_bounded(loop, again, after)
    few = loop[0] == "for" and loop[3][3][-1:] and loop[3][3][-1][0] == "const" and loop[3][3][-1][2] in (1, 2)
    return Attempts(loop, tried, again, bounded, bool(few), waiting(loop, block, again))


def leaves(block: tuple[Node, ...]) -> bool:
    """Tell whether the end of a block is never reached and its loop not gone round again."""
    if not block:
        return False
    last = block[-1]
    if last[0] in ("raise", "return", "break"):
        return True
    if last[0] == "if":
        return bool(last[4]) and leaves(last[3]) and leaves(last[4])
    if last[0] == "with":
        return leaves(last[3])
    if last[0] == "expr" and last[2][0] == "call":
        return text(last[2][2]).endswith(("exit", "abort", "fail"))
    return False


def ends_with_success(loop: Node, tried: Node, after: tuple[Node, ...]) -> bool:
    """Tell whether the loop ends where nothing failed: by leaving it, or because its test says so."""
    if any(leaving(part) for part in (tried[2], tried[4], after)):
        return True
    if loop[0] != "while":
        return False
    tested = {text(node, 200) for node in walk(loop[2]) if node[0] in ("name", "attr")}
    for node in walk((tried[2], tried[4])):
        if node[0] == "assign" and any(text(target, 200) in tested for target in node[2]):
            return True
    return False


def leaving(block: tuple[Node, ...]) -> bool:
    """Tell whether a block can leave the loop that it stands in."""
    for statement in block:
        if statement[0] in ("return", "break"):
            return True
        if statement[0] in ("for", "while"):
            if any(node[0] == "return" for node in walk(statement)):
                return True
        elif statement[0] == "try":
            if leaving(statement[2]) or leaving(statement[4]):
                return True
        elif any(leaving(inner) for inner in blocks(statement)):
            return True
    return False


def uses_index(loop: Node, tried: Node) -> bool:
    """Tell whether each pass does something else: what is tried depends on the number of the pass."""
    variables = {name for name in names_in(loop[2]) if name != "_" and not COUNTER.search(name)}
    for node in walk(tried[2]):
        if node[0] == "sub" and names_in(node[3]) & variables:
            return True
        if node[0] == "call" and not logs(node) and not DELAYS.search(text(node[2])):
            given = (*node[3], *(value for _, value in node[4]))
            if any(argument[0] == "name" and argument[2] in variables for argument in given):
                return True
    return False


def is_bounded(loop: Node, again: tuple[Node, ...], after: tuple[Node, ...]) -> bool:
    """Tell whether the attempts end by themselves: a range, a counter, a deadline."""
    if loop[0] == "for":
        return text(loop[3][2]).rpartition(".")[2] not in ENDLESS
    if any(node[0] == "cmp" for node in walk(loop[2])):
        return True
    if any(node[0] in ("raise", "return", "break") for handler in again for node in walk(handler[2])):
        return True
    block = loop[3]
    counted = {text(node[2]) for node in walk(block) if node[0] == "aug"}
    for statement in statements(block):
        if statement[0] == "if" and leaves(statement[3]) and {text(part) for part in walk(statement[2])} & counted:
            return True
    return text(loop[2]) in counted or any(node[0] == "raise" for node in walk(after))


def waiting(loop: Node, block: tuple[Node, ...], again: tuple[Node, ...]) -> str:
    """Return whether the loop waits between two attempts: not at all, always the same, or longer."""
    changed = changing(loop, block) | {name for _, name, _ in again if name}
    waits = "no"
    for node in walk((block, loop[2])):
        if node[0] != "call" or node[2][0] not in ("name", "attr"):
            continue
        called = node[2][2] if node[2][0] == "name" else node[2][3]
        if not DELAYS.search(called) or logs(node):
            continue
        given = (*node[3], *(value for _, value in node[4]))
        if not given and not re.search("sleep|backoff|delay", called, re.IGNORECASE):
            continue
        if not given or any(varies(argument, changed) for argument in given):
            return "grows"
        waits = "same"
    return waits


def changing(loop: Node, block: tuple[Node, ...]) -> set[str]:
    """Return what has another value on each pass: names and attributes as they are written."""
    found = {text(target, 200) for target in walk(loop[2]) if loop[0] == "for" and target[0] == "name"}
    for node in walk(block):
        if node[0] == "aug":
            found.add(text(node[2], 200))
        elif node[0] in ("assign", "walrus"):
            targets = node[2] if node[0] == "assign" else (("name", node[1], node[2]),)
            found.update(text(part, 200) for target in targets for part in walk(target) if part[0] in ("name", "attr"))
    return found


def varies(argument: Node, changed: set[str]) -> bool:
    """Tell whether a pause may be another one each time: of something that changes, or of any call."""
    for node in walk(argument):
        if node[0] in ("call", "sub", "await", "yield"):
            return True
        if node[0] in ("name", "attr") and text(node, 200) in changed:
            return True
    return False


def is_ours(kind: Node | None) -> bool:
    """Tell whether a handler is for nothing that a busy service would answer with."""
    names = tuple(error_names(kind))
    return bool(names) and all(OURS.search(name) for name in names)


def error_names(kind: Node | None) -> list[str]:
    """Return the last names of the exceptions that a handler is for; none for all of them."""
    parts = () if kind is None else kind[3] if kind[0] == "coll" else (kind,)
    names = [part[2] if part[0] == "name" else part[3] if part[0] == "attr" else "" for part in parts]
    return [name for name in names if name not in ("Exception", "BaseException", "")]


# --------------------------------------------------------------------------- retrying by library
def retries(function: Function, position: int) -> bool:
    """Tell whether a function tries a call again by itself: in a loop, or because it is decorated so."""
    for decorator in function.decorators:
        node = decorator[2] if decorator[0] == "call" else decorator
        if node[0] in ("name", "attr") and RETRIES.search(text(node, 200)):
            return True
    return any(position in positions(attempts.tried[2]) for attempts in retry_loops(function.body))


def decorated(effects: Effects) -> Iterator[Finding]:
    """Give the function itself where a decorator tries it again without a pause."""
    for decorator in effects.function.decorators:
        node = decorator[2] if decorator[0] == "call" else decorator
        entity = effects.project.expression(effects.function.module, node) if node[0] in ("name", "attr") else None
        if str(entity) not in ITSELF:
            continue
        given = {name: value for name, value in decorator[4] if name} if decorator[0] == "call" else {}
        if any(name.startswith("wait") for name in given) or (decorator[0] == "call" and decorator[3]):
            continue
        bounded = any(name.startswith("stop") for name in given)
        shown = effects.function.name
        yield Finding(
            rule=RULE.name,
            place=effects.place(effects.function, decorator[1]),
            symbol=shown,
            message=f"when `{shown}` fails it is tried again at once" + ("" if bounded else ", for ever"),
            cure="Give @retry wait=wait_random_exponential(max=60)"
            + ("." if bounded else " and stop=stop_after_attempt(5)."),
            confidence="likely",
            cost=Cost(terms=(Term("http.request", ()),)),
        )


def handed_over(effects: Effects) -> Iterator[Finding]:
    """Give each `Retry(...)` of urllib3 that has no `backoff_factor`: its default is not to wait."""
    function = effects.function
    if "Retry" not in function.module.called:
        return
    for node in walk(function.body):
        if node[0] != "call" or node[2][0] not in ("name", "attr") or not text(node[2]).endswith("Retry"):
            continue
        entity = str(effects.project.expression(function.module, node[2]))
        if not entity.startswith(("urllib3.", "requests.")):
            continue
        given = dict(node[4])
        if "backoff_factor" in given or None in given or len(node[3]) > 1 or not says_how_often(node, given):
            continue
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, node[1]),
            symbol="urllib3.Retry",
            message=f"`{text(node)}` tries again at once: without backoff_factor it does not wait",
            cure="Pass backoff_factor=0.5: it waits 0.5, 1, 2 ... seconds between the attempts.",
            confidence="likely",
            cost=Cost(terms=(Term("http.request", ()),)),
        )


def says_how_often(call: Node, given: dict[str, Node]) -> bool:
    """Tell whether a `Retry(...)` is for more than one further attempt."""
    total = call[3][0] if call[3] else given.get("total", given.get("connect", given.get("status", given.get("read"))))
    return total is not None and not (total[0] == "const" and total[2] in (0, 1, False, None))


RULE = Rule(
    name="retry-without-backoff",
    sees=("def", *REMOTE),
    spends=("hazard",),
    proof=Proof("scenario", "attempts"),
    find=find,
)
