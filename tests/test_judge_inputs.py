"""Inputs that the judge makes of its own: by relations, by texts of the sources, by what a function asks for."""

import datetime
import random
from pathlib import Path
from typing import Any

import pytest

from perfwright.fix.judge import asked, refusals, relations, texts, variants
from perfwright.fix.judge.sites import sites
from perfwright.fix.judge.trees import of, shown
from test_verify import verify

LINES, NAMES = ["lines", "POSITIONAL_OR_KEYWORD", False, None], ["names", "POSITIONAL_OR_KEYWORD", False, None]
JOIN = """
def f(orders: list[dict], customers: list[dict]) -> list[tuple]:
    found = []
    for order in orders:
        for customer in customers:
            if customer["id"] == order["customer"]:
                found.append((order["total"], customer["name"]))
    return found
"""
INDEXED = """
def f(orders: list[dict], customers: list[dict]) -> list[tuple]:
    known = {}
    for customer in customers:
        known.setdefault(customer["id"], []).append(customer)
    return [(order["total"], one["name"]) for order in orders for one in known.get(order["customer"], ())]
"""
COPIED = """
import pandas as pd
def f(orders: pd.DataFrame) -> pd.DataFrame:
    done = orders.copy()
    done["total"] = done["price"] * done["count"]
    return done
"""


def inputs(making: Any, domain: list[Any], *values: object) -> list[str]:
    args = [[of(value, -1 - 100 * place) for place, value in enumerate(values)], []]
    parameters = [[*each, domain] for each in (LINES, NAMES)[: len(values)]]
    return [", ".join(map(shown, each.args[0])) for each in making(args, list(sites(args, parameters)))]


def test_an_item_is_beside_one_that_is_equal_and_not_written_alike() -> None:
    made = inputs(relations.twins, ["list", ["dict", ["str"], ["float"]]], [{"a": 1.5}])

    assert "[{'a': 0.0}, {'a': -0.0}]" in made


def test_two_containers_share_some_items() -> None:
    made = inputs(relations.shared, ["list", ["str"]], ["a", "b"], ["c"])

    assert "['a', 'b', 'a'], ['a']" in made
    assert "['ß'], ['SS']" in made


def test_keys_of_a_dict_that_are_not_pairs_are_no_fault() -> None:
    made = inputs(relations.shared, ["dict", ["str"], ["int"]], {"abc": 1, "d": 2}, {"defg": 3})

    assert "{'abc': 1, 'd': 2}, {'abc': 3}" in made


def test_a_graph_is_walked_from_a_node_that_it_has() -> None:
    args = [[of({"x": ["y"]}), "z"], []]
    parameters = [[*LINES, ["dict", ["str"], ["list", ["str"]]]], [*NAMES, ["str"]]]
    (first, *_) = relations.graphs(args, list(sites(args, parameters)))

    assert ", ".join(map(shown, first.args[0])) == "{'a': ['b', 'c'], 'b': ['d'], 'c': ['e'], 'd': ['f']}, 'a'"


def test_what_is_left_of_one_text_makes_another() -> None:
    assert "&amp;lt;" in list(texts.composed(["&amp;", "&", "&lt;"]))
    assert "a=b=c" in list(texts.composed(["="]))


def test_a_callback_fails_with_the_errors_that_the_code_expects() -> None:
    source = (
        "class Away(Exception): ...\ntry:\n    fetch()\nexcept (OSError, Away):\n    pass\nexcept other.Error: pass"
    )
    args = [[["k", 0, "fixed", None]], []]
    every = variants.variants(args, [[*LINES, ["callable"]]], [], random.Random(1), refusals.caught(source))

    assert refusals.caught(source) == ["builtins:OSError", "~:Away"]
    assert "<a function that raises OSError at call 1 to 2>" in [shown(each.args[0][0]) for each in every]


def test_a_record_has_the_keys_that_are_missed() -> None:
    def observe(args: Any) -> Any:
        held = dict(args[0][0][2][0][2])
        missed = next((name for name in ("id", "name") if name not in held), "")
        outcome = ["raised", "builtins:KeyError", repr(missed), [missed], []] if missed else ["gave"]
        if not missed and isinstance(held["name"], (int, list)):
            outcome = ["raised", "builtins:TypeError", "no text", ["no text"], []]
        return {"calls": [{"outcome": outcome}]}

    keys = asked.asked([[of([{}])], []], observe)

    assert keys == [("id", "int"), ("name", "str")]


@pytest.mark.slow
def test_records_are_joined_by_keys_that_no_annotation_names(tmp_path: Path) -> None:
    assert verify(tmp_path, JOIN, INDEXED)["verdict"] == "same"
    assert verify(tmp_path, JOIN, INDEXED.replace("append(customer)", "insert(0, customer)"))["verdict"] == "differs"


def test_a_frame_has_the_columns_that_are_asked_for(tmp_path: Path) -> None:
    said = verify(tmp_path, COPIED, COPIED.replace("orders.copy()", "orders"))

    assert said["verdict"] == "differs"
    assert "'price'" in said["counterexample"]["call"]


def test_what_fails_at_every_input_is_not_the_same(tmp_path: Path) -> None:
    before = "def f(a: int) -> int:\n    return {}[a]"
    said = verify(tmp_path, before, before.replace("{}", "dict()"))

    assert said["verdict"] == "not shown"


def test_what_a_generator_returns_is_compared(tmp_path: Path) -> None:
    before = "def f(items: list[int]):\n    for item in items:\n        yield item\n    return len(items)"

    assert verify(tmp_path, before, before.replace("    return len(items)", "    return None"))["verdict"] == "differs"


def test_what_is_replaced_in_a_library_is_seen(tmp_path: Path) -> None:
    before = "import json\n\ndef f(items: list[int]) -> str:\n    return json.dumps(items)"
    after = before.replace("    return", "    json.dumps = lambda value: real(value)\n    return").replace(
        "def f", "real = json.dumps\n\ndef f"
    )

    assert verify(tmp_path, before, after)["verdict"] == "differs"


def test_a_moment_has_a_tree_like_any_plain_value() -> None:
    assert of([datetime.datetime(2024, 6, 21, 22)])[2] == [["x", "datetime", "2024-06-21T22:00:00"]]
