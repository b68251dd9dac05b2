"""Input that nobody means to write: the check ends, and names what it could not read. At full size: `make limits`."""

import subprocess
import sys
from pathlib import Path

import pytest
from _hostile import CASES

from perfwright import discover, pipeline, rules
from perfwright.config import Settings
from perfwright.effects.summary import Effects
from perfwright.finding import Finding, Record
from perfwright.index.sources import sources_of
from perfwright.rules._contract import Rule


def checked(folder: Path) -> Record:
    return pipeline.check(folder, discover.find(folder, [folder]), Settings(), jobs=1)


@pytest.mark.parametrize("name", CASES)
def test_check_ends_and_leaves_no_file_out_without_a_word(name: str, tmp_path: Path) -> None:
    CASES[name].write(tmp_path, CASES[name].small)
    offered = discover.find(tmp_path, [tmp_path])

    record = checked(tmp_path)

    left_out = {unreadable.path for unreadable in record.summary.unreadable}
    assert record.summary.files + len(left_out & set(offered)) >= len(offered)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("bytes: UTF-16", "null bytes"),
        ("bytes: latin-1 that does not", "encoding"),
        ("bytes: an encoding that is not", "encoding"),
        ("bytes: null bytes", "null bytes"),
        ("python 2: print", "is not Python"),
        ("over 4 MiB", "larger than 4 MiB"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(name: str, why: str, tmp_path: Path) -> None:
    CASES[name].write(tmp_path, CASES[name].small)

    (unreadable,) = checked(tmp_path).summary.unreadable

    assert unreadable.path == "example.py"
    assert why in unreadable.why


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    CASES["files: pipes, sockets, devices"].write(tmp_path, 1)

    named = {unreadable.path for unreadable in checked(tmp_path).summary.unreadable}

    assert {"pipe.py", "socket.py"} <= named


def test_a_file_that_the_cache_could_not_hold_is_named(tmp_path: Path) -> None:
    CASES["django: a long chain of filters"].write(tmp_path, 1_500)

    (unreadable,) = checked(tmp_path).summary.unreadable

    assert "nests too deeply" in unreadable.why


def test_a_long_line_of_classes_is_cut_for_each_of_them_alike(tmp_path: Path) -> None:
    CASES["classes: a long line, last first"].write(tmp_path, 5_000)

    assert checked(tmp_path).summary.unreadable == ()


def test_a_rule_that_fails_is_named_and_the_others_find_what_they_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(effects: Effects) -> list[Finding]:
        raise KeyError(effects.function.name)

    broken = Rule(name="broken", sees=("def",), spends=("hazard",), proof="growth", find=fails)
    monkeypatch.setitem(rules.load(), "broken", broken)
    (tmp_path / "example.py").write_text("def f(xs: list[int], n: int) -> bool:\n    return all(x in xs for x in xs)\n")

    record = checked(tmp_path)

    assert [finding.rule for finding in record.findings] == ["membership-in-list"]
    assert [each.why for each in record.summary.unreadable] == [
        "Line 1: f makes broken fail (KeyError: 'f'); report it, its findings are missing."
    ]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    CASES["files: pipes, sockets, devices"].write(tmp_path, 1)

    assert "pipe" in sources_of(tmp_path, ["pipe.py"]).unreadable["pipe.py"]


def test_a_lambda_handed_out_of_the_function_that_calls_it_is_read_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "given.py").write_text(
        """
def outer():
    def make():
        return [lambda: name for name in name.parts]

    made, = make()
    made()
    name, = make.names
    made, = name.bound
    made()
"""
    )
    program = [sys.executable, "-m", "perfwright.app.main", "check", "--no-cache", "."]

    done = subprocess.run(program, cwd=tmp_path, capture_output=True, check=False, timeout=60)

    assert done.returncode == 0
