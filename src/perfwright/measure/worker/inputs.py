"""Arguments of any size, made from annotations."""

import collections
import collections.abc
import datetime
import decimal
import enum
import fractions
import io
import pathlib
import random
import re
import tempfile
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

from . import instances, spread  # type: ignore[import-not-found,unused-ignore]
from .instances import INNER, CannotBuildError  # type: ignore[import-not-found,unused-ignore]
from .kinds import FLAVOURS, Asked, Constant, Kind  # type: ignore[import-not-found,unused-ignore]

DEEPEST = 6

LISTS = (
    list, collections.abc.Sequence, collections.abc.MutableSequence, collections.abc.Iterable,
    collections.abc.Collection, collections.abc.Reversible,
)  # fmt: skip
SETS = (set, collections.abc.Set, collections.abc.MutableSet)
MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


class Builder:
    """Makes values of annotated types: of size `n` where they grow, from one seed."""

    def __init__(self, n: int, distribution: str = "random", seed: int = 0) -> None:
        self.n, self.spread = n, spread.parse(distribution)
        self.random = random.Random(f"{seed} {n}")

    def value(self, kind: Any, size: int, *, grows: bool = False, depth: int = 0) -> Any:  # noqa: C901 - one line a type
        """Return a value of a type: a container of `size` items; a number where no container `grows`."""
        if depth > DEEPEST:
            raise CannotBuildError("it nests too deeply")
        if isinstance(kind, Kind):
            return kind.build(Asked(self, size, depth))
        kind = plain(kind)
        origin, given = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            some = [each for each in given if each is not type(None)]
            return self.value(max(some, key=is_container), size, grows=grows, depth=depth) if some else None
        if origin is typing.Literal:
            return self.random.choice(given)
        base = origin or kind
        if base in LISTS:
            return self.items(given[0] if given else int, size, depth)
        if base in (collections.abc.Iterator, collections.abc.Generator):
            return iter(self.items(given[0] if given else int, size, depth))
        if base is tuple:
            if given and given[-1] is not Ellipsis:
                return tuple([self.value(each, INNER, depth=depth + 1) for each in given if each != ()])
            return tuple(self.items(given[0] if given else int, size, depth))
        if base is collections.deque:
            return collections.deque(self.items(given[0] if given else int, size, depth))
        if base in SETS:
            return set(self.distinct(given[0] if given else int, size, depth))
        if base is frozenset:
            return frozenset(self.distinct(given[0] if given else int, size, depth))
        if base in MAPPINGS or base is collections.defaultdict or base is collections.OrderedDict:
            key, item = given if len(given) == 2 else (str, int)
            made = {each: self.value(item, INNER, depth=depth + 1) for each in self.distinct(key, size, depth)}
            if base is collections.defaultdict:
                return collections.defaultdict(lambda: self.value(item, INNER, depth=depth + 1), made)
            return collections.OrderedDict(made) if base is collections.OrderedDict else made
        if base is collections.Counter:
            return collections.Counter(self.items(given[0] if given else str, size, depth))
        if base is collections.abc.Callable or base is Callable:
            return self.function(given[-1] if given else Any, depth)
        if base is type:
            return given[0] if given else int
        return self.scalar(base, size, grows=grows, depth=depth)

    def scalar(self, kind: Any, size: int, *, grows: bool, depth: int) -> Any:  # noqa: C901 - one line a type
        """Return a value of a type that is no container; text of `size` characters."""
        pick = self.random
        if kind is bool:
            return pick.random() < 0.5
        if kind in (int, complex, typing.SupportsInt, typing.SupportsIndex):
            return size if grows else pick.randrange(10 * max(self.n, 10))
        if kind is float:
            return float(size) if grows else pick.random() * max(self.n, 10)
        if kind is str or kind is typing.AnyStr:
            return self.text(size if depth == 0 else 8)
        if kind in (bytes, bytearray, collections.abc.ByteString if hasattr(collections.abc, "ByteString") else bytes):
            made = self.text(size if depth == 0 else 8).encode()
            return bytearray(made) if kind is bytearray else made
        if kind in (object, Any, collections.abc.Hashable) or isinstance(kind, typing.TypeVar):
            return pick.randrange(10 * max(self.n, 10))
        if kind is None or kind is type(None):
            return None
        if kind is decimal.Decimal:
            return decimal.Decimal(pick.randrange(10**6)) / 100
        if kind is datetime.datetime:
            return datetime.datetime(2024, 1, 1) + datetime.timedelta(seconds=pick.randrange(10**8))
        if kind is datetime.date:
            return datetime.date(2024, 1, 1) + datetime.timedelta(days=pick.randrange(3000))
        if kind is datetime.timedelta:
            return datetime.timedelta(seconds=pick.randrange(10**6))
        if kind is datetime.time:
            return datetime.time(pick.randrange(24), pick.randrange(60))
        if kind is fractions.Fraction:
            return fractions.Fraction(pick.randrange(1000), 7)
        if kind is range:
            return range(size)
        if kind is re.Pattern:
            return re.compile(r"\w+")
        if kind is re.Match:
            return re.match(r"(\d)(\d)(\d)", "123")
        if kind is uuid.UUID:
            return uuid.UUID(int=pick.getrandbits(128))
        if kind in (io.StringIO, io.TextIOBase, typing.TextIO):
            return io.StringIO("\n".join(self.text(20) for _ in range(size)))
        if kind in (io.BytesIO, io.BufferedIOBase, typing.BinaryIO):
            return io.BytesIO(b"\n".join(self.text(20).encode() for _ in range(size)))
        if isinstance(kind, type) and issubclass(kind, pathlib.PurePath):
            with tempfile.NamedTemporaryFile("w", suffix=".txt", delete=False, encoding="utf8") as file:
                file.writelines(self.text(20) + "\n" for _ in range(size))
            return kind(file.name)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return pick.choice(list(kind))
        return self.instance(kind, size, depth)

    def function(self, back: Any, depth: int) -> Callable[..., Any]:
        """Return a function that returns a type: what it is given, as far as that is of the type."""
        if typing.get_origin(back) in (collections.abc.Awaitable, collections.abc.Coroutine):
            inner = (*typing.get_args(back), Any)[-2]
            if inner is Any or isinstance(inner, typing.TypeVar):
                return FLAVOURS["the first argument, later"]
            return Constant(self.value(inner, INNER, depth=depth + 1), later=True)
        if back is bool:
            return FLAVOURS["whether it is odd"]
        if back in (int, float, str):
            return FLAVOURS[f"the argument as {back.__name__}"]
        if back is Any or isinstance(back, typing.TypeVar) or back in (None, type(None)):
            return FLAVOURS["the first argument"]
        return Constant(self.value(back, INNER, depth=depth + 1))

    def instance(self, kind: Any, size: int, depth: int) -> Any:
        """Return an instance of a class of the user's."""
        return instances.made(self, kind, size, depth)

    def items(self, kind: Any, size: int, depth: int) -> list[Any]:
        """Return `size` values of a type, spread as the distribution says."""
        if self.spread.distinct == "one":
            return [self.value(kind, INNER, depth=depth + 1)] * size
        if kind is int:  # by far the most often asked for
            made = self.random.choices(range(10 * max(self.n, 10)), k=size)
        else:
            made = [self.value(kind, INNER, depth=depth + 1) for _ in range(size)]
        return spread.arranged(made, self.spread, self.random)  # type: ignore[no-any-return,unused-ignore]

    def distinct(self, kind: Any, size: int, depth: int) -> list[Any]:
        """Return up to `size` different values of a type."""
        made: dict[Any, None] = {}
        for _ in range(3 * size):
            if len(made) >= size:
                break
            made[self.value(kind, INNER, depth=depth + 1)] = None
        return list(made)

    def text(self, size: int) -> str:
        """Return text of a length."""
        return spread.text(size, self.spread, self.random)  # type: ignore[no-any-return,unused-ignore]


def plain(kind: Any) -> Any:
    """Return the type that a new name, an alias, a note or a type variable stands for."""
    for _ in range(DEEPEST):
        if typing.get_origin(kind) in (typing.Annotated, typing.ClassVar, typing.Final):
            kind = typing.get_args(kind)[0]
        elif hasattr(kind, "__supertype__"):
            kind = kind.__supertype__
        elif type(kind).__name__ == "TypeAliasType":
            kind = kind.__value__
        elif isinstance(kind, typing.TypeVar) and (kind.__constraints__ or kind.__bound__):
            kind = kind.__constraints__[0] if kind.__constraints__ else kind.__bound__
        else:
            break
    return kind


def is_container(kind: Any) -> bool:
    """Tell whether values of a type have a size of their own."""
    kind = plain(kind)
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return any(map(is_container, typing.get_args(kind)))
    base = origin or kind
    if base is tuple:
        given = typing.get_args(kind)
        return not given or given[-1] is Ellipsis
    files = (str, bytes, bytearray, io.StringIO, io.BytesIO, typing.TextIO, typing.BinaryIO)
    if base in LISTS or base in SETS or base in MAPPINGS or base in files:
        return True
    if instances.holds_items(base):
        return True
    some = (frozenset, collections.deque, collections.abc.Iterator, collections.Counter, collections.defaultdict)
    return base in some or (isinstance(base, type) and issubclass(base, pathlib.PurePath))
