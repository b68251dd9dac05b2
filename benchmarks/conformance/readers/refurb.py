"""refurb: beside each fixture stands what it prints, one line a finding; all else in that fixture is good."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from conformance.fixture import Fixture, marked_lines

SAYS = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):\d+ \[(?P<code>FURB\d+)\]")


def read(checkout: Path) -> Iterator[Fixture]:
    for printed in sorted((checkout / "test" / "data").glob("*.txt")):
        path = printed.with_suffix(".py")
        if not path.is_file():
            continue
        marks: dict[str, list[int]] = defaultdict(list)
        for line in printed.read_text("utf8").splitlines():
            says = SAYS.match(line)
            if says and says["file"].endswith(path.name):
                marks[says["code"]].append(int(says["line"]))
        yield from marked_lines("refurb", path.relative_to(checkout).as_posix(), path.read_text("utf8"), marks)
