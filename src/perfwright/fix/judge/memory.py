"""Which version needs less memory: the most that the same calls hold at once, beside what they are given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from perfwright.fix.judge.sides import Sides
from perfwright.fix.judge.trees import Tree

LESS, MORE = 0.9, 1.1
SPARE = 1 << 20  # bytes that nobody misses at a smaller size: a buffer that is of one size for all
FLOOR = 4096  # bytes of a call that say nothing: what the interpreter keeps for itself, now and then
Verdict = Literal["less", "more", "no evidence"]


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of the second version as a share of the first's at the largest size."""

    verdict: Verdict
    ratio: float
    n: int
    before: int  # bytes
    after: int
    worse: tuple[int, ...] = ()  # sizes at which it needs more

    @property
    def why(self) -> str:
        """Return why nothing can be said though it needs less at the largest size; nothing else."""
        return "it needs more at smaller sizes" if self.verdict == "no evidence" and self.worse else ""


def compare(sides: Sides, sized: Sequence[tuple[int, Tree]], *, seconds: float) -> Memory | None:
    """Return which version needs less at the largest of some sizes, and not more at the others; None without sizes."""
    found: list[tuple[int, int, int]] = []
    for n, args in sized:
        said = [sides.side(name).memory(args, seconds).get("peak") for name in ("before", "after")]
        if said[0] is None or said[1] is None:
            break
        found.append((n, said[0], said[1]))
    return told(found)


def told(found: Sequence[tuple[int, int, int]]) -> Memory | None:
    """Return which version needs less by the peaks at some sizes, the largest last; None without any."""
    if not found:
        return None
    n, before, after = found[-1]
    worse = tuple(
        size for size, one, other in found if other > MORE * one and other - one > (FLOOR if size == n else SPARE)
    )
    verdict: Verdict = "no evidence"
    if n in worse:
        verdict = "more"
    elif after < LESS * before and before - after > FLOOR and not worse:
        verdict = "less"
    return Memory(verdict, round(after / max(before, 1), 4), n, before, after, worse)
