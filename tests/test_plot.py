"""Growth drawn: every point, the curve of the class that was told, and nothing that was not measured as if it were."""

import re
from dataclasses import replace
from typing import Any

import pytest

import _pages
from perfwright.finding import Growth
from perfwright.measure import growth as fits
from perfwright.report.html import plot, units

POINTS = [(float(n), n * 2.0) for n in (8, 16, 32, 64, 128)]


def drawn(points: Any, klass: str = "n", exponent: float = 1.0, **more: Any) -> _pages.Read:
    growth = Growth(exponent=exponent, low=exponent - 0.1, high=exponent + 0.1, klass=klass)
    read = _pages.part(plot.figure(units.COUNT, points, fits.of_class(points, growth), "count", **more))
    assert read.wrong == []
    return read


def test_a_plot_has_every_point_and_says_its_number() -> None:
    read = drawn(POINTS)

    circles = read.named("circle")
    said = [one.text for one in read.named("title")]
    assert len(circles) == len(POINTS)
    assert "n = 128: 256" in said
    assert "n = 10,000: about 20,000 (12,935 to 30,925), extrapolated" in said


def test_the_curve_goes_through_points_that_lie_on_it() -> None:
    read = drawn(POINTS)

    solid, dashed = (one.attributes["d"] for one in read.named("path", "fit"))
    last = read.named("circle")[-1].attributes
    at = f"{last['cx']} {last['cy']}"
    assert solid is not None
    assert dashed is not None
    assert solid.endswith(at)
    assert dashed.startswith(f"M{at}L")


def test_what_was_measured_is_not_extrapolated() -> None:
    read = drawn([(10.0**power, 10.0**power) for power in range(1, 7)])

    assert read.named("path", "foretold") == []
    assert read.named("path", "target") == []


def test_growth_that_cannot_be_told_has_points_and_no_curve() -> None:
    read = drawn(POINTS, klass="cannot tell")

    assert len(read.named("circle")) == len(POINTS)
    assert read.named("path", "fit") == []


@pytest.mark.parametrize(
    "points",
    [[], [(8.0, 1.0)], [(8.0, 0.0), (16.0, 0.0)], [(8.0, 1.0), (8.0, 2.0)]],
    ids=["none", "one", "zeros", "same"],
)
def test_without_two_points_there_is_no_plot(points: Any) -> None:
    assert drawn(points).elements == []


@pytest.mark.parametrize(
    ("klass", "exponent"), [("1", 0.0), ("2^n", 9.0), ("n^3", 3.0), ("n log n", 1.1), ("log n", 0.2)]
)
@pytest.mark.parametrize("scale_of", [1e-9, 1.0, 1e12])
def test_every_class_at_every_magnitude_stays_inside_the_picture(klass: str, exponent: float, scale_of: float) -> None:
    read = drawn([(n, scale_of * (1 + n**exponent)) for n in (4.0, 8.0, 16.0, 24.0)], klass=klass, exponent=exponent)

    numbers = [
        float(number)
        for one in read.named("path")
        for number in re.findall(r"[ML](-?[\d.]+)", one.attributes["d"] or "")
    ]
    assert numbers
    assert all(0 <= number <= plot.WIDTH for number in numbers)
    assert len(read.named("text")) >= 5


def test_a_budget_is_a_line_where_it_is_near() -> None:
    assert len(drawn(POINTS, budget=20.0).named("path", "limit")) == 1
    assert drawn(POINTS, budget=1e15).named("path", "limit") == []


def test_a_class_is_laid_through_its_points() -> None:
    growth = Growth(exponent=1.0, low=1.0, high=1.0, klass="n")
    curve = fits.of_class([(10, 21), (100, 201), (1000, 2001)], growth).curve

    assert curve is not None
    assert curve.at(10_000) == pytest.approx(20_001)
    assert fits.of_class([], growth).curve is None
    assert fits.of_class([(1, 1.0), (2, 2.0)], replace(growth, klass="cannot tell")).curve is None


def test_the_stated_size_is_marked_where_it_was_not_measured() -> None:
    read = drawn(POINTS, stated=(5_000.0, 10_000.0))

    assert len(read.named("path", "stated")) == 1
    assert "at the stated size, n = 5,000: 10,000, predicted" in [one.text for one in read.named("title")]
    assert drawn(POINTS, stated=(64.0, 128.0)).named("path", "stated") == []
