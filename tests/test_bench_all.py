"""`perfwright bench --all`, a file of builders, and a finding's key: several functions, each on its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perfwright.errors import InputError
from perfwright.measure import every, targets
from perfwright.measure.run import Guest

PRICES = '''
"""Prices."""
import os
from collections import OrderedDict
from .tax import rate

def total(orders):
    return sum(order["price"] * rate(order["price"]) for order in orders)

def repeated(codes: list[int]) -> list[int]:
    seen = []
    for code in codes:
        if code in seen:
            continue
        seen.append(code)
    return seen

def hangs(items: list[int]):
    while True:
        pass

def leaves(items: list[int]):
    os._exit(3)

def refuses(thing):
    raise ValueError("not this")

def _private(items: list[int]):
    return items

class Basket:
    def __init__(self, prices: list[int]) -> None:
        self.prices = prices
    def largest(self) -> int:
        return max(self.prices)
    @property
    def count(self) -> int:
        return len(self.prices)
    @staticmethod
    def joined(names: list[str]) -> str:
        return ", ".join(names)
    @classmethod
    def of(cls, prices: list[int]) -> "Basket":
        return cls(prices)
'''
INPUTS = """
import perfwright
from shop.prices import total

@perfwright.inputs(total)
def orders(n):
    return ([{"price": price} for price in range(n)],)

@perfwright.inputs("shop.prices:refuses")
def things(n):
    return (object(),)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "tests").mkdir(parents=True)
    (tmp_path / "shop" / "__init__.py").write_text("", "utf8")
    (tmp_path / "shop" / "prices.py").write_text(PRICES, "utf8")
    (tmp_path / "shop" / "tax.py").write_text("def rate(price):\n    return 2 if price > 10 else 1\n", "utf8")
    (tmp_path / "shop" / "broken.py").write_text("import nothing_like_this\n", "utf8")
    (tmp_path / "shop" / "tests" / "__init__.py").write_text("def not_public(items: list): pass\n", "utf8")
    (tmp_path / "inputs.py").write_text(INPUTS, "utf8")
    return tmp_path


def bench(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "perfwright.app.main", "bench", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_package_offers_what_is_public_in_it(shop: Path) -> None:
    with Guest(Path(sys.executable), [shop]) as guest:
        found, left = every.targets(guest, "shop")

    assert found == [
        "shop.prices:total", "shop.prices:repeated", "shop.prices:hangs", "shop.prices:leaves", "shop.prices:refuses",
        "shop.prices:Basket.largest", "shop.prices:Basket.joined", "shop.prices:Basket.of", "shop.tax:rate",
    ]  # fmt: skip
    assert [each.partition(":")[0] for each in left] == ["shop.broken"]


def test_every_function_is_measured_or_named_with_the_reason(shop: Path) -> None:
    with Guest(Path(sys.executable), [shop]) as guest:
        names, _ = every.targets(guest, "shop.prices")
        outcomes = {each.target.partition(":")[2]: each for each in every.measure(guest, names, seconds=0.6)}

    for name in ("total", "repeated", "Basket.largest", "Basket.joined", "Basket.of"):
        sweep = outcomes[name].sweep
        assert sweep is not None, name
        assert every.works(sweep), name
    assert "took over" in outcomes["hangs"].why
    assert "exited with status 3" in outcomes["leaves"].why
    assert "ValueError: not this" in outcomes["refuses"].why
    assert "@perfwright.inputs(refuses)" in outcomes["refuses"].stub


def test_all_of_a_module_is_one_document(shop: Path) -> None:
    done = bench("shop.tax", "--all", "--seconds", "0.5", "--format", "json", cwd=shop)
    said: dict[str, Any] = json.loads(done.stdout)["bench_all"]

    assert done.returncode == 0, done.stderr
    assert [each["target"] for each in said["functions"]] == ["shop.tax:rate"]
    assert said["functions"][0]["points"]
    assert said["not_measured"] == []


def test_all_of_a_module_is_one_table(shop: Path) -> None:
    done = bench("shop/prices.py", "--all", "--seconds", "0.5", cwd=shop)

    assert done.returncode == 0, done.stderr
    assert "5 of 8 functions measured" in done.stdout
    assert "prices:repeated" in done.stdout
    assert "prices:leaves: exited with status 3" in done.stdout
    assert not done.stderr


def test_a_file_of_builders_measures_what_it_builds_for(shop: Path) -> None:
    done = bench("inputs.py", "--seconds", "0.5", "--format", "json", cwd=shop)
    said = json.loads(done.stdout)["bench_all"]

    assert [(each["target"], each["input"]) for each in said["functions"]] == [("shop.prices:total", "by your builder")]
    assert [each["target"] for each in said["not_measured"]] == ["shop.prices:refuses"]


def test_a_findings_key_stands_for_its_function(shop: Path) -> None:
    key = "membership-in-list@shop/prices.py::repeated#seen"
    done = bench(key, "--seconds", "0.5", "--format", "json", cwd=shop)

    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["bench"]["target"] == key
    assert targets.parse(key, shop).function == "repeated"


@pytest.mark.parametrize(
    ("target", "slug"),
    [
        ("shop.prices:", "no-function"),
        ("rule@shop/prices.py::#x", "no-function"),
        ("rule@shop/nowhere.py::f#x", "missing-path"),
        ("nowhere.py", "missing-path"),
    ],
)
def test_what_names_nothing_is_one_sentence(shop: Path, target: str, slug: str) -> None:
    with pytest.raises(InputError) as caught:
        targets.parse(target, shop)

    assert caught.value.slug == slug


@pytest.mark.parametrize("arguments", [["shop.prices"], ["shop.prices:total", "--all"], ["shop/tax.py"]])
def test_one_function_or_all_has_to_be_said(shop: Path, arguments: list[str]) -> None:
    done = bench(*arguments, cwd=shop)

    assert done.returncode == 2
    assert "no-function" in done.stderr
