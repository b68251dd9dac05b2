"""The changed lines of a repository, whoever made it."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from perfwright.errors import InputError
from perfwright.history.changes import WHOLE, changed_lines, parse, touches
from records import N_PLUS_ONE

BEFORE = "one\ntwo\nthree\nfour\nfive\n"


def git(folder: Path, *arguments: str) -> None:
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, env=environment, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "shop").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name in ("a.py", "shop/b.py"):
        (folder / name).write_text(BEFORE)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_nothing_changed(repository: Path) -> None:
    assert changed_lines(repository, "main") == {}


def test_changed_added_and_removed_lines(repository: Path) -> None:
    (repository / "a.py").write_text("one\nTWO\nthree\nfour\nnew\nnewer\nfive\n")
    (repository / "shop/b.py").write_text("one\ntwo\nfive\n")

    assert changed_lines(repository, "main") == {"a.py": [(2, 2), (5, 6)], "shop/b.py": [(2, 3)]}


def test_committed_and_staged_changes_count(repository: Path) -> None:
    (repository / "a.py").write_text(BEFORE + "six\n")
    git(repository, "commit", "-q", "-a", "-m", "second")
    (repository / "shop/b.py").write_text("zero\n" + BEFORE)
    git(repository, "add", ".")

    assert changed_lines(repository, "HEAD~1") == {"a.py": [(6, 6)], "shop/b.py": [(1, 1)]}


def test_untracked_files_are_whole_and_ignored_ones_are_not_there(repository: Path) -> None:
    (repository / "new.py").write_text("1\n")
    (repository / "out.py").write_text("1\n")
    (repository / ".git/info/exclude").write_text("out.py\n")

    assert changed_lines(repository, "main") == {"new.py": [WHOLE]}


def test_paths_are_relative_to_the_root_and_below_it(repository: Path) -> None:
    (repository / "a.py").write_text("changed\n")
    (repository / "shop/b.py").write_text("ONE\n" + BEFORE[4:])
    (repository / "shop/c.py").write_text("1\n")

    assert changed_lines(repository / "shop", "main") == {"b.py": [(1, 1)], "c.py": [WHOLE]}


@pytest.mark.parametrize(
    "name", ["a b.py", 'q"uote.py', "tab\t.py", "line\nbreak.py", "é.py", "back\\slash.py", "-x.py"]
)
def test_odd_names_are_themselves(repository: Path, name: str) -> None:
    (repository / name).write_text(BEFORE)
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "odd")
    (repository / name).write_text(BEFORE + "six\n")

    assert changed_lines(repository, "main") == {name: [(6, 6)]}


def test_a_line_that_looks_like_a_header_is_a_line(repository: Path) -> None:
    (repository / "a.py").write_text("++ b/other.py\n@@ -1 +1,99 @@\ndiff --git a/x b/x\n")

    assert changed_lines(repository, "main") == {"a.py": [(1, 3)]}


def test_a_file_without_a_last_newline() -> None:
    diff = b"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n\\ No newline at end of file\n"

    assert parse(diff + b"--- a/b.py\n+++ b/b.py\n@@ -0,0 +1,2 @@\n+x\n+y\n") == {"a.py": [(1, 1)], "b.py": [(1, 2)]}


def test_the_settings_of_a_repository_start_nothing(repository: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in ("diff.external", "diff.evil.textconv", "diff.evil.command", "core.fsmonitor", "core.pager"):
        git(repository, "config", key, str(trap))
    for key in ("diff.noprefix", "diff.mnemonicPrefix", "color.ui"):
        git(repository, "config", key, "always" if key == "color.ui" else "true")
    (repository / ".git/hooks/post-index-change").write_text(trap.read_text())
    (repository / ".git/hooks/post-index-change").chmod(0o755)
    (repository / ".gitattributes").write_text("*.py diff=evil\n")
    (repository / "a.py").write_text(BEFORE + "six\n")

    assert changed_lines(repository, "main") == {"a.py": [(6, 6)], ".gitattributes": [WHOLE]}
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("rev", ["nowhere", "", "--output=stolen", "-h", "main..main", "a\0b", "main; touch stolen"])
def test_what_is_no_revision_is_refused(repository: Path, rev: str) -> None:
    with pytest.raises(InputError, match="is not a revision of this repository") as refused:
        changed_lines(repository, rev)

    assert refused.value.slug == "unknown-revision"
    assert not (repository / "stolen").exists()


def test_a_folder_without_a_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(InputError, match="is not in a git repository"):
        changed_lines(tmp_path, "main")


def test_a_machine_without_git_is_told_so(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(InputError, match="git cannot be started"):
        changed_lines(repository, "main")


@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ({"shop/views.py": [(5, 5)]}, True),
        ({"shop/views.py": [(1, 3), (6, 9)]}, False),
        ({"shop/models.py": [(1, 2)]}, True),
        ({"shop/models.py": [(3, 9)]}, False),
        ({"shop/urls.py": [WHOLE]}, False),
    ],
)
def test_a_finding_is_touched_at_its_place_or_in_its_chain(
    changed: dict[str, list[tuple[int, int]]], touched: bool
) -> None:
    assert touches(N_PLUS_ONE, changed) is touched


def test_a_place_of_several_lines_is_touched_in_its_middle() -> None:
    long = replace(N_PLUS_ONE, chain=(), place=replace(N_PLUS_ONE.place, line=10, end_line=20))

    assert touches(long, {"shop/views.py": [(15, 15)]})
