"""Values written as trees of JSON, and made again from them: the inputs of both versions, and what they come to.

A tree says of each value its exact type, the order of what it holds, and which of the mutable objects in it are one and
the same: each has a number, and stands as `["r", number]` where it comes again.
"""

import asyncio
import base64
import collections
import datetime
import decimal
import enum
import fractions
import importlib
import io
import json
import pathlib
import pickle
import random
import re
import sys
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from . import arrays, clients, kinds, validated  # type: ignore[import-not-found,unused-ignore]
from .network import NETWORK  # type: ignore[import-not-found,unused-ignore]
from .used import local  # type: ignore[import-not-found,unused-ignore]

Tree = Any

DEEPEST = 120
EXACT = 1 << 53  # whole numbers below it are numbers in JSON, too
HOME = "~"  # the module under judgement, whatever it is called on this side
WALKABLE: tuple[Any, ...] = ([], (), {}, "", set(), range(0))
WALKS = frozenset(type(iter(each)) for each in WALKABLE)
MARK = "__perfwright_callback__"
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,}")
LATER = 0.0  # seconds in which a callback that is awaited answers
FLAVOURS = {function: name for name, function in kinds.FLAVOURS.items()}


class CannotWriteError(Exception):
    """A value that no tree stands for; the text says which."""


class Feed:
    """An iterator that can be walked once and tells what it is asked for."""

    def __init__(self, number: int, items: list[Any], log: Callable[..., None]) -> None:
        self.number, self.left, self._log = number, collections.deque(items), log

    def __iter__(self) -> "Feed":
        return self

    def __next__(self) -> Any:
        self._log("next", self.number)
        if not self.left:
            raise StopIteration
        return self.left.popleft()


ATOMS: dict[type, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    complex: (lambda value: [repr(value.real), repr(value.imag)], lambda held: complex(*map(float, held))),
    decimal.Decimal: (str, decimal.Decimal),
    fractions.Fraction: (str, fractions.Fraction),
    datetime.date: (datetime.date.isoformat, datetime.date.fromisoformat),
    datetime.timedelta: (
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda held: datetime.timedelta(*held),
    ),
    uuid.UUID: (lambda value: value.hex, uuid.UUID),
    range: (lambda value: [value.start, value.stop, value.step], lambda held: range(*held)),
    type(...): (lambda _: "", lambda _: ...),
    type(NotImplemented): (lambda _: "", lambda _: NotImplemented),
}  # fmt: skip
NAMES = {kind: kind.__name__ for kind in ATOMS}
ATOMS_BY_NAME = {name: ATOMS[kind][1] for kind, name in NAMES.items()}
BUILT_IN = (collections.OrderedDict, collections.Counter, collections.defaultdict, collections.deque)
PAYLOADS: tuple[type, ...] = (dict, list, set, frozenset, tuple, str, bytes, int, float, collections.deque)


class Scribe:
    """Writes values down. What is `strict` can be made again; else what cannot is named by its type."""

    def __init__(self, home: str, *, strict: bool = False, most: int = 200_000) -> None:
        self.home, self.strict, self.left = home, strict, most
        self.numbers: dict[int, int] = {}
        self.first = 0  # number of the first object that is new
        self.owners: dict[int, int] = {}  # of the memory of arrays
        self.kept: list[Any] = []  # alive, or another object takes its address

    def write(self, value: Any, depth: int = 0) -> Tree:
        """Return the tree of a value. Raises CannotWriteError where it is strict and there is none."""
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -EXACT < value < EXACT else ["i", hex(value)]
        if kind is float:
            return ["f", repr(value)]
        self.left -= 1
        if self.left < 0 or depth > DEEPEST:
            return self._unwritten("more than can be written down")
        if kind is tuple:
            return ["t", [self.write(each, depth + 1) for each in value]]
        if kind is bytes:
            return ["b", value.hex()]
        if kind in ATOMS:
            return ["x", NAMES[kind], ATOMS[kind][0](value)]
        if isinstance(value, enum.Enum):
            return ["e", self.name(kind), value.name]
        if isinstance(value, type):
            return ["c", self.name(value)]
        if arrays.library(kind) and (one := arrays.single(value, self.write)) is not None:
            return one
        if id(value) in self.numbers:
            return ["r", self.numbers[id(value)]]
        if kind is frozenset:
            return ["z", _sorted([self.write(each, depth + 1) for each in value])]
        return self._numbered(value, kind, depth + 1)

    def _numbered(self, value: Any, kind: type, depth: int) -> Tree:
        number = self.numbers[id(value)] = self.first + len(self.kept)
        self.kept.append(value)
        if kind is list:
            return ["l", number, [self.write(each, depth) for each in value]]
        if kind is dict:
            return ["d", number, self._pairs(value, depth)]
        if kind is set:
            return ["s", number, _sorted([self.write(each, depth) for each in value])]
        if kind is bytearray:
            return ["a", number, value.hex()]
        if kind is Feed:
            return ["n", number, [self.write(each, depth) for each in value.left]]
        if self.strict and kind in WALKS:  # it was made to be written down, and is not needed any more
            return ["n", number, [self.write(each, depth) for each in value]]
        if kind in (io.StringIO, io.BytesIO):
            held = "" if value.closed else value.getvalue()
            text = held if isinstance(held, str) else held.hex()
            return ["io", number, kind.__name__, text, -1 if value.closed else value.tell()]
        if callable(value) and (found := self._function(value, number, depth)) is not None:
            return found
        if isinstance(value, types.ModuleType):
            return ["m", value.__name__]
        if arrays.library(kind) and (table := arrays.table(value, number, self.write, self.owners)) is not None:
            return table
        if not self.strict and (told := clients.opaque(value)) is not None:
            return ["?", *told]
        if isinstance(value, BaseException):
            return ["E", self.name(kind), [self.write(each, depth) for each in value.args], self._held(value, depth)]
        return self._object(value, kind, number, depth)

    def _pairs(self, value: Any, depth: int) -> list[Tree]:
        return [[self.write(key, depth), self.write(each, depth)] for key, each in _ordered(value).items(value)]

    def _function(self, value: Any, number: int, depth: int) -> Tree:
        """Return the tree of a function: one of ours, or one that has a name."""
        if (spec := getattr(value, MARK, None)) is not None and isinstance(spec, list):
            return ["k", number, *spec]
        if isinstance(value, kinds.Constant):
            return ["k", number, "fixed, later" if value.later else "fixed", self.write(value.value, depth)]
        if isinstance(value, types.FunctionType) and value in FLAVOURS:
            return ["k", number, FLAVOURS[value], None]
        if not self.strict and local(value):
            return ["fn"]
        if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
            name = f"{getattr(value, '__module__', '')}:{value.__qualname__}"
            if self.strict and _named(name) is not value:
                return self._unwritten(f"the function {value.__qualname__}")
            return ["g", self._at_home(name)]
        return None

    def _object(self, value: Any, kind: type, number: int, depth: int) -> Tree:
        """Return the tree of an object: its class, what it holds as a kind of container, and its attributes."""
        payload: Tree = None
        base = next((each for each in PAYLOADS if isinstance(value, each)), None)
        if base is dict:
            factory = getattr(value, "default_factory", None) if isinstance(value, collections.defaultdict) else None
            payload = ["d", self._pairs(value, depth), self.write(factory, depth)]
        elif base is collections.deque:
            payload = ["q", [self.write(each, depth) for each in collections.deque.__iter__(value)], value.maxlen]
        elif base in (list, set, frozenset, tuple):
            assert base is not None
            items = [self.write(each, depth) for each in base.__iter__(value)]
            payload = [base.__name__, items if base in (list, tuple) else _sorted(items)]
        elif base is not None:
            payload = [base.__name__, self.write(base.__new__(base, value), depth)]
        elif (datum := _moment(value)) is not None:
            return ["x", *datum]
        elif isinstance(value, pathlib.PurePath):
            return ["x", "path", [kind.__name__, str(value)]]
        elif kind is re.Pattern:
            return ["x", "pattern", [value.pattern if isinstance(value.pattern, str) else "", value.flags]]
        elif not _plain(value, kind):
            return self._pickled(value, kind)
        return ["o", number, self.name(kind), payload, self._held(value, depth)]

    def _held(self, value: Any, depth: int) -> list[Tree]:
        """Return the attributes of an object, by name, without those that it keeps of what it stands for."""
        held = dict(getattr(value, "__dict__", {}))
        for each in type(value).__mro__:
            slots = each.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                own = f"_{each.__name__.lstrip('_')}{name}" if name.startswith("__") and name[-2:] != "__" else name
                if own not in ("__dict__", "__weakref__"):
                    try:
                        held[own] = object.__getattribute__(value, own)
                    except AttributeError:
                        continue
        kept = getattr(held.get("_wrapped"), "__dict__", {})  # as Django's settings keep those that were asked for
        held = {name: each for name, each in held.items() if name not in kept or kept[name] is not each}
        return [[name, self.write(held[name], depth)] for name in sorted(held)]

    def _pickled(self, value: Any, kind: type) -> Tree:
        if isinstance(value, Iterator) or not self.strict:
            return self._unwritten(f"{kind.__module__}.{kind.__qualname__}")
        try:
            data = pickle.dumps(value)
            pickle.loads(data)
        except Exception as error:  # it runs methods of the user's
            raise CannotWriteError(
                f"a {kind.__qualname__} cannot be copied: {type(error).__name__}: {error}"
            ) from error
        return ["p", base64.b64encode(data).decode()]

    def _unwritten(self, what: str) -> Tree:
        if self.strict:
            raise CannotWriteError(f"{what} cannot be copied")
        return ["?", ADDRESS.sub("0x", what)]

    def name(self, kind: Any) -> str:
        """Return the name of a class by which the other side finds it."""
        return self._at_home(f"{kind.__module__}:{kind.__qualname__}")

    def _at_home(self, name: str) -> str:
        module, _, rest = name.partition(":")
        return f"{HOME}:{rest}" if module == self.home else name


class Maker:
    """Makes values from trees. `log` hears what is asked of the callbacks and the iterators among them; `built` gives
    the arguments of a call at a size, for those that cannot be copied; `turn` an object that is another one in each
    call of the function, from which a callback that fails counts anew."""

    def __init__(
        self,
        home: types.ModuleType,
        log: Callable[..., None],
        built: Callable[[int, str], Any] | None = None,
        turn: Callable[[], object] = lambda: None,
    ) -> None:
        self.home, self.log, self.built, self.turn = home, log, built, turn
        self.made: dict[int, Any] = {}
        self.calls: dict[Any, Any] = {}

    def make(self, tree: Tree) -> Any:
        """Return the value of a tree. Raises whatever its classes raise."""
        if not isinstance(tree, list):
            return tree
        tag = tree[0]
        if tag == "f":
            return float(tree[1])
        if tag == "i":
            return int(tree[1], 16)
        if tag == "t":
            return tuple([self.make(each) for each in tree[1]])
        if tag == "r":
            return self.made[tree[1]]
        if tag == "b":
            return bytes.fromhex(tree[1])
        if tag == "z":
            return frozenset([self.make(each) for each in tree[1]])
        if tag == "x":
            return self._atom(tree[1], tree[2])
        if tag == "e":
            return self.found(tree[1])[tree[2]]
        if tag in ("c", "g"):
            return self.found(tree[1])
        if tag == "m":
            return importlib.import_module(tree[1])
        if tag == "p":
            return pickle.loads(base64.b64decode(tree[1]))
        if tag == "E":
            return self.found(tree[1])(*[self.make(each) for each in tree[2]])
        return self._numbered(tag, tree[1], tree)

    def _numbered(self, tag: str, number: int, tree: Tree) -> Any:
        value: Any
        if tag == "made":
            return self._built(*tree[1:4])
        if tag in ("l", "s", "d"):
            value = self.made[number] = {"l": list, "s": set, "d": dict}[tag]()
            if tag == "d":
                value.update((self.make(key), self.make(each)) for key, each in tree[2])
            elif tag == "l":
                value.extend(self.make(each) for each in tree[2])
            else:
                value.update([self.make(each) for each in tree[2]])
            return value
        if tag == "a":
            value = bytearray.fromhex(tree[2])
        elif tag == "n":
            value = Feed(number, [self.make(each) for each in tree[2]], self.log)
        elif tag == "io":
            value = io.StringIO(tree[3]) if tree[2] == "StringIO" else io.BytesIO(bytes.fromhex(tree[3]))
            value.seek(max(tree[4], 0))
        elif tag == "k":
            value = self._callback(number, tree[2], tree[3])
        elif tag in ("np", "df", "sr", "pd"):
            value = arrays.made(tree, self.make)
        else:
            return self._object(number, tree)
        self.made[number] = value
        return value

    def _built(self, n: int, distribution: str, place: Any) -> Any:
        """Return an argument, by its place or name, of the call that is built at a size."""
        if self.built is None:
            raise CannotWriteError("it cannot be built here")
        if (n, distribution) not in self.calls:
            random.seed(n)
            self.calls[n, distribution] = self.built(n, distribution)
        return self.calls[n, distribution][isinstance(place, str)][place]

    def _callback(self, number: int, flavour: str, given: Tree) -> Any:
        """Return a function that tells what it is called with; one that `raises` fails from one call to another."""
        spec = [flavour, given]
        error, first, last = None, 0, 0
        if isinstance(given, list) and given[:1] == ["raises"]:
            _, error, first, last, given = given
        base, _, later = flavour.partition(", ")
        fixed = self.make(given) if base == "fixed" else None
        inner = kinds.FLAVOURS.get(base)
        calls, turn = 0, self.turn()

        def called(values: tuple[Any, ...], named: dict[str, Any]) -> Any:
            nonlocal calls, turn
            if turn is not self.turn():
                calls, turn = 0, self.turn()
            calls += 1
            self.log("call", number, list(values), named)
            if error is not None and first <= calls <= last:
                raise self.found(error)("the callback failed")
            return inner(*values, **named) if inner is not None else fixed

        def callback(*values: Any, **named: Any) -> Any:
            return called(values, named)

        async def awaited(*values: Any, **named: Any) -> Any:
            made = called(values, named)
            with NETWORK.going():
                await asyncio.sleep(LATER)
            self.log("came", number, list(values), named)
            return made

        chosen = awaited if later else callback
        setattr(chosen, MARK, spec)
        return chosen

    def _object(self, number: int, tree: Tree) -> Any:
        _, _, name, payload, held = tree
        kind = self.found(name)
        if payload is None:
            value = object.__new__(kind)
        elif payload[0] == "d":
            value = kind.__new__(kind)
            if issubclass(kind, collections.defaultdict):
                value.default_factory = self.make(payload[2])
        elif payload[0] == "q":
            value = kind([], payload[2])
        elif payload[0] in ("list", "set"):
            value = kind.__new__(kind)
        elif payload[0] in ("tuple", "frozenset"):
            base: Any = {"tuple": tuple, "frozenset": frozenset}[payload[0]]
            value = base.__new__(kind, [self.make(each) for each in payload[1]])
        else:
            base = {"str": str, "bytes": bytes, "int": int, "float": float}[payload[0]]
            value = base.__new__(kind, self.make(payload[1]))
        self.made[number] = value
        if payload is not None and payload[0] == "d":
            for key, each in payload[1]:
                _ordered(value).__setitem__(value, self.make(key), self.make(each))
        elif payload is not None and payload[0] in ("list", "q"):
            base = list if payload[0] == "list" else collections.deque
            base.extend(value, [self.make(each) for each in payload[1]])
        elif payload is not None and payload[0] == "set":
            set.update(value, [self.make(each) for each in payload[1]])
        for name, each in held:
            object.__setattr__(value, name, self.make(each))
        validated.check(value)
        return value

    def _atom(self, name: str, held: Any) -> Any:
        if name == "datetime":
            return datetime.datetime.fromisoformat(held)
        if name == "time":
            return datetime.time.fromisoformat(held)
        if name == "path":
            return getattr(pathlib, held[0])(held[1])
        if name == "pattern":
            return re.compile(held[0], held[1])
        return ATOMS_BY_NAME[name](held)

    def found(self, name: str) -> Any:
        """Return what a name stands for on this side. Raises LookupError where it stands for nothing."""
        module, _, rest = name.partition(":")
        if module != HOME:
            if (named := _named(name)) is None:
                raise LookupError(f"there is no {name}")
            return named
        found: Any = self.home
        for part in rest.split("."):
            found = getattr(found, part)
        return found


def _ordered(value: Any) -> Any:
    """Return the class that knows the order of a dictionary, whatever its own makes of it."""
    return collections.OrderedDict if isinstance(value, collections.OrderedDict) else dict


def _named(name: str) -> Any:
    module, _, rest = name.partition(":")
    try:
        found: Any = sys.modules.get(module) or importlib.import_module(module)
        for part in rest.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError):
        return None
    return found


def _moment(value: Any) -> tuple[str, str] | None:
    """Return a time with a fixed offset, or none, as text."""
    if type(value) in (datetime.datetime, datetime.time) and isinstance(value.tzinfo, (datetime.timezone, type(None))):
        return type(value).__name__, value.isoformat()
    return None


def _made_in_c(kind: type) -> bool:
    """Tell whether C code fills the objects of a class: a connection, which is none without."""
    makes = types.WrapperDescriptorType
    return any(isinstance(vars(each).get("__init__"), makes) for each in kind.__mro__ if each is not object)


def _plain(value: Any, kind: type) -> bool:
    """Tell whether an object is no more than its attributes: it can be made from them."""
    if kind.__module__ == "builtins" or isinstance(value, Iterator) or _made_in_c(kind):
        return False
    try:
        return type(object.__new__(kind)) is kind
    except TypeError:
        return False


def _sorted(trees: list[Tree]) -> list[Tree]:
    return sorted(trees, key=json.dumps)


class Items(list):  # type: ignore[type-arg]
    """A list of a class of its own."""


class Text(str):
    """Text of a class of its own."""

    __slots__ = ()


class Number(int):
    """A whole number of a class of its own."""
