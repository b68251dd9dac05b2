"""The input that takes longer than random input: found, named, and not invented."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perfwright.measure.run import Guest
from perfwright.measure.worker import spread
from perfwright.report import measured

CODE = r"""
import re
SPACES = re.compile(r"\s+$")

def nested(text: str): return re.match(r"(a+)+$", text)
def stripped(text: str): return SPACES.sub("", text)

def first_pivot(items: list[int]):
    left = [items]
    while left:
        some = left.pop()
        if len(some) > 1:
            left.append([each for each in some[1:] if each < some[0]])
            left.append([each for each in some[1:] if each >= some[0]])

def counted(items: list[int]):
    found = 0
    for item in items:
        found += item
    return found
"""


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guest, str]]:
    path = tmp_path_factory.mktemp("spreads") / "spread_code.py"
    path.write_text(CODE, "utf8")
    with Guest(Path(sys.executable), []) as started:
        yield started, str(path)


def climbed(guest: tuple[Guest, str], name: str) -> list[spread.Spread]:
    guest[0].load(guest[1], name)
    guest[0].choose(5)
    worst = guest[0].ask({"ask": "climb", "seconds": 20}, 30)["worst"]
    return [spread.parse(each["spread"]) for each in worst]


@pytest.mark.parametrize(("name", "unit"), [("nested", "a"), ("stripped", " ")])
def test_text_that_a_pattern_nearly_matches_is_found(guest: tuple[Guest, str], name: str, unit: str) -> None:
    assert unit in {each.unit[:1].replace("\n", " ") for each in climbed(guest, name)}


def test_the_order_that_a_sort_dislikes_is_found(guest: tuple[Guest, str]) -> None:
    worst = climbed(guest, "first_pivot")[0]

    assert worst.order in ("sorted", "reversed") or worst.distinct == "one"


def test_a_call_that_does_not_return_is_said_to_be_late(guest: tuple[Guest, str]) -> None:
    guest[0].load(guest[1], "nested")
    guest[0].choose(5)
    said = guest[0].ask({"ask": "quick", "n": 40, "distribution": "near-miss", "seconds": 0.1}, 5)

    assert said["slow"]


def test_arguments_that_a_spread_does_not_change_are_not_timed(guest: tuple[Guest, str]) -> None:
    guest[0].load(guest[1], "counted")
    guest[0].choose(5)
    said = guest[0].ask({"ask": "quick", "n": 40, "distribution": "near-miss", "seconds": 0.1}, 5)

    assert not said["other"]


@pytest.mark.parametrize("name", spread.NAMED)
def test_every_spread_has_as_many_items(name: str) -> None:
    from random import Random

    one = spread.parse(name)

    assert len(spread.arranged(list(range(33)), one, Random(0))) == 33
    assert len(spread.text(33, one, Random(0))) == 33
    assert spread.parse(one.text) == one


def test_the_worst_input_is_one_sentence() -> None:
    from perfwright.measure.spreads import Worst

    worst = Worst(said="sorted", spread="sorted", exponent=2.0, random=1.1, n=512, cpu=0.05, cpu_random=0.001)

    assert measured.worst(worst) == (
        "worst input found: sorted: n^2.00, random n^1.10; at n = 512 50 ms, random input 1 ms"
    )
