"""Pydantic models that are made of rows: each field is read from the row, nested models from its relations."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from perfwright.effects import serializers
from perfwright.effects.frame import Frame
from perfwright.effects.iteration import query
from perfwright.effects.values import PAGE, ClassValue, Constant, External, Row, Rows, Sequence, Value, holds_rows
from perfwright.index.lower import Node
from perfwright.index.project import Class

if TYPE_CHECKING:
    from perfwright.effects.entries import Entries
    from perfwright.effects.interpret import Interpreter

VALIDATES = ("model_validate", "from_orm", "validate_python", "parse_obj_as", "paginate", "apaginate")
PAGES = "fastapi_pagination."


def called(
    entries: "Entries",
    interp: "Interpreter",
    frame: Frame,
    callee: External,
    arguments: tuple[Value, ...],
    node: Node,
) -> Value | None:
    """Call one of the names in VALIDATES; None where it is something else, or is given no rows."""
    name = callee.name.rpartition(".")[2]
    if name in ("paginate", "apaginate"):
        return page_of(frame, arguments, node) if callee.name.startswith(PAGES) else None
    if name in ("model_validate", "from_orm"):
        given = arguments[0] if arguments else None
        if not isinstance(callee.bound, ClassValue) or not isinstance(given, Row):
            return None
        cls = callee.bound.cls
        if interp.schema.of(cls) is not None or not serializers.is_response_model(interp.project, cls):
            return None
        entries.serializer(interp, frame, cls, (given,), {"many": Constant(False)}, node)
        return interp.instance(cls, frame.depth)
    if not callee.name.startswith("pydantic."):
        return None
    declared = declared_type(interp, frame, name, node)
    given = arguments[-1] if arguments else None
    if declared is None or given is None or not holds_rows(given):
        return None
    held = serializers.held(interp.project, frame.module, declared)
    if held is None:
        return None
    entries.serializer(interp, frame, held, (given,), {"many": Constant(not isinstance(given, Row))}, node)
    return interp.annotation(frame.module, declared, frame.depth)


def declared_type(interp: "Interpreter", frame: Frame, name: str, node: Node) -> Node | None:
    """Return the type in `TypeAdapter(list[BookOut]).validate_python(rows)` or `parse_obj_as(list[BookOut], rows)`."""
    if name == "parse_obj_as":
        return node[3][0] if node[3] else None
    made: Node | None = node[2][2] if node[2][0] == "attr" else None
    if made is not None and made[0] == "name":
        made = interp.constant_node(frame, made)
    if made is None or made[0] != "call" or serializers.last(made[2]) != "TypeAdapter" or not made[3]:
        return None
    found: Node = made[3][0]
    return found


def page_of(frame: Frame, arguments: tuple[Value, ...], node: Node) -> Value | None:
    """Return the page of rows that fastapi-pagination makes of a statement, a query or a list."""
    for given in arguments:
        if isinstance(given, Rows):
            rows = given.copy(frame.depth)
            rows.limited, rows.position = PAGE, node[1]
            if not given.stored:
                query(frame, rows, node[1], frame.interp.text(node))
            rows.stored = True
            return rows
        if isinstance(given, Sequence) and isinstance(given.element, Row):
            frame.use_whole(given)
            return Sequence("list", given.element, PAGE, frame.depth)
    return None


def filled(
    entries: "Entries", interp: "Interpreter", frame: Frame, cls: Class, values: Mapping[str, Value], node: Node
) -> None:
    """Fill the fields of a response model by name: rows become the models that the fields are declared to hold."""
    for name, value in values.items():
        if not holds_rows(value):
            continue
        found = serializers.nested_field(interp.project, cls, name)
        if found is not None and found is not cls:
            entries.serializer(interp, frame, found, (value,), {"many": Constant(not isinstance(value, Row))}, node)


__all__ = ["VALIDATES", "called", "filled"]
