"""Lines of a width with a style: the little of a terminal that a report needs."""

from dataclasses import dataclass, field
from io import StringIO

from rich.console import Console
from rich.text import Text

from perfwright.report.safe import safe

ASSUMED_HEIGHT = 25  # rich asks the environment where it is not told both numbers
LEAST = 20  # columns; narrower than this nothing can be laid out

Part = str | tuple[str, str]  # words, or words with their style


@dataclass(slots=True)
class Page:
    """Text that is written line by line, wrapped at a width, with or without colour."""

    width: int
    color: bool
    file: StringIO = field(default_factory=StringIO)
    console: Console = field(init=False)

    def __post_init__(self) -> None:
        self.width = max(self.width, LEAST)
        self.console = Console(
            file=self.file,
            width=self.width,
            height=ASSUMED_HEIGHT,
            force_terminal=self.color,
            color_system="standard" if self.color else None,
            no_color=not self.color,
            highlight=False,
            markup=False,
            emoji=False,
            legacy_windows=False,
            _environ={},
        )

    def line(self, *parts: Part, indent: int = 0, hang: int = 0) -> None:
        """Write one line; what is too long goes on below, `hang` further in."""
        text = _joined(parts)
        if text.cell_len <= self.width - indent:
            text.rstrip()
            self._write(Text(" " * indent) + text)
            return
        # What stands left of the margin is on the first line only: the rest wraps at the room beside it.
        head, rest = text[:hang], text[hang:]
        pieces = rest.wrap(self.console, max(self.width - indent - hang, LEAST), overflow="fold") if rest else [rest]
        for number, piece in enumerate(pieces):
            piece.rstrip()
            whole = head + piece if number == 0 else Text(" " * hang) + piece
            whole.rstrip()
            self._write(Text(" " * indent) + whole)

    def field(self, label: str, *parts: Part, indent: int = 2, column: int = 6) -> None:
        """Write a dim label and what belongs to it, aligned with other fields."""
        self.line((label.ljust(column), "dim"), *parts, indent=indent, hang=column)

    def cropped(self, *parts: Part, indent: int = 0) -> None:
        """Write one line that ends with a mark where it does not fit."""
        text = Text(" " * indent) + _joined(parts)
        text.truncate(self.width, overflow="ellipsis")
        text.rstrip()
        self._write(text)

    def gap(self) -> None:
        self._write(Text())

    def text(self) -> str:
        """Return what was written."""
        return self.file.getvalue()

    def _write(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True, no_wrap=True, crop=False, overflow="ignore")


def _joined(parts: tuple[Part, ...]) -> Text:
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(safe(words), style=style)
    return text
