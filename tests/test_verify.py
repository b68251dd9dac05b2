"""Two versions of a function, judged: by real processes, as a person asks for it."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perfwright.fix.judge import differences, refusals, trees, variants
from perfwright.fix.judge.trees import of

SLOW = """
def f(items: list[int]) -> list[int]:
    seen = []
    for item in items:
        if item not in seen:
            seen.append(item)
    return seen
"""
FAST = """
def f(items: list[int]) -> list[int]:
    return list(dict.fromkeys(items))
"""


def verify(folder: Path, before: str, after: str, *options: str) -> dict[str, Any]:
    (folder / "before.py").write_text(before, "utf8")
    (folder / "after.py").write_text(after, "utf8")
    return asked(folder, "before.py:f", "after.py:f", *options)


def asked(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run(folder, *arguments, "--format", "json")
    assert done.stdout, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)["verify"]
    assert done.returncode == {"same": 0, "differs": 1, "refused": 1, "not shown": 2}[said["verdict"]]
    return said


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from perfwright.app.main import main; main()", "verify", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)},
    )  # fmt: skip


def test_a_rewrite_that_is_the_same_is_faster_and_can_be_judged_again(tmp_path: Path) -> None:
    said = verify(tmp_path, SLOW, FAST, "--evidence", "seen.json", "--size", "2000")

    assert said["verdict"] == "same"
    assert said["inputs"] > 100
    assert max(said["sizes"]) == 2000
    assert said["speed"]["verdict"] == "faster"
    assert said["speed"]["high"] < 0.2
    again = asked(tmp_path, "--replay", "seen.json")
    assert again["seed"] == said["seed"]
    assert again["replayed"] == "the verdict is 'same' again; the sources are the same."


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (SLOW.replace(": list[int]", ""), FAST.replace(": list[int]", ""), "unhashable type"),
        ("def f(a: list[int]):\n    return sorted(a)", "def f(a: list[int]):\n    a.sort()\n    return a", ""),
        ("def f(a: list[float]):\n    return min(a)", "def f(a: list[float]):\n    return sorted(a)[0]", ""),
        (
            "def f(a: list[int], key):\n    return [key(x) for x in a]",
            "def f(a: list[int], key):\n    return [key(x) for x in reversed(a)][::-1]",
            "calls callback",
        ),
        ("def f(n: int, m=1):\n    return n", "def f(n: int, k=1):\n    return n", "k=1"),
    ],
)  # fmt: skip
def test_the_smallest_input_that_shows_a_difference_is_told(
    tmp_path: Path, before: str, after: str, shown: str
) -> None:
    said = verify(tmp_path, before, after)

    assert said["verdict"] == "differs"
    assert len(said["counterexample"]["call"]) < 120
    assert shown in said["counterexample"]["after"]


def test_what_is_allowed_is_no_difference_and_is_told(tmp_path: Path) -> None:
    before = "def f(a: list[str]):\n    return {x: 1 for x in a}"
    after = "def f(a: list[str]):\n    return {x: 1 for x in reversed(a)}"

    assert verify(tmp_path, before, after)["verdict"] == "differs"
    said = verify(tmp_path, before, after, "--allow", "dict-order", "--size", "100")
    assert (said["verdict"], said["allowed"]) == ("same", ["dict-order"])


def test_rows_may_come_in_another_order_where_that_is_allowed(tmp_path: Path) -> None:
    before, after, fewer = (
        f"def f(rows: list[str]):\n    return [f'{{row}}!' for row in {each}]"
        for each in ("rows", "reversed(rows)", "set(rows)")
    )
    allowed = "--allow", "row-order", "--size", "100"

    assert verify(tmp_path, before, after)["verdict"] == "differs"
    assert verify(tmp_path, before, after, *allowed)["verdict"] == "same"
    assert verify(tmp_path, before, fewer, *allowed)["verdict"] == "differs"


def test_a_cache_that_nobody_asked_for_is_refused(tmp_path: Path) -> None:
    before = "def f(n: int):\n    return n * n"
    kept = "_seen = {}\ndef f(n: int):\n    if n not in _seen:\n        _seen[n] = n * n\n    return _seen[n]"

    assert verify(tmp_path, before, f"from functools import cache\n@cache\n{before}")["verdict"] == "refused"
    assert verify(tmp_path, before, kept)["verdict"] in ("refused", "differs")


def test_a_function_at_a_revision_and_a_patch(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SLOW, "utf8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    (tmp_path / "shop.py").write_text(FAST.replace("list(dict.fromkeys(items))", "sorted(set(items))"), "utf8")
    patch = subprocess.run(["git", "diff"], cwd=tmp_path, check=True, capture_output=True).stdout
    assert asked(tmp_path, "shop.py:f@HEAD", "shop:f")["verdict"] == "differs"

    (tmp_path / "bad.patch").write_bytes(patch)
    subprocess.run([*git, "checkout", "-q", "."], cwd=tmp_path, check=True)
    assert asked(tmp_path, "shop:f", "bad.patch")["verdict"] == "differs"
    assert (tmp_path / "shop.py").read_text("utf8") == SLOW


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["a.py:f"], "Two versions are needed"),
        (["a.py:f", "gone.py:f"], "gone.py does not exist"),
        (["a.py:f", "a.py:f", "--allow", "all"], "'all' is no difference that can be allowed"),
        (["a.py:f", "gone.patch"], "gone.patch does not exist"),
        (["a.py:f@main", "a.py:f"], "is not in a git repository"),
        (["--replay", "a.py"], "no evidence that can be read"),
        (["a.py", "a.py:f"], "names no function"),
    ],
)
def test_what_cannot_be_judged_is_told_in_a_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    (tmp_path / "a.py").write_text(FAST, "utf8")
    done = run(tmp_path, *arguments)

    assert done.returncode == 2
    assert sentence in done.stderr


# ------------------------------------------------------------------------------ parts
def test_a_copy_is_equal_and_of_other_objects() -> None:
    tree = ["l", 0, [["l", 1, [1]], ["r", 1], ["d", 2, [["a", ["l", 3, []]]]]]]
    copy = trees.copied(tree, 10)

    assert trees.shown(tree) == "[[1], <the same object 1>, {'a': []}]"
    assert trees.numbers(copy) == {10, 11, 12, 13}
    assert copy[2][1] == ["r", 11]


def test_variants_hold_the_ends_of_what_is_stated_and_say_what_is_not() -> None:
    parameters = [
        ["items", "POSITIONAL_OR_KEYWORD", False, None, ["list", ["float"]]],
        ["n", "x", False, None, ["any"]],
    ]
    args = [[["l", 0, [of(1.5), of(2.5)]], 3], []]
    found = list(variants.variants(args, parameters, [of(77)], random.Random(1)))
    stated = [json.dumps(each.args) for each in found if not each.beyond]
    beyond = [json.dumps(each.args) for each in found if each.beyond]

    assert any('["f", "nan"]' in each for each in stated)
    assert any(", 77]" in each for each in stated)
    assert not any('"str"' in each or '"a"' in each.partition("]]")[0] for each in stated)
    assert any("null" in each for each in beyond)
    assert len(set(stated)) > 50


def test_truth_is_not_one() -> None:
    call = {"how": "first", "outcome": ["gave"], "args": [], "kwargs": [], "events": [], "warnings": [], "random": "",
            "state": {}, "environment": [], "files": []}  # fmt: skip
    one, other = ({"calls": [{**call, "result": result}]} for result in (True, 1))

    assert differences.difference(one, one, (), beyond=False) is None
    found = differences.difference(one, other, (), beyond=False)
    assert found is not None
    assert (found.before, found.after) == ("gives True", "gives 1")


@pytest.mark.parametrize(
    "after",
    [
        "import sys\ndef f(n):\n    return sys._getframe(1)",
        "import time\ndef f(n):\n    return n if time.perf_counter() else 0",
        "from inspect import stack\ndef f(n):\n    return stack()",
        "def f(n):\n    return eval('n')",
        "def f(n)",
    ],
)
def test_what_looks_at_its_measurement_is_refused(after: str) -> None:
    assert refusals.refused("def f(n):\n    return n", after)
    assert refusals.refused(after, after) == "" or "does not parse" in refusals.refused(after, after)
