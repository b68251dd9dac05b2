"""Code before and after a patch, run in a process of its own: for tests of recipes."""

import json
from pathlib import Path
from typing import Any

from _forked import output
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


def ran(folder: Path, program: str, *arguments: str) -> list[dict[str, Any]]:
    """Return what the code does, as a program prints it: for few rows and for more."""
    answer: list[dict[str, Any]] = json.loads(output(str(folder), program, *arguments))
    return answer


def squeezed(text: str) -> str:
    """Return a text without spaces, and with what stands on several lines on one."""
    return "".join(text.replace(",\n", ", ").split())
