"""What was changed of a function, found and timed alone."""

import builtins
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from perfwright.fix.judge import parts
from perfwright.measure.worker import part as worker


def part(old: str, new: str) -> tuple[str, str] | None:
    """Return the statements that are timed of each of two bodies of a function."""
    sources = [f"def f(xs, n):\n{indent(dedent(text).strip(), '    ')}\n" for text in (old, new)]
    found = parts.changed(*sources)
    if found is None:
        return None
    told = []
    for source, each in zip(sources, found, strict=True):
        assert each.function == "f"
        lines = source.splitlines()
        assert each.column == len(lines[each.line - 1]) - len(lines[each.line - 1].lstrip())
        told.append(f"{lines[each.line - 1].strip()} ({each.count})")
    return told[0], told[1]


def test_the_statements_that_differ_are_a_part() -> None:
    assert part("a = g(xs)\nn['a'] = s(xs)\nreturn a", "a = g(xs)\nn['a'] = t(xs)\nreturn a") == (
        "n['a'] = s(xs) (1)", "n['a'] = t(xs) (1)",
    )  # fmt: skip


def test_what_uses_what_they_name_belongs_to_them() -> None:
    old, new = (
        "g(xs)\na = [x for x in xs]\nh(n)\nb = a[1:]\nk(b)\nk(n)",
        "g(xs)\na = (x for x in xs)\nh(n)\nb = a[1:]\nk(b)\nk(n)",
    )
    assert part(old, new) == ("a = [x for x in xs] (4)", "a = (x for x in xs) (4)")


def test_statements_within_a_loop_are_a_part_unless_what_they_name_is_used_around() -> None:
    assert part("for x in xs:\n    g(x)\n    s(x)", "for x in xs:\n    g(x)\n    t(x)") == ("s(x) (1)", "t(x) (1)")
    old = "g(n)\nfor x in xs:\n    n.append(a)\n    a = {}(x)\nh(n)"
    assert part(old.format("s"), old.format("t")) == ("for x in xs: (1)", "for x in xs: (1)")
    old = "g(n)\nfor x in xs:\n    a = {}(x)\nh(a)\nk(n)"
    assert part(old.format("s"), old.format("t")) == ("for x in xs: (2)", "for x in xs: (2)")


def test_a_statement_that_is_gone_is_timed_with_the_one_behind_it() -> None:
    assert part("g(n)\ns(n)\nh(n)\nk(n)", "g(n)\nh(n)\nk(n)") == ("s(n) (2)", "h(n) (1)")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a = s(xs)\nreturn a", "a = t(xs)\nreturn a"),  # all of it
        ("g(n)\nyield s(n)\nh(n)", "g(n)\nyield t(n)\nh(n)"),  # its caller's time
        ("g(n)\nreturn 1", "g(n)\nreturn 1"),
    ],
)
def test_where_there_is_no_part(old: str, new: str) -> None:
    assert part(old, new) is None


def test_there_is_no_part_where_two_functions_differ() -> None:
    text = "def f(n):\n    g(n)\n    return 1\ndef h(n):\n    return {}(n)\n"
    assert parts.changed(text.format("g"), text.replace("    g(n)", "    g(0)").format("s")) is None
    assert parts.changed(text.format("g"), "def f(n:\n") is None


LONG = '''
import hashlib


def slow(text):
    for _ in range(40):
        text = hashlib.sha512(text.encode()).hexdigest()
    return text


class Report:
    @staticmethod
    def made(values: list[str]) -> list[str]:
        """Return keys and names."""
        keys = [slow(value) for value in values]
        names = []
        for value in values:
            names = names + [value.strip()]
        return keys + names
'''
CALLED = "Report.made"


def verified(folder: Path, after: str) -> dict[str, Any]:
    (folder / "before.py").write_text(LONG, "utf8")
    (folder / "after.py").write_text(after, "utf8")
    done = subprocess.run(
        [sys.executable, "-m", "perfwright", "verify", f"before.py:{CALLED}", f"after.py:{CALLED}", "--format", "json"],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)},
    )  # fmt: skip
    assert done.stdout, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)["verify"]
    return said


@pytest.mark.slow
def test_a_small_part_is_seen_to_be_faster(tmp_path: Path) -> None:
    said = verified(tmp_path, LONG.replace("names = names + [", "names += ["))

    assert said["verdict"] == "same"
    if said["speed"]["verdict"] == "no evidence":  # a quiet machine may see it in the whole call
        assert said["part"]["verdict"] == "faster"
        assert said["part"]["before_s"] < said["speed"]["before_s"]
        assert said["part"]["high"] < 0.5


CLOCKED = """
from functools import cached_property, wraps


def kept(function):
    @wraps(function)
    def call(*given):
        return function(*given)
    return call


class Held:
    def __init__(self):
        self.many = 2

    @kept
    def plain(self):
        if self.many:
            total = sum(range(1000))
            return total
        return 0

    @property
    def size(self):
        total = sum(range(1000))
        return total

    @cached_property
    def once(self):
        total = sum(range(1000))
        return total

    @classmethod
    def of(cls, depth=3):
        def inner():
            return depth
        total = sum(range(1000)) if not depth else cls.of(depth - 1)
        return total + 0 * inner()
"""


@pytest.mark.parametrize(
    ("name", "line", "column"), [("plain", 19, 12), ("size", 25, 8), ("once", 30, 8), ("of", 37, 8)]
)
def test_statements_are_clocked_and_the_code_is_put_back(tmp_path: Path, name: str, line: int, column: int) -> None:
    file = tmp_path / "clocked.py"
    file.write_text(CLOCKED, "utf8")
    module = types.ModuleType("clocked")
    module.__file__ = str(file)
    exec(compile(CLOCKED, str(file), "exec"), vars(module))
    place = {"function": f"Held.{name}", "line": line, "column": column, "count": 2}
    known = worker.named(module, place["function"]).__code__
    given: list[int] = []

    def batch() -> None:
        found = getattr(module.Held(), name)
        given.append(found() if callable(found) else found)

    cpu, wall = worker.timed(module, place, batch, 2)

    assert given == [499500, 499500]
    assert cpu > 0
    assert wall > 0
    assert worker.named(module, place["function"]).__code__ is known
    assert not hasattr(builtins, worker.NAME)
    with pytest.raises(LookupError):
        worker.timed(module, {**place, "column": 99}, batch, 1)
