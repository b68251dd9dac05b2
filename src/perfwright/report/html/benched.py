"""The page of one function over growing input: how its time and memory grow, and what that makes at the targets."""

from collections.abc import Mapping, Sequence
from typing import Any

from perfwright.finding import Growth, Step
from perfwright.measure import growth as fits
from perfwright.measure.growth import CANNOT_TELL, Fit, Point
from perfwright.report import measured
from perfwright.report.html import plot, source, units
from perfwright.report.html.markup import Markup, joined, table, tag, text
from perfwright.report.html.page import page, verdict
from perfwright.report.html.source import Lines, Sources

Json = Mapping[str, Any]
STEEP = 1.3  # exponent from which a reader should mind
WAITS = 1.5  # wall to CPU from which a function waits
COLUMNS = ("cpu_s", "wall_s", "peak_bytes", "lines")


def bench(document: Json, tool_version: str, lines_of: Lines) -> str:
    """Return the page of the document that `bench --format json` prints; `lines_of` gives the lines of a path."""
    told: Json = document["bench"]
    points: Sequence[Json] = told["points"]
    lines = fits.fit(_series(points, "lines"))
    # Fitted again, from the points: the same function gives the same curve, and the document holds no curves.
    time = fits.fit(_series(points, "cpu_s"), lines)
    return page(
        title=str(told["target"]),
        kind="bench",
        verdict=_verdict(told),
        facts=_facts(told, tool_version),
        sections=[
            ("time", "How its time grows", _time(points, time)),
            ("more", f"{'Waiting, memory' if _waits(points) else 'Memory'} and lines", _more(points, lines)),
            ("hot", "Lines that grow", _hot(told.get("hot", ()), Sources(lines_of))),
            ("points", "What was measured", _points(points)),
            ("reading", "How to read this", _reading()),
        ],
    )


def _time(points: Sequence[Json], fit: Fit) -> Markup:
    drawn, told = _drawn("cpu_s", points, fit), targets(points, fit)
    return tag("div", drawn, told, class_="beside") if drawn else told


def _more(points: Sequence[Json], lines: Fit) -> Markup:
    peaks, walls = _series(points, "peak_bytes"), _series(points, "wall_s")
    drawn = [_drawn("peak_bytes", points, fits.fit(peaks)), _drawn("lines", points, lines)]
    if _waits(points):
        drawn.insert(0, _drawn("wall_s", points, fits.fit(walls)))
    return tag("div", *drawn, class_="plots") if any(drawn) else Markup()


def _waits(points: Sequence[Json]) -> bool:
    """Tell whether its calls wait rather than compute."""
    return bool(points) and points[-1]["wall_s"] > max(WAITS * points[-1]["cpu_s"], 0.001)


def targets(points: Sequence[Json], fit: Fit) -> Markup:
    """Return the table of CPU time at the targets, measured or, said so, extrapolated."""
    sound = _series(points, "cpu_s")
    if not sound:
        return Markup()
    rows = []
    for n in plot.TARGETS:
        if n <= sound[-1][0]:
            near = min(sound, key=lambda point: abs(point[0] - n) / n)
            scale = fit.curve.at(n) / fit.curve.at(near[0]) if fit.curve is not None else n / near[0]
            cell = (measured.duration(near[1] * scale), f"measured at {near[0]:,.0f}")
        elif (guess := fit.at(n, sound[-1][0])) is not None:
            middle, low, high = map(measured.duration, guess)
            cell = (f"about {middle}", f"extrapolated, {low} to {high}")
        else:
            cell = ("cannot tell", "past what was measured")
        rows.append((f"{n:,}", joined([cell[0], Markup("<br>"), tag("span", cell[1], class_="dim")])))
    return table(("n", "CPU time"), rows, caption="CPU time of one call")


def _verdict(told: Json) -> Markup:
    growth = Growth.from_json(told["growth"])
    if growth.klass == CANNOT_TELL:
        why = f": {told['why']}" if told.get("why") else ""
        return verdict("How its time grows cannot be told", "warning", f"{why.removeprefix(': ')}." if why else "")
    worst = "error" if growth.klass == "2^n" else "warning" if growth.exponent >= STEEP else "good"
    return verdict(f"Time {units.told(growth)}.", worst)


def _facts(told: Json, tool_version: str) -> list[tuple[str, str]]:
    points = told["points"]
    facts = []
    if _waits(points):
        facts.append(("Waiting", f"wall time {units.told(fits.fit(_series(points, 'wall_s')).growth)}"))
    facts.append(("Memory", units.told(Growth.from_json(told["memory"]))))
    if points:
        facts.append(("Sizes", f"{len(points)} from {points[0]['n']:,} to {points[-1]['n']:,}"))
    said = (("Stopped because", "stopped"), ("Interpreter", "python"), ("Input", "input"), ("Containment", "tier"))
    facts.extend((name, str(told[key])) for name, key in said if told.get(key))
    return [*facts, ("Tool", f"perfwright {tool_version}")]


def _drawn(metric: str, points: Sequence[Json], fit: Fit) -> Markup:
    unit = units.of(metric)
    why = f": {fit.why}" if fit.why else ""
    return plot.figure(unit, _series(points, metric), fit, f"{unit.name}: {units.told(fit.growth)}{why}")


def _hot(hot: Sequence[Json], sources: Sources) -> Markup:
    steps = []
    for line in hot:
        path, _, number = str(line["line"]).rpartition(":")
        place = int(number) if number.isdecimal() else 0
        steps.append(Step(path=path, line=place, function="<module>", what=f"runs as n^{line['exponent']:.2f}"))
    return source.steps(steps, sources)


def _points(points: Sequence[Json]) -> Markup:
    heads = ["n", *(units.of(name).name for name in COLUMNS)]
    rows = [
        [f"{point['n']:,}", *("–" if point[name] is None else units.of(name).say(point[name]) for name in COLUMNS)]
        for point in points
    ]
    return table(heads, rows, numbers=True, caption="One call at each size; a dash: not measured there")


def _series(points: Sequence[Json], metric: str) -> list[Point]:
    return [(point["n"], point[metric]) for point in points if point[metric] is not None]


def _reading() -> Markup:
    terms = {
        "exponent": "the slope of the largest sizes in log-log axes, with its range: 1 doubles with n, 2 quadruples.",
        "class": "the lowest order that fits nearly as well as the best; not told where it disagrees with the slope.",
        "n": "the size of the input that grows.",
        "extrapolated": "not measured: the fitted curve carried on, with the range that slope and noise allow.",
    }
    return tag(
        "dl", *(tag("div", tag("dt", text(name)), tag("dd", said)) for name, said in terms.items()), class_="terms"
    )
