"""The scenario of every hazard's page goes wrong with Slow, and not with Fast; what the player of scenarios says."""

import sys
from pathlib import Path

import page_scenarios
import pytest

from _cases import Page
from perfwright import rules
from perfwright.measure import postgres

HAZARDS = [name for name, rule in sorted(rules.load().items()) if rule.proof.kind == "scenario"]
PAGE = """
## Slow

```python
def answer() -> int:
    return 41
```

## Fast

```python
def answer() -> int:
    return 42
```

## Input

```python
def make(n: int) -> tuple[()]:
    return ()
```

## Scenario

```python
{scenario}
```
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="each run is a fork")


@pytest.mark.parametrize("rule", HAZARDS)
def test_goes_wrong_with_slow_and_not_with_fast(rule: str, tmp_path: Path) -> None:
    page = Page.of(rules.page(rule)).for_run()
    if "django" in page and (why := postgres.missing()):
        pytest.skip(why)
    runs, fault = page_scenarios.played(page, tmp_path, times=1, seconds=0)

    assert not fault
    assert not page_scenarios.judged(runs)


def play(scenario: str, folder: Path) -> tuple[page_scenarios.Runs, str]:
    return page_scenarios.played(Page.of(PAGE.format(scenario=scenario)).for_run(), folder, times=3, seconds=60)


def test_each_run_begins_anew(tmp_path: Path) -> None:
    scenario = """
SEEN = []

def scenario() -> None:
    SEEN.append(answer())
    assert SEEN == [42], f"{SEEN}"
"""
    assert play(scenario, tmp_path) == ({"slow": ["[41]"] * 3, "fast": [""] * 3}, "")


def test_an_exception_is_no_proof(tmp_path: Path) -> None:
    runs, fault = play("def scenario() -> None:\n    assert {41: 0}[answer()], 'no'", tmp_path)

    assert (runs, fault) == ({}, "KeyError: 42")


def test_an_assertion_that_is_not_the_scenarios_own_is_no_proof(tmp_path: Path) -> None:
    scenario = "import unittest\n\ndef scenario() -> None:\n    unittest.TestCase().assertEqual(answer(), 42)"

    assert play(scenario, tmp_path)[1] == "AssertionError: 41 != 42"


def test_what_ends_without_a_word_is_a_fault(tmp_path: Path) -> None:
    assert play("import os\n\ndef scenario() -> None:\n    os._exit(0)", tmp_path)[1] == "a run ends before its end"


@pytest.mark.parametrize(
    ("slow", "fast", "wrong"),
    [
        (["", "lost"], ["", ""], ""),
        (["", ""], ["", ""], "Slow goes wrong in none of 2 runs"),
        (["lost", "lost"], ["", "lost"], "Fast goes wrong in 1 of 2 runs: lost"),
    ],
)
def test_fast_must_never_go_wrong_and_slow_at_least_once(slow: list[str], fast: list[str], wrong: str) -> None:
    assert page_scenarios.judged({"slow": slow, "fast": fast}) == wrong
