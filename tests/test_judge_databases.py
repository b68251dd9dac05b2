"""The judge of functions that query: with sessions that a builder makes, and within an application."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perfwright import discover
from perfwright.fix.judge import orders
from perfwright.fix.judge.served import Served
from perfwright.fix.judge.verdict import Verdict
from perfwright.fix.patches import imported_from, overlaid
from perfwright.fix.source import Source
from perfwright.measure import application

COMMAND = (sys.executable, "-m", "perfwright")
BUILT = '''import perfwright
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool)


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    customer: Mapped[Customer] = relationship()


def rename(session: Session) -> list[Order]:
    orders = session.scalars(select(Order)).all()
    for order in orders:
        order.customer.name = order.customer.name.upper()
    session.commit()
    return orders


@perfwright.inputs(rename)
def make(n: int) -> Session:
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    session = Session(engine)
    session.add_all(Order(id=i, customer=Customer(id=i, name=f"customer {i}")) for i in range(1, n + 1))
    session.commit()
    return session
'''  # fmt: skip
APP = '''from fastapi import Depends, FastAPI
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, defer, mapped_column, relationship, selectinload

app = FastAPI()
engine = create_engine("sqlite:///notes.db")


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    views: Mapped[int]


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), index=True)
    author: Mapped[Author] = relationship()


def db():
    with Session(engine) as session:
        yield session


def listed(session: Session):
    return session.scalars(select(Note).order_by(Note.id)).all()


@app.get("/notes")
def notes(session: Session = Depends(db)):
    return [{"text": note.text, "author": note.author.name} for note in listed(session)]


@app.get("/found")
def found(session: Session = Depends(db)):
    return [note.id for note in session.scalars(select(Note).where(Note.text > "a"))]


@app.get("/first")
def first(session: Session = Depends(db)):
    return session.scalars(select(Note.id).where(Note.text > "a").limit(3)).all()


@app.get("/none")
def none(session: Session = Depends(db)):
    return session.scalars(select(Note.id).where(Note.text == "no note has this text")).all()


@app.post("/views")
def views(session: Session = Depends(db)):
    for author in session.scalars(select(Author)):
        author.views = author.views + 1
    session.commit()
    return {"done": True}


def never(session: Session):
    return 1
'''  # fmt: skip


def verified(folder: Path, before: str, after: str) -> dict[str, Any]:
    done = subprocess.run(
        [*COMMAND, "verify", before, after, "--format", "json"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)["verify"]
    return found


@pytest.fixture
def built(tmp_path: Path) -> Path:
    changes = {
        "slow": ("", ""),
        "fast": ("select(Order))", "select(Order).options(joinedload(Order.customer)))"),
        "lower": ("upper()", "lower()"),
        "unsaved": ("    session.commit()\n    return orders", "    session.rollback()\n    return orders"),
        "count": ("return orders", "return [order for order in orders]"),
    }  # fmt: skip
    for name, (old, new) in changes.items():
        (tmp_path / f"{name}.py").write_text(BUILT.replace(old, new) if old else BUILT, "utf8")
    return tmp_path


def test_fewer_queries_with_the_same_rows_and_results_is_the_same(built: Path) -> None:
    said = verified(built, "slow.py:rename", "fast.py:rename")

    assert said["verdict"] == "same", said
    assert said["counts"]["queries"][-1] == [100, 201, 2]
    assert said["counts"]["queries"][0] == [1, 3, 2]


@pytest.mark.parametrize("other", ["lower", "unsaved"])
def test_other_rows_in_the_database_differ(built: Path, other: str) -> None:
    said = verified(built, "slow.py:rename", f"{other}.py:rename")

    assert (said["verdict"], said["reason"]) == ("differs", "it leaves other rows in the database")
    assert "CUSTOMER 1" in said["counterexample"]["before"]


@pytest.mark.slow
def test_rows_as_a_result_are_compared_by_their_columns(built: Path) -> None:
    assert verified(built, "slow.py:rename", "count.py:rename")["verdict"] == "same"


# ------------------------------------------------------------------------------ an application
@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("app").resolve()
    (root / "main.py").write_text(APP, "utf8")
    app = application.find(root, discover.find(root, [root], exclude=(), tests=False))
    with Served(root, app, Path(sys.executable), "auto") as found:
        yield found


def judged(served: Served, function: str, old: str, new: str, scratch: Path, *allowed: str) -> Verdict:
    text = APP.replace(old, new)
    assert text != APP
    base = imported_from(served.root, served.app.places)
    overlaid(base, str((served.root / "main.py").relative_to(base)), text, scratch)
    lines = Source("main.py", APP).lines_of(function)
    return served.judge(
        scratch / served.root.relative_to(base), {"main.py": lines}, {"main.py": (APP, text)}, allowed=allowed
    )


def counted(found: Verdict, of: str) -> tuple[int, int, int]:
    return next(each.at[-1] for each in found.counts if each.of == of)


def test_a_query_that_fetches_more_at_once_is_the_same_with_fewer_queries(served: Served, tmp_path: Path) -> None:
    found = judged(served, "listed", "select(Note)", "select(Note).options(selectinload(Note.author))", tmp_path)

    assert (found.word, found.source) == ("same", "by GET /notes")
    n, before, after = counted(found, "queries")
    assert n == 100
    assert before > 20 * after
    assert found.better("queries")
    assert not found.worse


@pytest.mark.parametrize(
    ("function", "old", "new", "reason"),
    [
        ("notes", "note.author.name}", "note.author.id}", "it answers something else"),
        ("listed", "order_by(Note.id)", "order_by(Note.id.desc())", "it answers something else"),
        ("views", "author.views + 1", "author.views + 2", "it leaves other rows in the database"),
        ("views", "    session.commit()\n", "", "it leaves other rows in the database"),
        ("notes", "in listed(session)]", "in listed(session)[:50]]", "it answers something else"),
        ("views", 'return {"done": True}', "return 1 / 0", "it fails otherwise"),
    ],
)
def test_what_answers_or_leaves_something_else_differs(
    served: Served, tmp_path: Path, function: str, old: str, new: str, reason: str
) -> None:
    found = judged(served, function, old, new, tmp_path)

    assert (found.word, found.reason) == ("differs", reason)
    assert found.counterexample is not None
    assert found.counterexample["before"] != found.counterexample["after"]


def test_an_index_may_give_rows_in_another_order(served: Served, tmp_path: Path) -> None:
    old, new = "text: Mapped[str]", "text: Mapped[str] = mapped_column(index=True)"
    plain = judged(served, "found", old, new, tmp_path / "plain")
    ordered = judged(served, "found", old, new, tmp_path / "ordered", "row-order")

    assert (plain.word, plain.reason) == ("differs", "it answers something else")
    assert (ordered.word, ordered.source) == ("same", "by GET /found")


def test_other_rows_differ_whatever_their_order(served: Served, tmp_path: Path) -> None:
    found = judged(served, "first", "Mapped[str]", "Mapped[str] = mapped_column(index=True)", tmp_path, "row-order")

    assert (found.word, found.reason) == ("differs", "it answers something else")


def test_a_look_up_by_an_index_takes_fewer_steps(served: Served, tmp_path: Path) -> None:
    found = judged(served, "none", "Mapped[str]", "Mapped[str] = mapped_column(index=True)", tmp_path)

    assert (found.word, found.better("steps")) == ("same", True)
    _, before, after = counted(found, "steps")
    assert before > 4 * after


def test_text_that_is_not_fetched_is_fewer_bytes(served: Served, tmp_path: Path) -> None:
    found = judged(served, "found", "(Note).where", "(Note).options(defer(Note.text)).where", tmp_path)

    assert (found.word, found.better("bytes")) == ("same", True)
    assert counted(found, "bytes")[1] > 0
    assert counted(found, "bytes")[2] == 0


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [
        ('{"a": [1, 2, 2]}', '{"a": [2, 1, 2]}', True),
        ('{"a": [1, 2, 2]}', '{"a": [2, 1, 1]}', False),
        ('[{"a": 1}, {"a": 2}]', '[{"a": 2}, {"a": 1}]', True),
        ("<ul><li>1<li>2</ul>", "<ul><li>1<li>2</ul>", True),
        ("<ul><li>1</li><li>2</li></ul><br>", "<ul><li>2</li><li>1</li></ul><br>", True),
        ("<ul><li>1</li></ul><li>2</li>", "<ul><li>2</li></ul><li>1</li>", False),
        ("<tr class='a'><td>1</td></tr>", "<tr class='b'><td>1</td></tr>", False),
        ("a,1\nb,2\n", "b,2\na,1\n", True),
        ("a,1\nb,2\n", "b,1\na,2\n", False),
    ],
)
def test_texts_are_compared_without_the_order_of_what_they_list(before: str, after: str, alike: bool) -> None:
    assert orders.alike(before, after) is alike


def test_a_list_that_is_kept_between_requests_differs_or_is_refused(served: Served, tmp_path: Path) -> None:
    old = "def listed(session: Session):\n    return "
    query = "session.scalars(select(Note).order_by(Note.id)).all()"
    kept = "KEPT = []\n\n\ndef listed(session: Session):\n    KEPT[:] = KEPT or "
    found = judged(served, "listed", old + query, f"{kept}{query}\n    return KEPT", tmp_path)

    assert found.word in ("differs", "refused")


def test_what_no_entry_point_runs_is_not_shown(served: Served, tmp_path: Path) -> None:
    found = judged(served, "never", "return 1", "return 2", tmp_path)

    assert (found.word, found.reason) == ("not shown", "no entry point of the application that was answered runs it")


UNIT = """class Unit:
    def __init__(self, session):
        if type(session) is not Session:
            raise TypeError("a unit of work needs a session")
        self.now = session


"""


@pytest.mark.slow
def test_versions_that_cannot_be_called_are_judged_within_their_application_and_again(tmp_path: Path) -> None:
    app = (
        APP.replace("session.scalars(select(Note)", "session.now.scalars(select(Note)")
        .replace(
            "    with Session(engine) as session:\n        yield session",
            "    with Session(engine) as session:\n        yield Unit(session)",
        )
        .replace("session: Session", "session: Unit")
        .replace("def db():", UNIT + "def db():")
        .replace("session.scalars(select(Author)", "session.now.scalars(select(Author)")
        .replace("session.commit", "session.now.commit")
    )
    (tmp_path / "main.py").write_text(app, "utf8")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    changes = {
        "views.patch": ("author.views + 1", "author.views + 2"),
        "eager.patch": ("select(Note)", "select(Note).options(selectinload(Note.author))"),
    }  # fmt: skip
    for name, (old, new) in changes.items():
        (tmp_path / "main.py").write_text(app.replace(old, new), "utf8")
        (tmp_path / name).write_bytes(
            subprocess.run(["git", "diff"], cwd=tmp_path, check=True, capture_output=True).stdout
        )
        (tmp_path / "main.py").write_text(app, "utf8")

    assert verified(tmp_path, "main.py:views", "views.patch")["reason"] == "it leaves other rows in the database"
    done = subprocess.run(
        [*COMMAND, "verify", "main.py:notes@HEAD", "eager.patch", "--evidence", "eager.json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "eager.patch: same" in done.stdout
    assert "made by GET /notes" in done.stdout
    again = subprocess.run(
        [*COMMAND, "verify", "--replay", "eager.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "the verdict is 'same' again; the sources are the same." in again.stdout


RAW = '''import sqlite3

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE events (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id), kind TEXT);
"""


def counts(db: sqlite3.Connection) -> list[tuple[str, int]]:
    found = []
    for key, name in db.execute("SELECT id, name FROM users ORDER BY id").fetchall():
        found.append((name, db.execute("SELECT count(*) FROM events WHERE user_id = ?", (key,)).fetchone()[0]))
    return found
'''
GROUPED = """

def counts(db: sqlite3.Connection) -> list[tuple[str, int]]:
    return db.execute(
        "SELECT name, count(events.id) FROM users JOIN events ON user_id = users.id GROUP BY users.id ORDER BY users.id"
    ).fetchall()
"""
LATER = (
    BUILT.partition("def rename")[0]
    + """
from sqlalchemy.ext.asyncio import AsyncSession


async def names(session: AsyncSession, order_ids: list[int]) -> list[str]:
    found = []
    for key in order_ids:
        order = await session.get(Order, key)
        found.append("" if order is None else (await session.get(Customer, order.customer_id)).name)
    return found
"""
)


@pytest.mark.slow
def test_a_session_is_made_of_the_tables_that_are_known(tmp_path: Path) -> None:
    at_once = LATER.replace("session.get(Order, key)", "session.get(Order, key, options=[joinedload(Order.customer)])")
    fast = at_once.replace("(await session.get(Customer, order.customer_id)).name", "order.customer.name")
    for name, text in (("slow", LATER), ("fast", fast), ("wrong", fast.replace('"" if', '"none" if'))):
        (tmp_path / f"{name}.py").write_text(text, "utf8")

    found = verified(tmp_path, "slow.py:names", "fast.py:names")
    assert (found["verdict"], found["input"]) == ("same", "from the annotations")
    n, before, after = found["counts"]["queries"][-1]
    assert (n, after) == (100, before / 2)
    assert verified(tmp_path, "slow.py:names", "wrong.py:names")["verdict"] == "differs"


@pytest.mark.parametrize(("join", "verdict"), [("LEFT JOIN", "same"), ("JOIN", "differs")])
def test_a_connection_has_the_tables_that_a_text_creates(tmp_path: Path, join: str, verdict: str) -> None:
    (tmp_path / "slow.py").write_text(RAW, "utf8")
    (tmp_path / "fast.py").write_text(RAW.partition("\n\n\ndef")[0] + GROUPED.replace("JOIN", join), "utf8")

    assert verified(tmp_path, "slow.py:counts", "fast.py:counts")["verdict"] == verdict
