"""What an output format is. Each file of `formats/` without a leading underscore is one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfwright.finding import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a record is to be shown.

    `lines` gives the source lines of a path relative to `root`, and none where they cannot be had.
    `seconds` is what the check took, where that is known.
    """

    root: Path
    lines: Callable[[str], Sequence[str]]
    all: bool = False
    top: int | None = None
    color: bool = False
    width: int = 100
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format's name, what it is for in a few words, and the function that writes a record in it."""

    name: str
    help: str
    render: Callable[[Record, Options], str]
