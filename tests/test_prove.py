"""`perfwright prove`: findings measured, on the whole application and over growing input, and kept in the record."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent

MIXED = '''
def dedupe(items: list[int]) -> list[int]:
    seen = []
    for item in items:
        if item not in seen:
            seen.append(item)
    return seen


def small(items: list[int]) -> list[int]:
    """Twenty different items at most, which reading cannot know."""
    seen = []
    for item in items:
        kind = item % 20
        if kind not in seen:
            seen.append(kind)
    return seen
'''


def prove(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "perfwright.app.main", "prove", "--python", sys.executable, *arguments, str(folder)],
        capture_output=True, text=True, timeout=400, check=False, cwd=folder,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def saved(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / ".perfwright" / "findings.json").read_text())
    return {finding["key"]: finding for finding in record["findings"]}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "lists.py").write_text(MIXED)
    (folder / "perfwright.toml").write_text("[size]\nitems = 100000\n")
    status, said, error = prove(folder, "--seconds", "16", "--all")
    assert (status, error) == (0, "")
    return said, saved(folder)


def test_a_claim_of_growth_is_confirmed_by_running_the_function(mixed: tuple[str, dict[str, Any]]) -> None:
    key = next(key for key in mixed[1] if key.startswith("membership-in-list@lists.py::dedupe"))
    evidence = next(each for each in mixed[1][key]["evidence"] if each["kind"] == "measured")
    assert evidence["by"] == "bench"
    assert evidence["growth"]["exponent"] > 1.5
    assert mixed[1][key]["confidence"] == "certain"
    assert "1 finding confirmed" in mixed[0]


def test_a_claim_that_the_data_never_fulfils_is_refuted(mixed: tuple[str, dict[str, Any]]) -> None:
    key = next(key for key in mixed[1] if "::small" in key)
    assert mixed[1][key]["confidence"] == "possible"
    assert "refuted" in mixed[1][key]["message"]


@pytest.mark.slow
def test_claims_of_counts_are_measured_on_the_whole_application(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(ROOT / "examples/shop", folder)
    status, said, error = prove(folder, "--seconds", "20")
    assert (status, error) == (0, "")
    found = saved(folder)
    tree = found["n-plus-one-query@services.py::category_tree#Category.products"]
    evidence = next(each for each in tree["evidence"] if each["kind"] == "measured")
    assert evidence["by"] == "scale"
    assert evidence["values"]["10"] == 10
    assert evidence["values"]["100"] == 100
    assert "GET /categories/tree: queries 10 at 10" in said


def test_nothing_to_measure_is_said(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    status, said, _ = prove(tmp_path)
    assert (status, said) == (2, "No finding here claims what can be measured.\n")
