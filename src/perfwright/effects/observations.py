"""What one reading of a function leaves behind for the rules."""

from typing import Any

from perfwright.effects.frame import Frame
from perfwright.effects.schema import Model
from perfwright.effects.values import Load
from perfwright.index.project import Function


class Report:
    """What one reading of a function found."""

    __slots__ = ("events", "function", "loads", "repeats", "returns", "shape", "standalone")

    def __init__(self, frame: Frame, standalone: bool, shape: Any) -> None:
        self.function, self.standalone, self.shape = frame.function, standalone, shape
        self.events = tuple(frame.events.values())
        self.loads = tuple(frame.loads)
        self.returns = frame.returns
        self.repeats = tuple(frame.repeats)


class Lookup:
    """One query's conditions: which columns of which model it looks up by."""

    __slots__ = ("filters", "function", "limited", "model", "orders", "position", "relation", "what")

    def __init__(
        self, function: Function, position: int, model: Model, filters: tuple[Any, ...], orders: tuple[Any, ...]
    ) -> None:
        self.function, self.position, self.model, self.filters, self.orders = function, position, model, filters, orders
        self.relation = ""
        self.limited = False
        self.what = ""


class Response:
    """Rows that an entry point sends out, however many they are."""

    __slots__ = ("function", "load", "position", "what")

    def __init__(self, function: Function, load: Load, position: int, what: str) -> None:
        self.function, self.load, self.position, self.what = function, load, position, what
