"""A task is started and nobody keeps it: it may be gone before it is done, and nobody hears of its failure.

The event loop itself holds tasks only by weak references. One that nothing else refers to can be collected in the
middle of its work, wherever it waits for something that only it knows: CPython 3.10 to 3.13 say "Task was destroyed
but it is pending!" then. An exception in it is told to nobody until the task is collected, and a program that ends
does not wait for it. A task group waits for its tasks; for those that shall go on after the function, keep them in a
set until they are done.

## Slow

```python
import asyncio


async def report(total: int, sent: list[int]) -> None:
    await asyncio.sleep(0)
    sent.append(total)


async def settle(prices: list[int], sent: list[int]) -> int:
    total = sum(prices)
    asyncio.create_task(report(total, sent))
    return total
```

## Fast

```python
import asyncio


async def report(total: int, sent: list[int]) -> None:
    await asyncio.sleep(0)
    sent.append(total)


async def settle(prices: list[int], sent: list[int]) -> int:
    total = sum(prices)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(report(total, sent))
    return total
```

## Input

```python
def make(n: int) -> tuple[list[int], list[int]]:
    return list(range(n)), []
```

## Scenario

The program ends when the prices are settled.

```python
def scenario() -> None:
    sent = []
    asyncio.run(settle([1, 2], sent))
    assert sent == [3], "the report is never sent"
```

## What differs

Slow ends before the report is sent, and it never is.

## When to leave it

Whatever the task does may just as well not happen.
"""

from collections.abc import Iterator
from functools import lru_cache

from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function, Project
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import blocks
from perfwright.rules._contract import Rule
from perfwright.rules._started import TASKS, starts_task

DROPS = (  # what they call and forget what it gives
    *("call_soon", "call_soon_threadsafe", "call_later", "call_at", "add_signal_handler", "add_done_callback"),
    *("add_reader", "add_writer"),
)
WAITS = ("await", "yield", "yieldfrom")


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0:
        return
    helpers = givers(effects.project)
    if function.module.called.isdisjoint(TASKS) and function.module.called.isdisjoint(helpers):
        return
    if not (function.called.isdisjoint(TASKS) and function.called.isdisjoint(helpers)):
        yield from dropped(effects, function.body, set(helpers), loop=False)
    if not function.module.called.isdisjoint(DROPS):
        yield from by_callback(effects)


def dropped(effects: Effects, block: tuple[Node, ...], helpers: set[str], *, loop: bool) -> Iterator[Finding]:
    """Give the tasks that a block starts and does not keep; `loop` says that it runs more than once."""
    for statement in block:
        if statement[0] == "expr":
            for call, chained in made(statement[2]):
                giver = is_task(effects, call, helpers)
                if giver is not None:
                    yield told(effects, call, giver, "possible" if chained else "certain")
        bound = binding(statement)
        if bound is not None:
            name, call = bound
            giver = is_task(effects, call, helpers)
            if giver is not None and not is_used(effects.function, name):
                held = not loop and waits_after(effects.function.body, statement[1])
                yield told(effects, call, giver, "possible" if held else "likely")
        for inner in blocks(statement):
            yield from dropped(effects, inner, helpers, loop=loop or statement[0] in ("for", "while"))


def made(value: Node) -> Iterator[tuple[Node, bool]]:
    """Give the calls whose results a statement throws away, and whether a method of the result was called."""
    if value[0] == "call":
        yield value, False
        called = value[2]
        if called[0] == "attr" and called[2][0] == "call":
            yield called[2], True
    elif value[0] == "if":
        yield from made(value[3])
        yield from made(value[4])
    elif value[0] == "bool":
        yield from made(value[3][-1])
    elif value[0] == "comp":
        yield from made(value[3])
    elif value[0] == "coll":
        for item in value[3]:
            yield from made(item)


def is_task(effects: Effects, call: Node, helpers: set[str]) -> tuple[Function, ...] | None:
    """Return the helper that makes the task that a call gives, none where the call itself does; None for no task."""
    if starts_task(effects.project, effects.function, call):
        return ()
    called = call[2]
    if called[0] not in ("name", "attr") or called[-1] not in helpers:
        return None
    entity = effects.project.expression(effects.function.module, called)
    if isinstance(entity, Function) and entity in givers(effects.project)[called[-1]]:
        effects.program.interpreter.consulted.add(entity)
        return (entity,)
    return None


def binding(statement: Node) -> tuple[Node, Node] | None:
    """Return the name that a statement gives to what a call makes, and the call."""
    if statement[0] == "assign" and len(statement[2]) == 1:
        target, value = statement[2][0], statement[3]
    elif statement[0] == "ann":
        target, value = statement[2], statement[4]
    else:
        return None
    return (target, value) if target[0] == "name" and value is not None and value[0] == "call" else None


def is_used(function: Function, target: Node) -> bool:
    """Tell whether a name that a task is assigned to is read anywhere, also by functions inside."""
    name = target[2]
    bindings = {id(each) for node in walk(function.body) for each in targets(node)}
    if any(node[0] == "name" and node[2] == name and id(node) not in bindings for node in walk(function.body)):
        return True
    if any(other.outer == function.index and name in names_in(other.body) for other in function.module.functions):
        return True
    return function.binds_globals and name in function.module.names


def targets(node: Node) -> tuple[Node, ...]:
    return tuple(node[2]) if node[0] == "assign" else (node[2],) if node[0] == "ann" else ()


def waits_after(body: tuple[Node, ...], position: int) -> bool:
    """Tell whether a function goes on waiting after a place: until then its names keep what they hold."""
    for node in walk(body):
        if node[1] > position and (
            node[0] in WAITS or (node[0] == "with" and node[4]) or (node[0] == "for" and node[6])
        ):
            return True
    return False


def told(effects: Effects, call: Node, giver: tuple[Function, ...], sure: Confidence) -> Finding:
    work = call[3][0] if call[3] else call
    chain: tuple[Step, ...] = (effects.step(effects.function, call[1], text(call)),)
    if giver:
        chain = (*chain, effects.step(giver[0], giver[0].line << 12, giver[0].name))
    keep = "tasks.add(task); task.add_done_callback(tasks.discard)"
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, call[1]),
        symbol=text(work[2], 200) if work[0] == "call" else text(work, 200),
        message=f"nobody keeps the task of `{text(work)}`: it may be gone before it is done, its failure unheard",
        cure=f"Keep it until it is done: {keep}. Or start it in an asyncio.TaskGroup.",
        confidence=sure,
        chain=chain,
        cost=Cost(terms=(Term("grow", ()),)),
    )


def by_callback(effects: Effects) -> Iterator[Finding]:
    """Give the tasks that a callback starts and hands to somebody who forgets them."""
    for node in walk(effects.function.body):
        if node[0] != "call" or node[2][0] != "attr" or node[2][3] not in DROPS:
            continue
        for index, argument in enumerate(node[3]):
            if argument[0] == "lambda" and argument[3][0] == "call":
                if starts_task(effects.project, effects.function, argument[3]):
                    yield told(effects, argument[3], (), "likely")
            elif argument[0] in ("name", "attr") and argument[-1] in TASKS:
                call = ("call", argument[1], argument, node[3][index + 1 :], ())
                if starts_task(effects.project, effects.function, call):
                    yield told(effects, call, (), "likely")


@lru_cache(maxsize=1)
def givers(project: Project) -> dict[str, list[Function]]:
    """Return the functions of a project that start a task and give it to their caller, kept by nobody, by name."""
    found: dict[str, list[Function]] = {}
    for module in project.modules.values():
        if module.called.isdisjoint(TASKS):
            continue
        for function in module.functions:
            if not function.is_async and not function.called.isdisjoint(TASKS) and gives_task(project, function):
                found.setdefault(function.name, []).append(function)
    return found


def gives_task(project: Project, function: Function) -> bool:
    """Tell whether a function returns a task that it has made and does nothing else with it."""
    for node in walk(function.body):
        if node[0] != "return" or node[2] is None:
            continue
        if node[2][0] == "call" and starts_task(project, function, node[2]):
            return True
    return False


RULE = Rule(name="lost-task", sees=("def",), spends=("hazard",), proof=Proof("scenario", "lost"), find=find)
