"""The files that are read are those that a person maintains."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from perfwright import discover
from perfwright.errors import InputError

FILES = (
    "app.py",
    "notes.txt",
    "shop/views.py",
    "shop/tests/test_views.py",
    "shop/test_models.py",
    "conftest.py",
    "legacy/old.py",
    ".venv/lib/x.py",
    "env/pyvenv.cfg",
    "env/lib/y.py",
    "node_modules/z.py",
    "build/app.py",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def test_tests_environments_and_other_files_are_left_out(root: Path) -> None:
    assert discover.find(root, [root]) == ["app.py", "legacy/old.py", "shop/views.py"]


def test_tests_are_read_when_asked_for(root: Path) -> None:
    found = discover.find(root, [root], tests=True)

    assert {"conftest.py", "shop/test_models.py", "shop/tests/test_views.py"} <= set(found)


def test_what_is_excluded_is_left_out(root: Path) -> None:
    assert discover.find(root, [root], exclude=("legacy/**", "views.py")) == ["app.py"]


def test_a_file_that_is_named_is_taken_as_it_is(root: Path) -> None:
    named = [root / "shop/test_models.py", root / "notes.txt"]

    assert discover.find(root, named, exclude=("shop/**",)) == ["notes.txt", "shop/test_models.py"]


def test_a_folder_that_is_named_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "tests/shop").mkdir(parents=True)
    (tmp_path / "tests/shop/views.py").write_text("")

    assert discover.find(tmp_path, [tmp_path / "tests"]) == ["tests/shop/views.py"]


def test_a_file_below_two_paths_is_read_once(root: Path) -> None:
    assert discover.find(root, [root, root / "shop", root / "shop/views.py"]).count("shop/views.py") == 1


def test_a_path_that_does_not_exist_is_refused_by_name(root: Path) -> None:
    with pytest.raises(InputError, match="nowhere does not exist"):
        discover.find(root, [root / "nowhere"])


def test_a_pipe_is_left_to_be_reported(root: Path) -> None:
    os.mkfifo(root / "pipe.py")

    assert "pipe.py" in discover.find(root, [root])


def test_a_folder_that_may_not_be_read_is_left_to_be_reported(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> NoReturn:
        raise PermissionError(path)

    monkeypatch.setattr(os, "scandir", refuse)

    assert discover.find(root, [root / "shop"]) == ["shop"]


def test_a_link_that_leads_nowhere_is_left_to_be_reported(root: Path) -> None:
    (root / "broken.py").symlink_to(root / "nowhere.py")

    assert "broken.py" in discover.find(root, [root])


def test_a_circle_of_links_ends(root: Path) -> None:
    (root / "shop/again").symlink_to(root)

    assert discover.find(root, [root]) == ["app.py", "legacy/old.py", "shop/views.py"]
