"""memray's allocations at the peak: `memray transform csv`, or its own file where memray is installed beside us."""

import csv
from collections.abc import Iterable

from perfwright.profiles.model import Frame, Stacks, UnfitError, amount, line_number, listed, words

HEAD = ("size", "stack_trace")


def read(lines: Iterable[str]) -> Stacks:
    """Return the stacks of the CSV, which tells each innermost frame first: `name;file;line|name;file;line`."""
    stacks = Stacks(format="memray", of="memory", unit="bytes")
    known: dict[str, int] = {}
    try:
        rows = csv.DictReader(lines)
        if not set(HEAD) <= set(rows.fieldnames or ()):
            raise UnfitError(f"has no columns {' and '.join(HEAD)}; write it with `memray transform csv`")
        for row in rows:
            size, trace = row["size"] or "", row["stack_trace"] or ""
            if not size.isdecimal() or len(size) > 18:
                raise UnfitError(
                    f"has a size of {size[:40] or 'nothing'} in line {rows.line_num}, which should be bytes"
                )
            stack = []
            for part in reversed(trace.split("|")):
                place = known.get(part)
                if place is None:
                    place = known[part] = stacks.place(_frame(part))
                stack.append(place)
            stacks.add(stack, int(size))
    except csv.Error as error:
        raise UnfitError(f"is no table that can be read ({error}); write it with `memray transform csv`") from error
    return stacks


def _frame(text: str) -> Frame:
    function, file, line = (*text.split(";"), "", "")[:3]
    return Frame(file[:4096], function[:4096], int(line) if line.isdecimal() and len(line) < 10 else 0)


def peak(told: object) -> Stacks:
    """Return the stacks that the worker told: names, and rows of bytes and places of names, innermost first."""
    names, rows = listed(told, "frames and rows")
    stacks = Stacks(format="memray", of="memory", unit="bytes")
    places = [stacks.place(Frame(words(file), words(function), line_number(line))) for function, file, line in names]
    for size, trace in rows:
        stacks.add([places[each] for each in reversed(trace)], amount(size, "size"))
    return stacks
