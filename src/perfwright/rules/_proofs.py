"""What measuring the rules' pages has shown: `proofs.json` beside this file, which `make prove` writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("proofs.json")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Curve:
    """A figure of one form of a page by size, the sizes growing, and the exponent that it grows with."""

    points: tuple[tuple[int, float], ...]
    exponent: float

    def to_json(self) -> Json:
        return {"points": [list(point) for point in self.points], "exponent": self.exponent}

    @classmethod
    def from_json(cls, given: Json) -> "Curve":
        return cls(tuple([(int(n), float(value)) for n, value in given["points"]]), float(given["exponent"]))


@dataclass(frozen=True, slots=True)
class Measured:
    """Both forms of a rule's page, measured: `figure` says what, `wrong` what of the page's claim is not so.

    Of a scenario the one point of a form is how many runs there were and how many went wrong, and `seen` is what
    went wrong in one of them.
    """

    kind: str
    expects: str
    figure: str
    slow: Curve
    fast: Curve
    wrong: str
    machine: str
    seen: str = ""

    @property
    def largest(self) -> tuple[int, float, float] | None:
        """Return the largest size that both forms were measured at, with what Slow and Fast took there."""
        slow, fast = dict(self.slow.points), dict(self.fast.points)
        n = max(slow.keys() & fast.keys(), default=None)
        return None if n is None else (n, slow[n], fast[n])

    def to_json(self) -> Json:
        return {
            "kind": self.kind,
            "expects": self.expects,
            "figure": self.figure,
            "slow": self.slow.to_json(),
            "fast": self.fast.to_json(),
            "wrong": self.wrong,
            "machine": self.machine,
            **({"seen": self.seen} if self.seen else {}),
        }

    @classmethod
    def from_json(cls, given: Json) -> "Measured":
        texts = [str(given[name]) for name in ("kind", "expects", "figure", "wrong", "machine")]
        kind, expects, figure, wrong, machine = texts
        forms = Curve.from_json(given["slow"]), Curve.from_json(given["fast"])
        return cls(kind, expects, figure, *forms, wrong, machine, str(given.get("seen", "")))


@cache
def proofs() -> Mapping[str, Measured]:
    """Return what was measured, by rule."""
    if not FILE.is_file():
        return {}
    return {name: Measured.from_json(each) for name, each in json.loads(FILE.read_text("utf8")).items()}


def document(measured: Mapping[str, Measured]) -> str:
    """Return the text of the file: a line for each rule, so that a new rule is a new line."""
    rows = [f"{json.dumps(name)}: {json.dumps(each.to_json())}" for name, each in sorted(measured.items())]
    return "{\n" + ",\n".join(rows) + "\n}\n"
