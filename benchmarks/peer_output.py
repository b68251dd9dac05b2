"""Reads what other analysers print, each in its own format, into one shape; writes that shape as SARIF."""

import ast
import fnmatch
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

LINE = re.compile(
    r"^(?P<path>[^\s:][^:\n]*):(?P<line>\d{1,7}):\d+:? \[?(?P<rule>[A-Za-z][\w+-]*)\]?:?(?= |$)", re.MULTILINE
)


class OutputError(Exception):
    """Output that is not what the tool was asked for, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Lines of a file, by its path as the tool gave it."""

    path: str
    line: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One finding of any tool: its rule, its place, and the other places it names, as the calls in between."""

    rule: str
    at: Spot
    related: tuple[Spot, ...] = ()


def read(text: str, form: str, root: Path) -> list[Report]:
    """Return the findings in a tool's output; raise OutputError where it is not of that format."""
    try:
        return list(FORMATS[form](text, root))
    except json.JSONDecodeError as error:
        raise OutputError(f"its output is not JSON (line {error.lineno}: {error.msg}).") from None
    except RecursionError:
        raise OutputError("its output is nested too deeply to be read.") from None
    except ValueError as error:  # Python reads no integer of more than 4,300 digits
        raise OutputError(f"its output cannot be read ({error}).") from None


def keep(reports: Sequence[Report], patterns: Sequence[str]) -> list[Report]:
    """Return the findings of the rules that a pattern names; all of them where there is no pattern."""
    if not patterns:
        return list(reports)
    return [report for report in reports if any(fnmatch.fnmatchcase(report.rule, pattern) for pattern in patterns)]


def sarif(name: str, reports: Sequence[Report]) -> str:
    """Return findings as a SARIF log."""
    results = [
        {
            "ruleId": report.rule,
            "message": {"text": report.rule},
            "locations": [_location(report.at)],
            "relatedLocations": [_location(spot) for spot in report.related],
        }
        for report in reports
    ]
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": name}}, "results": results}]}
    return json.dumps(log, indent=1)


def _location(spot: Spot) -> dict[str, object]:
    region = {"startLine": spot.line, "endLine": spot.end}
    return {"physicalLocation": {"artifactLocation": {"uri": spot.path}, "region": region}}


def _lines(text: str, _: Path) -> Iterator[Report]:
    """Read `path:line:column: RULE message`; all else that is printed is passed over."""
    for found in LINE.finditer(text):
        line = int(found["line"])
        yield Report(rule=found["rule"], at=Spot(path=found["path"], line=line, end=line))


def _sarif(text: str, _: Path) -> Iterator[Report]:
    """Read a SARIF log; the steps of its code flows are related places."""
    for run in _list(_get(json.loads(text), "runs", wanted=True)):
        for result in _list(_get(run, "results")):
            places = [spot for spot in map(_spot, _list(_get(result, "locations"))) if spot]
            steps = [
                _get(step, "location")
                for flow in _list(_get(result, "codeFlows"))
                for thread in _list(_get(flow, "threadFlows"))
                for step in _list(_get(thread, "locations"))
            ]
            others = [spot for spot in map(_spot, (*_list(_get(result, "relatedLocations")), *steps)) if spot]
            if places:
                yield Report(rule=_text(result, "ruleId"), at=places[0], related=(*places[1:], *others))


def _spot(location: object) -> Spot | None:
    """Return the place of a SARIF location, if it has one."""
    physical = _get(location, "physicalLocation")
    path, region = _get(_get(physical, "artifactLocation"), "uri"), _get(physical, "region")
    line, end = _get(region, "startLine"), _get(region, "endLine")
    if not isinstance(path, str) or not isinstance(line, int):
        return None
    return Spot(path=unquote(path.removeprefix("file://")), line=line, end=end if isinstance(end, int) else line)


def _blockpath(text: str, _: Path) -> Iterator[Report]:
    """Read a chain of calls: its first place is the entry point's, the last one blocks."""
    for finding in _list(_get(json.loads(text), "findings", wanted=True)):
        steps = _list(_get(finding, "witness"))
        spots = [Spot(path=_text(step, "path"), line=_int(step, "line"), end=_int(step, "line")) for step in steps]
        if spots:
            yield Report(rule=_text(finding, "code"), at=spots[0], related=tuple(spots[1:]))


def _repowise(text: str, root: Path) -> Iterator[Report]:
    """Read markers: of a function only the name and the first line are told, so each is taken to mean all of it."""
    ends: dict[str, dict[int, int]] = {}
    for finding in _list(_get(json.loads(text), "findings", wanted=True)):
        line = _get(_get(finding, "details"), "symbol_line")
        if isinstance(line, int):
            path = _text(finding, "file_path")
            if path not in ends:
                ends[path] = _functions(root / path)
            yield Report(
                rule=_text(finding, "biomarker_type"), at=Spot(path=path, line=line, end=ends[path].get(line, line))
            )


def _functions(path: Path) -> dict[int, int]:
    """Return the last line of each function of a file, by the lines of its `def` and of its first decorator."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {}
    ends: dict[int, int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            first = min((decorator.lineno for decorator in node.decorator_list), default=node.lineno)
            ends |= {first: node.end_lineno, node.lineno: node.end_lineno}
    return ends


def _get(value: object, key: str, *, wanted: bool = False) -> object:
    """Return a member of a JSON object, or None; with `wanted`, one that is not there is an error."""
    if isinstance(value, dict) and key in value:
        return value[key]
    if wanted:
        raise OutputError(f"its output has no {key!r}.")
    return None


def _list(value: object) -> list[object]:
    if value is not None and not isinstance(value, list):
        raise OutputError(f"its output has a {type(value).__name__} where a list belongs.")
    return value or []


def _text(value: object, key: str) -> str:
    found = _get(value, key)
    if not isinstance(found, str):
        raise OutputError(f"a finding in its output has no {key!r}.")
    return found


def _int(value: object, key: str) -> int:
    found = _get(value, key)
    if not isinstance(found, int):
        raise OutputError(f"a finding in its output has no {key!r}.")
    return found


FORMATS: dict[str, Callable[[str, Path], Iterator[Report]]] = {
    "blockpath": _blockpath,
    "lines": _lines,
    "repowise": _repowise,
    "sarif": _sarif,
}
