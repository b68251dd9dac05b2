"""The vocabulary of the library models, and the TOML files that use it (`docs/library-models.md`)."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

from perfwright.errors import LibraryModelError

# An effect of the second line costs in proportion to something, which it names: `scan(self)`.
PLAIN_EFFECTS = (
    *("db.query", "db.write", "db.commit", "http.request", "llm.call", "file.read", "file.write", "process.spawn"),
    *("wait", "lock.acquire", "connect", "client", "pool", "model.load", "compile", "cpu", "flush", "raise"),
)
SIZED_EFFECTS = ("serialize", "scan", "sort", "copy", "shift", "allocate", "load", "grow")
EFFECT_NAMES = (*PLAIN_EFFECTS, *(f"{name}(x)" for name in SIZED_EFFECTS))

# How many arguments each head of the type language takes.
HEADS: dict[str, tuple[int, ...]] = {
    "self": (0,),
    "Rows": (1, 2),
    "Row": (1,),
    "List": (1,),
    "Set": (1,),
    "Dict": (2,),
    "Iter": (1,),
    "Tuple": (1,),
    "Coroutine": (1,),
    "Scalar": (0,),
    "Unknown": (0,),
    "element": (0,),
    "result": (0,),
}
OF_MODEL = ("Rows", "Row")  # their first argument is `M` or a parameter's name

When = Literal["call", "iterate", "await", "first", "enter"]
Where = Literal["here", "thread", "process", "later"]
Holds = Literal["lock", "transaction"]

FILE_KEYS = ("library", "versions", "import", "source", "alias", "pure")
KEYS = (
    *("does", "returns", "when", "blocking", "given", "runs", "memo", "fetches", "limits", "filters", "orders"),
    *("params", "class", "base", "attribute", "holds", "async_twin", "bulk", "instead", "timeout", "because", "source"),
)

_EFFECT = re.compile(r"(?P<name>[a-z.]+)(?:\((?P<of>[A-Za-z_]\w*)\))?")
_TOKEN = re.compile(r"\s*([A-Za-z_][\w.]*|[\[\],])")
_PARAMETER = re.compile(r"\*|\*args|\*\*kwargs|[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Type:
    """A type of the small language: `Rows[M]` is `Type("Rows", (Type("M"),))`."""

    head: str
    args: tuple["Type", ...] = ()

    def __str__(self) -> str:
        """Return the type as it is written."""
        return f"{self.head}[{', '.join(map(str, self.args))}]" if self.args else self.head


@dataclass(frozen=True, slots=True)
class Effect:
    """Something one call costs, and in proportion to what: `scan(self)` is `Effect("scan", "self")`."""

    name: str
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Runs:
    """The argument that a call calls: where, and `once` or `per x`."""

    arg: str
    where: Where
    times: str


@dataclass(frozen=True, slots=True)
class Memo:
    """Calls with an equal `key` cost once, while no more than `bound` results are kept."""

    bound: str | int
    key: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What is known of one callable, attribute or class of a library."""

    name: str
    library: str
    does: tuple[Effect, ...] = ()
    returns: Type | None = None
    when: When = "call"
    blocking: bool = True
    given: str | None = None
    runs: Runs | None = None
    memo: Memo | None = None
    fetches: str | None = None
    limits: str | int | None = None
    filters: str | None = None
    orders: str | None = None
    params: tuple[str, ...] = ()
    is_class: bool = False
    base: str | None = None
    attribute: bool = False
    holds: Holds | None = None
    async_twin: str | None = None
    bulk: str | None = None
    instead: str | None = None
    timeout: Mapping[str, str] | None = field(default=None, hash=False)
    because: str | None = None
    source: str | None = None


def parse_type(text: str) -> Type:
    """Parse a type; raises ValueError that says what is wrong with it."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != "".join(text.split()):
        raise ValueError("a type is a name, or a name with types in brackets")
    found, rest = _type(tokens)
    if rest:
        raise ValueError(f"there is {rest[0]!r} after its end")
    return found


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What one file says: models, other spellings of names, and names that cost nothing worth counting."""

    library: str
    models: Mapping[str, Model]
    aliases: Mapping[str, str]
    pure: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One table of a file, which refuses what it does not understand."""

    file: str
    name: str
    table: Mapping[str, Any]

    def refuse(self, key: str, right: str, slug: str = "broken-library-model") -> LibraryModelError:
        says = f"{key} = {self.table[key]!r}" if key in self.table else f"{key!r}"
        return LibraryModelError(f"{self.file}: {self.name!r} says {says}; {right}.", slug=slug)

    def text(self, key: str) -> str | None:
        value = self.table.get(key)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.refuse(key, "give text")
        return value

    def strings(self, key: str) -> tuple[str, ...]:
        value = self.table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.refuse(key, 'give a list of strings, such as ["a", "b"]')
        return tuple(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.table.get(key, default)
        if not isinstance(value, bool):
            raise self.refuse(key, "give true or false")
        return value

    def parameter(self, key: str) -> str | None:
        value = self.text(key)
        if value is not None and not _PARAMETER.fullmatch(value):
            raise self.refuse(key, 'give the name of a parameter, or "*args", "**kwargs", "*" for both')
        return value

    def inner(self, key: str, keys: tuple[str, ...]) -> Mapping[str, Any] | None:
        value = self.table.get(key)
        if value is None:
            return None
        if not isinstance(value, dict) or set(value) != set(keys):
            raise self.refuse(key, f"give a table with {', '.join(keys)}")
        return value

    def model(self, library: str, source: str | None) -> Model:
        for key in self.table:
            if key not in KEYS:
                raise self.refuse(key, f"use one of {', '.join(KEYS)}")
        when = self._when()
        base = self.text("base")
        return Model(
            name=self.name,
            library=library,
            does=tuple(self._effect(item) for item in self.strings("does")),
            returns=self._returns(),
            when=when,
            blocking=self.flag("blocking", when != "await"),
            given=self.parameter("given"),
            runs=self._runs(),
            memo=self._memo(),
            fetches=self.parameter("fetches"),
            limits=self._limits(),
            filters=self.parameter("filters"),
            orders=self.parameter("orders"),
            params=self._params(),
            is_class=self.flag("class", default=False) or base is not None,
            base=base,
            attribute=self.flag("attribute", default=False),
            holds=self._holds(),
            async_twin=self.text("async_twin"),
            bulk=self.text("bulk"),
            instead=self.text("instead"),
            timeout=self._timeout(),
            because=self.text("because"),
            source=self.text("source") or source,
        )

    def _when(self) -> When:
        when = self.table.get("when", "call")
        if when not in get_args(When):
            raise self.refuse("when", f"use one of {', '.join(get_args(When))}")
        return cast(When, when)

    def _holds(self) -> Holds | None:
        held = self.table.get("holds")
        if held is not None and held not in get_args(Holds):
            raise self.refuse("holds", f"use one of {', '.join(get_args(Holds))}")
        return cast(Holds | None, held)

    def _effect(self, written: str) -> Effect:
        match = _EFFECT.fullmatch(written)
        name, of = (match["name"], match["of"]) if match else ("", None)
        if (of is None and name in PLAIN_EFFECTS) or (of is not None and name in SIZED_EFFECTS):
            return Effect(name, of)
        raise self.refuse("does", f"use one of {', '.join(EFFECT_NAMES)}", slug="unknown-effect")

    def _returns(self) -> Type | None:
        written = self.text("returns")
        if written is None:
            return None
        try:
            return parse_type(written)
        except ValueError as error:
            raise self.refuse("returns", str(error)) from error

    def _runs(self) -> Runs | None:
        table = self.inner("runs", ("arg", "where", "times"))
        if table is None:
            return None
        times, arg = table["times"], table["arg"]
        if table["where"] not in get_args(Where):
            raise self.refuse("runs", f"give where as one of {', '.join(get_args(Where))}")
        if not isinstance(arg, str) or not _PARAMETER.fullmatch(arg):
            raise self.refuse("runs", "give arg as the name of a parameter")
        if not isinstance(times, str) or not re.fullmatch(r"once|per [A-Za-z_]\w*", times):
            raise self.refuse("runs", 'give times as "once" or "per " and the name of a parameter')
        return Runs(arg, table["where"], times)

    def _memo(self) -> Memo | None:
        table = self.inner("memo", ("bound", "key"))
        if table is None:
            return None
        bound, key = table["bound"], table["key"]
        if not isinstance(bound, str | int) or isinstance(bound, bool):
            raise self.refuse("memo", 'give bound as a parameter, "none" or a number')
        if not isinstance(key, list) or not all(isinstance(item, str) for item in key):
            raise self.refuse("memo", 'give key as a list of parameters, such as ["args"]')
        return Memo(bound, tuple(key))

    def _limits(self) -> str | int | None:
        value = self.table.get("limits")
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        return self.parameter("limits")

    def _params(self) -> tuple[str, ...]:
        names = self.strings("params")
        if not all(name.isidentifier() for name in names):
            raise self.refuse("params", "give the names of the positional parameters, without self")
        return names

    def _timeout(self) -> Mapping[str, str] | None:
        table = self.inner("timeout", ("arg", "default"))
        if table is not None and not all(isinstance(value, str) for value in table.values()):
            raise self.refuse("timeout", 'give arg and default as text, such as { arg = "timeout", default = "none" }')
        return table


def text_of(path: Path) -> str:
    """Return the text of a file; raises LibraryModelError where it has none."""
    try:
        return path.read_text("utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise LibraryModelError(
            f"{path.name} cannot be read ({error}); a library model is a TOML file in UTF-8.",
            slug="broken-library-model",
        ) from error


def read(path: Path) -> ModelFile:
    """Read one file; raises LibraryModelError that names the file and the key."""
    try:
        data = tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as error:
        raise LibraryModelError(
            f"{path.name} is not TOML ({error}); correct that line.", slug="broken-library-model"
        ) from error
    head = _Entry(path.name, "the file", {key: value for key, value in data.items() if key in FILE_KEYS})
    library, top = head.text("library"), head.table.get("import")
    if not library or not isinstance(top, str):
        raise head.refuse("library" if not library else "import", "give its library and the package it is imported as")
    head.text("versions")
    source, pure = head.text("source"), head.strings("pure")
    aliases = head.table.get("alias", {})
    if not isinstance(aliases, dict) or not all(isinstance(name, str) for name in aliases.values()):
        raise head.refuse("alias", 'give a table of names, such as "a.B" = "a.b.B"')
    models: dict[str, Model] = {}
    for name, table in data.items():
        if name in FILE_KEYS:
            continue
        entry = _Entry(path.name, name, table if isinstance(table, dict) else {})
        if "." not in name or not isinstance(table, dict):
            raise LibraryModelError(
                f"{path.name}: {name!r} is not a key; use one of {', '.join(FILE_KEYS)}, or a table under a "
                'qualified name, such as ["package.function"].',
                slug="broken-library-model",
            )
        models[name] = entry.model(library, source)
    for name in (*models, *aliases, *pure):
        if top and name.partition(".")[0] != top:
            raise LibraryModelError(
                f"{path.name}: {name!r} is not of the package {top!r} that the file says it imports; "
                "move it to a file of its own.",
                slug="broken-library-model",
            )
    return ModelFile(library, models, aliases, pure)


def _type(tokens: list[str], *, of_model: bool = False) -> tuple[Type, list[str]]:
    if not tokens or tokens[0] in "[],":
        raise ValueError("a name is missing")
    head, rest = tokens[0], tokens[1:]
    if not of_model and head not in HEADS and "." not in head:
        raise ValueError(f"{head!r} is no type; use one of {', '.join(HEADS)} or the qualified name of a class")
    args: list[Type] = []
    if rest[:1] == ["["]:
        rest[0] = ","
        while rest[:1] == [","]:
            found, rest = _type(rest[1:], of_model=head in OF_MODEL and not args)
            args.append(found)
        if rest[:1] != ["]"]:
            raise ValueError("a bracket is not closed")
        rest = rest[1:]
    expected = (0,) if of_model or "." in head else HEADS[head]
    if len(args) not in expected:
        raise ValueError(f"{head} takes {' or '.join(map(str, expected))} types in brackets")
    return Type(head, tuple(args)), rest
