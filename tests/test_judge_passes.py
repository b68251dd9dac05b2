"""What the code of an application goes through, counted: what is counted, what it proves, and what it does not."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perfwright import discover
from perfwright.fix.judge import pace, passes
from perfwright.fix.judge.pace import Speed
from perfwright.fix.judge.served import Served
from perfwright.fix.judge.verdict import Verdict
from perfwright.fix.patches import imported_from, overlaid
from perfwright.fix.source import Source
from perfwright.measure import application
from perfwright.measure.worker.passes import PASSES
from perfwright.measure.worker.rewriting import NAMES, rewritten


def ran(text: str, call: str) -> tuple[Any, int]:
    """Return what a call of rewritten code gives, and how many passes were counted."""
    PASSES.offer(NAMES)
    PASSES.files.add("/app/one.py")
    PASSES.modules.add("one")
    space: dict[str, Any] = {"__name__": "one"}
    exec(rewritten(text.encode(), "/app/one.py", "one.py"), space)
    with PASSES.counted():
        value = eval(call, space)
        value = asyncio.run(value) if asyncio.iscoroutine(value) else value
    return value, sum(count for lines in PASSES.by_line().values() for count in lines.values())


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("for x in xs: pass", 100),
        ("[x for x in xs if x]", 100),
        ("{x: [y for y in xs] for x in xs[:10]}", 10 + 10 + 1000),
        ("99 in xs", 100),
        ("0 in xs", 1),
        ("99 not in set(xs)", 100),  # made of all, then looked up in
        ("99 in {99: 1}", 0),
        ("sorted(xs)", 100),
        ("xs.index(3)", 100),
        ("list(map(str, xs))", 101),  # and it is asked for one more
        ("sum(x for x in xs)", 100),
        ("max(xs, key=lambda x: -x)", 200),
        ("xs + xs", 200),
        ("[*xs, 1]", 101),
        ("xs.append(xs)", 0),
        ("len(xs)", 0),
        ("dict(zip(xs, xs))", 101),
        ("any(x == 4 for x in xs)", 5),
    ],
)  # fmt: skip
def test_work_is_counted_wherever_it_is_done(body: str, count: int) -> None:
    assert ran(f"def f(xs):\n    {body}\n", "f(list(range(100)))")[1] == count + 1  # and the call


WHOLE = '''
from __future__ import annotations

import contextlib


class Base:
    """What is said of it."""

    step: int = 2

    def __init__(self, some: list[int]):
        super().__init__()
        self.some = [*some]

    @property
    def twice(self) -> list[int]:
        return self.some * self.step

    def kind(self, value: object) -> str:
        """Say what it is."""
        match value:
            case [first, *rest]:
                return f"{first} and {len(rest)}"
            case {"a": str(text)}:
                return text
            case int() | None:
                return "plain"
        return "other"


class Lower(Base):
    def __init__(self, *some: int, **more: int):
        super().__init__([*some, *more.values()])


async def each(some):
    for one in some:
        yield one


async def run():
    here = Lower(3, 1, last=2)
    found = [one async for one in each(here.twice)]
    kept = sorted(locals())
    held = {**{"a": 1}}
    held |= {"b": [n for row in [found, found] for n in row if n not in (1, 7)]}
    total = 0
    while total < 3:
        total += 1
    else:
        total = -total
    with contextlib.suppress(KeyError):
        del held["c"]
    (first, *rest), text = found, "b" in "abc"
    return found, kept, held, total, first, rest, text, [here.kind(x) for x in ([1, 2], {"a": "t"}, 3, None, 2.0)]
'''


def test_rewritten_code_does_what_it_did() -> None:
    space: dict[str, Any] = {"__name__": "one"}
    exec(compile(WHOLE, "one.py", "exec"), space)

    assert ran(WHOLE, "run()")[0] == asyncio.run(space["run"]())


def test_what_is_made_as_it_runs_is_not_taken_for_little() -> None:
    ran("def f(xs):\n    return eval('sum(x for x in xs)', {'xs': xs})\n", "f([1, 2])")

    assert PASSES.blind


# ------------------------------------------------------------------------------ what it proves
def grows(before: str, after: str, *, rest: int = 0) -> passes.Passes | None:
    """Return what is said of counts in one line of a file, each written as what it is of `n`, beside all the rest."""
    sizes = (10, 100, 1000)
    measured = [
        (n, {("a.py", 1): rest * n, ("a.py", 2): eval(before)}, {("a.py", 1): rest * n, ("a.py", 2): eval(after)})
        for n in sizes
    ]
    return passes.told(measured, {"a.py": ("one\ntwo\n", "one\n2\n")})


@pytest.mark.parametrize(
    ("before", "after", "rest", "verdict"),
    [
        ("n * n", "2 * n", 0, "fewer"),
        ("n * n", "2 * n", 50_000, "fewer"),
        ("n * n", "2 * n", 500_000, "no evidence"),  # a five hundredth of the request
        ("n * n", "n * n // 2", 0, "no evidence"),  # a constant
        ("3 * n", "n", 0, "no evidence"),
        ("n", "1", 0, "no evidence"),  # as much as the rows themselves
        ("2 * n", "n * n", 0, "no evidence"),
        ("n ** 3", "n * n", 0, "fewer"),
    ],
)
def test_less_growth_is_evidence_and_a_constant_is_none(before: str, after: str, rest: int, verdict: str) -> None:
    found = grows(before, after, rest=rest)

    assert found is not None
    assert found.verdict == verdict


def test_a_line_that_moved_is_the_same_line() -> None:
    texts = {"a.py": ("one\nscan\nlast\n", "one\nmade\nfound\nlast\n")}
    measured = [(n, {("a.py", 2): n * n, ("a.py", 3): 7 * n}, {("a.py", 2): n, ("a.py", 4): 7 * n}) for n in (10, 100)]

    assert passes.concerned(measured, texts) == ([100, 10_000], [10, 100])


def test_what_takes_longer_in_each_round_is_not_better_for_its_counts() -> None:
    fewer = grows("n * n", "n")
    slower = Speed("no evidence", 1.04, 1.01, 1.1, 1000, 1.0, 1.04, (0.9, 1.2))
    as_fast = Speed("no evidence", 1.01, 0.99, 1.1, 1000, 1.0, 1.01, (0.9, 1.2))

    assert not Verdict("same", "", speed=slower, passes=fewer).better("time")
    assert Verdict("same", "", speed=as_fast, passes=fewer).better("time")
    assert not Verdict("same", "", speed=as_fast, passes=fewer).better("memory")


@pytest.mark.parametrize(("first", "clock"), [((0.06, 0.3), 0), ((0.04, 0.2), 1)])
def test_both_versions_are_timed_by_the_clock_that_the_first_call_chose(first: tuple[float, float], clock: int) -> None:
    taken = iter([first, (0.03, 0.4), (0.07, 0.5), None])
    took = pace.by_one_clock(lambda _: next(taken))

    assert [took(name) for name in ("before", "after", "before", "after")] == [
        first[clock], (0.03, 0.4)[clock], (0.07, 0.5)[clock], None
    ]  # fmt: skip


# ------------------------------------------------------------------------------ within an application
APP = """from fastapi import Depends, FastAPI
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

app = FastAPI()
engine = create_engine("sqlite:///notes.db")


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))


def db():
    with Session(engine) as session:
        yield session


@app.get("/authors")
def authors(session: Session = Depends(db)):
    notes = session.scalars(select(Note)).all()
    rows = []
    for author in session.scalars(select(Author)):
        session.scalar(select(Note.id).limit(1))
        rows.append({"name": author.name, "notes": sum(note.author_id == author.id for note in notes)})
    return rows
"""
SCAN = "sum(note.author_id == author.id for note in notes)"
GROUPED = "    rows = []\n"
COUNTS = """    rows = []
    counts = {}
    for note in notes:
        counts[note.author_id] = counts.get(note.author_id, 0) + 1
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("app").resolve()
    (root / "main.py").write_text(APP, "utf8")
    app = application.find(root, discover.find(root, [root], exclude=(), tests=False))
    with Served(root, app, Path(sys.executable), "auto") as found:
        yield found


def judged(served: Served, text: str, scratch: Path) -> Verdict:
    assert text != APP
    base = imported_from(served.root, served.app.places)
    overlaid(base, str((served.root / "main.py").relative_to(base)), text, scratch)
    lines = {"main.py": Source("main.py", APP).lines_of("authors")}
    changed = {"main.py": (APP, text)}
    return served.judge(scratch / served.root.relative_to(base), lines, changed, counts=True)


def test_a_scan_beside_queries_is_seen_to_be_gone(served: Served, tmp_path: Path) -> None:
    found = judged(served, APP.replace(GROUPED, COUNTS).replace(SCAN, "counts.get(author.id, 0)"), tmp_path)

    assert found.word == "same"
    assert found.speed is not None
    assert found.speed.verdict != "no evidence" or found.passes is not None
    if found.passes is not None:  # else time alone has shown it
        assert found.passes.verdict == "fewer"
        (*_, (n, before, after)) = found.passes.at
        assert before > n * n / 2
        assert after < 10 * n


@pytest.mark.slow
@pytest.mark.parametrize(
    "scan",
    [
        "[note.author_id for note in notes].count(author.id)",  # one pass in C for another
        "len(list(filter(lambda note: note.author_id == author.id, notes)))",
    ],
)
def test_work_that_is_only_moved_is_not_less(served: Served, tmp_path: Path, scan: str) -> None:
    found = judged(served, APP.replace(SCAN, scan), tmp_path)

    assert found.word == "same"
    assert not found.goes_through_less
