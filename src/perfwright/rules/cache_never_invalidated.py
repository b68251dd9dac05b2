"""What was read from the database is kept for ever, while other code of the same program changes it.

The first answer is given again until the process ends. Each worker process has read it at another time, so that
answers differ from one request to the next. A cache needs an end: a time after which it reads again, or a line that
clears it where the row is written.

## Setup

```python
# file: store.py
import sqlite3

connection = sqlite3.connect(":memory:", check_same_thread=False)
connection.execute("CREATE TABLE rates (currency TEXT PRIMARY KEY, rate INTEGER)")
connection.execute("INSERT INTO rates VALUES ('EUR', 1)")
```

## Slow

```python
from functools import lru_cache

from store import connection


@lru_cache(maxsize=32)
def rate(currency: str) -> int:
    return connection.execute("SELECT rate FROM rates WHERE currency = ?", (currency,)).fetchone()[0]


def set_rate(currency: str, value: int) -> int:
    connection.execute("UPDATE rates SET rate = ? WHERE currency = ?", (value, currency))
    return value


def change(value: int) -> bool:
    rate("EUR")
    return set_rate("EUR", value) == rate("EUR")
```

## Fast

```python
from functools import lru_cache

from store import connection


@lru_cache(maxsize=32)
def rate(currency: str) -> int:
    return connection.execute("SELECT rate FROM rates WHERE currency = ?", (currency,)).fetchone()[0]


def set_rate(currency: str, value: int) -> int:
    connection.execute("UPDATE rates SET rate = ? WHERE currency = ?", (value, currency))
    rate.cache_clear()
    return value


def change(value: int) -> bool:
    rate("EUR")
    return set_rate("EUR", value) == rate("EUR")
```

## Input

```python
def make(n: int) -> int:
    return n
```

## Scenario

A rate is read, changed, and read again.

```python
def scenario() -> None:
    rate("EUR")
    set_rate("EUR", 2)
    assert rate("EUR") == 2, f"the rate is {rate('EUR')} after 2 was written"
```

## What differs

The slow form goes on with the rate that it read first. In several processes `cache_clear()` reaches only its own: there
a time after which the answer is read again (`cachetools.func.ttl_cache(ttl=60)`) is the surer cure.

## When to leave it

The rows are written once and never again, or the process ends before it matters.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from perfwright.effects.schema import Model
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Rows
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function, Module, Project
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import statements
from perfwright.rules._contract import Rule
from perfwright.rules._memos import is_method, memo_of
from perfwright.rules._same import call_at

ASIDE = re.compile(
    r"(^|[/_])(migrations|alembic|versions|seeds?|fixtures?|conftest|tests?|factor(y|ies)|demo|commands)([/_.]|$)"
)
CHANGES = (
    "update",
    "delete",
    "save",
    "bulk_update",
    "update_or_create",
    "merge",
    "asave",
    "aupdate",
    "adelete",
    "remove",
)
ADDS = ("create", "add", "add_all", "bulk_create", "get_or_create", "insert", "acreate", "bulk_save_objects")
SINGLE = ("get", "aget", "get_by_id", "get_object_or_404", "one", "scalar_one", "in_bulk")
TABLE = re.compile(r"\b(?:FROM|JOIN)\s+[`\"\[]?(\w+)", re.I)
WRITES = re.compile(r"\s*(UPDATE|DELETE\s+FROM|REPLACE\s+INTO|INSERT\s+INTO)\s+[`\"\[]?(\w+)", re.I)
CLEARS = ("pop", "clear", "delete", "delete_many", "delete_pattern", "invalidate", "touch", "expire", "adelete")
SETS = ("set", "get_or_set", "aset")
EXPIRES = ("ex", "px", "exat", "pxat", "timeout", "ttl", "expire", "time", "expiration")

ENOUGH = 2  # writers that are looked for: one of them may be what reads

Source = Model | str  # what was read: a model, or the name of a table


class Kept:
    """A place where an answer is kept: its name, the node that says so, and how it would be cleared."""

    __slots__ = ("cure", "name", "node", "what")

    def __init__(self, name: str, node: Node, what: str, cure: str) -> None:
        self.name, self.node, self.what, self.cure = name, node, what, cure


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0 or function.outer >= 0:
        return
    kept = by_decorator(effects, function) or in_a_name(function) or in_a_cache(effects, function)
    if kept is None:
        return
    for effect in effects.effects("db.query"):
        source = read_from(effects, effect)
        if source is None:
            continue
        writer = written_by(effects, source, function, single=is_single(effect))
        if writer is not None:
            yield told(effects, effect, kept, source, writer)
            return


def is_single(effect: Effect) -> bool:
    """Tell whether a query reads one row by its key, which a new row does not change."""
    call = call_at(effect.event.chain[-1])
    return call is not None and call[0] == "call" and str(call[2][-1]) in SINGLE


def told(effects: Effects, effect: Effect, kept: Kept, source: Source, writer: tuple[Function, Node]) -> Finding:
    function = effects.function
    shown = source if isinstance(source, str) else source.name
    where, node = writer
    steps = (
        *effects.chain(effect),
        effects.step(where, node[1], f"writes {shown}"),
    )
    return Finding(
        rule=RULE.name,
        place=effects.place(function, kept.node[1]),
        symbol=kept.name,
        message=f"{kept.what} keeps what it read of `{shown}` for ever, and `{where.qualified}` changes it",
        cure=kept.cure,
        confidence=confidence(effect),
        chain=steps,
        cost=Cost(terms=(Term("db.query", ()),)),
    )


def confidence(effect: Effect) -> Confidence:
    return "possible" if len(effect.event.chain) > 3 or effect.event.doubtful else "likely"


# ------------------------------------------------------------------------------- kept
def by_decorator(effects: Effects, function: Function) -> Kept | None:
    """Return the decorator by which a function remembers for ever, where nothing in the project clears it."""
    if not function.decorators or (is_method(function) and function.owner is not None):
        return None
    memo = memo_of(effects.project, function)
    if memo is None or "ttl" in memo.name.lower() or cleared(effects.project, function.name, "cache_clear"):
        return None
    name = function.name
    cure = f"Call {name}.cache_clear() where it is written, or keep it for a while: cachetools.func.ttl_cache(ttl=60)."
    return Kept(name, memo.node, f"`{text(memo.node)}` on `{name}`", cure)


def in_a_name(function: Function) -> Kept | None:
    """Return the module's name or dict in which a function keeps what it read: `if _config is None: _config = ...`."""
    module = function.module
    empty = begun_empty(module)
    if not empty:
        return None
    own = {parameter[0] for parameter in function.parameters}
    for statement in statements(function.body):
        if statement[0] != "if":
            continue
        name, what = tested(statement[2])
        if name in own or name not in empty or emptied(module, name, function):
            continue
        for inner in statements(statement[3]):
            for target in inner[2] if inner[0] == "assign" else ():
                base = target[2] if target[0] == "sub" else target
                if base[0] == "name" and base[2] == name and (target[0] == "sub") == (what == "item"):
                    how = f"{name}.pop(key)" if what == "item" else f"set {name} to None"
                    return Kept(
                        name, target, f"`{name}`", f"Where it is written, {how}, or read it again after a while."
                    )
    return None


@lru_cache(maxsize=256)
def begun_empty(module: Module) -> frozenset[str]:
    """Return the names of a module that are bound to None or to an empty dict at its top."""
    found: set[str] = set()
    for name, binding in module.names.items():
        node = binding[1] if binding[0] == "value" else None
        if node is None:
            continue
        empty = (node[0] == "const" and node[2] is None) or (node[0] == "dict" and not node[2])
        if empty or (node[0] == "call" and node[2][-1] in ("dict", "OrderedDict", "defaultdict")):
            found.add(name)
    return frozenset(found)


def tested(test: Node) -> tuple[str, str]:
    """Return the name that a test asks for, and whether it asks for the name itself or for an item of it."""
    if test[0] == "cmp" and len(test[3]) == 1:
        if test[3][0] == "is" and test[2][0] == "name" and test[4][0][0] == "const" and test[4][0][2] is None:
            return str(test[2][2]), "name"
        if test[3][0] == "not in" and test[4][0][0] == "name":
            return str(test[4][0][2]), "item"
    if test[0] == "un" and test[2] == "not" and test[3][0] == "name":
        return str(test[3][2]), "name"
    return "", ""


def emptied(module: Module, name: str, but: Function) -> bool:
    """Tell whether another function of a module lets go of what a name holds, or the name says that it ends."""
    if re.search(r"ttl|expir|timed|request|local", name, re.I):
        return True
    for function in module.functions:
        for node in walk(function.body):
            tag = node[0]
            if tag == "call" and node[2][0] == "attr" and node[2][3] in CLEARS and node[2][2][-1] == name:
                return True
            targets = node[2] if tag in ("assign", "del") else ()
            for target in targets:
                base = target[2] if target[0] == "sub" else target
                if base[0] == "name" and base[2] == name and (function is not but or tag == "del"):
                    return True
    return any(node[0] == "call" and node[2][-1] in ("time", "monotonic", "now", "utcnow") for node in walk(but.body))


def in_a_cache(effects: Effects, function: Function) -> Kept | None:
    """Return the call that puts an answer into a shared cache without an end: `cache.set(key, value, None)`."""
    if function.module.called.isdisjoint(SETS) or function.called.isdisjoint(SETS):
        return None
    for node in walk(function.body):
        if node[0] != "call" or node[2][0] != "attr" or len(node[3]) < 2:
            continue
        receiver, name = text(node[2][2]), node[2][3]
        whole = f"{receiver} {effects.project.expression(function.module, node[2][2])}".lower()
        if name not in SETS or ("cache" not in whole and "redis" not in whole):
            continue
        given = [value for key, value in node[4] if key in EXPIRES] or list(node[3][2:3])
        never = bool(given) and given[0][0] == "const" and given[0][2] is None
        redis = "redis" in whole and "cache" not in whole
        if (never or (redis and not given)) and not deletes(effects.project):
            cure = f"Give it an end: {receiver}.{name}(..., {'ex' if redis else 'timeout'}=300)."
            return Kept(text(node[3][0]), node, f"`{receiver}.{name}`", cure)
    return None


@lru_cache(maxsize=1)
def deletes(project: Project) -> bool:
    """Tell whether a program takes anything out of a shared cache."""
    return any(
        node[0] == "call" and node[2][0] == "attr" and node[2][3] in CLEARS and is_cache(node[2][2])
        for module in project.modules.values()
        if not ASIDE.search(module.path) and not module.called.isdisjoint(CLEARS)
        for function in module.functions
        for node in walk(function.body)
    )


def is_cache(node: Node) -> bool:
    name = text(node).lower()
    return "cache" in name or "redis" in name


# ----------------------------------------------------------------------------- written
def read_from(effects: Effects, effect: Effect) -> Source | None:
    """Return the model or the table that a query reads."""
    rows = effect.event.detail
    if isinstance(rows, Rows):
        return rows.model
    call = call_at(effect.event.chain[-1])
    if call is not None and call[0] == "call" and call[3]:
        found = next((n for n in walk(call[3][0]) if n[0] == "const" and isinstance(n[2], str)), None)
        match = TABLE.search(found[2]) if found is not None else None
        if match is not None:
            return match[1].lower()
    return effects.schema.named(effect.event.symbol.partition(".")[0], effects.function.module)


def written_by(effects: Effects, source: Source, reader: Function, *, single: bool) -> tuple[Function, Node] | None:
    """Return a function of the program that changes what was read, and the call that does."""
    found = None
    if isinstance(source, str):
        found = next(
            (
                (f, n)
                for f, n, table, verb in tables(effects.project)
                if table == source and not (single and verb == "I")
            ),
            None,
        )
    else:
        writers = writers_of(effects.project, source, single)
        found = next((writer for writer in writers if writer[0] is not reader), None)
    if found is not None and not clears_near(found[0]):
        effects.program.interpreter.consulted.add(found[0])
        return found
    return None


def clears_near(function: Function) -> bool:
    """Tell whether what writes also clears some cache."""
    return any(
        node[0] == "call"
        and node[2][0] == "attr"
        and (node[2][3] == "cache_clear" or (node[2][3] in CLEARS and "cache" in text(node[2][2]).lower()))
        for node in walk(function.body)
    )


@lru_cache(maxsize=1)
def tables(project: Project) -> tuple[tuple[Function, Node, str, str], ...]:
    """Return the statements of a project that write to a table: where, the call, the table, the verb's first letter."""
    found: list[tuple[Function, Node, str, str]] = []
    for module in project.modules.values():
        if ASIDE.search(module.path) or module.called.isdisjoint(("execute", "executemany", "text")):
            continue
        for function in module.functions:
            for node in walk(function.body):
                if node[0] == "call" and node[3] and node[3][0][0] == "const" and isinstance(node[3][0][2], str):
                    match = WRITES.match(node[3][0][2])
                    if match is not None:
                        found.append((function, node, match[2].lower(), match[1][0].upper()))
    return tuple(found)


@lru_cache(maxsize=64)
def writers_of(project: Project, model: Model, single: bool) -> tuple[tuple[Function, Node], ...]:
    """Return the first functions of a program that change rows of a model, with the calls that do."""
    found: list[tuple[Function, Node]] = []
    for module in project.modules.values():
        if ASIDE.search(module.path):
            continue
        for function in module.functions:
            node = change(function, model, single=single)
            if node is not None:
                found.append((function, node))
                if len(found) >= ENOUGH:
                    return tuple(found)
    return tuple(found)


def change(function: Function, model: Model, *, single: bool) -> Node | None:
    """Return the call of a function that changes rows of a model; one that adds rows, where many were read."""
    verbs = CHANGES if single else (*CHANGES, *ADDS)
    if function.called.isdisjoint(verbs):
        return None
    holders = held(function, model.name)
    for node in walk(function.body):
        if node[0] != "call" or node[2][0] not in ("attr", "name") or node[2][-1] not in verbs:
            continue
        parts = (*((node[2][2],) if node[2][0] == "attr" else ()), *node[3])
        if any(is_of(part, model.name) or (part[0] == "name" and part[2] in holders) for part in parts):
            return node
    return None


def is_of(node: Node, name: str) -> bool:
    """Tell whether an expression is about a model: begins with it, or with a call that is given it first."""
    if node[0] == "call":
        return is_of(node[2], name) or any(is_of(part, name) for part in node[3][:1])
    if node[0] in ("attr", "sub", "await", "star"):
        return bool(node[0] == "attr" and node[3] == name) or is_of(node[2], name)
    return bool(node[0] == "name" and node[2] == name)


def held(function: Function, name: str) -> set[str]:
    """Return the names of a function that hold rows of a model: what is made from it, and annotated with it."""
    found: set[str] = {parameter[0] for parameter in function.parameters if name in names_in(parameter[1])}
    for node in walk(function.body):
        if node[0] == "assign" and is_of(node[3], name):
            found.update(target[2] for target in node[2] if target[0] == "name")
        elif node[0] == "for" and is_of(node[3], name) and node[2][0] == "name":
            found.add(node[2][2])
    return found - {"self", "cls", "session", "db"}


@lru_cache(maxsize=64)
def cleared(project: Project, name: str, by: str) -> bool:
    """Tell whether anything in a project clears what a function remembers."""
    for module in project.modules.values():
        if by not in module.called and by not in module.names:
            continue
        for body in (module.body, *(function.body for function in module.functions)):
            for node in walk(body):
                if node[0] == "attr" and node[3] == by and node[2][-1] == name:
                    return True
    return False


RULE = Rule(
    name="cache-never-invalidated",
    sees=("db.query",),
    spends=("hazard",),
    proof=Proof("scenario", "stale"),
    find=find,
)
