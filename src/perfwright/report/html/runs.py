"""What profiles and traffic say, for the page of a check: what was given, what is hot, where work pays off."""

from collections.abc import Mapping

from perfwright.finding import Observed, Record, Step
from perfwright.report import words
from perfwright.report.formats import _runs as told
from perfwright.report.html import source
from perfwright.report.html.markup import Markup, joined, table, tag, text
from perfwright.report.html.source import Sources

HOT, LINKS = 24, 6  # written out


def evidence(seen: Observed) -> Markup:
    """Return the share of one finding as an entry of its evidence; nothing where there is none."""
    if seen.share is None:
        return Markup()
    return tag("li", joined(_words(part) for part in told.share(seen, seen.share)))


def given(record: Record) -> Markup:
    """Return what the profile and the traffic were."""
    rows = [tag("li", joined(_words(part) for part in told.seen_words(seen))) for seen in record.summary.seen]
    return tag("ul", *rows) if rows else Markup()


def hot(record: Record, sources: Sources) -> Markup:
    """Return the places that take much and have no finding, with their source."""
    places = record.summary.hot
    steps = [
        Step(path=one.path, line=one.line, function=one.function, what=f"{told.percent(one.part)} {told.OF[one.of]}")
        for one in places[:HOT]
    ]
    more = tag("p", f"and {len(places) - HOT:,} more") if len(places) > HOT else Markup()
    return joined([source.steps(steps, sources), more])


def start(record: Record, numbers: Mapping[str, int]) -> Markup:
    """Return the entry points where work pays off first, with their findings."""
    traffic = any(seen.of == "traffic" for seen in record.summary.seen)
    rows = []
    for one in record.summary.start_here:
        known = [numbers[key] for key in one.findings if key in numbers]
        links = [tag("a", f"#{number}", href=f"#f{number}") for number in known[:LINKS]]
        more = f" and {words.number(len(known) - LINKS, 'more finding')}" if len(known) > LINKS else ""
        requests = told.percent(one.requests) if traffic else "–"
        each = f"about {words.duration(one.predicted_ms)}" if one.predicted_ms > 0 else "–"
        rows.append(
            (tag("code", one.entry_point), told.percent(one.share), requests, each, joined([*links, more], " "))
        )
    heads = ("entry point", "of what traffic costs" if traffic else "of the cost", "of requests", "each", "findings")
    return table(heads, rows, caption="Where work pays off first") if rows else Markup()


def _words(part: str | tuple[str, str]) -> Markup:
    if isinstance(part, str):
        return text(part)
    return tag("b", part[0]) if part[1] == "bold" else tag("span", part[0], class_="dim")
