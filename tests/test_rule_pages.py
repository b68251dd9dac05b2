"""Every rule's page is a test of the rule, and so is every heading of its `tests/rules/<rule>.md`."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import _cases
from _cases import Page, Section
from perfwright import rules
from perfwright.finding import Finding

HERE = Path(__file__).parent
CASES = HERE / "rules"
REQUIRED = ("Slow", "Fast", "Input", "When to leave it")
OPTIONAL = ("Setup", "What differs")
SECONDS = 120  # a page that has not ended by then hangs
RULES = rules.load()


def cases() -> list[tuple[str, Section]]:
    return [
        (path.stem, section)
        for path in sorted(CASES.glob("*.md"))
        for section in _cases.sections(path.read_text("utf8"))
        if section.blocks
    ]


@pytest.fixture(params=sorted(RULES))
def rule(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(rule: str) -> Page:
    return Page.of(rules.page(rule))


def test_page_has_its_sections(rule: str, page: Page) -> None:
    required = (*REQUIRED, "Scenario") if RULES[rule].proof.kind == "scenario" else REQUIRED
    missing = [title for title in required if title not in page.sections]
    unknown = [title for title in page.sections if title not in (*required, *OPTIONAL)]

    assert not missing
    assert not unknown, f"use {', '.join((*required, *OPTIONAL))}"


def test_slow_gives_exactly_this_finding(rule: str, page: Page, tmp_path: Path) -> None:
    items = _cases.findings(tmp_path, page.files("Slow"))

    assert Counter(item.rule for item in items) == {rule: 1}, _report(items)


def test_fast_gives_no_finding(page: Page, tmp_path: Path) -> None:
    items = _cases.findings(tmp_path, page.files("Fast"))

    assert not items, _report(items)


def test_slow_and_fast_give_the_same(page: Page, tmp_path: Path) -> None:
    outcome = run(page, tmp_path)

    if "What differs" not in page.sections:
        assert not outcome["differs"], f'{outcome}\nif that is meant, say so under "## What differs"'


def test_rule_has_cases(rule: str) -> None:
    assert (CASES / f"{rule}.md").is_file(), f"write its edge cases in tests/rules/{rule}.md"


def test_cases_are_of_a_rule() -> None:
    assert {path.stem for path in CASES.glob("*.md")} <= set(RULES)


@pytest.mark.parametrize("section", [pytest.param(section, id=f"{rule}/{section.title}") for rule, section in cases()])
def test_case(section: Section, tmp_path: Path) -> None:
    items = _cases.findings(tmp_path, section.files)

    assert not (wrong := _cases.difference(section.expected, items, section.files)), f"line {section.line}\n{wrong}"


def run(page: Page, folder: Path) -> dict[str, object]:
    """Run both forms of a page in a process of their own."""
    (folder / "page.json").write_text(page.for_run(), "utf8")
    command = [sys.executable, str(HERE / "_run_page.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _report(items: list[Finding]) -> str:
    return "\n".join(f"{item.rule} at {item.place.path}:{item.place.line}: {item.message}" for item in items)
