"""Each request leaves something in a collection that lives as long as the program, and nothing ever takes it out.

A list of a module, a class or an object of the module is never emptied by itself. A history, a log of events, a
registry of listeners that each request adds to grows until the process is killed, and what it holds stays in memory
with it. It wants a bound (`collections.deque(maxlen=...)`), an end (what is over is removed), or a database.

## Setup

```python
# file: web.py
from fastapi import FastAPI

app = FastAPI()
```

## Slow

```python
from web import app

searches: list[str] = []


@app.get("/search")
def search(query: str) -> str:
    searches.append(query)
    return searches[-1]
```

## Fast

```python
from collections import deque

from web import app

searches: deque[str] = deque(maxlen=1000)


@app.get("/search")
def search(query: str) -> str:
    searches.append(query)
    return searches[-1]
```

## Input

```python
def make(n: int) -> str:
    return "a" * n
```

## When to leave it

There are only so many entries, or the process ends soon: a command, a worker that is started anew every hundred tasks.
"""

from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.growth import Growing
from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function, Module, Value
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import path_to, statements
from perfwright.rules._contract import Rule
from perfwright.rules._kept import is_kept, is_plain, is_registry, key_of, last, lasts, looked_up, open_ended
from perfwright.rules._uses import ASKS, PASSES_ON, READS

ADDS = ("append", "add", "extend", "insert", "appendleft", "setdefault", "update")
TAKES = (
    *("pop", "popitem", "popleft", "clear", "remove", "discard", "evict", "expire", "prune", "purge", "rotate"),
    *("difference_update", "intersection_update", "subtract", "get_nowait", "move_to_end"),
)
NEW = ("uuid", "token", "time", "now", "next", "len", "secret", "random", "count")  # in calls that give a new key
REGISTERS = {"addHandler": "handler", "register": "function", "addFilter": "filter"}
TAKEN_BACK = {"addHandler": "removeHandler", "register": "unregister", "addFilter": "removeFilter"}
ONCE = ("command ", "migration ", "program ", "middleware ")  # entry points of a program that ends
ENDLESS = "rows"


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0 or function.name in ("__init__", "__init_subclass__", "__set_name__", "__new__"):
        return
    told: set[str] = set()
    if not function.module.called.isdisjoint(REGISTERS) and not function.called.isdisjoint(REGISTERS):
        yield from registered(effects)
    if not function.changes_items and (function.module.called.isdisjoint(ADDS) or function.called.isdisjoint(ADDS)):
        return
    for node, base in added(function.body):
        name = last(base)
        if name in told or not name:
            continue
        found = owner_of(effects, base)
        if found is None or not grows(effects, node, base, found):
            continue
        told.add(name)
        yield finding(effects, node, base, found)


def settle(finding: Finding) -> Finding:
    """What neither a request nor an endless loop leads to may happen once or twice in all."""
    endless = any(ENDLESS in term.sizes for term in finding.cost.terms)
    often = any(not entry.startswith(ONCE) for entry in finding.entry_points)
    if finding.confidence == "likely" and not often and not (endless and not finding.entry_points):
        return replace(finding, confidence="possible")
    return finding


# ------------------------------------------------------------------------------ what is added to what
def added(body: tuple[Node, ...]) -> Iterator[tuple[Node, Node]]:
    """Give each place where something is added to a collection, with the name or attribute that holds that."""
    for statement in statements(body):
        tag = statement[0]
        if tag == "expr" and adds(statement[2]):
            yield statement[2], base_of(statement[2][2][2])
        elif tag == "assign":
            if adds(statement[3]) and statement[3][2][3] == "setdefault":
                yield statement[3], base_of(statement[3][2][2])
            for target in statement[2]:
                if target[0] == "sub" and target[3][0] != "slice":
                    yield target, base_of(target)
        elif tag == "aug" and statement[3] == "+" and statement[4][0] in ("coll", "comp"):
            yield statement, base_of(statement[2])


def adds(node: Node) -> bool:
    """Tell whether an expression adds to a collection."""
    return bool(node[0] == "call" and node[2][0] == "attr" and node[2][3] in ADDS and (node[3] or node[4]))


def base_of(node: Node) -> Node:
    """Return what holds a collection, of `history[user]`, `history.setdefault(user, [])`, `history.get(user)`."""
    while True:
        if node[0] == "sub":
            node = node[2]
        elif node[0] == "call" and node[2][0] == "attr" and node[2][3] in ("setdefault", "get"):
            node = node[2][2]
        else:
            return node


def owner_of(effects: Effects, base: Node) -> Growing | None:
    """Return whose collection a name or an attribute is, where that is a module, a class or an object of a class."""
    function, project = effects.function, effects.project
    if base[0] == "name":
        entity = project.lookup(function.module, base[2])
        if entity is None or is_local(function, base[2]):
            return None
        return Growing("module", entity.module, None, entity.name) if isinstance(entity, Value) else None
    if base[0] != "attr" or base[2][0] != "name":
        return None
    cls = function.owner
    own = function.parameters[0][0] if cls is not None and function.parameters else ""
    if cls is not None and base[2][2] == own:
        if base[3] not in cls.names and not is_kept(effects.project, cls):
            return None
        kind = "class" if base[3] in cls.names and base[3] not in cls.setters else "instance"
        return Growing(kind, cls.module, cls, base[3])
    entity = project.expression(function.module, base)
    if isinstance(entity, Value):
        return Growing("module", entity.module, None, entity.name)
    return None


def is_local(function: Function, name: str) -> bool:
    """Tell whether a function, or one around it, binds a name itself."""
    if any(parameter[0] == name for parameter in function.parameters):
        return True
    for node in walk(function.body):
        targets = node[2] if node[0] == "assign" else (node[2],) if node[0] in ("ann", "for") else ()
        if any(part[:3:2] == ("name", name) for target in targets for part in (target, *tupled(target))):
            return True
        if node[0] == "with" and any(item[1] is not None and name in names_in(item[1]) for item in node[2]):
            return True
    return function.outer >= 0 and is_local(function.module.functions[function.outer], name)


def tupled(target: Node) -> tuple[Node, ...]:
    return tuple(target[3]) if target[0] == "coll" else ()


# ------------------------------------------------------------------------------ whether it grows
def grows(effects: Effects, node: Node, base: Node, found: Growing) -> bool:
    """Tell whether a collection gets longer with each call, without end."""
    function = effects.function
    if not is_plain(effects, found) or is_registry(function, found.name):
        return False
    if found.owner == "instance" and (found.cls is None or not lasts(effects, found.cls)):
        return False
    key = key_of(node)
    direct = key is not None and base is (node[2] if node[0] == "sub" else node[2][2])
    if direct:
        if looked_up(function, found.name) or not is_new(effects, key):
            return False  # a cache is another finding
    elif node[0] == "sub":
        return False  # into what it holds, which may have a bound of its own
    elif node[0] == "call" and node[2][3] in ("add", "update") and node[2][2] is base:  # what it has is not added
        given = node[3][0] if node[3] else None
        if not is_new(effects, given):
            return False
    guarded = [step[2] for step in path_to(function.body, node[1]) if step[0] == "if"]
    if any(names_length(test, found.name) for test in guarded):
        return False
    return not let_go(effects, found)


def is_new(effects: Effects, key: Node | None) -> bool:
    """Tell whether a key may be another with each call: it comes from outside, or is made new."""
    if key is None or key[0] in ("const", "dict"):
        return False
    for node in walk(key):
        if node[0] == "call" and any(word in text(node[2]).lower() for word in NEW):
            return True
    if open_ended(effects, effects.function, key):
        return True
    made = [n for n in walk(effects.function.body) if n[0] == "assign" and any(t[:3:2] == key[:3:2] for t in n[2])]
    return key[0] == "name" and any(
        inner[0] == "call" and any(word in text(inner[2]).lower() for word in NEW) for n in made for inner in walk(n[3])
    )


def names_length(test: Node, name: str) -> bool:
    """Tell whether a test asks how long a collection is."""
    return any(
        node[0] == "call" and node[2][:3:2] == ("name", "len") and node[3] and last(node[3][0]) == name
        for node in walk(test)
    )


def let_go(effects: Effects, found: Growing) -> bool:
    """Tell whether anything in the project may take entries out of a collection, or starts it anew."""
    for module in users(effects, found):
        effects.program.interpreter.consulted.update(module.functions)
        for function in module.functions:
            if function.name == "__init__" and found.owner == "instance":
                continue
            if mentions(function, found) and any(takes(effects, function, node, found) for node in walk(function.body)):
                return True
        if module is not found.module and any(takes(effects, None, node, found) for node in walk(module.body)):
            return True
    return False


def users(effects: Effects, found: Growing) -> Iterator[Module]:
    """Give the module of a collection, and those that import it or something of it."""
    name = found.module.name.rpartition(".")[2]
    for module in effects.project.modules.values():
        if module is found.module:
            yield module
            continue
        for binding in module.names.values():
            if binding[0] == "import" and name in (binding[1].rpartition(".")[2], binding[2]):
                yield module
                break


def mentions(function: Function, found: Growing) -> bool:
    return any(last(node) == found.name for node in walk(function.body) if node[0] in ("name", "attr"))


def takes(effects: Effects, function: Function | None, node: Node, found: Growing) -> bool:
    """Tell whether a statement or an expression may shorten a collection, or hands it to somebody who may."""
    tag, name = node[0], found.name
    if tag == "call":
        called = node[2]
        given = any(last(part) == name for part in (*node[3], *(value for _, value in node[4])))
        known = called[-1] if called[0] in ("name", "attr") else ""
        return given and known not in ASKS and known not in PASSES_ON and known not in READS and known not in ADDS
    if tag == "attr":
        return node[3] in TAKES and last(base_of(node[2])) == name  # also where it is only passed on
    if tag == "cmp":
        limits = (part for part in (node[2], *node[4]) if part[0] in ("name", "attr") or part[:3:2] != ("const", 0))
        return names_length(node, name) and any(part[0] in ("const", "name", "attr") for part in limits)
    if tag == "del":
        return any(last(base_of(target)) == name for target in node[2])
    if tag == "assign":
        if any(last(target) == name or (target[0] == "sub" and sliced(target, name)) for target in node[2]):
            return True
        fresh = is_empty(node[3]) and any(target[0] == "sub" and last(target[2]) == name for target in node[2])
        if fresh and (function is None or not looked_up(function, name)):
            return True
        return last(node[3]) == name and any(target[0] in ("attr", "name") for target in node[2])
    if tag == "ann":
        return last(node[2]) == name
    if tag in ("return", "yield") and node[2] is not None:
        label = function is not None and function in effects.program.labels
        return last(node[2]) == name and not label
    return tag == "while" and last(node[2]) == name


def is_empty(node: Node) -> bool:
    """Tell whether an expression makes a collection that is empty, or None."""
    if node[0] in ("coll", "call"):
        return not node[3] and not (node[0] == "call" and node[4])
    return bool((node[0] == "dict" and not node[2]) or (node[0] == "const" and node[2] is None))


def sliced(target: Node, name: str) -> bool:
    return bool(target[3][0] == "slice" and last(target[2]) == name)


# ------------------------------------------------------------------------------ handlers
def registered(effects: Effects) -> Iterator[Finding]:
    """Give the calls that add a handler of logs, or of the end of the program, each time a function is called."""
    function = effects.function
    for node in walk(function.body):
        if node[0] != "call" or node[2][0] != "attr" or node[2][3] not in REGISTERS or not node[3]:
            continue
        name, holder = node[2][3], text(node[2][2])
        if (name == "register") != (holder == "atexit"):
            continue
        if TAKEN_BACK[name] in function.module.called or once(function, node):
            continue
        what = REGISTERS[name]
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, node[1]),
            symbol=f"{holder}.{name}",
            message=f"`{text(node)}` adds a {what} with each call of `{function.name}`, and none is ever taken out",
            cure=f"Call it once, where the program starts, or take it back with `{holder}.{TAKEN_BACK[name]}(...)`.",
            confidence="likely",
            chain=(effects.step(function, node[1], f"grow: {text(node)}"),),
            cost=Cost(terms=(Term("grow", ("items",)),)),
        )


def once(function: Function, call: Node) -> bool:
    """Tell whether a call stands under a test: if there are handlers already, if it is the first time."""
    if any(step[0] == "if" for step in path_to(function.body, call[1])):
        return True
    return any(node[0] == "attr" and node[3] in ("handlers", "hasHandlers") for node in walk(function.body))


# ------------------------------------------------------------------------------ telling
def finding(effects: Effects, node: Node, base: Node, found: Growing) -> Finding:
    function = effects.function
    shown = text(base)
    whose = {"module": "the module", "class": "the class", "instance": "an object of the module"}[found.owner]
    endless = any(
        step[0] == "while" and step[2][0] == "const" and step[2][2] for step in path_to(function.body, node[1])
    )
    return Finding(
        rule=RULE.name,
        place=effects.place(function, node[1]),
        symbol=shown,
        message=f"each call adds to `{shown}` and nothing ever takes anything out: it belongs to {whose}",
        cure=cure(node, base),
        confidence="likely",
        chain=(effects.step(function, node[1], f"grow: {text(node)}"),),
        cost=Cost(terms=(Term("grow", (ENDLESS if endless else "items",)),)),
    )


def cure(node: Node, base: Node) -> str:
    shown = text(base)
    if node[0] == "call" and node[2][3] in ("append", "appendleft", "extend", "insert") and node[2][2] is base:
        return f"Bound it: `{shown} = collections.deque(maxlen=...)`, or keep it in a database."
    return f"Remove from `{shown}` what is over, bound it (cachetools.TTLCache), or keep it in a database."


RULE = Rule(
    name="unbounded-growth",
    sees=("def",),
    spends=("hazard",),
    proof=Proof.peak("n"),
    find=find,
    settle=settle,
)
