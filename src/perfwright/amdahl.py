"""Amdahl's law, and what a run or the traffic showed of a project: shares, what is hot, where to start.

Where a part p of a run is made to vanish, the rest still takes its time: the run is at most 1 / (1 - p) times as fast
(G. M. Amdahl, "Validity of the single processor approach to achieving large scale computing capabilities", AFIPS
Spring Joint Computer Conference, 1967). Where only a fraction g of the part goes, it is 1 / (1 - p g).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

Json = dict[str, Any]
Of = Literal["time", "memory", "traffic"]
At = Literal["line", "call", "function", "entry point"]
OFS: tuple[Of, ...] = ("time", "memory", "traffic")
ATS: tuple[At, ...] = ("line", "call", "function", "entry point")


def times_as_fast(part: float) -> float | None:
    """Return how many times as fast a whole gets when a part of it (0 to 1) goes; None where there is no bound."""
    return 1 / (1 - part) if part < 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The part of a whole that a finding is about: of a profile's time or peak memory, or of what traffic costs.

    `part` is 0 to 1. `at` tells what was looked up: the line, the call that the chain ends with, the function around
    it, or the entry points. `gain` is the fraction of the part that the cure takes away at the stated size; None
    where that is not known.
    """

    of: Of
    part: float
    at: At
    gain: float | None = None

    @property
    def weight(self) -> float:
        """Return the part of the whole that the cure takes away, all of it where the gain is not known."""
        return self.part if self.gain is None else self.part * self.gain

    @property
    def ceiling(self) -> float | None:
        """Return how many times as fast (or as small) the whole gets at most; None where there is no bound."""
        return times_as_fast(self.part)

    @property
    def speedup(self) -> float | None:
        """Return how many times as fast the whole gets with the cure; None where its gain is not known."""
        return None if self.gain is None else times_as_fast(self.weight)

    def to_json(self) -> Json:
        return {
            "of": self.of,
            "part": self.part,
            "at": self.at,
            "gain": self.gain,
            "weight": self.weight,
            "ceiling": self.ceiling,
            "speedup": self.speedup,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        if data["of"] not in OFS or data["at"] not in ATS:
            raise ValueError(f"share of {data['of']!r} at {data['at']!r}")
        return cls(of=data["of"], part=data["part"], at=data["at"], gain=data["gain"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a profile or a list of traffic was, and what of it belongs to the project.

    `total` is in seconds, bytes, samples or requests: `unit` says which. `matched` is the part of it (0 to 1) that
    is spent below the project's code, or that asks for its entry points; None where the file cannot tell.
    """

    name: str
    format: str
    of: Of
    total: float
    unit: str
    matched: float | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> Json:
        return {
            "name": self.name,
            "format": self.format,
            "of": self.of,
            "total": self.total,
            "unit": self.unit,
            "matched": self.matched,
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            name=data["name"],
            format=data["format"],
            of=data["of"],
            total=data["total"],
            unit=data["unit"],
            matched=data["matched"],
            notes=tuple(data["notes"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """A line of the project, or a function at its first line, that takes much and has no finding."""

    path: str
    line: int
    function: str
    of: Of
    part: float
    at: At

    def to_json(self) -> Json:
        return {
            "path": self.path,
            "line": self.line,
            "function": self.function,
            "of": self.of,
            "part": self.part,
            "at": self.at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            path=data["path"],
            line=data["line"],
            function=data["function"],
            of=data["of"],
            part=data["part"],
            at=data["at"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """An entry point where work pays off: what it is asked, what it is predicted to cost, and its findings' keys.

    `share` is its part of what all traffic is predicted to cost, or of the profile; `requests` is its part of the
    traffic, 0 where none is known.
    """

    entry_point: str
    requests: float
    predicted_ms: float
    share: float
    findings: tuple[str, ...]

    def to_json(self) -> Json:
        return {
            "entry_point": self.entry_point,
            "requests": self.requests,
            "predicted_ms": self.predicted_ms,
            "share": self.share,
            "findings": list(self.findings),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            entry_point=data["entry_point"],
            requests=data["requests"],
            predicted_ms=data["predicted_ms"],
            share=data["share"],
            findings=tuple(data["findings"]),
        )
