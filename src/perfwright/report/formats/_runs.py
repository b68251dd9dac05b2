"""What profiles and traffic say, for a person: shares with Amdahl's ceiling, what is hot, where to start."""

from perfwright.amdahl import Seen, Share, Start
from perfwright.finding import Finding, Observed, Record
from perfwright.report import words
from perfwright.report.formats._page import Page, Part

OF = {"time": "of run time", "memory": "of peak memory", "traffic": "of what traffic costs"}
LITTLE = 0.001  # of the whole: what is less is told as such
MOST = 10  # hot places that are written out
NAMED = 3  # findings of an entry point that are named
VAST = 1_000  # times as fast: past that, a number says nothing


def share(seen: Observed, part: Share) -> list[Part]:
    """Return the words for one finding's share: `31% of run time at this line; at most 1.45x as fast`."""
    where = {"line": " at this line", "call": " where its chain ends", "function": " in this function"}.get(part.at, "")
    better = "smaller" if part.of == "memory" else "as fast"
    if not part.part and part.at == "line":
        return ["its function was seen, this line was not", (f"  ({seen.run})", "dim")]
    told: list[Part] = [(f"{percent(part.part)} {OF[part.of]}", "bold"), where]
    if part.part > 0:
        told.append(f"; at most {times(part.ceiling)} {better}")
        if part.gain is not None and times(part.speedup) != times(part.ceiling):
            told.append(f", {times(part.speedup)} with the cure")
    if seen.entry_point:
        most = ", most" if len(seen.per) > 1 else ""
        told.append(f"; {words.number(seen.count, 'request')}{most} of {seen.entry_point}")
    return [*told, (f"  ({seen.run})", "dim")]


def unseen(finding: Finding, record: Record) -> list[str]:
    """Return a sentence for each profile and traffic that was given and says nothing of a finding."""
    told = {item.run for item in finding.evidence if isinstance(item, Observed)}
    sentences = []
    for seen in record.summary.seen:
        if seen.name in told:
            continue
        if seen.of == "traffic":
            sentences.append(f"no request of {seen.name} reaches it")
        elif seen.of == "time" or "memory_mb" in finding.cost.predicted:
            sentences.append(f"not seen in the profile {seen.name}")
    return sentences


def write(page: Page, record: Record) -> None:
    """Write what is hot without a finding, where to start, and what the files were."""
    summary = record.summary
    for hot in summary.hot[:MOST]:
        where = f"{hot.path}:{hot.line}"
        page.line(
            ("hot, no finding", "bold magenta"),
            "  ",
            (where, "cyan"),
            f" {hot.function}  {percent(hot.part)} {OF[hot.of]}",
            hang=2,
        )
    if summary.hot[MOST:]:
        page.line(f"and {words.number(len(summary.hot) - MOST, 'more hot place')} without a finding")
    if summary.hot:
        page.gap()
    if summary.start_here:
        page.line(("start here", "bold green"), ": the entry points where work pays off first")
        for number, start in enumerate(summary.start_here, 1):
            _start(page, number, start, record)
        page.gap()
    for seen in summary.seen:
        page.line(*seen_words(seen), hang=2)


def _start(page: Page, number: int, start: Start, record: Record) -> None:
    traffic = any(seen.of == "traffic" for seen in record.summary.seen)
    parts = [f"{percent(start.share)} of {'what traffic costs' if traffic else 'the cost'}"]
    if traffic:
        parts.append(f"{percent(start.requests)} of the requests")
    if start.predicted_ms > 0:
        parts.append(f"about {words.duration(start.predicted_ms)} each")
    page.line(f"{number}. ", (start.entry_point, "bold"), f"  {', '.join(parts)}", indent=2, hang=3)
    known = {finding.key: finding for finding in record.findings}
    named = [known[key] for key in start.findings if key in known]
    for finding in named[:NAMED]:
        place = finding.place
        page.line(f"{finding.rule}  ", (f"{place.path}:{place.line}", "cyan"), indent=5, hang=2)
    if len(named) > NAMED:
        page.line(f"and {words.number(len(named) - NAMED, 'more finding')}", indent=5)


def seen_words(seen: Seen) -> list[Part]:
    """Return the words for what a profile or a list of traffic was."""
    amount = {
        "seconds": words.duration(seen.total * 1000),
        "bytes": words.memory(seen.total / 1024),
        "samples": words.number(seen.total, "sample"),
        "requests": words.number(seen.total, "request"),
    }[seen.unit]
    told: list[Part] = [(seen.name, "bold"), f": {seen.format}, {amount}"]
    if seen.matched is not None:
        below = "match an entry point" if seen.of == "traffic" else "in this project's code and what it calls"
        told.append(f", {percent(seen.matched)} {below}")
    return [*told, *(f"; {note}" for note in seen.notes)]


def percent(part: float) -> str:
    """Return a part as people say it: `31%`, `4.2%`, `under 0.1%`."""
    if 0 < part < LITTLE:
        return "under 0.1%"
    return f"{part:.1%}" if 0 < part < 0.0995 else f"{part:.0%}"


def times(factor: float | None) -> str:
    """Return how many times as fast: `1.45x`; words where it has no bound that says anything."""
    if factor is None or factor > VAST:
        return f"more than {VAST:,}x"
    return f"{factor:.2f}x" if factor < 9.995 else f"{factor:.0f}x"
