"""Values on their way in and out of functions: as a parameter, as an answer, as what tells two apart."""

from typing import Any

from perfwright.effects.iteration import deepen
from perfwright.effects.values import (
    UNKNOWN,
    Constant,
    Few,
    Foreign,
    Instance,
    Load,
    Row,
    Rows,
    Scalar,
    Sequence,
    Value,
    constant,
)
from perfwright.index.project import Function


def rooted(value: Value, index: int) -> Value:
    """Return a parameter's value as the function sees it: older than all its loops, hanging on itself."""
    found: Value
    if isinstance(value, Row):
        found = Row(value.model, value.fetched, 0, index)
        found.assumed, found.locked = value.assumed, value.locked
    elif isinstance(value, Rows):
        found = value.copy(0)
        assert isinstance(found, Rows)
        found.manager, found.stored, found.root = value.manager, value.stored, index
    elif isinstance(value, Sequence):
        sequence = Sequence(value.of, value.element, value.size, 0, index, known=value.known)
        sequence.element = rooted_item(value.element)
        sequence.key, sequence.items = value.key, value.items
        if value.fields is not None:
            sequence.fields = {name: rooted(held, index) for name, held in value.fields.items()}
        found = sequence
    elif isinstance(value, Instance):
        found = Instance(value.cls, 0, index, value.action)
    elif isinstance(value, Foreign):
        found = Foreign(value.name, 0, index, value.element)
        found.size, found.timed = value.size, value.timed
    elif isinstance(value, Scalar | Constant):
        found = Scalar(getattr(value, "type", ""), 0, index) if isinstance(value, Scalar) else value
    elif value.kind == "unknown":
        found = Few(0, index, inner=value.inner) if isinstance(value, Few) else Value(0, index)
    else:
        return value
    return found


def rooted_item(value: Value) -> Value:
    return deepen(value, 0) if value.kind in ("row", "instance", "sequence") else value


def assumed(value: Sequence | Rows | Row) -> Value:
    """Return rows of which only an annotation tells: what their query fetched along is not known."""
    new = deepen(value, 0)
    if isinstance(new, Rows | Row):
        new.assumed = True
    elif isinstance(new, Sequence) and isinstance(new.element, Row):
        new.element.assumed = True
    return new


def rest_of(function: Function, keywords: dict[str, Value], said: Value) -> Sequence | None:
    """Return what `**kwargs` of a function gets: the keywords that no other parameter takes."""
    names = [parameter[0] for parameter in function.parameters]
    rest = Sequence("dict", said.element if isinstance(said, Sequence) else UNKNOWN, constant(3))
    for name, value in keywords.items():
        if name != "**":
            if name not in names:
                rest.put(name, value)
                rest.depth = max(rest.depth, value.depth)
        elif isinstance(value, Sequence) and value.fields is not None:
            for key, held in value.fields.items():
                if key not in names:
                    rest.put(key, held)
                    rest.depth = max(rest.depth, held.depth)
    return rest if rest.fields is not None else None


def texts(values: list[Value]) -> tuple[str, ...]:
    """Return the texts among some arguments, for functions that look up what they name."""
    return tuple([str(value.value) if isinstance(value, Constant) else "" for value in values])


def identity(value: Value | None) -> Any:
    """Return what tells one argument from another: the constant, or the very value."""
    if isinstance(value, Constant):
        return ("k", value.value)
    if value is None or value is UNKNOWN:
        return None
    return id(value)


def sources(value: Value, depth: int = 0) -> list[Load]:
    """Return the loads that a returned value holds, through dicts, lists and tuples."""
    if depth > 3 or not isinstance(value, Sequence):
        return []
    found = [load for load in (value.load, value.source) if load is not None]
    for item in value.items or ():
        found.extend(sources(item, depth + 1))
    return found
