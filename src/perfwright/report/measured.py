"""What growing input showed of one function, as text and as JSON."""

from collections.abc import Sequence
from typing import Any

from perfwright.report import words

Row = tuple[str, str, str, str, str]
HEADS: Row = ("n", "CPU", "wall", "peak", "lines")


def duration(seconds: float) -> str:
    """Return seconds as people say them, from nanoseconds on."""
    if seconds < 1e-6:
        return f"{seconds * 1e9:.0f} ns"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us"
    return words.duration(seconds * 1000)


def table(rows: Sequence[Row]) -> str:
    """Return rows under their heads, each column as wide as it must be."""
    widths = [max(len(row[place]) for row in (HEADS, *rows)) for place in range(len(HEADS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (HEADS, *rows)]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def document(
    target: str, growth: dict[str, Any], memory: dict[str, Any], points: list[dict[str, Any]], why: str
) -> Any:
    """Return the JSON document of one function: `{"bench": ...}`; `why` tells what could not be told."""
    return {"bench": {"target": target, "growth": growth, "memory": memory, "points": points, "why": why}}
