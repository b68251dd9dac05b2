"""Writes docs/conformance.md: the figures, and each difference with its verdict."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from conformance.compare import Difference, Result, Row
from conformance.verdicts import KINDS, TAKES_OUT, Verdict

HEADS = ("peer", "codes", "our rule", "marked", "found", "of those that count", "unmarked", "flagged", "that count")


def page(result: Result, table: dict[str, Any]) -> str:
    """Return the whole page."""
    limits = table["limits"]
    total = result.total
    taken_out = ", ".join(f"*{KINDS[kind]}*" for kind in TAKES_OUT)
    parts = [
        "# Conformance with other tools' fixtures",
        "",
        "<!-- Written by `make conformance` from `benchmarks/conformance/`: edit that. -->",
        "",
        "Other analysers keep examples of what they mark and what they do not. Where one of their codes names the same",
        "defect as one of our rules, perfwright reads the same examples, each file alone, with all confidences, as",
        "`perfwright check --all` shows them. Nothing of theirs is kept here;",
        "[benchmarks/conformance](../benchmarks/conformance/README.md) says how to run it on checkouts.",
        "",
        f"- **Found: {percent(total.recall)}** of the {total.bad_counted} marked places that count; at least"
        f" {percent(limits['found'])} is asked for. Before any verdict it is {total.found} of {total.marked},"
        f" {percent(total.found / max(1, total.marked))}.",
        f"- **Flagged: {percent(total.false_alarms)}** of the {total.good_counted} unmarked places that count; at most"
        f" {percent(limits['flagged'])}. Before any verdict it is {total.flagged} of {total.good},"
        f" {percent(total.flagged / max(1, total.good))}.",
        "",
        *peers(table),
        "",
        "## By code",
        "",
        "A place is a statement. It is found when a finding of the rule stands in it, or names it on the way or among",
        "other places, and flagged when one stands in it and nothing there is marked. Those that count are without the",
        "places whose verdict says that they show no defect both name, or no good line:",
        f"{taken_out}.",
        "",
        *rows(result),
        "",
        "## Left out on purpose",
        "",
        "These codes name something that makes no difference worth a finding. Each was measured, the slow form and the",
        "fast one: nanoseconds of CPU time a pass, the least of five rounds of 200 runs of a thousand passes, by",
        "`python -m conformance.left_out` on Python 3.11.7 and 3.13.0.",
        "",
        *left_out(table),
        "",
        "## Differences",
        "",
        *differences(result),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def cells(*texts: object) -> str:
    return "| " + " | ".join(str(text).replace("|", "\\|") for text in texts) + " |"


def peers(table: dict[str, Any]) -> Iterator[str]:
    yield cells("peer", "commit")
    yield "| --- | --- |"
    for peer in table["peer"]:
        yield cells(f"[{peer['name']}]({peer['source']})", f"`{peer['commit'][:12]}`")


def rows(result: Result) -> Iterator[str]:
    """Give a row for each peer and rule, with its codes, and one for all."""
    yield cells(*HEADS)
    yield "| --- | --- | --- |" + " ---: |" * (len(HEADS) - 3)
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    sums: dict[tuple[str, tuple[str, ...]], Row] = defaultdict(Row)
    for code, row in result.rows.items():
        groups[code.peer, code.rules].append(code.name)
        sums[code.peer, code.rules] += row
    for (peer, rules), names in groups.items():
        linked = ", ".join(f"[{rule}](rules/{rule}.md)" for rule in rules)
        yield cells(peer, ", ".join(names), linked, *figures(sums[peer, rules]))
    yield cells("all", "", "", *figures(result.total))


def figures(row: Row) -> tuple[str, ...]:
    return (
        str(row.marked),
        str(row.found),
        f"{row.found} of {row.bad_counted}",
        str(row.good),
        str(row.flagged),
        f"{row.flagged_counted} of {row.good_counted}",
    )


def left_out(table: dict[str, Any]) -> Iterator[str]:
    yield cells("peer", "codes", "what it costs", "why")
    yield "| --- | --- | --- | --- |"
    for entry in table["left_out"]:
        yield cells(", ".join(entry["peers"]), ", ".join(entry["codes"]), entry["figure"], entry["why"])


def differences(result: Result) -> Iterator[str]:
    """Give the differences by peer, code and verdict: the lines of each file together."""
    told = sorted(result.differences.items(), key=lambda pair: order(*pair))
    for (peer, code), of_code in groupby(told, key=lambda pair: (pair[0].peer, pair[0].code)):
        yield f"### {peer}: {code}"
        yield ""
        for (path, _, verdict), group in groupby(of_code, key=lambda pair: (pair[0].path, pair[0].missed, pair[1])):
            where = [difference for difference, _ in group]
            numbers = ", ".join(ranges(difference.line for difference in where))
            what = "missed" if where[0].missed else "flagged"
            says = f"*{KINDS[verdict.kind]}*. {verdict.why}" if verdict else "**no verdict**"
            yield f"- `{path}` {numbers} ({what}): {says}"
        yield ""


def order(difference: Difference, verdict: Verdict | None) -> tuple[object, ...]:
    says = (verdict.kind, verdict.why) if verdict else ("", "")
    return difference.peer, difference.code, difference.path, not difference.missed, says, difference.line


def ranges(numbers: Iterable[int]) -> Iterator[str]:
    """Give numbers in a row as their first and last: 4 to 7."""
    for _, group in groupby(enumerate(sorted(numbers)), key=lambda pair: pair[1] - pair[0]):
        row = [number for _, number in group]
        yield str(row[0]) if len(row) == 1 else f"{row[0]}{', ' if len(row) == 2 else ' to '}{row[-1]}"
