"""Settings: what the user asks for, and the size and budgets a program is judged against.

They come from `perfwright.toml` or the `[tool.perfwright]` table of `pyproject.toml`. Whatever is not
known is refused by its name; nothing is ignored in silence.
"""

import fnmatch
import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from perfwright.errors import ConfigError

FILES = ("perfwright.toml", "pyproject.toml")
KEYS = ("select", "ignore", "exclude", "tests", "models", "per-path", "size", "budget", "prices")
RESOURCES = ("latency_ms", "stall_ms", "memory_mb", "queries", "response_kb", "usd_per_month", "import_ms")

# Milliseconds, unless said otherwise, of one effect on the machines most teams rent. Orders of
# magnitude, not measurements of the user's system: each one is a setting.
PRICES: dict[str, float] = {
    "db.query": 1.0,
    "db.write": 1.5,
    "db.commit": 3.0,
    "db.seqscan": 0.0005,
    "http.request": 50.0,
    "llm.call": 2_000.0,
    "file.read": 2.0,
    "file.write": 4.0,
    "process.spawn": 20.0,
    "wait": 100.0,
    "lock.acquire": 0.01,
    "connect": 20.0,
    "client": 30.0,
    "pool": 0.5,
    "model.load": 5_000.0,
    "compile": 0.1,
    "cpu": 50.0,
    "flush": 1.0,
    "raise": 0.001,
    "compare": 0.00002,
    "pass": 0.00005,  # one pass of a loop in Python that looks at an attribute and compares it
    "call": 0.0003,  # one of a function in Python that does a little
    "copy": 0.00001,
    "sort": 0.0002,
    "shift": 0.000001,
    "allocate": 0.00005,
    "grow": 0.00005,
    "serialize": 0.002,
    "load": 0.03,
    "import": 1.0,  # a millisecond of it
    "flush.buffer": 0.002,  # to the system, not to the disk
    "file.append": 0.02,  # open, write and close
}
# Tables that people fill who run a system, not those who use it: their names, and how many rows one has.
BY_ADMINISTRATORS = re.compile(
    r"(^Group|Permission|Role|Polic(y|ies)|Rule|Scope|Type|Kind|Status|Config|Configuration|Settings?|Flag|Feature|Plan|Tier"
    r"|Locale|Language|Country|Currency|Timezone|Site|Plugin|Extension|App|Hook|Webhook|Template|Schema|CustomField|Channel"
    r"|Warehouse|Workflow|Queue|(?<!Stock)(?<!Inventory)Level|Category|Skill|Department|Branch|Brand|Genre|Holiday|Location|Speciali[sz]ation"
    r"|TaxRate|Unit|Weekday)$"
)
ADMINISTERED = 100
PAGE = 100  # rows of one page of a paginated result, where the page size is not known
ROW_KB = 0.5  # memory and response of one row, in kB: a dozen columns as Python objects


def is_administered(table: str) -> bool:
    """Tell whether people who run a system fill a table, not those who use it, going by its name."""
    return bool(BY_ADMINISTRATORS.search(table))


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much data the program must survive: rows of a table, items in memory, named exceptions."""

    rows: int = 100_000
    items: int = 1_000
    requests_per_month: int = 3_000_000
    named: Mapping[str, int] = field(default_factory=dict)

    def of(self, symbol: str) -> int:
        """Return what a size symbol stands for.

        `items` is any collection; `page` one page of a paginated result; `A.b` the `b` of one `A`, a
        collection unless named; any other name is a table, found by its last part (`Order`) or as it is
        named (`shop.Order`). A table that administrators fill, by its name (`Role`, `PaymentType`), has few
        rows unless it is named.
        """
        if symbol in self.named:
            return self.named[symbol]
        if symbol == "rows":
            return self.rows
        for name, value in self.named.items():
            if name.rpartition(".")[2] == symbol:
                return value
        if symbol == "page":
            return min(PAGE, self.rows)
        if symbol == "items" or "." in symbol:
            return self.items
        return min(ADMINISTERED, self.rows) if is_administered(symbol) else self.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that one request may spend of each resource, with exceptions by entry point."""

    latency_ms: float = 200
    stall_ms: float = 10
    memory_mb: float = 256
    queries: float = 20
    response_kb: float = 512
    usd_per_month: float = 100
    import_ms: float = 1_000
    entries: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, resource: str, entry_points: tuple[str, ...] = ()) -> float:
        """Return the strictest budget of a resource over the given entry points."""
        general: float = getattr(self, resource)
        return min((self.entries.get(entry, {}).get(resource, general) for entry in entry_points), default=general)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerPath:
    """Settings for the files that match a pattern (`scripts/**`)."""

    pattern: str
    ignore: tuple[str, ...] = ()
    size: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a check is told; the defaults are what a project without settings gets."""

    select: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    tests: bool = False
    models: tuple[Path, ...] = ()
    per_path: tuple[PerPath, ...] = ()
    size: Size = field(default_factory=Size)
    size_stated: bool = False
    budget: Budget = field(default_factory=Budget)
    prices: Mapping[str, float] = field(default_factory=lambda: dict(PRICES))

    def selects(self, rule: str, path: str) -> bool:
        """Tell whether a rule is asked for in a file (path relative to the root, with `/`)."""
        if not matches_any(rule, self.select) or matches_any(rule, self.ignore):
            return False
        return not any(matches_any(rule, part.ignore) for part in self.per_path if path_matches(path, part.pattern))

    def size_at(self, path: str) -> Size:
        """Return the size that holds in a file."""
        size = self.size
        for part in self.per_path:
            if part.size and path_matches(path, part.pattern):
                size = _size(part.size, base=size, where=f'per-path."{part.pattern}".size')
        return size


def matches_any(name: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a name matches one of the patterns."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def path_matches(path: str, pattern: str) -> bool:
    """Tell whether a relative path, or a folder above it, matches a pattern.

    A pattern without `/` may match any part of the path, as in a `.gitignore`.
    """
    pattern = pattern.removeprefix("./").rstrip("/")
    parts = path.split("/")
    if "/" not in pattern:
        return any(fnmatch.fnmatchcase(part, pattern) for part in parts)
    prefixes = ("/".join(parts[: end + 1]) for end in range(len(parts)))
    wider = pattern.removeprefix("**/")
    return any(
        fnmatch.fnmatchcase(prefix, pattern)
        or (wider != pattern and fnmatch.fnmatchcase(prefix, wider))
        or prefix == pattern.removesuffix("/**")
        for prefix in prefixes
    )


def find(start: Path) -> Path | None:
    """Return the settings file that governs a folder: the nearest one at or above it."""
    for folder in (start, *start.parents):
        for name in FILES:
            path = folder / name
            # Not Path.is_file(): in Python 3.11 it raises where a folder above may not be searched.
            readable = os.path.isfile(path)  # noqa: PTH113
            if readable and (name == "perfwright.toml" or "tool.perfwright" in _text(path)):
                return path
        if os.path.exists(folder / ".git"):  # noqa: PTH110
            return None
    return None


def read(path: Path) -> Settings:
    """Read a settings file; raises ConfigError that names the file and the key."""
    try:
        data = tomllib.loads(_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path.name} is not TOML ({error}); correct that line.", slug="broken-settings") from error
    try:
        return parse(_own(data) if path.name == "pyproject.toml" else data, folder=path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}", slug=error.slug) from error


def _own(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return _table(_table(data.get("tool", {}), "tool").get("perfwright", {}), "tool.perfwright")


def parse(table: Mapping[str, Any], *, folder: Path) -> Settings:
    """Turn a settings table into settings; raises ConfigError that names the key."""
    _known(table, KEYS, "")
    size, budget = table.get("size", {}), table.get("budget", {})
    return Settings(
        select=_strings(table, "select", ("*",)),
        ignore=_strings(table, "ignore"),
        exclude=_strings(table, "exclude"),
        tests=_boolean(table, "tests"),
        models=tuple(folder / name for name in _strings(table, "models")),
        per_path=tuple(
            _per_path(pattern, part) for pattern, part in _table(table.get("per-path", {}), "per-path").items()
        ),
        size=_size(_table(size, "size"), base=Size(), where="size"),
        size_stated=bool(size),
        budget=_budget(_table(budget, "budget")),
        prices=_prices(_table(table.get("prices", {}), "prices")),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path.name} cannot be read ({error}); it must be UTF-8 text.", slug="broken-settings"
        ) from error


def _refuse(key: str, value: object, right: str) -> ConfigError:
    return ConfigError(f"{key} = {value!r} is not usable; give {right}.", slug="broken-settings")


def _known(table: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in keys:
            name = f"{where}.{key}" if where else key
            raise ConfigError(f"{name!r} is not a setting; use one of {', '.join(keys)}.", slug="unknown-setting")


def _table(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _refuse(key, value, "a table")
    return value


def _strings(table: Mapping[str, Any], key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    value = table.get(key)
    if value is None:
        return default
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _refuse(key, value, 'a list of strings, such as ["a", "b"]')
    return tuple(value)


def _boolean(table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise _refuse(key, value, "true or false")
    return value


def _whole(key: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _refuse(key, value, "a whole number above 0")
    return value


def _amount(key: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
        raise _refuse(key, value, "a number above 0")
    return float(value)


def _size(table: Mapping[str, Any], *, base: Size, where: str) -> Size:
    general = {"rows", "items", "requests_per_month"}
    numbers = {key: _whole(f"{where}.{key}", value) for key, value in table.items()}
    plain: Callable[[], Size] = partial(replace, base, **{k: v for k, v in numbers.items() if k in general})
    named = {key: value for key, value in numbers.items() if key not in general}
    for key in named:
        if not key[:1].isupper() and "." not in key:
            raise ConfigError(
                f'{where}.{key} is not a size; use rows, items, requests_per_month or a model such as "shop.Order".',
                slug="unknown-setting",
            )
    return replace(plain(), named={**base.named, **named})


def _budget(table: Mapping[str, Any]) -> Budget:
    general: dict[str, Any] = {key: _amount(f"budget.{key}", value) for key, value in table.items() if key in RESOURCES}
    entries: dict[str, Mapping[str, float]] = {}
    for key, value in table.items():
        if key in RESOURCES:
            continue
        if not isinstance(value, dict):
            raise ConfigError(
                f"budget.{key} is not a resource; use one of {', '.join(RESOURCES)}, or an entry point such as "
                '"GET /orders" with a table.',
                slug="unknown-setting",
            )
        _known(value, RESOURCES, f'budget."{key}"')
        entries[key] = {name: _amount(f'budget."{key}".{name}', amount) for name, amount in value.items()}
    return replace(Budget(**general), entries=entries)


def _prices(table: Mapping[str, Any]) -> dict[str, float]:
    prices = dict(PRICES)
    for effect, value in table.items():
        if effect not in PRICES:
            raise ConfigError(
                f'prices."{effect}" is not an effect with a price; use one of {", ".join(PRICES)}.',
                slug="unknown-setting",
            )
        if not isinstance(value, dict) or set(value) != {"ms"}:
            raise _refuse(f'prices."{effect}"', value, "a table such as { ms = 0.8 }")
        prices[effect] = _amount(f'prices."{effect}".ms', value["ms"])
    return prices


def _per_path(pattern: str, table: object) -> PerPath:
    where = f'per-path."{pattern}"'
    checked = _table(table, where)
    _known(checked, ("ignore", "size"), where)
    size = _table(checked.get("size", {}), f"{where}.size")
    _size(size, base=Size(), where=f"{where}.size")
    return PerPath(pattern=pattern, ignore=_strings(checked, "ignore"), size=dict(size))
