"""The page of a check: what was read, what will be slow, where to begin, and what could not be read."""

from collections.abc import Callable, Mapping, Sequence

from perfwright.config import Size
from perfwright.finding import SEVERITIES, Finding, Record, Unreadable
from perfwright.report import words
from perfwright.report._contract import Options
from perfwright.report.choice import chosen, grouped
from perfwright.report.html import findings as listed
from perfwright.report.html import runs
from perfwright.report.html.markup import Markup, joined, table, tag
from perfwright.report.html.page import page, verdict
from perfwright.report.html.source import Sources

ENTRIES, LINKS, FILES, SIZES = 500, 5, 200, 100  # written out of each list


def check(record: Record, options: Options) -> str:
    """Return the page of a record, as `--all` and `--top` ask for it."""
    shown = chosen(record, options)
    groups = grouped(shown)
    numbers = {finding.key: place for place, finding in enumerate(shown, 1)}
    sources = Sources(options.lines)
    whole, held = listed.ranked(shown, groups, sources)
    reached = entries(shown, numbers)
    if held < len(shown):
        whole, reached = listed.linked(whole, held), listed.linked(reached, held)
    return page(
        title=options.root.absolute().name or "/",
        kind="check",
        verdict=_verdict(record),
        facts=_facts(record, len(record.findings) - len(shown)),
        sections=[
            ("pays", "Where work pays off", runs.start(record, {key: n for key, n in numbers.items() if n <= held})),
            ("start", "Start here", listed.start(groups, numbers)),
            ("findings", "Findings", whole or _nothing(record)),
            ("hot", "Hot, without a finding", runs.hot(record, sources)),
            ("entries", "Entry points", reached),
            ("runs", "Profiles and traffic", runs.given(record)),
            ("unread", "Left out", _unread(record.summary.unreadable)),
            ("sizes", "Sizes", _sizes(shown)),
            ("reading", "How to read this", reading()),
        ],
    )


def entries(findings: Sequence[Finding], numbers: Mapping[str, int]) -> Markup:
    """Return the table of entry points that findings name, the one with the worst finding first."""
    reached: dict[str, list[Finding]] = {}
    for finding in findings:
        for entry in finding.entry_points:
            reached.setdefault(entry, []).append(finding)
    if not reached:
        return Markup()
    rows = [
        (
            tag("code", entry),
            *(_many(sum(one.severity == severity for one in found)) for severity in SEVERITIES),
            _worst(found, "latency_ms", words.duration),
            _worst(found, "queries", words.count),
            _worst(found, "memory_mb", lambda mb: words.memory(mb * 1024)),
            _links(found, numbers),
        )
        for entry, found in list(reached.items())[:ENTRIES]
    ]
    heads = ("entry point", *map(words.plural, SEVERITIES), "time", "queries", "memory", "findings, the worst first")
    told = tag("p", "Time, queries and memory are what its worst single finding costs: causes overlap, sums would lie.")
    left = len(reached) - len(rows)
    more = tag("p", f"{left:,} more entry points are in --format json.") if left else Markup()
    return joined([told, table(heads, rows, caption="Entry points and their findings"), more])


def reading() -> Markup:
    """Return what the words of a finding mean."""
    terms = {
        "error, warning, note": "at the size, the worst resource is over its budget; over a tenth of it; less.",
        "certain, likely, possible": "how sure the reading is, not how bad the defect. Possible ones need --all.",
        "cost": "predicted from reading: each effect times the sizes that multiply it. A prediction is not a "
        "measurement; where something was measured or seen in a run, the evidence says so.",
        "why": "the chain from the loop or handler that multiplies to the effect; numbers mark its steps.",
        "key": "names the finding across edits: rule, file, function, effect. A baseline lists keys.",
    }
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", said)) for name, said in terms.items()), class_="terms")


def _verdict(record: Record) -> Markup:
    worst = next((severity for severity in SEVERITIES if record.count(severity)), "good")
    counts = ", ".join(words.number(record.count(severity), severity) for severity in SEVERITIES)
    summary = record.summary
    rest = f"in {words.number(summary.files, 'file')} ({words.number(summary.lines, 'line')})"
    if summary.unreadable:
        rest += f"; {words.number(len(summary.unreadable), 'file')} could not be read"
    return verdict(counts, worst, f"{rest}.")


def _facts(record: Record, hidden: int) -> list[tuple[str, str]]:
    size = Size()
    assumed = f"assumed: {words.count(size.rows)} rows, {words.count(size.items)} items; so no more than warnings"
    facts = [
        ("Size", "stated by the project" if record.size_stated else assumed),
        ("Calls resolved", f"{record.summary.calls_resolved:.0%}: silence is only worth what was understood"),
        ("Tool", f"perfwright {record.tool_version}"),
    ]
    if hidden:
        facts.append(("Not shown", f"{words.number(hidden, 'finding')}: notes, what is only possible, or past --top"))
    return facts


def _nothing(record: Record) -> Markup:
    said = "Nothing that is certain or likely was found." if record.findings else "Nothing was found."
    return tag("p", said, class_="nothing")


def _unread(left_out: Sequence[Unreadable]) -> Markup:
    if not left_out:
        return Markup()
    rows = [(tag("code", one.path), one.why) for one in left_out[:FILES]]
    more = tag("p", f"and {len(left_out) - FILES:,} more") if len(left_out) > FILES else Markup()
    return joined([table(("file", "why"), rows, caption="Files that were left out"), more])


def _sizes(findings: Sequence[Finding]) -> Markup:
    at = {name: size for finding in findings for name, size in finding.cost.at.items() if not name.isdigit()}
    if not at:
        return Markup()
    rows = [(tag("code", name), words.count(at[name])) for name in sorted(at)[:SIZES]]
    told = tag("p", "What each size stands for in the costs. State yours under [tool.perfwright.size].")
    more = tag("p", f"and {len(at) - SIZES:,} more") if len(at) > SIZES else Markup()
    return joined([told, table(("size", "taken as"), rows, numbers=True, caption="Sizes"), more])


def _many(count: int) -> str:
    return f"{count:,}" if count else "–"


def _worst(findings: Sequence[Finding], resource: str, say: Callable[[float], str]) -> str:
    amount = max((finding.cost.predicted.get(resource, 0.0) for finding in findings), default=0.0)
    return say(amount) if amount > 0 else "–"


def _links(findings: Sequence[Finding], numbers: Mapping[str, int]) -> Markup:
    """Return the rules of findings, each with the numbers of its findings as links."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    parts = []
    for rule, found in list(by_rule.items())[:LINKS]:
        links = [
            tag("a", f"{numbers[one.key]}", href=f"#f{numbers[one.key]}", class_=one.severity) for one in found[:LINKS]
        ]
        more = f" +{len(found) - LINKS:,}" if len(found) > LINKS else ""
        parts.append(tag("span", f"{rule} ", joined(links, " "), more, class_="rules"))
    left = len(by_rule) - LINKS
    return joined([joined(parts, " "), f" and {words.number(left, 'more rule')}" if left > 0 else ""])
