"""What the judge makes of counts of queries, and of tokens that are never twice the same."""

import pytest

from perfwright.fix.judge.answers import difference
from perfwright.fix.judge.verdict import Counts, Verdict

SEEN = (("body", "it answers something else"),)


@pytest.mark.parametrize(
    ("at", "calls", "fewer"),
    [
        (((1, 4, 6), (10, 40, 12), (100, 400, 30)), 1, True),  # two more at one row
        (((1, 4, 8), (10, 40, 20), (100, 400, 90)), 2, True),  # two more of each of two requests
        (((1, 4, 8), (10, 40, 20), (100, 400, 90)), 1, False),
        (((1, 4, 16), (10, 18, 16), (100, 190, 16)), 2, True),  # as many whatever there is
        (((1, 4, 16), (10, 18, 16), (100, 190, 16)), 1, False),  # and too many where there is little
        (((1, 4, 4), (10, 40, 40), (100, 400, 400)), 4, False),
    ],
)
def test_fewer_queries_are_fewer_where_there_are_many_rows(
    at: tuple[tuple[int, int, int], ...], calls: int, fewer: bool
) -> None:
    assert Counts("queries", at, calls).fewer is fewer


@pytest.mark.parametrize(
    ("queries", "rows", "worse"),
    [
        ((200, 2), (100, 100), False),
        ((200, 2), (100, 4_000), False),
        ((200, 2), (100, 4_200), True),  # the whole table, in place of a few rows of it
        ((2, 2), (100, 101), True),
        ((2, 2), (100, 90), False),
    ],
)
def test_a_query_less_makes_up_for_some_rows_more(queries: tuple[int, int], rows: tuple[int, int], worse: bool) -> None:
    counts = Counts("queries", ((100, *queries),)), Counts("rows", ((100, *rows),))

    assert Verdict("same", "", counts=counts).worse is worse


@pytest.mark.parametrize("token", ["-Zx3_kQv9PbLw2TfYh8RmA", "Zx3_kQv9PbLw2TfYh8RmA-", "--Zx3_kQv9PbLw2TfYh8R-"])
def test_a_token_may_begin_or_end_with_a_hyphen(token: str) -> None:
    one, other, again = ({"body": f'<input value="{each}"> 1'} for each in ("Q" * 22, token, "R" * 22))

    assert difference(one, other, again, SEEN) == (None, [])
    assert difference(one, {"body": other["body"].replace("1", "2")}, again, SEEN)[0] is not None
