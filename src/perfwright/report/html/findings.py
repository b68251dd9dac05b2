"""Findings as a ranked list that opens: what a reader works through."""

import re
from collections.abc import Mapping, Sequence

from perfwright.finding import SEVERITIES, Evidence, Finding, Measured, Observed, Predicted
from perfwright.report import words
from perfwright.report.html import plot, runs, source, units
from perfwright.report.html.markup import Markup, joined, prose, table, tag, text, void
from perfwright.report.html.source import Sources, inside, where

WHOLE = 8_000_000  # characters of findings written out; then one line each
BRIEF = 3_000_000  # characters of findings in one line each; then they are counted
ENTRIES, PLACES, CURED, DIFF = 8, 8, 5, 200  # written out of each list of a finding

LINK = re.compile(r' href="#f(\d+)"')

Judged = Mapping[str, str]  # a finding's key: "confirmed" or "refuted"


def ranked(
    findings: Sequence[Finding], groups: Sequence[Sequence[Finding]], sources: Sources, judged: Judged | None = None
) -> tuple[Markup, int]:
    """Return the findings with a filter above, and how many of them the page can hold: the first, written out.

    `groups` are those that one change may cure: they name each other.
    """
    if not findings:
        return Markup(), 0
    numbers = {id(finding): place for place, finding in enumerate(findings, 1)}
    together = {id(finding): group for group in groups for finding in group}
    written: list[Markup] = []
    brief: list[Markup] = []
    used = spent = 0
    for number, finding in enumerate(findings, 1):
        if used < WHOLE:
            group = together.get(id(finding), ())
            kin = [(numbers[id(one)], one) for one in group[: CURED + 1] if one is not finding][:CURED]
            judgement = judged.get(finding.key, "") if judged else ""
            said = _finding(finding, number, kin, len(group) - 1 - len(kin), sources, judgement)
            used += len(said)
            written.append(said)
        elif spent < BRIEF:
            said = _brief(finding, number)
            spent += len(said)
            brief.append(said)
        else:
            break
    parts = [_filter(findings[: len(written)]), tag("div", *written, class_="findings")]
    if brief:
        parts.append(tag("p", f"The next {len(brief):,} in a line each, to keep the page small enough to open:"))
        parts.append(tag("ol", *brief, class_="brief", start=str(len(written) + 1)))
    held = len(written) + len(brief)
    if held < len(findings):
        parts.append(tag("p", f"{len(findings) - held:,} more are not on this page; --format json holds them all."))
    return joined(parts, "\n"), held


def linked(inside_: Markup, held: int) -> Markup:
    """Return HTML without the links to findings that the page does not hold."""
    # Text cannot look like this: its quotation marks are escaped.
    return Markup(LINK.sub(lambda link: link[0] if int(link[1]) <= held else "", inside_))


def start(groups: Sequence[Sequence[Finding]], numbers: Mapping[str, int], most: int = 3) -> Markup:
    """Return the first few groups in a few words: what to do on the first day."""
    rows = []
    for group in groups[:most]:
        first = group[0]
        more = f" One change here may cure {words.number(len(group), 'finding')}." if len(group) > 1 else ""
        entries = f"{words.number(len(first.entry_points), 'entry point')} reach it." if first.entry_points else ""
        if len(first.entry_points) == 1:
            entries = f"It is reached from {first.entry_points[0]}."
        rows.append(
            tag(
                "li",
                tag("a", prose(first.message), href=f"#f{numbers[first.key]}"),
                tag("p", prose(words.cost(first)), class_="cost") if words.cost(first) else Markup(),
                tag("p", where(first.place.path, first.place.line), f" {entries}{more}", class_="dim"),
                tag("p", tag("b", "Cure: "), prose(first.cure), class_="cure") if first.cure else Markup(),
                class_=first.severity,
            )
        )
    return tag("ol", *rows, class_="start") if rows else Markup()


def chip(severity: str) -> Markup:
    """Return a severity as a word on its colour."""
    return tag("span", severity, class_=f"chip {severity}")


def _finding(
    finding: Finding, number: int, kin: Sequence[tuple[int, Finding]], more: int, sources: Sources, judged: str
) -> Markup:
    place = finding.place
    said = words.cost(finding)
    summary = tag(
        "summary",
        tag(
            "span", chip(finding.severity), tag("span", finding.rule, class_="rule"),
            where(place.path, place.line), tag("span", finding.confidence, class_="sure"),
            tag("span", f"#{number}", class_="sure number"),
            tag("span", judged, class_=f"chip {judged}") if judged else Markup(), class_="line",
        ),
        tag("h3", prose(finding.message)),
        tag("span", prose(said), class_="cost") if said else Markup(),
    )  # fmt: skip
    parts = [
        ("Cure", tag("p", prose(finding.cure), class_="cure") if finding.cure else Markup()),
        ("Why", source.chain(finding, sources)),
        ("Cost", _cost(finding)),
        ("Reached from", _entries(finding.entry_points)),
        ("Also reached at", _also(finding)),
        ("Evidence", tag("ul", *map(_evidence, finding.evidence)) if finding.evidence else Markup()),
        ("Patch", _patch(finding)),
        ("Cured together", _kin(kin, more)),
        ("More", _more(finding)),
    ]
    rows = [tag("div", tag("h4", name), tag("div", inside_), class_="part") for name, inside_ in parts if inside_]
    return tag(
        "details", summary, tag("div", *rows, class_="body"), class_=f"finding {finding.severity}", id=f"f{number}",
        data_severity=finding.severity, data_rule=finding.rule, open=number == 1,
    )  # fmt: skip


def _cost(finding: Finding) -> Markup:
    cost = finding.cost
    if not cost.terms and not cost.predicted:
        return Markup()
    phrases = words.predicted(cost.predicted)
    at = words.sizes(cost)
    return joined(
        [
            tag("p", prose(f"{f'at {at}: ' if at else ''}{', '.join(phrases)}.")) if phrases else Markup(),
            tag("p", tag("code", words.formula(cost.terms))) if cost.terms else Markup(),
        ]
    )


def _entries(entries: Sequence[str]) -> Markup:
    if not entries:
        return Markup()
    shown = [tag("li", tag("code", entry)) for entry in entries[:ENTRIES]]
    if len(entries) > ENTRIES:
        shown.append(tag("li", f"and {len(entries) - ENTRIES:,} more"))
    return tag("ul", *shown, class_="inline")


def _also(finding: Finding) -> Markup:
    if not finding.also:
        return Markup()
    shown = [tag("li", where(step.path, step.line), " ", inside(step.function)) for step in finding.also[:PLACES]]
    if len(finding.also) > PLACES:
        shown.append(tag("li", f"and {len(finding.also) - PLACES:,} more places"))
    return tag("ul", *shown)


def _evidence(item: Evidence) -> Markup:
    match item:
        case Predicted():
            return tag("li", f"Read: {item.resolved_calls:.0%} of the calls on the way could be resolved.")
        case Observed() if item.share is not None:
            return runs.evidence(item)
        case Observed():
            per = ", ".join(words.size(name, size) for name, size in item.per.items())
            times = words.number(item.count, "time")
            told = f"Seen in {item.run}: {times} in {item.entry_point}, {words.duration(item.ms)}"
            return tag("li", f"{told}{f', for {per}' if per else ''}.")
        case Measured():
            return _measured(item)


def _measured(item: Measured) -> Markup:
    unit = units.of(item.metric)
    points = units.points(item.values)
    growth = item.growth
    told = f"Measured by {item.by}: {unit.name}, {units.told(growth)}."
    values = [[size, unit.say(amount)] for size, amount in item.values.items()]
    drawn = plot.figure(unit, points, units.fitted(points, growth), f"{unit.name}: {units.told(growth)}")
    return tag("li", told, tag("div", drawn, table(("n", unit.name), values, numbers=True), class_="beside"))


def _patch(finding: Finding) -> Markup:
    if finding.patch is None:
        return Markup()
    lines = finding.patch.diff.split("\n")
    kinds = {"+": "ins", "-": "del"}
    shown = [tag(kinds.get(line[:1], "span"), text(line, source.WIDE)) for line in lines[:DIFF]]
    more = tag("p", f"and {len(lines) - DIFF:,} more lines") if len(lines) > DIFF else Markup()
    return joined([tag("pre", joined(shown, "\n"), class_="diff", tabindex="0"), more])


def _kin(kin: Sequence[tuple[int, Finding]], more: int) -> Markup:
    shown = [
        tag("li", tag("a", f"{one.rule}, line {one.place.line}", href=f"#f{number}"), ": ", prose(one.message))
        for number, one in kin
    ]
    if more > 0:
        shown.append(tag("li", f"and {more:,} more"))
    return tag("ul", *shown) if shown else Markup()


def _more(finding: Finding) -> Markup:
    return joined(
        [
            tag("p", "The rule's page, with its measured proof: ", tag("code", f"perfwright explain {finding.rule}")),
            tag("p", "Key: ", tag("code", finding.key, class_="key")),
        ]
    )


def _brief(finding: Finding, number: int) -> Markup:
    place = where(finding.place.path, finding.place.line)
    parts = (chip(finding.severity), tag("code", finding.rule), place, prose(finding.message))
    return tag("li", joined(parts, " "), id=f"f{number}")


def _filter(findings: Sequence[Finding]) -> Markup:
    """Return the controls; they are hidden until the script is there to answer."""
    counts = {severity: sum(one.severity == severity for one in findings) for severity in SEVERITIES}
    rules: dict[str, int] = {}
    for finding in findings:
        rules[finding.rule] = rules.get(finding.rule, 0) + 1
    boxes = [
        tag(
            "label", void("input", type="checkbox", name="severity", value=severity, checked=True),
            f" {words.number(counts[severity], severity)}",
        )
        for severity in SEVERITIES if counts[severity]
    ]  # fmt: skip
    options = [tag("option", "every rule", value="")]
    options.extend(tag("option", f"{rule} ({count})", value=rule) for rule, count in sorted(rules.items()))
    return tag(
        "form",
        tag("label", "Find ", void("input", type="search", name="words", placeholder="path, rule, words")),
        tag("label", "Rule ", tag("select", *options, name="rule")),
        tag("fieldset", tag("legend", "Severity"), *boxes),
        tag("button", "Open all", type="button", name="open"),
        tag("button", "Close all", type="button", name="close"),
        tag("output", f"{len(findings):,} shown", aria_live="polite"),
        id="filter", hidden=True, role="search", aria_label="Filter findings",
    )  # fmt: skip
