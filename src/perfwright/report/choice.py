"""Which findings people see, in which order, and which of them belong together."""

from collections.abc import Iterable

from perfwright.config import Budget
from perfwright.finding import SEVERITIES, Finding, Record
from perfwright.report._contract import Options


def chosen(record: Record, options: Options) -> list[Finding]:
    """Return the findings to show, the worst first: what `--all` and `--top` leave."""
    asked = (finding for finding in record.findings if options.all or finding.shown)
    return sorted(asked, key=_rank)[: options.top]


def ratio(finding: Finding) -> float:
    """Return how many times the worst resource exceeds its budget; 0 where nothing was predicted."""
    # The record does not hold the project's budgets: the defaults make resources comparable.
    budget = Budget()
    return max((amount / budget.of(name) for name, amount in finding.cost.predicted.items()), default=0.0)


def grouped(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings in groups that one change may cure: the same line, or the same rule and function."""
    groups: list[list[Finding]] = []
    home: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        place = finding.place
        keys = (("line", place.path, str(place.line)), ("rule", place.path, place.function, finding.rule))
        group = next((home[key] for key in keys if key in home), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(finding)
        for key in keys:
            home.setdefault(key, group)
    return groups


def _rank(finding: Finding) -> tuple[float, float, int, bool, float, str, int, str, str]:
    """Rank by what the cure takes away of a profile or of traffic, where one was given; then by what is predicted.

    That is by severity, then what a request reaches before what none does, then by cost.
    """
    place = finding.place
    unreached = not finding.serves
    of_run, of_traffic = finding.weight
    return (
        -of_run,
        -of_traffic,
        SEVERITIES.index(finding.severity),
        unreached,
        -ratio(finding),
        place.path,
        place.line,
        finding.rule,
        finding.symbol,
    )
