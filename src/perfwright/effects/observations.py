"""What one reading of a function leaves behind for the rules."""

from typing import Any

from perfwright.effects.frame import Event, Frame
from perfwright.effects.schema import Model
from perfwright.effects.values import Load, Value
from perfwright.index.project import Function


class Lookup:
    """One query's conditions: which columns of which model it looks up by, and in which order a `page` is asked for.

    With a `condition` it is no whole query, but one condition that no ordered index serves: `text` inside of text,
    what is `made` of a column (`created_at__date`), or the days that one is `cut` into for all rows.
    """

    __slots__ = (
        "condition", "default", "filters", "function", "inner", "joins", "limited", "model", "orders", "page",
        "position", "relation", "sometimes", "sorted", "turned", "what",
    )  # fmt: skip

    def __init__(
        self, function: Function, position: int, model: Model, filters: tuple[Any, ...], orders: tuple[Any, ...]
    ) -> None:
        self.function, self.position, self.model, self.filters, self.orders = function, position, model, filters, orders
        self.sometimes: tuple[tuple[Any, ...], ...] = ()  # filters that hold only where somebody asks for them
        self.joins: tuple[tuple[Any, ...], ...] = ()  # pairs of (model, column) that a join puts together
        self.relation = ""
        self.limited = self.page = False
        self.turned = False  # the caller turns its pages
        self.sorted: tuple[Function, int] | None = None  # where the order is said
        self.inner = False  # it stands inside another query, which asks it for its rows
        self.default = False  # the model says its order, not the query
        self.condition = ""
        self.what = ""


class Response:
    """Rows that an entry point sends out, however many they are."""

    __slots__ = ("function", "load", "position", "what")

    def __init__(self, function: Function, load: Load, position: int, what: str) -> None:
        self.function, self.load, self.position, self.what = function, load, position, what


class Reading:
    """What reading one function once, for one shape of its arguments, found.

    `standalone` says that nobody called it: its parameters are what their annotations say. `called` are the
    readings of what it calls, `open` the functions that it calls and that were still being read. `seen` names
    what is there for a rule to look at: the effects, and `load`, `look-up`, `response`, `repeat`, `dependency`.
    `calls` counts the calls seen and those of them that could not be resolved.
    """

    __slots__ = (
        "called", "calls", "events", "function", "loads", "lookups", "met", "open", "repeats", "responses", "returns",
        "seen", "shape", "stale", "standalone",
    )  # fmt: skip

    def __init__(self, frame: Frame, standalone: bool, shape: Any) -> None:
        self.function, self.standalone, self.shape = frame.function, standalone, shape
        self.met = not standalone  # somebody calls the function with just these shapes
        self.stale = False  # it was made with nothing known of a function that it calls, and made again
        self.calls = (frame.calls_seen, frame.calls_unknown)
        self.open: tuple[Function, ...] = tuple(frame.open)
        self.events: tuple[Event, ...] = tuple(frame.events.values())
        self.loads: tuple[Load, ...] = tuple(frame.loads)
        self.lookups: tuple[Lookup, ...] = tuple(frame.lookups)
        self.responses: tuple[Response, ...] = tuple(frame.responses)
        self.returns: Value | None = frame.returns
        self.repeats: tuple[tuple[Event, int], ...] = tuple(frame.repeats)
        self.called: tuple[Reading, ...] = tuple(frame.called.values())
        seen = {event.effect for event in self.events}
        for name, found in (
            ("load", self.loads), ("look-up", self.lookups), ("response", self.responses), ("repeat", self.repeats),
        ):  # fmt: skip
            if found:
                seen.add(name)
        self.seen = seen
