"""A value that fits a JSON Schema, with keys of rows that are there where it names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    schema: Mapping[str, Any], components: Mapping[str, Any], tables: Sequence[Table], name: str = "", depth: int = 0
) -> Any:
    """Return a value; what is not required is left out below the first level."""
    if depth > DEEPEST:
        return None
    if "$ref" in schema:
        named = str(schema["$ref"]).rpartition("/")[2]
        return example(components.get("schemas", {}).get(named, {}), components, tables, name, depth + 1)
    if schema.get("default") not in (None, ""):
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    for several in ("anyOf", "oneOf", "allOf"):
        some = [each for each in schema.get(several, ()) if each.get("type") != "null"]
        if some:
            return example(some[0], components, tables, name, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if kind == "object":
        required = schema.get("required", ())
        return {
            key: example(each, components, tables, key, depth + 1)
            for key, each in schema.get("properties", {}).items()
            if key in required or depth <= 1
        }
    if kind == "array":
        least = max(int(schema.get("minItems", 0)), 1)
        single = name[:-1] if name.endswith("s") else name
        return [example(schema.get("items", {}), components, tables, single, depth + 1) for _ in range(least)]
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
