"""The page of an application over growing data: each entry point's growth, its budget, what was not reached."""

from collections.abc import Mapping, Sequence
from typing import Any

from perfwright.finding import Finding, Growth, Step
from perfwright.measure.growth import CANNOT_TELL
from perfwright.report import words
from perfwright.report.choice import grouped
from perfwright.report.html import findings as listed
from perfwright.report.html import plot, source, units
from perfwright.report.html.markup import Markup, joined, prose, table, tag, text
from perfwright.report.html.page import page, verdict
from perfwright.report.html.source import Lines, Sources, inside, where

Json = Mapping[str, Any]
Numbers = Mapping[str, int]
ENTRIES, LINES, UNREACHED, STATEMENT = 400, 6, 500, 1_000  # written out of each list
WHOLE = 4_000_000  # characters of entry points drawn; the rest is in the table alone
MAIN = ("queries", "latency_ms", "stall_ms", "peak_kb", "response_kb")  # in the table of all
WRITES = "it writes"  # why an entry point was not asked, which needs no row of its own
PLAIN = ("1", "log n", CANNOT_TELL)  # classes that need no picture


def scale(document: Json, findings: Sequence[Finding], lines: Lines) -> str:
    """Return the page of the document that `scale --format json` prints, with the findings it speaks of.

    `findings` are in the order in which they are to stand; `lines` gives the source lines of a path.
    """
    told: Json = document["scale"]
    entries = sorted(told["entries"], key=_rank)
    numbers = {finding.key: place for place, finding in enumerate(findings, 1)}
    judged = dict.fromkeys(told.get("refuted", ()), "refuted") | dict.fromkeys(told.get("confirmed", ()), "confirmed")
    judged |= {verdict["key"]: verdict["said"] for verdict in told.get("verdicts", ())}
    sources = Sources(lines)
    whole, held = listed.ranked(findings, grouped(findings), sources, judged)
    each, drawn = _entries(entries, told.get("stated"), numbers, sources)
    if held < len(findings):
        whole, each = listed.linked(whole, held), listed.linked(each, held)
    return page(
        title=str(told["app"]),
        kind="scale",
        verdict=_verdict(told, entries),
        facts=_facts(told, str(document.get("tool", {}).get("version", ""))),
        sections=[
            ("start", "Start here", _start(entries)),
            ("table", "Entry points", _overview(entries, drawn)),
            ("entries", "Each entry point", each),
            ("findings", "Findings", whole),
            ("judged", "Verdicts", _judged(told.get("verdicts", ()), numbers, held)),
            ("unreached", "Not reached", _unreached(told.get("unreached", ()))),
            ("rows", "Rows in each table", joined([_rows(told), _refused(told)])),
            ("reading", "How to read this", _reading()),
        ],
    )


def _rank(entry: Json) -> tuple[bool, float, str]:
    return (not entry.get("over"), -_excess(entry), str(entry["entry"]))


def _excess(entry: Json) -> float:
    """Return how many times the worst metric exceeds its budget at the stated size."""
    return max((_ratio(metric) for metric in entry["metrics"].values()), default=0.0)


def _ratio(metric: Json) -> float:
    at, budget = metric.get("at_stated"), metric.get("budget")
    return at / budget if at is not None and budget else 0.0


def _verdict(told: Json, entries: Sequence[Json]) -> Markup:
    over = sum(bool(entry.get("over")) for entry in entries)
    unreached = sum(one["why"] != WRITES for one in told.get("unreached", ()))
    said = (
        f"{over} of {words.number(len(entries), 'entry point')} will be over budget"
        if over
        else "Nothing is over budget"
    )
    rest = f"at the stated size, measured at {', '.join(f'{size:,}' for size in told['sizes'])} rows"
    if not over:
        rest += f", of {words.number(len(entries), 'entry point')}"
    if unreached:
        rest += f"; {words.number(unreached, 'entry point')} could not be reached"
    return verdict(said, "error" if over else "warning" if unreached else "good", f"{rest}.")


def _facts(told: Json, tool_version: str) -> list[tuple[str, str]]:
    said = (("Framework", "framework"), ("Interpreter", "python"), ("Containment", "tier"))
    facts = [(name, str(told[key])) for name, key in said if told.get(key)]
    if told.get("stated"):
        facts.insert(0, ("Stated size", f"{told['stated']:,} rows a table"))
    facts.extend(("Note", str(note)) for note in told.get("notes", ())[:LINES])
    if told.get("stopped"):
        facts.append(("Stopped because", str(told["stopped"])))
    for name, key in (("Confirmed", "confirmed"), ("Refuted", "refuted")):
        if told.get(key):
            facts.append((name, f"{words.number(len(told[key]), 'finding')} of the check"))
    return [*facts, ("Tool", f"perfwright {tool_version}")]


def _start(entries: Sequence[Json]) -> Markup:
    rows = []
    for number, entry in enumerate(entries[:3], 1):
        over = [name for name in entry["metrics"] if name in entry.get("over", ())]
        if not over:
            break
        costs = [_at_stated(name, entry["metrics"][name]) for name in over]
        cause = next((line for line in entry.get("lines", ()) if line["path"] and _grows(line["values"])), None)
        line = joined([where(cause["path"], cause["line"]), " ", inside(cause["function"])]) if cause else Markup()
        rows.append(
            tag(
                "li",
                tag("a", tag("code", str(entry["entry"])), href=f"#e{number}"),
                tag("p", "; ".join(costs), class_="cost"),
                tag("p", "It grows at ", line, class_="dim") if cause else Markup(),
                class_="error",
            )
        )
    return tag("ol", *rows, class_="start") if rows else Markup()


def _at_stated(name: str, metric: Json) -> str:
    unit = units.of(name)
    budget = f", the budget is {unit.say(metric['budget'])}" if metric.get("budget") is not None else ""
    at = unit.say(metric["at_stated"]) if metric.get("at_stated") is not None else "cannot tell"
    return f"{unit.name}: {at} at the stated size{budget}"


def _overview(entries: Sequence[Json], drawn: int) -> Markup:
    there = {name for entry in entries for name in entry["metrics"]}
    over = {name for entry in entries for name in entry.get("over", ())}
    names = [name for name in units.METRICS if name in there and (name in MAIN or name in over)]
    rows = []
    for number, entry in enumerate(entries[:ENTRIES], 1):
        cells = [_cell(entry, name) for name in names]
        name = tag("code", str(entry["entry"]))
        rows.append([tag("a", name, href=f"#e{number}") if number <= drawn else name, *cells])
    more = tag("p", f"{len(entries) - ENTRIES:,} more are in --format json.") if len(entries) > ENTRIES else Markup()
    heads = ["entry point", *(units.of(name).name for name in names)]
    caption = "At the stated size, with how it grows; over budget is marked"
    return joined([table(heads, rows, numbers=True, caption=caption), more]) if rows else Markup()


def _cell(entry: Json, name: str) -> Markup:
    metric = entry["metrics"].get(name)
    if metric is None:
        return Markup("–")
    growth = _growth(metric)
    at = units.of(name).say(metric["at_stated"]) if metric.get("at_stated") is not None else "–"
    over = name in entry.get("over", ())
    said = tag("span", f"{at} (over)" if over else at, class_="over" if over else None)
    return joined([said, Markup("<br>"), tag("span", units.klass(growth), class_="dim")])


def _entries(entries: Sequence[Json], stated: float | None, numbers: Numbers, sources: Sources) -> tuple[Markup, int]:
    """Return entry points drawn, and how many: the first, as many as a page can hold."""
    written: list[Markup] = []
    used = 0
    for number, entry in enumerate(entries[:ENTRIES], 1):
        if used >= WHOLE:
            break
        written.append(_entry(entry, number, stated, numbers, sources))
        used += len(written[-1])
    left = len(entries) - len(written)
    if left:
        written.append(tag("p", f"{words.number(left, 'further entry point')} cost less and are not drawn."))
    return joined(written, "\n"), len(written) - bool(left)


def _entry(entry: Json, number: int, stated: float | None, numbers: Numbers, sources: Sources) -> Markup:
    over = entry.get("over", ())
    failed = sorted({str(status) for status in entry.get("status", {}).values() if not str(status).startswith("2")})
    worst = "error" if over else "good"
    head = tag(
        "summary",
        tag(
            "span", tag("span", "over budget" if over else "within budget", class_=f"chip {worst}"),
            tag("span", f"answered {', '.join(failed)}", class_="chip warning") if failed else Markup(), class_="line",
        ),
        tag("h3", tag("code", str(entry["entry"]))),
        tag("span", "; ".join(_at_stated(name, entry["metrics"][name]) for name in over if name in entry["metrics"]),
            class_="cost"),
    )  # fmt: skip
    metrics = sorted(
        entry["metrics"].items(),
        key=lambda item: (item[0] not in over, list(units.METRICS).index(item[0]) if item[0] in units.METRICS else 99),
    )
    drawn = [
        _picture(name, metric, stated)
        for name, metric in metrics
        if name in over or metric["growth"]["class"] not in PLAIN
    ]
    parts = [
        ("Growth", tag("div", *drawn, class_="plots") if any(drawn) else Markup()),
        ("Measured", _metrics(metrics)),
        ("Stopped", tag("p", str(entry["stopped"])) if entry.get("stopped") else Markup()),
        ("Grows at", _lines(entry.get("lines", ()), sources)),
        ("Causes", _causes(entry.get("causes", ()), numbers)),
    ]
    rows = [tag("div", tag("h4", name), tag("div", inside_), class_="part") for name, inside_ in parts if inside_]
    return tag(
        "details", head, tag("div", *rows, class_="body"), class_=f"finding {worst}", id=f"e{number}", open=number == 1
    )


def _growth(metric: Json) -> Growth:
    growth = metric["growth"]
    exponent = growth["exponent"]
    return Growth(
        exponent=exponent, low=growth.get("low", exponent), high=growth.get("high", exponent), klass=growth["class"]
    )


def _picture(name: str, metric: Json, stated: float | None) -> Markup:
    unit, points = units.of(name), units.points(metric["values"])
    growth = _growth(metric)
    caption = f"{unit.name}: {units.told(growth)}"
    at = metric.get("at_stated")
    known = (stated, at) if stated is not None and at is not None else None
    return plot.figure(unit, points, units.fitted(points, growth), caption, budget=metric.get("budget"), stated=known)


def _metrics(metrics: Sequence[tuple[str, Json]]) -> Markup:
    sizes = sorted({size for _, metric in metrics for size in metric["values"]}, key=_size)
    rows = []
    for name, metric in metrics:
        unit, values = units.of(name), metric["values"]
        budget = unit.say(metric["budget"]) if metric.get("budget") is not None else "–"
        at = unit.say(metric["at_stated"]) if metric.get("at_stated") is not None else "cannot tell"
        said = [unit.say(values[size]) if values.get(size) is not None else "–" for size in sizes]
        rows.append([unit.name, *said, units.klass(_growth(metric)), at, budget])
    heads = ["metric", *(f"{_size(size):,}" for size in sizes), "grows as", "at the stated size", "budget"]
    return table(heads, rows, numbers=True, caption="One call, by rows in each table")


def _lines(lines: Sequence[Json], sources: Sources) -> Markup:
    """Return the lines whose count grows, each with the way to it, its statement and its counts."""
    parts = []
    growing = [line for line in lines if _grows(line["values"])]
    for line in growing[:LINES]:
        values = _counts(line)
        site = line.get("site") or [(line["path"], line["line"], line["function"])]
        way = [Step(path=path, line=number, function=function, what="") for path, number, function in site if path]
        told = f"{units.of(line['metric']).name}: {values}{'' if way else ', from the framework, outside of all views'}"
        parts.append(tag("p", tag("b", told)))
        if line.get("statement"):
            parts.append(tag("pre", tag("code", text(str(line["statement"]), STATEMENT)), class_="diff", tabindex="0"))
        parts.append(source.steps(way[-source.STEPS :], sources))
    if len(growing) > LINES:
        parts.append(tag("p", f"and {len(growing) - LINES:,} more"))
    return joined(parts)


def _counts(one: Json) -> str:
    values: Mapping[str, float] = one.get("values") or {}
    return ", ".join(f"{units.count(values[size])} at {_size(size):,}" for size in sorted(values, key=_size))


def _grows(values: Mapping[str, float]) -> bool:
    counts = [values[size] for size in sorted(values, key=_size)]
    return len(counts) > 1 and counts[-1] > counts[0] + 1


def _causes(keys: Sequence[str], numbers: Numbers) -> Markup:
    shown = [
        tag("li", tag("a", tag("code", key), href=f"#f{numbers[key]}") if key in numbers else tag("code", key))
        for key in keys[:LINES]
    ]
    return tag("ul", *shown) if shown else Markup()


def _judged(verdicts: Sequence[Json], numbers: Numbers, held: int) -> Markup:
    rows = []
    order = ("refuted", "confirmed")
    for one in sorted(verdicts, key=lambda one: order.index(one["said"]) if one["said"] in order else len(order)):
        key, number = tag("code", one["key"]), numbers.get(one["key"], held + 1)
        name = tag("a", key, href=f"#f{number}") if number <= held else key
        said = tag("span", one["said"], class_=f"chip {one['said']}")
        rows.append(
            (
                name,
                said,
                tag("code", one["entry"]) if one.get("entry") else "–",
                str(one.get("why") or _counts(one) or "–"),
            )
        )
    more = tag("p", f"and {len(rows) - UNREACHED:,} more") if len(rows) > UNREACHED else Markup()
    heads = ("finding", "verdict", "at", "why")
    return (
        joined([table(heads, rows[:UNREACHED], caption="Predicted counts, and what was counted"), more])
        if rows
        else more
    )


def _unreached(unreached: Sequence[Json]) -> Markup:
    rows = [
        (tag("code", str(one["entry"])), prose(str(one["why"])), prose(str(one.get("help") or "–")))
        for one in unreached if one["why"] != WRITES
    ]  # fmt: skip
    parts = []
    if rows:
        heads = ("entry point", "why", "what would help")
        parts.append(table(heads, rows[:UNREACHED], caption="Entry points that did not answer"))
    if len(rows) > UNREACHED:
        parts.append(tag("p", f"and {len(rows) - UNREACHED:,} more"))
    if writing := len(unreached) - len(rows):
        parts.append(tag("p", f"{words.number(writing, 'entry point')} that write were not asked; --writes asks them."))
    return joined(parts)


def _refused(told: Json) -> Markup:
    rows = [(tag("code", name), str(why)) for name, why in list(told.get("refused", {}).items())[:UNREACHED]]
    return table(("table", "why"), rows, caption="Tables with fewer rows than asked") if rows else Markup()


def _rows(told: Json) -> Markup:
    rows: Json = told.get("rows", {})
    sizes = sorted(rows, key=_size)
    names = sorted({name for size in sizes for name in rows[size]})
    if not names:
        return Markup()
    cells = [[tag("code", name), *(f"{rows[size].get(name, 0):,}" for size in sizes)] for name in names]
    return table(("table", *(f"{_size(size):,}" for size in sizes)), cells, numbers=True, caption="Rows by size asked")


def _size(name: str) -> int:
    return int(name) if name.isdecimal() else 0


def _reading() -> Markup:
    terms = {
        "n": "rows put into the tables; the application was called at each size, on a scratch database.",
        "grows as": "the class of the growth; queries, statements, rows and requests are counts, the rest has noise.",
        "at the stated size": "the growth carried on to the sizes that the project states: extrapolated, not measured.",
        "confirmed, refuted": "what the run showed of a finding that reading predicted.",
        "not reached": "no number is shown for what did not answer; “what would help” says how to reach it.",
    }
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", said)) for name, said in terms.items()), class_="terms")
