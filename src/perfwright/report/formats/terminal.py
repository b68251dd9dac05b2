"""Findings for a person: where, why, what it costs at the stated size, and the cure."""

from collections.abc import Sequence

from perfwright.config import Size
from perfwright.finding import SEVERITIES, Finding, Measured, Observed, Record, Step
from perfwright.report import words
from perfwright.report._contract import Format, Options
from perfwright.report.choice import chosen, grouped
from perfwright.report.excerpt import excerpt
from perfwright.report.formats import _runs as runs
from perfwright.report.formats._page import LEAST, Page

STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
MOST = 5  # further findings of a group that are written out
DEEP = 6  # steps after which the tree is not indented further


def render(record: Record, options: Options) -> str:
    findings = chosen(record, options)
    page = Page(options.width, options.color)
    for group in grouped(findings):
        _group(page, group, record, options)
        page.gap()
    runs.write(page, record)
    if findings and not record.size_stated:
        _assumed(page)
    for left_out in record.summary.unreadable:
        page.line(("left out ", "bold"), (left_out.path, "bold"), f": {left_out.why}", hang=2)
    _summary(page, record, findings, options)
    return page.text()


def _group(page: Page, group: Sequence[Finding], record: Record, options: Options) -> None:
    first, *others = group
    _finding(page, first, record, options)
    # The same words twice tell a person nothing more: the record keeps both.
    different = list({(other.rule, other.message, other.cure): other for other in reversed(others)}.values())[::-1]
    for other in different[:MOST]:
        _also(page, first, other)
    more = len(others) - len(different[:MOST])
    if more:
        page.field("", f"and {words.count(more)} more like these here")


def _finding(page: Page, finding: Finding, record: Record, options: Options) -> None:
    place = finding.place
    sure = "" if finding.confidence == "certain" else f"  {finding.confidence}"
    page.line(
        (finding.severity, STYLES[finding.severity]),
        "  ",
        (finding.rule, "bold"),
        "  ",
        (_where(place.path, place.line), "cyan"),
        _inside(place.function),
        (sure, "dim"),
        hang=2,
    )
    page.line(finding.message, indent=2)
    _excerpt(page, finding, options)
    _chain(page, finding)
    _cost(page, finding)
    for part in runs.unseen(finding, record):
        page.field("seen", (part, "dim"))
    if finding.also:
        page.field("also", _places(finding.also))
    if finding.entry_points:
        page.field("from", _entries(finding.entry_points))
    if finding.cure:
        page.field("cure", (finding.cure, "green"))


def _inside(function: str) -> str:
    return "" if function == "<module>" else f" in {function}"


def _where(path: str, line: int) -> str:
    return f"{path}:{line}"


def _excerpt(page: Page, finding: Finding, options: Options) -> None:
    lines = excerpt(finding, options.lines(finding.place.path))
    if not lines:
        return
    page.gap()
    digits = len(str(lines[-1].number))
    for line in lines:
        style = "bold" if line.marked else "dim"
        mark = ("> ", STYLES[finding.severity]) if line.marked else "  "
        page.cropped(mark, (f"{line.number:>{digits}} | ", "dim"), (line.text, style), indent=2)
    if finding.chain or finding.cost.predicted or finding.entry_points or finding.cure:
        page.gap()


def _chain(page: Page, finding: Finding) -> None:
    steps = [("  " * min(depth, DEEP) + _where(step.path, step.line), step) for depth, step in enumerate(finding.chain)]
    width = max((len(where) for where, _ in steps), default=0)
    # A column helps the eye, but not where the paths leave no room beside it.
    width = width if width <= min(page.width // 2, page.width - 8 - LEAST) else 0
    for depth, (where, step) in enumerate(steps):
        page.line(
            ("      " if depth else "why   ", "dim"),
            (where.ljust(width), "cyan"),
            "  ",
            step.what,
            (_inside(step.function), "dim"),
            indent=2,
            hang=8 + width,
        )


def _cost(page: Page, finding: Finding) -> None:
    said = words.cost(finding)
    if said:
        page.field("cost", said, (f"  ({words.formula(finding.cost.terms)})", "dim"))
    for item in finding.evidence:
        if isinstance(item, Observed) and item.share is not None:
            page.field("seen", *runs.share(item, item.share))
        elif isinstance(item, Observed):
            times = words.number(item.count, "time")
            page.field("seen", f"{times} in {item.entry_point}, {words.duration(item.ms)}", (f"  ({item.run})", "dim"))
        elif isinstance(item, Measured):
            growth = item.growth
            spread = f"exponent {growth.exponent:.2f}, {growth.low:.2f} to {growth.high:.2f}"
            page.field("found", f"{item.metric} grows as {growth.klass}", (f"  ({spread})", "dim"))


def _places(steps: Sequence[Step]) -> str:
    shown = ", ".join(_where(step.path, step.line) for step in steps[:2])
    more = f" and {len(steps) - 2} more places" if len(steps) > 2 else ""
    return f"reached from {shown}{more}"


def _entries(entries: Sequence[str]) -> str:
    shown = ", ".join(entries[:2])
    return f"{shown} and {len(entries) - 2} more" if len(entries) > 2 else shown


def _also(page: Page, first: Finding, other: Finding) -> None:
    """Write a finding that the same change may cure, in short: only what the first does not say."""
    where = "same line" if other.place.line == first.place.line else f"line {other.place.line}"
    rule = "" if other.rule == first.rule else f" {other.rule}"
    style = STYLES[other.severity].removeprefix("bold ")
    page.field("also", (other.severity, style), f"{rule} ({where}): {other.message}")
    said = words.cost(other)
    if said and said != words.cost(first):
        page.field("", said)
    for item in other.evidence:
        if isinstance(item, Observed) and item.share is not None and item.share not in first.shares:
            page.field("", *runs.share(item, item.share))
    if other.cure and other.cure != first.cure:
        page.field("", (other.cure, "green"))


def _assumed(page: Page) -> None:
    size = Size()
    page.line(
        ("The size is assumed, not stated", "bold"),
        f": {words.count(size.rows)} rows, {words.count(size.items)} items; so nothing is more than a warning. "
        "State yours in pyproject.toml: ",
        ("[tool.perfwright.size] rows = 2_000_000", "cyan"),
        hang=2,
    )


def _summary(page: Page, record: Record, findings: Sequence[Finding], options: Options) -> None:
    summary = record.summary
    if not findings:
        page.line("Nothing was found." if not record.findings else "Nothing that is certain or likely was found.")
    counts = ", ".join(words.number(record.count(severity), severity) for severity in SEVERITIES)
    parts = [
        f" in {words.number(summary.files, 'file')} ({words.number(summary.lines, 'line')})",
        f"; {summary.calls_resolved:.0%} of calls resolved",
    ]
    if summary.unreadable:
        parts.append(f"; {len(summary.unreadable)} left out")
    if options.seconds is not None:
        parts.append(f"; {options.seconds:.1f} s")
    page.line((counts, "bold"), *parts, hang=2)
    hidden = len(record.findings) - len(findings)
    if hidden:
        page.line(f"{hidden} not shown: {_hidden(record, options)}.", hang=2)


def _hidden(record: Record, options: Options) -> str:
    quiet = 0 if options.all else sum(not finding.shown for finding in record.findings)
    ways = ["--all shows notes and what is only possible"] if quiet else []
    if options.top is not None and len(record.findings) - quiet > options.top:
        ways.append(f"--top {options.top} shows the costliest alone")
    return ", ".join(ways)


FORMAT = Format(name="terminal", help="for a person", render=render)
