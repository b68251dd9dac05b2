"""Bodies of requests: lists in them are about one row, or about several that belong together."""

from typing import Any

from perfwright.measure.worker.apps._contract import Column, Table
from perfwright.measure.worker.apps._schema import example

CARDS = Table(
    "cards",
    [Column("id", "int", primary=True), Column("board_id", "int", refers=("boards", "id"))],
    model="Card",
    keys={"id": [*range(1, 31)]},
)
KEYS: dict[str, Any] = {"type": "array", "items": {"type": "integer"}}


def body(schema: dict[str, Any], several: int = 1) -> Any:
    return example({"type": "object", "properties": {"card_ids": schema}}, {}, [CARDS], several=several)["card_ids"]


def test_a_list_of_keys_is_about_the_first_row() -> None:
    assert body(KEYS) == [1]


def test_several_keys_are_of_rows_of_the_first_parent() -> None:
    assert body(KEYS, 4) == [1, 2, 4, 6]  # every second row belongs to the first board


def test_a_list_that_may_be_left_out_is_given_where_several_are_asked_for() -> None:
    assert body({**KEYS, "default": []}) == []
    assert body({**KEYS, "default": []}, 3) == [1, 2, 4]


def test_items_that_are_all_the_same_are_one() -> None:
    assert body({"type": "array", "items": {"type": "string"}}, 4) == ["amber-1"]
    assert body({"type": "array", "items": {"type": "string"}, "minItems": 2}, 4) == ["amber-1", "amber-1"]
