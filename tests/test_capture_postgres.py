"""Queries of the drivers of PostgreSQL, and of what stands on them, against a real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import _postgres
from _watched import lines, run

pytestmark = pytest.mark.skipif(bool(_postgres.reason()), reason=_postgres.reason() or "there is a server")

APP = """
import asyncpg
import psycopg
import psycopg2
from psycopg import sql


def by_psycopg(dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute("create temp table t (a int)")
        with connection.cursor() as cursor:
            cursor.executemany("insert into t values (%s)", [(i,) for i in range(5)])
            for row in cursor.execute(sql.SQL("select {} from t").format(sql.Identifier("a"))):
                connection.execute("select * from t where a = %s", row).fetchone()
        with connection.cursor("named") as cursor:
            cursor.execute("select a from t")
            cursor.fetchall()
        list(connection.cursor().stream("select a from t"))


async def by_psycopg_async(dsn):
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        cursor = await connection.execute("select generate_series(1, 4)")
        async for row in cursor:
            inner = await connection.execute("select %s::int", row)
            await inner.fetchall()


def by_psycopg2(dsn):
    connection = psycopg2.connect(dsn)
    with connection, connection.cursor() as cursor:
        cursor.execute("create temp table t (a int)")
        cursor.executemany("insert into t values (%s)", [(i,) for i in range(5)])
        cursor.execute("select a from t")
        for row in cursor.fetchall():
            cursor.execute("select * from t where a = %s", row)
            for each in cursor:
                pass
    connection.close()


async def by_asyncpg(dsn):
    parts = dict(part.replace("dbname", "database").split("=") for part in dsn.split())
    pool = await asyncpg.create_pool(**parts, min_size=1, max_size=1)
    async with pool.acquire() as connection:
        await connection.execute("create temp table t (a int)")
        await connection.executemany("insert into t values ($1)", [(i,) for i in range(5)])
        for row in await connection.fetch("select a from t"):
            await connection.fetchval("select a from t where a = $1", row["a"])
        async with connection.transaction():
            async for row in connection.cursor("select a from t"):
                pass
        prepared = await connection.prepare("select a from t where a > $1")
        await prepared.fetch(1)
    await pool.close()


def by_sqlalchemy(dsn, driver):
    from sqlalchemy import create_engine, text
    parts = dict(part.split("=") for part in dsn.split())
    engine = create_engine(f"postgresql+{driver}://{parts['user']}@/{parts['dbname']}?host={parts['host']}")
    with engine.connect() as connection:
        for _ in range(3):
            connection.execute(text("select generate_series(1, 2)")).all()
    engine.dispose()


async def by_sqlalchemy_async(dsn):
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine
    parts = dict(part.split("=") for part in dsn.split())
    engine = create_async_engine(f"postgresql+asyncpg://{parts['user']}@/{parts['dbname']}?host={parts['host']}")
    async with engine.connect() as connection:
        for _ in range(3):
            (await connection.execute(text("select generate_series(1, 2)"))).all()
    await engine.dispose()


def by_django(dsn):
    from django.contrib.auth.models import User
    from django.db import connection, transaction
    for i in range(3):
        User.objects.create(username=str(i))
    for user in User.objects.iterator():
        User.objects.get(pk=user.pk)
    with transaction.atomic():
        User.objects.update(first_name="x")
    connection.close()
    User.objects.count()
"""
SCRIPT = """
import asyncio, app, inspect
import sqlalchemy.ext.asyncio
import django
from django.conf import settings
parts = dict(part.split("=") for part in DSN.split())
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"], USE_TZ=True,
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": parts["dbname"], "USER": parts["user"],
        "HOST": parts["host"]}},
)
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
capture = Capture([ROOT]); capture.install()
calls = {
    "psycopg": (app.by_psycopg, DSN),
    "psycopg_async": (app.by_psycopg_async, DSN),
    "psycopg2": (app.by_psycopg2, DSN),
    "asyncpg": (app.by_asyncpg, DSN),
    "sqlalchemy_psycopg": (app.by_sqlalchemy, DSN, "psycopg"),
    "sqlalchemy_psycopg2": (app.by_sqlalchemy, DSN, "psycopg2"),
    "sqlalchemy_async": (app.by_sqlalchemy_async, DSN),
    "django": (app.by_django, DSN),
}
for name, (function, *given) in calls.items():
    with capture.recording() as trace:
        answer = function(*given)
        if inspect.iscoroutine(answer):
            asyncio.run(answer)
    told[name] = trace.to_json()
capture.remove()
told["after"] = [name for name, value in vars(app.psycopg.Cursor).items()
                 if "perfwright" in getattr(value, "__module__", "")]
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    root: Path = tmp_path_factory.mktemp("postgres")
    (root / "app.py").write_text(APP)
    with _postgres.server() as dsn:
        yield run(root, SCRIPT.replace("DSN", repr(dsn)))


def test_psycopg_is_counted_with_its_rows(told: dict[str, Any]) -> None:
    assert [line[1:] for line in lines(told["psycopg"])] == [
        (10, 1, 0),
        (12, 1, 0),
        (13, 1, 5),
        (14, 5, 5),
        (16, 1, 5),
        (18, 1, 5),
    ]
    assert told["psycopg"]["writes"] == 5
    assert told["psycopg"]["faults"] == 0


def test_async_psycopg_is_counted_with_its_rows(told: dict[str, Any]) -> None:
    assert [line[1:] for line in lines(told["psycopg_async"])] == [(23, 1, 4), (25, 4, 4)]


def test_psycopg2_is_counted_with_its_rows(told: dict[str, Any]) -> None:
    assert [line[1:] for line in lines(told["psycopg2"])] == [(32, 1, 0), (33, 1, 0), (34, 1, 5), (36, 5, 5)]
    assert told["psycopg2"]["writes"] == 5


def test_asyncpg_is_counted_with_its_rows(told: dict[str, Any]) -> None:
    assert [line[1:] for line in lines(told["asyncpg"])] == [
        (46, 1, 0),
        (47, 1, 0),
        (48, 1, 5),
        (49, 5, 5),
        (51, 1, 5),
        (54, 1, 3),
    ]
    assert told["asyncpg"]["writes"] == 5


@pytest.mark.parametrize("name", ["sqlalchemy_psycopg", "sqlalchemy_psycopg2", "sqlalchemy_async"])
def test_a_statement_of_sqlalchemy_is_one_query_whatever_the_driver(told: dict[str, Any], name: str) -> None:
    [group] = [group for group in told[name]["groups"] if group["kind"] == "query"]

    assert (group["count"], group["rows"], group["identical"]) == (3, 6, 2)
    assert told[name]["queries"] == 3


def test_what_a_new_connection_is_asked_is_no_query(told: dict[str, Any]) -> None:
    trace = told["django"]
    queries = [(group["verb"], group["count"]) for group in trace["groups"] if group["kind"] == "query"]

    assert sorted(queries) == [("INSERT", 3), ("SELECT", 1), ("SELECT", 1), ("SELECT", 3), ("UPDATE", 1)]
    assert trace["writes"] == 6
    assert told["after"] == []
