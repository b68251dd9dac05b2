"""A transaction stays open while the program waits for something that is not the database.

What the transaction has written stays locked, and its connection is taken, for as long as a mail server or another
service takes to answer. One slow partner is then enough to stop everybody who needs the same rows, or a connection.

A session that FastAPI passes to a handler takes a connection from the pool with its first statement, often the
look-up of the user in a dependency, and gives it back when it is committed or closed: after the answer has been sent,
and its background tasks are done (so it is in FastAPI below 0.106 and from 0.118 on; between, before the answer is
sent). What the handler waits for meanwhile, a service, a password's hash in a thread, a client that uploads or
downloads slowly, keeps it: fifteen such requests take the whole pool, and every other one waits.

## Setup

```python
# file: shop/models.py
from django.db import models


class Order(models.Model):
    total = models.IntegerField()
    paid = models.BooleanField(default=False)
```

## Slow

```python
import httpx
from django.db import transaction

from shop.models import Order


def pay(client: httpx.Client, number: int) -> bool:
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=number)
        order.paid = client.post("http://bank.test/charge", json={"total": order.total}).is_success
        order.save()
    return order.paid
```

## Fast

```python
import httpx
from django.db import transaction

from shop.models import Order


def pay(client: httpx.Client, number: int) -> bool:
    total = Order.objects.get(pk=number).total
    paid = client.post("http://bank.test/charge", json={"total": total}).is_success
    with transaction.atomic():
        order = Order.objects.select_for_update().get(pk=number)
        order.paid = paid
        order.save()
    return order.paid
```

## Input

```python
import httpx

from shop.models import Order


def make(n: int) -> tuple[httpx.Client, int]:
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    return httpx.Client(transport=transport), Order.objects.create(total=n).pk
```

## Scenario

While the bank is asked for the money, on PostgreSQL, somebody else changes the order.

```python
from scene import Answer, Request, ends, service


def scenario() -> None:
    def charge(request: Request) -> Answer:
        changed.append(ends(lambda: Order.objects.filter(pk=number).update(total=6)))
        return 200, {}

    changed = []
    number = Order.objects.create(total=5).pk
    with service(charge) as address:
        pay(httpx.Client(proxy=address), number)
    assert changed == [True], "who wants to change the order waits until the bank has answered"
```

## When to leave it

The lock is meant to keep others out until the answer is there, few ask at a time, and the wait is bounded by a
short timeout.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from perfwright.effects.frame import Afterwards, Event, Held
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Finding, Proof
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import path_to
from perfwright.rules._contract import Rule
from perfwright.rules._held import across, waits, what
from perfwright.rules._pooled import Wait, held_meanwhile

OUTSIDE = ("llm.call", "http.request", "process.spawn", "wait")
# A password's hash, a lock, a message to the broker: short, or not somebody else.
NEAR = (
    *("django.contrib.auth.", "redis.", "celery.", "kombu.", "aiokafka."),
    *("threading.", "multiprocessing.", "concurrent.", "queue.", "asyncio."),
)
# What a program does for a file that could be done before the transaction: packing it, and waiting for the disk.
PACKS = ("gzip.", "bz2.", "lzma.", "zlib.", "zipfile.", "tarfile.", "shutil.make_archive")
TO_DISK = ("os.fsync", "os.fdatasync", "os.sync")
IMPLICIT = ("sqlalchemy", "flask-sqlalchemy", "sqlite3", "aiosqlite", "psycopg", "psycopg2")  # begin by themselves
ENDS = ("close", "rollback", "remove", "commit")
CURES = {
    "django": "Do it before the block, or once it is over with transaction.on_commit(...).",
    "sqlalchemy": "Do it before the transaction begins or after it ends, and write down the outcome in a new one.",
}
POOLED = (
    "Commit before it: that gives the connection back, the next statement takes one again, and with "
    "expire_on_commit=False what was read stays usable."
)
# Of what a framework waits for with its client: what lasts as long as the client wants.
CLIENT = (".receive_text", ".receive_json", ".receive_bytes", "Request.stream", "StreamingResponse")
CURE = "Do it before the transaction begins, or after it has ended."


def find(effects: Effects) -> Iterator[Finding]:
    known: set[int] = set()
    for held, found in across(effects, "transaction", *OUTSIDE):
        outside = [effect for effect in found if is_outside(effect)]
        if outside:
            known.update(effect.event.chain[0][1] for effect in outside)
            library = held.model.library if held.model is not None else ""
            yield told(effects, outside, opened(held), CURES.get(library, CURE), confidence(outside[0]))
    written = {held.position for held, _ in across(effects, "transaction", "file.write")}
    for held, found in across(effects, "transaction", "cpu", "flush") if written else ():
        on_disk = [effect for effect in found if is_for_file(effect)]
        if on_disk and held.position in written and known.isdisjoint(effect.event.chain[0][1] for effect in on_disk):
            yield packed(effects, on_disk, held)
    yield from begun(effects, known)
    yield from pooled(effects, known)
    if is_atomic_request(effects):
        rest = [e for e in effects.effects(*OUTSIDE) if is_outside(e) and waits(e) and not e.event.held]
        rest = [e for e in rest if e.event.chain[0][1] not in known and "transaction" not in e.event.sheltered]
        if rest:
            cure = "Do it after the request with transaction.on_commit(...), or mark the view non_atomic_requests."
            yield told(effects, rest, "of the request (ATOMIC_REQUESTS)", cure, "likely")


def told(effects: Effects, found: list[Effect], whose: str, cure: str, sure: Confidence) -> Finding:
    effect = min(found, key=lambda each: OUTSIDE.index(each.event.effect))
    through = f" through `{effect.through}`" if effect.through else f": `{effect.what}`"
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return effects.finding(
        RULE.name,
        effect,
        f"the transaction {whose} stays open during {what(effect)}{through}{more}",
        cure=cure,
        confidence=sure,
        terms=tuple(effects.term(each) for each in found),
    )


def is_for_file(effect: Effect) -> bool:
    """Tell whether something is packed, or the disk waited for."""
    name = effect.event.model.name if effect.event.model is not None else ""
    return name in TO_DISK or (effect.event.effect == "cpu" and name.startswith(PACKS))


def packed(effects: Effects, found: list[Effect], held: Held) -> Finding:
    effect = found[0]
    through = f" through `{effect.through}`" if effect.through else f": `{effect.what}`"
    what_for = "the disk is waited for" if effect.event.effect == "flush" else "a file is packed"
    return effects.finding(
        RULE.name,
        effect,
        f"the transaction {opened(held)} stays open while {what_for}{through}",
        cure="Read the rows, make the file without a transaction, and begin one for what is written to the database.",
        confidence=confidence(effect),
        terms=tuple(effects.term(each) for each in found),
    )


def is_outside(effect: Effect) -> bool:
    """Tell whether it is somebody else that is waited for, not a lock or a password's hash."""
    model = effect.event.model
    return not effect.event.once and not (model is not None and model.name.startswith(NEAR))


def opened(held: Held) -> str:
    shown = f"@{held.symbol.rpartition('.')[2]}" if held.symbol.startswith("django.db.") else held.symbol
    return f"of `{shown}`"


def confidence(effect: Effect) -> Confidence:
    if effect.event.doubtful or not effect.event.certain:
        return "possible"
    return "certain" if len(effect.event.chain) == 1 else "likely"


# ------------------------------------------------------------------- transactions that begin by themselves
def begun(effects: Effects, known: set[int]) -> Iterator[Finding]:
    """Give what is waited for between a statement that begins a transaction and the commit that ends it."""
    events = list(effects.reading.events)
    commits = [i for i, event in enumerate(events) if is_commit(event)]
    if not commits:
        return
    last = commits[-1]
    session = receiver(events[last])
    for index, event in enumerate(events[:last]):
        effect = Effect(event, effects.function)
        if event.effect not in OUTSIDE or event.held or not is_outside(effect) or not waits(effect):
            continue
        before = [other for other in events[:index] if other.effect in ("db.query", "db.write", "db.commit")]
        ended = max((i for i, other in enumerate(before) if other.effect == "db.commit"), default=-1)
        since = [other for other in before[ended + 1 :] if begins(other, session) and leads_to(effects, other, event)]
        if not since or event.chain[0][1] in known:
            continue
        known.add(event.chain[0][1])
        writes = [other for other in since if other.effect == "db.write"]
        first = (writes or since)[0]
        repeated = bool(event.loops) or event.multiplied
        sure: Confidence = "likely" if writes or repeated or event.effect == "llm.call" else "possible"
        whose = f"that `{first.chain[0][2]}` began"
        yield told(effects, [effect], whose, CURES["sqlalchemy"], sure)


def is_commit(event: Event) -> bool:
    """Tell whether the function itself commits a connection or session that began by itself."""
    model = event.model
    return (
        event.effect == "db.commit"
        and len(event.chain) == 1
        and model is not None
        and model.library in IMPLICIT
        and model.name.endswith(".commit")
    )


def receiver(event: Event) -> str:
    """Return what a method is called on, as written."""
    node = event.node
    return text(node[2][2], 200) if node is not None and node[0] == "call" and node[2][0] == "attr" else ""


def begins(event: Event, session: str) -> bool:
    """Tell whether a statement is sent through the session or connection that is committed later."""
    library = event.model.library if event.model is not None else ""
    model = getattr(event.detail, "model", None)
    if model is not None and model.framework == "sqlalchemy":
        library = "sqlalchemy"
    if library not in IMPLICIT or (event.effect == "db.query" and library != "sqlalchemy"):
        return False
    if len(event.chain) == 1:
        on = receiver(event)
        return on == session or on.startswith(f"{session}.") or (".query" in on and session.endswith(".session"))
    given = event.node[3] if event.node is not None and event.node[0] == "call" else ()
    return "." in session or any(text(argument) == session for argument in given)


def leads_to(effects: Effects, first: Event, then: Event) -> bool:
    """Tell whether one is always done before the other, in the same block of a session, and not ended between."""
    if first.path != then.path[: len(first.path)]:
        return False
    body = effects.function.body
    start, end = first.chain[0][1], then.chain[0][1]
    around, inside = path_to(body, start), path_to(body, end)
    if any(node[0] == "with" and not any(node is other for other in inside) for node in around):
        return False
    return not any(start < position < end for position in ended_at(body))


def ended_at(body: Iterable[Node]) -> Iterator[int]:
    for node in walk(tuple(body)):
        if node[0] == "call" and node[2][0] == "attr" and node[2][3] in ENDS:
            yield node[1]


# ----------------------------------------------------------------------------- connections of a FastAPI request
def pooled(effects: Effects, known: set[int]) -> Iterator[Finding]:
    """Give what a request waits for while the session that it is given has a connection of the pool."""
    found: dict[tuple[Function, str], list[Wait]] = {}
    for wait in held_meanwhile(effects, is_waited):
        if wait.effect.event.chain[0][1] not in known:
            found.setdefault((wait.place[0], wait.by), []).append(wait)
    for waits_here in found.values():
        first = min(waits_here, key=rank)
        effect, (function, position, shown) = first.effect, first.place
        through = f" through `{shown}`" if first.link + 1 < len(effect.event.chain) else f": `{shown}`"
        more = f", and {len(waits_here) - 1} more" if len(waits_here) > 1 else ""
        message = f"the connection that {first.by} took from the pool is kept during {waited(effect)}{through}{more}"
        finding = effects.finding(
            RULE.name, afterwards(effect) or effect, message, cure=POOLED, confidence=sure(effects, effect)
        )
        yield replace(finding, place=effects.place(function, position))


def is_waited(effect: Effect) -> bool:
    """Tell whether a request waits for somebody else, or for a thread of its own that computes."""
    event = effect.event
    name = event.model.name if event.model is not None else ""
    if event.once or event.rare:
        return False
    if event.effect == "later":
        return afterwards(effect) is not None
    if event.effect == "cpu":
        return event.aside and event.awaited
    if event.effect not in OUTSIDE or not is_outside(effect):
        return False
    if name.startswith("starlette."):
        return name.endswith(CLIENT)
    return waits(effect) and (event.awaited or not effect.function.is_async)


def afterwards(effect: Effect) -> Effect | None:
    """Return the dearest that a background task waits for, with the way to it; None where it does not wait."""
    event = effect.event
    if not isinstance(event.detail, Afterwards):
        return None
    found = [each for each in event.detail.events if each.effect in OUTSIDE and not each.rare]
    outside = [each for each in found if is_outside(Effect(each, event.detail.function))]
    if not outside:
        return None
    first = min(outside, key=lambda each: OUTSIDE.index(each.effect))
    chain = (*event.chain, *first.chain)
    return Effect(Event(first.effect, first.symbol, chain, model=first.model), effect.function)


def rank(wait: Wait) -> int:
    effect = wait.effect.event.effect
    return OUTSIDE.index(effect) if effect in OUTSIDE else len(OUTSIDE)


def waited(effect: Effect) -> str:
    """Name what a request waits for: an HTTP request, what the client sends."""
    event = effect.event
    name = event.model.name if event.model is not None else ""
    later = afterwards(effect)
    if later is not None:
        return f"{what(later)} of a background task, which runs before it is given back"
    if event.effect == "cpu":
        return "work in a thread"
    if name.endswith("StreamingResponse"):
        return "the whole answer, which the client takes at its own pace"
    return "what the client sends" if name.startswith("starlette.") else what(effect)


def sure(effects: Effects, effect: Effect) -> Confidence:
    event = effect.event
    if event.doubtful or not event.certain:
        return "possible"
    if event.model is not None and event.model.name.endswith("StreamingResponse"):
        return "possible" if needed_later(effects, event) else "likely"
    return "likely"


def needed_later(effects: Effects, event: Event) -> bool:
    """Tell whether what is streamed uses the session itself: it is given it, or is a function inside that sees it."""
    asked = effects.program.interpreter.entries.injection.of(effects.function)
    sessions = {name for name, needed in asked if needed.is_generator}
    functions = effects.function.module.functions
    inner = tuple([each.body for each in functions if each.outer == effects.function.index])
    return bool(sessions & names_in((event.node, inner)))


# ------------------------------------------------------------------------------------------ ATOMIC_REQUESTS
def is_atomic_request(effects: Effects) -> bool:
    """Tell whether Django runs each view in a transaction, and this is one."""
    if not effects.entry or effects.entry.startswith(("task ", "command ")):
        return False
    if "non_atomic_requests" in effects.decorators:
        return False
    for module in effects.project.modules.values():
        if "settings" in module.name and "DATABASES" in module.names:
            for node in walk(module.body):
                if node[0] == "dict" and any(is_on(*pair) for pair in zip(node[2], node[3], strict=True)):
                    return True
                if node[0] == "assign" and any("ATOMIC_REQUESTS" in text(target, 200) for target in node[2]):
                    return bool(node[3][0] == "const" and node[3][2])
    return False


def is_on(key: Node | None, value: Node) -> bool:
    return (
        key is not None
        and key[0] == "const"
        and key[2] == "ATOMIC_REQUESTS"
        and value[0] == "const"
        and value[2] is True
    )


RULE = Rule(
    name="transaction-across-io",
    sees=(*OUTSIDE, "cpu", "flush", "later"),
    spends=("latency",),
    proof=Proof("scenario", "locked"),
    find=find,
)
