"""A log line that nobody will see is put together all the same: what is passed to `debug()` is worked out before it.

`logger.debug("%s", row)` writes the row only where somebody listens; with the level off it costs a tenth of a
microsecond. `json.dumps(row)`, a comprehension or a query among the arguments, and a whole collection in an f-string,
happen before the logger is asked. Formatting a name or a number is not worth a thought, and not told here.

## Slow

```python
import json
import logging

logger = logging.getLogger("orders")


def total(rows: list[dict[str, int]]) -> int:
    found = 0
    for row in rows:
        logger.debug("row: %s", json.dumps(row, sort_keys=True))
        found += row["amount"]
    return found
```

## Fast

```python
import json
import logging

logger = logging.getLogger("orders")


def total(rows: list[dict[str, int]]) -> int:
    found = 0
    for row in rows:
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("row: %s", json.dumps(row, sort_keys=True))
        found += row["amount"]
    return found
```

## Input

```python
def make(n: int) -> list[dict[str, int]]:
    return [{"id": i, "amount": i, "tax": 2, "rest": n} for i in range(n)]
```

## When to leave it

The level is on wherever the program runs, and the line is read.
"""

import re
from collections.abc import Iterator
from typing import Any

from perfwright.effects.frame import Event, Loop
from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import blocks
from perfwright.rules._contract import Rule
from perfwright.rules._frames import assigned_to, body_of, few, is_short

LOGGERS = re.compile(r"(^|[._])_*(log|logger|logging|logs)$", re.IGNORECASE)
OFF = ("debug", "trace")  # levels that are off where a program is in use
ON = ("info",)
NAMED = frozenset((*OFF, *ON))
GUARDS = re.compile(
    r"isEnabledFor|is_enabled_for|getEffectiveLevel|debug|verbose|trace|log_?level|dry_?run", re.IGNORECASE
)
WRITES = ("dumps", "pformat", "model_dump", "model_dump_json", "to_json", "asdict", "to_string", "deepcopy", "to_dict")
BUILDS = ("list", "sorted", "dict", "set", "tuple", "sum", "Counter")
SEEN = ("db.query", "http.request", "llm.call", "file.read", "process.spawn", "serialize", "cpu", "compile", "wait")
COSTS = {"db.query": "runs a query", "http.request": "makes a request", "file.read": "reads from disk"}
KINDS = re.compile(r"^(typing\.)?(list|dict|set|List|Dict|Set|Sequence|Mapping|.*DataFrame|.*QuerySet)\b")


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if function.module.called.isdisjoint(NAMED):
        return
    calls = list(logged(function.body, (), ()))
    if not calls:
        return
    events: dict[int, Event] = {}
    for event in effects.reading.events:
        if event.effect in SEEN and event.node is not None:
            events.setdefault(event.chain[0][1], event)
    for call, loops, tests in calls:
        finding = eager(effects, call, [loop for loop in loops if not is_short(effects, loop)], events)
        if finding is not None and not any(GUARDS.search(text(test, 400)) for test in tests):
            yield finding


def logged(
    block: tuple[Node, ...], loops: tuple[Node, ...], tests: tuple[Node, ...]
) -> Iterator[tuple[Node, tuple[Node, ...], tuple[Node, ...]]]:
    """Give the calls of loggers in a block that have something to work out, with the loops and the tests around them.

    Those in handlers of exceptions are left out: what goes wrong is written down with all that is known of it.
    """
    for statement in block:
        tag = statement[0]
        if tag == "expr":
            if is_logged(statement[2]):
                yield statement[2], loops, tests
        elif tag == "if":
            yield from logged(statement[3], loops, (*tests, statement[2]))
            yield from logged(statement[4], loops, (*tests, statement[2]))
        elif tag in ("for", "while"):
            yield from logged(body_of(statement), (*loops, statement), tests)
        elif tag == "try":
            for inner in (statement[2], statement[4], statement[5]):
                yield from logged(inner, loops, tests)
        else:
            for inner in blocks(statement):
                yield from logged(inner, loops, tests)


def is_logged(call: Node) -> bool:
    """Tell whether an expression calls a logger with more than constants."""
    if call[0] != "call" or call[2][0] != "attr" or call[2][3] not in NAMED:
        return False
    return (bool(call[4]) or any(part[0] != "const" for part in call[3])) and bool(LOGGERS.search(text(call[2][2])))


def eager(effects: Effects, call: Node, long: list[Node], events: dict[int, Event]) -> Finding | None:
    """Return what to say of a call to a logger that works something out first; `long` are the loops around it."""
    level = call[2][3]
    if level in OFF:
        for part in worked_out(call):
            event = events.get(part[1]) if part[0] in ("call", "attr") else None
            if event is not None and not (event.effect in ("db.query", "http.request", "llm.call") and event.loops):
                return told(effects, call, part, long, event)
            if part[0] == "call" and part[2][-1] in WRITES and part[2][0] in ("name", "attr"):
                return told(effects, call, part, long, None)
            if long and builds(effects, part) and outlives(part, long):
                return told(effects, call, part, long, None)
    for name in formatted(call, lazily=level in OFF) if long else ():
        if is_collection(effects, name) and outlives(name, long):
            return told(effects, call, name, long, None)
    return None


def worked_out(call: Node) -> Iterator[Node]:
    """Give the expressions among the arguments of a call that are worked out before it, the outer first."""
    stack: list[Any] = [call[3], tuple([value for _, value in call[4]])]
    while stack:
        top = stack.pop()
        if type(top) is not tuple or not top or top[0] == "lambda":
            continue
        if len(top) > 1 and type(top[0]) is str and type(top[1]) is int:
            yield top
        stack.extend([part for part in top[::-1] if type(part) is tuple])


def builds(effects: Effects, part: Node) -> bool:
    """Tell whether an expression goes through a collection of any length."""
    if part[0] == "comp":
        return part[4][0][1][0] != "sub" and not few(effects, part[4][0][1])
    if part[0] == "call" and part[2][0] == "name" and part[2][2] in BUILDS and len(part[3]) == 1:
        return part[3][0][0] in ("name", "attr", "call") and not few(effects, part[3][0])
    return False


def formatted(call: Node, *, lazily: bool) -> Iterator[Node]:
    """Give the names that a call writes out: at once, and where a level is on also those that are passed to it."""
    for part in call[3]:
        if part[0] == "fstr":
            yield from [value for value in part[2] if value[0] == "name"]
        elif part[0] == "bin" and part[2] == "%":
            values = part[4][3] if part[4][0] == "coll" else (part[4],)
            yield from [value for value in values if value[0] == "name"]
        elif part[0] == "call" and part[2][0] == "attr" and part[2][3] == "format":
            yield from [value for value in part[3] if value[0] == "name"]
        elif part[0] == "name" and not lazily:
            yield part


def is_collection(effects: Effects, node: Node) -> bool:
    """Tell whether a name stands for a collection of any length, by its annotation or what it is bound to."""
    function: Function = effects.function
    for name, annotation, _, _ in function.parameters:
        if name == node[2]:
            return annotation is not None and bool(KINDS.search(text(annotation)))
    bound = assigned_to(function.body, node[2])
    return (
        len(bound) == 1
        and not few(effects, node)
        and (
            bound[0][0] in ("comp", "dict")
            or (bound[0][0] == "coll" and bound[0][2] != "tuple")
            or (bound[0][0] == "call" and bound[0][2][-1] in ("list", "dict", "sorted", "all", "fetchall", "read_csv"))
        )
    )


def outlives(node: Node, loops: list[Node]) -> bool:
    """Tell whether an expression is of names bound outside of the innermost loop: it is no part of an item."""
    gone_through = node[4][0][1] if node[0] == "comp" else node[3] if node[0] == "call" else node
    body = body_of(loops[-1])
    targets = [statement[2] for statement in walk(body) if statement[0] in ("assign", "ann", "for", "aug")]
    return names_in((tuple(targets), loops[-1][2] if loops[-1][0] == "for" else ())).isdisjoint(names_in(gone_through))


# ------------------------------------------------------------------------------ telling
def told(effects: Effects, call: Node, part: Node, loops: list[Node], event: Event | None) -> Finding:
    shown, logger, level = text(part), text(call[2][2]), call[2][3]
    around = loops_of(effects, loops, event)
    when = f"every pass over `{text(loops[-1][3])}` " if loops and loops[-1][0] == "for" else ""
    off = f", also where `{level}` is off" if level in OFF else ""
    if part[0] == "name":
        message = f"{when}writes out the whole collection `{shown}` for a log line{off}"
        cure = (
            f"Log how many there are, or once outside the loop; `{logger}.{level}('%s', ...)` formats only when asked."
        )
        terms = (Term("allocate", (*around, "items")),)
    else:
        what = COSTS.get(event.effect, "works out") if event is not None else "works out"
        message = f"{when}{what} for a log line{off}: `{shown}`"
        cure = f"Ask `{logger}.isEnabledFor(logging.{level.upper()})` first, or log what is there already."
        if event is not None:
            terms = (Term(event.effect, around),)
        else:
            terms = (Term("allocate" if builds(effects, part) else "serialize", (*around, *inner(effects, part))),)
    if "loguru" in effects.function.module.imports:
        cure = f"Pass a function: `{logger}.opt(lazy=True).{level}('...', lambda: ...)`, or log what is there already."
    steps = [effects.step(effects.function, call[1], f"{logger}.{level}()")]
    if event is not None:
        steps = [effects.step(function, position, what) for function, position, what in event.chain]
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, call[1]),
        symbol=shown,
        message=message.removesuffix(" "),
        cure=cure,
        confidence=confidence(part, loops, event),
        chain=tuple(steps),
        cost=Cost(terms=terms),
    )


def loops_of(effects: Effects, loops: list[Node], event: Event | None) -> tuple[str, ...]:
    """Return the sizes of the loops around a call: as the engine knows them, else of any collection."""
    if event is not None:
        return tuple([str(loop.size) for loop in event.loops])
    known: dict[int, Loop] = {loop.position: loop for each in effects.reading.events for loop in each.loops}
    return tuple([str(known[loop[1]].size) if loop[1] in known else "items" for loop in loops])


def inner(effects: Effects, part: Node) -> tuple[str, ...]:
    return ("items",) if builds(effects, part) else ()


def confidence(part: Node, loops: list[Node], event: Event | None) -> Confidence:
    if any(loop[0] == "while" for loop in loops) or part[0] == "attr":
        return "possible"  # a property may keep what it found
    if event is not None and (event.doubtful or event.rare or not event.certain):
        return "possible"
    return "likely"


RULE = Rule(name="eager-logging", sees=("def",), spends=("latency",), proof=Proof.growth("n"), find=find)
