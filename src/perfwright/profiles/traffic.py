"""What is asked of a program, and how often: from an access log, or from a table of entry points and rates."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfwright.errors import InputError
from perfwright.profiles.model import UnfitError, amount
from perfwright.profiles.read import content
from perfwright.profiles.routes import VERBS, Entry, Routes

LONGEST = 1 << 16  # characters of a line
MOST_LINES = 20_000_000
MOST_TABLE = 16 << 20  # bytes of a table
SNIFFED = 50  # lines from which the form is told
SHOWN = 3  # addresses that are named where nothing matches them

# The request as the common and combined forms of Apache and nginx, uvicorn and gunicorn write it.
REQUEST = re.compile(r'"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (\S{1,8192}) HTTP/[\d.]{1,4}"')
BARE = re.compile(r"(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (\S{1,8192})")
METHODS = ("method", "request_method", "http_method", "requestmethod", "verb")
PATHS = ("path", "uri", "request_uri", "url", "target", "request_path", "requesturl", "http_path")
REQUESTS = ("request", "request_line", "requestline")
ENTRIES = ("entry_point", "entry point", "endpoint", "route")
RATES = ("rate", "count", "requests", "rps", "rpm", "hits")
HEADS = {*METHODS, *PATHS, *ENTRIES, *RATES}


@dataclass(slots=True, kw_only=True)
class Traffic:
    """How often each entry point is asked for; what matched none, and the lines that tell no request."""

    format: str
    counts: dict[Entry, float] = field(default_factory=dict)
    total: float = 0.0
    unmatched: float = 0.0
    examples: list[str] = field(default_factory=list)
    unread: int = 0
    cut: bool = False

    def add(self, routes: Routes, method: str, target: str, times: float) -> None:
        entry = routes.match(method, target)
        self.total += times
        if entry is not None:
            self.counts[entry] = self.counts.get(entry, 0.0) + times
            return
        self.unmatched += times
        shown = f"{method} {target.split('?', 1)[0][:80]}"
        if len(self.examples) < SHOWN and shown not in self.examples:
            self.examples.append(shown)


def read(path: Path, routes: Routes) -> Traffic:
    """Return what is asked for; raises InputError where the file tells no request, or cannot be read."""
    try:
        found = _table(path, routes)
        if found is None:
            with path.open(encoding="utf8", errors="replace") as file:
                found = _log(_lines(file), routes)
    except UnfitError as error:
        raise InputError(f"{path} {error}.", slug="broken-profile") from error
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path} cannot be read ({reason}); give one that can.", slug="unreadable-file") from error
    if not 0 < found.total < math.inf:
        raise InputError(
            f"{path} tells no request; give an access log, or a table of entry points and rates: `GET /orders,12`.",
            slug="broken-profile",
        )
    return found


def _lines(file: io.TextIOBase) -> Iterator[str]:
    """Give the lines of a file, one without end in pieces."""
    while line := file.readline(LONGEST):
        yield line


def _log(lines: Iterable[str], routes: Routes) -> Traffic:
    traffic = Traffic(format="access log")
    for number, line in enumerate(lines):
        if number >= MOST_LINES:
            traffic.cut = True
            break
        asked = _json_request(line) if line.startswith("{") else _request(line)
        if asked is not None:
            traffic.add(routes, *asked, 1.0)
        elif line.strip():
            traffic.unread += 1
    return traffic


def _request(line: str) -> tuple[str, str] | None:
    found = REQUEST.search(line)
    return (found[1], found[2]) if found else None


def _json_request(line: str) -> tuple[str, str] | None:
    """Return the method and the address of a log line that is an object, or has one that tells them."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    for told in (data, *(each for each in data.values() if isinstance(each, dict))):
        named = {str(key).lower(): value for key, value in told.items() if isinstance(value, str)}
        method = next((named[key].upper() for key in METHODS if key in named), "")
        target = next((named[key] for key in PATHS if key in named), "")
        if method in VERBS and target:
            return method, target
        whole = next((BARE.match(named[key]) for key in REQUESTS if key in named), None)
        if whole is not None:
            return whole[1], whole[2]
    return None


def _table(path: Path, routes: Routes) -> Traffic | None:
    """Return what a table says; None where the file is a log."""
    start = content(path, 1 << 62, first=LONGEST).decode("utf8", "replace")
    first = [line for line in start.splitlines()[:SNIFFED] if line.strip()]
    if any(REQUEST.search(line) for line in first):
        return None
    if first and first[0].lstrip()[:1] in ("{", "["):
        if _json_request(first[0]) is not None:
            return None
        rows = _json_rows(content(path, MOST_TABLE).decode("utf8", "replace"))
    elif path.suffix.lower() in (".csv", ".tsv") or any(BARE.match(line) for line in first):
        rows = _csv_rows(content(path, MOST_TABLE).decode("utf8", "replace"))
    else:
        return None
    traffic = Traffic(format="table of rates")
    for name, rate in rows:
        found = BARE.fullmatch(name.strip())
        if found is None:
            raise UnfitError(f"has the entry point {name[:80]!r}; write it as `GET /orders/{{id}}`")
        traffic.add(routes, found[1], found[2], rate)
    return traffic


def _json_rows(text: str) -> Iterator[tuple[str, float]]:
    try:
        data: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnfitError("is neither JSON nor a log whose lines are; give one of them") from error
    if isinstance(data, dict):
        yield from ((str(name), amount(rate, f"rate for {str(name)[:40]}")) for name, rate in data.items())
        return
    for row in data:
        named = {str(key).lower(): value for key, value in row.items()} if isinstance(row, dict) else {}
        yield _name(named), amount(next((named[key] for key in RATES if key in named), None), "rate")


def _name(named: dict[str, Any]) -> str:
    """Return the entry point that a row names, or its method and path."""
    entry = next((str(named[key]) for key in ENTRIES if key in named), "")
    if entry and " " in entry.strip():
        return entry
    method = next((str(named[key]).upper() for key in METHODS if key in named), "GET")
    return f"{method} {entry or next((str(named[key]) for key in PATHS if key in named), '')}"


def _csv_rows(text: str) -> Iterator[tuple[str, float]]:
    first = text.partition("\n")[0]
    separator = "\t" if "\t" in first else ";" if ";" in first and "," not in first else ","
    heads: list[str] | None = None
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=separator), 1):
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if heads is None and not HEADS.isdisjoint(cell.lower() for cell in cells):
                heads = [cell.lower() for cell in cells]
                continue
            if heads is not None:
                named = dict(zip(heads, cells, strict=False))
                rate = next((named[key] for key in RATES if key in named), "")
                yield _name(named), _rate(rate, number)
            elif len(cells) >= 2:
                yield " ".join(cells[:-1]), _rate(cells[-1], number)
            else:
                raise UnfitError(f"has no rate in line {number}; a line is like `GET /orders,12`")
    except csv.Error as error:
        raise UnfitError(f"is no table that can be read ({error})") from error


def _rate(cell: str, number: int) -> float:
    found = _number(cell)
    if found is None:
        raise UnfitError(f"has the rate {cell[:40]!r} in line {number}, which should be a number from 0 on")
    return amount(found, f"rate in line {number}")


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
