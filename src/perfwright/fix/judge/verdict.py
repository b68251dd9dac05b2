"""What the judge says of two versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from perfwright.fix.judge.memory import Memory
from perfwright.fix.judge.pace import Speed
from perfwright.fix.judge.passes import Passes
from perfwright.fix.judge.trees import Tree
from perfwright.fix.judge.waiting import MEASURED, Waits

Word = Literal["same", "differs", "not shown", "refused"]
COUNTED = {"queries": "queries", "fetched": "rows", "asked": "requests"}  # names of counts, by that of the worker


WORKED = {"steps": "steps", "text": "bytes"}  # what is counted of the database within an application
WEIGHED = ("steps", "bytes")  # what there is so much of that only a part of it counts
LEAST = 0.01  # of what is weighed
ROWS = 20  # more that a query less makes up for: a query takes about a millisecond, a row tens of microseconds
SPARE, FLAT = 2, 8  # more of a call at small sizes, which is none; where there are as many whatever the size


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something was done, by size: `(n, before, after)`, the largest size last; in all of some `calls`.

    `steps` are those of the database's machine, `bytes` those of text that it hands over.
    """

    of: str
    at: tuple[tuple[int, int, int], ...]
    calls: int = 1

    @property
    def fewer(self) -> bool:
        """Tell whether there are fewer at the largest size, and at others hardly more, or as many whatever the size."""
        if not self.at or self.at[-1][2] >= self.at[-1][1]:
            return False
        if self.of in WEIGHED:
            return self.at[-1][2] < self.at[-1][1] * (1 - LEAST)
        # What is fetched together is asked for in queries of its own, however few rows there are.
        after = [new for _, _, new in self.at]
        flat = max(after) <= min(after) + SPARE * self.calls
        most = FLAT if flat else SPARE
        return all(new <= old + most * self.calls for _, old, new in self.at)

    @property
    def more(self) -> bool:
        """Tell whether there are more at the largest size, or no fewer there and more at any other."""
        if self.of in WEIGHED:
            return bool(self.at) and self.at[-1][2] > self.at[-1][1] * (1 + LEAST)
        if not self.at or self.at[-1][2] != self.at[-1][1]:
            return bool(self.at) and self.at[-1][2] > self.at[-1][1]
        return any(new > old + SPARE * self.calls for _, old, new in self.at)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says, why, and what it rests on.

    `counterexample` is the call, and what it comes to before and after; `inputs` counts those that were compared,
    `sizes` are those at which larger ones were; `seed` draws the same inputs again.
    """

    word: Word
    reason: str
    counterexample: dict[str, str] | None = None
    args: Tree = None
    inputs: int = 0
    sizes: tuple[int, ...] = ()
    allowed: tuple[str, ...] = ()
    speed: Speed | None = None
    memory: Memory | None = None
    waits: Waits | None = None
    seed: int = 0
    seconds: float = 0.0
    source: str = ""  # how inputs are made
    notes: tuple[str, ...] = ()
    counts: tuple[Counts, ...] = ()  # of what was counted beside time
    passes: Passes | None = None  # what the code goes through, where time says nothing
    part: Speed | None = None  # of the statements that were changed, where time says nothing of a call

    def better(self, kind: str) -> bool:
        """Tell whether the second version was seen to be better in one of what recipes improve."""
        faster = self.speed is not None and self.speed.verdict == "faster"
        if kind == "memory":
            return self.memory is not None and self.memory.verdict == "less"
        if kind in MEASURED and self.waits is not None:
            return self.waits.better(kind)
        if kind in ("queries", "rows"):  # what a query brings counts, too, and how long it takes
            return faster or any(each.fewer for each in self.counts if each.of in ("queries", "rows"))
        if kind == "time":
            in_part = self.part is not None and self.part.verdict == "faster"
            return faster or in_part or self.goes_through_less
        return any(each.fewer for each in self.counts if each.of == kind)

    @property
    def goes_through_less(self) -> bool:
        """Tell whether the second version was seen to go through less, and not to take longer in each round."""
        fewer = self.passes is not None and self.passes.verdict == "fewer"
        return fewer and self.speed is not None and self.speed.low <= 1

    @property
    def worse(self) -> bool:
        """Tell whether the second version was seen to be slower, or to ask for more."""
        slower = self.speed is not None and self.speed.verdict == "slower"
        if self.waits is not None:  # what a task costs of the processor is little beside what it waits for
            slower = slower and self.waits.longer
        counted = [each for each in self.counts if each.of not in WEIGHED and (each.of != "rows" or not self.makes_up)]
        return slower or any(each.more for each in counted)

    @property
    def makes_up(self) -> bool:
        """Tell whether fewer queries make up for more rows, at the largest size."""
        less = {each.of: each.at[-1][1] - each.at[-1][2] for each in self.counts if each.at}
        fewer = any(each.fewer for each in self.counts if each.of == "queries")
        return fewer and less.get("rows", 0) + ROWS * less["queries"] >= 0


def pairs(counts: Mapping[int, Sequence[int]]) -> tuple[tuple[int, int, int], ...]:
    """Return counts by size, each before and after, as `Counts` has them."""
    return tuple((n, before, after) for n, (before, after) in sorted(counts.items()))
