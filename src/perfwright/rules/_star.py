"""Queries written as SQL that ask for all columns of a table."""

import re
from collections.abc import Iterator
from typing import Final

from perfwright.effects.schema import Model
from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Function, Value
from perfwright.index.tree import walk
from perfwright.rules._read_of import last

LONGEST: Final = 4_000  # characters of a statement that is looked at
SELECT: Final = re.compile(
    r"\s*select\s+(?P<columns>[^()]{0,500}?)\s+from\s+(?P<table>\w+)(?:\s+(?:as\s+)?(?P<alias>\w+))?"
)
LIMIT: Final = re.compile(r"\blimit\s+\d{1,2}\b")
ONE: Final = ("fetchone", "first", "one", "scalar", "scalar_one")
RUNS: Final = ("execute", "fetchall", "fetch", "fetch_all")


def stars(effects: Effects, function: Function) -> Iterator[tuple[Node, Model]]:
    """Give the calls of a function that run a statement which selects `*` for many rows, with the table."""
    if function.called.isdisjoint(RUNS):
        return
    for call in walk(function.body):
        if call[0] != "call" or last(call[2]) not in RUNS or not call[3]:
            continue
        said = written(effects, function, call[3][0]).lower()
        found = SELECT.match(said) if len(said) < LONGEST and not LIMIT.search(said) else None
        if found is None or is_one(function, call):
            continue
        parts = [part.strip() for part in found.group("columns").split(",")]
        table = effects.program.interpreter.tables.by_name.get(found.group("table"))
        if table is not None and not {"*", f"{found.group('alias')}.*", f"{found.group('table')}.*"}.isdisjoint(parts):
            yield call, table


def is_one(function: Function, call: Node) -> bool:
    """Tell whether only one row of an answer is fetched."""
    return any(
        node[0] == "attr" and node[3] in ONE and (node[2] is call or (node[2][0] == "await" and node[2][2] is call))
        for node in walk(function.body)
    )


def written(effects: Effects, function: Function, node: Node) -> str:
    """Return the text of an expression: its literals, and those of the constants that it names."""
    parts: list[str] = []
    for inner in walk(node):
        if inner[0] == "const" and isinstance(inner[2], str):
            parts.append(inner[2])
        elif inner[0] in ("name", "attr"):
            entity = effects.project.expression(function.module, inner)
            if isinstance(entity, Value) and entity.expression is not None and entity.expression[0] in ("const", "bin"):
                parts += [part[2] for part in walk(entity.expression) if part[0] == "const" and type(part[2]) is str]
    return "".join(parts)


__all__ = ["stars"]
