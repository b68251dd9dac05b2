"""What was measured of a finding's function: by earlier runs, else by growing input, as text for an assistant."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from perfwright import baseline
from perfwright.errors import InputError
from perfwright.finding import Finding, Growth, Measured, Observed, Record
from perfwright.measure import proofs
from perfwright.measure.run import Choice, Guest, GuestError
from perfwright.measure.sweep import Sweep

SHOWN = 6  # sizes
SECONDS = 4.0  # of one function


def with_saved(record: Record, root: Path) -> Record:
    """Return a record whose findings have what was saved of them: of a profile, of traffic, of measurements. What was
    saved before a file of the finding changed is left out."""
    try:
        saved = baseline.read(root / baseline.SAVED)
    except InputError:
        return record
    known = {each.key: each for each in saved.findings}
    findings: list[Finding] = []
    for finding in record.findings:
        files = {finding.place.path, *(step.path for step in finding.chain)}
        before = known.get(finding.key)
        if before is not None and all(record.sources.get(file) == saved.sources.get(file) for file in files):
            more = [
                each
                for each in before.evidence
                if isinstance(each, Observed | Measured) and each not in finding.evidence
            ]
            finding = replace(finding, evidence=(*finding.evidence, *more))
        findings.append(finding)
    return replace(record, findings=tuple(findings))


def told(finding: Finding, path: str, function: str, root: Path, python: Path, contain: Choice) -> str:
    """Return what is known of how a function with a finding runs, as lines; it is run where nothing was saved."""
    lines = list(_saved(finding))
    if not lines:
        lines = list(_measured(path, function, root, python, contain))
    return "\n".join(f"- {line}" for line in lines)


def _saved(finding: Finding) -> Iterator[str]:
    for each in finding.evidence:
        if isinstance(each, Observed):
            share = f", {each.share.part:.0%} of its {each.share.of}" if each.share is not None else ""
            where = f" at {each.entry_point}" if each.entry_point else ""
            yield f"in {Path(each.run).name}{where}: {each.count:,} times, {each.ms:.3g} ms{share}"
        elif isinstance(each, Measured):
            values = [(int(n), value) for n, value in each.values.items() if n.isdecimal()]
            yield f"{each.metric} {_series(values)}: {_growth(each.growth)}"


def _measured(path: str, function: str, root: Path, python: Path, contain: Choice) -> Iterator[str]:
    try:
        with Guest(python, [root], contain=contain) as guest:
            found = proofs.measured(guest, root, path, function, seconds=SECONDS)
    except GuestError:
        return
    if isinstance(found, Sweep) and found.samples:
        milliseconds = [(each.n, each.cpu * 1000) for each in found.samples]
        yield f"milliseconds of CPU for input of size n, {_series(milliseconds)}: {_growth(found.time.growth)}"
        if found.peaks:
            kilobytes = [(n, each / 1024) for n, each in found.peaks]
            yield f"peak memory in kB, {_series(kilobytes)}: {_growth(found.peak.growth)}"
        for line, slope in found.hot:
            file, _, number = line.rpartition(":")
            if file.endswith(path):
                yield f"line {number} runs as n^{slope:g}"


def _series(values: Sequence[tuple[int, float]]) -> str:
    step = max(len(values) // SHOWN, 1)
    some = sorted(values)[::-1][::step][:SHOWN]
    return ", ".join(f"{value:.2g} at {n:,}" for n, value in reversed(some))


def _growth(growth: Growth) -> str:
    return f"grows as n^{growth.exponent:.2f}" + (f" ({growth.klass})" if growth.klass != "cannot tell" else "")
