"""What the code of a project goes through for a request, in two versions: evidence where a clock sees queries alone.

A version is better where the lines that were changed go through less at the largest size, and what they go through
grows less with the rows. A constant is no evidence: time would have to show it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

Lines = dict[tuple[str, int], int]
Verdict = Literal["fewer", "no evidence"]

STEEP = 1.25  # exponent: with less, what is gone through is but a part of what rows cost anyhow
LESS = 0.3  # of the exponent
FEWER = 0.9  # times as much, at most, in the lines that were changed
PART = 0.01  # of all that a request goes through, at least


@dataclass(frozen=True, slots=True)
class Passes:
    """What requests go through by size, `(n, before, after)`, the largest last, and the exponents of growth of what the
    change concerns, between the two largest sizes."""

    verdict: Verdict
    at: tuple[tuple[int, int, int], ...]
    before: float
    after: float


def lines_of(said: Mapping[str, Mapping[str, int]]) -> Lines:
    """Return counts by file and line, as the worker tells them."""
    return {(file, int(line)): count for file, lines in said.items() for line, count in lines.items()}


def told(measured: Sequence[tuple[int, Lines, Lines]], changed: Mapping[str, tuple[str, str]]) -> Passes | None:
    """Return whether the second version goes through less; None without two sizes. `changed` are the texts of files."""
    if len(measured) < 2:
        return None
    old, new = concerned(measured, changed)
    sizes = [n for n, _, _ in measured]
    before, after = (_exponent(sizes, counts) for counts in (old, new))
    totals = tuple((n, sum(one.values()), sum(other.values())) for n, one, other in measured)
    saved = old[-1] - new[-1]
    fewer = before >= STEEP and before - after >= LESS and new[-1] <= FEWER * old[-1] and saved >= PART * totals[-1][1]
    return Passes("fewer" if fewer else "no evidence", totals, round(before, 2), round(after, 2))


def concerned(
    measured: Sequence[tuple[int, Lines, Lines]], changed: Mapping[str, tuple[str, str]]
) -> tuple[list[int], list[int]]:
    """Return what each version goes through, by size, without the lines that are the same, and are as busy, in both."""
    moved = {(file, line): (file, now) for file, texts in changed.items() for line, now in _same(*texts)}
    found: tuple[list[int], list[int]] = ([0] * len(measured), [0] * len(measured))
    left = {place for _, lines, _ in measured for place in lines}
    paired = {_moved(place, moved, changed) for place in left} - {None}
    for place in left:
        there = _moved(place, moved, changed)
        pairs = [(one.get(place, 0), other.get(there, 0) if there is not None else 0) for _, one, other in measured]
        if there is None or any(one != other for one, other in pairs):
            for at, (one, other) in enumerate(pairs):
                found[0][at] += one
                found[1][at] += other
    for at, (_, _, lines) in enumerate(measured):
        found[1][at] += sum(count for place, count in lines.items() if place not in paired)
    return found


def _moved(
    place: tuple[str, int], moved: Mapping[Any, tuple[str, int]], changed: Mapping[str, Any]
) -> tuple[str, int] | None:
    """Return where a line is in the second version; None where it is not."""
    return moved.get(place) if place[0] in changed else place


def _same(before: str, after: str) -> Iterator[tuple[int, int]]:
    """Give the lines that two texts have in common, by their numbers in each."""
    found = SequenceMatcher(None, before.splitlines(), after.splitlines(), False)
    for one, other, length in found.get_matching_blocks():
        yield from ((one + each + 1, other + each + 1) for each in range(length))


def _exponent(sizes: Sequence[int], counts: Sequence[int]) -> float:
    return math.log(max(counts[-1], 1) / max(counts[-2], 1)) / math.log(sizes[-1] / sizes[-2])
