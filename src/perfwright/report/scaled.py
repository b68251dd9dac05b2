"""What growing data showed of a whole application, as text and as JSON."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from perfwright import __version__
from perfwright.measure.entries import Asked, Line, Metric, Scaled
from perfwright.measure.joined import Verdict
from perfwright.report import words
from perfwright.report.columns import columns, cut
from perfwright.report.safe import safe

SIZES = 4  # sizes whose queries are told
TOP = 20  # entry points of the table
TOLD = 12  # lines of one entry point in the document
LINES = 3  # lines told of one entry point
CAUSED = 8  # entry points whose lines are told
STATEMENT = 90  # characters of a statement
ARROW = " > "
SHOWN = ("queries", "requests", "stall_ms")

Causes = Mapping[str, Sequence[str]]


def text(
    scaled: Scaled, verdicts: Mapping[str, Verdict], causes: Causes, *, stated: int, width: int, top: int = TOP
) -> str:  # fmt: skip
    """Return the report for a terminal: the table by predicted cost, what causes it, and what was not reached."""
    own = [each for each in scaled.entries if not each.hops]  # the rest lead to one of these
    answered = sum(asked.answered for asked in scaled.entries)
    sizes = ", ".join(f"{n:,}" for n in scaled.sizes)
    asked = [each for each in scaled.unreached if each.why != "it writes"]
    told = [
        f"{safe(scaled.app)} ({scaled.framework}, Python {scaled.python}): {answered} of "
        f"{words.number(len(scaled.entries) + len(asked), 'entry point')} answered at {sizes} rows a table.",
        *(f"  {safe(note)}" for note in scaled.notes),
        "",
        table(own[:top], scaled.sizes, stated, width),
    ]
    if any(over(each) for each in own):
        told.append(f"  ! is over its budget at {stated:,} rows a table.")
    if len(own) > top:
        told.append(f"  and {len(own) - top} more; --top {len(own)} shows them.")
    for asked_one in [each for each in own[:top] if growing(each) or stalls(each)][:CAUSED]:
        told += ["", *caused(asked_one, causes.get(asked_one.entry, ()), scaled.sizes)]
    told += ["", *judged(verdicts)]
    if asked:
        told += ["", "Not answered:"]
        told += [
            f"  {safe(each.entry)}: {safe(cut(each.why, 160))}{f' ({each.help})' if each.help else ''}"
            for each in asked
        ]
    writing = len(scaled.unreached) - len(asked)
    if writing:
        told.append(f"Entry points that write: {writing}; --writes asks them as well.")
    if scaled.refused:
        told += ["", "Tables with fewer rows:"]
        told += [f"  {safe(name)}: {safe(cut(why, 160))}" for name, why in scaled.refused.items()]
    tier = f"{scaled.tier.title()}: {safe(scaled.contained)}"
    told += ["", f"It took {words.duration(scaled.seconds * 1000)}; {scaled.stopped}. {tier}."]
    return "\n".join(told)


def table(entries: Sequence[Asked], sizes: Sequence[int], stated: int, width: int) -> str:
    """Return the table of entry points, the most costly first."""
    shown = sizes if len(sizes) <= SIZES else (sizes[0], *sizes[-SIZES + 1 :])
    heads = ["entry point", *(f"queries at {n:,}" if n == sizes[0] else f"{n:,}" for n in shown), "grows"]
    heads += [f"at {stated:,}", "latency", "memory", "response"]
    rows = [heads]
    for asked in entries:
        queries = asked.metrics.get("queries")
        rows.append(
            [
                safe(asked.entry),
                *(
                    words.count(queries.values[n]) if queries and n in queries.values else stopped(asked, n)
                    for n in shown
                ),
                grown(queries),
                marked(queries, words.count),
                marked(asked.metrics.get("latency_ms"), words.duration),
                marked(asked.metrics.get("peak_kb"), words.memory),
                marked(asked.metrics.get("response_kb"), words.memory),
            ]
        )
    return columns(rows, width=width)


def marked(metric: Metric | None, told: Callable[[float], str]) -> str:
    """Return what a metric comes to at the stated size, marked where that is over the budget."""
    if metric is None or metric.at_stated is None:
        return "?"
    return told(metric.at_stated) + ("!" if metric.over else "")


def stopped(asked: Asked, n: int) -> str:
    """Return why there is no figure at a size."""
    return "too slow" if asked.stopped and n > max(asked.metrics["queries"].values, default=0) else ""


def grown(metric: Metric | None) -> str:
    """Return how a metric grows in a word."""
    if metric is None:
        return ""
    growth = metric.fit.growth
    if metric.fit.why:
        return f"n^{growth.exponent:.1f}?" if growth.exponent > 0 else "?"
    return "-" if growth.klass == "1" else growth.klass


def over(asked: Asked) -> list[str]:
    """Return what is over its budget, in people's words."""
    names = {"latency_ms": "latency", "peak_kb": "memory", "stall_ms": "event loop", "response_kb": "response"}
    return [names.get(name, name) for name, metric in asked.metrics.items() if metric.over]


def growing(asked: Asked) -> list[Line]:
    """Return the lines of an entry point whose count grows."""
    return [
        line
        for line in asked.lines
        if line.metric in ("queries", "requests") and line.values[max(line.values)] > line.values[min(line.values)] + 1
    ]


def caused(asked: Asked, keys: Sequence[str], sizes: Sequence[int]) -> list[str]:
    """Return which lines make an entry point's counts grow."""
    told = [f"{safe(asked.entry)}:"]
    for line in growing(asked)[:LINES]:
        counts = ", ".join(words.count(line.values[n]) for n in sizes if n in line.values)
        site = ARROW.join(f"{safe(path)}:{number} {safe(name)}" for path, number, name in line.site[-3:])
        told.append(f"  {counts} {line.metric} from {site or 'the framework, after the view returned'}")
        told.append(f"      {safe(cut(' '.join(line.statement.split()), STATEMENT))}")
    told += stalls(asked)
    told += [f"  {safe(key)}" for key in keys[:LINES]]
    return told


def stalls(asked: Asked) -> list[str]:
    """Return where an entry point stops the event loop."""
    told = []
    for line in [each for each in asked.lines if each.metric == "stall_ms"][:LINES]:
        site = ARROW.join(f"{safe(path)}:{number} {safe(name)}" for path, number, name in line.site[-3:])
        told.append(f"  the event loop stops for {words.duration(max(line.values.values()))} in {site}")
    return told


def judged(verdicts: Mapping[str, Verdict]) -> list[str]:
    """Return what the run says of the findings of `check`."""
    if not verdicts:
        return ["`perfwright check` predicts nothing here that can be counted."]
    said = {
        word: [each for each in verdicts.values() if each.said == word]
        for word in ("confirmed", "refuted", "not reached")
    }
    counts = ", ".join(f"{len(some)} {word}" for word, some in said.items())
    told = [f"What `perfwright check` predicts here: {counts}."]
    told += [f"  refuted: {safe(each.key)} at {safe(each.entry)}: {each.why}" for each in said["refuted"]]
    return told


def document(scaled: Scaled, verdicts: Mapping[str, Verdict], causes: Causes, *, stated: int) -> dict[str, Any]:
    """Return the JSON document: `{"scale": ...}`."""
    return {
        "version": 1,
        "tool": {"name": "perfwright", "version": __version__},
        "scale": {
            "app": scaled.app,
            "framework": scaled.framework,
            "python": scaled.python,
            "tier": scaled.tier,
            "stated": stated,
            "sizes": list(scaled.sizes),
            "rows": {str(n): dict(rows) for n, rows in scaled.rows.items()},
            "entries": [_entry(asked, causes.get(asked.entry, ())) for asked in scaled.entries],
            "unreached": [{"entry": each.entry, "why": each.why, "help": each.help} for each in scaled.unreached],
            "verdicts": [
                {
                    "key": each.key, "said": each.said, "entry": each.entry, "why": each.why,
                    "values": {str(n): value for n, value in sorted((each.values or {}).items())},
                }
                for each in verdicts.values()
            ],
            "confirmed": [each.key for each in verdicts.values() if each.said == "confirmed"],
            "refuted": [each.key for each in verdicts.values() if each.said == "refuted"],
            "notes": list(scaled.notes),
            "refused": dict(scaled.refused),
            "stopped": scaled.stopped,
        },
    }  # fmt: skip


def _entry(asked: Asked, causes: Sequence[str]) -> dict[str, Any]:
    return {
        "entry": asked.entry,
        "endpoint": asked.endpoint,
        "path": asked.path,
        "status": {str(n): status for n, status in asked.status.items()},
        "metrics": {
            name: {
                "values": {str(n): round(value, 3) for n, value in metric.values.items()},
                "growth": metric.fit.growth.to_json(),
                "at_stated": None if metric.at_stated is None else round(metric.at_stated, 1),
                "budget": metric.budget,
            }
            for name, metric in asked.metrics.items()
        },
        "over": [name for name, metric in asked.metrics.items() if metric.over],
        "lines": [
            {
                "metric": line.metric,
                "path": line.site[-1][0] if line.site else "",
                "line": line.site[-1][1] if line.site else 0,
                "function": line.site[-1][2] if line.site else "",
                "site": [list(frame) for frame in line.site],
                "statement": line.statement,
                "values": {str(n): value for n, value in line.values.items()},
            }
            for line in [each for each in asked.lines if each.metric in SHOWN][:TOLD]
        ],
        "causes": list(causes),
        "leads_to": asked.hops[-1] if asked.hops else "",
        "stopped": asked.stopped,
    }
