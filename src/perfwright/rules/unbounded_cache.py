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
from dataclasses import replace

from perfwright.effects.growth import Growing
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import statements
from perfwright.rules._contract import Rule
from perfwright.rules._kept import is_kept
from perfwright.rules._memos import (
    KINDS,
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
MAKES = ("dict", "defaultdict", "OrderedDict", "list", "set")
FROM_OUTSIDE = ("pk", "id", "uuid", "email", "user", "username", "token", "url", "query", "session", "ip", "address")
TYPED = ("__class__", "__name__", "__qualname__", "__module__", "_meta", "__table__")


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
            if not is_kept(effects.project, found.cls):
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


def is_registry(function: Function, name: str) -> bool:
    """Tell whether a function enters things in a list of its own making: what is there already is a mistake."""
    if re.match(r"_*(register|add|subscribe|connect|bind|define|declare)(_|$)", function.name):
        return True
    for statement in statements(function.body):
        refuses = statement[0] == "if" and statement[3] and statement[3][-1][0] == "raise"
        if refuses and name in text(statement[2], 200):
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


RULE = Rule(
    name="unbounded-cache", sees=("def", "grow"), spends=("hazard",), proof=Proof.peak("n"), find=find, settle=settle
)
