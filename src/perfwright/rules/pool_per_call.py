"""A pool of threads or processes, a thread or an event loop is made for each call, and thrown away after it.

On one machine a pool of four threads took 0.6 ms to make, use once and close, an event loop 0.2 ms, a thread 0.1 ms and
a pool of two processes 11 ms, where a pool that is there takes 0.04 ms. Nor does a pool of its own bound anything: ten
requests at a time have ten pools. What was made in an event loop, such as a client with its connections, ends with it.

## Slow

```python
from concurrent.futures import ThreadPoolExecutor


def size(word: str) -> int:
    return len(word)


def sizes(texts: list[list[str]]) -> list[int]:
    found = []
    for words in texts:
        with ThreadPoolExecutor(4) as pool:
            found.append(sum(pool.map(size, words)))
    return found
```

## Fast

```python
from concurrent.futures import ThreadPoolExecutor


def size(word: str) -> int:
    return len(word)


def sizes(texts: list[list[str]]) -> list[int]:
    found = []
    with ThreadPoolExecutor(4) as pool:
        for words in texts:
            found.append(sum(pool.map(size, words)))
    return found
```

## Input

```python
def make(n: int) -> list[list[str]]:
    return [["a", "bc", "def"] for _ in range(n)]
```

## When to leave it

The work that each pool is made for takes seconds, or the function runs once in the life of the program.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.rules._anew import caller, is_lazy
from perfwright.rules._contract import Rule
from perfwright.rules._found import is_job
from perfwright.rules._started import are_few

KINDS = (  # the ends of names of what is made
    ("ProcessPoolExecutor", "pool of processes"),
    ("ThreadPoolExecutor", "pool of threads"),
    ("ThreadPool", "pool of threads"),
    ("Pool", "pool of processes"),
    ("Process", "process"),
    ("Thread", "thread"),
    ("Runner", "event loop"),
    (".run", "event loop"),
    ("new_event_loop", "event loop"),
)
CURES = {
    "pool of threads": "Make one executor for the program (module, app state or lifespan) and submit to it.",
    "pool of processes": "Make one pool of processes for the program, with the workers it may have, and submit to it.",
    "process": "Give the work to one pool of processes of the program.",
    "thread": "Give the work to one executor of the program: pool.submit(...); it has so many threads and no more.",
    "event loop": "Run one event loop: one asyncio.run(main()) that awaits all of them, or an async handler.",
}
WORKERS = 4  # processes of a pool that does not say how many
FAR = 4  # links of a chain: further away it is seldom made as often as the loop runs
SLOW = ("llm.call", "http.request", "model.load", "connect")  # beside them a pool costs nothing


def find(effects: Effects) -> Iterator[Finding]:
    for effect in effects.effects("pool"):
        event = effect.event
        if event.once or event.multiplied or event.rare or is_lazy(event.leaf):
            continue
        kind = kind_of(effect)
        looped = bool(event.loops) and effect.loop is not None
        if looped and kind in ("thread", "process"):
            continue  # how many there are is the question: unbounded-concurrency
        per = f"pass over `{effect.loop.over}`" if looped and effect.loop is not None else caller(effects)
        if not per or (not looped and is_job((effects.entry,))):
            continue
        function, position, made = event.chain[-1]
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, position),
            symbol=event.symbol,
            message=f"a new {kind} for every {per}: `{made}`",
            cure=CURES[kind],
            confidence=confidence(effects, effect, looped, kind),
            chain=effects.chain(effect),
            cost=Cost(terms=(term(effect, kind),)),
        )


def kind_of(effect: Effect) -> str:
    name = effect.event.model.name if effect.event.model is not None else effect.event.symbol
    return next((kind for end, kind in KINDS if name.endswith(end)), "thread")


def term(effect: Effect, kind: str) -> Term:
    """Return the cost: processes by their number, all else as one pool."""
    sizes = tuple(str(loop.size) for loop in effect.event.loops)
    if kind == "pool of processes":
        return Term("process.spawn", (*sizes, str(workers(effect.event.node))))
    return Term("process.spawn" if kind == "process" else "pool", sizes)


def workers(node: Node | None) -> int:
    """Return how many processes a pool says that it has."""
    if node is None or node[0] != "call":
        return WORKERS
    given = [*node[3][:1], *(value for name, value in node[4] if name in ("max_workers", "processes"))]
    if given and given[-1][0] == "const" and isinstance(given[-1][2], int):
        return given[-1][2]
    return WORKERS


def confidence(effects: Effects, effect: Effect, looped: bool, kind: str) -> Confidence:
    event = effect.event
    if len(event.chain) > FAR or not event.certain:
        return "possible"
    if not looped:
        return "likely"
    if effect.loop is not None and are_few(effect.loop.over):
        return "possible"
    slow = effects.effects(*SLOW) if kind != "event loop" else ()
    if any(loop is effect.loop for each in slow for loop in each.event.loops):
        return "possible"
    return effects.confidence(effect)


RULE = Rule(name="pool-per-call", sees=("pool",), spends=("latency",), proof=Proof.count("pools"), find=find)
