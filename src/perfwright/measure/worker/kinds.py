"""Kinds of values that no annotation names: what a body that is not annotated asks for."""

import abc
import pathlib
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .grown import filled  # type: ignore[import-not-found,unused-ignore]


async def _first_later(*values: Any, **_: Any) -> Any:
    return values[0] if values else None


FLAVOURS: dict[str, Callable[..., Any]] = {
    "the first argument": lambda *values, **_: values[0] if values else None,
    "whether it is odd": lambda *values, **_: bool(hash(values[0]) & 1) if values else True,
    "true": lambda *_, **__: True,
    "a list of the arguments": lambda *values, **_: list(values),
    "the sum": lambda one=0, *values, **_: one + values[0] if values else one,
    "the first argument, later": _first_later,
    "the argument as int": lambda *values, **_: _like(int, *values),
    "the argument as float": lambda *values, **_: _like(float, *values),
    "the argument as str": lambda *values, **_: _like(str, *values),
}


def _like(kind: Callable[..., Any], *values: Any) -> Any:
    """Return a number as one of a type, and what is none as nothing."""
    return kind(values[0]) if values and isinstance(values[0], (int, float)) else kind()


class Constant:
    """A function that returns the same whatever it is called with; `later`, an awaitable of it."""

    def __init__(self, value: Any, *, later: bool = False) -> None:
        self.value, self.later = value, later

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self._awaited() if self.later else self.value

    async def _awaited(self) -> Any:
        return self.value


class Asked(NamedTuple):
    """What a value is made with, of which size, and how many containers it is in."""

    builder: Any
    size: int
    depth: int


class Kind(abc.ABC):
    """A kind of value; `build` makes one of a size with a builder, `code` is the Python that would."""

    code = "..."

    @abc.abstractmethod
    def build(self, asked: Asked, /) -> Any:
        """Return a value."""


class Fixed(Kind):
    """One value, whatever the size is."""

    def __init__(self, value: Any) -> None:
        self.value, self.code = value, repr(value)

    def build(self, _: Asked, /) -> Any:
        return self.value

    def __repr__(self) -> str:
        return repr(self.value)


class Size(Kind):
    """The size itself."""

    code = "n"

    def build(self, asked: Asked, /) -> Any:
        return asked.size

    def __repr__(self) -> str:
        return "n"


class Items(Kind):
    """A list of items of one of our kinds."""

    def __init__(self, inner: Kind) -> None:
        self.inner, self.code = inner, f"[{inner.code}] * n"

    def build(self, asked: Asked, /) -> Any:
        return asked.builder.items(self.inner, asked.size, asked.depth)

    def __repr__(self) -> str:
        return f"a list of {self.inner}"


class Numbers(Kind):
    """The first numbers, half as many as the size: what is filled meanwhile holds them."""

    code = "list(range(n // 2))"

    def build(self, asked: Asked, /) -> Any:
        return list(range(max(asked.size // 2, 1)))

    def __repr__(self) -> str:
        return "the first n/2 numbers"


class FileName(Kind):
    """The name of a text file of as many lines as the size, in the scratch folder."""

    code = '"file.txt"'

    def build(self, asked: Asked, /) -> Any:
        return str(asked.builder.value(pathlib.Path, asked.size))

    def __repr__(self) -> str:
        return "the name of a file of n lines"


class Function(Kind):
    """A function that returns something simple."""

    code = "lambda *values: values[0]"

    def __init__(self, flavour: str) -> None:
        self.flavour = flavour

    def build(self, _: Asked, /) -> Any:
        return FLAVOURS[self.flavour]

    def __repr__(self) -> str:
        return f"a function that returns {self.flavour}"


class Record(Kind):
    """An object with attributes, or a dict with keys."""

    def __init__(self, fields: Mapping[str, Any], *, keys: bool = False) -> None:
        self.fields, self.keys = fields, keys

    def build(self, asked: Asked, /) -> Any:
        made = {
            name: asked.builder.value(kind, min(asked.size, 4), depth=asked.depth + 1)
            for name, kind in self.fields.items()
        }
        return made if self.keys else types.SimpleNamespace(**made)

    def __repr__(self) -> str:
        return f"{'a dict with' if self.keys else 'an object with'} {', '.join(self.fields)}"


class Filled(Kind):
    """An instance of a class that can be built empty, after things were added to it."""

    def __init__(self, kind: type, *, linked: bool) -> None:
        self.kind, self.linked = kind, linked

    def build(self, asked: Asked, /) -> Any:
        return filled(self.kind(), asked.size, asked.builder.random, linked=self.linked)

    def __repr__(self) -> str:
        return f"{self.kind.__name__}{' with more links' if self.linked else ''}"


class Instance(Kind):
    """An instance of a class, built from kinds of its own."""

    def __init__(self, kind: type, given: Mapping[str, Any]) -> None:
        self.kind, self.given = kind, given

    def build(self, asked: Asked, /) -> Any:
        make = asked.builder.value
        return self.kind(**{name: make(kind, asked.size, depth=asked.depth) for name, kind in self.given.items()})

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({', '.join(f'{name}={kind}' for name, kind in self.given.items())})"


class Wrapped(Kind):
    """An instance of a class that is called with one value: a kind of list, dict or text of the user's own."""

    def __init__(self, kind: type, inner: Any) -> None:
        self.kind, self.inner = kind, inner

    def build(self, asked: Asked, /) -> Any:
        return self.kind(asked.builder.value(self.inner, asked.size, depth=asked.depth))

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({said(self.inner)})"


def code_of(kind: Any) -> str:
    """Return the Python that makes a value of a kind at size `n`, as far as it is known."""
    if isinstance(kind, Kind):
        return kind.code
    text = said(kind)
    for start, code in (
        ("list[str]", '[f"item {i}" for i in range(n)]'), ("list[tuple", "[(i, i + 1) for i in range(n)]"),
        ("list[list", "[[i, i + 1] for i in range(n)]"), ("list", "list(range(n))"),
        ("dict", "{i: i for i in range(n)}"),
        ("set", "set(range(n))"), ("str", '"a" * n'), ("bytes", 'b"a" * n'), ("int", "n"), ("float", "1.0"),
    ):  # fmt: skip
        if text.startswith(start):
            return code
    return "..."


def said(kind: Any) -> str:
    """Return a kind as people write it."""
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
