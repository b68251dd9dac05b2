"""The rules: effects to findings. Every file here without a leading underscore is one rule."""

import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from perfwright.config import ROW_KB, Settings, Size
from perfwright.effects.summary import Program
from perfwright.effects.values import LITTLE
from perfwright.finding import Cost, Finding, Predicted, Severity, Step, Term
from perfwright.index.project import Function
from perfwright.rules._contract import Rule, Spends

Key = int | tuple[str, str, int]  # see Function.key

RESOURCE: dict[Spends, str] = {
    "latency": "latency_ms",
    "queries": "queries",
    "stall": "stall_ms",
    "memory": "memory_mb",
    "response": "response_kb",
    "money": "usd_per_month",
    "import": "import_ms",
}
WAYS = 50  # readings that found the same, looked at for entry points
REACHED = 200  # functions above a finding that are looked at for entry points
LISTED = 8  # other ways to the same defect that a finding names
QUERIES = ("db.query", "db.write", "db.commit")
# Code that runs once, by hand or at a deployment, on data that its author chose.
ASIDE = re.compile(
    r"(^|[/_])(docs?|examples?|benchmarks?|seed(s|ers?|_\w+)?|fixtures?|demo(_\w+)?|factor(y|ies)"
    r"|(sample|random|dummy|fake)_?data|populate\w*)([/_.]|$)"
)
MIGRATION = re.compile(r"(^|/)(migrations|alembic|versions)/")
IN_MIGRATIONS = ("query-per-item-write", "unused-ignore")


@cache
def load() -> dict[str, Rule]:
    """Return every rule by its name."""
    rules: dict[str, Rule] = {}
    for entry in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if not entry.name.startswith("_"):
            rule: Rule = importlib.import_module(f"{__name__}.{entry.name}").RULE
            rules[rule.name] = rule
    return rules


def page(name: str) -> str:
    """Return a rule's page as Markdown; raises KeyError for a name that is no rule."""
    module = importlib.import_module(f"{__name__}.{load()[name].name.replace('-', '_')}")
    return (module.__doc__ or "").strip() + "\n"


@dataclass(frozen=True, slots=True)
class Found:
    """What one share of a project gave: findings with the function that was read, and who calls whom.

    Functions are told apart by `Function.key`. `lone` marks a finding of a function that was read without a
    caller: it counts where nobody calls the function.
    """

    findings: list[tuple[Finding, Key, bool]]
    called: set[Key]
    callers: dict[Key, list[Key]]
    labels: dict[Key, str]
    calls: tuple[int, int]  # seen, and of them not resolved
    given_up: list[tuple[str, int, str]]  # path, line and name of functions that could not be followed


def search(program: Program) -> Found:
    """Return what every rule finds in a share of a project, not priced and not yet joined."""
    findings: list[tuple[Finding, Key, bool]] = []
    known: set[Function] = set()
    every = [(rule, frozenset(rule.sees)) for rule in load().values()]
    for effects in program.views():
        function, seen = effects.function, effects.reading.seen
        if function not in known:
            known.add(function)
            seen.add("def")
        lone = effects.reading.standalone and function not in program.labels
        for rule, sees in every:
            if not sees.isdisjoint(seen):
                findings.extend((finding, function.key, lone) for finding in rule.find(effects))
    interpreter = program.interpreter
    return Found(
        findings=findings,
        called={function.key for function in program.called},
        callers={f.key: [caller.key for caller in callers] for f, callers in interpreter.callers.items()},
        labels={function.key: label for function, label in program.labels.items()},
        calls=(interpreter.calls_seen, interpreter.calls_unknown),
        given_up=[(function.path, function.line, function.qualified) for function in interpreter.given_up],
    )


def find(shares: Sequence[Found], settings: Settings) -> list[Finding]:
    """Return the findings of the rules that are asked for, priced and judged, each defect once."""
    called = set[Key]().union(*(share.called for share in shares))
    ways: dict[tuple[str, int], list[tuple[Finding, Key]]] = {}
    for share in shares:
        for finding, function, lone in share.findings:
            if not (lone and function in called) and settings.selects(finding.rule, finding.place.path):
                ways.setdefault((finding.key, finding.place.line), []).append((finding, function))
    reached = Reached(shares)
    evidence = (Predicted(resolved_calls=resolved(shares)),)
    return [
        _judged(replace(joined(reached, group), evidence=evidence), load()[group[0][0].rule], settings)
        for group in ways.values()
    ]


def resolved(shares: Sequence[Found]) -> float:
    """Return the share of calls that could be resolved, 0 to 1."""
    seen, unknown = (sum(share.calls[index] for share in shares) for index in (0, 1))
    return round(1 - unknown / seen, 3) if seen else 1.0


class Reached:
    """The entry points that reach a function, over all shares."""

    def __init__(self, shares: Sequence[Found]) -> None:
        self._labels: dict[Key, str] = {}
        self._callers: dict[Key, set[Key]] = {}
        self._entries: dict[Key, tuple[str, ...]] = {}
        for share in shares:
            self._labels.update(share.labels)
            for function, callers in share.callers.items():
                self._callers.setdefault(function, set()).update(callers)

    def entry_points(self, function: Key) -> tuple[str, ...]:
        """Return the labels of the entry points that reach a function, nearest first."""
        known = self._entries.get(function)
        if known is None:
            seen, frontier, found = {function}, [function], []
            while frontier and len(seen) < REACHED:
                following: list[Key] = []
                for reached in frontier:
                    if reached in self._labels:
                        found.append(self._labels[reached])
                    for caller in sorted(self._callers.get(reached, ()), key=str):
                        if caller not in seen:
                            seen.add(caller)
                            following.append(caller)
                frontier = following
            known = self._entries[function] = tuple(dict.fromkeys(found))
        return known


def joined(reached: Reached, ways: list[tuple[Finding, Key]]) -> Finding:
    """Return one finding for all readings that found it: the surest and shortest way, the others listed."""
    ways.sort(key=lambda way: _rank(way[0]))
    best = ways[0][0]
    entries: dict[str, None] = {}
    also: dict[tuple[str, int], Step] = {}
    taken = {(step.path, step.line) for step in best.chain}
    for finding, function in ways[:WAYS]:
        entries.update(dict.fromkeys(reached.entry_points(function)))
        first = finding.chain[0] if finding.chain else None
        if first is not None and (first.path, first.line) not in taken:
            also.setdefault((first.path, first.line), first)
    return replace(best, entry_points=tuple(entries), also=tuple(also.values())[:LISTED])


def _rank(finding: Finding) -> tuple[int, int, str, int]:
    first = finding.chain[0] if finding.chain else None
    sure = ("certain", "likely", "possible").index(finding.confidence)
    return sure, len(finding.chain), first.path if first else "", first.line if first else 0


def _judged(finding: Finding, rule: Rule, settings: Settings) -> Finding:
    """Put the price at the stated size on a finding, and the severity that follows."""
    if rule.settle is not None:
        finding = rule.settle(finding)
    size = settings.size_at(finding.place.path)
    at = {symbol: number(symbol, size) for term in finding.cost.terms for symbol in term.sizes}
    predicted = amounts(finding.cost.terms, rule.spends, at, settings, rows=size.rows)
    cost = Cost(terms=finding.cost.terms, at=at, predicted=predicted)
    severity = judge(predicted, rule.spends, finding.entry_points, settings)
    few = all(term.sizes and multiplied(term, at, size.rows) <= LITTLE for term in finding.cost.terms)
    if few or aside(finding.rule, finding.place.path):
        severity = "note"
    return replace(finding, cost=cost, severity=severity)


def aside(rule: str, path: str) -> bool:
    """Tell whether a finding stands where few would act on it: seed data, most of a migration."""
    return bool(ASIDE.search(path)) or (bool(MIGRATION.search(path)) and rule not in IN_MIGRATIONS)


def number(symbol: str, size: Size) -> int:
    """Return what a size stands for: a constant, or what the settings say."""
    return int(symbol) if symbol.isdigit() else size.of(symbol)


def amounts(
    terms: tuple[Term, ...],
    spends: tuple[Spends, ...],
    at: Mapping[str, int],
    settings: Settings,
    *,
    rows: int,
) -> dict[str, float]:
    """Return what the terms come to, by resource; `rows` is the size of a table that is not named."""
    spent: dict[str, float] = {}
    for term in terms:
        times = multiplied(term, at, rows)
        name = "compare" if term.effect == "scan" else term.effect
        milliseconds = times * settings.prices.get(name, 0.0)
        for resource in spends:
            if resource == "latency":
                spent["latency_ms"] = spent.get("latency_ms", 0.0) + milliseconds
            elif resource == "stall":
                spent["stall_ms"] = spent.get("stall_ms", 0.0) + milliseconds
            elif resource == "queries" and term.effect in QUERIES:
                spent["queries"] = spent.get("queries", 0.0) + times
            elif resource == "memory" and term.effect == "load":
                spent["memory_mb"] = spent.get("memory_mb", 0.0) + times * ROW_KB / 1024
            elif resource == "response" and term.effect == "load":
                spent["response_kb"] = spent.get("response_kb", 0.0) + times * ROW_KB
    return {name: round(value, 4) for name, value in spent.items()}


def multiplied(term: Term, at: Mapping[str, int], rows: int) -> int:
    """Return how often an effect happens.

    The children of all parents are at most the whole table: boards of workspaces of users are not a
    thousand times a thousand times a thousand, but as many as there are boards.
    """
    times = 1
    for symbol in term.sizes:
        grown = times * at[symbol]
        times = min(grown, max(rows, times)) if "." in symbol else grown
    return times


def judge(
    predicted: Mapping[str, float], spends: tuple[Spends, ...], entries: tuple[str, ...], settings: Settings
) -> Severity:
    """Return the severity: the worst ratio of what is predicted to its budget."""
    if "hazard" in spends:
        return "error" if entries and settings.size_stated else "warning"
    worst = max((amount / settings.budget.of(name, entries) for name, amount in predicted.items()), default=0.0)
    if worst > 1:
        # While the project has not stated its size, the number rests on an assumption.
        return "error" if settings.size_stated else "warning"
    return "warning" if worst > 0.1 else "note"
