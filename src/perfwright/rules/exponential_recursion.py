"""A function calls itself more than once with a little less, and works out the same answers again and again.

`fib(30)` asks for `fib(28)` twice, for `fib(26)` five times, and makes 1.6 million calls in all. Each step more doubles
the work, where a function that remembers its answers has as much work as there are different arguments.

## Slow

```python
def ways(steps: int) -> int:
    if steps < 2:
        return 1
    return ways(steps - 1) + ways(steps - 2)
```

## Fast

```python
from functools import cache


@cache
def ways(steps: int) -> int:
    if steps < 2:
        return 1
    return ways(steps - 1) + ways(steps - 2)
```

## Input

```python
def make(n: int) -> int:
    return n
```

## When to leave it

The depth is bounded by something small, or every call has arguments that no other call has.
"""

from collections.abc import Iterator
from typing import Any

from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._recursion import calls_itself, count, is_self, most

STEPS = 30  # a modest size: each step doubles the work
PLAIN = ("staticmethod", "classmethod")
COMBINES = ("max", "min", "sum", "any", "all", "abs", "int", "float", "round", "len", "bool")
REMEMBERS = ("memo", "cache", "seen", "visited", "dp", "table", "known", "lookup")
CHANGES = ("append", "add", "pop", "remove", "discard", "extend", "insert", "update", "setdefault", "popleft")


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0 or function.is_generator or not calls_itself(effects):
        return
    calls = [node for node in walk(function.body) if node[0] == "call" and is_self(node, function)]
    if not calls or not forgets(function):
        return
    ranged = {*range_variables(function), *chain_variables(function)}
    smaller = [call for call in calls if goes_down(call, function, ranged)]
    if not smaller or not all(combined(call, function.body) for call in calls):
        return
    times, _, _ = most(function.body, {id(call) for call in smaller})
    if times < 2:
        return
    yield told(effects, function, smaller)


def told(effects: Effects, function: Function, calls: list[Node]) -> Finding:
    shown = ", ".join(dict.fromkeys(f"`{text(call)}`" for call in calls[:3]))
    steps = [Step(path=function.path, line=line_of(c[1]), function=function.qualified, what=text(c)) for c in calls]
    again = "for each of the loop" if len(calls) == 1 else f"{len(calls)} times"
    return Finding(
        rule=RULE.name,
        place=effects.place(function, where(function, calls)[1]),
        symbol=function.name,
        message=f"`{function.name}` calls itself {again} with a little less and remembers no answer: {shown}",
        cure=cure(function, calls),
        confidence="likely",
        chain=tuple(steps),
        cost=Cost(terms=(Term("scan", (str(2**STEPS),)),)),
    )


def where(function: Function, calls: list[Node]) -> Node:
    """Return the first of the calls that stands in one statement with another, else the first."""
    known = {id(call) for call in calls}
    for statement in walk(function.body):
        if statement[0] in ("return", "assign", "ann", "aug", "expr") and count(statement[2:], known) > 1:
            return next(node for node in walk(statement) if id(node) in known)
    return calls[0]


def cure(function: Function, calls: list[Node]) -> str:
    if any(inner[0] == "slice" for call in calls for inner in walk(call)):
        return "Pass an index in place of a slice, and put functools.cache on the function."
    if function.owner is not None:
        return "Keep the answers in a dictionary by the arguments, or make it a function with functools.cache."
    return f"Put functools.cache on `{function.name}`: then each answer is worked out once."


# ------------------------------------------------------------------------------ the calls
def forgets(function: Function) -> bool:
    """Tell whether a function keeps nothing from call to call: no memo, no board that it marks."""
    if any(text(decorator) not in PLAIN for decorator in function.decorators):
        return False
    if any(word in name.lower() for name in names_in(function.body) for word in REMEMBERS):
        return False
    for node in walk(function.body):
        targets = node[2] if node[0] == "assign" else (node[2],) if node[0] == "aug" else ()
        if any(target[0] in ("sub", "attr") for target in targets):
            return False
        if node[0] == "call" and node[2][0] == "attr" and node[2][3] in CHANGES:
            return False
    return True


def range_variables(function: Function) -> Iterator[str]:
    """Give the names that count through a range."""
    for node in walk(function.body):
        pairs = [(node[2], node[3])] if node[0] == "for" else []
        if node[0] == "comp":
            pairs = [(generator[0], generator[1]) for generator in node[4]]
        for target, iterable in pairs:
            if target[0] == "name" and iterable[0] == "call" and iterable[2][:3:2] == ("name", "range"):
                yield target[2]


def chain_variables(function: Function) -> Iterator[str]:
    """Give the names that walk along a chain from a parameter on: `up = node.parent`, then `up = up.parent` in a loop.

    What a chain holds is passed by whoever stands before it, again and again; the children of a node have one parent.
    """
    if not any(loop[0] == "while" for loop in walk(function.body)):
        return
    parameters = {parameter[0] for parameter in function.parameters}
    steps: dict[tuple[str, str], set[str]] = {}
    for node in walk(function.body):
        if node[0] == "assign" and len(node[2]) == 1 and node[2][0][0] == "name" and node[3][0] == "attr":
            steps.setdefault((node[2][0][2], node[3][3]), set()).add(text(node[3][2]))
    for (name, _), before in steps.items():
        if name in before and before & parameters:
            yield name


def goes_down(call: Node, function: Function, ranged: set[str]) -> bool:
    """Tell whether a call passes each parameter on as it is or a step further, and at least one a step further."""
    parameters = [parameter[0] for parameter in function.parameters]
    if function.owner is not None and parameters and not any(text(d) == "staticmethod" for d in function.decorators):
        parameters = parameters[1:]
    if any(value[0] == "star" for value in call[3]) or any(name is None for name, _ in call[4]):
        return False
    pairs = [*zip(parameters, call[3], strict=False), *((name, value) for name, value in call[4] if name in parameters)]
    own = set(parameters)
    steps = [step(parameter, value, own, ranged) for parameter, value in pairs]
    return "other" not in steps and "on" in steps


def step(parameter: str, value: Node, own: set[str], ranged: set[str]) -> str:
    """Return what an argument is: the `same`, a step `on`, or something `other`."""
    tag = value[0]
    if tag == "name":
        if value[2] == parameter or value[2] in own:
            return "same"
        return "on" if value[2] in ranged else "same" if value[2].isupper() else "other"
    if tag == "const":
        return "same"
    if tag == "bin":
        return "on" if shifted(value, parameter, ranged) else "other"
    if tag == "sub" and value[3][0] == "slice" and value[2][:3:2] == ("name", parameter):
        low, high = value[3][2], value[3][3]
        if high is None and low is not None:
            begins = (low[0] == "const" and low[2] in (1, 2)) or bool(names_in(low) & ranged)
            return "on" if begins else "other"
        if low is None and high is not None and high[0] == "un" and high[3][0] == "const":
            return "on"
    return "other"


def shifted(value: Node, parameter: str, ranged: set[str]) -> bool:
    """Tell whether an argument is its parameter with something plain added or taken away."""
    if value[0] == "bin" and value[2] in "+-":
        added = value[4]
        plain = added[0] in ("name", "sub", "attr") or (added[0] == "const" and not isinstance(added[2], str))
        return plain and shifted(value[3], parameter, ranged)
    return bool(value[0] == "name" and (value[2] == parameter or value[2] in ranged))


# ------------------------------------------------------------------------------ what becomes of them
def combined(call: Node, body: tuple[Node, ...]) -> bool:
    """Tell whether the answer of a call goes into a number or a truth: what is collected must be made anew."""
    trail: list[Node] = []
    if not _trail(body, call, trail):
        return False
    for outer in reversed(trail[:-1]):
        tag = outer[0]
        if tag == "return" or (tag in ("if", "while") and any(inner is call for inner in walk(outer[2]))):
            return True
        if tag in ("bin", "bool", "cmp", "un", "if"):
            continue
        if tag == "comp":
            if not any(outer is part for node in trail if node[0] == "call" for part in node[3]):
                return False
            continue
        if tag == "call":
            if outer[2][0] != "name" or outer[2][2] not in COMBINES:
                return False
            continue
        if tag in ("assign", "ann", "aug"):
            target = outer[2][0] if tag == "assign" else outer[2]
            return bool(target[0] == "name" and not gone_through(target[2], body))
        return False
    return False


def gone_through(name: str, body: tuple[Node, ...]) -> bool:
    """Tell whether a name is gone through, item by item."""
    for node in walk(body):
        if node[0] == "for" and name in names_in(node[3]):
            return True
        if node[0] == "comp" and any(name in names_in(generator[1]) for generator in node[4]):
            return True
    return False


def _trail(node: Any, wanted: Node, trail: list[Node]) -> bool:
    if type(node) is not tuple:
        return False
    tagged = len(node) > 1 and type(node[0]) is str and type(node[1]) is int
    if tagged:
        trail.append(node)
        if node is wanted:
            return True
    if any(_trail(part, wanted, trail) for part in node):
        return True
    if tagged:
        trail.pop()
    return False


RULE = Rule(name="exponential-recursion", sees=("def",), spends=("latency",), proof=Proof.growth("2^n"), find=find)
