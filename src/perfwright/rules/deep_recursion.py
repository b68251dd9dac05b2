"""A function calls itself once for each item, and Python gives up at a depth of about a thousand.

The calls of one thread may stand a thousand deep (`sys.getrecursionlimit()`); the next one raises RecursionError. A
function that goes on to the next item by calling itself works on the rows of a test and fails on the first long list.
A loop does the same in no depth at all.

## Slow

```python
def total(prices: list[int], position: int = 0) -> int:
    if position == len(prices):
        return 0
    return prices[position] + total(prices, position + 1)
```

## Fast

```python
def total(prices: list[int], position: int = 0) -> int:
    found = 0
    for price in prices[position:]:
        found += price
    return found
```

## Input

```python
def make(n: int) -> list[int]:
    return list(range(n))
```

## Scenario

A list of ten thousand prices is added up.

```python
def scenario() -> None:
    try:
        found = total([1] * 10_000)
    except RecursionError as error:
        found = error
    assert found == 10_000, f"10,000 prices are not added up: {found}"
```

## When to leave it

The depth is bounded by something else: a tree that is no deeper than people make it, a half on each call, a number of
attempts. A limit that is raised on purpose is left alone, too; it moves the end, and a deep stack takes memory.
"""

import re
from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._callers import callers
from perfwright.rules._code import path_to
from perfwright.rules._contract import Rule
from perfwright.rules._recursion import calls_itself, is_self, most

LINKS = ("next", "next_", "_next", "next_node", "nxt", "rest", "tail", "cdr", "prev", "previous", "_prev")
LINKED = re.compile(r"(Node|Link|Cell|Entry|Element|Item)$")
STEPS = re.compile(
    r"(^|_)(depth|level|indent|nesting|attempts?|retr(y|ies)|tries|try|hops?|ttl|generations?|max|limit)(_|$)"
)
PLACES = re.compile(r"(^|_)(pos|position|index|idx|offset|start|cursor|page|i|j|k|at)(_|$|number|num|no)")
BOUNDS = re.compile(r"(^|[._])(max|limit|most|cap)|[A-Z]{3}")
SHORT = ("path", "parts", "keys", "args", "words", "bits", "segments", "names", "fields", "dims", "shape")
LIMIT = 500  # a depth that Python allows anywhere


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0 or function.name not in function.module.called or not function.parameters:
        return
    linked = function.owner is not None and LINKED.search(function.owner.name) is not None
    if (not linked and not calls_itself(effects)) or function.name not in function.called:
        return
    steps = [(call, step_of(call, function)) for call in walk(function.body) if calls(call, function)]
    if not steps or not all(step for _, step in steps) or any(is_per_child(function, call) for call, _ in steps):
        return
    if most(function.body, {id(call) for call, _ in steps})[0] > 1 and not remembers(function):
        return  # twice on one way: a tree, or work that doubles, which is another finding
    if is_raised(effects) or starts_small(effects, steps[0][1]):
        return
    call, step = steps[0]
    yield Finding(
        rule=RULE.name,
        place=effects.place(function, call[1]),
        symbol=function.name,
        message=f"`{function.name}` calls itself once for each {what(step)}: about 1,000 deep is a RecursionError",
        cure=cure(step),
        confidence="likely",
        chain=(effects.step(function, call[1], text(call)),),
        cost=Cost(terms=(Term("raise", ("items",)),)),
    )


# ------------------------------------------------------------------------------ the calls
class Step:
    """How a call goes on: to the `next` of a linked list, one `place` on, one `down`, to the `rest`; by which name."""

    __slots__ = ("kind", "name", "shown")

    def __init__(self, kind: str, name: str, shown: str) -> None:
        self.kind, self.name, self.shown = kind, name, shown


def calls(node: Node, function: Function) -> bool:
    """Tell whether an expression calls the function itself, also on the next object of a linked list."""
    if node[0] != "call":
        return False
    if is_self(node, function):
        return True
    called = node[2]
    if function.owner is None or called[0] != "attr" or called[3] != function.name or not function.parameters:
        return False
    held = called[2]
    return bool(held[0] == "attr" and held[2][:3:2] == ("name", function.parameters[0][0]))


def step_of(call: Node, function: Function) -> Step | None:
    """Return how a call goes on by one item, None where it does something else or something bounds it."""
    called = call[2]
    if called[0] == "attr" and called[2][0] == "attr":
        assert function.owner is not None
        linked = called[2][3] in LINKS and LINKED.search(function.owner.name)
        return Step("next", text(called[2]), text(called[2])) if linked else None
    parameters = [parameter[0] for parameter in function.parameters]
    own = parameters[1:] if function.owner is not None and called[0] == "attr" else parameters
    for name, value in (*zip(own, call[3], strict=False), *((name, value) for name, value in call[4] if name)):
        step = step_on(name, value, function)
        if step is not None:
            return step
    return None


def step_on(name: str, value: Node, function: Function) -> Step | None:
    """Return how an argument goes on by one item from the parameter that it is for."""
    shown = text(value)
    if value[0] == "attr" and value[3] in LINKS and value[2][:3:2] == ("name", name):
        return Step("next", name, shown)
    if value[0] == "bin" and value[2] in "+-" and value[3][:3:2] == ("name", name) and value[4][:3:2] == ("const", 1):
        if STEPS.search(name) or is_bounded(function, name):
            return None
        if value[2] == "-":
            return Step("down", name, shown) if names_count(function, name) else None
        return Step("place", name, shown) if names_place(function, name) else None
    if value[0] == "sub" and value[3][0] == "slice" and value[2][:3:2] == ("name", name):
        low, high = value[3][2], value[3][3]
        if high is None and low is not None and low[:3:2] == ("const", 1) and is_untyped(function, name):
            return Step("rest", name, shown) if name not in SHORT else None
    return None


def is_untyped(function: Function, name: str) -> bool:
    """Tell whether nothing says that a parameter is a list: of one, `repeated-slice` tells that it is copied."""
    parameter = next(each for each in function.parameters if each[0] == name)
    return parameter[1] is None or not re.search(r"(?i)list|tuple|sequence", text(parameter[1]))


def names_place(function: Function, name: str) -> bool:
    """Tell whether a parameter says where to go on: it picks an item, is held against a length, or is called so."""
    for node in walk(function.body):
        if node[0] == "sub" and node[3][:3:2] == ("name", name):
            return True
        if node[0] == "cmp" and name in names_in(node) and "len(" in text(node):
            return True
    return bool(PLACES.search(name)) and any(
        name in names_in(node[3]) for node in walk(function.body) if node[0] == "call"
    )


def names_count(function: Function, name: str) -> bool:
    """Tell whether a parameter counts down to its end: it is held against zero, one, or only asked for its truth."""
    for node in walk(function.body):
        if node[0] == "cmp" and node[2][:3:2] == ("name", name) and node[4][0][0] == "const":
            if node[4][0][2] in (0, 1, 2):
                return True
        elif node[0] == "if" and (node[2][:3:2] == ("name", name) or text(node[2]) == f"not {name}"):
            return True
    return False


def is_bounded(function: Function, name: str) -> bool:
    """Tell whether a parameter is held against a number, a constant or a limit."""
    for node in walk(function.body):
        if node[0] != "cmp" or name not in names_in(node):
            continue
        for side in (node[2], *node[4]):
            if side[0] == "const" and type(side[2]) is int and side[2] > 2:
                return True
            if side[0] in ("name", "attr") and BOUNDS.search(text(side)):
                return True
    return False


def is_per_child(function: Function, call: Node) -> bool:
    """Tell whether a call stands in a loop or a comprehension: one for each child of a tree, or each choice."""
    return any(
        (node[0] in ("for", "while") and inside((node[4] if node[0] == "for" else node[3]), call))
        or (node[0] == "comp" and inside(node, call))
        or (node[0] == "lambda" and inside(node, call))
        for node in path_to(function.body, call[1])
    )


def inside(tree: object, call: Node) -> bool:
    return any(node is call for node in walk(tree))


def remembers(function: Function) -> bool:
    return any("cache" in text(decorator) for decorator in function.decorators)


# ------------------------------------------------------------------------------ how deep
def is_raised(effects: Effects) -> bool:
    """Tell whether the project raises the limit on purpose."""
    return any("setrecursionlimit" in module.called for module in effects.project.modules.values())


def starts_small(effects: Effects, step: Step | None) -> bool:
    """Tell whether all who call the function say with a constant how deep it goes."""
    function = effects.function
    if step is None or step.kind != "down":
        return False
    names = [parameter[0] for parameter in function.parameters]
    others = [(caller, call) for caller, call in callers(effects.project, function) if caller is not function]
    for _, call in others:
        index = names.index(step.name) - (1 if function.owner is not None else 0)
        given = call[3][index] if index < len(call[3]) else dict(call[4]).get(step.name)
        if given is not None and not (given[0] == "const" and type(given[2]) is int and given[2] <= LIMIT):
            return False
    return bool(others)


def what(step: Step | None) -> str:
    """Name what there is one call for."""
    assert step is not None
    if step.kind == "next":
        return f"object of the list that `{step.shown}` leads along"
    if step.kind == "place":
        return f"step of `{step.name}`, as `{step.shown}`"
    if step.kind == "down":
        return f"step from `{step.name}` down to its end"
    return f"item of `{step.name}`, with `{step.shown}`"


def cure(step: Step | None) -> str:
    assert step is not None
    if step.kind == "next":
        name = step.shown.rpartition(".")[0]
        return f"Go along it with a loop: `while {name} is not None: ...; {name} = {step.shown}`."
    if step.kind == "place":
        return f"Use a loop that takes `{step.name}` on by one on each pass."
    if step.kind == "down":
        return f"Use a loop: `for step in range({step.name})`."
    return f"Use a loop over `{step.name}`."


RULE = Rule(name="deep-recursion", sees=("def",), spends=("hazard",), proof=Proof("scenario", "overflows"), find=find)
