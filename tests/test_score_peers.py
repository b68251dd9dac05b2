"""A row of the table says what a tool found of the known defects, and why there is none where it gave no answer."""

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import peer_runs
import pytest
import score_peers
from peer_runs import OURS, Peer
from score_peers import Row, Scored

from perfwright import rules

APP = "tiny"
SLOW = "def names(rows):\n    for row in rows:\n        print(row.customer)\n\n\ndef fine():\n    return 1\n"


def defect(name: str, line: int, **changed: object) -> dict[str, Any]:
    common = {"file": "m.py", "also": [], "impact": "high", "measured": True, "interprocedural": False, "what": name}
    return {"id": name, "rule": "n-plus-one-query", "lines": [line, line], **common, **changed}


@pytest.fixture
def apps(tmp_path: Path) -> list[tuple[Path, dict[str, Any]]]:
    app = tmp_path / APP
    app.mkdir()
    (app / "m.py").write_text(SLOW, "utf8")
    defects = [
        defect("one", 3),
        defect("two", 2, rule="sort-in-loop", impact="low"),
        defect("three", 1, measured=False),
    ]
    fine = [{"file": "m.py", "lines": [7, 7], "rules": ["n-plus-one-query"]}]
    return [(app, {"defects": defects, "fine": fine})]


def given(program: Path) -> Namespace:
    return Namespace(perfwright=program, limit=30, missed=False, python=[], rules=None)


def written(folder: Path, lines: list[int], rule: str = "n-plus-one-query") -> Path:
    """Write a program that prints findings at these lines as SARIF, whatever it is asked."""
    results = [
        {
            "ruleId": rule,
            "message": {"text": "slow"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "m.py"}, "region": {"startLine": line}}}],
        }
        for line in lines
    ]
    tool = folder / OURS
    tool.write_text(f"#!{sys.executable}\nprint({json.dumps({'runs': [{'results': results}]})!r})\n", "utf8")
    tool.chmod(0o755)
    return tool


def test_findings_are_counted_by_where_they_fall(tmp_path: Path, apps: list[tuple[Path, dict[str, Any]]]) -> None:
    row = score_peers.row(peer_runs.ours(), apps, given(written(tmp_path, [3, 3, 2, 7, 6])))

    scored = row.scored[APP]
    assert (row.wrong, scored.found, scored.touched) == ("", {"one"}, {"one", "two"})
    kinds = ("findings", "matched", "duplicates", "fine", "unlabelled")
    assert [scored.counts[kind] for kind in kinds] == [5, 1, 1, 1, 2]


def test_a_tool_without_an_answer_is_told_in_its_row(tmp_path: Path, apps: list[tuple[Path, dict[str, Any]]]) -> None:
    row = score_peers.row(peer_runs.ours(), apps, given(tmp_path / "nothing"))

    assert not row.scored
    assert "the tool did not run" in row.wrong
    assert "no answer: " in next(
        line for line in score_peers.tables([row], {APP: apps[0][1]["defects"]}) if OURS in line
    )


def test_a_tool_that_cannot_be_installed_is_told_in_its_row(
    apps: list[tuple[Path, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Path:
        raise peer_runs.PeerError("other==1 does not install: no network")

    monkeypatch.setattr(peer_runs, "install", refuse)
    other = Peer(
        name="other", packages=("other==1",), command=("other",), format="lines", scope="tree", answers=frozenset()
    )

    row = score_peers.row(other, apps, given(Path()))

    assert row == Row(tool="other 1", wrong="other==1 does not install: no network")


def test_the_table_counts_what_was_measured(apps: list[tuple[Path, dict[str, Any]]]) -> None:
    found = Scored(found=frozenset({"one"}), touched=frozenset({"one"}), counts=score_peers.Counter(matched=1, fine=1))

    lines = list(score_peers.tables([Row(tool="ours 1", scored={APP: found})], {APP: apps[0][1]["defects"]}))

    assert lines[2].startswith("| ours 1 | 1/1 (100%) | 1/2 (50%) | 1/3 (33%) | 1/1 (100%) | 1/2 (50%) |")
    assert "| ours 1 | 1 |" in lines
    assert lines[-2:] == ["| n-plus-one-query | 1 | 1 |", "| sort-in-loop | 1 |  |"]


def test_tables_are_written_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Page\n\n{score_peers.BEGIN}\nold\n{score_peers.END}\n\nAfter.\n", "utf8")

    score_peers.write(["new"], page)

    assert page.read_text("utf8") == f"# Page\n\n{score_peers.BEGIN}\n\nnew\n\n{score_peers.END}\n\nAfter.\n"


def test_every_name_that_a_peer_could_mean_is_in_the_catalogue() -> None:
    known = set(rules.load())

    for peer in peer_runs.load().values():
        named = {name for names in peer.names.values() for name in ([names] if isinstance(names, str) else names)}
        assert named <= known, peer.name
        assert peer.name == OURS or named, peer.name
