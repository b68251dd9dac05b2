"""What was predicted beside what was measured: a finding whose lines ran is confirmed, or refuted, by the counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from perfwright.finding import REFUTED, Confidence, Finding, Growth, Measured, Record
from perfwright.measure import growth
from perfwright.measure.entries import Asked, Line, Scaled

STOPS = ("blocking-call-in-async", "cpu-work-in-async")  # they claim that the event loop stops
HEAD = 4  # lines of a function's head
# Rules whose claim is a count, and the count: of queries, requests, or rows that are read.
COUNTED = {
    "n-plus-one-query": "queries",
    "load-all-to-filter": "rows",
    "unbounded-result": "rows",
    "query-per-item-write": "queries",
    "commit-per-item": "queries",
    "request-per-item": "requests",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run says of one finding: `confirmed`, `refuted` or `not reached`; by which counts at which entry point."""

    key: str
    said: str
    entry: str = ""
    values: Mapping[int, float] | None = None
    grows: Growth | None = None
    why: str = ""
    by: str = "scale"
    metric: str = ""


def judge(findings: Sequence[Finding], scaled: Scaled) -> dict[str, Verdict]:
    """Return, by key, the verdict on each finding whose claim is a count."""
    verdicts = {finding.key: verdict(finding, scaled) for finding in findings if finding.rule in COUNTED}
    verdicts |= {finding.key: stopped(finding, scaled) for finding in findings if finding.rule in STOPS}
    return verdicts


def stopped(finding: Finding, scaled: Scaled) -> Verdict:
    """Return whether the event loop was seen to stop where a finding says so.

    It is never refuted: requests are answered by perfwright at once, and a short wait is not seen.
    """
    places = {(step.path, step.line) for step in finding.chain} | {(finding.place.path, finding.place.line)}
    for asked in scaled.entries:
        for line in asked.lines:
            if line.metric == "stall_ms" and any(frame[:2] in places for frame in line.site):
                values = {n: value for n, value in line.values.items() if value}
                return Verdict(
                    key=finding.key, said="confirmed", entry=asked.entry, values=values, grows=line.fit.growth,
                    metric="stall_ms",
                )  # fmt: skip
    return Verdict(key=finding.key, said="not reached", why="the event loop was not seen to stop there")


def verdict(finding: Finding, scaled: Scaled) -> Verdict:
    """Return what the counts say of one finding.

    The queries are its own that come from the last line of its chain, or, where a framework makes them (a template, a
    schema), that ask for the table it names at an entry point that runs its lines. It is refuted only where the line
    that makes them ran.
    """
    reaching = [asked for asked in scaled.entries if asked.said_well and ran(finding, asked)]
    if not reaching:
        return Verdict(key=finding.key, said="not reached", why="no entry point that was answered runs its lines")
    found = by_counts(finding, reaching, scaled)
    doubtful = [asked.entry for asked in reaching if asked.faults]
    if found.said == "refuted" and doubtful:  # too little may have been counted
        return Verdict(key=finding.key, said="not reached", why=f"watching {doubtful[0]} failed at times")
    return found


def by_counts(finding: Finding, reaching: Sequence[Asked], scaled: Scaled) -> Verdict:
    """Return what the entry points say that run the lines of a finding."""
    best: tuple[float, Asked, dict[int, float]] | None = None
    for asked in reaching:
        counts = counted(own_lines(finding, asked, scaled))
        if counts:
            sizes = sorted(counts)
            rise = counts[sizes[-1]] - counts[sizes[0]]
            if best is None or rise > best[0]:
                best = rise, asked, counts
    if best is None:
        if not any(ran_to_the_end(finding, asked) for asked in reaching):
            return Verdict(key=finding.key, said="not reached", why="its loop ran over nothing")
        before = loaded_before(finding, reaching, scaled)
        if before:
            return Verdict(
                key=finding.key, said="not reached", why=f"what it asks for was there already, from {before}"
            )
        names = ", ".join(asked.entry for asked in reaching[:3])
        return Verdict(key=finding.key, said="refuted", entry=names, why="its lines ran and made no such query")
    rise, asked, counts = best
    fit = growth.counted(list(counts.items()))
    grows = rise > 1 and counts[max(counts)] >= 2 * max(counts[min(counts)], 1)
    return Verdict(
        key=finding.key, said="confirmed" if grows else "refuted", entry=asked.entry, values=counts, grows=fit.growth,
        why=bounded(fit.growth.klass, counts) if grows else "as many at every size", metric=COUNTED[finding.rule],
    )  # fmt: skip


def bounded(klass: str, counts: Mapping[int, float]) -> str:
    """Return that a count comes to an end, where it does: a page is full."""
    return f"it stays at {counts[max(counts)]:g}" if klass == "1" else ""


def loaded_before(finding: Finding, reaching: Sequence[Asked], scaled: Scaled) -> str:
    """Return the line that asks for a finding's table once for each row before the finding's own does, if any does."""
    table = table_of(finding.symbol, scaled)
    for asked in reaching:
        for line in asked.lines:
            if line.metric == COUNTED[finding.rule] and table and table in line.tables and line.site:
                first, last = line.values[min(line.values)], line.values[max(line.values)]
                if last >= 2 * max(first, 1):
                    return f"{line.site[-1][0]}:{line.site[-1][1]}"
    return ""


def ran(finding: Finding, asked: Asked) -> bool:
    """Tell whether the place of a finding ran; of one in a template, the line that renders it.

    A place that is the head of a function (a framework loops over its calls) ran where a line of the chain did.
    """
    below = [step for step in finding.chain if (step.path, step.line) != (finding.place.path, finding.place.line)]
    if of_admin(finding):  # the head of a method is where a chain may end
        inside = asked.endpoint.startswith("django.contrib.admin.")
        return inside and any(
            line in asked.ran.get(step.path, ()) for step in below for line in range(step.line, step.line + HEAD)
        )
    inner = [step for step in below if step.function == finding.place.function]
    if all(step.line == finding.place.line for step in finding.chain[:1]) and any(
        step.line in asked.ran.get(step.path, ()) for step in inner
    ):
        return True
    if not finding.place.path.endswith(".py"):
        steps = [step for step in finding.chain if step.path.endswith(".py")]
        return any(step.line in asked.ran.get(step.path, ()) for step in steps[:1])
    lines = asked.ran.get(finding.place.path, frozenset())
    return any(line in lines for line in range(finding.place.line, finding.place.end_line + 1)) or any(
        step.line in asked.ran.get(step.path, ()) for step in finding.chain[:1] if step.path.endswith(".py")
    )


def of_admin(finding: Finding) -> bool:
    """Tell whether only Django's admin loops over what a finding is about: no line of the project does."""
    return bool(finding.entry_points) and all(each.startswith("admin ") for each in finding.entry_points)


def ran_to_the_end(finding: Finding, asked: Asked) -> bool:
    """Tell whether the line that makes the effect ran."""
    last = finding.chain[-1] if finding.chain else None
    return last is not None and last.line in asked.ran.get(last.path, ())


def own_lines(finding: Finding, asked: Asked, scaled: Scaled) -> Iterable[Line]:
    """Return the counted lines that are a finding's own."""
    table = table_of(finding.symbol, scaled)
    end = {(step.path, step.line) for step in finding.chain[-1:]}
    place = {(finding.place.path, line) for line in range(finding.place.line, finding.place.end_line + 1)}
    functions = {(step.path, step.function) for step in finding.chain} | {(finding.place.path, finding.place.function)}
    exact, near = [], []
    for line in asked.lines:
        if line.metric != COUNTED[finding.rule] or (table and line.tables and table not in line.tables):
            continue
        frames = {frame[:2] for frame in line.site}
        if frames & (end | place):
            exact.append(line)
        elif table and (not line.site or any((frame[0], frame[2]) in functions for frame in line.site)):
            near.append(line)
    return exact or near


def table_of(symbol: str, scaled: Scaled) -> str:
    """Return the table that a symbol's queries ask for: that of a relation, or of a model."""
    if symbol in scaled.relations:
        return scaled.relations[symbol]
    return scaled.models.get(symbol, "")


def counted(lines: Iterable[Line]) -> dict[int, float]:
    """Return the sum of counts by size."""
    counts: dict[int, float] = {}
    for line in lines:
        for n, value in line.values.items():
            counts[n] = counts.get(n, 0) + value
    return counts


def with_evidence(findings: Sequence[Finding], verdicts: Mapping[str, Verdict]) -> list[Finding]:
    """Return findings with what was measured; a confirmed one is certain, a refuted one no more than possible."""
    told = []
    for finding in findings:
        verdict = verdicts.get(finding.key)
        if verdict is None or verdict.said == "not reached":
            told.append(finding)
            continue
        evidence = finding.evidence
        if verdict.values and verdict.grows is not None:
            values = {str(n): value for n, value in sorted(verdict.values.items())}
            evidence = (
                *(each for each in evidence if not (isinstance(each, Measured) and each.by == verdict.by)),
                Measured(by=verdict.by, metric=verdict.metric, values=values, growth=verdict.grows),
            )
        confidence: Confidence = "certain" if verdict.said == "confirmed" else "possible"
        message = finding.message
        if verdict.said == "refuted" and REFUTED not in message:
            message = f"{message}{REFUTED}{verdict.entry}: {verdict.why}"
        told.append(replace(finding, evidence=evidence, confidence=confidence, message=message))
    return told


def kept(record: Record, verdicts: Mapping[str, Verdict]) -> Record:
    """Return a record with what was measured of its findings."""
    return replace(record, findings=tuple(with_evidence(record.findings, verdicts)))


def causes(asked: Asked, verdicts: Mapping[str, Verdict], findings: Sequence[Finding], scaled: Scaled) -> list[str]:
    """Return the keys of the confirmed findings whose lines make an entry point's counts grow."""
    found = []
    for finding in findings:
        known = verdicts.get(finding.key)
        if known is None or known.said != "confirmed" or not ran(finding, asked):
            continue
        if finding.rule in STOPS:
            found.append(finding.key)
            continue
        counts = counted(own_lines(finding, asked, scaled))
        if counts and counts[max(counts)] > counts[min(counts)]:
            found.append(finding.key)
    return found
