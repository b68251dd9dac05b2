"""Rows of a loop fetched ahead of it with what is read of them, by their keys, in parts that a query takes."""

import ast
import re
from collections.abc import Sequence

from perfwright.fix.recipes._calls import WIDE, called_on, method_of
from perfwright.fix.recipes._keys import parts
from perfwright.fix.recipes._preloads import added, folded
from perfwright.fix.source import Edit, Source

NOTE = "# What is read of them below is fetched at once, not row by row."
HELD = "# Held until the loop ends: the session gives them, and what is fetched with them, without a query."


def held(
    source: Source, name: str, session: str, model: str, key: str, over: str, options: Sequence[str], room: int
) -> list[str]:
    """Return the lines that hold the rows of some keys under a name, which nothing else reads."""
    each_part, part = parts(source, over)
    row = source.fresh("row", "each_row")
    asked = statement(model, key, part, options, room - 8)
    return [
        HELD,
        f"{name} = [",
        f"    {row}",
        f"    {each_part}",
        f"    for {row} in {session}.scalars(",
        *[f"        {line}" for line in asked],
        "    )",
        "]",
    ]


def again(
    source: Source, session: str, model: str, key: str, item: str, over: str, options: Sequence[str], room: int
) -> list[str]:
    """Return the lines that fetch the rows of a list again, which fills them in."""
    each_part, part = parts(source, over)
    keys = f"[{item}.{key} for {item} in {part}]"
    asked = statement(model, key, keys, options, room - 8)
    return [
        NOTE,
        f"{each_part}:",
        f"    {session}.scalars(",
        *[f"        {line}" for line in asked],
        "    ).all()",
    ]


def statement(model: str, key: str, keys: str, options: Sequence[str], room: int) -> list[str]:
    """Return the lines of a query for the rows of some keys, with its options."""
    first = [f"select({model})", f".where({model}.{key}.in_({keys}))"]
    line = f".options({', '.join(options)})"
    if not options:
        last = []
    elif len(line) <= room:
        last = [line]
    else:
        last = [".options(", *[row for each in options for row in folded(f"    {each},", room)], ")"]
    whole = "".join([*first, *last])
    return [whole] if len(last) < 2 and len(whole) <= min(room, WIDE) else [*first, *last]


def fetched_ahead(source: Source, place: ast.stmt, model: str, key: str, over: str) -> ast.Call | None:
    """Return the call by which an earlier patch, before a place, asks for the rows of a list, or of some keys."""
    keys = rf"({re.escape(over)}|\[(\w+)\.{key} for \2 in {re.escape(over)})\["
    asked = re.compile(rf"{re.escape(model)}\.{key}\.in_\({keys}")
    for node in ast.walk(source.function(place) or source.tree):
        if not isinstance(node, ast.Call) or method_of(node) != "where" or node.lineno >= place.lineno:
            continue
        if len(node.args) == 1 and asked.match(source.text_of(node.args[0])):
            return node
    return None


def more_fetched(source: Source, where: ast.Call, options: Sequence[str]) -> list[Edit]:
    """Return the edits by which such a query fetches more; nothing where it does."""
    above = source.parents[where]
    call = source.parents[above]
    if isinstance(above, ast.Attribute) and above.attr == "options" and isinstance(call, ast.Call):
        return added(source, call, options)
    return [called_on(source, where, "options", [*options])] if options else []
