"""Compares where a peer marks lines with where perfwright speaks, for the defects that both name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from conformance.fixture import Fixture
from conformance.ours import Report
from conformance.verdicts import TAKES_OUT, Code, Verdict, Verdicts


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A place on which a peer and perfwright do not agree: `missed` says that the peer marks it and we do not."""

    peer: str
    path: str
    code: str
    line: int
    missed: bool


@dataclass(slots=True)
class Row:
    """The figures of one code, or of several: what counts is without the places that a verdict takes out."""

    marked: int = 0
    found: int = 0
    good: int = 0
    flagged: int = 0
    bad_counted: int = 0
    good_counted: int = 0
    flagged_counted: int = 0

    def __add__(self, other: "Row") -> "Row":
        return Row(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))

    @property
    def recall(self) -> float:
        return self.found / self.bad_counted if self.bad_counted else 1.0

    @property
    def false_alarms(self) -> float:
        return self.flagged_counted / self.good_counted if self.good_counted else 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """The figures by code, and each difference with its verdict, None where it has none."""

    rows: dict[Code, Row]
    differences: dict[Difference, Verdict | None]

    @property
    def total(self) -> Row:
        return sum(self.rows.values(), Row())


def compare(pairs: Iterable[tuple[Fixture, list[Report]]], codes: list[Code], verdicts: Verdicts) -> Result:
    """Count over all fixtures; each code stands for itself, and what another of the same rule marks is not good."""
    result = Result({code: Row() for code in codes}, {})
    for fixture, reports in pairs:
        for code in codes:
            if code.peer == fixture.peer and code.name in fixture.codes:
                ours = [report for report in reports if report.rule in code.rules]
                differences = list(count(fixture, ours, code, codes, result.rows[code]))
                for difference in differences:
                    verdict = verdicts.of(difference.peer, difference.path, difference.code, difference.line)
                    result.differences[difference] = verdict
                    takes_out = verdict is not None and verdict.kind in TAKES_OUT
                    if difference.missed:
                        result.rows[code].bad_counted -= takes_out
                    elif takes_out:
                        result.rows[code].good_counted -= 1
                        result.rows[code].flagged_counted -= 1
    return result


def count(fixture: Fixture, ours: list[Report], code: Code, codes: list[Code], row: Row) -> Iterator[Difference]:
    """Add what a fixture says to a row, and give what peer and perfwright do not agree on."""
    alike = {each.name for each in codes if each.peer == code.peer and set(each.rules) & set(code.rules)}
    bad = {mark.span for mark in fixture.bad if mark.code == code.name}
    marked = {mark.span for mark in fixture.bad if mark.code in alike}
    for span in sorted(bad):
        row.marked += 1
        row.bad_counted += 1
        if any(span.holds(line) for report in ours for line in report.lines):
            row.found += 1
        else:
            yield Difference(fixture.peer, fixture.path, code.name, span.first + fixture.offset, True)
    strays = [report for report in ours if not any(span.holds(line) for span in marked for line in report.lines)]
    for span in sorted(set(fixture.good) - marked):
        row.good += 1
        row.good_counted += 1
        if any(span.holds(report.line) for report in strays):
            row.flagged += 1
            row.flagged_counted += 1
            yield Difference(fixture.peer, fixture.path, code.name, span.first + fixture.offset, False)
