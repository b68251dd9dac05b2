"""How the items of an input are spread: their order, how many differ, what text repeats and how it ends."""

import json
import random
import string
from dataclasses import asdict, dataclass
from typing import Any

NAMED = ("random", "equal", "sorted", "reversed", "few", "near-miss")
ORDERS = ("random", "sorted", "reversed", "organ pipe", "rotated", "interleaved")
DISTINCT = ("all", "few", "one")


@dataclass(frozen=True)
class Spread:
    """One way; `unit` is the text that is repeated, words of random letters where it is empty."""

    order: str = "random"
    distinct: str = "all"
    start: str = ""
    unit: str = ""
    end: str = ""

    @property
    def said(self) -> str:
        """Say it in words."""
        words = [] if self.order == "random" else [self.order]
        words += {"few": ["few distinct items"], "one": ["all items equal"]}.get(self.distinct, [])
        if self.unit:
            text = f"{self.unit!r} again and again"
            text = f"{self.start!r}, then {text}" if self.start else text
            words.append(f"text of {text}, then {self.end!r}" if self.end else f"text of {text}")
        return ", ".join(words) or "random"

    @property
    def text(self) -> str:
        """Return it as `parse` reads it."""
        return json.dumps(asdict(self))


def parse(distribution: str) -> Spread:
    """Return the spread that a name, or a text from `Spread.text`, stands for."""
    if distribution.startswith("{"):
        return Spread(**json.loads(distribution))
    return {
        "random": Spread(),
        "equal": Spread(distinct="one", unit="a"),
        "sorted": Spread(order="sorted"),
        "reversed": Spread(order="reversed"),
        "few": Spread(distinct="few"),
        "near-miss": Spread(unit="a", end="!"),
    }[distribution]


def arranged(items: list[Any], spread: Spread, pick: random.Random) -> list[Any]:
    """Return as many items, in the order and as different as a spread says."""
    if spread.distinct == "one":
        return items[:1] * len(items)
    if spread.distinct == "few" and items:
        some = items[: max(int(len(items) ** 0.5), 1)]
        items = [pick.choice(some) for _ in items]
    if spread.order == "random":
        return items
    try:
        ordered = sorted(items)
    except (TypeError, ValueError):
        ordered = sorted(items, key=repr)
    if all(type(each) is int for each in ordered):  # new ones: else the time tells where they lie in memory
        ordered = [each + 0 for each in ordered]
    middle = len(ordered) // 2
    return {
        "sorted": ordered,
        "reversed": ordered[::-1],
        "organ pipe": ordered[::2] + ordered[1::2][::-1],
        "rotated": ordered[middle:] + ordered[:middle],
        "interleaved": [each for pair in zip(ordered[:middle], ordered[middle:]) for each in pair]  # noqa: B905
        + ordered[2 * middle :],
    }[spread.order]


def text(size: int, spread: Spread, pick: random.Random) -> str:
    """Return text of a length: words with spaces where nothing is to be repeated."""
    if spread.unit:
        room = max(size - len(spread.start) - len(spread.end), 0)
        return (spread.start + (spread.unit * (room // len(spread.unit) + 1))[:room] + spread.end)[:size]
    letters = pick.choices(string.ascii_lowercase + "  ", k=size)
    return "".join(arranged(letters, spread, pick))
