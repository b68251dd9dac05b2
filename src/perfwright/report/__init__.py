"""Findings to text. Every file of `formats/` without a leading underscore is one output format."""

import importlib
import pkgutil

from perfwright.errors import ConfigError
from perfwright.finding import Record
from perfwright.report import formats as folder
from perfwright.report._contract import Format, Options

__all__ = ["Format", "Options", "formats", "get", "names", "render"]


def names() -> list[str]:
    """Return the names of the output formats, without loading them."""
    files = (entry.name for entry in pkgutil.iter_modules(folder.__path__))
    return sorted(name.replace("_", "-") for name in files if not name.startswith("_"))


def get(name: str) -> Format:
    """Return the format of a name; raises ConfigError that lists the formats there are."""
    if name not in names():
        raise ConfigError(f"{name!r} is not an output format; use one of {', '.join(names())}.", slug="unknown-format")
    found: Format = importlib.import_module(f"{folder.__name__}.{name.replace('-', '_')}").FORMAT
    return found


def formats() -> dict[str, Format]:
    """Return every output format by its name."""
    return {name: get(name) for name in names()}


def render(record: Record, *, format: str, options: Options) -> str:  # noqa: A002  the name that users type
    """Return the record as text that ends with a newline; raises ConfigError for an unknown format."""
    return get(format).render(record, options)
