"""What traffic costs by prediction, which part of it each finding is, and where to start.

An entry point costs its rate times what its findings are predicted to take, in milliseconds at the stated size; all
traffic costs the sum. A finding's part is what it takes on all of its entry points, each at its rate, of that sum.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from perfwright.amdahl import Seen, Share, Start
from perfwright.finding import Finding, Observed, Record
from perfwright.profiles import django_urls, routers, traffic
from perfwright.profiles.gain import gain
from perfwright.profiles.modules import Modules
from perfwright.profiles.overlay import in_order, source
from perfwright.profiles.routes import ANY, Entry, Route, Routes

# A file that says nothing of routes is not parsed.
TELLS = re.compile(
    r"urlpatterns|include_router|register_blueprint|\.register\(|(APIRouter|Blueprint)\("
    r"|@[\w.]+\.(get|post|put|patch|delete|head|options|route|api_route)\("
)
LISTED = 20  # entry points that the evidence of a finding lists


def routes_of(root: Path, names: Sequence[str]) -> Routes:
    """Return the routes of a project, from its source: parsed, never run."""
    modules = Modules(names)
    trees = {}
    for name in names:
        text = source(root, name)
        if TELLS.search(text):
            try:
                trees[name] = ast.parse(text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return Routes(routes_in(trees, modules))


def routes_in(trees: Mapping[str, ast.Module], modules: Modules) -> list[Route]:
    """Return the routes that parsed files tell of."""
    return [*routers.routes(trees, modules), *django_urls.routes(trees, modules)]


def lay_traffic(record: Record, path: Path, routes: Routes) -> Record:
    """Return the record with the part of what traffic costs that each finding is.

    Raises InputError where the file cannot be read or tells no request.
    """
    asked = traffic.read(path, routes)
    costs = Costs(record.findings, routes, asked.counts, asked.total)
    seen = Seen(
        name=path.name,
        format=asked.format,
        of="traffic",
        total=asked.total,
        unit="requests",
        matched=min(1.0, 1 - asked.unmatched / asked.total),
        notes=tuple(notes(asked)),
    )
    findings = tuple(with_share(finding, costs, seen) for finding in record.findings)
    summary = replace(record.summary, seen=(*record.summary.seen, seen))
    return in_order(replace(record, findings=findings, summary=summary))


def notes(asked: traffic.Traffic) -> list[str]:
    """Return what is to be said of what was left out."""
    said = []
    if asked.unmatched:
        said.append(f"{asked.unmatched:,.0f} match none, such as {', '.join(asked.examples)}")
    if asked.unread:
        said.append(f"{asked.unread:,} lines tell no request")
    if asked.cut:
        said.append(f"only the first {traffic.MOST_LINES:,} lines are read")
    return said


class Costs:
    """What the findings of each entry point are predicted to take, and how often it is asked for."""

    def __init__(
        self, findings: Sequence[Finding], routes: Routes, counts: dict[Entry, float] | None = None, total: float = 0.0
    ) -> None:
        self.counts, self.total = counts, total
        self.by_route: dict[Route, list[Entry]] = {}
        for entry in counts or ():
            self.by_route.setdefault(entry.route, []).append(entry)
        self.entries: dict[str, dict[str, float]] = {}  # by a finding's key: its entry points, with their rates
        self.ms: dict[str, float] = {}
        for finding in findings:
            found = self._entries(finding, routes)
            self.entries[finding.key] = found
            for name in found:
                self.ms[name] = self.ms.get(name, 0.0) + taken(finding)
        self.rates = {name: rate for found in self.entries.values() for name, rate in found.items()}
        self.whole = sum(self.rates[name] * ms for name, ms in self.ms.items())

    def _entries(self, finding: Finding, routes: Routes) -> dict[str, float]:
        """Return the entry points that lead to a finding, with the part of all requests; all alike without traffic."""
        files = [finding.place.path, *(step.path for step in (*finding.chain, *finding.also))]
        # A handler whose own label no other has tells in which file those with a common one are to be looked for.
        for label in finding.entry_points:
            serving = routes.of(label, ())
            if len({route.path for _, route in serving}) == 1:
                files.append(serving[0][1].path)
        found: dict[str, float] = {}
        for label in finding.entry_points:
            serving = routes.of(label, files)
            if self.counts is None:
                names = [
                    f"{method if route.method == ANY else route.method} {route.template}" for method, route in serving
                ]
                found.update(dict.fromkeys([name.removeprefix(f"{ANY} ") for name in names] or [label], 1.0))
                continue
            for method, route in serving:
                for entry in self.by_route.get(route, ()):
                    if method in (ANY, entry.method):
                        found[entry.name] = self.counts[entry] / self.total
        return found

    def part(self, finding: Finding) -> float:
        """Return the part of what all traffic costs that a finding is."""
        cost = sum(self.entries[finding.key].values()) * taken(finding)
        return min(1.0, cost / self.whole) if self.whole > 0 else 0.0


def taken(finding: Finding) -> float:
    """Return the milliseconds that a finding is predicted to take of one request."""
    amounts = finding.cost.predicted
    return max(amounts.get("latency_ms", 0.0), amounts.get("stall_ms", 0.0))


def with_share(finding: Finding, costs: Costs, seen: Seen) -> Finding:
    """Return the finding with its part of what traffic costs as evidence, where a request reaches it."""
    entries = sorted(costs.entries[finding.key].items(), key=lambda entry: (-entry[1], entry[0]))
    if not entries:
        return finding
    share = Share(of="traffic", part=costs.part(finding), at="entry point", gain=gain(finding))
    per = {name: round(rate * seen.total) for name, rate in entries[:LISTED]}
    count = round(sum(rate for _, rate in entries) * seen.total)
    observed = Observed(
        run=seen.name, entry_point=entries[0][0], count=count, per=per, ms=taken(finding), trace="", share=share
    )
    return replace(finding, evidence=(*finding.evidence, observed))


def start_here(record: Record, routes: Routes, most: int) -> Record:
    """Return the record with the entry points where work pays off first.

    They are ranked by rate times predicted cost where traffic is known; else by what the cures of their findings take
    away of the profile, where there is one; else by predicted cost alone.
    """
    rates: dict[str, float] = {}
    by_entry: dict[str, list[Finding]] = {}
    with_traffic = any(seen.of == "traffic" for seen in record.summary.seen)
    requests = next((seen.total for seen in record.summary.seen if seen.of == "traffic"), 0.0)
    plain = Costs(record.findings, routes)
    for finding in record.findings:
        if with_traffic:
            told = [item for item in finding.evidence if isinstance(item, Observed) and item.share is not None]
            entries = {name: count / requests for item in told for name, count in item.per.items()}
        else:
            entries = dict.fromkeys(plain.entries[finding.key], 0.0)
        rates.update(entries)
        for name in entries:
            by_entry.setdefault(name, []).append(finding)
    with_profile = not with_traffic and any(max(finding.weight) > 0 for finding in record.findings)

    def worth(finding: Finding) -> float:
        return finding.weight[0] if with_profile else taken(finding)

    costs = {
        name: (rates[name] if with_traffic else 1.0) * sum(map(worth, findings)) for name, findings in by_entry.items()
    }
    whole = sum(costs.values())
    best = sorted((name for name in costs if costs[name] > 0), key=lambda name: (-costs[name], name))[:most]
    starts = [
        Start(
            entry_point=name,
            requests=min(1.0, rates[name]),
            predicted_ms=sum(map(taken, by_entry[name])),
            share=min(1.0, costs[name] / whole),
            findings=tuple(finding.key for finding in sorted(by_entry[name], key=lambda each: -worth(each))),
        )
        for name in best
    ]
    return replace(record, summary=replace(record.summary, start_here=tuple(starts)))
