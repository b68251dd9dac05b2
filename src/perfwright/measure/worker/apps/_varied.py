"""Values that rows rarely have and may have: nothing, zero, what another row has, the same text in other letters.

The rows of a measurement are all alike. Where two versions are compared, what tells them apart may be a row without a
value, or two rows in a tie: so one set of rows has these.
"""

from __future__ import annotations

import datetime
import decimal
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from ._contract import Column, Table

LARGE = 1000
TURNS = 11  # prime: columns come together in all ways
NUMBERS: dict[int, Callable[[Any], Any]] = {
    1: lambda each: each * 0,
    2: lambda each: -each,
    3: lambda each: each * 0 + 2,
    4: lambda each: each * 0 + LARGE,
    5: lambda each: each * 0 - LARGE,
}
TEXTS: dict[int, Callable[[str], str]] = {
    1: str.upper, 2: str.lower, 3: lambda each: f"{each} ", 4: lambda _: "", 5: lambda _: "Straße 10%",
    6: lambda _: "b_2",
}  # fmt: skip
NOON = datetime.time(12)
YEARS = {2: 1, 3: -1}  # the last and the first moment are those of several rows, as the largest number is


class Varied:
    """Changes the values of rows; `texts` and `numbers` are those that the program compares with."""

    def __init__(self, texts: Sequence[str] = (), numbers: Sequence[int] = ()) -> None:
        self.texts, self.numbers = texts, numbers

    def value(self, table: Table, column: Column, index: int, usual: Any) -> Any:
        """Return the value of a column in a row that has a usual one; keys, and who logs in, are as ever."""
        if column.primary or column.unique or column.part or (table.is_user and index == 0):
            return usual
        turn = (index + zlib.crc32(f"{table.name}.{column.name}".encode())) % TURNS
        if turn == 0 and column.nullable:
            return None
        if column.refers[0] or column.choices:
            return usual
        if isinstance(usual, bool):
            return turn % 2 == 0
        if isinstance(usual, str) and column.kind == "text":
            return self._text(column, index, turn, usual)
        if isinstance(usual, (int, float, decimal.Decimal)):
            return self._number(index, turn, usual)
        if isinstance(usual, datetime.date) and turn in YEARS:
            usual = usual.replace(year=usual.year + YEARS[turn], month=1, day=1)
        if isinstance(usual, datetime.datetime) and turn in (1, *YEARS):
            return datetime.datetime.combine(usual.date(), NOON)
        return usual

    def _text(self, column: Column, index: int, turn: int, usual: str) -> str:
        if turn > 7 and self.texts:
            made = self.texts[index % len(self.texts)]
        else:
            made = TEXTS[turn](usual) if turn in TEXTS else usual
        return made if not column.size or len(made) <= column.size else usual

    def _number(self, index: int, turn: int, usual: Any) -> Any:
        if turn > 7 and self.numbers:
            return type(usual)(self.numbers[index % len(self.numbers)] + turn - 9)
        return NUMBERS[turn](usual) if turn in NUMBERS else usual
