"""The rules: effects to findings. Every file here without a leading underscore is one rule."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from perfwright.config import ROW_KB, Settings, Size
from perfwright.effects.observations import Reading
from perfwright.effects.summary import Effects, Program
from perfwright.effects.values import LITTLE
from perfwright.finding import CONFIDENCES, Cost, Finding, Predicted, Severity, Step, Term
from perfwright.index.project import Function
from perfwright.rules._alike import beside_requests, one_a_cause, place_of
from perfwright.rules._contract import Rule, Spends
from perfwright.rules._found import Found, Key, Reached, Read, is_job, resolved
from perfwright.rules._proofs import Curve, Measured, document, proofs

__all__ = ["Curve", "Found", "Measured", "document", "find", "load", "page", "proofs", "resolved", "search"]

OF_A_TASK, OF_A_COMMAND = 100, 300  # budgets of a request: 20 seconds and a minute at the default
OF_REQUESTS = ("queries", "response_kb")  # budgets that say nothing of a job
WAYS = 50  # readings that found the same, looked at for entry points
PER_LOOP = (  # several in one loop are one cause
    *("n-plus-one-query", "query-per-item-write", "commit-per-item", "request-per-item", "llm-call-per-item"),
)
MANY = 4  # queries of one loop from which on they are told together: the loop is the cause
CURES = 3  # named for one loop
LISTED = 8  # other ways to the same defect that a finding names
QUERIES = ("db.query", "db.write", "db.commit")
HELD = ("load", "hold")  # rows in memory: brought there, or a second time
# Code that runs once, by hand or at a deployment, on data that its author chose.
ASIDE = re.compile(
    r"(^|[/_])(docs?|examples?|benchmarks?|seed(s|ers?|_\w+)?|fixtures?|demo(_\w+)?|factor(y|ies)"
    r"|(sample|random|dummy|fake)_?data|populate\w*)([/_.]|$)"
)
TOO_DEEP = "is nested too deeply to be followed; split it, its findings are missing."
MIGRATION = re.compile(r"(^|/)(migrations|alembic|versions)/")
IN_MIGRATIONS = ("query-per-item-write", "unused-ignore")
LATER = 20  # migrations of the same app after which one has long run everywhere: about a year of a busy project


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
    source = Path(__file__).with_name(f"{load()[name].name.replace('-', '_')}.py")  # compiled, it has no docstring
    return (ast.get_docstring(ast.parse(source.read_bytes()), clean=False) or "").strip() + "\n"


def search(program: Program) -> Found:
    """Return what every rule finds in a share of a project, not priced and not yet joined."""
    readings = list(program.readings)
    places = {id(reading): place for place, reading in enumerate(readings)}
    every = [(rule, frozenset(rule.sees)) for rule in load().values()]
    numbers = {module.path: module.number for module in program.project.modules.values()}
    reads: list[Read] = []
    known: set[Function] = set()
    given_up = {function.key: TOO_DEEP for function in program.interpreter.given_up}
    for effects in program.views():
        reading, function, seen = effects.reading, effects.function, effects.reading.seen
        if function not in known:
            known.add(function)
            seen.add("def")
        found = [each for rule, sees in every if not sees.isdisjoint(seen) for each in _found(rule, effects, given_up)]
        reads.append(
            Read(
                function=function.key,
                standalone=reading.standalone,
                met=reading.met,
                lone=not reading.met and function not in program.labels,
                files=1 << function.module.number | pointed_at(found, numbers),
                called=tuple([places[id(each)] for each in reading.called if id(each) in places]),
                calls=reading.calls,
                findings=found,
                renderers=tuple([renderer.key for renderer in program.renderers(reading)]),
            )
        )
    rest_on(reads, readings)
    interpreter, files = program.interpreter, program.project.templates
    return Found(
        reads=reads,
        labels={function.key: label for function, label in program.labels.items()},
        given_up=given_up,
        consulted={function.key for function in interpreter.consulted},
        renders=files is not None and files.asked,
        templates={path: found.module.digest for path, found in files.read.items()} if files is not None else {},
        left_out=dict(files.unreadable) if files is not None else {},
    )


def _found(rule: Rule, effects: Effects, given_up: dict[Key, str]) -> list[Finding]:
    """Return what a rule finds; where it fails, its findings are missing, and no other's."""
    try:
        return list(rule.find(effects))
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        given_up[effects.function.key] = f"makes {rule.name} fail ({why}); report it, its findings are missing."
        return []


def pointed_at(findings: list[Finding], numbers: dict[str, int]) -> int:
    """Return a bit for each file that findings point at: where its lines move, so do they."""
    files = 0
    for finding in findings:
        for path in (finding.place.path, *(step.path for step in finding.chain)):
            files |= 1 << numbers[path] if path in numbers else 0
    return files


def rest_on(reads: list[Read], readings: list[Reading]) -> None:
    """Add to each reading the files of what it calls, and of those functions that were still being read then."""
    by_function: dict[Key, list[int]] = {}
    for place, read in enumerate(reads):
        by_function.setdefault(read.function, []).append(place)
    circles = [
        (read, [place for function in reading.open for place in by_function.get(function.key, ())])
        for read, reading in zip(reads, readings, strict=True)
        if reading.open
    ]
    changed = True
    while changed:
        changed = False
        for read in reads:
            files = read.files
            for place in read.called:
                files |= reads[place].files
            if files != read.files:
                read.files = files
        for read, places in circles:
            files = read.files
            for place in places:
                files |= reads[place].files
            if files != read.files:
                read.files, changed = files, True


def find(shares: Sequence[Found], paths: Iterable[str], settings: Settings) -> list[Finding]:
    """Return the findings of the rules that are asked for, priced and judged, each defect once.

    `paths` are all files of the project.
    """
    called = {read.function for share in shares for read in share.reads if read.met}
    ways: dict[tuple[str, int], list[tuple[Finding, Key]]] = {}
    for share in shares:
        for read in share.reads:
            if not read.findings or (read.lone and read.function in called):
                continue
            for finding in read.findings:
                if settings.selects(finding.rule, finding.place.path):
                    group = ways.setdefault((finding.key, finding.place.line), [])
                    group.extend([(finding, function) for function in read.renderers or (read.function,)])
    reached = Reached(shares)
    judge = Judge(reached, paths, settings)
    evidence = (Predicted(resolved_calls=resolved(shares)),)
    whole = one_a_loop([joined(reached, group) for group in ways.values()])
    judged = [judge.judged(replace(finding, evidence=evidence)) for finding in whole]
    return one_a_cause(beside_requests(judged))


def one_a_loop(findings: list[Finding]) -> list[Finding]:
    """Return one finding for a loop that runs several queries, or writes, on each pass: the others are listed in it."""
    loops: dict[tuple[str, str, str, int], list[Finding]] = {}
    whole: list[Finding] = []
    for finding in findings:
        first = finding.chain[0] if finding.chain else None
        if finding.rule in PER_LOOP and first is not None and first.what.startswith("loop over"):
            loops.setdefault((finding.rule, finding.place.path, finding.place.function, first.line), []).append(finding)
        else:
            whole.append(finding)
    for group in loops.values():
        group.sort(key=lambda finding: (CONFIDENCES.index(finding.confidence), finding.place.line, finding.symbol))
        sure = [finding for finding in group if finding.confidence != "possible"]
        whole.extend(group if len(sure) < MANY else [together(sure), *group[len(sure) :]])
    return whole


def together(group: list[Finding]) -> Finding:
    """Return the first of several findings of one loop, with what the others cost and where they stand."""
    best, others = group[0], group[1:]
    also = {(step.path, step.line): step for finding in group for step in finding.also}
    for finding in others:
        also.setdefault((finding.place.path, finding.place.line), place_of(finding))
    lines = sorted({finding.place.line for finding in others} - {best.place.line})
    more = f", and {len(others)} more on each pass" + (
        f" (line {', '.join(map(str, lines[:LISTED]))})" if lines else ""
    )
    cures = list(dict.fromkeys(finding.cure for finding in group))
    return replace(
        best,
        message=best.message + more,
        cure=" ".join(cures[:CURES]),
        also=tuple(also.values())[:LISTED],
        entry_points=tuple(dict.fromkeys(entry for finding in group for entry in finding.entry_points)),
        cost=Cost(terms=tuple(term for finding in group for term in finding.cost.terms)),
        fetches=tuple(dict.fromkeys(name for finding in group for name in finding.fetches)),
    )


def joined(reached: Reached, ways: list[tuple[Finding, Key]]) -> Finding:
    """Return one finding for all readings that found it: the surest and shortest way, the others listed."""
    ways.sort(key=lambda way: (*_rank(way[0]), way[1]))
    best = ways[0][0]
    entries: dict[str, None] = {}
    also: dict[tuple[str, int], Step] = {(step.path, step.line): step for step in best.also}
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


class Judge:
    """Puts prices on findings: what they come to at the stated size, and how bad that is where it happens."""

    def __init__(self, reached: Reached, paths: Iterable[str], settings: Settings) -> None:
        self.settings = settings
        self.past = past(paths)
        self.labels_of_past = {label for key, label in reached.labels.items() if key[0] in self.past}

    def judged(self, finding: Finding) -> Finding:
        """Put the price at the stated size on a finding, and the severity that follows."""
        rule, settings = load()[finding.rule], self.settings
        if rule.settle is not None:
            finding = rule.settle(finding)
        size = settings.size_at(finding.place.path)
        at = {symbol: number(symbol, size) for term in finding.cost.terms for symbol in term.sizes}
        predicted = amounts(finding.cost.terms, rule.spends, at, settings, rows=size.rows)
        cost = Cost(terms=finding.cost.terms, at=at, predicted=predicted)
        severity = self.severity(predicted, rule.spends, finding.entry_points)
        few = all(term.sizes and multiplied(term, at, size.rows) <= LITTLE for term in finding.cost.terms)
        if few or self.aside(finding):
            severity = "note"
        return replace(finding, cost=cost, severity=severity)

    def severity(
        self, predicted: Mapping[str, float], spends: tuple[Spends, ...], entries: tuple[str, ...]
    ) -> Severity:
        """Return the severity: the worst ratio of what is predicted to its budget."""
        settings = self.settings
        if "hazard" in spends:
            return "error" if entries and settings.size_stated else "warning"
        worst = max((self.share(name, amount, entries) for name, amount in predicted.items()), default=0.0)
        if worst > 1:
            # While the project has not stated its size, the number rests on an assumption.
            return "error" if settings.size_stated else "warning"
        return "warning" if worst > 0.1 else "note"

    def share(self, resource: str, amount: float, entries: tuple[str, ...]) -> float:
        """Return the share of a budget that is spent.

        Nobody waits for a task, and somebody watches a command; how many queries they run is nobody's concern.
        """
        patience = 1
        if is_job(entries):
            patience = OF_A_TASK if any(entry.startswith("task ") for entry in entries) else OF_A_COMMAND
        if patience > 1 and resource in OF_REQUESTS:
            return 0.0
        return amount / self.settings.budget.of(resource, entries) / patience

    def aside(self, finding: Finding) -> bool:
        """Tell whether a finding stands where few would act on it: seed data, a migration that has long run."""
        path = finding.place.path
        if finding.entry_points and self.labels_of_past.issuperset(finding.entry_points):
            return True
        if path in self.past:
            return True
        return bool(ASIDE.search(path)) or (bool(MIGRATION.search(path)) and finding.rule not in IN_MIGRATIONS)


def past(paths: Iterable[str]) -> set[str]:
    """Return the migrations that have long run: numbered, as Django's are, with many of the same app after them."""
    folders: dict[str, list[str]] = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name[:4].isdigit() and MIGRATION.search(path):
            folders.setdefault(folder, []).append(path)
    return {path for inside in folders.values() for path in sorted(inside)[:-LATER]}


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
            elif resource == "memory" and term.effect in HELD:
                spent["memory_mb"] = spent.get("memory_mb", 0.0) + times * ROW_KB / 1024
            elif resource == "import" and term.effect == "import":
                spent["import_ms"] = spent.get("import_ms", 0.0) + milliseconds
            elif resource == "response" and term.effect == "load":
                spent["response_kb"] = spent.get("response_kb", 0.0) + times * ROW_KB
    return {name: round(value, 4) for name, value in spent.items()}


def multiplied(term: Term, at: Mapping[str, int], rows: int) -> int:
    """Return how often an effect happens.

    The children of all parents are at most the whole table: boards of workspaces of users are not a
    thousand times a thousand times a thousand, but as many as there are boards. Two collections of one and the
    same parent are no parent and child: for each of the one all of the other is there.
    """
    times = 1
    alone: set[str] = set()  # of which there is one: nothing outside multiplies what they have
    for symbol in term.sizes:
        owner = symbol.rpartition(".")[0]
        grown = times * at[symbol]
        if owner and times == 1:
            alone.add(owner)
        times = min(grown, max(rows, times)) if owner and owner not in alone else grown
    return times
