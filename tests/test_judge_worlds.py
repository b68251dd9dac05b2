"""What only shows where things coincide, and what only shows when what a function gives is used."""

import random
from pathlib import Path

import pytest

from perfwright.fix.judge import trees, variants, worlds
from perfwright.fix.judge.trees import of
from test_verify import verify

TOUCH = """
def f(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
"""
TIMES = """
def f(factor: int):
    def times(number):
        return number * factor
    return times
"""
OPENED = """
from contextlib import contextmanager
OPEN: list[str] = []
@contextmanager
def f(name: str):
    OPEN.append(name)
    try:
        yield len(OPEN)
    finally:
        OPEN.remove(name)
"""
UNTIL = """
from collections.abc import Callable
def f(events: list[int], handler: Callable[[int], object]) -> int:
    for place, event in enumerate(events):
        if handler(event) is False:
            return place
    return len(events)
"""
BEST = """
def f(values: list[int]) -> int:
    best = 0
    for left in values:
        for right in values:
            best = max(best, left ^ right)
    return best
"""
KEPT = """
def _make():
    last = [None, 0, 0]
    def f(values: list[int]) -> int:
        if last[0] is not values or last[1] != len(values):
            best = 0
            for left in values:
                for right in values:
                    best = max(best, left ^ right)
            last[:] = [values, len(values), best]
        return last[2]
    return f
f = _make()
"""
JOBS = """
class Job:
    def __init__(self, name: str, priority: int) -> None:
        self.name, self.priority = name, priority
    def rank(self) -> int:
        return self.priority
class Urgent(Job):
    def rank(self) -> int:
        return -1
def f(jobs: list[Job]) -> list[str]:
    return [job.name for job in sorted(jobs, key=lambda job: job.rank())]
"""
RANKED = """
def f(rows, k):
    return [row["name"] for row in sorted(rows, key=lambda row: (row["score"], row["name"]))[:k]]
"""


def test_what_is_drawn_has_the_shape_of_the_first_and_refers_to_what_is_there() -> None:
    args = [[of([{"id": 1, "name": "a"}], -1), of({"a": [1]}, -9), ["x", "date", "2024-01-01"]], []]
    drawn = list(worlds.worlds(args, ["id", "name"], random.Random(1)))

    assert len(drawn) == worlds.WORLDS
    for first, second, third in (each[0] for each in drawn):
        assert (first[0], second[0], third[:2]) == ("l", "d", ["x", "date"])
        made = {each[1] for each in first[2] if each[0] == "d"}
        assert all(each[1] in made for each in first[2] if each[0] == "r")
    assert any(each[0] == "r" for one in drawn for each in one[0][0][2])
    assert all(trees.shown(["l", 0, each[0]]) for each in drawn)


def test_what_refers_to_another_object_is_not_drawn_anew() -> None:
    assert not list(worlds.worlds([[["l", 1, []], ["r", 1]], []], [], random.Random(1)))


def test_a_default_is_given_by_name_too() -> None:
    parameters = [
        ["items", "POSITIONAL_OR_KEYWORD", False, None, ["list", ["int"]]],
        ["limit", "KEYWORD_ONLY", True, 10, ["int"]],
        ["name", "KEYWORD_ONLY", True, None, ["union", ["none"], ["str"]]],
        ["table", "KEYWORD_ONLY", True, of({}), ["dict", ["any"], ["any"]]],
    ]

    assert variants.spelled([[of([1])], []], parameters)[1] == [["limit", 10], ["name", ""]]


@pytest.mark.parametrize(
    ("before", "old", "new"),
    [
        pytest.param(TOUCH, "start <= merged", "start < merged", id="spans that touch"),
        pytest.param(TIMES, "number * factor", "number * factor if number != 3 else 0", id="a function that is given"),
        pytest.param(OPENED, "finally:", "except ZeroDivisionError:", id="a context that is not left"),
        pytest.param(UNTIL, "handler(event) is False", "not handler(event)", id="a callback that gives nothing"),
        pytest.param(JOBS, "job: job.rank()", "job: job.priority", id="a subclass"),
        pytest.param(RANKED, '(row["score"], row["name"])', 'row["score"]', id="a tie of records that nobody names"),
    ],
)
def test_what_is_rare_and_legal_is_found(tmp_path: Path, before: str, old: str, new: str) -> None:
    assert old in before
    assert verify(tmp_path, before, before.replace(old, new))["verdict"] == "differs"


def test_what_a_function_keeps_around_itself_is_a_cache(tmp_path: Path) -> None:
    assert verify(tmp_path, BEST, KEPT)["verdict"] in ("differs", "refused")


def test_the_name_of_a_function_that_is_given_says_nothing(tmp_path: Path) -> None:
    after = "def f(factor: int):\n    return lambda number: factor * number if number != 7 else number * factor\n"

    assert verify(tmp_path, TIMES, after)["verdict"] == "same"
