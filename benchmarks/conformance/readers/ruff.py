"""ruff: a snapshot for each rule and fixture lists where the rule speaks; all else in that fixture is good."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from conformance.fixture import Fixture, marked_lines

RULES = "crates/ruff_linter/src/rules"
FIXTURES = "crates/ruff_linter/resources/test/fixtures"
# Plain runs and those of rules in preview: others change settings that no fixture shows. Some are named by the rule.
NAME = re.compile(r"__tests__(?:preview__)?(?:(?P<code>[A-Z]+\d+)|[a-z-]+)_(?P<file>.+\.py)\.snap$")
SAYS = re.compile(r"^(?P<code>[A-Z]+\d+) ")
AT = re.compile(r"^ *--> (?P<file>[^:]+):(?P<line>\d+):\d+$")


def read(checkout: Path) -> Iterator[Fixture]:
    """Give every fixture that a snapshot names, with the marks of all rules tried on it."""
    marks: dict[str, dict[str, list[int]]] = defaultdict(dict)
    for snapshot in sorted((checkout / RULES).glob("*/snapshots/*.snap")):
        named = NAME.search(snapshot.name)
        linter = snapshot.parent.parent.name
        path = f"{FIXTURES}/{linter}/{named['file']}" if named else ""
        if named and (checkout / path).is_file():
            said = list(lines(snapshot.read_text("utf8")))
            for code in {named["code"], *(code for code, _ in said)} - {None}:
                marks[path].setdefault(code, []).extend(line for each, line in said if each == code)
    for path, by_code in sorted(marks.items()):
        yield from marked_lines("ruff", path, (checkout / path).read_text("utf8"), by_code)


def lines(snapshot: str) -> Iterator[tuple[str, int]]:
    """Give the codes and lines that a snapshot names."""
    said = ""
    for line in snapshot.splitlines():
        says, at = SAYS.match(line), AT.match(line)
        if says:
            said = says["code"]
        elif at and said:
            yield said, int(at["line"])
