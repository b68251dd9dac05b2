"""A value that fits a JSON Schema, with keys of rows that are there where it names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ._contract import Entry, Parameter, Table
from ._paths import value

DEEPEST = 6
NOWHERE = Entry(method="", path="", endpoint="", file="", line=0)
FORMATS = {
    "email": "new@example.com", "date": "2024-01-01", "date-time": "2024-01-01T00:00:00", "time": "10:00:00",
    "uuid": "00000000-0000-0000-0000-000000000001", "uri": "https://example.com/", "EmailField": "new@example.com",
    "DateField": "2024-01-01", "DateTimeField": "2024-01-01T00:00:00Z", "SlugField": "amber-1000000",
}  # fmt: skip


def example(
    schema: Mapping[str, Any],
    components: Mapping[str, Any],
    tables: Sequence[Table],
    name: str = "",
    depth: int = 0,
    several: int = 1,
) -> Any:
    """Return a value; what is not required is left out below the first level. A list has one item, or as many as can
    be told apart of `several`: about other rows."""
    if depth > DEEPEST:
        return None
    if "$ref" in schema:
        named = str(schema["$ref"]).rpartition("/")[2]
        return example(components.get("schemas", {}).get(named, {}), components, tables, name, depth + 1, several)
    if schema.get("default") not in (None, "") and not (several > 1 and schema["default"] == []):
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for ways in ("anyOf", "oneOf", "allOf"):
        some = [each for each in schema.get(ways, ()) if each.get("type") != "null"]
        if some:
            return example(some[0], components, tables, name, depth + 1, several)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        required = schema.get("required", ())
        return {
            key: example(each, components, tables, key, depth + 1, several)
            for key, each in schema.get("properties", {}).items()
            if key in required or depth <= 1
        }
    if kind == "array":
        least = max(int(schema.get("minItems", 0)), 1)
        single = name[:-1] if name.endswith("s") else name
        items = schema.get("items", {})
        rows = [
            example(items, components, [begun(table, place) for table in tables], single, depth + 1)
            for place in range(max(least, several))
        ]
        return [each for place, each in enumerate(rows) if place < least or each not in rows[:place]]
    if kind in ("integer", "number"):
        keyed = name.endswith("_id") or name in ("id", "pk")
        made = value(Parameter(name, "int"), "", tables, NOWHERE) if keyed else 1
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + ("exclusiveMinimum" in schema))
        return max(made, low) if isinstance(made, (int, float)) and isinstance(low, (int, float)) else made
    if kind == "boolean":
        return True
    text = FORMATS.get(str(schema.get("format", "")), "")
    if not text and "mail" in name:
        text = FORMATS["email"]
    text = text or "amber-1"
    least = int(schema.get("minLength", 0))
    return text.ljust(least, "x")[: int(schema.get("maxLength", 10_000))]


def begun(table: Table, place: int) -> Table:
    """Return a table that begins with another row: of those that belong to the first row of its first parent."""
    parents = sum(bool(column.refers[0]) for column in table.columns)
    row = 1 + (place - 1) * (parents + 1) if place and parents else place
    keys = {name: [*some[row:], *some[:row]] if row < len(some) else some for name, some in table.keys.items()}
    return replace(table, keys=keys)
