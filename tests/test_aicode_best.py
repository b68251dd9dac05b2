"""The best known rewrites of the applications pass the applications' own tests and answer as they do."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aicode import lay

HERE = lay.HERE
REWRITTEN = lay.rewritten()
NEEDS = {  # what an application's tests and driver import that may not be here
    "clinicdesk": ("flask_sqlalchemy", "flask_login", "requests"),
    "logharbor": ("fastapi", "sqlalchemy", "httpx"),
    "metricspipe": ("pandas", "click", "jinja2"),
    "stockroom": ("django", "rest_framework"),
    "talkdesk": ("fastapi", "sqlalchemy", "aiosqlite", "httpx", "openai", "numpy", "jwt"),
    "teamtasks": ("fastapi", "sqlalchemy", "email_validator"),
}


def skip_without(name: str) -> None:
    missing = [module for module in NEEDS[name] if importlib.util.find_spec(module) is None]
    if missing:
        pytest.skip(f"{name} needs {', '.join(missing)}.")


def answers(name: str) -> dict[str, Any]:
    return json.loads((HERE / f"{name}.truth" / "answers.json").read_text("utf8"))


def environment() -> dict[str, str]:
    """Return an environment in which an application finds no module of ours."""
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and Path(path).name != "src"]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.parametrize("name", REWRITTEN)
def test_a_rewrite_passes_the_tests_of_its_application(name: str, tmp_path: Path) -> None:
    skip_without(name)
    folder = lay.lay(name, tmp_path / name)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "."],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize("name", REWRITTEN)
def test_a_rewrite_answers_as_its_application_does(name: str) -> None:
    skip_without(name)

    done = subprocess.run(
        [sys.executable, str(HERE / "alike.py"), name, "--size", "10"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " all alike" in done.stdout


@pytest.mark.parametrize("name", REWRITTEN)
def test_a_rewrite_holds_only_files_that_differ(name: str) -> None:
    rewrite = HERE / f"{name}.best"

    for path in rewrite.rglob("*.*"):
        if path.is_file() and path.suffix != ".pyc":
            same = HERE / name / path.relative_to(rewrite)
            assert not same.is_file() or same.read_bytes() != path.read_bytes(), path


@pytest.mark.parametrize("name", REWRITTEN)
def test_every_defect_says_what_mends_it_or_that_it_is_left(name: str) -> None:
    rewrite, defects = HERE / f"{name}.best", answers(name)["defects"]

    for defect in defects:
        assert "best" in defect, defect["id"]
        if defect["best"] is not None:
            file, _, wanted = defect["best"].partition("::")
            assert wanted in named(rewrite / file), defect["id"]
    assert sum(defect["best"] is not None for defect in defects) > len(defects) / 2


def named(path: Path) -> set[str]:
    """Return the names that a file defines, or nothing but the empty one for a file that is not Python."""
    if path.suffix != ".py":
        return {""} if path.is_file() else set()
    found = {""}
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


@pytest.mark.parametrize("name", REWRITTEN)
def test_what_was_mended_was_measured_better(name: str) -> None:
    """Queries of all entry points at the largest size: fewer than half of the application's."""
    before, after = (
        sum(entry.get("queries", 0) for entry in largest(name, file).values() if isinstance(entry, dict))
        for file in ("measured.json", "measured.best.json")
    )

    if before:
        assert after < before / 2


def largest(name: str, file: str) -> dict[str, Any]:
    sizes = json.loads((HERE / f"{name}.truth" / file).read_text("utf8")).get("sizes", {})
    return sizes[max(sizes, key=int)] if sizes else {}
