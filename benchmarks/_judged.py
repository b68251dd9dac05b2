"""What has to hold of the check of any program, whatever stands in it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from perfwright import discover, pipeline
from perfwright.config import Settings
from perfwright.effects import library
from perfwright.finding import Record


class WrongError(AssertionError):
    """What does not hold of a record."""


@contextmanager
def models_at_hand() -> Iterator[None]:
    """Parse the library models once, not for each of thousands of checks."""
    with mock.patch.object(library, "load", return_value=library.load()):
        yield


def judge(files: dict[str, str], folder: Path) -> Record:
    """Check a program in an empty folder, and return what was found; raises WrongError, or what the check raises."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf8", "surrogatepass"))
    names = discover.find(folder, [folder])
    kept, settings = folder / ".kept", Settings()
    record = pipeline.check(folder, names, settings, jobs=1, keep=kept)
    if pipeline.check(folder, names, settings, jobs=1) != record:
        raise WrongError("the second check says something else")
    if pipeline.check(folder, names, settings, jobs=1, keep=kept) != record:
        raise WrongError("what was kept says something else")
    if Record.from_json(json.loads(json.dumps(record.to_json()))) != record:
        raise WrongError("the record does not survive as JSON")
    if record.summary.files + len({each.path for each in record.summary.unreadable}) < len(names):
        raise WrongError("a file was left out without a word")
    for said in places(record):
        path, line, end, column = said
        lines = files[path].encode("utf8", "surrogatepass").splitlines() if path in files else []
        if not 1 <= line <= end <= max(1, len(lines)) or not 1 <= column <= max(map(len, lines), default=0) + 1:
            raise WrongError(f"{path}:{line}:{column} to line {end} lies outside of the program")
    return record


def places(record: Record) -> Iterator[tuple[str, int, int, int]]:
    """Give every place that a record points at: path, first and last line, column."""
    for finding in record.findings:
        place = finding.place
        yield place.path, place.line, place.end_line, place.column or 1
        for step in (*finding.chain, *finding.also):
            yield step.path, step.line, step.line, 1
