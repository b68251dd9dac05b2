"""The same query is run again, with the same arguments, on the way of one request.

The second answer is the first: keep it in a variable, or pass it on. It is seldom written twice in a row; two
helpers that each look up what they need do it as well. A search inside of texts that is counted and then run for its
page reads the whole table twice: one pass can give both. And `get_or_create` gives the row that it has found or made.

## Slow

```python
import sqlite3


def balance(connection: sqlite3.Connection, account: int) -> int:
    return connection.execute("SELECT total FROM account WHERE id = ?", (account,)).fetchone()[0]


def report(connection: sqlite3.Connection, account: int) -> dict[str, int]:
    return {"now": balance(connection, account), "half": balance(connection, account) // 2}
```

## Fast

```python
import sqlite3


def balance(connection: sqlite3.Connection, account: int) -> int:
    return connection.execute("SELECT total FROM account WHERE id = ?", (account,)).fetchone()[0]


def report(connection: sqlite3.Connection, account: int) -> dict[str, int]:
    total = balance(connection, account)
    return {"now": total, "half": total // 2}
```

## Input

```python
import sqlite3


def make(n: int) -> tuple[sqlite3.Connection, int]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, total INTEGER)")
    connection.executemany("INSERT INTO account VALUES (?, ?)", [(i, i * 10) for i in range(n + 1)])
    return connection, n
```

## When to leave it

Something may have changed the rows in between, and the second answer must show it.
"""

from collections.abc import Iterator
from typing import Any

from perfwright.effects.frame import Event
from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Function
from perfwright.index.tree import called_names, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._loops import node_at

WHERE = ("where", "filter")
PAGES = ("limit", "offset", "slice", "order_by", "options")
NARROWS, ENDS = ("subquery", *WHERE), ("count", "subquery", *PAGES)


def find(effects: Effects) -> Iterator[Finding]:
    for event, earlier in effects.repeats:
        if event.effect == "db.query":
            yield told(effects, event, earlier)
    for effect in effects.repeated("db.query"):
        if "get_or_create" in effect.event.leaf[0].called:
            yield from after_making(effects, effect)
    models = {lookup.model.name: lookup for lookup in effects.lookups if lookup.condition == "text"}
    if models:
        for place, page in counted(effects.function):
            yield searched(effects, next(iter(models)), place, page)


def after_making(effects: Effects, effect: Effect) -> Iterator[Finding]:
    """Give a row that is looked up, for each of many, right after `get_or_create` gave it to nobody."""
    function, position, shown = effect.event.leaf
    call = node_at(function, position, "call")
    if call is None or call[2][0] != "attr" or call[2][3] != "get" or call[3] or not call[4]:
        return
    for node in walk(function.body):
        made = node[2] if node[0] == "expr" and node[1] < position else None
        if made is None or made[0] != "call" or made[2][0] != "attr" or made[2][3] != "get_or_create":
            continue
        keys = {name: text(value) for name, value in made[4] if name != "defaults"}
        if keys == {name: text(value) for name, value in call[4]} and text(call[2][2]).startswith(text(made[2][2])):
            yield Finding(
                rule=RULE.name,
                place=effects.place(function, position),
                symbol=f"{text(made[2][2])} made",
                message=f"`{shown}` looks up the row that `get_or_create` of line {line_of(made[1])} has just given",
                cure="Keep what it gives: row, _ = ...get_or_create(...), after select_for_update() to lock it.",
                confidence=effects.confidence(effect),
                chain=effects.chain(effect),
                cost=Cost(terms=(effects.term(effect),)),
            )
            return


def searched(effects: Effects, model: str, place: int, page: int) -> Finding:
    function = effects.function
    return Finding(
        rule=RULE.name,
        place=effects.place(function, place),
        symbol=model,
        message=f"the search inside of texts of line {line_of(page)} is run a second time, to count what it finds",
        cure="Let one pass give both: select func.count().over() (Window) with the page, or count up to a limit only.",
        confidence="likely",
        chain=(
            effects.step(function, page, f"search in {model}"),
            effects.step(function, place, "the same search, counted"),
        ),
        cost=Cost(terms=(Term("db.seqscan", (model,)),)),
    )


def counted(function: Function) -> Iterator[tuple[int, int]]:
    """Give where a statement, or a list of conditions, is counted, and where it is run for a page."""
    counts: dict[str, int] = {}
    pages: dict[str, int] = {}
    for trail in calls(function.body):
        call = trail[-1]
        method = call[2][3] if call[2][0] == "attr" else ""
        for name in names_of(call, method):
            if method == "count" or (method in NARROWS and "count" in called_names(selected(trail))):
                counts.setdefault(name, call[1])
            elif method in PAGES or method in WHERE:
                pages.setdefault(name, call[1])
    for name, place in counts.items():
        if name in pages:
            yield place, pages[name]


def names_of(call: Node, method: str) -> list[str]:
    """Return the statement whose method a call is, or the lists of conditions that it is given."""
    base: Node = call[2]
    while base[0] == "attr" or (base[0] == "call" and base[2][0] == "attr"):
        base = base[2]
    given = [each[2][2] for each in call[3] if each[0] == "star" and each[2][0] == "name"] if method in WHERE else []
    return given or ([base[2]] if base[0] == "name" and method in ENDS else [])


def selected(trail: tuple[Node, ...]) -> Node:
    """Return what a query selects: the arguments of its `select(...)`, also where the call is inside of one of them."""
    whole = trail[-1]
    for node in trail[-2::-1]:
        if node[0] not in ("call", "attr"):
            break
        whole = node
    made = [node for node in walk(whole) if node[0] == "call" and node[2][-1] == "select"]
    return made[0][3] if made else ()


def calls(tree: Any) -> Iterator[tuple[Node, ...]]:
    """Give the nodes from a statement down to each call."""
    stack: list[tuple[Any, tuple[Node, ...]]] = [(tree, ())]
    while stack:
        node, above = stack.pop()
        if type(node) is not tuple:
            continue
        if len(node) > 1 and type(node[0]) is str and type(node[1]) is int:
            above = (*above, node)
            if node[0] == "call":
                yield above
        stack.extend([(part, above) for part in node[::-1]])


def told(effects: Effects, event: Event, earlier: int) -> Finding:
    function, position, shown = event.chain[0]
    steps = [Step(path=function.path, line=line_of(earlier), function=function.qualified, what="the first time")]
    steps += [Step(path=f.path, line=line_of(p), function=f.qualified, what=what) for f, p, what in event.chain]
    through = f" through `{shown}`" if len(event.chain) > 1 else ""
    return Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=event.symbol,
        message=f"the query of line {line_of(earlier)} is run again with the same arguments{through}",
        cure="Keep the first answer in a variable and pass it on.",
        confidence="likely" if event.certain else "possible",
        chain=tuple(steps),
        cost=Cost(terms=(Term("db.query", ()),)),
    )


RULE = Rule(
    name="repeated-query",
    sees=("repeat", "look-up", "db.query"),
    spends=("latency", "queries"),
    proof=Proof.count("queries"),
    find=find,
)
