"""What perfwright says of a fixture, read alone in an empty folder, with all confidences."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from conformance.fixture import Fixture, indented, missing_imports, top_imports
from perfwright import pipeline
from perfwright.config import Settings
from perfwright.effects import library

FILE = "example.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One finding: its rule, the line to change, and all lines that it names as part of the way there."""

    rule: str
    line: int
    lines: frozenset[int]
    message: str


@contextmanager
def models_at_hand() -> Iterator[None]:
    """Parse the library models once, not for each fixture."""
    with mock.patch.object(library, "load", return_value=library.load()):
        yield


def read(fixture: Fixture) -> list[Report]:
    """Return the findings in a fixture, notes and possible ones too; modules that it only names are imported.

    Code at the top of a fixture stands for the body of a function, so the fixture is also read inside of one.
    """
    imports = [f"import {name}" for name in missing_imports(fixture.text)]
    found = checked([*imports, fixture.text], len(imports))
    inside = indented(fixture.text)
    if inside is not None:
        imports += top_imports(fixture.text)  # a program has them at its top
        found += checked([*imports, "def example():", inside], len(imports) + 1)
    return list(dict.fromkeys(found))


def checked(parts: list[str], shift: int) -> list[Report]:
    """Return the findings in a text, with the lines that they have without what was put before it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / FILE).write_text("\n".join(parts), "utf8")
        record = pipeline.check(Path(folder), [FILE], Settings(), jobs=1)
    return [
        Report(
            rule=finding.rule,
            line=finding.place.line - shift,
            lines=frozenset(
                line - shift for line in (finding.place.line, *(step.line for step in (*finding.chain, *finding.also)))
            ),
            message=finding.message,
        )
        for finding in record.findings
    ]
