"""Draws what was measured of a rule's page: Slow and Fast over growing input, as SVG that is the same on every run."""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import replace

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from perfwright.report import proved
from perfwright.rules import Measured

WIDE, HIGH = 6.4, 3.0  # inches, of 72 points each
PLACE = (0.11, 0.17, 0.71, 0.75)  # of the axes: text beside them has a width that is not asked for, fonts differ
INK, SLOW, FAST = "#7d828a", "#e0602f", "#3a8fd9"  # seen on a white and on a black ground
LONG = re.compile(r"\b\d+\.\d{3,}\b")
TICKS = 6
TENS = 10
BEYOND = 1.3  # of the last size of what grows as 2^n, up to where the other is shown
APART = 0.1  # of the height: names that are nearer to each other cannot be read
SECONDS = ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"))
BYTES = ((1.0, "B"), (2.0**10, "kB"), (2.0**20, "MB"), (2.0**30, "GB"))
UNITS = {**dict.fromkeys(proved.TIMES, SECONDS), **dict.fromkeys(proved.MEMORY, BYTES)}
PLAIN = ((1.0, ""),)
STYLE = {
    "svg.hashsalt": "perfwright",
    "svg.fonttype": "none",
    "path.simplify": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],  # the file goes on with sans-serif
    "font.size": 9,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}


def svg(measured: Measured) -> str:
    """Return the picture; empty where there are no two points of a form to draw a curve through."""
    if measured.kind == "scenario" or min(len(measured.slow.points), len(measured.fast.points)) < 2:
        return ""
    measured = shortened(measured)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDE, HIGH))
        axes = figure.add_axes(PLACE)
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        scales(axes, measured)
        for curve, colour, marker in ((measured.slow, SLOW, "o"), (measured.fast, FAST, "s")):
            line = {"color": colour, "marker": marker, "markersize": 3.5, "linewidth": 1.6, "clip_on": False}
            axes.plot(*zip(*curve.points, strict=True), **line)
        named(axes, measured)
        made = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(made, format="svg", transparent=True, metadata=nothing)
    # Two digits are less than a pixel, and the same on processors that round the sixth another way.
    text = LONG.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), made.getvalue())
    return "".join(f"{line.strip()}\n" for line in text.splitlines())


def shortened(measured: Measured) -> Measured:
    """Return what is drawn: where Slow grows as 2^n, its sizes are few, and Fast would go on for ten times as many."""
    if measured.expects != "2^n":
        return measured
    last = measured.slow.points[-1][0] * BEYOND
    points = tuple((n, value) for n, value in measured.fast.points if n <= last)
    return replace(measured, fast=replace(measured.fast, points=points))


def scales(axes: Axes, measured: Measured) -> None:
    """Give both axes powers of ten, and the upright one a zero where a form takes nothing."""
    points = (*measured.slow.points, *measured.fast.points)
    sizes = [n for n, _ in points]
    values = [value for _, value in points if value > 0]
    if measured.expects == "2^n":
        axes.set_xlim(min(sizes) - 1, max(sizes) + 1)
        ticks(axes.xaxis, [(n, f"{n}") for n in sorted({*sizes}) if n % TENS == 0])
    else:
        axes.set_xscale("log")
        axes.set_xlim(min(sizes) / 1.2, max(sizes) * 1.2)
        ticks(axes.xaxis, decades(min(sizes), max(sizes), PLAIN))
    least, most = min(values, default=1.0), max(values, default=1.0)
    if any(value <= 0 for _, value in points):
        axes.set_yscale("symlog", linthresh=least, linscale=0.5)
        axes.set_ylim(0, most * 2)
    else:
        axes.set_yscale("log")
        axes.set_ylim(least / 2, max(most, least * 10) * 2)
    low = 0.0 if axes.get_ylim()[0] <= 0 else least / 2
    units = UNITS.get(measured.figure, PLAIN)
    ticks(axes.yaxis, ([(0.0, "0")] if low == 0.0 else []) + decades(least / 2, axes.get_ylim()[1], units))
    axes.grid(axis="y", color=INK, alpha=0.25, linewidth=0.6)
    axes.tick_params(length=3)
    axes.set_xlabel("n")
    axes.set_title(proved.NAMES.get(measured.figure, measured.figure), loc="left", fontsize=9)


def ticks(axis: object, marks: Sequence[tuple[float, str]]) -> None:
    axis.set_major_locator(FixedLocator([place for place, _ in marks]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FixedFormatter([name for _, name in marks]))


def decades(low: float, high: float, units: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return powers of ten of the units that lie in a range, with their names, a handful of them."""
    marks = []
    for position, (unit, name) in enumerate(units):
        last = position == len(units) - 1
        steps = range(3) if not last else range(max(3, math.ceil(math.log10(high / unit)) + 1 if high > unit else 3))
        marks += [(unit * 10**step, f"{10**step:,} {name}".strip()) for step in steps]
    inside = [mark for mark in marks if low <= mark[0] <= high]
    step = math.ceil(len(inside) / TICKS) or 1
    return inside[::step]


def named(axes: Axes, measured: Measured) -> None:
    """Write at the end of each curve which it is and how it grows, the two not over each other."""
    slow, fast = ((curve.points[-1], proved.growth(measured, curve)) for curve in (measured.slow, measured.fast))
    heights = [axes.transAxes.inverted().transform(axes.transData.transform(end))[1] for end, _ in (slow, fast)]
    aside = max(0.0, APART - abs(heights[0] - heights[1])) / 2 * HIGH * PLACE[3] * 72
    above = 1 if heights[0] >= heights[1] else -1
    for name, (end, growth), colour, way in (("Slow", slow, SLOW, above), ("Fast", fast, FAST, -above)):
        offset = (6, aside * way)
        text = f"{name}, {growth}"
        axes.annotate(
            text, end, offset, textcoords="offset points", color=colour, va="center", fontweight="bold",
            annotation_clip=False,
        )  # fmt: skip
