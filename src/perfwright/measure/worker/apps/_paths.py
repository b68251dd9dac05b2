"""Values for the parameters of a path: keys of rows that are there."""

from __future__ import annotations

import inspect
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from ._contract import Column, Entry, Parameter, Table

BRACES = re.compile(r"\{([^{}:]+)(?::[^{}]*)?\}")
ASKED = re.compile(r"""(?:\bargs|GET|query_params)(?:\.get(?:list)?\(|\[)\s*["'](\w+)["'](?:[^()]*\btype=(\w+))?""")
LONGEST = 100_000  # characters of a view that are looked into
KEYS = ("id", "pk", "key", "uuid")


def options(view: Any) -> Iterator[Parameter]:
    """Give the parameters that a view's source asks a query for by their names."""
    try:
        source = inspect.getsource(view)[:LONGEST]
    except (OSError, TypeError):
        return
    seen = set()
    for found in ASKED.finditer(source):
        if found[1] not in seen:
            seen.add(found[1])
            yield Parameter(found[1], found[2] if found[2] in ("int", "float") else "text")


def filled(entry: Entry, tables: Sequence[Table]) -> str:
    """Return the path of an entry point with its parameters filled in: the first row of what they most likely name."""
    parameters = {each.name: each for each in entry.parameters if not each.query}
    made, before = [], ""
    for part in re.split(r"(\{[^{}]+\})", entry.path):
        found = BRACES.fullmatch(part)
        if found is None:
            made.append(part)
            before = part.strip("/").rpartition("/")[2] or before
        else:
            parameter = parameters.get(found[1], Parameter(found[1]))
            made.append(
                quote(str(value(parameter, before, tables, entry)), safe="/" if parameter.kind == "path" else "")
            )
    asked = [each for each in entry.parameters if each.query]
    query = "&".join(f"{each.name}={quote(str(value(each, '', tables, entry)), safe='')}" for each in asked)
    return "".join(made) + (f"?{query}" if query else "")


def value(parameter: Parameter, before: str, tables: Sequence[Table], entry: Entry) -> Any:
    """Return what to ask for: a key of the first row of the table that a parameter names, else a value of its kind."""
    if parameter.choices:
        return parameter.choices[0]
    name = parameter.name.lower()
    table = named(parameter.table, tables) if parameter.table else None
    subject, _, attribute = name.rpartition("_")
    if table is not None and name not in KEYS and name not in {c.name for c in table.columns}:
        table = None
    if table is None and name not in KEYS:
        table = named(subject, tables) if subject else None
        if table is None:
            table = named(name, tables)  # `<int:order>`
    if table is None:
        for segment in (before, *reversed(entry.path.strip("/").split("/")), entry.endpoint):
            table = None if "{" in segment else named(segment, tables)
            if table is not None:
                break
    if table is not None:
        column = column_for(
            table, name if name in {c.name for c in table.columns} else attribute or name, parameter.kind
        )
        if column is not None and table.keys.get(column.name):
            return table.keys[column.name][0]
    if parameter.kind == "text" and name not in KEYS:
        for each in tables:
            column = next((c for c in each.columns if c.name == name and each.keys.get(name)), None)
            if column is not None:
                return each.keys[name][0]
    return {"int": 1, "float": 1.0, "uuid": uuid.UUID(int=1), "bool": "true", "date": "2024-01-01"}.get(
        parameter.kind, "a"
    )


def named(word: str, tables: Sequence[Table]) -> Table | None:
    """Return the table whose model or name a word means, in singular or plural."""
    meant = forms(word)
    for table in tables:
        if forms(table.model) & meant or forms(table.name) & meant:
            return table
    for table in tables:  # `app_order`
        if forms(table.name.partition("_")[2]) & meant:
            return table
    return None


def forms(word: str) -> set[str]:
    """Return a word in lower case without joints, and its singular."""
    low = re.sub(r"[^a-z0-9]", "", word.lower())
    if not low:
        return set()
    found = {low}
    if low.endswith("ies"):
        found.add(low[:-3] + "y")
    if low.endswith("es"):
        found.add(low[:-2])
    if low.endswith("s"):
        found.add(low[:-1])
    return found


def column_for(table: Table, attribute: str, kind: str) -> Column | None:
    """Return the column that an attribute names, else the key."""
    for column in table.columns:
        if attribute in (column.name, column.attribute) and column.name in table.keys:
            return column
    key = next((column for column in table.columns if column.primary), None)
    if key is not None and kind in ("text", "path") and key.kind == "int" and attribute not in KEYS:
        named_so = [c for c in table.columns if c.unique and c.kind == "text" and c.name in table.keys]
        return named_so[0] if named_so else key
    return key
