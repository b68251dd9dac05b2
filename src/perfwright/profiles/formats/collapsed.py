"""Collapsed stacks, as `py-spy record --format raw` and Brendan Gregg's scripts write them: `a;b;c 12` a line."""

import re
from collections.abc import Iterable

from perfwright.profiles.model import Frame, Stacks, UnfitError, amount

# py-spy: `list_orders (shop/routers/orders.py:29)`; austin and others: `shop/routers/orders.py:list_orders:29`.
PY_SPY = re.compile(r"(?P<function>.*) \((?P<file>[^()]*?)(?::(?P<line>\d{1,9}))?\)$")
AUSTIN = re.compile(r"(?P<file>[^;]*\.py):(?P<function>[^;:]*):(?P<line>\d{1,9})$")


def read(lines: Iterable[str]) -> Stacks:
    """Return the stacks of the lines, with numbers of samples; raises UnfitError for a line that ends with none."""
    stacks = Stacks(format="collapsed stacks", of="time", unit="samples")
    known: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        text, blank, count = line.rstrip().rpartition(" ")
        if not blank or not count.isdecimal() or len(count) > 15:
            raise UnfitError(
                f"has no number of samples at the end of line {number}; a line is like `main;load;parse 12`"
            )
        stack = []
        for part in text.split(";") if text else ():  # py-spy saw a thread that ran no Python
            place = known.get(part)
            if place is None:
                place = known[part] = stacks.place(_frame(part.strip()))
            stack.append(place)
        stacks.add(stack, amount(int(count), "count"))
    return stacks


def _frame(text: str) -> Frame:
    found = PY_SPY.match(text[:8192]) or AUSTIN.match(text[:8192])
    if found is None:
        return Frame("", text[:4096])
    return Frame(found["file"], found["function"], int(found["line"] or 0))
