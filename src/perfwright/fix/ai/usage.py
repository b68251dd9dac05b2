"""What was asked and what it took: requests, tokens, and money where the user says what tokens cost."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from perfwright.errors import InputError
from perfwright.fix.ai.replies import Answer

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens that are sent, and that come back."""

    of_in: float
    of_out: float

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `in/out`, as in `2.5/10`. Raises InputError where it is something else."""
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*/\s*(\d+(?:\.\d+)?)\s*", text)
        if found is None:
            raise InputError(
                f"PERFWRIGHT_AI_PRICE is {text!r}; give dollars for a million tokens in and out, such as 2.5/10.",
                slug="bad-price",
            )
        return cls(float(found[1]), float(found[2]))


@dataclass(slots=True)
class Used:
    """What was used of an assistant so far; `untold` counts the answers whose tokens nobody told."""

    price: Price | None = None
    requests: int = 0
    answers: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    untold: int = 0
    hidden: int = 0
    functions: int = 0

    def take(self, answer: Answer) -> None:
        """Count an answer."""
        self.answers += 1
        if answer.tokens_in is None or answer.tokens_out is None:
            self.untold += 1
        else:
            self.tokens_in += answer.tokens_in
            self.tokens_out += answer.tokens_out

    @property
    def dollars(self) -> float | None:
        """Return what the tokens that were told cost; None where the price is not known."""
        if self.price is None or (self.untold and self.untold == self.answers):
            return None
        return math.fsum((self.tokens_in * self.price.of_in, self.tokens_out * self.price.of_out)) / MILLION

    def to_json(self) -> Mapping[str, Any]:
        """Return all of it for the document."""
        return {
            "functions": self.functions,
            "requests": self.requests,
            "answers": self.answers,
            "tokens": {"in": self.tokens_in, "out": self.tokens_out, "untold_answers": self.untold},
            "usd": self.dollars,
            "secrets_hidden": self.hidden,
        }

    def told(self) -> str:
        """Return all of it in a sentence."""
        said = f"{_count(self.requests, 'request')} about {_count(self.functions, 'function')}, "
        if self.answers and self.untold == self.answers:
            said += "tokens not told"
        else:
            said += f"{self.tokens_in:,} tokens in and {self.tokens_out:,} out"
            said += f" (not told for {_count(self.untold, 'answer')})" if self.untold else ""
        dollars = self.dollars
        if dollars is not None:
            said += f", {'at least ' if self.untold else ''}${dollars:.4f}"
        else:
            said += ", price not known" + ("" if self.price else " (PERFWRIGHT_AI_PRICE says it)")
        return f"{said}; {_count(self.hidden, 'secret')} hidden"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
