"""The best known rewrites of the applications say what they mend, and were measured to be better.

`make aicode-best` runs the applications' own tests on them and compares their answers.
"""

import ast
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aicode import lay

sys.path.insert(0, str(lay.HERE))
alike_module = __import__("alike")

HERE = lay.HERE
REWRITTEN = lay.rewritten()


def answers(name: str) -> dict[str, Any]:
    return json.loads((HERE / f"{name}.truth" / "answers.json").read_text("utf8"))


def test_a_rewrite_is_laid_over_a_copy(tmp_path: Path) -> None:
    folder = lay.lay("teamtasks", tmp_path / "copy")

    changed, same = Path("app/models.py"), Path("app/schemas.py")
    assert (folder / changed).read_bytes() == (HERE / "teamtasks.best" / changed).read_bytes()
    assert (folder / same).read_bytes() == (HERE / "teamtasks" / same).read_bytes()
    with pytest.raises(SystemExit, match="is there already"):
        lay.lay("teamtasks", folder)


def test_answers_are_compared_as_strictly_as_the_application_agrees_with_itself() -> None:
    heads = ["GET /a -> 200", "GET /b -> 200", "GET /c -> 200", "rows of t"]
    before = list(zip(heads, ["[1, 2]", "[1, 2]", '{"key": "a"}', '{"id": 1}'], strict=True))
    again = list(zip(heads, ["[1, 2]", "[2, 1]", '{"key": "b"}', '{"id": 1}'], strict=True))
    alike = list(zip(heads, ["[1, 2]", "[2, 1]", '{"key": "c"}', '{"id": 1, "new": 2}'], strict=True))
    other = list(zip(heads, ["[2, 1]", "[2, 3]", '{"k": "c"}', '{"id": 2}'], strict=True))

    forms: Counter[str] = Counter()
    assert list(alike_module.differences([before, again], alike, forms)) == []
    assert forms == {"exact": 2, "without order": 1, "shape": 1}
    found = list(alike_module.differences([before, again], other, Counter()))
    assert [line.partition(" (")[0] for line in found if line.partition(" (")[0] in heads] == heads


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
        if isinstance(defect["best"], dict):
            file, (first, last) = defect["best"]["file"], defect["best"]["lines"]
            path = rewrite / file if (rewrite / file).is_file() else HERE / name / file
            assert first <= last <= len(path.read_text("utf8").splitlines()), defect["id"]
        elif defect["best"] is not None:
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
    """The kept figures of all entry points at the largest size, added up: queries or steps of the database."""
    before, after = (
        Counter(
            {
                metric: sum(entry.get(metric, 0) for entry in largest(name, file).values() if isinstance(entry, dict))
                for metric in ("queries", "db_steps", "db_ksteps")
            }
        )
        for file in ("measured.json", "measured.best.json")
    )

    if any(before.values()):
        assert any(after[metric] < 0.6 * before[metric] for metric in before), (before, after)


def largest(name: str, file: str) -> dict[str, Any]:
    sizes = json.loads((HERE / f"{name}.truth" / file).read_text("utf8")).get("sizes", {})
    return sizes[max(sizes, key=int)] if sizes else {}
