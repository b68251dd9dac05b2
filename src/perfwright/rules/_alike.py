"""Findings that have one cause, joined: the same client, the same query of several loops, a query beside a request."""

from collections.abc import Sequence
from dataclasses import replace

from perfwright.finding import CONFIDENCES, SEVERITIES, Cost, Finding, Step
from perfwright.rules._found import is_job

CLIENTS = ("client-per-call",)
LOOPS = ("n-plus-one-query", "query-per-item-write")
REQUESTS = ("request-per-item", "llm-call-per-item")
NAMED = 5  # other places that a message names
LISTED = 40  # those that a finding lists

Cause = tuple[str, ...]


def one_a_cause(findings: Sequence[Finding]) -> list[Finding]:
    """Return one finding for those that one change mends: the others are listed in it."""
    causes: dict[Cause, list[Finding]] = {}
    for number, finding in enumerate(findings):
        causes.setdefault(cause(finding) or (str(number),), []).append(finding)
    return [whole(group) if len(group) > 1 else group[0] for group in causes.values()]


def cause(finding: Finding) -> Cause | None:
    """Return what tells the cause of a finding from others; None where each stands for itself."""
    if not finding.chain:
        return None
    leaf = finding.chain[-1]
    sure = "possible" if finding.confidence == "possible" else ""
    if finding.rule in CLIENTS and leaf.what.startswith("client: "):
        # One for all that makes it: the class, or the functions of a module.
        return finding.rule, sure, finding.symbol, leaf.path, leaf.function.rpartition(".")[0]
    if finding.rule not in LOOPS or len(finding.chain) < 3 or not finding.chain[0].what.startswith("loop over"):
        return None
    nested = str(len(finding.cost.terms[0].sizes)) if finding.cost.terms else ""  # a loop in the other asks for more
    return (
        finding.rule,
        sure,
        finding.symbol,
        finding.place.path,
        finding.place.function,
        leaf.path,
        str(leaf.line),
        nested,
    )


def whole(group: list[Finding]) -> Finding:
    """Return the surest and nearest of some findings, with the places of the others.

    Of a client that is the one that stands where it is made, if one does: there it is to be mended.
    """
    group.sort(key=_order)
    best, others = group[0], group[1:]
    taken = {(best.place.path, best.place.line)}
    also: dict[tuple[str, int], Step] = {}
    for finding in others:
        also.setdefault((finding.place.path, finding.place.line), place_of(finding))
    lines = [
        f"{path}:{line}" if path != best.place.path else f"line {line}"
        for path, line in also
        if (path, line) not in taken
    ]
    for finding in group:
        for step in finding.also:
            also.setdefault((step.path, step.line), step)
    more = ""
    if lines:
        shown = ", ".join(lines[:NAMED]) + (f" and {len(lines) - NAMED} more" if len(lines) > NAMED else "")
        more = f"; the same in {len(lines)} more place{'s' if len(lines) > 1 else ''}: {shown}"
    return replace(
        best,
        message=best.message + more,
        severity=min((finding.severity for finding in group), key=SEVERITIES.index),
        also=tuple([step for key, step in also.items() if key not in taken])[:LISTED],
        entry_points=tuple(dict.fromkeys([entry for finding in group for entry in finding.entry_points])),
        cost=best.cost if best.rule in CLIENTS else added(group),
    )


def added(group: list[Finding]) -> Cost:
    """Return what some findings cost together: their loops run one after the other."""
    at: dict[str, int] = {}
    predicted: dict[str, float] = {}
    for finding in group:
        at.update(finding.cost.at)
        for name, amount in finding.cost.predicted.items():
            predicted[name] = round(predicted.get(name, 0.0) + amount, 4)
    return Cost(terms=tuple([term for finding in group for term in finding.cost.terms]), at=at, predicted=predicted)


def beside_requests(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings, some of them as notes that are listed with another.

    In a job that waits for a request on each pass of a loop, the queries beside it are a small part. A commit is
    more than a query: what was read before it is read again.
    """
    requests: dict[tuple[str, int], Finding] = {}
    for finding in findings:
        around = loop_of(finding)
        if around is not None and finding.rule in REQUESTS and finding.confidence != "possible":
            requests.setdefault(around, finding)
    if not requests:
        return list(findings)
    found: list[Finding] = []
    beside: dict[int, list[Finding]] = {}
    for finding in findings:
        around = loop_of(finding)
        request = requests.get(around) if around is not None and finding.rule in LOOPS else None
        if (
            request is None
            or not is_job(finding.entry_points)
            or request.severity == "note"
            or finding.confidence == "possible"
        ):
            found.append(finding)
            continue
        told = f"{finding.message}, beside a request (line {request.place.line}) that takes most of the time"
        found.append(replace(finding, severity="note", message=told))
        beside.setdefault(id(request), []).append(finding)
    return [with_places(finding, beside[id(finding)]) if id(finding) in beside else finding for finding in found]


def with_places(finding: Finding, others: list[Finding]) -> Finding:
    """Return a finding that lists the places of others."""
    also = {(step.path, step.line): step for step in finding.also}
    for other in others:
        also.setdefault((other.place.path, other.place.line), place_of(other))
    return replace(finding, also=tuple(also.values())[:LISTED])


def loop_of(finding: Finding) -> tuple[str, int] | None:
    """Return where the loop of a finding begins."""
    first = finding.chain[0] if finding.chain else None
    return (first.path, first.line) if first is not None and first.what.startswith("loop over") else None


def place_of(finding: Finding) -> Step:
    """Return where a finding stands, as a step."""
    place = finding.place
    what = next((step.what for step in finding.chain[1:] if step.line == place.line), finding.chain[-1].what)
    return Step(path=place.path, line=place.line, function=place.function, what=what)


def _order(finding: Finding) -> tuple[bool, int, int, bool, int, str, int, str]:
    place = finding.place
    leaf = finding.chain[-1]
    made = finding.rule in CLIENTS and (leaf.path, leaf.line) == (place.path, place.line)
    rank = not made, CONFIDENCES.index(finding.confidence), SEVERITIES.index(finding.severity)
    return *rank, not finding.entry_points, len(finding.chain), place.path, place.line, finding.symbol
