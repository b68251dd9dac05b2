"""The tables beside this file: which codes name a defect of ours, and what is said of each difference."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KINDS = {
    "missed": "we miss it",
    "false alarm": "we are wrong",
    "left out": "too little to name: left out on purpose",
    "other defect": "a defect that we do not name",
    "peer": "the peer is wrong",
    "peer misses it": "the peer misses it",
    "other code": "the peer marks it under another code",
    "told elsewhere": "told at another line",
}
# Places with these verdicts show no defect that both name, or no good line: the figures go without them.
TAKES_OUT = ("left out", "other defect", "peer", "peer misses it", "other code")


class TableError(Exception):
    """A table of the suite that says something else than it may."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a peer, our rules that name the same defect, and what the two have in common."""

    peer: str
    name: str
    rules: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of differences: of which kind they are, and why, in a sentence."""

    kind: str
    why: str


@dataclass(slots=True)
class Verdicts:
    """All verdicts, and which of them were asked for."""

    by_place: dict[tuple[str, str, str, int], Verdict]
    used: set[tuple[str, str, str, int]] = field(default_factory=set)

    def of(self, peer: str, path: str, code: str, line: int) -> Verdict | None:
        """Return what is said of a difference, None where nothing is."""
        place = (peer, path, code, line)
        if place in self.by_place:
            self.used.add(place)
        return self.by_place.get(place)

    def unused(self) -> list[tuple[str, str, str, int]]:
        """Return the places with a verdict where there is no difference any more."""
        return sorted(set(self.by_place) - self.used)


def read_codes(table: dict[str, Any], peers: set[str]) -> list[Code]:
    """Return the codes of the given peers that name a defect of ours."""
    return [
        Code(entry["peer"], name, tuple(entry["rules"]), entry["why"])
        for entry in table["defect"]
        if entry["peer"] in peers
        for name in entry["codes"]
    ]


def read_verdicts(table: dict[str, Any], peers: set[str]) -> Verdicts:
    """Return the verdicts on the given peers; raises TableError for one of no kind, or two on one place."""
    found: dict[tuple[str, str, str, int], Verdict] = {}
    for entry in table["verdict"]:
        if entry["kind"] not in KINDS:
            raise TableError(f"a verdict of {entry['file']} is {entry['kind']!r}; use one of {', '.join(KINDS)}.")
        for line in lines(entry["lines"]):
            place = (entry["peer"], entry["file"], entry["code"], line)
            if place in found:
                raise TableError(f"{entry['file']}, line {line} has two verdicts under {entry['code']}; keep one.")
            if entry["peer"] in peers:
                found[place] = Verdict(entry["kind"], entry["why"])
    return Verdicts(found)


def lines(given: list[Any]) -> Iterator[int]:
    """Give the numbers of a list of lines; a pair stands for all from the first to the second."""
    for each in given:
        if isinstance(each, list):
            yield from range(each[0], each[1] + 1)
        else:
            yield each


def load(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / name).read_text("utf8"))
