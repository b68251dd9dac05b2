"""What is drawn for the judge: tables of few values, texts of what sources look for, other readings of parameters."""

import random
from pathlib import Path

import pytest

from perfwright.fix.judge import patterns, readings, refusals, relations, worlds
from perfwright.fix.judge.sites import sites
from perfwright.fix.judge.trees import Tree, of, tag
from test_verify import verify

FRAME = [
    "df", 1,
    [["name", "object", ["a", "b", "c"]], ["price", "float64", [of(1.0), of(2.0), of(3.0)]], ["n", "int64", [1, 2, 3]]],
    ["pd", -1, "Index", "int64", [0, 1, 2], [None]], ["str", [None]],
]  # fmt: skip
VAGUE = ["p", "POSITIONAL_OR_KEYWORD", False, None, ["any"]]
HANDS = """
def f(numbers: list[int], send):
    batch = []
    for number in numbers:
        batch.append(number)
        send(batch)
        batch = []
"""
SENT = """
def f(numbers: list[int]):
    total = 0
    for number in numbers:
        again = yield total
        total = 0 if again else total + number
"""
LIMIT = """
import csv
def f(line: str) -> list[str]:
    return next(csv.reader([line]), [])
"""
MONTHS = """
import re
def f(line: str) -> bool:
    return re.match(r"^\\d{4}-(0[1-9]|1[0-2])$", line) is not None
"""
INSERTS = """
import sqlite3
SCHEMA = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)"
def f(connection: sqlite3.Connection, item_ids: list[int]) -> list[str]:
    names = []
    for number in item_ids:
        for row in connection.execute("SELECT name FROM items WHERE id = ?", (number,)):
            names.append(row[0])
    return names
"""


def test_frames_are_drawn_with_gaps_with_values_and_labels_that_come_again() -> None:
    drawn = [made[0][0] for made in worlds.worlds([[FRAME], []], [], random.Random(1))]

    assert {len(each[3][4]) for each in drawn} >= {0, 1, 2, 5}
    assert any(None in each[2][0][2] and ["f", "nan"] in each[2][1][2] for each in drawn)
    assert any(len(set(each[3][4])) < len(each[3][4]) for each in drawn)
    assert all(type(value) is int for each in drawn for value in each[2][2][2])


def test_texts_are_lines_with_the_marks_of_the_sources() -> None:
    drawn = [made[0][0] for made in worlds.worlds([["a"], []], ["[", "]", "="], random.Random(1))]

    assert any(line[:1] == "[" and line[-1:] == "]" and len(line) > 2 for each in drawn for line in each.split("\n"))


def test_texts_match_the_patterns_of_the_sources() -> None:
    (month, *_) = patterns.matching([MONTHS], random.Random(1))

    assert month[4] == "-"
    assert month.replace("-", "").isdecimal()


def test_bounds_are_found_by_their_names_and_in_slices() -> None:
    source = "_MOST = 2 * 1_000\ndef f(items):\n    return items[:_MOST], len(items) % 100\n"

    assert set(refusals.sizes(source)) == {1_999, 2_000, 2_001, 99, 100, 101}


def test_parameters_of_which_nothing_is_said_are_read_otherwise() -> None:
    def observe(trials: list[Tree]) -> list[dict[str, object]]:
        """Take lists of text alone."""
        takes = [tag(each[0][0]) == "l" and isinstance(each[0][0][2][0], str) for each in trials]
        return [{"calls": [{"outcome": ["gave"] if each else ["raised", "builtins:TypeError"]}]} for each in takes]

    found = readings.readings([["ab"], []], [VAGUE], ["def f(p): ..."], observe, random.Random(1))

    assert found
    assert all(each[0][0][0] == "l" for each in found)
    assert readings.readings([["ab"], []], [[*VAGUE[:4], ["str"]]], [""], observe, random.Random(1)) == []


def test_a_graph_is_walked_from_a_node_to_another() -> None:
    args = [[["d", 1, [["x", ["l", 2, ["y"]]]]], "x", "y"], []]

    found = [each.args[0][1:] for each in relations.graphs(args, list(sites(args, [VAGUE] * 3)))]

    assert ["a", "d"] in found


@pytest.mark.parametrize(
    ("before", "old", "new", "told"),
    [
        (HANDS, "batch = []\n", "batch.clear()\n", "hands"),
        (SENT, "0 if again else total + number", "total + number", "sent"),
        (LIMIT, "    return", "    csv.field_size_limit(10**9)\n    return", "environment"),
        (MONTHS, "re.match(", "re.fullmatch(", "something else"),
        (INSERTS, "in item_ids", "in sorted(item_ids)", "something else"),
    ],
)
def test_it_is_seen(tmp_path: Path, before: str, old: str, new: str, told: str) -> None:
    said = verify(tmp_path, before, new.join(before.rsplit(old, 1)))

    assert said["verdict"] == "differs"
    assert told in said["reason"]
