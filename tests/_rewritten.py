"""Code before and after a patch, run in a process of its own: for tests of recipes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from perfwright import discover
from perfwright.config import Settings
from perfwright.finding import Finding
from perfwright.fix import patches
from perfwright.fix.patches import Candidate
from perfwright.pipeline import check


def findings(folder: Path, rule: str) -> tuple[Finding, ...]:
    """Return the findings of a rule."""
    return check(folder, discover.find(folder, [folder]), Settings(select=(rule,))).findings


def proposed(folder: Path, rule: str) -> list[Candidate]:
    """Return the patches for the findings of a rule, those that need not be asked for first."""
    made = [each for finding in findings(folder, rule) for each in patches.candidates(folder, finding)]
    return sorted(made, key=lambda each: bool(each.recipe.suggested))


def ran(folder: Path, *command: str) -> list[dict[str, Any]]:
    """Return what the code does, as the command of Python prints it: for few rows and for more."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder), "PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},  # of one length, of one second
    )
    assert done.returncode == 0, done.stderr
    answer: list[dict[str, Any]] = json.loads(done.stdout)
    return answer


def squeezed(text: str) -> str:
    """Return a text without spaces, and with what stands on several lines on one."""
    return "".join(text.replace(",\n", ", ").split())
