"""A list is built only to be gone through once: each item could be used as it comes, and then be forgotten.

The list holds all items at the same time, where a generator holds one. On CPython it is a matter of memory and not of
time: a sum over a list is as quick as one over a generator, and text is joined quicker from a list (`str.join` makes
one anyway). Time is won where the answer may be known early: `any`, `all`, `next`, the first one of a list.

## Slow

```python
def longest(lines: list[str]) -> int:
    return max([len(line.split()) for line in lines], default=0)
```

## Fast

```python
def longest(lines: list[str]) -> int:
    return max((len(line.split()) for line in lines), default=0)
```

## Input

```python
def make(n: int) -> list[str]:
    return ["a word " * (i % 7) for i in range(n)]
```

## When to leave it

The list is used again, indexed or counted; it is short; what is gone through changes meanwhile; or each item must be
worked out for what that does, also once the answer is known. Rows that are read from an open cursor keep the
database from being written by others meanwhile, unless its journal is a WAL: a long loop may rather hold them.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import blocks, statements
from perfwright.rules._contract import Rule
from perfwright.rules._fetched_all import fetched_for
from perfwright.rules._frames import few
from perfwright.rules._loops import is_name
from perfwright.rules._uses import ASKS, READS

ONCE = ("sum", "max", "min", "any", "all", "set", "frozenset")
SETS = ("any", "all")  # their answer is the same for a set of the items, which is made for nothing else
COPIES = ("list", "tuple")
EARLY = ("any", "all", "first")
PLAIN = ASKS | READS  # functions and methods that need not be called where the answer is known


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0:
        return
    if "readlines" in function.called:
        yield from all_lines(effects)
    if "fetchall" in function.called:
        for call in fetched_for(effects):
            yield of_rows(effects, call)
    if function.makes_lists or not function.called.isdisjoint(COPIES):
        yield from first_of_copy(effects)
    if function.makes_lists or not function.called.isdisjoint(SETS):
        yield from comprehensions(effects)


def comprehensions(effects: Effects) -> Iterator[Finding]:
    """Give the list comprehensions that are gone through once."""
    function = effects.function
    body = function.body
    asks = not function.module.called.isdisjoint(ONCE) and not function.called.isdisjoint(ONCE)
    for block in all_blocks(body):
        for index, statement in enumerate(block):
            for kind, built, shown in sites(statement) if asks else plain_sites(statement):
                if wasted(kind, built) and not is_own(effects, kind):
                    yield told(effects, kind, built, shown)
            following = block[index + 1] if index + 1 < len(block) else None
            found = named(body, statement, following) if following is not None else None
            if found is not None and wasted(found[0], found[1]):
                yield told(effects, *found)


def all_lines(effects: Effects) -> Iterator[Finding]:
    """Give the loops over all lines of a file, which gives them one by one itself."""
    files = {
        effect.event.chain[0][1]
        for effect in effects.effects("file.read")
        if effect.event.symbol.endswith(".readlines") and len(effect.event.chain) == 1
    }
    for node in walk(effects.function.body) if files else ():
        if node[0] == "for" and not node[6]:
            over = [(node[3], node[4])]
        elif node[0] == "comp":
            over = [(generator[1], (node[3], node[5])) for generator in node[4]]
        else:
            continue
        for call, inside in over:
            if call[0] != "call" or call[1] not in files or call[2][0] != "attr" or call[3] or call[4]:
                continue
            if names_in(call[2][2]).isdisjoint(names_in(inside)):  # else it may read on, or move in the file
                yield of_lines(effects, call)


def of_lines(effects: Effects, call: Node) -> Finding:
    shown = text(call[2][2])
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, call[1]),
        symbol=shown,
        message=f"`{text(call)}` holds all lines of the file, and they are gone through once",
        cure=f"Go through the file itself: `for line in {shown}`.",
        confidence="certain",
        chain=(effects.step(effects.function, call[1], f"allocate: {text(call)}"),),
        cost=Cost(terms=(Term("allocate", ("items",)), Term("hold", ("items",)))),
    )


def of_rows(effects: Effects, call: Node) -> Finding:
    load = next(load for load in effects.loads if load.position == call[1])
    shown = text(call[2][2])
    size = load.model.name if load.model is not None else "items"
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, call[1]),
        symbol=load.symbol,
        message=f"`{text(call)}` holds all rows, and they are gone through once",
        cure=f"Go through the cursor itself: `for row in {shown}`.",
        confidence="likely",
        chain=(effects.step(effects.function, call[1], f"allocate: {text(call)}"),),
        cost=Cost(terms=(Term("allocate", (size,)), Term("hold", (size,)))),
    )


def first_of_copy(effects: Effects) -> Iterator[Finding]:
    """Give the copies that are made for their first item: `list(names)[0]`, `[*names].pop(0)`."""
    for node in walk(effects.function.body):
        copy = None
        if node[0] == "sub" and node[3][:3:2] == ("const", 0):
            copy = node[2]
        elif pops_first(node):
            copy = node[2][2]
        source = copied(effects, copy) if copy is not None else None
        if copy is not None and source is not None and not copies_rows(effects, copy, source):
            yield of_first(effects, copy, source, text(node))


def pops_first(node: Node) -> bool:
    """Tell whether a call takes the first item out of what it is asked of: `names.pop(0)`."""
    if node[0] != "call" or node[2][0] != "attr" or node[2][3] != "pop" or len(node[3]) != 1 or node[4]:
        return False
    return bool(node[3][0][:3:2] == ("const", 0))


def copied(effects: Effects, copy: Node) -> Node | None:
    """Return what an expression makes a list or a tuple of, all of it."""
    if copy[0] == "coll":
        return copy[3][0][2] if copy[2] == "list" and len(copy[3]) == 1 and copy[3][0][0] == "star" else None
    if copy[0] != "call" or copy[2][0] != "name" or copy[2][2] not in COPIES or len(copy[3]) != 1 or copy[4]:
        return None
    return None if is_own(effects, copy[2][2]) else copy[3][0]


def is_own(effects: Effects, name: str) -> bool:
    """Tell whether a name of Python's own is another's here: a function of the module, a parameter."""
    function = effects.function
    if name in function.module.names or any(parameter[0] == name for parameter in function.parameters):
        return True
    return any(other.outer == function.index and other.name == name for other in function.module.functions)


def copies_rows(effects: Effects, copy: Node, source: Node) -> bool:
    """Tell whether rows of a table are copied: loading them all is what is wrong, and another rule says it."""
    return any(load.position in (copy[1], source[1]) for load in effects.loads)


def of_first(effects: Effects, copy: Node, source: Node, shown: str) -> Finding:
    kind, of = "list" if copy[0] == "coll" else copy[2][2], text(source)
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, copy[1]),
        symbol=of,
        message=f"`{shown}` makes a {kind} of all and takes the first",
        cure=f"Use `next(iter({of}))`, which ends there; where there may be none, give it a default.",
        confidence="possible" if few(effects, source) else "certain",
        chain=(effects.step(effects.function, copy[1], f"allocate: {text(copy)}"),),
        cost=Cost(terms=(Term("allocate", ("items",)),)),
    )


def all_blocks(body: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """Give each block of a function, the outer before the inner."""
    yield body
    for statement in statements(body):
        yield from blocks(statement)


def plain_sites(statement: Node) -> Iterator[tuple[str, Node, str]]:
    """Give the comprehensions of a statement that calls nothing which goes through one."""
    value: Node | None = statement[3] if statement[0] in ("for", "assign") else None
    if statement[0] in ("return", "expr"):
        value = statement[2]
    if value is not None and (is_list(value) or (value[0] in ("sub", "call") and contains_list(value))):
        yield from sites(statement)


def contains_list(value: Node) -> bool:
    """Tell whether a comprehension is indexed, or popped from."""
    return is_list(value[2]) or (pops_first(value) and is_list(value[2][2]))


def sites(statement: Node) -> Iterator[tuple[str, Node, str]]:
    """Give each comprehension in a statement that is gone through once: how, which, and what it is written in."""
    tag = statement[0]
    if tag == "for":
        if is_list(statement[3]) and not changes(statement[4], statement[3]):
            yield "for", statement[3], f"for {text(statement[2])} in {text(statement[3])}"
        parts: tuple[object, ...] = (statement[3],)
    elif tag in ("if", "while", "with"):
        parts = (statement[2],)
    elif tag in ("try", "match", "def", "class"):
        return
    else:
        parts = statement[2:]
    for node in walk(parts):
        if asks_once(node) and (is_list(node[3][0]) or (node[2][2] in SETS and is_list(node[3][0], "set"))):
            yield node[2][2], node[3][0], text(node)
        elif node[0] == "sub" and is_list(node[2]) and node[3][:3:2] == ("const", 0):
            yield "first", node[2], text(node)
        elif pops_first(node) and is_list(node[2][2]):
            yield "first", node[2][2], text(node)
        elif node[0] == "comp":
            for _, iterable, _, is_async in node[4]:
                if is_list(iterable) and not is_async:
                    yield "for", iterable, text(node)


def asks_once(node: Node) -> bool:
    """Tell whether a call goes through its first argument once; a sum of lists copies them, which is worse."""
    if node[0] != "call" or node[2][0] != "name" or node[2][2] not in ONCE or not node[3]:
        return False
    return not (node[2][2] == "sum" and any(part[0] == "coll" for part in node[3][1:]))


def is_list(node: Node, kind: str = "list") -> bool:
    """Tell whether an expression is a list comprehension, or one of another kind, without waits in it."""
    if node[0] != "comp" or node[2] != kind:
        return False
    return not any(inner[0] in ("await", "yield") for inner in walk(node)) and not any(g[3] for g in node[4])


def named(body: tuple[Node, ...], statement: Node, following: Node) -> tuple[str, Node, str] | None:
    """Return a comprehension that has a name, and that the next statement goes through, and nothing else does."""
    if statement[0] != "assign" or not is_list(statement[3]) or len(statement[2]) != 1:
        return None
    target, built = statement[2][0], statement[3]
    if target[0] != "name" or sum(is_name(node, target[2]) for node in walk(body)) != 2:
        return None
    if following[0] == "for" and is_name(following[3], target[2]):
        if changes(following[4], built):
            return None
        return "for", built, f"for {text(following[2])} in {target[2]}"
    if following[0] in ("for", "while", "if", "with", "try", "match", "def"):
        return None
    for node in walk(following[2:]):
        if asks_once(node) and is_name(node[3][0], target[2]):
            return node[2][2], built, text(node)
    return None


def changes(body: tuple[Node, ...], built: Node) -> bool:
    """Tell whether a loop may change what a comprehension goes through: it does more than read the same names."""
    sources = {name for generator in built[4] for name in names_in(generator[1])}
    for node in walk(body):
        if node[0] == "call" and node[2][0] == "attr" and names_in(node[2]) & sources and node[2][3] not in PLAIN:
            return True
        if node[0] == "call" and any(part[0] in ("name", "attr") and names_in(part) & sources for part in node[3]):
            return True
        targets = node[2] if node[0] in ("assign", "del") else (node[2],) if node[0] == "aug" else ()
        if any(names_in(target) & sources for target in targets):
            return True
    return any(node[0] in ("await", "yield") for node in walk(body))


def wasted(kind: str, built: Node) -> bool:
    """Tell whether the items of a list are not worked out for what that does."""
    if kind in EARLY:
        return all(called(node) in PLAIN for node in walk((built[3], *(g[2] for g in built[4]))) if node[0] == "call")
    if kind == "for":
        return all(called(node) in PLAIN or node[2][0] == "name" for node in walk(built[3]) if node[0] == "call")
    return True


def called(call: Node) -> str:
    return str(call[2][-1]) if call[2][0] in ("name", "attr") else ""


def told(effects: Effects, kind: str, built: Node, shown: str) -> Finding:
    function = effects.function
    inner = text(built)[1:-1]
    if kind == "first":
        message, cure = f"`{shown}` makes a list of all and takes the first", f"Use `next({inner})`, which ends there."
    elif kind in ("any", "all"):
        message = f"`{shown}` works out all items, also once the answer is known"
        cure = f"Leave out the brackets: `{kind}({inner})`."
    elif kind in ("set", "frozenset"):
        message = f"`{shown}` makes a list only to make a set of it"
        cure = "Write a set comprehension: `{...}`." if kind == "set" else f"Leave out the brackets: `{kind}({inner})`."
    else:
        message = f"`{shown}` holds all items in a list that is gone through once"
        cure = f"Use them as they come: `({inner})`."
    return Finding(
        rule=RULE.name,
        place=effects.place(function, built[1]),
        symbol=text(built[4][0][1]),
        message=message,
        cure=cure,
        confidence=confidence(effects, kind, built),
        chain=(effects.step(function, built[1], f"allocate: {text(built)}"),),
        cost=Cost(terms=terms(effects, built)),
    )


def confidence(effects: Effects, kind: str, built: Node) -> Confidence:
    """Return how sure it is that a list may be long: a few items in one cost nothing."""
    if any(few(effects, generator[1]) for generator in built[4]):
        return "possible"
    return "certain" if kind != "for" else "likely"


def terms(effects: Effects, built: Node) -> tuple[Term, ...]:
    """Return the cost of a list: large only where its items are made for it, one for each row of a table."""
    inside = {node[1] for node in walk(built[4][0][1])}
    load = next((load for load in effects.loads if load.position in inside and not load.limited), None)
    size = load.model.name if load is not None and load.model is not None else "items"
    if size != "items" and built[3][0] in ("dict", "coll", "call"):
        return (Term("allocate", (size,)), Term("hold", (size,)))
    return (Term("allocate", (size,)),)


RULE = Rule(name="list-where-iterator", sees=("def",), spends=("latency", "memory"), proof=Proof.peak("n"), find=find)
