"""Random programs, about what the analysis knows: none crashes it. Many more of them: `make limits`."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from _judged import judge, models_at_hand
from _programs import mutants, programs
from hypothesis import HealthCheck, given, settings

QUICK = settings(max_examples=150, derandomize=True, deadline=None, suppress_health_check=[*HealthCheck])


@pytest.fixture(autouse=True, scope="module")
def models() -> Iterator[None]:
    with models_at_hand():
        yield


@QUICK
@given(programs())
def test_what_holds_of_any_program_holds_of_one_from_nothing(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        judge(files, Path(folder))


@QUICK
@given(mutants())
def test_what_holds_of_any_program_holds_of_a_changed_one(files: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        judge(files, Path(folder))
