"""Recipes for frames, files, text and memory: what they propose and what not; and the judge on frames and on memory."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perfwright import rules
from perfwright.finding import Finding, Place
from perfwright.fix import patches, recipes
from perfwright.fix.judge import arrays
from perfwright.fix.source import Source

COMMAND = (sys.executable, "-c", "from perfwright.app.main import main; main()")


def proposed(rule: str, code: str, at: str, tmp_path: Path) -> list[str]:
    """Return what the recipes of a rule make of code for a finding at the last place where a text stands."""
    (tmp_path / "code.py").write_text(code, "utf8")
    before = code[: code.rindex(at)]
    place = Place(
        path="code.py",
        line=before.count("\n") + 1,
        column=len(before) - before.rfind("\n"),
        end_line=before.count("\n") + 1,
        function="f",
    )
    finding = Finding(rule=rule, place=place, symbol="x", message="")
    return [each.after for each in patches.candidates(tmp_path, finding)]


def verify(folder: Path, before: str, after: str, *options: str) -> dict[str, Any]:
    (folder / "before.py").write_text(before, "utf8")
    (folder / "after.py").write_text(after, "utf8")
    done = subprocess.run(
        [*COMMAND, "verify", "before.py:f", "after.py:f", "--format", "json", *options],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said: dict[str, Any] = json.loads(done.stdout)["verify"]
    return said


# ------------------------------------------------------------------------------ rows of a frame
HEAD = "def f(df, names=()):\n    out = []\n"
EACH = "for _, r in df.iterrows():\n        "
TUPLES, RECORDS = "for r in df.itertuples(index=False):\n        ", 'for r in df.to_dict("records"):\n        '


@pytest.mark.parametrize(
    ("loop", "made"),
    [
        (EACH + "out.append(r['a'] * 2 + r.b)", 'out.extend((df["a"] * 2 + df["b"]).tolist())'),
        (EACH + "out.append(int(r['a']))", 'out.extend(df["a"].astype(int).tolist())'),
        (EACH + "out.append(r['a'] / 2)", TUPLES + "out.append(r.a / 2)"),
        (EACH + "out.append((r['a b'], r.c))", RECORDS + "out.append((r['a b'], r['c']))"),
        (EACH + "out.append([r[n] for n in names])", RECORDS),
        (EACH + "out.append((r['a'], r.get('b', 0)))", RECORDS),
        (EACH.replace("_", "i") + "out.append((i, r['a']))", "for i, r in zip(df.index, df.itertuples(index=False)):"),
        (EACH.replace("_", "i") + "df.at[i, 'c'] = str(r['a'])", "df.at[i, 'c'] = str(r.a)"),
        (
            EACH + "try:\n            out.append(int(r['a']))\n        except KeyError:\n            pass",
            RECORDS + "try:\n            out.append(int(r['a']))",
        ),
        ("out = [str(r['a']) for _, r in df.iterrows()]", "out = [str(r.a) for r in df.itertuples(index=False)]"),
        (
            EACH.replace("df", "df[m]") + "out.append(str(r['a']))",
            TUPLES.replace("df", "df[m]") + "out.append(str(r.a))",
        ),
    ],
)
def test_rows_are_tuples_dictionaries_or_whole_columns(loop: str, made: str, tmp_path: Path) -> None:
    at = "df[m].iterrows" if "[m]" in loop else "df.iterrows"

    assert made in proposed("row-loop-over-frame", f"{HEAD}    {loop}\n    return out\n", at, tmp_path)[0]


@pytest.mark.parametrize(
    "loop",
    [
        "for _, r in df.iterrows():\n        out.append(str(r))",  # handed on as it is
        "for _, r in df.iterrows():\n        r['a'] = 1",
        "for _, r in df.iterrows():\n        out.append(r.name)",  # its label, or a column
        "for _, r in df.iterrows():\n        out.append(r.sum())",
        "for i, r in df.iterrows():\n        df.at[i, 'a'] = str(r['a'])",  # it reads what it writes
        "for i, r in df.iterrows():\n        df['c'] = r['a']",
        "for _, r in df.iterrows():\n        df.drop(r['a'], inplace=True)",
        "for _, r in df.iterrows():\n        change(df, r['a'])",
        "for _, r in df.iterrows():\n        out.append(str(r['a']))\n    out.append(r['a'])",
        "for pair in df.iterrows():\n        out.append(pair)",
        f"{EACH}try:\n            out.append(r.a)\n        except AttributeError:\n            pass",
        "for i, r in df[m].iterrows():\n        out.append((i, r['a']))",  # what is made for the loop has no name
    ],
)
def test_rows_that_are_used_otherwise_stay_as_they_are(loop: str, tmp_path: Path) -> None:
    code, at = f"{HEAD}    {loop}\n    return out\n", "df[m].iterrows" if "[m]" in loop else "df.iterrows"

    assert proposed("row-loop-over-frame", code, at, tmp_path) == []


@pytest.mark.slow
def test_the_judge_sees_that_rows_hold_one_type_of_number(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    built = (
        "import pandas as pd\nimport perfwright\n\n\n@perfwright.inputs('f')\ndef build(n):\n"
        "    return pd.DataFrame({'a': range(n), 'b': [k * 0.5 for k in range(n)]})\n\n\n"
    )
    code = "def f(df):\n    return [{} for _, row in df.iterrows()]\n"
    tuples = f"{built}def f(df):\n    return [X for row in df.itertuples(index=False)]\n"
    told = verify(tmp_path, built + code.format("str(row['a'])"), tuples.replace("X", "str(row.a)"), "--size", "300")

    assert told["verdict"] == "differs"
    assert told["counterexample"]["call"].startswith("f(DataFrame({'a': [")
    assert ".0'" in told["counterexample"]["before"]

    told = verify(tmp_path, built + code.format("int(row['a'])"), tuples.replace("X", "int(row.a)"), "--size", "300")
    assert (told["verdict"], told["speed"]["verdict"]) == ("same", "faster")


@pytest.mark.slow
def test_the_judge_sees_that_an_array_shares_the_memory_of_another(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    built = "import numpy as np, perfwright\n\n\n@perfwright.inputs('f')\ndef build(n):\n    return np.arange(n)\n\n\n"
    code = f"{built}def f(a: np.ndarray):\n    return "
    told = verify(tmp_path, f"{code}a.copy()[1:]\n", f"{code}a[1:]\n", "--size", "300")
    assert told["verdict"] == "differs"

    told = verify(tmp_path, f"{code}np.negative(a[1:])\n", f"{code}np.negative(a)[1:]\n", "--size", "300")
    assert told["verdict"] == "same"


def test_a_value_of_a_column_is_worked_out_once_and_a_row_is_a_tuple(tmp_path: Path) -> None:
    code = "import pandas as pd\ndef f(df):\n    df['a'] = df['b'].apply(clean)\n    return df\n"
    found = proposed("row-loop-over-frame", code, "df['b'].apply", tmp_path)
    assert "df['b'].apply(lru_cache(None, typed=True)(clean))" in found[0]
    assert "from functools import lru_cache\n" in found[0]

    code = "def f(df):\n    df['a'] = df.apply(lambda r: g(r['b'], r['c']), axis=1)\n    return df\n"
    found = proposed("row-loop-over-frame", code, "df.apply", tmp_path)
    assert "df['a'] = [g(r.b, r.c) for r in df.itertuples(index=False)]" in found[0]
    for other in ("g(r)", "g(r['b c'])", "g(r[k])", "g(r.b)"):
        code = f"def f(df):\n    df['a'] = df.apply(lambda r: {other}, axis=1)\n    return df\n"
        assert proposed("row-loop-over-frame", code, "df.apply", tmp_path) == []
    code = "def f(df):\n    return df.groupby('a')['b'].apply(clean)\n"
    assert proposed("row-loop-over-frame", code, "df.groupby('a')['b'].apply", tmp_path) == []
    code = "def f(df):\n    return df.apply(lambda r: g(r['b']), axis=1)\n"  # it is a column that is wanted
    assert proposed("row-loop-over-frame", code, "df.apply", tmp_path) == []


def test_frames_are_tried_with_other_rows_labels_columns_and_values() -> None:
    index = ["pd", -1, "Index", "int64", [0, 1], [None]]
    frame = ["df", 0, [["a", "int64", [5, 6]]], index, ["str", [None]]]
    found = list(arrays.near(frame))

    assert ["df", 0, [], [*index[:4], [], [None]], ["str", [None]]] in found  # of no rows, and no columns
    assert any(each[3][4] == [7, 7] for each in found)  # labels that are the same
    assert {"a b", "class", "_1", 0} <= {each[2][1][0] for each in found if len(each[2]) > 1}
    assert ["df", 0, [["a", "int64", [6, 5]]], [*index[:4], [1, 0], [None]], ["str", [None]]] in found
    assert all(len(column[2]) == arrays.rows(each) for each in found for column in each[2])
    assert list(arrays.near(["l", 0, [1]])) == []


COUNTED = "import pandas as pd\ndef f(df, other=None):\n    out = []\n    for i in {}:\n        {}\n    return out\n"
VALUES = """    if len(df):
        a_values = df["a"].array
        b_values = df["b"].array
    for i in range(1, len(df)):
        out.append((a_values[i] - a_values[i - 1], b_values[i]))
"""


def test_a_row_that_is_counted_is_looked_up_in_whole_columns(tmp_path: Path) -> None:
    code = COUNTED.format("range(1, len(df))", 'out.append((df["a"].iloc[i] - df["a"].iat[i - 1], df.iloc[i]["b"]))')
    (after,) = proposed("row-loop-over-frame", code, "range", tmp_path)

    assert VALUES in after


@pytest.mark.parametrize(
    ("over", "body"),
    [
        ("range(other)", "out.append(df['a'].iloc[i])"),  # there may be fewer rows
        ("range(len(df))", "out.append(df['a'].loc[i])"),  # a label
        ("range(len(df))", "out.append(df['a'].iloc[i:])"),
        ("range(len(df))", "out.append(df['a'].iloc[other])"),  # it may be a list
        ("range(len(df))", "out.append(df.iloc[i][other])"),
        ("range(len(df))", "out.append(df['a'].iloc[i])\n        df.loc[i, 'a'] = 1"),
        ("range(len(df))", "out.append(df['a'].iloc[i])\n        other(df)"),
        ("range(len(df))", "out.append(df['a'].iloc[i])\n        df = df.dropna()"),
        ("range(len(df))", "i = 0\n        out.append(df['a'].iloc[i])"),
        ("range(len(df))", "out.append(df['a'].iloc[i] if 'a' in df.columns else '')"),  # it may have no such column
        ("range(len(df))", "if other:\n            continue\n        out.append(df['a'].iloc[i])"),
        ("range(len(df))", "try:\n            out.append(df['a'].iloc[i])\n        except KeyError:\n            pass"),
        ("range(len(df))", "with suppress(KeyError):\n            out.append(df['a'].iloc[i])"),
        ("range(1, len(df))", "df['a'].iloc[i] = df['a'].iloc[i - 1] + 1"),
        ("range(len(df))", "df.update(other)\n        out.append(df['a'].iloc[i])"),
        ("range(len(df))", "df['a'].update(other)\n        out.append(df['a'].iloc[i])"),
        ("range(len(df))", "df.insert(0, 'c', other.pop())\n        out.append(df['a'].iloc[i])"),
        ("range(len(df))", "df['a'].fillna(0, inplace=True)\n        out.append(df['a'].iloc[i])"),
        ("range(len(df))", "df['a'].values[i] = 1\n        out.append(df['a'].iloc[i])"),
        ("range(len(df))", "df.iloc[i]['a'] = 1\n        out.append(df['a'].iloc[i])"),
    ],
)
def test_rows_that_are_found_otherwise_are_looked_up_one_by_one(over: str, body: str, tmp_path: Path) -> None:
    assert proposed("row-loop-over-frame", COUNTED.format(over, body), "range", tmp_path) == []


@pytest.mark.parametrize(
    ("before", "writes"),
    [
        ("view = df", "view.loc[i + 1 :, 'a'] = 0"),
        ("df = view = other", "view.loc[i + 1 :, 'a'] = 0"),
        ("df = other['sales']", "other['sales'].loc[i, 'a'] = 0"),
        ("column = df['a']", "column[i] = 0"),
        ("column = df['a']\n    values = column.to_numpy()", "values[i] += 1"),
        ("column = df['a']", "column.fillna(0, inplace=True)"),
        ("rows = df.iloc[1:]", "rows.update(other)"),
    ],
)
def test_a_frame_that_is_written_to_by_another_name_is_asked_for_each_row(
    before: str, writes: str, tmp_path: Path
) -> None:
    loop = "for i in range(len(df)):\n        {}out.append(df['a'].iloc[i])\n    return out\n"
    code = f"{HEAD}    {before}\n    {loop}"

    assert proposed("row-loop-over-frame", code.format(f"{writes}\n        "), "range", tmp_path) == []
    assert len(proposed("row-loop-over-frame", code.format(""), "range", tmp_path)) == 1


@pytest.mark.parametrize(
    "body",
    [
        "value = df['a'].iloc[i]\n        value += 1\n        out.append(value)",
        "df['c'].iloc[i] = df['a'].iloc[i]",  # another column
        "out.append(df['a'].iloc[i])\n        if other:\n            out.append(df['b'].iloc[i])",
    ],
)
def test_only_what_a_row_is_always_asked_for_is_looked_up_in_whole_columns(body: str, tmp_path: Path) -> None:
    (after,) = proposed("row-loop-over-frame", COUNTED.format("range(len(df))", body), "range", tmp_path)

    assert "a_values = df['a'].array" in after
    assert "b_values" not in after


# ------------------------------------------------------------------------------ groups of a frame
GROUPS = "import pandas as pd\ndef f(df, other=None):\n    out = []\n    for k, g in {}:\n        {}\n    return out\n"
ALL_AT_ONCE = """    groups = df.groupby("a")
    for (k, size), b_sum, c_nunique in zip(
        groups.size().items(),
        groups["b"].sum().array,
        groups["c"].nunique(),
    ):
        out.append((k, size, round(b_sum, 2), c_nunique))
"""
ENDS = """    groups = df.groupby("a")
    first_rows = groups.head(1).set_index("a").loc[groups.size().index]
    last_rows = groups.tail(1).set_index("a").loc[groups.size().index]
    for k, t_first, t_last in zip(groups.size().index, first_rows["t"].array, last_rows["t"].array):
        out.append((k, t_last - t_first, t_first))
"""


def of_groups(over: str, body: str, tmp_path: Path, rule: str = "row-loop-over-frame", at: str = "df.") -> list[str]:
    return proposed(rule, GROUPS.format(over, body), at, tmp_path)


def test_all_groups_are_asked_at_once(tmp_path: Path) -> None:
    body = "out.append((k, len(g), round(g['b'].sum(), 2), g['c'].nunique()))"
    (after,) = of_groups('df.groupby("a")', body, tmp_path)
    assert ALL_AT_ONCE in after.replace("'", '"')

    body = "first, last = g.iloc[0], g.iloc[-1]\n        out.append((k, last['t'] - first['t'], g['t'].iloc[0]))"
    (after,) = of_groups('df.groupby("a")', body, tmp_path)
    assert ENDS in after.replace("'", '"')

    (after,) = of_groups('df.groupby(["a", "b"])', "out.append((k, len(g)))", tmp_path)
    assert 'groups = df.groupby(["a", "b"], observed=True)\n    for k, size in groups.size().items():' in after

    first = of_groups('df.groupby("a")', "out.append((k, g['b'].max()))", tmp_path)[0]
    assert 'for k, b_max in zip(groups.size().index, groups["b"].max().array):' in first.replace("'", '"')


def test_of_each_group_one_column_is_made(tmp_path: Path) -> None:
    (after,) = of_groups("df.groupby(other)", "out.append((k, g['b'].tolist(), len(g)))", tmp_path)

    assert 'for k, b in df.groupby(other)["b"]:\n        out.append((k, b.tolist(), len(b)))' in after.replace("'", '"')


@pytest.mark.parametrize(
    ("over", "body"),
    [
        ("df.groupby('a')", "out.append(g)"),
        (
            "df.groupby('a')",
            "out.append((g['b'].std(), g['c'].sum()))",
        ),  # it may be zero for one, and nearly so for another
        ("df.groupby('a')", "out.append((g['b'].sum(min_count=1), g['c'].sum()))"),
        ("df.groupby('a')", "g = g.dropna()\n        out.append((g['b'].sum(), g['c'].sum()))"),
        ("df.groupby('a')", "g['b'] = 1\n        out.append((g['b'].sum(), g['c'].sum()))"),
        ("df.groupby('a')", "df.loc[0, 'b'] = 1\n        out.append((g['b'].sum(), g['c'].sum()))"),
        ("df.groupby('a')", "out.append((g['b'].sum(), g['c'].sum()))\n    out.append(g)"),
        ("df.groupby('a')", "out.append((g['b'].sum(), g['c'].sum()))\n        break"),
        ("df.groupby('a')", "row = g.iloc[0]\n        out.append((row, row['b']))"),
        ("df.groupby('a')", "row = g.iloc[1]\n        out.append(row['b'])"),
        ("df.groupby('a')", "row = g.iloc[0]\n        out.append(row['a'])"),  # it is the key, and no column any more
        ("df.groupby(other)", "out.append((g['b'].sum(), g['c'].sum()))"),
        ("df.groupby(['a'])", "out.append((k, g['b'].sum(), g['c'].sum()))"),  # its keys are tuples of one
        ("df.groupby('a', dropna=False)", "out.append((g['b'].sum(), g['c'].sum()))"),
        ("df.groupby('a')", "out.append((k, len(g), g['b'].sum() if other else 0))"),  # it may have no such column
        ("df.groupby('a')", "if other:\n            out.append((k, g['b'].mean()))"),
        ("df.groupby('a')", "out.append((k, other and g['b'].mean(), g['b'].min(), g['c'].min()))"),  # it may be text
        ("df.groupby('a')", "if len(g) < 3:\n            continue\n        out.append((k, g['b'].mean()))"),
        ("df.groupby('a')", "for x in other:\n            out.append((k, x, g['b'].mean()))"),
        ("df.groupby('a')", "try:\n            out.append(g['b'].sum())\n        except KeyError:\n            pass"),
        ("df.groupby('a')", "out.append((k, g['b'].any(), g['c'].all()))"),  # of times, each tells something else
    ],
)
def test_groups_that_are_used_otherwise_stay_as_they_are(over: str, body: str, tmp_path: Path) -> None:
    assert of_groups(over, body, tmp_path, at=over) == []


def test_groups_of_which_some_were_told_before_one_fails_stay_as_they_are(tmp_path: Path) -> None:
    loop = "for k, g in df.groupby('a'):\n            out.append((k, g['b'].sum()))"
    code = f"{HEAD}    try:\n        {loop}\n    except TypeError:\n        pass\n    return out\n"

    assert proposed("row-loop-over-frame", code, "df.groupby", tmp_path) == []


def test_a_value_in_a_row_is_always_there_where_its_column_is(tmp_path: Path) -> None:
    body = "row = g.iloc[0]\n        out.append((row['b'], g['b'].iloc[-1] if other else None))"
    (after, *_) = of_groups("df.groupby('a')", body, tmp_path)

    assert "out.append((b_first, b_last if other else None))" in after


@pytest.mark.parametrize(
    ("body", "frame", "made"),
    [
        (
            "g = g.sort_values(['t', 'b'])\n        out.append(g['b'].iloc[0])",
            "(['t', 'b'])",
            "out.append(g['b'].iloc[0])",
        ),
        ("g = g.sort_values('t')\n        out.append(len(g))", "('t', kind=\"stable\")", "out.append(len(g))"),
        ("out.append(g.sort_values(by='t', kind='stable')['b'])", "(by='t', kind=\"stable\")", "out.append(g['b'])"),
        (
            "g.sort_values('t', inplace=True)\n        out.append(g['b'])",
            "('t', kind=\"stable\")",
            "out.append(g['b'])",
        ),
    ],
)
def test_a_frame_is_sorted_before_its_groups(body: str, frame: str, made: str, tmp_path: Path) -> None:
    (after,) = of_groups("df.groupby('a')", body, tmp_path, "sort-in-loop", "g.sort_values")

    assert f"for k, g in df.sort_values{frame}.groupby('a'):\n        {made}\n" in after


@pytest.mark.parametrize(
    ("over", "body"),
    [
        ("df.groupby('a', sort=False)", "out.append(g.sort_values('t')['b'])"),  # groups come in another order
        ("df.groupby(other)", "out.append(g.sort_values('t')['b'])"),  # it may be a column beside the frame
        ("df.groupby('a')", "out.append(g.sort_values(k)['b'])"),
        ("df.groupby('a')", "out.append(g.sort_values('t', key=abs)['b'])"),
        ("df.groupby('a')", "out.append((g.sort_values('t')['b'], g['b']))"),
        ("df.groupby('a')", "out.append(g['b'])\n        g = g.sort_values('t')\n        out.append(g['b'])"),
        ("df.groupby('a')", "g = g.sort_values('t')\n        out.append(g)"),
        ("df.groupby('a')", "g = g.sort_values('t')\n        g['c'] = 1\n        out.append(g['b'])"),
        ("df.groupby('a')", "h = g.sort_values('t')\n        out.append(h)"),
        ("df.groupby('a')", "if other:\n            out.append(g.sort_values('t')['b'])"),  # it may have no such column
        ("df.groupby('a')", "if len(g) < 2:\n            continue\n        out.append(g.sort_values('t')['b'])"),
        ("df.groupby('a')", "with suppress(KeyError):\n            out.append(g.sort_values('t')['b'])"),
    ],
)
def test_groups_are_sorted_one_by_one_where_order_matters(over: str, body: str, tmp_path: Path) -> None:
    assert of_groups(over, body, tmp_path, "sort-in-loop", "g.sort_values") == []


TIMES = "df['t'] = pd.to_datetime(df['t'])\n    "
NUMBERS = "df['b'] = pd.to_numeric(df['b'])\n    "


@pytest.mark.parametrize(
    ("before", "by", "repairs"),
    [
        (TIMES, "'t'", False),
        (TIMES, "'t', kind='mergesort'", True),
        (TIMES, "['t', 'b']", False),
        (TIMES + NUMBERS, "['t', 'b']", True),
        ("", "'t', kind='stable'", False),  # one group may hold text, and another numbers
        (TIMES + "df['c'] = 1\n    ", "'t', kind='stable'", True),
        (TIMES + "df['t'] = other\n    ", "'t', kind='stable'", False),
        (TIMES + "df.loc[0, 't'] = other\n    ", "'t', kind='stable'", False),
        (TIMES + "df = other\n    ", "'t', kind='stable'", False),
        (TIMES + "change(df)\n    ", "'t', kind='stable'", False),
    ],
)
def test_only_a_sort_that_changes_nothing_for_any_values_is_a_repair(
    before: str, by: str, repairs: bool, tmp_path: Path
) -> None:
    code = GROUPS.format("df.groupby('a')", f"out.append(g.sort_values({by})['b'])").replace("for k", f"{before}for k")
    assert len(proposed("sort-in-loop", code, "g.sort_values", tmp_path)) == 1
    place = Place(
        path="code.py", line=code[: code.index("g.sort")].count("\n") + 1, column=20, end_line=1, function="f"
    )
    finding = Finding(rule="sort-in-loop", place=place, symbol="x", message="")
    assert [not each.recipe.suggested for each in patches.candidates(tmp_path, finding)] == [repairs]


# ------------------------------------------------------------------------------ copies of a frame
@pytest.mark.parametrize(
    "body",
    [
        "d = df.copy()\n    d['a'] = d['b'].str.strip()\n    return d.groupby('a').size()",
        "d = df.copy()\n    d['t'] = pd.to_datetime(d['t'])\n    d = d[d['t'] > other]\n    d.loc[0, 'a'] = 1",
        "df = df.copy()\n    df['a'] = df['b'] + df['c']\n    return df",
        "d = df.copy()\n    d.columns = [x.lower() for x in d.columns]\n    d['a'] = 1\n    return len(d)",
        "d = df.copy()\n    d['a'] = 1\n    d.drop(columns=['b'], inplace=True)\n    return d.sort_values('a')",
    ],
)
def test_a_copy_shares_the_columns_that_stay(body: str, tmp_path: Path) -> None:
    code = f"import pandas as pd\ndef f(df, other):\n    {body}\n"

    assert proposed("redundant-copy", code, "df.copy", tmp_path) == [code.replace(".copy()", ".copy(deep=False)")]


@pytest.mark.parametrize(
    "body",
    [
        "d = df.copy()\n    d['a'] = 1\n    d.loc[0, 'b'] = 2",
        "d = df.copy()\n    d['a'] = 1\n    d['b'] += 2",  # in place, before pandas 3
        "d = df.copy()\n    d['a'] = 1\n    d[other] = 2",  # it may be a condition
        "d = df.copy()\n    d['a'] = 1\n    d['b'].fillna(0, inplace=True)",
        "d = df.copy()\n    d['a'] = 1\n    d.fillna(0, inplace=True)",
        "d = df.copy()\n    d['a'] = 1\n    column = d['b']\n    column[0] = 1",
        "d = df.copy()\n    d['a'] = 1\n    d['b'].values[0] = 1",
        "d = df.copy()\n    d['a'] = 1\n    other.append(d)",
        "d = df.copy()\n    d['a'] = 1\n    d.index.name = 'x'",
        "d = df.copy()\n    d['a'] = 1\n    df.iloc[0, 0] = 1\n    return d['b'].sum()",
        "d = df.copy()\n    d['a'] = 1\n    if other:\n        d = d[d['a'] > 1]\n    d.loc[0, 'a'] = 1",
        "d = df.copy()\n    d['a'] = 1\n    return lambda: d",
        "d = df.copy()\n    d['a'] = d['b'].to_numpy()[1:]\n    return d['b'].to_numpy()",
    ],
)
def test_a_copy_that_is_written_into_stays_one_of_its_own(body: str, tmp_path: Path) -> None:
    code = f"import pandas as pd\ndef f(df, other):\n    {body}\n"

    assert not any("deep=False" in each for each in proposed("redundant-copy", code, "df.copy", tmp_path))


@pytest.mark.parametrize(
    ("body", "repairs"),
    [
        ("d = df.copy()\n    d['a'] = 1\n    return d.groupby('a').size()", True),
        ("df = df.copy()\n    df['a'] = 1\n    df = df[df['b'] > 1]\n    return df", True),
        ("d = df.copy()\n    d['a'] = 1\n    return d", False),
        ("df = df.copy()\n    df['a'] = 1\n    return df", False),
        ("d = df.copy()\n    d['a'] = 1\n    if other:\n        return d\n    return len(d)", False),
    ],
)
def test_a_copy_that_a_caller_may_write_into_is_shared_only_if_wanted(body: str, repairs: bool, tmp_path: Path) -> None:
    code = f"import pandas as pd\ndef f(df, other):\n    {body}\n"
    assert len(proposed("redundant-copy", code, "df.copy", tmp_path)) == 1
    place = Place(path="code.py", line=3, column=code.split("\n")[2].index("df.copy") + 1, end_line=3, function="f")
    finding = Finding(rule="redundant-copy", place=place, symbol="x", message="")
    assert [not each.recipe.suggested for each in patches.candidates(tmp_path, finding)] == [repairs]


# ------------------------------------------------------------------------------ frames that nobody annotated
FRAMED = """import pandas as pd


def f(events, users):
    found = []
    seen = events.copy()
    for user, group in seen.groupby("user"):
        found.append((user, group["amount"].sum().item(), len(group), len(users[users["user"] == user])))
    return found
"""


@pytest.mark.slow
def test_the_judge_learns_which_frames_a_function_takes(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    told = verify(tmp_path, FRAMED, FRAMED.replace("len(group)", "group.shape[0]"), "--size", "60", "--no-tests")
    assert (told["verdict"], told["inputs"] > 20) == ("same", True)

    told = verify(tmp_path, FRAMED, FRAMED.replace('"user")', '"user", sort=False)'), "--size", "60", "--no-tests")
    assert told["verdict"] == "differs"
    assert told["counterexample"]["call"].startswith("f(DataFrame({")


def test_a_frame_of_times_is_made_as_it_was() -> None:
    pandas = pytest.importorskip("pandas")
    from perfwright.measure.worker import judged, trees  # the worker's own, as it runs in the other process

    for zone in (None, "UTC", "Europe/Berlin"):
        moments = pandas.to_datetime(["2024-10-27 00:30", "1999-01-01 00:00", None], utc=zone is not None)
        frame = pandas.DataFrame({"t": moments.tz_convert(zone) if zone else moments, "x": [1, 2, 3]})
        tree = trees.Scribe("code", strict=True).write(frame)
        made = trees.Maker(judged, lambda *_: None).make(tree)
        pandas.testing.assert_frame_equal(made, frame)
        assert trees.Scribe("code", strict=True).write(made) == tree


# ------------------------------------------------------------------------------ frames that grow
GROWS = "def f(parts, first):\n    whole = first\n    {}\n    return whole\n"
LOOP, JOIN = "for part in parts:\n        ", "whole = pd.concat([whole, part])"
JOINED = """def f(parts, first):
    whole = first
    pieces = []
    for part in parts:
        pieces.append(part)
    if pieces:
        whole = pd.concat([whole, *pieces], ignore_index=True)
    return whole
"""


def test_the_parts_of_a_frame_are_joined_once(tmp_path: Path) -> None:
    code = GROWS.format(LOOP + "whole = pd.concat([whole, part], ignore_index=True)")
    assert proposed("frame-built-in-loop", code, "whole = pd", tmp_path) == [JOINED]

    code = GROWS.format(LOOP + "whole = np.append(whole, g(part))")
    (after,) = proposed("frame-built-in-loop", code, "whole = np", tmp_path)
    assert "whole = np.concatenate([whole, *map(np.ravel, pieces)])" in after


@pytest.mark.parametrize(
    "loop",
    [
        f"{LOOP}{JOIN}\n        g(len(whole))",  # it reads what is there
        f"{LOOP}whole = pd.concat([part, whole])",
        f"{LOOP}whole = pd.concat([whole, part], axis=1)",
        f"{LOOP}{JOIN}\n        part['a'] = 1",  # it changes what was joined
        f"{LOOP}part['a'] = 1\n        {JOIN}",  # one part may come twice
        f"{LOOP}whole = pd.concat([whole, first])",  # always the same, which may change
        f"{LOOP}first[0] = part\n        whole = np.concatenate([whole, first[:1]])",
        f"{LOOP}last = part\n        whole = pd.concat([whole, last])",
        f"{LOOP}{JOIN}; g()",
        f"{LOOP}{JOIN}\n        yield 1",
        f"try:\n        {LOOP}    {JOIN}\n    except ValueError:\n        pass",
    ],
)
def test_a_frame_that_somebody_sees_meanwhile_grows_as_it_did(loop: str, tmp_path: Path) -> None:
    assert proposed("frame-built-in-loop", GROWS.format(loop), "whole = ", tmp_path) == []


# ------------------------------------------------------------------------------ files
def test_only_the_columns_that_are_used_are_read(tmp_path: Path) -> None:
    code = (
        "def f(path):\n    d = pd.read_csv(path, sep=';')\n    return d['a'].sum() + d[['b', 'a']].size + d.c.sum()\n"
    )
    (after,) = proposed("load-frame-to-filter", code, "pd.read_csv", tmp_path)
    assert 'pd.read_csv(path, sep=\';\', usecols=["a", "b", "c"])' in after

    for other in ("pd.read_csv(path, header=None)", "pd.read_csv(path, parse_dates=['z'])", "pd.read_json(path)"):
        code = f"def f(path):\n    d = {other}\n    return d['a'].sum()\n"
        assert proposed("load-frame-to-filter", code, "pd.read", tmp_path) == []
    for use in ("d[d['a'] > 1]['b']", "d", "d[name]", "len(d)"):
        code = f"def f(path, name):\n    d = pd.read_csv(path)\n    return {use}\n"
        assert proposed("load-frame-to-filter", code, "pd.read", tmp_path) == []


HASHED = 'with path.open("rb") as file:\n        return hashlib.file_digest(file, "sha256").hexdigest()'
OPENED = "with open(path, 'rb') as file:\n        "


@pytest.mark.parametrize(
    ("body", "made"),
    [
        (
            OPENED + "return hashlib.md5(file.read()).digest()",
            OPENED + 'return hashlib.file_digest(file, "md5").digest()',
        ),
        ("return hashlib.sha256(path.read_bytes()).hexdigest()", HASHED),
        ("x = hashlib.md5(open(path, 'rb').read())", OPENED + 'x = hashlib.file_digest(file, "md5")'),
        ("return hashlib.sha256(upload.read()).hexdigest()", ""),  # who knows where in the file it is
        ("with open(path) as file:\n        return hashlib.md5(file.read()).digest()", ""),  # text: it was an error
        (OPENED + "file.seek(4)\n        return hashlib.md5(file.read()).digest()", ""),
        ("return hashlib.new('md5', path.read_bytes()).digest()", ""),
        ("return hashlib.md5(path.read_bytes(), usedforsecurity=False).digest()", ""),
    ],
)
def test_a_file_is_hashed_piece_by_piece(body: str, made: str, tmp_path: Path) -> None:
    code = f"import hashlib\ndef f(path, upload):\n    {body}\n"
    found = proposed("read-all-into-memory", code, "hashlib.", tmp_path)

    assert [made in each for each in found] == ([True] if made else [])


# ------------------------------------------------------------------------------ text
def test_text_that_is_read_again_is_not_written_and_the_same_is_written_once(tmp_path: Path) -> None:
    code = "def f(m):\n    return json.loads(m.model_dump_json(by_alias=True))\n"
    (after,) = proposed("repeated-serialization", code, "json.loads", tmp_path)
    assert 'return m.model_dump(mode="json", by_alias=True)\n' in after

    code = "def f(m):\n    send(json.dumps(m))\n    if m:\n        keep(json.dumps(m))\n"
    found = proposed("repeated-serialization", code, "json.dumps", tmp_path)
    assert found == ["def f(m):\n    text = json.dumps(m)\n    send(text)\n    if m:\n        keep(text)\n"]


@pytest.mark.parametrize("between", ["m['a'] = 1", "change(m)", "m = g()", "m.refresh()", "yield m", "change([m])"])
def test_text_of_what_may_have_changed_is_written_again(between: str, tmp_path: Path) -> None:
    code = f"def f(m):\n    text = json.dumps(m)\n    {between}\n    return text, json.dumps(m)\n"

    assert proposed("repeated-serialization", code, "json.dumps", tmp_path) == []


# ------------------------------------------------------------------------------ lists and memory
@pytest.mark.parametrize(
    ("body", "at", "made"),
    [
        ("return max([len(x) for x in rows], default=0)", "[len", "max((len(x) for x in rows), default=0)"),
        ("for y in [str(x) for x in rows]:\n        h(y)", "[str", "for y in (str(x) for x in rows):"),
        ("found = [g(x) for x in rows]\n    return sum(found)", "[g", "found = (g(x) for x in rows)"),
        ("for line in rows.readlines():\n        h(line)", "rows.readlines", "for line in rows:"),
    ],
)
def test_items_are_used_as_they_come(body: str, at: str, made: str, tmp_path: Path) -> None:
    (after,) = proposed("list-where-iterator", f"def f(rows):\n    {body}\n", at, tmp_path)

    assert made in after


@pytest.mark.slow
def test_memory_is_measured_until_what_a_function_gives_was_walked(tmp_path: Path) -> None:
    before = "def f(text: str):\n    yield from [x * 3 for x in text]\n"
    after = "def f(text: str):\n    for x in text:\n        yield x * 3\n"
    told = verify(tmp_path, before, after, "--size", "2000")
    assert (told["verdict"], told["memory"]["verdict"], told["memory"]["n"]) == ("same", "less", 2000)
    assert told["memory"]["after_bytes"] < 4096 < told["memory"]["before_bytes"]

    told = verify(tmp_path, after, before, "--size", "2000")
    assert told["memory"]["verdict"] == "more"
    assert 2000 in told["memory"]["worse_at"]


@pytest.mark.parametrize("rule", ["read-all-into-memory", "list-where-iterator"])
def test_what_is_for_memory_is_shown_to_need_less(rule: str) -> None:
    (recipe,) = recipes.load()[rule]

    assert recipe.improves == ("memory",)
    assert re.search(r"^## Input", rules.page(rule), re.MULTILINE)


def test_every_recipe_leaves_what_it_does_not_know() -> None:
    source = Source("a.py", "x = 1\n")
    for rule, some in recipes.load().items():
        finding = Finding(
            rule=rule, place=Place(path="a.py", line=1, column=1, end_line=1, function=""), symbol="x", message=""
        )
        assert [list(each.propose(source, finding)) for each in some] == [[]] * len(some)
