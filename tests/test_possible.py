"""What is only possible is found too: case files show what people see by default, and these stay out of it."""

from pathlib import Path

import pytest

from perfwright import pipeline
from perfwright.config import Settings

# Each by the rule that must say it, and the lines at which.
CODE = {
    "no-timeout: None says for ever": (
        """
import httpx
import requests


def prices(url: str) -> dict:
    return requests.get(url, timeout=None).json()  # here


def make() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=None)  # here


def asked(url: str, timeout: float | None = None) -> dict:
    return requests.get(url, timeout=timeout).json()


def usual(url: str) -> dict:
    with httpx.Client() as client:
        return client.get(url).json()
"""
    ),
}


@pytest.mark.parametrize("name", CODE)
def test_what_is_possible_is_found_where_it_stands(name: str, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(CODE[name], "utf8")

    record = pipeline.check(tmp_path, ["example.py"], Settings(), jobs=1)

    rule = name.partition(":")[0]
    said = [(item.place.line, item.confidence) for item in record.findings if item.rule == rule]
    wanted = [number for number, line in enumerate(CODE[name].splitlines(), 1) if line.endswith("# here")]
    assert sorted(said) == [(line, "possible") for line in wanted]
