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

    `find` gives findings with the symbolic terms of their cost; price and severity are put on by
    `rules.find`, from the settings.
    """

    name: str
    spends: tuple[Spends, ...]
    proof: Proof
    find: Callable[[Effects], Iterable[Finding]]
