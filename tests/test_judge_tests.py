"""The project's own tests in the judge: what they call a function with, and what a rewrite breaks; by real runs."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from perfwright.fix.judge import reach
from perfwright.fix.judge.runs import FAILED, PASSED, Outcome, Place, Runs
from perfwright.fix.judge.tests import compared, whole
from perfwright.measure.recording import Suite

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
PRICES = """
from shop import settings

def total(prices: list[int]) -> int:
    found = 0
    for price in prices:
        found += price if settings.MODE == "plain" else price * 2
    return found

def billed(prices):
    return total(prices)
"""
FASTER = PRICES.replace(
    """    found = 0
    for price in prices:
        found += price if settings.MODE == "plain" else price * 2
    return found
""",
    "    return sum(prices)\n",
)
TESTS = """
import shop.prices
from shop import settings

def test_plain():
    assert shop.prices.total([1, 2]) == 3

def test_double(monkeypatch):
    monkeypatch.setattr(settings, "MODE", "double")
    assert shop.prices.total([1, 2]) == 6

def test_that_failed_before():
    assert shop.prices.total([1]) == 5

def test_of_something_else():
    assert settings.MODE == "plain"
"""
CART = """
class Cart:
    def __init__(self, clerk):
        self.clerk, self.lines = clerk, []

    def total(self, vouchers):
        if type(self.clerk).__name__ != "Clerk":
            raise RuntimeError("nobody is here")
        amount = 0
        for sku, price in self.lines:
            if not sku.startswith("sku-"):
                raise ValueError("no such thing")
            amount += price * self.clerk.factor(sku)
        return amount - vouchers["ann"]
"""
CART_TESTS = """
import shop.cart

class Clerk:
    def factor(self, sku):
        return 2 if sku == "sku-1" else 1

def test_total():
    cart = shop.cart.Cart(Clerk())
    cart.lines += [("sku-1", 3), ("sku-2", 4)]
    assert cart.total({"ann": 1}) == 9
"""


def made(folder: Path, **files: str) -> Path:
    """Return a project with a package `shop` and tests; its files are named as `shop__cart`."""
    for name, text in {"shop____init__": "", "shop__settings": 'MODE = "plain"\n', **files}.items():
        path = folder / f"{name.replace('__', '/', 1)}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*GIT, *words], cwd=folder, check=True)
    return folder


def verify(folder: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", "from perfwright.app.main import main; main()", "verify", *arguments,
         "--format", "json", "--size", "300"],
        cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "GIT_CEILING_DIRECTORIES": ""},
    )  # fmt: skip
    assert done.stdout, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)["verify"]
    return said


@pytest.mark.slow
def test_a_rewrite_that_breaks_a_test_differs_and_what_failed_before_is_set_aside(tmp_path: Path) -> None:
    shop = made(tmp_path, shop__prices=PRICES, tests__test_prices=TESTS, tests__test_other="def test_a(): pass\n")
    (shop / "shop" / "prices.py").write_text(FASTER, "utf8")
    said = verify(shop, "shop.prices:total@HEAD", "shop.prices:total")

    assert said["verdict"] == "differs"
    assert said["reason"] == "a test of the project fails: tests/test_prices.py::test_double"
    assert said["counterexample"]["after"] == "fails: AssertionError: assert 3 == 6"
    assert said["notes"] == [
        "files of tests that were not run, as they neither name nor import it: 1",
        "1 test of the project that reaches it: passed before and after",
        "tests set aside, as they fail before, too: tests/test_prices.py::test_that_failed_before",
    ]
    assert said["input"].endswith("3 recorded from tests/test_prices.py")
    assert verify(shop, "shop.prices:total@HEAD", "shop.prices:total", "--no-tests")["verdict"] == "same"


def test_inputs_that_only_tests_make_are_compared_and_grown(tmp_path: Path) -> None:
    shop = made(tmp_path, shop__cart=CART, tests__test_cart=CART_TESTS)
    (shop / "shop" / "cart.py").write_text(CART.replace('"ann"', "next(iter(vouchers))"), "utf8")
    said = verify(shop, "shop/cart.py:Cart.total@HEAD", "shop/cart.py:Cart.total")

    assert said["verdict"] == "differs"
    assert "recorded from tests/test_cart.py, grown" in said["input"]
    assert "ann" in said["counterexample"]["before"]
    assert verify(shop, "shop/cart.py:Cart.total@HEAD", "shop/cart.py:Cart.total", "--no-tests")["inputs"] == 0


def test_a_path_of_tests_that_does_not_exist_is_told(tmp_path: Path) -> None:
    shop = made(tmp_path, shop__prices=PRICES)
    (shop / "shop" / "prices.py").write_text(FASTER, "utf8")
    done = subprocess.run(
        [sys.executable, "-c", "from perfwright.app.main import main; main()", "verify",
         "shop.prices:total@HEAD", "shop.prices:total", "--tests", "gone"],
        cwd=shop, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert "gone does not exist; give a file of tests, or a folder." in done.stderr


# ------------------------------------------------------------------------------ parts
PLACE = Place.of(PRICES, "shop/prices.py", "total")
ROUGH = """
import os, pathlib, subprocess, sys, time
import shop.prices

def test_writes():
    pathlib.Path(__file__).with_name("made.txt").write_text("x")
    assert shop.prices.billed([1]) == 1

def test_in_a_process():
    code = "import shop.prices; print(shop.prices.__file__)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/").stdout
    assert pathlib.Path(said.strip()) == pathlib.Path(shop.prices.__file__)
"""


def test_tests_run_in_a_copy_and_those_that_reach_the_function_are_known(tmp_path: Path) -> None:
    exits = "import os\n\ndef test_exit():\n    os._exit(3)\n"
    hangs = "import time\n\ndef test_hang():\n    time.sleep(60)\n"
    shop = made(
        tmp_path / "shop",
        shop__prices=PRICES,
        tests__test_rough=ROUGH,
        tests__test_exits=exits,
        tests__test_hangs=hangs,
    )
    files = [f"tests/test_{name}.py" for name in ("exits", "hangs", "rough")]
    with Runs(Path(sys.executable), "auto") as runs:
        found = runs.run(shop, files, watch=PLACE, seconds=60, limits={"tests/test_hangs.py": 5.0})

    assert found.tests["tests/test_rough.py::test_writes"] == Outcome(PASSED, "", reached=True)
    assert found.tests["tests/test_rough.py::test_in_a_process"] == Outcome(PASSED, "", reached=False)
    assert found.missed["tests/test_exits.py"] == "exited with status 3"
    assert found.missed["tests/test_hangs.py"] == "its tests took over 5.0 s"
    assert found.calls == [[[["l", 0, [1]]], []]]
    assert not (shop / "tests" / "made.txt").exists()


def test_a_test_that_does_not_do_the_same_twice_is_set_aside(tmp_path: Path) -> None:
    before = made(tmp_path / "a" / "shop", shop__prices=PRICES, tests__test_prices=TESTS)
    after = made(tmp_path / "b" / "shop", shop__prices=FASTER, tests__test_prices="")
    name = "tests/test_prices.py::test_that_failed_before"
    known = {name: Outcome(PASSED, "", reached=True)}  # as a test that fails now and then may have
    with Runs(Path(sys.executable), "auto") as runs:
        found = compared(runs, before, after, known, {})

    assert (found.flaky, dict(found.broken)) == ((name,), {})


def test_all_tests_of_a_project_are_compared_in_two_trees(tmp_path: Path) -> None:
    before = made(tmp_path / "a" / "shop", shop__prices=PRICES, tests__test_prices=TESTS)
    after = made(tmp_path / "b" / "shop", shop__prices=FASTER)
    found, seen = whole(before, after, Suite(before), Path(sys.executable), "auto")

    assert dict(found.broken) == {"tests/test_prices.py::test_double": "AssertionError: assert 3 == 6"}
    assert found.failing == ("tests/test_prices.py::test_that_failed_before",)
    assert len(found.passed) == 2
    assert len(seen.tests) == 4


def test_unittest_runs_them_where_there_is_no_pytest(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", symlinks=True, with_pip=False)
    tests = """
import unittest
import shop.prices

class Prices(unittest.TestCase):
    def test_plain(self):
        self.assertEqual(shop.prices.total([1, 2]), 3)

    def test_bad(self):
        self.assertEqual(shop.prices.total([1, 2]), 4)

    @unittest.skip("later")
    def test_later(self):
        pass
"""
    shop = made(tmp_path / "shop", shop__prices=PRICES, tests__test_prices=tests)
    with Runs(tmp_path / "bare" / "bin" / "python", "auto") as runs:
        found = runs.run(shop, ["tests/test_prices.py"], watch=PLACE, seconds=60)

    assert found.tests == {
        "tests/test_prices.py::Prices::test_bad": Outcome(FAILED, "AssertionError: 3 != 4", reached=True),
        "tests/test_prices.py::Prices::test_later": Outcome("skipped", "", reached=False),
        "tests/test_prices.py::Prices::test_plain": Outcome(PASSED, "", reached=True),
    }


def test_what_names_the_function_comes_first_then_its_module_then_what_imports_it(tmp_path: Path) -> None:
    shop = made(
        tmp_path,
        shop__prices=PRICES,
        shop__bills="from .prices import billed\n",
        shop__views="from shop import (\n    bills,\n    settings,\n)\n",
        tests__test_views="import shop.views\n",
        tests__test_module="from shop.prices import billed\n",
        tests__test_direct=TESTS,
        tests__test_other="import json\n",
    )
    files, others = reach.files(Suite(shop), shop / "shop" / "prices.py", "total")

    assert files == [f"tests/test_{name}.py" for name in ("direct", "module", "views")]
    assert others == 1


@pytest.mark.parametrize(
    ("function", "line", "name"), [("f", 1, "f"), ("A.g", 5, "g"), ("A", 4, "A"), ("gone", 0, "gone")]
)
def test_a_function_stands_where_its_decorators_begin(function: str, line: int, name: str) -> None:
    text = "@d\ndef f():\n    pass\nclass A:\n    @classmethod\n    def g(cls):\n        pass\n"
    found = Place.of(text, "a.py", function)

    assert (found.line, found.name) == (line, name)
    assert found.drop == (name == "g")
