"""What the judge says of two versions."""

from dataclasses import dataclass
from typing import Literal

from perfwright.fix.judge.pace import Speed
from perfwright.fix.judge.trees import Tree

Word = Literal["same", "differs", "not shown", "refused"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something was done, by size: `(n, before, after)`, the largest size last."""

    of: str
    at: tuple[tuple[int, int, int], ...]

    @property
    def fewer(self) -> bool:
        """Tell whether there are fewer at the largest size, and hardly more at any other."""
        spare = 2  # what is fetched together is asked for in queries of its own, however few rows there are
        return bool(self.at) and self.at[-1][2] < self.at[-1][1] and all(new <= old + spare for _, old, new in self.at)

    @property
    def more(self) -> bool:
        """Tell whether there are more at the largest size."""
        return bool(self.at) and self.at[-1][2] > self.at[-1][1]


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
    seed: int = 0
    seconds: float = 0.0
    source: str = ""  # how inputs are made
    notes: tuple[str, ...] = ()
    counts: tuple[Counts, ...] = ()  # of what was counted beside time
