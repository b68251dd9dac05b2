"""`perfwright bench` with input that the project's own tests make, and with tests that exit, hang, and fail."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from _interpreters import interpreters
from perfwright.errors import InputError
from perfwright.measure import recording
from perfwright.measure.recording import Choice, Suite
from perfwright.measure.run import Guest
from perfwright.measure.worker import frames
from perfwright.measure.worker.generations import Generations

CODE = """
class Line:
    def __init__(self, sku, price, count, tags):
        self.sku, self.price, self.count, self.tags = sku, price, count, tags

class Cart:
    def __init__(self, owner):
        self.owner, self.lines, self.index = owner, [], {}

    def put(self, line):
        self.lines.append(line)
        self.index[line.sku] = line

    def total(self, vouchers):
        amount = 0
        for line in self.lines:
            if self.index[line.sku] is not line:
                raise ValueError("another line is in the index")
            if not 0 < line.count < 9 or line.tags != ["new"]:
                raise ValueError("no such count, or tag")
            amount += line.price * line.count
        return amount - vouchers[self.owner]

def doubles(orders):
    found = []
    for order in orders:
        if order["status"] not in ("open", "paid"):
            raise ValueError(order["status"])
        for other in orders:
            if other is not order and other["ref"] == order["ref"]:
                found.append(order)
    return found

def reached(graph, start):
    seen, left = set(), [start]
    while left:
        node = left.pop()
        if node not in seen:
            seen.add(node)
            left.extend(graph[node])
    return seen

def flat(items, *, depth=1):
    if depth < 0:
        raise ValueError("deep")
    return [each for item in items for each in flat(item, depth=depth - 1)] if isinstance(items[0], list) else items

def typed(items: list[int]):
    return sum(items)

def exits(items):
    return [each for each in items]

def hangs(items):
    return [each for each in items]

def never(items):
    return [each for each in items]

def untested(items):
    return [each for each in items]

def through(frame, other):
    if set(other) != {"EUR"}:
        raise ValueError("no such currency")
    return _inner(frame)

def _inner(frame):
    count = 0
    for id, price in zip(frame["order_id"], frame["price"]):
        if price not in (2.5, 3.5):
            raise ValueError("no such price")
        count += len({id})
    return count
"""
TESTS = """
import pytest
import shop

@pytest.fixture
def cart():
    cart = shop.Cart("ann")
    for place in range(4):
        cart.put(shop.Line(f"sku{place}", 1.5 + place, place + 1, ["new"]))
    return cart

def test_that_fails():
    assert False, shop.Cart

def test_total(cart):
    assert cart.total({"ann": 2, "bob": 1}) == 33

def test_reached():
    assert shop.reached({1: [2, 3], 2: [3], 3: []}, 1) == {1, 2, 3}

def test_doubles():
    assert not shop.doubles([{"ref": "a1", "status": "open", "lines": 3}, {"ref": "a2", "status": "paid", "lines": 1}])

def test_flat():
    assert shop.flat([[1, 2], [3]]) == [1, 2, 3]

def test_through():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"order_id": [7, 4, 9], "price": [2.5, 3.5, 2.5]})
    assert shop.through(frame, ["EUR"]) == 3

def test_typed():
    assert shop.typed([4, 1, 3]) == 8
"""
CASES = """
import unittest
from shop import doubles

class Case(unittest.TestCase):
    def test_doubles(self):
        orders = [{"ref": 1, "status": "open", "lines": []}, {"ref": 2, "status": "paid", "lines": []}]
        self.assertEqual(doubles(orders), [])
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    (root / "tests" / "empty").mkdir(parents=True)
    for name, text in {
        "shop.py": CODE,
        "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-n 2 --cov=shop"\n',
        "tests/conftest.py": "",
        "tests/test_shop.py": TESTS,
        "tests/test_exit.py": "import os\nfrom shop import exits\ndef test_it():\n    exits([1])\n    os._exit(3)\n",
        "tests/test_hang.py": "from shop import hangs\ndef test_it():\n    while True:\n        pass\n    hangs([1])\n",
        "tests/test_never.py": "import no_such_module\ndef test_it():\n    no_such_module.never([1])\n",
    }.items():
        (root / name).write_text(text, "utf8")
    return root


@pytest.fixture(scope="module")
def guest(root: Path) -> Iterator[Guest]:
    with Guest(Path(sys.executable), [root]) as started:
        started.reads.append(root)
        yield started


def chosen(guest: Guest, name: str, *named: str) -> Choice:
    suite = Suite(guest.places[0], [Path(each) for each in named])
    return recording.choose(guest, guest.load("shop", name), name, suite, seconds=1)


def lines(guest: Guest, n: int) -> int:
    said = guest.ask({"ask": "lines", "n": n, "most": 1_000_000}, 10)
    assert said["whole"]
    return sum(count for line, count in said["lines"].items() if "/shop.py:" in line)


@pytest.mark.parametrize(
    ("name", "grows", "exponent"),
    [
        ("Cart.total", "vouchers, self.lines, self.index", 1),
        ("doubles", "orders", 2),
        ("reached", "graph", 1),
        ("flat", "items", 1),
        ("_inner", "frame", 1),
    ],
)
def test_what_the_tests_call_it_with_grows(guest: Guest, name: str, grows: str, exponent: int) -> None:
    choice = chosen(guest, name)

    assert choice.said["input"] == f"recorded from tests/test_shop.py, grown: {grows}"
    assert choice.said["covered"] > 0.5
    assert math.log2(lines(guest, 200) / lines(guest, 100)) == pytest.approx(exponent, abs=0.1)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("exits", "nothing recorded from tests/test_exit.py: exited with status 3"),
        ("hangs", "nothing recorded from tests/test_hang.py: its tests took over"),
        ("never", "nothing recorded from tests/test_never.py: none of its 0 tests called it (ModuleNotFoundError"),
    ],
)
def test_tests_that_exit_hang_or_fail_are_named_and_the_body_is_read(
    guest: Guest, name: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "UNASKED_SECONDS", 4.0 if name == "hangs" else 20.0)
    choice = chosen(guest, name)

    assert choice.said["input"].startswith("from the body: items is")
    assert why in choice.note
    assert lines(guest, 200) > lines(guest, 100)


def test_annotations_come_first_unless_tests_are_named(guest: Guest) -> None:
    assert chosen(guest, "typed").said["input"] == "from the annotations"
    assert chosen(guest, "typed", "tests").said["input"] == "recorded from tests/test_shop.py, grown: items"


def test_without_a_test_that_mentions_it_the_body_is_read(guest: Guest) -> None:
    assert chosen(guest, "untested").note == ""
    assert chosen(guest, "untested", "tests/empty").said["input"].startswith("from the body")
    assert "none of them mentions untested" in chosen(guest, "untested", "tests/empty").note


def test_a_worker_that_is_started_anew_records_the_same_input(guest: Guest) -> None:
    chosen(guest, "doubles")
    before = lines(guest, 50)
    guest.end()

    assert before > 50 * 50
    assert lines(guest, 50) == before


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).resolve().name)
def test_cases_of_unittest_run_where_there_is_no_pytest(tmp_path: Path, python: str) -> None:
    subprocess.run([python, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    (tmp_path / "shop.py").write_text(CODE, "utf8")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_cases.py").write_text(CASES, "utf8")
    (tmp_path / "tests" / "test_plain.py").write_text("def test_it(): exits([1])\n", "utf8")
    with Guest(tmp_path / "bare" / "bin" / "python", [tmp_path]) as guest:
        guest.reads += [tmp_path, Path(python).resolve().parent.parent]

        assert chosen(guest, "doubles").said["input"] == "recorded from tests/test_cases.py, grown: orders"
        assert lines(guest, 50) > 50 * 50
        assert "has no pytest, and the file has no cases of unittest" in chosen(guest, "exits").note


def test_the_command_says_where_its_input_comes_from(root: Path) -> None:
    command = [sys.executable, "-m", "perfwright.app.main", "bench", "shop:typed", "--seconds", "1", "--format", "json"]

    done = subprocess.run([*command, "--tests", "tests"], cwd=root, capture_output=True, text=True, check=False)
    missing = subprocess.run([*command, "--tests", "nowhere"], cwd=root, capture_output=True, text=True, check=False)

    assert json.loads(done.stdout)["bench"]["input"] == "recorded from tests/test_shop.py, grown: items"
    assert missing.returncode == 2
    assert "nowhere does not exist; give a file of tests, or a folder" in missing.stderr


def test_files_that_name_the_function_and_its_class_come_first(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    for name, text in {
        "tests/test_a.py": "total total total",
        "tests/test_b.py": "total of a Cart in shop",
        "tests/test_c.py": "totals",
        "code.py": "total",
    }.items():
        (tmp_path / name).write_text(text, "utf8")
    found = recording.found(Suite(tmp_path), tmp_path / "shop.py", "Cart.total")

    assert found == (["tests/test_b.py", "tests/test_a.py"], True)
    assert recording.found(Suite(tmp_path), tmp_path / "shop.py", "other") == (["tests/test_b.py"], False)
    with pytest.raises(InputError):
        recording.found(Suite(tmp_path, [Path("nowhere")]), tmp_path / "shop.py", "total")


def grown(n: int, *some: Any, way: str = "in order", spread: str = "random") -> list[Any]:
    return Generations(n, spread, way, ()).grown(some)


def test_items_that_refer_to_each_other_still_do() -> None:
    codes, table = grown(300, ["a", "b", "a"], {"a": 1, "b": 2})
    (graph,) = grown(100, {1: [2, 3], 2: [3], 3: []})

    assert len(codes) == 300
    assert len(set(codes)) == 200
    assert set(codes) == set(table)
    assert len(graph) == 100
    assert {each for some in graph.values() for each in some} <= set(graph)


def test_order_repetition_and_states_stay_as_they_were() -> None:
    assert grown(50, [1, 2, 7])[0] == sorted(grown(50, [1, 2, 7])[0])
    assert grown(50, [9, 3, 2])[0] == sorted(grown(50, [9, 3, 2])[0], reverse=True)
    assert len(set(grown(400, [5, 5, 1, 9])[0])) == 300
    assert set(grown(50, ["open", "paid", "open", "open"])[0]) == {"open", "paid"}
    assert set(grown(50, [0, 1, 1, 0])[0]) == {0, 1}
    assert grown(50, [3, 1, 2], way="mixed", spread="sorted")[0] == sorted(grown(50, [3, 1, 2], way="mixed")[0])


def test_records_get_keys_of_their_own_and_keep_their_quantities() -> None:
    (orders,) = grown(60, [{"id": 4, "count": 3, "state": "open"}, {"id": 5, "count": 7, "state": "paid"}])

    assert len({order["id"] for order in orders}) == 60
    assert {order["count"] for order in orders} == {3, 7}
    assert {order["state"] for order in orders} == {"open", "paid"}


def test_rows_of_a_frame_get_keys_of_their_own_and_keep_their_values() -> None:
    pandas = pytest.importorskip("pandas")
    orders = pandas.DataFrame({"order_id": [7, 4, 9], "user": ["a", "b", "a"], "price": [2.5, 3.5, 2.5]})
    by_day = pandas.DataFrame({"day": pandas.date_range("2024-01-01", periods=5), "price": [3, 1, 2, 1, 1]})
    larger = frames.larger(orders, 30, "mixed")

    assert len(set(larger["order_id"])) == 30
    assert len(set(larger["user"])) == 20
    assert larger["price"].value_counts().to_dict() == {2.5: 20, 3.5: 10}
    assert frames.larger(by_day, 20, "mixed")["day"].is_monotonic_increasing
    assert frames.larger(orders["price"].to_numpy(), 7, "in order").tolist() == [2.5, 3.5, 2.5, 2.5, 3.5, 2.5, 2.5]
