"""SARIF 2.1.0: what the terminal shows, for code scanning."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, metadata
from itertools import pairwise
from typing import Any
from urllib.parse import quote

from perfwright import rules
from perfwright.finding import SEVERITIES, Finding, Patch, Record, Step, Unreadable
from perfwright.report._contract import Format, Options
from perfwright.report.choice import chosen, ratio
from perfwright.report.safe import safe

Json = dict[str, Any]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LINK = re.compile(r"\[([^\[\]]*)\]\(")
HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@", re.MULTILINE)
BAND = 100 / len(SEVERITIES)  # of the rank's 0 to 100: an error is above every warning
VAST = 6  # powers of ten over budget that fill a band


def render(record: Record, options: Options) -> str:
    findings = chosen(record, options)
    known = rules.load()
    # Only of those that found something: a log does not change when perfwright learns another rule.
    names = sorted({finding.rule for finding in findings})
    positions = {name: position for position, name in enumerate(names)}
    weighed = bool(record.summary.seen)
    run: Json = {
        "tool": {
            "driver": {
                "name": "perfwright",
                "version": record.tool_version,
                "semanticVersion": record.tool_version,
                "rules": [_rule(name, known, findings) for name in names],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"uri": f"{options.root.absolute().as_uri().rstrip('/')}/"}},
        "invocations": [_invocation(record)],
        "results": [_result(finding, positions[finding.rule], weighed=weighed) for finding in findings],
        "properties": {
            "sizeStated": record.size_stated,
            "callsResolved": record.summary.calls_resolved,
            **record.summary.of_runs(),
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(name: str, known: Mapping[str, object], findings: list[Finding]) -> Json:
    if name not in known:  # it can come from outside `rules/`, such as a comment that ignores nothing
        message = next(finding.message for finding in findings if finding.rule == name)
        return {"id": name, "shortDescription": {"text": safe(message)}}
    page = rules.page(name)
    first = page.strip().splitlines()[0]
    return {
        "id": name,
        "shortDescription": {"text": first},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["performance"]},
        **_help_uri(name),
    }


@cache
def _help_uri(name: str) -> Json:
    """Return the page's address where the package states the address of its documentation."""
    try:
        stated = metadata("perfwright").get_all("Project-URL") or []
    except PackageNotFoundError:
        return {}
    for line in stated:
        label, _, address = line.partition(", ")
        if label.lower() == "documentation":
            return {"helpUri": f"{address.rstrip('/')}/rules/{name}.md"}
    return {}


def _invocation(record: Record) -> Json:
    unreadable = record.summary.unreadable
    return {
        "executionSuccessful": record.summary.files > 0 or not unreadable,
        "toolExecutionNotifications": [_notification(left_out) for left_out in unreadable],
    }


def _notification(left_out: Unreadable) -> Json:
    return {
        "level": "warning",
        "message": {"text": _text(f"{left_out.path} was left out: {left_out.why}")},
        "locations": [{"physicalLocation": {"artifactLocation": _artifact(left_out.path)}}],
    }


def _result(finding: Finding, position: int, *, weighed: bool) -> Json:
    place = finding.place
    message = f"{finding.message.rstrip('.')}. {finding.cure}" if finding.cure else finding.message
    region = {"startLine": place.line, "startColumn": place.column, "endLine": place.end_line}
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": position,
        "level": finding.severity,
        "message": {"text": _text(message)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": _artifact(place.path), "region": region},
                "logicalLocations": [{"fullyQualifiedName": safe(place.function), "kind": "function"}],
            }
        ],
        "partialFingerprints": {"perfwrightKey/v1": _fingerprint(finding)},
        "rank": _rank(finding, weighed=weighed),
        "properties": {
            "confidence": finding.confidence,
            "predicted": dict(finding.cost.predicted),
            "entryPoints": [safe(entry) for entry in finding.entry_points],
            "symbol": safe(finding.symbol),
            **_shares(finding),
        },
    }
    if finding.patch is not None:
        result["fixes"] = [_fix(finding.patch, place.path)]
    if finding.chain:
        steps = [_step(step) for step in finding.chain]
        related = [*steps, *map(_step, finding.also)]
        result["relatedLocations"] = [{"id": number, **step} for number, step in enumerate(related, 1)]
        flow = [{"location": step, "nestingLevel": depth} for depth, step in enumerate(steps)]
        result["codeFlows"] = [{"threadFlows": [{"locations": flow}]}]
    return result


def _fix(patch: Patch, path: str) -> Json:
    """Return a patch of one file as whole lines that others replace."""
    parts = HUNK.split(patch.diff)[1:]
    replacements = []
    for start, count, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        first = int(start) + (count == "0")  # nothing is taken away: the number is of the line before
        lines = body.split("\n")[1:]
        region = {"startLine": first, "startColumn": 1, "endLine": first + int(count or 1), "endColumn": 1}
        bare = {line for line, below in pairwise(lines) if below.startswith("\\")}  # the last one, without an end
        text = "".join(line[1:] + "\n" * (line not in bare) for line in lines if line[:1] in ("+", " "))
        replacements.append({"deletedRegion": region, "insertedContent": {"text": text}})
    change = {"artifactLocation": _artifact(path), "replacements": replacements}
    return {"description": {"text": "judged by perfwright: the same, and better"}, "artifactChanges": [change]}


def _shares(finding: Finding) -> Json:
    return {"shares": [share.to_json() for share in finding.shares]} if finding.shares else {}


def _step(step: Step) -> Json:
    return {
        "physicalLocation": {"artifactLocation": _artifact(step.path), "region": {"startLine": step.line}},
        "logicalLocations": [{"fullyQualifiedName": safe(step.function), "kind": "function"}],
        "message": {"text": _text(step.what)},
    }


def _artifact(path: str) -> Json:
    try:
        name = path.encode("utf8", "surrogateescape")
    except UnicodeEncodeError:
        name = path.encode("utf8", "surrogatepass")  # no file has such a name, but a record may
    return {"uri": quote(name), "uriBaseId": "SRCROOT"}


def _fingerprint(finding: Finding) -> str:
    return hashlib.sha256(finding.key.encode("utf8", "surrogatepass")).hexdigest()[:32]


def _rank(finding: Finding, *, weighed: bool) -> float:
    """Return 0 to 100: the severity's band, and in it how far over budget, in powers of ten.

    Where a profile or traffic was given, the upper half is for what its cure takes away of them.
    """
    weight = max(finding.weight)
    if weighed and weight > 0:
        return round(50 + 50 * weight, 2)
    return round(_predicted_rank(finding) / (2 if weighed else 1), 2)


def _predicted_rank(finding: Finding) -> float:
    bottom = BAND * (len(SEVERITIES) - 1 - SEVERITIES.index(finding.severity))
    excess = math.log10(1 + ratio(finding)) if ratio(finding) < math.inf else VAST
    return round(bottom + BAND * min(1.0, excess / VAST) * 0.999, 2)


def _text(words: str) -> str:
    # In a SARIF message `[a](b)` is a link: code such as `rows[0](x)` is not meant as one.
    return LINK.sub(r"\\[\1\\](", safe(words))


FORMAT = Format(name="sarif", help="for code scanning", render=render)
