"""Queries of SQLAlchemy and sqlite3, at the lines of the program that cause them."""

from pathlib import Path
from typing import Any

import pytest

from _watched import line_of, lines, run

SHOP = """
import asyncio
from sqlalchemy import ForeignKey, create_engine, select, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship()

    @property
    def name(self):
        return self.customer.name  # lazy


def fill(session, n):
    session.add_all([Customer(id=i, name=str(i)) for i in range(n)])
    session.flush()
    session.add_all([Order(id=i, customer_id=i) for i in range(n)])
    session.commit()


def names(session):
    return [
        order.name  # in the loop
        for order in session.scalars(select(Order))  # the orders
    ]


def fetched(session):
    return [order.customer.name for order in session.scalars(select(Order).options(selectinload(Order.customer)))]


def raw(connection, n):
    for i in range(n):
        connection.execute(text(f"select * from customer where id = {i}")).fetchall()  # raw
    for _ in range(3):
        connection.execute(text("select :a"), {"a": 1}).scalar()  # identical


async def names_async(session):
    out = []
    for order in await session.scalars(select(Order)):  # async orders
        out.append((await session.get(Customer, order.customer_id)).name)  # async get
    return out


async def fetch_one(engine, i):
    async with AsyncSession(engine) as session:
        return await session.get(Customer, i)  # gathered


async def gathered(engine, n):
    return await asyncio.gather(*[fetch_one(engine, i) for i in range(n)])
"""
SYNC = """
import shop
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
capture = Capture([ROOT])
capture.install()
engine = create_engine("sqlite:///" + ROOT + "/db.sqlite3")
shop.Base.metadata.create_all(engine)
with capture.recording() as trace, Session(engine) as session:
    shop.fill(session, 7)
told["fill"] = trace.to_json()
for name in ("names", "fetched", "names"):
    with Session(engine) as session:
        with capture.recording() as trace:
            getattr(shop, name)(session)
        told[name + "_again" * (name in told)] = trace.to_json()
with engine.connect() as connection, capture.recording() as trace:
    shop.raw(connection, 5)
told["raw"] = trace.to_json()
"""
ASYNC = """
import asyncio, shop
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
capture = Capture([ROOT])
engine = create_engine("sqlite:///" + ROOT + "/db.sqlite3")
shop.Base.metadata.create_all(engine)
with Session(engine) as session:
    shop.fill(session, 7)
async def main():
    engine = create_async_engine("sqlite+aiosqlite:///" + ROOT + "/db.sqlite3")
    async with AsyncSession(engine) as session:
        capture.install()
        with capture.recording() as trace:
            await shop.names_async(session)
        told["names"] = trace.to_json()
    with capture.recording() as trace:
        await shop.gathered(engine, 4)
    told["gathered"] = trace.to_json()
    async def one(n):
        with capture.recording() as trace:
            await shop.gathered(engine, n)
        return trace.to_json()
    told["apart"] = await asyncio.gather(one(2), one(5), one(3))
    await engine.dispose()
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def sync(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("sync")
    (root / "shop.py").write_text(SHOP)
    return root, run(root, SYNC)


@pytest.fixture(scope="module")
def asynchronous(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("async")
    (root / "shop.py").write_text(SHOP)
    return root, run(root, ASYNC)


def test_a_lazy_load_in_a_loop_is_counted_at_the_property_with_the_loop_above(
    sync: tuple[Path, dict[str, Any]],
) -> None:
    root, told = sync
    trace = told["names"]

    assert (trace["queries"], trace["statements"], trace["rows"], trace["faults"]) == (8, 2, 14, 0)
    most = trace["groups"][0]
    assert (most["count"], most["rows"], most["verb"], most["tables"]) == (7, 7, "SELECT", ["customer"])
    assert most["site"] == [
        ["shop.py", line_of(root, "shop.py", "# in the loop"), "names"],
        ["shop.py", line_of(root, "shop.py", "# lazy"), "Order.name"],
    ]


def test_related_rows_that_are_fetched_are_two_queries(sync: tuple[Path, dict[str, Any]]) -> None:
    _, told = sync

    assert (told["fetched"]["queries"], told["fetched"]["rows"]) == (2, 14)


def test_two_runs_give_the_same_counts(sync: tuple[Path, dict[str, Any]]) -> None:
    _, told = sync
    first, again = told["names"], told["names_again"]

    assert first["groups"] != []
    assert [{**group, "ms": 0} for group in first["groups"]] == [{**group, "ms": 0} for group in again["groups"]]


def test_a_statement_with_its_values_in_it_is_one_statement(sync: tuple[Path, dict[str, Any]]) -> None:
    root, told = sync

    assert lines(told["raw"]) == [
        ("shop.py", line_of(root, "shop.py", "# raw"), 5, 5),
        ("shop.py", line_of(root, "shop.py", "# identical"), 3, 3),
    ]
    assert [group["identical"] for group in told["raw"]["groups"]] == [0, 2]


def test_an_executemany_is_one_query_with_many_writes(sync: tuple[Path, dict[str, Any]]) -> None:
    _, told = sync
    written = {group["tables"][0]: (group["count"], group["writes"]) for group in told["fill"]["groups"]}

    assert written == {"customer": (1, 7), "order": (1, 7)}
    assert told["fill"]["writes"] == 14


def test_async_sessions_are_counted_at_the_lines_that_await_them(
    asynchronous: tuple[Path, dict[str, Any]],
) -> None:
    root, told = asynchronous

    assert lines(told["names"]) == [
        ("shop.py", line_of(root, "shop.py", "# async orders"), 1, 7),
        ("shop.py", line_of(root, "shop.py", "# async get"), 7, 7),
    ]
    assert told["names"]["faults"] == 0


def test_tasks_count_for_the_recording_that_started_them(asynchronous: tuple[Path, dict[str, Any]]) -> None:
    root, told = asynchronous

    assert lines(told["gathered"]) == [("shop.py", line_of(root, "shop.py", "# gathered"), 4, 4)]
    assert [trace["queries"] for trace in told["apart"]] == [2, 5, 3]


def test_sqlite3_alone_is_counted_and_its_rows(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import sqlite3\n"
        "def work(n):\n"
        "    connection = sqlite3.connect(':memory:')\n"
        "    connection.execute('pragma foreign_keys = on')\n"
        "    connection.execute('create table t (a int)')\n"
        "    connection.executemany('insert into t values (?)', [(i,) for i in range(n)])\n"
        "    for row in connection.execute('select a from t'):\n"
        "        cursor = connection.cursor()\n"
        "        cursor.execute('select count(*) from t where a > ?', row)\n"
        "        cursor.fetchone()\n"
        "    connection.commit()\n"
        "    return connection.execute('select * from t').fetchall()\n"
    )
    told = run(
        tmp_path,
        "import app\n"
        "capture = Capture([ROOT]); capture.install(); capture.install()\n"
        "with capture.recording() as trace: told['rows'] = len(app.work(6))\n"
        "told['trace'] = trace.to_json()\n",
    )
    trace = told["trace"]

    assert told["rows"] == 6
    assert lines(trace) == [
        ("app.py", 5, 1, 0),
        ("app.py", 6, 1, 0),
        ("app.py", 7, 1, 6),
        ("app.py", 9, 6, 6),
        ("app.py", 12, 1, 6),
    ]
    assert lines(trace, "control") == [("app.py", 4, 1, 0)]
    assert (trace["queries"], trace["writes"], trace["rows"]) == (10, 6, 18)
