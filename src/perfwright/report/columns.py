"""Rows in columns as wide as they must be."""

from collections.abc import Sequence


def columns(rows: Sequence[Sequence[str]], *, left: int = 1, width: int = 0) -> str:
    """Return rows, the heads first, as lines: the first `left` columns flush left, the rest flush right.

    The first column is cut where the line would be longer than `width`.
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    over = sum(widths) + 2 * len(widths) - width if width else 0
    if over > 0:
        widths[0] = max(widths[0] - over, 20)
    lines = []
    for row in rows:
        cells = [
            cut(cell, size).ljust(size) if place < left else cell.rjust(size)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return "\n".join(lines)


def cut(text: str, size: int) -> str:
    """Return a text in so many characters, its end left out where it is longer."""
    return text if len(text) <= size else f"{text[: size - 1]}\N{HORIZONTAL ELLIPSIS}"
