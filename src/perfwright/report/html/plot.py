"""Growth as a picture: points, the fitted curve, its interval, what is extrapolated. SVG, both axes logarithmic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perfwright.measure.growth import Fit, Point
from perfwright.report.html.markup import Markup, joined, tag, text
from perfwright.report.html.units import Unit, short

WIDTH, HEIGHT = 400, 250
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 12, 36
STEPS = 40  # of a curve
MARKS = 7  # labelled on an axis at most
TARGETS = (100, 10_000, 1_000_000)
FARTHEST = 1e30  # what no axis needs to reach
VAST = 1e9  # times the last amount, past which nothing is drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Amounts between two ends, laid out from one pixel to another."""

    low: float
    high: float
    start: float
    end: float

    def at(self, amount: float) -> float:
        """Return where an amount stands; what is past an end stands at that end."""
        amount = min(max(amount, self.low), self.high)
        share = (math.log(amount) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return round(self.start + share * (self.end - self.start), 1)


def figure(
    unit: Unit,
    points: Sequence[Point],
    fit: Fit,
    caption: str,
    *,
    targets: Sequence[int] = TARGETS,
    budget: float | None = None,
    stated: Point | None = None,
) -> Markup:
    """Return the picture of a metric by size, with its legend; nothing where there are no two points to show.

    `stated` is the size that the project states, with what was predicted there.
    """
    shown = [(n, amount) for n, amount in points if 0 < n < FARTHEST and 0 < amount < FARTHEST]
    if len({n for n, _ in shown}) < 2:
        return Markup()
    last = shown[-1]
    beyond = [n for n in targets if n > last[0] and _drawable(fit, n, last)]
    if stated is not None and not (last[0] < stated[0] < FARTHEST and 0 < stated[1] < FARTHEST):
        stated = None
    ends = [n for n, _ in shown] + beyond + ([stated[0]] if stated else [])
    xs = _axis(ends, [10.0**power for power in range(31)], LEFT, WIDTH - RIGHT)
    curve = _sampled(fit, shown[0][0], max(ends), last[0]) if fit.curve is not None else []
    heights = [amount for _, amount in shown] + [height for _, *row in curve for height in row]
    heights += [stated[1]] if stated else []
    if budget is not None and 0 < budget <= max(heights) * 10:
        heights.append(budget)
    ys = _axis(heights, unit.ticks, HEIGHT - BOTTOM, TOP)
    parts = [
        *_grid(xs, ys, unit),
        *_curve(curve, last[0], xs, ys),
        *_limit(budget, [shown[0], (max(ends), curve[-1][1])] if curve else shown, unit, ys),
        *(_target(n, fit, last[0], unit, xs, ys) for n in beyond),
        *(_point(n, amount, unit, xs, ys) for n, amount in shown),
        *([_stated(stated, unit, xs, ys)] if stated else []),
    ]
    svg = tag(
        "svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=f"{caption}. The table has the numbers."
    )
    legend = tag("p", _legend(bool(curve), bool(beyond), budget, stated), class_="legend")
    return tag("figure", tag("figcaption", f"{caption[:1].upper()}{caption[1:]}"), svg, legend, class_="plot")


def _drawable(fit: Fit, n: float, last: Point) -> bool:
    guess = fit.at(n, last[0])
    return guess is not None and guess[0] < VAST * VAST * last[1] and math.isfinite(guess[2])


def _sampled(fit: Fit, first: float, end: float, last: float) -> list[tuple[float, float, float, float]]:
    """Return size, middle, low and high along the curve; a sample stands at the last measured size."""
    if fit.curve is None:
        return []
    sizes = {first * (end / first) ** (step / STEPS) for step in range(STEPS + 1)} | {last}
    noise = math.exp(2 * fit.spread)
    rows = []
    for n in sorted(sizes):
        middle = fit.curve.at(n)
        low, high = middle / noise, middle * noise
        if n > last and (guess := fit.at(n, last)) is not None:
            middle, low, high = guess
        if all(0 < amount < FARTHEST for amount in (middle, low, high)):
            rows.append((n, middle, low, high))
    return rows


def _axis(amounts: Sequence[float], ticks: Sequence[float], start: float, end: float) -> Axis:
    """Return an axis from the mark below all amounts to the mark above."""
    least, most = min(amounts), max(amounts)
    low = max((tick for tick in ticks if tick <= least), default=least)
    high = min((tick for tick in ticks if tick >= most), default=most)
    if high <= low:
        high = min((tick for tick in ticks if tick > low), default=low * 10)
    return Axis(low=low, high=high, start=start, end=end)


def _marks(axis: Axis, ticks: Sequence[float]) -> list[float]:
    inside = [tick for tick in ticks if axis.low <= tick <= axis.high]
    return inside[:: math.ceil(len(inside) / MARKS) or 1]


def _grid(xs: Axis, ys: Axis, unit: Unit) -> list[Markup]:
    parts = []
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    say = short if unit.say(1e6) == "1,000,000" else unit.say
    for tick in _marks(xs, [10.0**power for power in range(31)]):
        x = xs.at(tick)
        parts.append(Markup(f'<path class="grid" d="M{x} {TOP}V{bottom}"/>'))
        parts.append(_label(x, bottom + 15, short(tick), "middle"))
    for tick in _marks(ys, unit.ticks):
        y = ys.at(tick)
        parts.append(Markup(f'<path class="grid" d="M{LEFT} {y}H{right}"/>'))
        parts.append(_label(LEFT - 6, y + 4, say(tick), "end"))
    parts.append(Markup(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>'))
    parts.append(_label((LEFT + right) / 2, HEIGHT - 4, "n", "middle"))
    return parts


def _curve(curve: Sequence[tuple[float, float, float, float]], last: float, xs: Axis, ys: Axis) -> list[Markup]:
    if not curve:
        return []
    there = [f"{xs.at(n)} {ys.at(high)}" for n, _, _, high in curve]
    back = [f"{xs.at(n)} {ys.at(low)}" for n, _, low, _ in reversed(curve)]
    measured = [f"{xs.at(n)} {ys.at(middle)}" for n, middle, _, _ in curve if n <= last]
    foretold = [f"{xs.at(n)} {ys.at(middle)}" for n, middle, _, _ in curve if n >= last]
    parts = [Markup(f'<path class="band" d="M{"L".join([*there, *back])}Z"/>')]
    if len(measured) > 1:
        parts.append(Markup(f'<path class="fit" d="M{"L".join(measured)}"/>'))
    if len(foretold) > 1:
        parts.append(Markup(f'<path class="fit foretold" d="M{"L".join(foretold)}"/>'))
    return parts


def _limit(budget: float | None, points: Sequence[Point], unit: Unit, ys: Axis) -> list[Markup]:
    if budget is None or not ys.low <= budget <= ys.high:
        return []
    y = ys.at(budget)
    # The words stand at the end that is farther from the points.
    left = abs(ys.at(points[0][1]) - y) > abs(ys.at(points[-1][1]) - y)
    x, anchor = (LEFT + 5, "start") if left else (WIDTH - RIGHT - 4, "end")
    said = f'<text class="limit" x="{x}" y="{y - 4 if y > TOP + 16 else y + 12}" text-anchor="{anchor}">'
    return [
        Markup(f'<path class="limit" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'),
        Markup(f"{said}budget {text(unit.say(budget))}</text>"),
    ]


def _target(n: float, fit: Fit, last: float, unit: Unit, xs: Axis, ys: Axis) -> Markup:
    guess = fit.at(n, last)
    if guess is None:
        return Markup()
    middle, low, high = guess
    x, y = xs.at(n), ys.at(middle)
    said = f"n = {n:,.0f}: about {unit.say(middle)} ({unit.say(low)} to {unit.say(high)}), extrapolated"
    bar = f'<path class="reach" d="M{x} {ys.at(low)}V{ys.at(high)}"/>'
    shape = f'<path class="target" d="M{x} {y - 5}l5 5l-5 5l-5 -5Z"/>'
    return Markup(f"<g>{bar}{shape}<title>{text(said)}</title></g>")


def _stated(stated: Point, unit: Unit, xs: Axis, ys: Axis) -> Markup:
    n, amount = stated
    said = f"at the stated size, n = {n:,.0f}: {unit.say(amount)}, predicted"
    shape = f'<path class="stated" d="M{xs.at(n)} {ys.at(amount) - 6}l6 6l-6 6l-6 -6Z"/>'
    return Markup(f"<g>{shape}<title>{text(said)}</title></g>")


def _point(n: float, amount: float, unit: Unit, xs: Axis, ys: Axis) -> Markup:
    said = text(f"n = {n:,.0f}: {unit.say(amount)}")
    return Markup(f'<circle class="point" cx="{xs.at(n)}" cy="{ys.at(amount)}" r="3.5"><title>{said}</title></circle>')


def _label(x: float, y: float, said: str, anchor: str) -> Markup:
    return Markup(f'<text x="{round(x, 1)}" y="{round(y, 1)}" text-anchor="{anchor}">{text(said)}</text>')


def _legend(curve: bool, beyond: bool, budget: float | None, stated: Point | None) -> Markup:
    keys = [("point", "measured", True), ("fit", "fitted", curve), ("foretold", "extrapolated", beyond)]
    keys += [("band", "interval", curve), ("limit", "budget", budget is not None)]
    keys += [("stated", f"at the stated {stated[0]:,.0f}" if stated else "", stated is not None)]
    return joined(
        (tag("span", tag("i", class_=name), said, class_="key-of") for name, said, there in keys if there), " "
    )
