"""The page of an application over growing data: each entry point's growth, its budget, what was not reached."""

from collections.abc import Mapping, Sequence
from typing import Any

from perfwright.finding import Finding, Growth
from perfwright.report import words
from perfwright.report.choice import grouped
from perfwright.report.html import findings as listed
from perfwright.report.html import plot, units
from perfwright.report.html.markup import Markup, joined, prose, table, tag
from perfwright.report.html.page import page, verdict
from perfwright.report.html.source import Lines, Sources, inside, where

Json = Mapping[str, Any]
Numbers = Mapping[str, int]
ENTRIES, LINES, UNREACHED = 400, 12, 500  # written out of each list
WHOLE = 4_000_000  # characters of entry points drawn; the rest is in the table alone
MAIN = ("queries", "cpu_ms", "wall_ms", "stall_ms", "peak_kb", "response_kb")  # in the table of all
PLAIN = ("1", "log n")  # classes that need no picture


def scale(document: Json, findings: Sequence[Finding], lines: Lines) -> str:
    """Return the page of the document that `scale --format json` prints, with the findings it speaks of.

    `findings` are in the order in which they are to stand; `lines` gives the source lines of a path.
    """
    told: Json = document["scale"]
    entries = sorted(told["entries"], key=_rank)
    numbers = {finding.key: place for place, finding in enumerate(findings, 1)}
    judged = dict.fromkeys(told.get("refuted", ()), "refuted") | dict.fromkeys(told.get("confirmed", ()), "confirmed")
    sources = Sources(lines)
    whole, held = listed.ranked(findings, grouped(findings), sources, judged)
    each, drawn = _entries(entries, numbers, sources)
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
            ("unreached", "Not reached", _unreached(told.get("unreached", ()))),
            ("rows", "Rows in each table", _rows(told)),
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
    unreached = len(told.get("unreached", ()))
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
        cause = next(iter(entry.get("lines", ())), None)
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


def _entries(entries: Sequence[Json], numbers: Numbers, sources: Sources) -> tuple[Markup, int]:
    """Return entry points drawn, and how many: the first, as many as a page can hold."""
    written: list[Markup] = []
    used = 0
    for number, entry in enumerate(entries[:ENTRIES], 1):
        if used >= WHOLE:
            break
        written.append(_entry(entry, number, numbers, sources))
        used += len(written[-1])
    left = len(entries) - len(written)
    if left:
        written.append(tag("p", f"{words.number(left, 'further entry point')} cost less and are not drawn."))
    return joined(written, "\n"), len(written) - bool(left)


def _entry(entry: Json, number: int, numbers: Numbers, sources: Sources) -> Markup:
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
        _picture(name, metric) for name, metric in metrics if name in over or metric["growth"]["class"] not in PLAIN
    ]
    parts = [
        ("Growth", tag("div", *drawn, class_="plots") if any(drawn) else Markup()),
        ("Measured", _metrics(metrics)),
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


def _picture(name: str, metric: Json) -> Markup:
    unit, points = units.of(name), units.points(metric["values"])
    growth = _growth(metric)
    caption = f"{unit.name}: {units.told(growth)}"
    return plot.figure(unit, points, units.fitted(points, growth), caption, budget=metric.get("budget"))


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
    parts = []
    for line in lines[:LINES]:
        values = ", ".join(f"{amount:,} at {_size(size):,}" for size, amount in line["values"].items())
        place = joined([where(line["path"], line["line"]), inside(line["function"])], " ")
        parts.append(tag("p", place, f": {units.of(line['metric']).name} {values}"))
        if line.get("statement"):
            parts.append(tag("pre", tag("code", str(line["statement"])[:1_000]), class_="diff", tabindex="0"))
        parts.append(sources.piece(line["path"], ((line["line"], ""),)))
    if len(lines) > LINES:
        parts.append(tag("p", f"and {len(lines) - LINES:,} more"))
    return joined(parts)


def _causes(keys: Sequence[str], numbers: Numbers) -> Markup:
    shown = [
        tag("li", tag("a", tag("code", key), href=f"#f{numbers[key]}") if key in numbers else tag("code", key))
        for key in keys[:LINES]
    ]
    return tag("ul", *shown) if shown else Markup()


def _unreached(unreached: Sequence[Json]) -> Markup:
    if not unreached:
        return Markup()
    rows = [
        (tag("code", str(one["entry"])), prose(str(one["why"])), prose(str(one.get("help") or "–")))
        for one in unreached[:UNREACHED]
    ]
    more = tag("p", f"and {len(unreached) - UNREACHED:,} more") if len(unreached) > UNREACHED else Markup()
    return joined([table(("entry point", "why", "what would help"), rows, caption="Entry points not measured"), more])


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
