"""Somebody waits for an answer while the program does what the answer does not need: a mail, a call of a third party.

The request takes as long as the mail server does, and fails when it does. In a queue the same work is done a moment
later, is tried again when it fails, and nobody waits.

So it is with figures over a whole table, such as `select(Rating.product, func.avg(Rating.stars))` with a `group_by` and
no condition: every request reads all rows for what changes with one of them. And so it is with a file that somebody
uploads, when its lines go into the database one after the other: a file of a hundred thousand lines is no request.

## Setup

```python
# file: chat.py
import httpx

client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200)))


def notify(text: str) -> None:
    client.post("http://chat.test/orders", json={"text": text})
```

## Slow

```python
from fastapi import APIRouter, BackgroundTasks

from chat import notify

router = APIRouter()


@router.post("/orders")
def order(number: int, tasks: BackgroundTasks) -> dict[str, int]:
    notify(f"Order {number}")
    return {"number": number}
```

## Fast

```python
from fastapi import APIRouter, BackgroundTasks

from chat import notify

router = APIRouter()


@router.post("/orders")
def order(number: int, tasks: BackgroundTasks) -> dict[str, int]:
    tasks.add_task(notify, f"Order {number}")
    return {"number": number}
```

## Input

```python
from fastapi import BackgroundTasks


def make(n: int) -> tuple[int, BackgroundTasks]:
    return n, BackgroundTasks()
```

## Scenario

Somebody orders while the chat service takes its time.

```python
import chat
import httpx
from fastapi import FastAPI
from scene import ends, served, silence


def scenario() -> None:
    def buy() -> None:
        answers.append(httpx.post(f"{shop}/orders", params={"number": 1}, timeout=60).json())

    answers = []
    app = FastAPI()
    app.include_router(router)
    with silence() as address, served(app) as shop:
        chat.client = httpx.Client(proxy=address)
        ends(buy)
        assert answers == [{"number": 1}], "who orders waits for the chat service"
```

## When to leave it

The answer says whether it worked, few ask for it, or there is no queue and it is not worth one.
"""

from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.frame import Link
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import text
from perfwright.rules._aggregates import grouped
from perfwright.rules._code import goes_on_after_failure, path_to
from perfwright.rules._contract import Rule
from perfwright.rules._from_files import loop_over_lines
from perfwright.rules._held import waits, what

WORK = ("llm.call", "http.request", "wait", "process.spawn", "cpu")
FAR = 4  # calls away: further down it is hard to say what the answer needs
ASIDE = ("task ", "command ")
QUEUES = ("celery", "rq", "django_rq", "dramatiq", "huey", "arq", "django_q", "taskiq", "procrastinate", "saq")
CHANGES = ("POST ", "PUT ", "PATCH ", "DELETE ")
CHANGING = (".create", ".update", ".partial_update", ".destroy")
# What a function that only tells somebody is called.
TELLS = (
    "notif",
    "track",
    "mail",
    "sms",
    "slack",
    "webhook",
    "push",
    "ping",
    "report",
    "publish",
    "broadcast",
    "analytic",
)
MAILS = ("mail", "smtp")


def find(effects: Effects) -> Iterator[Finding]:
    if "def" in effects.reading.seen:
        yield from counted(effects)
    if not effects.entry or effects.entry.startswith(ASIDE):
        return
    yield from imported_lines(effects)
    calls: dict[int, Effect] = {}
    for effect in effects.effects(*WORK):
        if effect.event.once or not waits(effect) or not is_work(effect):
            continue
        known = calls.get(effect.event.chain[0][1])
        if known is None or rank(effect) < rank(known):
            calls[effect.event.chain[0][1]] = effect
    for effect in calls.values():
        many = repeated(effect) and (is_mail(effect) or changes(effects, effect))
        if not (is_mail(effect) or is_dropped(effect) or many):
            continue
        through = f" through `{effect.through}`" if effect.through else f": `{effect.what}`"
        times = "for each of many, " if many else ""
        finding = effects.finding(
            RULE.name,
            effect,
            f"{effects.entry} answers only after {kind(effect)}{through}, {times}which the answer does not need",
            cure=cure(effects),
            confidence=confidence(effects, effect, many),
        )
        if many:
            finding = replace(finding, place=effects.place(*handed_over(effect)[:2]))
        yield finding


def counted(effects: Effects) -> Iterator[Finding]:
    """Give the queries that count or add up all rows of a table, group by group; `settle` asks who waits for them."""
    for found in grouped(effects):
        shown = text(found.call)
        position = chain_start(found.call)
        yield Finding(
            rule=RULE.name,
            place=effects.place(effects.function, position),
            symbol=f"{found.table} by group",
            message=f"each request groups all rows of {found.table} anew: `{shown}`",
            cure=(
                "Keep the figures beside what they are about when a row is written, or make them now and then: in a "
                "table of totals, a materialized view, a cache with a lifetime."
            ),
            confidence="likely",
            chain=(effects.step(effects.function, position, f"db.query: {shown}"),),
            cost=Cost(terms=(Term("db.seqscan", (found.table,)),)),
        )


def imported_lines(effects: Effects) -> Iterator[Finding]:
    """Give the calls that write the lines of a file to the database while somebody waits: one for each entry point."""
    if effects.entry.startswith("program "):
        return
    for effect in effects.effects("db.write"):
        chain = effect.event.chain
        index = loop_over_lines(chain)
        if index is None:
            continue
        function, position, _ = chain[max(index - 1, 0)]
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, position),
            symbol="lines of a file",
            message=f"{effects.entry} answers only after all lines of a file are in the database",
            cure="Keep the file, answer at once, and let a task bring it in; the client asks how far it is.",
            confidence="likely",
            chain=effects.chain(effect),
            cost=Cost(terms=(Term("db.write", ("rows",)),)),
        )
        return


def chain_start(node: Node) -> int:
    """Return where a chain of calls begins, which is where a person looks."""
    while node[0] in ("call", "attr", "sub"):
        node = node[2]
    return int(node[1])


def settle(finding: Finding) -> Finding:
    """What is grouped anew matters where somebody waits for it, not in a task, and not where nobody is known to ask."""
    if not finding.symbol.endswith(" by group"):
        return finding
    asked = any(not entry.startswith((*ASIDE, "migration ", "program ")) for entry in finding.entry_points)
    return finding if asked else replace(finding, confidence="possible")


def handed_over(effect: Effect) -> Link:
    """Return the call of the function that goes through the many: the one place, whoever leads there."""
    chain = effect.event.chain
    for index, (function, position, _) in enumerate(chain):
        if any(node[0] in ("for", "comp") for node in path_to(function.body, position)):
            return chain[max(index - 1, 0)]
    return chain[0]


def rank(effect: Effect) -> tuple[bool, bool, int, int]:
    mail = is_mail(effect)
    return not (mail and repeated(effect)), not mail, WORK.index(effect.event.effect), len(effect.event.chain)


def repeated(effect: Effect) -> bool:
    """Tell whether it is done for each of many, in a loop here or further down."""
    return bool(effect.event.loops) or effect.event.multiplied


def is_mail(effect: Effect) -> bool:
    name = effect.event.model.name.lower() if effect.event.model is not None else ""
    return effect.event.effect == "wait" and any(word in name for word in MAILS)


def is_work(effect: Effect) -> bool:
    """Tell whether it is work that a queue could do: of the waits only mail, of the computing only images."""
    model = effect.event.model
    if effect.event.effect == "wait":
        return is_mail(effect)
    return effect.event.effect != "cpu" or (model is not None and model.library == "pillow")


def kind(effect: Effect) -> str:
    return "work on an image" if effect.event.effect == "cpu" else what(effect)


def is_dropped(effect: Effect) -> bool:
    """Tell whether somewhere on the way to it nobody looks at what comes back."""
    for function, position, _ in effect.event.chain:
        for node in path_to(function.body, position):
            if node[0] == "expr" and is_call(node[2], position):
                return True
    return False


def is_call(node: Node, position: int) -> bool:
    called = node[2] if node[0] == "await" else node
    return bool(called[0] == "call" and called[1] == position)


def is_shielded(effect: Effect) -> bool:
    """Tell whether a failure on the way is caught and passed over: the answer is the same without it."""
    return any(goes_on_after_failure(path_to(function.body, position)) for function, position, _ in effect.event.chain)


def changes(effects: Effects, effect: Effect) -> bool:
    """Tell whether a handler that changes something asks other services one after the other."""
    network = effect.event.effect in ("http.request", "llm.call")
    return network and (effects.entry.startswith(CHANGES) or effects.entry.endswith(CHANGING))


def confidence(effects: Effects, effect: Effect, many: bool) -> Confidence:
    if effects.confidence(effect) == "possible" or len(effect.event.chain) > FAR:
        return "possible"
    if many:
        return "likely"
    names = " ".join(shown for _, _, shown in effect.event.chain).lower()
    told = is_mail(effect) or is_shielded(effect) or any(word in names for word in TELLS)
    return "likely" if told and has_queue(effects) else "possible"


def cure(effects: Effects) -> str:
    """Name what the user's own project hands work to."""
    if "celery" in imported(effects):
        return "Make it a task and call .delay(...): a worker does it after the answer."
    if "fastapi" in imported(effects):
        return "Hand it to BackgroundTasks.add_task(...), or to a queue: it is done after the answer."
    return "Hand it to a task queue (Celery, RQ): a worker does it after the answer."


def has_queue(effects: Effects) -> bool:
    """Tell whether the project has something to hand work to."""
    return any(label.startswith("task ") for label in effects.program.labels.values()) or bool(
        imported(effects) & {*QUEUES, "fastapi", "starlette"}
    )


def imported(effects: Effects) -> set[str]:
    """Return the top packages that the project imports."""
    return {top for module in effects.project.modules.values() for top in module.imports}


RULE = Rule(
    name="work-in-request",
    sees=(*WORK, "db.write", "def"),
    spends=("latency",),
    proof=Proof("scenario", "waiting"),
    find=find,
    settle=settle,
)
