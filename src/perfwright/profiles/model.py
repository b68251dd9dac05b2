"""What a profile says, whatever its format: stacks with weights, or functions with the calls between them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from perfwright.amdahl import Of
from perfwright.errors import InputError

MOST_FRAMES = 10_000_000  # of all different stacks together: a minute of reading


class Frame(NamedTuple):
    """A function on a stack: the line that runs, and the line where the function begins; 0 where that is not told."""

    file: str
    function: str
    line: int = 0
    first: int = 0


@dataclass(slots=True, kw_only=True)
class Stacks:
    """Stacks as places in `frames`, outermost first, each different one with the time or memory that was seen there."""

    format: str
    of: Of
    unit: str
    frames: list[Frame] = field(default_factory=list)
    stacks: dict[tuple[int, ...], float] = field(default_factory=dict)
    _places: dict[Frame, int] = field(default_factory=dict)
    _held: int = 0

    @property
    def total(self) -> float:
        return math.fsum(self.stacks.values())

    @property
    def files(self) -> list[str]:
        """Return the files in the order in which they are met."""
        return list(dict.fromkeys(frame.file for frame in self.frames if frame.file))

    def place(self, frame: Frame) -> int:
        """Return the place of a frame, which is new or was met before."""
        known = self._places.get(frame)
        if known is None:
            known = self._places[frame] = len(self.frames)
            self.frames.append(frame)
        return known

    def add(self, stack: Sequence[int], weight: float) -> None:
        """Add a stack; an empty one counts for the whole alone. Raises UnfitError past what can be held."""
        if weight <= 0:
            return
        # A function that calls itself a million times stands on the stack once, where it was called last.
        once = tuple(dict.fromkeys(reversed(stack)))[::-1]
        before = self.stacks.get(once)
        if before is None:
            self._held += len(once)
            if self._held > MOST_FRAMES:
                raise UnfitError(f"has more than {MOST_FRAMES:,} frames on its stacks; take a shorter one")
        self.stacks[once] = (before or 0.0) + weight


class Call(NamedTuple):
    """What cProfile knows of a function: its own seconds, and those with all that it calls, recursion counted once."""

    frame: Frame
    own: float
    inclusive: float
    callers: Mapping[int, float]  # by the caller's place: the inclusive seconds of its calls of this function


@dataclass(slots=True, kw_only=True)
class Calls:
    """Functions, and the time that each spent on behalf of each caller."""

    format: str
    of: Of
    unit: str
    calls: list[Call]

    @property
    def total(self) -> float:
        return math.fsum(call.own for call in self.calls)

    @property
    def files(self) -> list[str]:
        """Return the files, those with the most time first."""
        by_time = sorted(self.calls, key=lambda call: -call.inclusive)
        return list(dict.fromkeys(call.frame.file for call in by_time if call.frame.file))


Profile = Stacks | Calls


class UnfitError(InputError):
    """A profile or a list of traffic that says what it cannot say; the message goes on from the file's name."""

    def __init__(self, message: str) -> None:
        super().__init__(message, slug="broken-profile")


def amount(value: Any, what: str) -> float:
    """Return a number of seconds, bytes or requests; raises UnfitError where it is none, negative or without end."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise UnfitError(f"has a {what} of {str(value)[:40]}, which should be a number from 0 on")
    return float(value)


def line_number(value: Any) -> int:
    """Return a line as a profile tells it; 0 where it tells none, or none that a file can have."""
    return value if type(value) is int and 0 < value < 1 << 31 else 0


def words(value: Any) -> str:
    """Return a name or a path as a profile tells it, no longer than any that exist."""
    return value[:4096] if isinstance(value, str) else ""


def listed(value: Any, what: str) -> list[Any]:
    """Return a list of a document; raises UnfitError where it is something else."""
    if not isinstance(value, list):
        raise UnfitError(f"has no list of {what}, so it is not what its form says")
    return value


def table(value: Any, what: str) -> dict[str, Any]:
    """Return an object of a document; raises UnfitError where it is something else."""
    if not isinstance(value, dict):
        raise UnfitError(f"has no {what}, so it is not what its form says")
    return value
