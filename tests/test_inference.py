"""Inputs of functions that are not annotated: from the docstring's examples, from the body, by trial."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perfwright.measure.run import Guest
from perfwright.measure.sweep import Sweep, sweep
from perfwright.measure.worker.repair import Repairs
from perfwright.measure.worker.search import attempt
from perfwright.measure.worker.target import FromAnnotations, Target, Uses
from perfwright.measure.worker.target import shown as examples

CODE = '''
import itertools
import graph_like

class Tree:
    def __init__(self):
        self.children, self.order = {}, []
    def add_branch(self, parent, child):
        self.children.setdefault(parent, []).append(child)
        self.order.append(child)
    def leaves(self):
        return [each for each in self.order if each not in self.children]
    def __iter__(self):
        return iter(self.order)

def pairs(items):
    return [(one, other) for one in items for other in items]

def longest(words):
    best = ""
    for word in words:
        if len(word.strip()) > len(best):
            best = word
    return best

def total(orders):
    amount = 0
    for order in orders:
        amount += order["price"] * order["count"]
    return amount

def names(people):
    return sorted(person.name for person in people)

def indirectly(rows):
    return total(rows)

def applied(func, items):
    found = []
    for item in items:
        found.append(func(item))
    return found

def counted(n):
    found = 0
    while found < n:
        found += 1
    return found

def depths(tree):
    found = 0
    for leaf in tree.leaves():
        found += len(tree.children)
    return found

def forever(start):
    while True:
        yield start
        start += 1

def shouted(text):
    return text.upper().split()

def by_example(codes, table):
    """Look codes up.

    >>> table = {"a": 1, "b": 2}
    >>> by_example(["a", "b", "a"], table)
    [1, 2, 1]
    """
    found = []
    for code in codes:
        if not isinstance(code, str) or code not in table and len(code) != 3:
            raise ValueError(code)
        found.append(table.get(code))
    return found

def built(tree):
    """Walk a tree.

    >>> import inference_code
    >>> tree = Tree()
    >>> for i in range(5):
    ...     tree.add_branch(i, i + 1)
    >>> built(tree)
    5
    """
    if len(tree.order) < 5:
        raise ValueError("too small")
    count = 0
    for each in tree:
        count += 1
    return count

def picky(thing):
    raise ValueError(f"never {type(thing).__name__}")
'''


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guest, str]]:
    folder = tmp_path_factory.mktemp("inference")
    (folder / "graph_like.py").write_text("", "utf8")
    path = folder / "inference_code.py"
    path.write_text(CODE, "utf8")
    with Guest(Path(sys.executable), [folder]) as started:
        yield started, str(path)


def swept(guest: tuple[Guest, str], name: str) -> Sweep:
    return sweep(guest[0], guest[1], name, seconds=1)


def own_lines(guest: tuple[Guest, str]) -> dict[str, int]:
    said = guest[0].ask({"ask": "lines", "n": 50, "most": 10_000}, 5)
    return {line: count for line, count in said["lines"].items() if line.startswith(guest[1])}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("pairs", "items is list[int]"),
        ("longest", "words is list[str]"),
        ("total", "a dict with count, price"),
        ("names", "an object with name"),
        ("indirectly", "a dict with count, price"),
        ("applied", "func is a function"),
        ("counted", "n is n"),
        ("depths", "tree is Tree"),
        ("shouted", "text is str"),
        ("by_example", "by_example(['a', 'b', 'a']...n, table)"),
        ("built", "range(n)"),
    ],
)
def test_arguments_follow_from_the_body_or_the_example(guest: tuple[Guest, str], name: str, made: str) -> None:
    found = swept(guest, name)

    assert not found.failed
    assert made in found.input
    assert len(found.samples) > 3
    assert found.covered > 0.5


@pytest.mark.parametrize(("name", "klass"), [("pairs", "n^2"), ("total", "n"), ("counted", "n"), ("built", "n")])
def test_lines_grow_with_what_was_made(guest: tuple[Guest, str], name: str, klass: str) -> None:
    assert swept(guest, name).lines_fit.growth.klass == klass


def test_an_iterator_that_never_ends_is_taken_from(guest: tuple[Guest, str]) -> None:
    found = swept(guest, "forever")

    assert found.endless
    assert found.lines_fit.growth.klass == "n"


def test_what_takes_nothing_says_so_and_shows_the_builder_to_write(guest: tuple[Guest, str]) -> None:
    found = swept(guest, "picky")

    assert "raised ValueError: never" in found.failed
    assert "@perfwright.inputs(picky)" in found.stub
    assert "def inputs_of_picky(n: int):" in found.stub


def test_a_worker_that_is_started_anew_makes_the_same_input(guest: tuple[Guest, str]) -> None:
    guest[0].load(guest[1], "built")
    chosen = guest[0].choose(1)
    before = own_lines(guest)
    guest[0].end()

    assert chosen["plan"]["from"] == "example"
    assert len(before) > 3
    assert own_lines(guest) == before


def common(left: list[int], right: list[int]) -> list[int]:
    """Return what is in both.

    >>> common([1, 2, 3], [2, 3, 4, 5])
    [2, 3]
    """
    return [each for each in left if each in right]


def sizes(target: Target, alone: str) -> list[int]:
    positional, _ = target.call(100, "random", alone)
    return [len(each) for each in positional]


def test_one_part_of_the_input_grows_while_the_other_stays() -> None:
    target = Target(sys.modules[__name__], "common")
    annotated, (_, shown) = FromAnnotations(target), next(examples(target))

    assert annotated.parts == ["left", "right"]
    assert sizes(target, "left") == [100, 64]
    target.source = shown
    assert shown.parts == ["[1, 2, 3]", "[2, 3, 4, 5]"]
    assert sizes(target, "[2, 3, 4, 5]") == [64, 100]
    assert sizes(target, "") == [100, 100]


def both(first, second, *, scale=1):
    if not isinstance(first, str):
        raise TypeError(f"'{type(first).__name__}' is no text")
    if not 0 < second < 1:
        raise ValueError("`second` is no share")
    return first * int(10 * second * scale)


def test_a_repair_keeps_what_came_further() -> None:
    target = Target(sys.modules[__name__], "both")
    uses = Uses(target)
    repairs = Repairs(target, uses)
    plan: dict[str, Any] | None = repairs.plan
    for _ in range(20):
        assert plan is not None
        trial = attempt(target, uses.source(plan))
        if not trial.why:
            break
        plan = repairs.following(trial.error)

    assert not trial.why
    assert str(trial.source.kinds["second"]) == "0.3"
    assert trial.source.kinds["first"] is str
