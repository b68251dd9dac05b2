"""What a rule is. Each file of this folder without a leading underscore is one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from perfwright.effects.summary import Effects
from perfwright.finding import Finding, Proof

Spends = Literal["latency", "queries", "stall", "memory", "response", "money", "import", "hazard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A defect's name, what it spends, how its claim is proved, and the function that finds it.

    `find` is called with each reading of a function that has one of the effects (`db.query`, `scan`) or
    observations (`load`, `look-up`, `response`, `repeat`, `dependency`) that the rule `sees`, and once with each
    function for a rule that sees `def`. It gives findings with the symbolic terms of their cost; price, severity and
    entry points are put on by `rules.find`, which also joins findings of one key. `settle` may change a finding
    once it is known which entry points reach it.
    """

    name: str
    sees: tuple[str, ...]
    spends: tuple[Spends, ...]
    proof: Proof
    find: Callable[[Effects], Iterable[Finding]]
    settle: Callable[[Finding], Finding] | None = None
