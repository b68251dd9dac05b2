"""The chain of a finding with the source around each step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from textwrap import dedent

from perfwright.finding import Finding, Step
from perfwright.report.html.markup import Markup, joined, tag, text

AROUND = 2  # lines shown above and below a step
NEAR = 6  # lines between steps that are shown in one piece
STEPS = 24  # of a chain; a longer one was not written by a person
WIDE = 240  # characters of a source line
FILES = 256  # kept in memory while a page is written

Lines = Callable[[str], Sequence[str]]


@dataclass(slots=True)
class Sources:
    """Source lines by path, each file read once, each piece written once."""

    lines: Lines
    pieces: dict[tuple[str, tuple[tuple[int, str], ...]], Markup] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lines = lru_cache(FILES)(self.lines)

    def piece(self, path: str, marks: Sequence[tuple[int, str]]) -> Markup:
        """Return the lines around those marked, each mark being a line and its label; nothing where they are not."""
        key = (path, tuple(marks))
        if key not in self.pieces:
            self.pieces[key] = self._piece(path, dict(marks))
        return self.pieces[key]

    def _piece(self, path: str, marks: dict[int, str]) -> Markup:
        # A saved record may have been written by anybody: nothing outside the project is shown.
        lines = () if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts else self.lines(path)
        if not all(1 <= line <= len(lines) for line in marks):
            return Markup()
        first, last = max(min(marks) - AROUND, 1), min(max(marks) + AROUND, len(lines))
        numbers = list(range(first, last + 1))
        while numbers and numbers[0] not in marks and not lines[numbers[0] - 1].strip():
            del numbers[0]
        while numbers and numbers[-1] not in marks and not lines[numbers[-1] - 1].strip():
            del numbers[-1]
        raw = [lines[number - 1][: WIDE + 1].rstrip().expandtabs(4) for number in numbers]
        shown = dedent("\n".join(line.replace("\n", " ") for line in raw)).split("\n")
        return tag(
            "pre",
            tag("code", *(_line(number, words, marks) for number, words in zip(numbers, shown, strict=True))),
            class_="source",
            tabindex="0",
        )


def chain(finding: Finding, sources: Sources) -> Markup:
    """Return the steps from the context to the effect, with their source; the place itself where no step is there."""
    shown = finding.chain[:STEPS]
    place = finding.place
    if not any((step.path, step.line) == (place.path, place.line) for step in shown):
        shown = (Step(path=place.path, line=place.line, function=place.function, what=""), *shown)
    left = len(finding.chain) - STEPS
    more = tag("p", f"and {left:,} more steps", class_="dim") if left > 0 else Markup()
    return joined([steps(shown, sources), more])


def steps(shown: Sequence[Step], sources: Sources) -> Markup:
    """Return steps as a numbered list, each run of near ones followed by its source with the numbers beside it."""
    number, parts = 1, []
    for piece in _pieces(shown):
        labels: dict[int, str] = {}
        first = number
        for number, step in enumerate(piece, first):
            labels[step.line] = f"{labels[step.line]},{number}" if step.line in labels else str(number)
        number += 1
        parts.append(tag("ol", *map(_step, piece), class_="steps", start=str(first)))
        parts.append(sources.piece(piece[0].path, tuple(labels.items())))
    return joined(parts)


def where(path: str, line: int) -> Markup:
    """Return a place as people write it, with room to break a long path."""
    return tag("span", Markup(text(f"{path}:{line}").replace("/", "/<wbr>")), class_="where")


def inside(function: str) -> Markup:
    """Return the function that holds a place; nothing for a module."""
    return Markup() if function == "<module>" else tag("span", f"in {function}", class_="dim")


def _step(step: Step) -> Markup:
    said = tag("span", step.what, class_="what") if step.what else Markup()
    return tag("li", joined([said, where(step.path, step.line), inside(step.function)], " "))


def _pieces(steps: Sequence[Step]) -> list[list[Step]]:
    """Return steps in runs that one piece of source can show."""
    pieces: list[list[Step]] = []
    for step in steps:
        if pieces and pieces[-1][-1].path == step.path and all(abs(one.line - step.line) <= NEAR for one in pieces[-1]):
            pieces[-1].append(step)
        else:
            pieces.append([step])
    return pieces


def _line(number: int, words: str, marks: dict[int, str]) -> Markup:
    inner = text(words, WIDE)
    if number in marks:
        return Markup(f'<mark data-n="{number}" data-s="{text(marks[number])}">{inner}\n</mark>')
    return Markup(f'<span data-n="{number}">{inner}\n</span>')
