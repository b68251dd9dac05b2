"""What a recipe is: how findings of a rule are repaired, what that improves, and what it may change."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from perfwright.finding import Finding
from perfwright.fix.source import Edit, Source

Improves = Literal[
    "time", "memory", "elapsed", "stall", "queries", "requests", "steps", "bytes",
    "connections", "concurrency", "hazard",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposal:
    """Edits of one file that repair one finding, and what they do, as a clause.

    `source` is the file where it is another than the finding's: where the query stands, not the loop.
    """

    edits: tuple[Edit, ...]
    says: str
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How findings of a rule are repaired.

    `propose` gives proposals, the best first, and none where its preconditions do not hold: they are said in the file's
    docstring. `allows` names the differences (of `fix.judge.differences`) that the repair makes; `suggested` says what
    else changes: such a patch is shown, and never written unless asked for by its name. `size` is the one at which it
    is judged where nobody states one, and an input of the usual size is too small for it.
    """

    rule: str
    improves: tuple[Improves, ...]
    propose: Callable[[Source, Finding], Iterator[Proposal]]
    allows: tuple[str, ...] = ()
    suggested: str = ""
    size: int | None = None
