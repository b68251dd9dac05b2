"""The rows of a frame that have a value, found once for all values: what is proposed, what it comes to, what is not."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from _rewritten import proposed

RULE = "row-loop-over-frame"
CODE = """import pandas as pd


def f(df, other, names=()):
    out = []
    for key in {over}:
        {body}
    return out
"""
BODY = 'rows = other[other["b"] == {key}]\n        out.append((len(rows), rows["c"].tolist(), list(rows.index)))'
UNIQUE = 'df["a"].unique()'


def code(folder: Path, over: str, body: str) -> str:
    text = CODE.format(over=over, body=body)
    (folder / "code.py").write_text(text, "utf8")
    return text


def called(text: str, *frames: pd.DataFrame) -> Any:
    space: dict[str, Any] = {}
    exec(text, space)
    return space["f"](*(each.copy() for each in frames))


NOW = pd.Timestamp("2026-01-31 10:00")
COLUMNS: list[list[Any]] = [
    ["x", "y", None, "x", "z", ""],
    [1, 2, 2, 1, 3, 0],
    [1.0, float("nan"), -0.0, 0.0, 2.5, 1.0],
    [NOW, NOW + pd.Timedelta(days=1), pd.NaT, NOW, NOW.normalize(), NOW],
    [True, False, True, 1, 0, "1"],
]


@pytest.mark.parametrize("values", COLUMNS, ids=["text", "numbers", "floats", "moments", "mixed"])
@pytest.mark.parametrize("is_category", [False, True])
def test_the_rows_of_each_value_are_those_they_were(values: list[Any], is_category: bool, tmp_path: Path) -> None:
    text = code(tmp_path, UNIQUE, BODY.format(key="key"))
    (made,) = proposed(tmp_path, RULE)
    other = pd.DataFrame({"b": values[1:], "c": range(5)}, index=[7, 7, 3, 0, 1])
    df = pd.DataFrame({"a": values})
    if is_category and values is not COLUMNS[-1]:
        other["b"] = other["b"].astype("category")

    for frames in ((df, other), (df, other[:0]), (df[:0], other), (df[::-1], other[::-1])):
        assert called(made.after, *frames) == called(text, *frames)
    assert 'other_by_b = other.groupby("b", sort=False, observed=True).indices' in made.after
    assert 'rows = other[other["b"] == key] if places is None else other.iloc[places]' in made.after


def test_groups_and_rows_are_mended_along(tmp_path: Path) -> None:
    body = 'm = other[other["b"] == key]["c"].sum()\n        out.append((m, g["n"].sum()))'
    text = code(tmp_path, 'df.groupby("user")', body).replace("for key in", "for key, g in")
    (tmp_path / "code.py").write_text(text, "utf8")
    df, other = pd.DataFrame({"user": [1, 2, 1], "n": 1}), pd.DataFrame({"b": [1, 3, 1], "c": [1, 2, 3]})

    made = [each.after for each in proposed(tmp_path, RULE)]

    along, *_ = [each for each in made if "other.iloc[places]" in each]
    assert "groups = df.groupby" in along
    assert called(along, df, other) == called(text, df, other) == [(4, 2), (0, 1)]


@pytest.mark.parametrize(
    ("over", "body"),
    [
        (UNIQUE, 'if names:\n            out.append(len(other[other["b"] == key]))'),  # it may be without the column
        (UNIQUE, 'out.append(len(other[other["b"] == key]))\n        other["b"] = key'),
        (UNIQUE, 'out.append(len(other[other["b"] == key]))\n        other.drop(0, inplace=True)'),
        (UNIQUE, 'out.append(len(other[other["b"] == key]))\n        names(other)'),
        (UNIQUE, 'other = names(key)\n        out.append(len(other[other["b"] == key]))'),
        (UNIQUE, 'out.append(len(other[other["b"] == names(key)]))'),  # each call might give another
        (UNIQUE, 'out.append(len(other[other["b"] == names[0]]))'),  # the same for all
        (UNIQUE, 'out.append(len(other[other["b"] >= key]))'),
        (UNIQUE, 'out.append(len(other[other["b"] == key]))\n        if out[-1]:\n            break'),
        (
            UNIQUE,
            'try:\n            out.append(len(other[other["b"] == key]))\n        except KeyError:\n            pass',
        ),
        (UNIQUE, 'out.append(len(other[df["b"] == key]))'),
    ],
)
def test_rows_are_looked_for_as_they_were(over: str, body: str, tmp_path: Path) -> None:
    code(tmp_path, over, body)

    assert not [each for each in proposed(tmp_path, RULE) if "iloc[places]" in each.after]
