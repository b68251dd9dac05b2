"""A cache without a bound keeps an answer for every key that ever came, and keys come from outside.

A dictionary of a module, or `functools.cache`, never forgets. Where its keys are user ids, addresses or search words,
it grows until the process is killed. A bound costs nothing: `lru_cache(maxsize=...)`, or a cache that lets entries go.

## Setup

```python
# file: web.py
from fastapi import FastAPI

app = FastAPI()
```

## Slow

```python
from functools import cache

from web import app


@cache
def words(query: str) -> tuple[str, ...]:
    return tuple(sorted(query.lower().split()))


@app.get("/search")
def search(query: str) -> tuple[str, ...]:
    return words(query)
```

## Fast

```python
from functools import lru_cache

from web import app


@lru_cache(maxsize=100)
def words(query: str) -> tuple[str, ...]:
    return tuple(sorted(query.lower().split()))


@app.get("/search")
def search(query: str) -> tuple[str, ...]:
    return words(query)
```

## Input

```python
def make(n: int) -> str:
    return " ".join(f"word{i}" for i in range(n))
```

## When to leave it

There are only so many keys, or the process ends soon.
"""

from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.growth import Growing
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function, Module
from perfwright.index.tree import text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._kept import is_plain, is_registry, key_of, last, looked_up, open_ended
from perfwright.rules._memos import (
    Memo,
    calls_to,
    is_finite,
    is_method,
    is_of_request,
    memo_of,
    memos,
    varied,
)

LETS_GO = ("pop", "popitem", "clear", "evict", "expire", "prune", "purge")
FROM_OUTSIDE = ("pk", "id", "uuid", "email", "user", "username", "token", "url", "query", "session", "ip", "address")


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if "def" in effects.reading.seen:
        if function.decorators and function.outer < 0 and not is_method(function):
            memo = memo_of(effects.project, function)
            if memo is not None and memo.bound is None:
                yield from keyed_by_request(effects, function, memo)
        yield from asked(effects)
    if "grow" in effects.reading.seen:
        told = set()
        for effect in effects.effects("grow"):
            found = effect.event.detail
            if len(effect.event.chain) == 1 and isinstance(found, Growing) and (found.name, found.owner) not in told:
                finding = filled(effects, effect, found)
                if finding is not None:
                    told.add((found.name, found.owner))
                    yield finding


def settle(finding: Finding) -> Finding:
    """What nothing from outside is known to lead to is only possible, unless its keys say that they come from there."""
    named = any("rows" in term.sizes for term in finding.cost.terms)
    if finding.confidence == "likely" and not finding.entry_points and not named:
        return replace(finding, confidence="possible")
    return finding


# ------------------------------------------------------------------------------ by a decorator
def keyed_by_request(effects: Effects, function: Function, memo: Memo) -> Iterator[Finding]:
    """A function whose decorator keeps an answer for an object that belongs to one request."""
    for parameter in function.parameters:
        if is_of_request(effects, function, parameter):
            yield remembered(
                effects,
                function,
                memo,
                f"`{parameter[0]}`",
                why=f"and each request has a `{parameter[0]}` of its own",
                cure=f"Leave what belongs to one request out of the key of `{function.name}`, and give it a bound.",
                sizes=("rows",),
            )
            return


def asked(effects: Effects) -> Iterator[Finding]:
    """Give the functions that keep all their answers and that this one asks for anything at all."""
    known = memos(effects.project).functions
    if effects.function.index < 0 or effects.function.module.called.isdisjoint(known):
        return
    for node, called in calls_to(effects, set(known)):
        for function, memo in known[node[2][-1]]:
            if called not in (function, None) or memo.bound is not None or function is effects.function:
                continue
            own = function.parameters[1:] if of_class(function) else function.parameters
            named = [f"`{parameter[0]}`" for parameter in own if not is_finite(effects, function, parameter)]
            if named and varied(node):
                yield remembered(
                    effects,
                    function,
                    memo,
                    ", ".join(named),
                    why="and keeps all of them",
                    cure="Give it a bound: lru_cache(maxsize=10_000).",
                    sizes=("items",),
                    step=effects.step(effects.function, node[1], text(node)),
                )


def of_class(function: Function) -> bool:
    return any(text(decorator) == "classmethod" for decorator in function.decorators)


def remembered(
    effects: Effects,
    function: Function,
    memo: Memo,
    named: str,
    *,
    why: str,
    cure: str,
    sizes: tuple[str, ...],
    step: Step | None = None,
) -> Finding:
    first = effects.step(function, memo.node[1], text(memo.node))
    return Finding(
        rule=RULE.name,
        place=effects.place(function, memo.node[1]),
        symbol=function.name,
        message=f"`{text(memo.node)}` keeps an answer for every {named} that `{function.name}` was ever given, {why}",
        cure=cure,
        confidence="likely",
        chain=(first,) if step is None else (step, first),
        cost=Cost(terms=(Term("grow", sizes),)),
    )


# ------------------------------------------------------------------------------ by hand
def filled(effects: Effects, effect: Effect, found: Growing) -> Finding | None:
    """Return what to say of a dictionary that answers are looked up in, and put into where they are missing."""
    node, function = effect.event.node, effect.function
    key = key_of(node)
    if node is None or key is None or not is_plain(effects, found):
        return None
    if not looked_up(function, found.name) or lets_go(effects, found) or is_registry(function, found.name):
        return None
    parameters = open_ended(effects, function, key)
    if not parameters:
        return None
    words = {word for name in parameters for word in name.lower().split("_")}
    whose = {"module": "the module", "class": "the class", "instance": "an object of the module"}[found.owner]
    return effects.finding(
        RULE.name,
        effect,
        f"`{effect.event.symbol}` keeps an answer for every `{text(key)}` that ever came: it belongs to {whose}",
        cure="Bound it: functools.lru_cache(maxsize=...), cachetools.TTLCache, or drop the oldest entries.",
        confidence="likely",
        terms=(Term("grow", ("rows" if words.intersection(FROM_OUTSIDE) else "items",)),),
    )


def lets_go(effects: Effects, found: Growing) -> bool:
    """Tell whether anything in the module takes entries out of a collection, counts them, or starts it anew."""
    if found.module is not effects.function.module:
        effects.program.interpreter.consulted.update(found.module.functions)
    return any(drops(node, found.name) for node in parts(found.module))


def parts(module: Module) -> Iterator[Node]:
    for function in module.functions:
        if function.name != "__init__":
            yield from walk(function.body)


def drops(node: Node, name: str) -> bool:
    tag = node[0]
    if tag == "call":
        called = node[2]
        if called[0] == "attr" and last(called[2]) == name:
            return called[3] in LETS_GO
        counts = called[0] == "name" and called[2] == "len" and node[3] and last(node[3][0]) == name
        return bool(counts or any(last(part) == name and part[0] == "attr" for part in node[3]))
    if tag == "del":
        return any(target[0] == "sub" and last(target[2]) == name for target in node[2])
    if tag == "assign":
        return any(last(target) == name for target in node[2])
    return tag == "ann" and last(node[2]) == name


RULE = Rule(
    name="unbounded-cache", sees=("def", "grow"), spends=("hazard",), proof=Proof.peak("n"), find=find, settle=settle
)
