"""Numbers are said as a person would say them."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwright.finding import Cost, Term
from perfwright.report import words
from records import N_PLUS_ONE, SCAN, STALL


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0.02, "0.02 ms"),
        (1, "1 ms"),
        (12.34, "12.3 ms"),
        (999.9, "1 s"),
        (1_500, "1.5 s"),
        (59_990, "1 min"),
        (100_001, "1 min 40 s"),
        (7_500_000, "2 h 5 min"),
        (86_400_000, "1 day"),
        (300_000_000, "3 days"),
        (1e40, "longer than anybody waits"),
        (math.inf, "longer than anybody waits"),
    ],
)
def test_durations(ms: float, said: str) -> None:
    assert words.duration(ms) == said


@pytest.mark.parametrize(
    ("kb", "said"), [(0.5, "0.5 kB"), (512, "512 kB"), (1000, "0.98 MB"), (50_000, "48.8 MB"), (2_000_000, "1.9 GB")]
)
def test_memory(kb: float, said: str) -> None:
    assert words.memory(kb) == said


@pytest.mark.parametrize(
    ("amount", "said"), [(0, "0"), (100_001, "100,001"), (2e15, "2.0 x 10^15"), (math.inf, "without end")]
)
def test_counts(amount: float, said: str) -> None:
    assert words.count(amount) == said


@pytest.mark.parametrize(
    ("symbol", "value", "said"),
    [
        ("Order", 100_000, "100,000 orders"),
        ("Order", 1, "1 order"),
        ("shop.OrderLine", 5, "5 order lines per shop"),
        ("Order.lines", 1_000, "1,000 lines per order"),
        ("Category", 2, "2 categories"),
        ("Address", 2, "2 addresses"),
        ("items", 1_000, "1,000 items"),
        ("order_status", 2, "2 order statuses"),
    ],
)
def test_sizes(symbol: str, value: int, said: str) -> None:
    assert words.size(symbol, value) == said


def test_a_cost_says_size_amounts_and_occasion() -> None:
    assert words.cost(N_PLUS_ONE) == "at 100,000 orders: 100,001 queries, about 1 min 40 s per request"
    assert words.cost(SCAN) == "at 1,000 items: about 20 ms per call"
    assert words.cost(STALL) == "the event loop stops for about 50 ms per request"


def test_a_cost_leaves_constants_out_and_names_a_page() -> None:
    cost = Cost(terms=(Term("db.query", ("page", "3")),), at={"page": 100, "3": 3}, predicted={"queries": 300})

    assert words.cost(replace(N_PLUS_ONE, cost=cost)) == "at a page of 100: 300 queries per request"


def test_no_prediction_is_no_words() -> None:
    assert words.cost(replace(SCAN, cost=Cost())) == ""


@given(st.floats(min_value=0, allow_nan=False), st.text())
def test_every_amount_has_words(amount: float, noun: str) -> None:
    assert words.duration(amount)
    assert words.memory(amount)
    assert words.number(amount, noun)
