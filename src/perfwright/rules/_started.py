"""What is started and goes on beside the code that starts it: tasks, threads, and what bounds how many."""

import re
from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Project, Value
from perfwright.index.tree import text, walk

TASKS = ("create_task", "ensure_future")
OF_ASYNCIO = (
    "asyncio.create_task",
    "asyncio.ensure_future",
    "asyncio.tasks.create_task",
    "asyncio.tasks.ensure_future",
)
LOOPS = re.compile(r"(^|[._])(loop|get_event_loop\(\)|get_running_loop\(\)|new_event_loop\(\))$")
# A name that says that only so many go on at a time.
LIMITED = re.compile(
    r"(^|[_.])(sem|sema|semaphore|limit|limiter|throttle|throttler|rate|slot|slots|bucket|concurrency|permit|permits"
    r"|quota|gate|capacity|ratelimit|bounded|limited|lock|mutex)s?([_.(\[]|$)"
    r"|[a-z](Semaphore|Limiter|Throttl\w*|RateLimit\w*|Bucket|Lock)"
    r"|^(Bounded)?(Semaphore|CapacityLimiter|AsyncLimiter|Limiter|Lock)"
)
LIMITERS = re.compile(r"Semaphore|Limiter|Throttl|Lock$")
# What a program has a few of.
FEW = frozenset(
    (
        *(
            "batch",
            "chunk",
            "page",
            "window",
            "worker",
            "server",
            "service",
            "agent",
            "tool",
            "provider",
            "node",
            "shard",
        ),
        *("replica", "backend", "host", "source", "queue", "consumer", "producer", "channel", "plugin", "handler"),
        *("listener", "engine", "exchange", "region", "cluster", "model", "strategy", "check", "hook"),
        *("method", "callback", "stage", "step", "pipeline", "client", "connection", "device", "proxy"),
        *("process", "thread", "coro", "attempt", "stream", "optional", "interface"),
    )
)
# Calls that no thread is interrupted in, or that make a value of what they are given and nothing more.
SIMPLE = frozenset(
    (
        *("len", "int", "float", "str", "bool", "abs", "round", "isinstance", "type", "id", "ord", "chr", "hash"),
        *("perf_counter", "monotonic", "time"),
    )
)
WRAPPED = re.compile(r"^(?:enumerate|list|sorted|reversed|zip|tuple|set)\((.*)\)$")
VIEWED = re.compile(r"\.(?:items|values|keys|copy)\(\)$")


def starts_task(project: Project, function: Function, call: Node) -> bool:
    """Tell whether a call makes a task that nothing but its caller keeps: asyncio's, not a task group's."""
    called = call[2]
    if called[0] not in ("name", "attr") or called[-1] not in TASKS:
        return False
    if text(called) in OF_ASYNCIO or str(project.expression(function.module, called)) in OF_ASYNCIO:
        return True
    return bool(called[0] == "attr" and LOOPS.search(text(called[2], 200)))


def are_few(over: str) -> bool:
    """Tell whether a collection is named like one that a program has a few of, however much data there is."""
    inner = WRAPPED.match(over)
    name = VIEWED.sub("", inner[1] if inner else over).rpartition(".")[2].lower()
    return any(
        each in FEW
        for word in re.findall(r"[a-z]+", name)
        for each in (word, word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word))
    )


def is_limited(effects: Effects, function: Function, tree: object) -> bool:
    """Tell whether some code of a function waits for leave: a semaphore, a limiter, a lock."""
    for node in walk(tree):
        if node[0] == "with" and any(limits(effects, function, item) for item, _ in node[2]):
            return True
        if node[0] == "call" and node[2][0] == "attr" and node[2][3] == "acquire":
            return True
    return False


def limits(effects: Effects, function: Function, item: Node) -> bool:
    """Tell whether entering something waits until few enough others are inside."""
    if LIMITED.search(text(item, 200)):
        return True
    if any(parameter[0] == item[2] and LIMITERS.search(text(parameter[1])) for parameter in function.parameters):
        return True
    return any(LIMITERS.search(name) for name in made_by(effects, function, item))


def made_by(effects: Effects, function: Function, node: Node) -> Iterator[str]:
    """Give the last names of the calls that what a name or an attribute stands for is made by."""
    for value in bound_to(effects, function, node):
        if value[0] == "call" and value[2][0] in ("name", "attr"):
            yield str(value[2][-1])


def bound_to(effects: Effects, function: Function, node: Node) -> list[Node]:
    """Return what a name is bound to here, in a function around or in its module, or an attribute in its class."""
    if node[0] == "call":
        return [node]
    if node[0] == "name":
        scope: Function | None = function
        while scope is not None:
            found = assigned(scope.body, node[2])
            if found:
                return found
            scope = scope.module.functions[scope.outer] if scope.outer >= 0 else None
        entity = effects.project.lookup(function.module, node[2])
        return [entity.expression] if isinstance(entity, Value) and entity.expression is not None else []
    if node[0] == "attr" and node[2][0] == "name" and function.owner is not None:
        return set_on(effects.project, function.owner, node[3])
    return []


def assigned(body: object, name: str) -> list[Node]:
    """Return the values that a block assigns to a name."""
    return [value for target, value in bindings(body) if target[0] == "name" and target[2] == name]


def bindings(body: object) -> Iterator[tuple[Node, Node]]:
    """Give what is assigned to in a tree, each with its value; of `a, b = c, d` each by itself."""
    for node in walk(body):
        if node[0] == "ann" and node[4] is not None:
            yield node[2], node[4]
        elif node[0] == "assign":
            for target in node[2]:
                if target[0] == "coll" and node[3][0] == "coll" and len(target[3]) == len(node[3][3]):
                    yield from zip(target[3], node[3][3], strict=True)
                else:
                    yield target, node[3]


def set_on(project: Project, cls: Class, name: str) -> list[Node]:
    """Return the values that the methods of a class and of its bases give to an attribute."""
    found: list[Node] = []
    for base in project.mro(cls):
        if not isinstance(base, Class):
            continue
        for index in base.setters.get(name, ()):
            body = base.module.functions[index].body
            found += [value for target, value in bindings(body) if target[0] == "attr" and target[3] == name]
        binding = base.names.get(name)
        if binding is not None and binding[0] == "value" and binding[1] is not None:
            found.append(binding[1])
    return found
