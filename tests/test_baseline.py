"""Findings are kept whole, and what is kept can be told from what is new."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perfwright import baseline
from perfwright.errors import InputError
from records import N_PLUS_ONE, NOTE, POSSIBLE, SCAN, SIX, UNREADABLE, record

RECORD = record(*SIX, NOTE, unreadable=(UNREADABLE,))


def test_a_saved_record_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / baseline.SAVED

    baseline.save(RECORD, path)

    assert baseline.read(path) == RECORD


def test_the_folder_keeps_itself_out_of_version_control(tmp_path: Path) -> None:
    baseline.save(RECORD, tmp_path / baseline.SAVED)

    assert (tmp_path / ".perfwright" / ".gitignore").read_text() == "*\n"


def test_an_ignore_file_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / ".perfwright").mkdir()
    (tmp_path / ".perfwright" / ".gitignore").write_text("mine")

    baseline.save(RECORD, tmp_path / baseline.SAVED)

    assert (tmp_path / ".perfwright" / ".gitignore").read_text() == "mine"


def test_writing_leaves_nothing_else_behind(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    baseline.write_keys(RECORD, path)
    baseline.write_keys(record(SCAN), path)

    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]
    assert baseline.read_keys(path) == {SCAN.key}


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.json"
    baseline.write_keys(record(SCAN), path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(
        InputError, match=r"keys\.json cannot be written \(No space left on device\); name another file"
    ):
        baseline.write_keys(RECORD, path)

    assert [file.name for file in tmp_path.iterdir()] == ["keys.json"]
    assert baseline.read_keys(path) == {SCAN.key}


def test_a_link_is_written_through_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")

    baseline.write_keys(record(SCAN), tmp_path / "link")

    assert (tmp_path / "link").is_symlink()
    assert baseline.read_keys(tmp_path / "target") == {SCAN.key}


def test_keys_are_sorted_and_of_all_findings(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    baseline.write_keys(record(SCAN, POSSIBLE, NOTE), path)

    assert json.loads(path.read_text()) == {"version": 1, "keys": sorted([SCAN.key, POSSIBLE.key, NOTE.key])}


def test_new_is_what_the_baseline_does_not_hold() -> None:
    moved = replace(SCAN, place=replace(SCAN.place, line=90, end_line=90))

    assert baseline.new(record(moved, N_PLUS_ONE), {SCAN.key}) == record(N_PLUS_ONE)


@pytest.mark.parametrize("read", [baseline.read, baseline.read_keys])
@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (None, "missing-path"),
        (b"\xff\xfe", "unreadable-file"),
        (b"not json", "unreadable-file"),
        (b"[" * 100_000, "unreadable-file"),
        (b"[]", None),
        (b"null", None),
        (b"{}", None),
        (b'{"version": 2, "keys": []}', None),
        (b'{"version": 1, "keys": [1]}', None),
        (b'{"version": 1, "tool": []}', None),
    ],
)
def test_another_file_is_refused_in_one_sentence(
    tmp_path: Path, read: Callable[[Path], Any], content: bytes | None, slug: str | None
) -> None:
    path = tmp_path / "file.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputError, match=r"file\.json [^\n]*\.$") as refused:
        read(path)

    assert refused.value.slug == slug or refused.value.slug in ("broken-baseline", "broken-saved-findings")
