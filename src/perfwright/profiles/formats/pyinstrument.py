"""pyinstrument's own files: a saved session (`-r session`, `.pyisession`) and its JSON (`-r json`)."""

from typing import Any

from perfwright.profiles.model import Frame, Stacks, UnfitError, amount, line_number, listed, table, words

DEEPEST = 20_000


def read(document: Any) -> Stacks:
    """Return the stacks of a session, or of the tree of its JSON, which tells functions and no lines."""
    if "frame_records" in document:
        return _session(document)
    stacks = Stacks(format="pyinstrument", of="time", unit="seconds")
    _tree(stacks, table(document.get("root_frame"), "root frame"))
    return stacks


def _session(document: Any) -> Stacks:
    stacks = Stacks(format="pyinstrument", of="time", unit="seconds")
    known: dict[str, int] = {}
    for record in listed(document["frame_records"], "records"):
        if not isinstance(record, list) or len(record) != 2:
            raise UnfitError("has a record that is not a stack and its seconds")
        stack = []
        for told in listed(record[0], "frames"):
            place = known.get(told) if isinstance(told, str) else None
            if place is None:
                place = known[str(told)] = stacks.place(_told(str(told)))
            stack.append(place)
        stacks.add(stack, amount(record[1], "time"))
    return stacks


def _told(text: str) -> Frame:
    """Return a frame of `name NUL file NUL first line`, then a mark and attributes: `l` is the line that runs."""
    identifier, *attributes = text.split("\x01")
    function, file, first = (*identifier.split("\x00"), "", "")[:3]
    line = next((each[1:] for each in attributes if each[:1] == "l"), "")
    return Frame(words(file), words(function), line_number(_number(line)), line_number(_number(first)))


def _number(digits: str) -> int:
    return int(digits) if digits.isdecimal() and len(digits) < 10 else 0


def _tree(stacks: Stacks, root: dict[str, Any]) -> None:
    """Add each frame's own seconds: its own less those of its children."""
    waiting: list[tuple[dict[str, Any], tuple[int, ...]]] = [(root, ())]
    while waiting:
        node, above = waiting.pop()
        if len(above) > DEEPEST:
            raise UnfitError(f"is more than {DEEPEST:,} calls deep; it is damaged")
        frame = Frame(words(node.get("file_path")), words(node.get("function")), first=line_number(node.get("line_no")))
        stack = (*above, stacks.place(frame))
        children = [table(each, "child") for each in listed(node.get("children", []), "children")]
        below = sum(amount(child.get("time"), "time") for child in children)
        stacks.add(stack, max(amount(node.get("time"), "time") - below, 0.0))
        waiting.extend((child, stack) for child in children)
