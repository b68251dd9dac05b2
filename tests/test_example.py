"""The example shop: what is found of its labelled defects, and where perfwright must stay silent."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def scored(*arguments: str) -> str:
    command = [sys.executable, "scripts/score.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_most_of_the_shops_defects_are_found_and_none_of_its_fine_sites() -> None:
    first, second, third = scored().splitlines()

    assert int(first.partition("(")[2].partition("%")[0]) >= 60
    assert int(second.rpartition(" ")[2]) >= 5
    assert third == "on sites labelled fine: none"


def test_every_label_names_lines_that_exist() -> None:
    for truth in (ROOT / "examples").glob("*.truth/answers.json"):
        answers = json.loads(truth.read_text("utf8"))
        app = ROOT / "examples" / answers["app"]
        for entry in (*answers["defects"], *answers["fine"], *answers["either"]):
            lines = (app / entry["file"]).read_text("utf8").splitlines()
            assert 1 <= entry["lines"][0] <= entry["lines"][1] <= len(lines), entry
