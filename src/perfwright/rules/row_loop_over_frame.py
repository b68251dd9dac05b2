"""Python goes through a frame row by row, where one operation on whole columns does the same.

Columns are arrays: added, compared or looked up as a whole they take nanoseconds a row. A loop takes microseconds, and
`iterrows` and `apply(axis=1)` make an object of every row first: thirty microseconds each, three seconds for a hundred
thousand rows. Where a loop must be, `itertuples` or `zip` over the columns is the quickest.

## Slow

```python
import pandas as pd


def totals(orders: pd.DataFrame) -> list[int]:
    found = []
    for _, order in orders.iterrows():
        found.append(int(order["price"] * order["count"]))
    return found
```

## Fast

```python
import pandas as pd


def totals(orders: pd.DataFrame) -> list[int]:
    return (orders["price"] * orders["count"]).tolist()
```

## Input

```python
import pandas as pd


def make(n: int) -> pd.DataFrame:
    return pd.DataFrame({"price": range(n), "count": range(n, 2 * n)})
```

## When to leave it

The frame is small whatever the data, or each row is for a request, a file or a chart of its own.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from perfwright.effects.frame import Event
from perfwright.effects.observations import Reading
from perfwright.effects.summary import Effects
from perfwright.effects.values import Foreign
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function, Module
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._frames import LONG, assigned_to, body_of, full_name, imports_frames, loops, works_with_frames

LIBRARIES = ("pandas", "polars")
BY_ROW = ("iterrows", "itertuples", "iter_rows")
PICKS = ("iloc", "iat", "loc", "at")
OUTSIDE = (
    *("http.request", "llm.call", "db.query", "db.write", "db.commit", "file.read", "file.write", "process.spawn"),
    *("wait", "connect"),
)
SHOWS = re.compile(r"(^|\.|_)(print|log|logger|logging|echo|secho|log_once)(\b|\.)", re.IGNORECASE)
# Keys of which there are about as many as there are rows.
MANY = re.compile(
    r"(^|_)(id|ids|uuid|user|users|customer|client|account|session|order|product|item|sku|page|url|path|email|phone|ip|host"
    r"|symbol|ticker|name|patient|student|device_id|visitor|member|player|case|ticket|invoice|employee|timestamp|date|day)$",
    re.IGNORECASE,
)
# Functions of pandas for one value, or for a whole column, which takes hardly longer.
ONE = {
    "to_datetime": "Pass the whole column at once: pd.to_datetime(column).",
    "to_numeric": "Pass the whole column at once: pd.to_numeric(column).",
    "to_timedelta": "Pass the whole column at once: pd.to_timedelta(column).",
    "Timestamp": "Convert the whole column at once: pd.to_datetime(column), then the methods of .dt.",
    "Timedelta": "Work on the whole column at once: pd.to_timedelta(column), and the methods of .dt.",
}
CURES = {
    "iterrows": "Work on whole columns (frame[a] * frame[b], groupby, map, merge), or loop over itertuples().",
    "iter_rows": "Work on whole columns with expressions: with_columns(...), group_by(...).",
    "itertuples": "Work on whole columns, if what each row needs can be said so.",
    "apply": "Work on whole columns: frame[a] - frame[b], np.where(...), or the methods of .str and .dt.",
    "index": "Work on whole columns: shift(), diff(), rolling(), np.where(...), or take them out with to_numpy().",
    "value": "Use the methods of .str and .dt, or call it once a distinct value: map({v: f(v) for v in x.unique()}).",
    "groups": "Let one groupby do it for all groups: groupby(key).agg(...), or transform(...).",
    "unique": "Let one groupby do it for all values: for value, part in frame.groupby(column), or agg(...).",
}


def find(effects: Effects) -> Iterator[Finding]:
    function, events = effects.function, effects.reading.events
    named = imports_frames(function.module) or "iterrows" in function.module.called
    if not named and not any(event.model is not None and event.model.library in LIBRARIES for event in events):
        return
    known = {event.chain[0][1]: event for event in events if len(event.chain) == 1}
    told: set[object] = set()
    for node in walk(function.body):
        if node[0] == "call" and node[2][0] == "attr":
            for found in called(effects, node, known):
                if found.place.line not in told:  # zip(a.iterrows(), b.iterrows()) is one loop
                    told.add(found.place.line)
                    yield found
    for loop in loops(function.body):
        if loop[0] == "for":
            for found in indexed(effects, loop):
                if found.symbol not in told:  # all loops over one frame are for the same reason
                    told.add(found.symbol)
                    yield found
            yield from grouped(effects, loop)
            yield from by_value(effects, loop)


# ---------------------------------------------------------------------------- by row
def called(effects: Effects, call: Node, known: dict[int, Event]) -> Iterator[Finding]:
    """Give `frame.iterrows()`, `frame.apply(..., axis=1)` and `column.apply(f)` where f asks pandas for one value."""
    method, receiver = call[2][3], call[2][2]
    event = known.get(call[1])
    if method in BY_ROW:
        sure = is_frame(event) or (method != "iter_rows" and works_with_frames(effects) and event is None)
        if sure and not is_small(receiver, event):
            shown = f"`{text(receiver)}.{method}()` goes through the frame row by row"
            cost = "allocate" if method == "itertuples" else "load"
            yield finding(effects, call, method, shown, confidence(effects, event, call[1]), cost)
    elif method == "apply" and by_rows(call, named=event is None):
        if (is_frame(event) or (event is None and works_with_frames(effects))) and not is_small(receiver, event):
            shown = f"`{text(receiver)}.apply(..., axis=1)` makes an object of every row and calls a function with it"
            yield finding(effects, call, "apply", shown, confidence(effects, event, call[1]), "load")
    elif method in ("apply", "map", "transform") and call[3]:
        yield from by_function(effects, call, event)


def by_function(effects: Effects, call: Node, event: Event | None) -> Iterator[Finding]:
    """Give a column that a function of the project is called for value by value: dear where it asks pandas for each."""
    method, receiver = call[2][3], call[2][2]
    asked = asks_pandas(effects, effects.function.module, call[3][0])
    if asked and (is_column(event) or (event is None and is_item(receiver) and works_with_frames(effects))):
        shown = f"`{text(receiver)}.{method}(...)` calls pandas.{asked} for every value"
        yield finding(effects, call, "apply", shown, confidence(effects, event, call[1]), "load", cure=ONE[asked])
    elif is_column(event) and method != "transform" and is_own(effects, call[3][0]):
        shown = f"`{text(receiver)}.{method}(...)` calls `{text(call[3][0])}` for every value"
        yield finding(effects, call, "value", shown, "likely", "call")


def is_own(effects: Effects, function: Node) -> bool:
    """Tell whether what is called is a function of the project."""
    named = function[0] in ("name", "attr")
    return named and isinstance(effects.project.expression(effects.function.module, function), Function)


def is_frame(event: Event | None) -> bool:
    return event is not None and event.model is not None and event.model.library in LIBRARIES


def is_column(event: Event | None) -> bool:
    return is_frame(event) and event is not None and event.symbol.startswith("pandas.Series.")


def is_item(node: Node) -> bool:
    return bool(node[0] == "sub" and node[3][0] == "const" and isinstance(node[3][2], str))


def is_small(receiver: Node, event: Event | None) -> bool:
    """Tell whether a frame is known to have few rows: `frame.head(10).iterrows()`, `nlargest(5, ...)`."""
    if event is not None and isinstance(event.detail, Foreign) and event.detail.size is not None:
        return event.detail.size.is_little
    while receiver[0] in ("call", "attr", "sub"):
        if receiver[0] == "call" and receiver[2][0] == "attr":
            name = receiver[2][3]
            if name in ("head", "tail", "nlargest", "nsmallest", "sample", "limit", "describe"):
                return True
        if receiver[0] == "sub" and receiver[3][0] == "slice" and receiver[3][3] is not None:
            return bool(receiver[3][3][0] == "const")
        receiver = receiver[2]
    return False


def by_rows(call: Node, *, named: bool) -> bool:
    """Tell whether `apply` is called with every row: axis=1, said by `named` where the frame is not known as one."""
    given = dict(call[4]).get("axis", call[3][1] if len(call[3]) > 1 and not named else None)
    return given is not None and given[0] == "const" and given[2] in (1, "columns")


def asks_pandas(effects: Effects, module: Module, function: Node, depth: int = 0) -> str:
    """Return the function of pandas for whole columns that is called with one value, or nothing."""
    last = ONE.keys() & {function[3] if function[0] == "attr" else ""}
    if last and function[2][0] == "name" and function[2][2] in ("pd", "pandas", "_pd"):
        return next(iter(last))
    body: object = function[3] if function[0] == "lambda" else None
    if function[0] in ("name", "attr") and depth < 2:
        entity = effects.project.expression(module, function)
        if isinstance(entity, Function):
            module, body = entity.module, entity.body
            effects.program.interpreter.consulted.add(entity)
    for node in walk(body):
        if node[0] == "call":
            inner = node[2][0] == "attr" or (node[2][0] == "name" and function[0] == "lambda")
            asked = asks_pandas(effects, module, node[2], depth + 1) if inner else ""
            if asked:
                return asked
    return ""


# ---------------------------------------------------------------------------- by position
def indexed(effects: Effects, loop: Node) -> Iterator[Finding]:
    """Give `for i in range(len(frame))` whose body picks one row after the other by `iloc`, `loc`, `at`."""
    if loop[2][0] != "name":
        return
    frame = counted(loop[3])
    if not frame:
        return
    variable = loop[2][2]
    for node in walk(body_of(loop)):
        if node[0] != "sub" or node[2][0] != "attr" or node[2][3] not in PICKS or variable not in names_in(node[3]):
            continue
        base = node[2][2]
        if text(base, LONG) == frame or (base[0] == "sub" and text(base[2], LONG) == frame):
            shown = f"the loop over `{text(loop[3])}` takes one row of `{frame}` after the other: `{text(node)}`"
            sure: Confidence = "certain" if works_with_frames(effects) else "likely"
            yield finding(effects, loop[3], "index", shown, least(sure, asked_outside(effects, loop[3][1])), "load")
            return


def counted(over: Node) -> str:
    """Return the frame whose rows a loop counts: `range(len(frame))`, `frame.index`, `range(frame.shape[0])`."""
    if over[0] == "attr" and over[3] == "index":
        return text(over[2], LONG)
    if (
        over[0] != "call"
        or over[2][0] != "name"
        or over[2][2] not in ("range", "trange", "tqdm", "enumerate")
        or not over[3]
    ):
        return ""
    if over[2][2] in ("tqdm", "enumerate"):
        return counted(over[3][0])
    last = over[3][min(1, len(over[3]) - 1)]
    for node in walk(last):
        if node[0] == "call" and node[2][0] == "name" and node[2][2] == "len" and node[3]:
            measured = node[3][0]
            inner = measured[2] if measured[0] == "attr" and measured[3] == "index" else measured
            return text(inner, LONG)
        if node[0] == "sub" and node[2][0] == "attr" and node[2][3] == "shape":
            return text(node[2][2], LONG)
    return ""


# ---------------------------------------------------------------------------- by group
def grouped(effects: Effects, loop: Node) -> Iterator[Finding]:
    """Give a loop over the groups of a frame, many by the name of their key, that adds each of them up in Python."""
    call = next((n for n in walk(loop[3]) if n[0] == "call" and n[2][0] == "attr" and n[2][3] == "groupby"), None)
    if call is None or not call[3] or loop[2][0] != "coll" or full_name(effects, call[2]).startswith("itertools."):
        return
    if not works_with_frames(effects) or not any(MANY.search(key) for key in keys(effects, call[3][0])):
        return
    group = loop[2][3][-1]
    if group[0] != "name" or not computes(body_of(loop), group[2]):
        return
    shown = f"the loop over `{text(loop[3])}` works on one group after the other"
    sure = "possible" if asked_outside(effects, loop[3][1]) == "possible" else "likely"
    yield finding(effects, call, "groups", shown, "likely" if sure == "likely" else "possible", "load", symbol=call)


def keys(effects: Effects, node: Node, depth: int = 0) -> Iterator[str]:
    """Give the columns by which a frame is grouped, as far as they are written down."""
    for part in walk(node):
        if part[0] == "const" and isinstance(part[2], str):
            yield part[2]
        elif part[0] == "name" and depth < 2:
            for value in assigned_to(effects.function.body, part[2]):
                yield from keys(effects, value, depth + 1)


def computes(body: tuple[Node, ...], group: str) -> bool:
    """Tell whether a loop asks pandas for something of each group: a sum, a sort, its first row."""
    for node in walk(body):
        if node[0] == "call" and node[2][0] == "attr" and group in names_in(node[2][2]):
            return True
        if node[0] == "attr" and node[3] in PICKS and group in names_in(node[2]):
            return True
    return False


def by_value(effects: Effects, loop: Node) -> Iterator[Finding]:
    """Give `for value in frame[c].unique()` whose body filters a frame by each value: a groupby by hand."""
    if loop[2][0] != "name" or not works_with_frames(effects):
        return
    call = next((n for n in walk(loop[3]) if n[0] == "call" and n[2][0] == "attr" and n[2][3] == "unique"), None)
    if call is None:
        return
    variable = loop[2][2]
    for node in walk(body_of(loop)):
        if node[0] != "sub" or node[3][0] != "cmp" or node[3][3] != ("==",):
            continue
        left, right = node[3][2], node[3][4][0]
        if left[0] == "sub" and left[3][0] != "const":
            continue  # any column: it may have few values
        if right[0] == "name" and right[2] == variable and text(node[2], LONG) == text(base_of(left), LONG):
            shown = f"every value of `{text(loop[3])}` is looked for in all rows: `{text(node)}`"
            sure = least("likely", asked_outside(effects, loop[3][1]))
            cost = (Term("copy", ("items", "rows")),)
            yield finding(effects, call, "unique", shown, sure, "copy", terms=cost)
            return


def base_of(column: Node) -> Node:
    """Return the frame of a column: of `frame["c"]` and `frame.c`."""
    inner: Node = column[2] if column[0] in ("sub", "attr") else column
    return inner


# ---------------------------------------------------------------------------- telling
def confidence(effects: Effects, event: Event | None, position: int) -> Confidence:
    return least("certain" if is_frame(event) else "likely", asked_outside(effects, position))


def asked_outside(effects: Effects, position: int) -> Confidence:
    """Return `possible` where each pass asks somebody else, which takes longer than the loop, or prints a row."""
    return "possible" if position in spent_outside(effects.reading) else "certain"


@lru_cache(maxsize=1)
def spent_outside(reading: Reading) -> frozenset[int]:
    """Return where the loops of a function stand that ask somebody else, and what those go through that only print."""
    found = {loop.position for event in reading.events if event.effect in OUTSIDE for loop in event.loops}
    for loop in loops(reading.function.body):
        if loop[0] == "for" and all(map(shows, body_of(loop))):
            found.update([node[1] for node in walk(loop[3])])
    return frozenset(found)


def shows(statement: Node) -> bool:
    """Tell whether a statement only prints or logs: what a person reads is short."""
    return bool(statement[0] == "expr" and statement[2][0] == "call" and SHOWS.search(text(statement[2][2], LONG)))


def least(one: Confidence, other: Confidence) -> Confidence:
    order: tuple[Confidence, ...] = ("possible", "likely", "certain")
    return order[min(order.index(one), order.index(other))]


def finding(
    effects: Effects,
    node: Node,
    kind: str,
    message: str,
    confidence: Confidence,
    cost: str,
    *,
    cure: str = "",
    symbol: Node | None = None,
    terms: tuple[Term, ...] | None = None,
) -> Finding:
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, node[1]),
        symbol=text(symbol[2] if symbol is not None else node[2] if node[0] == "call" else node),
        message=message,
        cure=cure or CURES[kind],
        confidence=confidence,
        chain=(effects.step(effects.function, node[1], text(node)),),
        cost=Cost(terms=terms or (Term(cost, ("items" if kind == "groups" else "rows",)),)),
    )


RULE = Rule(
    name="row-loop-over-frame",
    sees=("def", "allocate", "cpu"),
    spends=("latency",),
    proof=Proof.growth("n"),
    find=find,
)
