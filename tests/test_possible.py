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
    "cache-on-method: nobody here makes an object": (
        """
from functools import cache


class Prices:
    @cache  # here
    def of(self, name: str) -> str:
        return name.upper()


class Single(metaclass=Singleton):
    @cache
    def of(self, name: str) -> str:
        return name.upper()
"""
    ),
    "sql-built-from-strings: the name of a table": (
        """
import sqlite3

TABLE = "users"


def rows(connection: sqlite3.Connection, what: str) -> list:
    return connection.execute(f"SELECT * FROM {what}").fetchall()  # here


def of_one(connection: sqlite3.Connection, what: str) -> list:
    if what not in ("users", "groups"):
        raise ValueError(what)
    return connection.execute(f"SELECT * FROM {what}").fetchall()


def of_constant(connection: sqlite3.Connection) -> list:
    return connection.execute(f"SELECT * FROM {TABLE}").fetchall()
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


def test_a_value_in_several_queries_names_the_others(tmp_path: Path) -> None:
    code = """
def both(cursor, row: dict) -> None:
    name = row["name"]
    cursor.execute(f"DELETE FROM users WHERE name = '{name}'")
    cursor.execute(f"DELETE FROM groups WHERE name = '{name}'")
"""
    (tmp_path / "example.py").write_text(code, "utf8")

    found = pipeline.check(tmp_path, ["example.py"], Settings(), jobs=1).findings

    said = [item for item in found if item.rule == "sql-built-from-strings"]
    assert [(item.place.line, [step.line for step in item.also]) for item in said] == [(4, [5])]
