"""The class of a series is found from its numbers, with noise, and is not told where the numbers do not carry it."""

import math
import random
from collections.abc import Callable

import pytest

from perfwright.measure import growth
from perfwright.measure.growth import CANNOT_TELL, fit

SIZES = [8 * 2**step for step in range(14)]
SHAPES: dict[str, Callable[[float], float]] = {
    "1": lambda _: 1e-7,
    "sqrt n": lambda n: 1e-7 + 1e-8 * math.sqrt(n),
    "n": lambda n: 2e-7 + 1e-8 * n,
    "n^1.5": lambda n: 2e-7 + 1e-9 * n**1.5,
    "n^2": lambda n: 2e-7 + 1e-9 * n * n,
    "n^3": lambda n: 2e-7 + 1e-9 * n**3,
}


@pytest.mark.parametrize("klass", SHAPES)
@pytest.mark.parametrize("seed", range(5))
def test_a_class_is_found_under_noise(klass: str, seed: int) -> None:
    noise = random.Random(seed)
    found = fit([(n, SHAPES[klass](n) * (1 + noise.random() * 0.1)) for n in SIZES])

    assert found.growth.klass == klass
    assert found.growth.low <= found.growth.exponent <= found.growth.high


def test_an_exponential_is_found_at_small_sizes() -> None:
    assert fit([(n, 1e-7 * 1.6**n) for n in (8, 12, 16, 18, 20, 22, 24, 25)]).growth.klass == "2^n"


def test_linear_and_n_log_n_are_told_apart_by_lines() -> None:
    lines = fit([(n, n * math.log2(n)) for n in SIZES])
    time = [(n, 1e-8 * n**1.24) for n in SIZES]  # what the caches make of sorting

    assert fit(time, lines).growth.klass == "n log n"


def test_a_slope_that_caches_explain_is_not_superlinear() -> None:
    lines = fit([(n, 3.0) for n in SIZES])
    time = [(n, 1e-9 * n if n < 20_000 else 1e-9 * n * (n / 20_000) ** 0.27) for n in SIZES]

    assert fit(time, lines).growth.klass in ("n", "n log n")


def test_the_same_lines_that_take_a_little_longer_at_large_sizes_are_constant() -> None:
    """A look-up in a dictionary that leaves the caches: without the lines nobody could tell."""
    lines = fit([(n, 3.0) for n in SIZES])
    time = [(n, 6e-8 + 1e-12 * n) for n in SIZES]

    assert fit(time).growth.klass == CANNOT_TELL
    assert fit(time, lines).growth.klass == "1"


def test_no_work_in_c_grows_like_a_square_root() -> None:
    lines = fit([(n, 3.0) for n in SIZES])
    time = [(n, 5e-8 * n**0.3) for n in SIZES]

    assert fit(time).growth.klass == "sqrt n"
    assert fit(time, lines).growth.klass == "1"


def test_work_in_c_beside_lines_that_grow_less_is_quadratic() -> None:
    lines = fit([(n, 2 * n + 3) for n in SIZES])
    time = [(n, 3e-8 * n + 2e-12 * n * n) for n in SIZES]

    assert fit(time, lines).growth.klass == "n^2"


def test_work_in_c_between_two_powers_is_of_the_higher_one() -> None:
    lines = fit([(n, 2 * n + 3) for n in SIZES])
    time = [(n, 1e-9 * n**1.55) for n in SIZES]

    assert fit(time).growth.klass == "n^1.5"
    assert fit(time, lines).growth.klass in ("n^2", CANNOT_TELL)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([], "0 sizes"),
        ([(8, 1.0), (16, 2.0), (32, 4.0)], "3 sizes"),
        ([(n, float(n)) for n in range(100, 110)], "too near"),
        ([(n, float(n) ** 4) for n in SIZES], "disagree"),
    ],
)
def test_what_cannot_be_told_says_why(points: list[growth.Point], why: str) -> None:
    found = fit(points)

    assert found.growth.klass == CANNOT_TELL
    assert why in found.why
    assert found.at(10**6, 100) is None


def test_points_without_an_amount_are_left_out() -> None:
    sound = [(n, 1e-8 * n) for n in SIZES]

    assert fit([(0, 1.0), *sound, (10**9, math.inf), (10**9, 0.0)]).growth.klass == "n"


def test_an_extrapolation_lies_in_its_interval_and_has_the_truth_in_it() -> None:
    found = fit([(n, 1e-9 * n * n) for n in SIZES]).at(1_000_000, SIZES[-1])

    assert found is not None
    middle, low, high = found
    assert low <= middle <= high
    assert middle == pytest.approx(1000, rel=0.01)


def test_an_exponential_past_all_numbers_is_infinite() -> None:
    found = fit([(n, 1e-7 * 2.0**n) for n in (8, 12, 14, 16, 18, 20, 22)]).at(1_000_000, 22)

    assert found is not None
    assert found[2] == math.inf


def test_a_slope_between_what_caches_add_and_a_higher_class_is_not_told() -> None:
    lines = growth.fit([(n, 3 * n) for n in SIZES])
    time = growth.fit([(n, 1e-7 * n**1.38) for n in SIZES], lines)
    assert lines.growth.klass == "n"
    assert (time.growth.klass, time.growth.exponent) == ("cannot tell", 1.38)


def test_a_table_that_leaves_the_caches_is_not_quadratic() -> None:
    """Nanoseconds an item of `Counter(items)`, as they were measured with both cores of a machine busy."""
    each = (149, 88, 57, 39, 30, 25, 23, 22, 32, 32, 32, 33, 33, 41, 50, 161, 290)
    sizes = [8 << step for step in range(len(each))]
    lines = fit([(n, 2 * n) for n in sizes])
    found = fit([(n, 1e-9 * n * cost) for n, cost in zip(sizes, each, strict=True)], lines)

    assert found.growth.klass == "cannot tell"
    assert "caches" in found.why
