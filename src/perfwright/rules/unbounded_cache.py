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


@lru_cache(maxsize=10_000)
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

import re
from collections.abc import Iterator

from perfwright.effects.growth import Growing
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._memos import (
    KINDS,
    calls_of,
    is_finite,
    is_of_request,
    memo_of,
    reached,
    varied,
)

LETS_GO = ("pop", "popitem", "clear", "evict", "expire", "prune", "purge")
MAKES = ("dict", "defaultdict", "OrderedDict", "list", "set")
FROM_OUTSIDE = ("pk", "id", "uuid", "email", "user", "username", "token", "url", "query", "session", "ip", "address")
TYPED = ("__class__", "__name__", "__qualname__", "__module__", "_meta", "__table__")


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.decorators and "def" in effects.reading.seen:
        yield from remembered(effects, function)
    if "grow" in effects.reading.seen:
        told = set()
        for effect in effects.effects("grow"):
            found = effect.event.detail
            if len(effect.event.chain) == 1 and isinstance(found, Growing) and (found.name, found.owner) not in told:
                finding = filled(effects, effect, found)
                if finding is not None:
                    told.add((found.name, found.owner))
                    yield finding


# ------------------------------------------------------------------------------ by a decorator
def remembered(effects: Effects, function: Function) -> Iterator[Finding]:
    """A function whose decorator keeps all its answers."""
    method = function.owner is not None and not {"staticmethod", "classmethod"} & effects.decorators
    memo = memo_of(effects, function) if not method and function.outer < 0 else None
    if memo is None or memo.bound is not None:
        return
    own = function.parameters[1:] if "classmethod" in effects.decorators else function.parameters
    open_ended = [parameter for parameter in own if not is_finite(effects, function, parameter)]
    if not open_ended:
        return
    request = next((parameter for parameter in open_ended if is_of_request(effects, function, parameter)), None)
    named = ", ".join(f"`{parameter[0]}`" for parameter in open_ended)
    why = "and keeps all of them" if request is None else f"and each request has a `{request[0]}` of its own"
    yield Finding(
        rule=RULE.name,
        place=effects.place(function, memo.node[1]),
        symbol=function.name,
        message=f"`{text(memo.node)}` keeps an answer for every {named} that `{function.name}` was ever given, {why}",
        cure=cure(function, of_request=request is not None),
        confidence="likely" if request is not None or from_outside(effects, function) else "possible",
        chain=(effects.step(function, memo.node[1], text(memo.node)),),
        cost=Cost(terms=(Term("grow", ("items",)),)),
    )


def cure(function: Function, *, of_request: bool) -> str:
    if of_request:
        return f"Leave what belongs to one request out of the key of `{function.name}`, and give the cache a bound."
    return "Give it a bound: lru_cache(maxsize=10_000)."


def from_outside(effects: Effects, function: Function) -> bool:
    """Tell whether requests lead to a function with arguments that are not always the same few."""
    if not reached(effects, function):
        return False
    return any(varied(node, caller) for caller, node in calls_of(effects, function.name) if caller is not function)


# ------------------------------------------------------------------------------ by hand
def filled(effects: Effects, effect: Effect, found: Growing) -> Finding | None:
    """Return what to say of a dictionary that answers are looked up in, and put into where they are missing."""
    node, function = effect.event.node, effect.function
    key = key_of(node)
    if node is None or key is None or not is_plain(effects, found):
        return None
    if not looked_up(function, found.name) or lets_go(found) or is_registry(function, found.name):
        return None
    parameters = open_ended(effects, function, key)
    if not parameters:
        return None
    whose = {"module": "the module", "class": "the class", "instance": "an object of the module"}[found.owner]
    return effects.finding(
        RULE.name,
        effect,
        f"`{effect.event.symbol}` keeps an answer for every `{text(key)}` that ever came: it belongs to {whose}",
        cure="Bound it: functools.lru_cache(maxsize=...), cachetools.TTLCache, or drop the oldest entries.",
        confidence=confidence(effects, function, parameters),
        terms=(Term("grow", ("items",)),),
    )


def key_of(node: Node | None) -> Node | None:
    """Return the key that something is put under: `cache[key] = x`, `cache.setdefault(key, x)`."""
    if node is None:
        return None
    if node[0] == "sub":
        return node[3]  # type: ignore[no-any-return]
    if node[0] == "call" and node[2][0] == "attr" and node[2][3] == "setdefault" and node[3]:
        return node[3][0]  # type: ignore[no-any-return]
    return None


def is_plain(effects: Effects, found: Growing) -> bool:
    """Tell whether a collection is a dictionary of Python that lives as long as the program."""
    if found.owner == "module":
        binding = found.module.names.get(found.name)
    elif found.cls is not None:
        binding = found.cls.names.get(found.name)
        if binding is None or found.owner == "instance":
            if not is_kept(effects, found.cls):
                return False
            binding = set_in(found.cls, found.name) or binding
    else:
        return False
    expression = binding[1] if binding is not None and binding[0] == "value" else None
    if expression is None:
        return False
    if expression[0] == "dict":
        return True
    return bool(
        expression[0] == "call" and text(expression[2]).rpartition(".")[2] in MAKES and not has_bound(expression)
    )


def has_bound(expression: Node) -> bool:
    return any(name in ("maxlen", "maxsize") for name, _ in expression[4])


def set_in(cls: Class, name: str) -> Node | None:
    """Return the binding that a method of a class gives to an attribute."""
    for index in cls.setters.get(name, ()):
        for node in walk(cls.module.functions[index].body):
            targets = node[2] if node[0] == "assign" else (node[2],) if node[0] == "ann" else ()
            if any(target[0] == "attr" and target[3] == name for target in targets):
                return ("value", node[3] if node[0] == "assign" else node[4], None)
    return None


def is_kept(effects: Effects, cls: Class) -> bool:
    """Tell whether an object of a class is made at the top of a module: it lives as long as the program."""
    return any(
        binding[0] == "value" and binding[1] is not None and binding[1][0] == "call" and binding[1][2][-1] == cls.name
        for module in effects.project.modules.values()
        if cls.name in module.called
        for binding in module.names.values()
    )


def looked_up(function: Function, name: str) -> bool:
    """Tell whether a function also looks up what it puts into a collection."""
    for node in walk(function.body):
        if node[0] == "cmp" and node[3][0] in ("in", "not in") and last(node[4][0]) == name:
            return True
        if (
            node[0] == "call"
            and node[2][0] == "attr"
            and node[2][3] in ("get", "setdefault")
            and last(node[2][2]) == name
        ):
            return True
        if node[0] == "try" and any(n[0] == "sub" and last(n[2]) == name for n in walk(node[2])):
            return True
    return False


def last(node: Node) -> str:
    """Return the last name of a name or an attribute."""
    return str(node[2]) if node[0] == "name" else str(node[3]) if node[0] == "attr" else ""


def lets_go(found: Growing) -> bool:
    """Tell whether anything in the module takes entries out of a collection, counts them, or starts it anew."""
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


def is_registry(function: Function, name: str) -> bool:
    """Tell whether a function enters things in a list of its own making: what is there already is a mistake."""
    if re.match(r"_*(register|add|subscribe|connect|bind|define|declare)(_|$)", function.name):
        return True
    for node in walk(function.body):
        if node[0] == "if" and name in text(node[2], 200) and node[3] and node[3][-1][0] == "raise":
            return True
    return False


def open_ended(effects: Effects, function: Function, key: Node) -> set[str]:
    """Return the parameters that a key is made of and that may be anything."""
    if any(node[0] == "attr" and node[3] in TYPED for node in walk(key)):
        return set()
    if any(node[0] == "call" and node[2][:3:2] in (("name", "type"), ("name", "id")) for node in walk(key)):
        return set()
    made: dict[str, set[str]] = {}
    for node in walk(function.body):
        if node[0] == "assign":
            for target in node[2]:
                if target[0] == "name" and not any(n[0] == "attr" and n[3] in TYPED for n in walk(node[3])):
                    made.setdefault(target[2], set()).update(names_in(node[3]))
    names = names_in(key)
    for _ in range(3):
        names = names.union(*(made.get(name, set()) for name in names))
    if any(word in KINDS for name in names_in(key) for word in name.lower().split("_")):
        return set()
    return {
        parameter[0]
        for parameter in function.parameters
        if parameter[0] in names and not is_finite(effects, function, parameter)
    }


def confidence(effects: Effects, function: Function, parameters: set[str]) -> Confidence:
    if effects.entry or reached(effects, function):
        return "likely"
    words = {word for name in parameters for word in name.lower().split("_")}
    return "likely" if words.intersection(FROM_OUTSIDE) else "possible"


RULE = Rule(name="unbounded-cache", sees=("def", "grow"), spends=("hazard",), proof=Proof.peak("n"), find=find)
