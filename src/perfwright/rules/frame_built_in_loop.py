"""A frame or an array is made longer on every pass: all rows so far are copied each time.

A frame keeps each column in one block of memory, so a row cannot be put at its end: `concat` makes a new frame. A
thousand passes copy half a million rows. A list of the parts, joined once after the loop, copies each row once.

## Slow

```python
import pandas as pd


def joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    whole = pd.DataFrame({"value": [0]})
    for part in parts:
        whole = pd.concat([whole, part], ignore_index=True)
    return whole
```

## Fast

```python
import pandas as pd


def joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    first = pd.DataFrame({"value": [0]})
    return pd.concat([first, *parts], ignore_index=True)
```

## Input

```python
import pandas as pd


def make(n: int) -> list[pd.DataFrame]:
    return [pd.DataFrame({"value": [float(number)] * 500}) for number in range(n)]
```

## When to leave it

There are a handful of parts, whatever the data.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import blocks
from perfwright.rules._contract import Rule
from perfwright.rules._frames import (
    LONG,
    body_of,
    full_name,
    imports_frames,
    is_short,
    loops,
    works_with_frames,
)

JOINS = {
    "pandas.concat": "Collect the parts in a list, and call pd.concat(parts) once after the loop.",
    "polars.concat": "Collect the parts in a list, and call pl.concat(parts) once after the loop.",
    "numpy.append": "Collect the values in a list, and call np.array(values) once after the loop.",
    "numpy.concatenate": "Collect the parts in a list, and call np.concatenate(parts) once after the loop.",
    "numpy.vstack": "Collect the rows in a list, and call np.vstack(rows) once after the loop.",
    "numpy.hstack": "Collect the parts in a list, and call np.hstack(parts) once after the loop.",
    "numpy.row_stack": "Collect the rows in a list, and call np.vstack(rows) once after the loop.",
    "numpy.column_stack": "Collect the columns in a list, and call np.column_stack(columns) once after the loop.",
    "numpy.insert": "Collect the values in a list, and call np.array(values) once after the loop.",
}
APPEND = "Collect the rows in a list, and make one frame of them after the loop: pd.DataFrame(rows)."
WHOLE = ("numpy.append", "numpy.insert")  # they take the array itself, not a list of parts
CALLS = frozenset(name.rpartition(".")[2] for name in JOINS if name not in WHOLE)


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if CALLS.isdisjoint(function.module.called) and not imports_frames(function.module):
        return
    for loop in loops(function.body):
        if is_short(effects, loop):
            continue
        for statement, made in direct(body_of(loop), set(names_in(loop[2])) if loop[0] == "for" else set()):
            grown, cure = grows(effects, statement)
            if grown is None or names_in(grown) & made:
                continue
            yield finding(effects, loop, statement, grown, cure)


def direct(block: tuple[Node, ...], made: set[str]) -> Iterator[tuple[Node, set[str]]]:
    """Give the assignments of a loop's own body, inner loops left out, with the names made before on that pass."""
    for statement in block:
        if statement[0] in ("assign", "aug"):
            yield statement, made
        if statement[0] == "assign":
            targets = {target[2] for target in statement[2] if target[0] == "name"}
            made |= targets - names_in(statement[3])
        elif statement[0] not in ("for", "while"):
            for inner in blocks(statement):
                yield from direct(inner, made if statement[0] == "with" else set(made))


def grows(effects: Effects, statement: Node) -> tuple[Node | None, str]:
    """Return the frame that an assignment makes longer by copying it, and what to do; None where it makes none."""
    if statement[0] != "assign":
        return None, ""
    for target in statement[2]:
        if is_row_at_end(target):
            return target[2][2], APPEND
        written = text(target, LONG)
        if target[0] not in ("name", "attr", "sub"):
            continue
        for call in walk(statement[3]):
            if call[0] != "call":
                continue
            cure = joins(effects, call, written)
            if cure:
                return target, cure
    return None, ""


def is_row_at_end(target: Node) -> bool:
    """Tell whether a target is the row after the last: `frame.loc[len(frame)] = ...`."""
    if target[0] != "sub" or target[2][0] != "attr" or target[2][3] not in ("loc", "at"):
        return False
    frame, index = text(target[2][2], LONG), target[3][3][0] if target[3][0] == "coll" and target[3][3] else target[3]
    ends = (f"len({frame})", f"len({frame}.index)", f"{frame}.shape[0]", f"{frame}.index.max() + 1")
    return text(index, LONG) in ends


def joins(effects: Effects, call: Node, target: str) -> str:
    """Return the cure where a call joins what the target holds with something else, else nothing."""
    if not call[3]:
        return ""
    if call[2][0] == "attr" and call[2][3] in ("append", "_append") and text(call[2][2], LONG) == target:
        return APPEND if works_with_frames(effects) else ""  # a list's append gives nothing back: this is a frame
    first = call[3][0]
    name = full_name(effects, call[2])
    if name in JOINS:
        parts = first[3] if first[0] == "coll" else (first,) if name in WHOLE else ()
        return JOINS[name] if any(text(part, LONG) == target for part in parts) else ""
    given = [text(argument, LONG) for argument in call[3]]
    return through_helper(effects, call, given.index(target)) if target in given else ""


def through_helper(effects: Effects, call: Node, position: int) -> str:
    """Return the cure where a function of the project gives back what it is passed, made longer."""
    helper = effects.project.expression(effects.function.module, call[2]) if call[2][0] in ("name", "attr") else None
    if not isinstance(helper, Function) or helper.owner is not None or position >= len(helper.parameters):
        return ""
    effects.program.interpreter.consulted.add(helper)
    name = helper.parameters[position][0]
    for node in walk(helper.body):
        if node[0] != "return" or node[2] is None or node[2][0] != "call" or not node[2][3]:
            continue
        entity = effects.project.expression(helper.module, node[2][2])
        joined = node[2][3][0]
        if joined[0] == "coll" and any(part[0] == "name" and part[2] == name for part in joined[3]):
            return JOINS.get(effects.libraries.canonical(str(entity)), "")
    return ""


def finding(effects: Effects, loop: Node, statement: Node, grown: Node, cure: str) -> Finding:
    over = text(loop[3]) if loop[0] == "for" else text(loop[2])
    name = text(grown)
    return Finding(
        rule=RULE.name,
        place=effects.place(effects.function, statement[1]),
        symbol=name,
        message=f"every pass over `{over}` copies all of `{name}` to make it longer",
        cure=cure,
        confidence="possible" if loop[0] == "while" or read_meanwhile(body_of(loop), grown, statement) else "likely",
        chain=(
            effects.step(effects.function, loop[1], f"loop over {over}"),
            effects.step(effects.function, statement[1], f"copy: {text(statement[3])}"),
        ),
        cost=Cost(terms=(Term("load", ("items",)), Term("copy", ("items", "items")))),
    )


def read_meanwhile(body: tuple[Node, ...], grown: Node, statement: Node) -> bool:
    """Tell whether the loop looks at what it has so far: it could not be put together afterwards."""
    name = text(grown, LONG)
    inside = {id(node) for node in walk(statement)}
    for node in walk(body):
        if node[0] == "if" and asks_if_empty(text(node[2], LONG), name):
            inside |= {id(part) for part in walk(node[2])}
    return any(
        node[0] == grown[0] and id(node) not in inside and text(node, LONG) == name and not is_target(body, node)
        for node in walk(body)
    )


def asks_if_empty(test: str, name: str) -> bool:
    """Tell whether a test is for the first pass: `frame is None`, `frame.empty`, `len(frame) == 0`."""
    return test.removeprefix("not ") in (
        name, f"{name} is None", f"{name} is not None", f"{name}.empty", f"len({name})", f"len({name}) == 0",
        f"len({name}) > 0", f"{name}.size == 0", f"{name}.size", f"{name}.shape[0] == 0",
    )  # fmt: skip


def is_target(body: tuple[Node, ...], name: Node) -> bool:
    return any(node[0] == "assign" and any(target is name for target in node[2]) for node in walk(body))


RULE = Rule(
    name="frame-built-in-loop",
    sees=("def",),
    spends=("latency",),
    proof=Proof.growth("n^2"),
    find=find,
)
