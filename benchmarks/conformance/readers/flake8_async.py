"""flake8-async: a comment at the end of a line names the code that marks it, or `error:` for that of the file."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from conformance.fixture import Fixture, marked_lines

MARK = re.compile(r"#\s*(?P<code>ASYNC\d{3}|error)(?:_\w+)?:\s*\d")
OF_FILE = re.compile(r"^async\d{3}")


def read(checkout: Path) -> Iterator[Fixture]:
    """Give every fixture; the code that gives a file its name is tried on it even where it marks nothing."""
    for path in sorted((checkout / "tests" / "eval_files").glob("*.py")):
        named = OF_FILE.match(path.stem)
        own = named[0].upper() if named else ""
        marks: dict[str, list[int]] = defaultdict(list)
        if own:
            marks[own] = []
        text = path.read_text("utf8")
        for number, line in enumerate(text.splitlines(), 1):
            for mark in MARK.finditer(line):
                code = own if mark["code"] == "error" else mark["code"]
                if code:
                    marks[code].append(number)
        yield from marked_lines("flake8-async", path.relative_to(checkout).as_posix(), text, marks)
