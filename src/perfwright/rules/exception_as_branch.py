"""An exception is raised and caught for item after item, as the ordinary way to find out what an item is.

A `try` costs nothing while all goes well, since Python 3.11 not even an instruction. A miss does: a `KeyError` that is
raised and caught takes 0.14 microseconds where `dict.get` takes 0.03, `int("abc")` 0.65 where `isdecimal` takes 0.03,
and a format that does not fit in `strptime` 8, as much as one that fits. So it matters where most items miss:
candidates that are tried one after the other until one raises nothing are missed on the way by every item.

Where the misses may well be few, the finding is only possible, and shown with `--all`.

## Slow

```python
from datetime import datetime

FORMATS = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y")


def years(texts: list[str]) -> list[int]:
    found = []
    for text in texts:
        for form in FORMATS:
            try:
                found.append(datetime.strptime(text, form).year)
                break
            except ValueError:
                continue
    return found
```

## Fast

```python
from datetime import datetime

FORMATS = {"-": "%Y-%m-%d", "/": "%Y/%m/%d", ".": "%d.%m.%Y"}


def years(texts: list[str]) -> list[int]:
    found = []
    for text in texts:
        form = FORMATS["." if text[2] == "." else text[4]]
        found.append(datetime.strptime(text, form).year)
    return found
```

## Input

```python
def make(n: int) -> list[str]:
    return [f"{i % 28 + 1:02}.03.{2000 + i % 20}" for i in range(n)]
```

## When to leave it

Most items go the way without an exception: asking first costs each of them. The first candidate nearly always fits.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from perfwright.effects.frame import Loop
from perfwright.effects.summary import Effects
from perfwright.effects.values import LITTLE
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Function
from perfwright.index.tree import called_names, names_in, text, walk
from perfwright.rules._code import statements
from perfwright.rules._contract import Rule
from perfwright.rules._frames import assigned_to, body_of, few, is_short, loops

ASKS = {
    "KeyError": "Ask with `.get(...)` or `in`.",
    "IndexError": "Compare with `len(...)` first.",
    "AttributeError": "Ask with `getattr(..., None)`, or for the type.",
    "ValueError": "Test the text before it is converted.",
    "TypeError": "Test the value before it is converted.",
}
PARSES = ("ValueError", "TypeError", "ParserError", "InvalidOperation", "JSONDecodeError", "Exception", "ParseError")
# A handler that says so, or keeps it, stands for what seldom happens.
RARE = re.compile(r"warn|err|exception|critical|fail|abort|invalid|bad|skipp|reject")
DEAR = (
    "strptime",
    "fromisoformat",
    "parse",
    "loads",
    "to_datetime",
    "Timestamp",
    "isoparse",
    "parse_date",
    "parsedate",
)
LONGEST = 2  # statements of a `try` that converts something
CURE = "Tell from the item which one fits (its length, a separator), or begin with the one that fitted last."


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.index < 0:
        return
    if function.tries and function.loops:
        yield from in_loops(effects)
    yield from through_helpers(effects)


def in_loops(effects: Effects) -> Iterator[Finding]:
    """Give what the loops of the function itself try for each item."""
    function = effects.function
    told: set[int] = set()
    for loop in loops(function.body):
        if loop[0] != "for" or is_short(effects, loop):
            continue
        for statement in statements(body_of(loop)):
            if statement[1] in told:
                continue
            candidates = attempts(function, statement)
            if candidates is not None:
                told.update(inner[1] for inner in statements((statement,)))
                yield one_by_one(effects, loop, statement, candidates)
            elif statement[0] == "try" and is_long(effects, loop) and (caught := branches(statement)):
                told.add(statement[1])
                yield missed(effects, loop, statement, caught)


# ------------------------------------------------------------------------------ candidates
def attempts(function: Function, statement: Node) -> str | None:
    """Return what is tried one after the other in a statement, until one raises nothing; None where nothing is."""
    if statement[0] == "for" and is_short_list(function, statement[3]):
        tried = next((inner for inner in statement[4] if inner[0] == "try"), None)
        if tried is None or not parses(tried) or not goes_on(tried):
            return None
        ended = [*tried[2], *tried[4], *statement[4][statement[4].index(tried) + 1 :]]
        if not any(inner[0] in ("break", "return") for inner in ended):
            return None
        return text(statement[3]) if names_in(statement[2]) & names_in(tried[2]) else None
    if statement[0] == "try" and parses(statement) and len(statement[3]) == 1:
        inner = statement[3][0][2]
        if len(inner) == 1 and inner[0][0] == "try" and parses(inner[0]):
            return text(converted(statement))
    return None


def parses(statement: Node) -> bool:
    """Tell whether a `try` converts something: one short statement, and errors of conversion."""
    if len(statement[2]) > LONGEST or not statement[3]:
        return False
    return converted(statement) is not None and any(name in PARSES for name in caught_by(statement))


def converted(statement: Node) -> Node | None:
    """Return the first call in a `try`."""
    return next((node for node in walk(statement[2]) if node[0] == "call"), None)


def goes_on(statement: Node) -> bool:
    """Tell whether all handlers of a `try` only go on with the next candidate."""
    return all(
        all(inner[0] in ("continue", "expr", "assign") for inner in handler[2])
        and (not handler[2] or handler[2][-1][0] == "continue" or not called_names(handler[2]))
        for handler in statement[3]
    )


def caught_by(statement: Node) -> list[str]:
    """Return the last names of the exceptions that a `try` catches."""
    parts: list[Node | None] = []
    for caught, _, _ in statement[3]:
        parts += caught[3] if caught is not None and caught[0] == "coll" else (caught,)
    return [str(part[-1]) for part in parts if part is not None and part[0] in ("name", "attr")]


def one_by_one(effects: Effects, loop: Node, statement: Node, candidates: str) -> Finding:
    function = effects.function
    tried = statement if statement[0] == "try" else next(inner for inner in statement[4] if inner[0] == "try")
    return Finding(
        rule=RULE.name,
        place=effects.place(function, tried[1]),
        symbol=candidates,
        message=f"every pass over `{text(loop[3])}` tries {what_of(statement, candidates)} until one raises nothing",
        cure=CURE,
        confidence=how_sure(tried),
        chain=(
            effects.step(function, loop[1], f"loop over {text(loop[3])}"),
            effects.step(function, tried[1], "raises, and is caught, for each that does not fit"),
        ),
        cost=Cost(terms=(Term("raise", (size_of(effects, loop),)),)),
    )


def how_sure(statement: Node) -> Confidence:
    """Return how sure it is that the misses matter: where what is tried is dear each of them does."""
    return "possible" if called_names(statement).isdisjoint(DEAR) else "likely"


def what_of(statement: Node, candidates: str) -> str:
    return f"`{candidates}` and others" if statement[0] == "try" else f"`{candidates}` one by one"


def through_helpers(effects: Effects) -> Iterator[Finding]:
    """Give the helpers that try candidates, and that a loop of this function calls for each item."""
    told: set[Function] = set()
    for event in effects.reading.called:
        helper = event.function
        if helper in told or helper.decorators or helper is effects.function:
            continue
        tried = tried_in(helper)
        if tried is None:
            continue
        for call, over, size in calls_in_loops(effects, helper.name):
            told.add(helper)
            position, what = tried[0][1], f"{what_of(*tried)} in `{helper.name}`"
            yield Finding(
                rule=RULE.name,
                place=effects.place(effects.function, call[1]),
                symbol=text(call[2]),
                message=f"every pass over `{over}` tries {what}, until one raises nothing",
                cure=CURE,
                confidence=how_sure(tried[0]),
                chain=(
                    effects.step(effects.function, call[1], text(call)),
                    Step(path=helper.path, line=line_of(position), function=helper.qualified, what=tried[1]),
                ),
                cost=Cost(terms=(Term("raise", (size,)),)),
            )
            break


@lru_cache(maxsize=4096)
def tried_in(helper: Function) -> tuple[Node, str] | None:
    """Return the statement of a function that tries candidates, and what they are."""
    if not helper.tries:
        return None
    for statement in helper.body:
        if statement[0] in ("for", "try"):
            candidates = attempts(helper, statement)
            if candidates is not None:
                return statement, candidates
    return None


def is_short_list(function: Function, node: Node) -> bool:
    """Tell whether an expression is a few candidates that are written down, here or under a name of the module."""
    if node[0] == "name":
        bound = assigned_to(function.body, node[2])
        binding = function.module.names.get(node[2])
        if len(bound) == 1:
            return is_short_list(function, bound[0]) if bound[0][0] != "name" else False
        value = binding[1] if binding is not None and binding[0] == "value" and not bound else None
        return value is not None and value[0] != "name" and is_short_list(function, value)
    return bool(node[0] == "coll" and 1 < len(node[3]) <= LITTLE and not any(inner[2:] == (None,) for inner in node[3]))


def calls_in_loops(effects: Effects, name: str) -> Iterator[tuple[Node, str, str]]:
    """Give the calls of a name that a loop or a comprehension makes for each item, with what it goes through."""
    for loop in loops(effects.function.body):
        if loop[0] == "for" and not is_short(effects, loop):
            for node in walk(body_of(loop)):
                if is_call_to(node, name) and names_in(node[3]) & bound_by(loop):
                    yield node, text(loop[3]), size_of(effects, loop)
    for node in walk(effects.function.body):
        if node[0] == "comp" and not few(effects, node[4][0][1]):
            for call in walk((node[3], node[5])):
                if is_call_to(call, name):
                    yield call, text(node[4][0][1]), "items"


def is_call_to(node: Node, name: str) -> bool:
    return bool(node[0] == "call" and node[2][0] in ("name", "attr") and node[2][-1] == name)


def bound_by(loop: Node) -> set[str]:
    """Return the names that each pass of a loop binds."""
    found = names_in(loop[2])
    for statement in statements(body_of(loop)):
        if statement[0] == "assign":
            found |= names_in(statement[2])
    return found


# ------------------------------------------------------------------------------ one way or the other
def branches(statement: Node) -> str:
    """Return the exception by which a `try` decides what an item is; nothing where it stands for a failure."""
    if len(statement[2]) != 1 or len(statement[3]) != 1 or statement[5]:
        return ""
    names = caught_by(statement)
    handler = statement[3][0][2]
    if len(names) != 1 or names[0] not in ASKS or len(handler) > 1:
        return ""
    if any(inner[0] == "raise" for inner in statements(handler)):
        return ""
    fills = [inner for inner in handler if inner[0] == "assign" and inner[2][0][0] in ("sub", "attr")]
    grows = any(name in ("append", "add", "setdefault") for name in called_names(handler))
    if fills or grows or RARE.search(text_of(handler)):
        return ""  # the first time only, or written down as something that went wrong
    return names[0]


def is_long(effects: Effects, loop: Node) -> bool:
    """Tell whether a loop is known to have as many passes as there is data."""
    return any(each.position == loop[1] and each.sure for event in effects.reading.events for each in event.loops)


def text_of(block: tuple[Node, ...]) -> str:
    return " ".join([*called_names(block), *names_in(block)]).lower()


def missed(effects: Effects, loop: Node, statement: Node, caught: str) -> Finding:
    function = effects.function
    confidence: Confidence = "possible"
    return Finding(
        rule=RULE.name,
        place=effects.place(function, statement[1]),
        symbol=f"{caught}: {text(converted(statement) or loop[3])}",
        message=f"items of `{text(loop[3])}` are told apart by a `{caught}` that is raised and caught",
        cure=ASKS[caught],
        confidence=confidence,
        chain=(effects.step(function, loop[1], f"loop over {text(loop[3])}"),),
        cost=Cost(terms=(Term("raise", (size_of(effects, loop),)),)),
    )


def size_of(effects: Effects, loop: Node) -> str:
    known: dict[int, Loop] = {each.position: each for event in effects.reading.events for each in event.loops}
    return str(known[loop[1]].size) if loop[1] in known else "items"


RULE = Rule(name="exception-as-branch", sees=("def",), spends=("latency",), proof=Proof.growth("n"), find=find)
