"""What cProfile writes: `python -m cProfile -o FILE`, `Profile.dump_stats`. It is read in a process of its own."""

from typing import Any

from perfwright.profiles.model import Call, Calls, Frame, UnfitError, amount, line_number, listed, words


def read(told: Any) -> Calls:
    """Return the functions that the worker told: `[[file, line, name, own, inclusive, [[caller, inclusive]]]]`."""
    rows = listed(told, "functions")
    calls = []
    for row in rows:
        file, line, name, own, inclusive, edges = row
        callers = {caller: amount(seconds, "time") for caller, seconds in edges if 0 <= caller < len(rows)}
        frame = Frame("" if file == "~" else words(file), words(name), first=line_number(line))
        calls.append(Call(frame, amount(own, "time"), amount(inclusive, "time"), callers))
    found = Calls(format="cProfile", of="time", unit="seconds", calls=calls)
    if not found.total > 0:
        raise UnfitError("has no time in it; record one while the program works")
    return found
