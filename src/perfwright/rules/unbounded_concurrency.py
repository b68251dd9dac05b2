"""One task or thread is started for each item, all at once: nothing says how many may go on at a time.

Ten requests at a time are quicker than one. Ten thousand at a time are ten thousand open connections, buffers and
answers: the other side turns them away, clients time out while they wait for a connection of their own pool, and the
process runs out of files or memory. A semaphore keeps as many on their way as the other side can bear.

## Slow

```python
import asyncio

import httpx


async def fetch(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(f"http://example.test/{path}")
    return answer.text


async def pages(client: httpx.AsyncClient, paths: list[str]) -> list[str]:
    return await asyncio.gather(*(fetch(client, path) for path in paths))
```

## Fast

```python
import asyncio

import httpx


async def fetch(client: httpx.AsyncClient, path: str, free: asyncio.Semaphore) -> str:
    async with free:
        answer = await client.get(f"http://example.test/{path}")
    return answer.text


async def pages(client: httpx.AsyncClient, paths: list[str]) -> list[str]:
    free = asyncio.Semaphore(10)
    return await asyncio.gather(*(fetch(client, path, free) for path in paths))
```

## Input

```python
import httpx


def make(n: int) -> tuple[httpx.AsyncClient, list[str]]:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, text=request.url.path))
    return httpx.AsyncClient(transport=transport), [str(i) for i in range(n)]
```

## Scenario

A hundred pages are fetched from a server that turns away whoever comes when twenty others are still being served.

```python
from scene import Answer, Meeting, Request, service


def scenario() -> None:
    def answer(request: Request) -> Answer:
        return (503, "busy") if crowd.wait() else (200, "a page")

    async def fetched() -> list[str]:
        async with httpx.AsyncClient(proxy=address) as client:
            return await pages(client, [str(i) for i in range(100)])

    crowd = Meeting(21)
    with service(answer) as address:
        busy = asyncio.run(fetched()).count('"busy"')
    assert not busy, f"{busy} of 100 pages are not served: too many are asked for at once"
```

## When to leave it

There are only ever a few items, or the client that all of them share has a limit of its own and no timeout for those
who wait for it. `asyncio.to_thread` and a thread pool with `max_workers` bound themselves.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Loop
from perfwright.effects.iteration import looks_few, takes_batches
from perfwright.effects.summary import FAR, Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import path_to
from perfwright.rules._contract import Rule
from perfwright.rules._started import LIMITED, are_few, assigned, is_limited

ASKS = ("llm.call", "http.request", "process.spawn", "connect", "db.query", "db.write", "file.read", "file.write")
TOGETHER = ("gather", "wait", "as_completed")
WAITED = (*TOGETHER, "wait_for")
SOON = ("start_soon", "create_task", "ensure_future", "start")
THREADS = ("Thread", "Process", "Timer")
STARTS = frozenset((*TOGETHER, *SOON, *THREADS, "map"))
POOLS = ("ThreadPoolExecutor", "ThreadPool")
BOUNDED = ("min", "islice", "batched", "sample", "head", "nlargest", "nsmallest")
PASSING = ("zip", "enumerate", "sorted", "list", "reversed")  # give as many as they are given
BY_CLIENT = ("TCPConnector", "Limits", "DefaultAsyncHttpxClient")  # somebody has thought of how many connections
WHAT = {
    "llm.call": "call of a language model",
    "http.request": "request",
    "process.spawn": "process",
    "connect": "connection",
    "db.query": "query",
    "db.write": "write",
    "file.read": "open file",
    "file.write": "open file",
}


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0 or function.module.called.isdisjoint((*STARTS, *POOLS)):
        return
    if "def" in effects.reading.seen and not function.called.isdisjoint(POOLS):
        yield from pools(effects)
    if function.called.isdisjoint(STARTS):
        return
    told: set[int] = set()
    for name in ASKS:
        for effect in effects.repeated(name):
            position = effect.event.chain[0][1]
            if position in told or effect.event.awaited or effect.loop is None:
                continue
            path = path_to(function.body, position)
            kind = started(effects, effect, effect.loop, path)
            if kind and not is_bounded(effects, effect, effect.loop, path):
                told.add(position)
                yield told_of(effects, effect, effect.loop, kind)


def told_of(effects: Effects, effect: Effect, loop: Loop, kind: str) -> Finding:
    node = effect.event.node
    shown = text(node) if node is not None else effect.what
    if kind == "thread":
        message = f"a thread for each item of `{loop.over}`, all at once: `{shown}`"
        cure = "Give them to one ThreadPoolExecutor(max_workers=...): it has so many threads and no more."
    else:
        message = f"one {WHAT[effect.event.effect]} for each item of `{loop.over}`, all at once: `{shown}`"
        cure = "Let a few go on at a time: `async with semaphore:` around what each does, asyncio.Semaphore(10)."
    return effects.finding(
        RULE.name,
        effect,
        message,
        cure=cure,
        symbol=text(node[2], 200) if node is not None and node[0] == "call" else effect.what,
        confidence=confidence(effects, effect, loop, kind),
    )


# ------------------------------------------------------------------------------- how it is started
def started(effects: Effects, effect: Effect, loop: Loop, path: tuple[Node, ...]) -> str:
    """Return as what each pass of a loop starts something that goes on beside it: `task`, `thread`, or nothing."""
    inside = within(loop, path)
    names = [called(node) for node in inside if node[0] == "call"]
    if any(name in THREADS for name in names):
        return "thread" if goes_on(effects, loop) else ""
    if effect.event.aside:
        return ""  # a pool: it has so many threads
    if loop.kind == "callback":
        return "task" if names[-1:] == ["map"] and any(called(node) in TOGETHER for node in path) else ""
    if any(name in SOON for name in names):
        return "" if waits(loop, path) else "task"
    if any(name not in ("append", "add", "") for name in names[:-1]):
        return ""  # something takes it and does with it what it likes
    around = path[: len(path) - len(inside)]
    if loop.kind == "comprehension" and any(node[0] == "call" and called(node) in TOGETHER for node in around):
        return "task"
    return "task" if gathered(effects.function, path) and not waits(loop, path) else ""


def within(loop: Loop, path: tuple[Node, ...]) -> list[Node]:
    """Return the part of a path that each pass of a loop does."""
    for index, node in enumerate(path):
        if any(part is node for part in loop.body):
            return list(path[index:])
    return list(path[-1:])


def called(node: Node) -> str:
    """Return the last name of what a call calls."""
    return str(node[2][-1]) if node[0] == "call" and node[2][0] in ("name", "attr") else ""


def goes_on(effects: Effects, loop: Loop) -> bool:
    """Tell whether the threads that a loop makes run at the same time: none is joined before the next one begins."""
    made = text_of_calls(effects.function.body)
    return "start" in made and "join" not in text_of_calls(loop.body)


def text_of_calls(tree: object) -> set[str]:
    return {called(node) for node in walk(tree) if node[0] == "call"}


def waits(loop: Loop, path: tuple[Node, ...]) -> bool:
    """Tell whether a pass waits for what it, or a pass before, has started."""
    if loop.kind != "for":
        return False
    for node in walk(loop.body):
        if node[0] == "await" and (node[2][0] in ("name", "sub", "attr") or called(node[2]) in WAITED):
            return True
        if node[0] == "if" and "len(" in text(node[2], 200):
            return True  # it stops where there are enough of them
    return any(node[0] == "with" and is_group(node) for node in within(loop, path))


def is_group(statement: Node) -> bool:
    """Tell whether a `with` waits at its end for all that is started in it."""
    return any("TaskGroup" in text(item) or "task_group" in text(item) for item, _ in statement[2])


def gathered(function: Function, path: tuple[Node, ...]) -> bool:
    """Tell whether the coroutines that a loop makes are kept under a name, and that is then waited for as a whole."""
    names: set[str] = set()
    for node in path:
        if node[0] == "assign":
            names |= {target[2] for target in node[2] if target[0] == "name"}
        elif called(node) in ("append", "add") and node[2][0] == "attr" and node[2][2][0] == "name":
            names.add(node[2][2][2])
    return any(
        called(node) in TOGETHER and names & names_in((node[3], node[4]))
        for node in walk(function.body)
        if node[0] == "call"
    )


# ------------------------------------------------------------------------------- how many
def is_bounded(effects: Effects, effect: Effect, loop: Loop, path: tuple[Node, ...]) -> bool:
    """Tell whether only so many go on at a time: few items, parts of a whole, or leave is asked for."""
    function = effects.function
    if is_limited(effects, function, tuple(loop.body)):
        return True
    if any(LIMITED.search(text(node[2], 200)) for node in path if node[0] == "call"):
        return True
    for link in effect.event.chain[1:]:
        if is_limited(effects, link[0], link[0].body) or has_limit(link[0]):
            return True
    for node in path:  # a function of this one's own, whose chain does not name it
        if node[0] == "call" and node[2][0] == "name":
            inner = inner_function(function, node[2][2])
            if inner is not None and is_limited(effects, inner, inner.body):
                return True
    over = over_of(loop, path)
    return over is not None and is_part(function, over, path)


def has_limit(function: Function) -> bool:
    return any(LIMITED.search(text(decorator, 200)) for decorator in function.decorators)


def inner_function(function: Function, name: str) -> Function | None:
    for other in function.module.functions:
        if other.name == name and other.outer == function.index:
            return other
    return None


def over_of(loop: Loop, path: tuple[Node, ...]) -> Node | None:
    """Return the expression that a loop goes over."""
    for node in reversed(path):
        if node[0] == "for" and text(node[3]) == loop.over:
            return node[3]  # type: ignore[no-any-return]
        if node[0] == "comp":
            for generator in node[4]:
                if text(generator[1]) == loop.over:
                    return generator[1]  # type: ignore[no-any-return]
        if called(node) == "map":
            return node[3][1] if len(node[3]) > 1 else None
    return None


def is_part(function: Function, over: Node, path: tuple[Node, ...]) -> bool:
    """Tell whether a loop goes over so many items of a whole: a slice, a batch, what `range` counts to a constant."""
    if over[0] == "sub" and over[3][0] == "slice" and over[3][3] is not None:
        return True
    if over[0] == "call" and called(over) in BOUNDED:
        return True
    if over[0] == "call" and called(over) in PASSING:
        return any(is_part(function, argument, path) for argument in over[3])
    if over[0] != "name":
        return False
    for node in path:
        if node[0] == "for" and over[2] in names_in(node[2]) and takes_batches(node[3]):
            return True
    return any(
        value[0] == "sub" and value[3][0] == "slice" and value[3][3] is not None
        for value in assigned(function.body, over[2])
    )


def confidence(effects: Effects, effect: Effect, loop: Loop, kind: str) -> Confidence:
    event = effect.event
    if event.effect in ("db.query", "db.write", "file.read", "file.write") and kind != "thread":
        return "possible"  # a pool of connections, or the files' own threads, let only so many through
    if len(event.chain) > FAR:
        return "possible"  # what happens far away seldom happens for each item
    if are_few(loop.over) or not effects.function.module.called.isdisjoint(BY_CLIENT):
        return "possible"
    return effects.confidence(effect)


# ------------------------------------------------------------------------------- pools as wide as the input
def pools(effects: Effects) -> Iterator[Finding]:
    """Give the pools of threads that have a thread for each item: their bound is none."""
    function = effects.function
    for node in walk(function.body):
        if called(node) not in POOLS:
            continue
        given = dict(node[4])
        workers = given.get("max_workers", given.get("processes", node[3][0] if node[3] else None))
        if workers is None or called(workers) != "len" or not workers[3]:
            continue
        over = workers[3][0]
        shown = text(over)
        few = looks_few(over) or are_few(shown) or over[0] in ("coll", "dict")
        few = few or (over[0] == "name" and any(is_few(value) for value in assigned(function.body, over[2])))
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, node[1]),
            symbol=text(node[2], 200),
            message=f"a thread for each item of `{shown}`, all at once: `{text(node)}`",
            cure=f"Say how many threads may run at a time: {called(node)}(min(32, len({shown}))).",
            confidence="possible" if few else "likely",
            chain=(effects.step(function, node[1], text(node)),),
            cost=Cost(terms=(Term("wait", ("items",)),)),
        )


def is_few(value: Node) -> bool:
    """Tell whether a collection is written out: it has as many items as it was given here."""
    return value[0] in ("coll", "dict") or (value[0] == "sub" and value[3][0] == "slice")


RULE = Rule(
    name="unbounded-concurrency",
    sees=("def", *ASKS),
    spends=("hazard",),
    proof=Proof("scenario", "at once"),
    find=find,
)
