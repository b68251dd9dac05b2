"""The few source lines that a finding is about."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

from perfwright.finding import Finding
from perfwright.report.safe import safe

MOST = 3  # lines: enough to recognise the place, few enough to read ten findings on a screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A source line without the indentation that all lines of the excerpt share; `marked` is the finding's own."""

    number: int
    text: str
    marked: bool


def excerpt(finding: Finding, lines: Sequence[str]) -> list[Line]:
    """Return up to three lines around a finding, up to the next step of its chain where that is near."""
    place = finding.place
    if not 1 <= place.line <= len(lines):
        return []
    near = range(place.line, place.line + MOST)
    steps = [step.line for step in finding.chain if step.path == place.path and step.line in near]
    last = min(max([place.line, *steps]), len(lines))
    numbers = list(range(place.line, last + 1))
    for number in (place.line - 1, last + 1):
        if len(numbers) < MOST and 1 <= number <= len(lines) and lines[number - 1].strip():
            numbers.append(number)
    numbers.sort()
    texts = dedent("\n".join(safe(lines[number - 1].rstrip().expandtabs(4)) for number in numbers)).split("\n")
    return [Line(number=n, text=text, marked=n == place.line) for n, text in zip(numbers, texts, strict=True)]
