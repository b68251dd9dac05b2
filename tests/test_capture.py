"""The watcher itself: what it is made of, how it reads statements, what it does when something goes wrong."""

import ast
import random
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from _interpreters import interpreters
from _watched import FOLDER, lines, run
from perfwright.runtime.capture.hooks._requests import template
from perfwright.runtime.capture.statements import LONGEST, TOLD, normal
from perfwright.runtime.capture.trace import EVENTS, GROUPS, hashed

PLAIN = """
import sqlite3


class Store:
    def __init__(self, connection):
        self.connection = connection

    @property
    def total(self):
        return self.connection.execute("select count(*) from t").fetchone()[0]

    @classmethod
    def many(cls, connection, n):
        return [
            connection.execute("select a from t where a = ?", (i,)).fetchall()
            for i in range(n)
        ]


def work(n):
    connection = sqlite3.connect(":memory:")
    connection.execute("create table t (a int)")
    connection.executemany("insert into t values (?)", [(i,) for i in range(n)])
    Store.many(connection, n)
    return Store(connection).total


def deep(connection, n):
    connection.execute("select 1").fetchone()
    if n:
        deep(connection, n - 1)


def texts(n):
    connection = sqlite3.connect(":memory:")
    for i in range(n):
        connection.execute(f'select 1 as "c{i}"')


async def handed(path):
    import asyncio
    return await asyncio.to_thread(read, path)


def read(path):
    return sqlite3.connect(path).execute("select 1").fetchone()
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(PLAIN)
    return tmp_path


def test_the_watcher_imports_nothing_but_the_standard_library() -> None:
    paths = list(FOLDER.rglob("*.py"))
    assert len(paths) > 15
    for path in paths:
        depth = len(path.relative_to(FOLDER).parts)
        for node in ast.walk(ast.parse(path.read_text("utf8"), feature_version=(3, 10))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""] if node.level == 0 else []
                assert node.level <= depth, path
            assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names, path


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: Path(path).resolve().name)
def test_each_interpreter_gives_the_same_counts_and_lines(app: Path, python: str) -> None:
    told = run(
        app,
        "import app, asyncio\n"
        "capture = Capture([ROOT]); capture.install()\n"
        "with capture.recording() as trace: app.work(4)\n"
        "told['trace'] = trace.to_json()\n"
        "with capture.recording() as trace: asyncio.run(app.handed(':memory:'))\n"
        "told['handed'] = trace.to_json()\n",
        python,
    )

    assert lines(told["trace"]) == [
        ("app.py", 11, 1, 1),
        ("app.py", 16, 4, 4),
        ("app.py", 23, 1, 0),
        ("app.py", 24, 1, 0),
    ]
    functions = {group["site"][-1][1]: group["site"][-1][2] for group in told["trace"]["groups"]}
    assert functions == {11: "Store.total", 16: "Store.many", 23: "work", 24: "work"}
    assert [group["site"] for group in told["handed"]["groups"]] == [[["app.py", 43, "handed"], ["app.py", 47, "read"]]]
    assert told["trace"]["faults"] == told["handed"]["faults"] == 0


def test_recursion_is_one_line_and_long_runs_are_bounded(app: Path) -> None:
    told = run(
        app,
        "import app, sqlite3\n"
        "capture = Capture([ROOT]); capture.install()\n"
        "with capture.recording() as trace: app.deep(sqlite3.connect(':memory:'), 50)\n"
        "told['deep'] = trace.to_json()['groups']\n"
        f"with capture.recording() as trace: app.texts({GROUPS} + 10)\n"
        "told['texts'] = trace.to_json()\n",
    )

    assert sum(group["count"] for group in told["deep"]) == 51
    assert [[line[1] for line in group["site"]] for group in told["deep"]] == [[32, 30], [30]]
    assert told["texts"]["queries"] == GROUPS + 10
    assert len(told["texts"]["events"]) == EVENTS
    assert told["texts"]["dropped"] == GROUPS + 10 - EVENTS
    assert told["texts"]["groups"][0]["count"] == 10
    assert len(told["texts"]["groups"]) == GROUPS + 1


def test_a_fault_of_ours_is_counted_and_the_program_goes_on(app: Path) -> None:
    told = run(
        app,
        "import app\n"
        "from _perfwright_capture import trace as module\n"
        "capture = Capture([ROOT]); capture.install()\n"
        "module.normal = None\n"
        "with capture.recording() as trace: told['total'] = app.work(4)\n"
        "told['trace'] = trace.to_json()\n",
    )

    assert told["total"] == 4
    assert (told["trace"]["queries"], told["trace"]["faults"]) == (0, 7)


def test_another_watcher_puts_the_first_away(app: Path) -> None:
    told = run(
        app,
        "import app\n"
        "first, second = Capture([ROOT]), Capture([ROOT])\n"
        "first.install(); second.install()\n"
        "with first.recording() as trace: app.work(2)\n"
        "told['first'] = trace.to_json()['queries']\n"
        "with second.recording() as trace: app.work(2)\n"
        "told['second'] = trace.to_json()['queries']\n"
        "import sqlite3; second.remove(); told['type'] = type(sqlite3.connect(':memory:')) is sqlite3.Connection\n",
    )

    assert told == {"first": 0, "second": 5, "type": True}


def test_a_program_sees_the_errors_and_types_of_its_own(app: Path) -> None:
    told = run(
        app,
        "import sqlite3, pickle\n"
        "class Own(sqlite3.Connection): pass\n"
        "class Row(sqlite3.Cursor): pass\n"
        "capture = Capture([ROOT]); capture.install()\n"
        "with capture.recording() as trace:\n"
        "    connection = sqlite3.connect(':memory:', factory=Own)\n"
        "    told['own'] = [isinstance(connection, Own), type(connection).__name__]\n"
        "    cursor = connection.cursor(Row)\n"
        "    told['row'] = [isinstance(cursor, Row), cursor.execute('select 1') is cursor]\n"
        "    try: connection.execute('select * from nowhere')\n"
        "    except sqlite3.OperationalError as error: told['error'] = str(error)\n"
        "    with sqlite3.connect(':memory:') as other: told['list'] = list(other.execute('select 1 union select 2'))\n"
        "told['queries'] = trace.to_json()['queries']\n",
    )

    assert told["own"] == [True, "Own"]
    assert told["row"] == [True, True]
    assert told["error"] == "no such table: nowhere"
    assert (told["list"], told["queries"]) == ([[1], [2]], 3)


def test_what_a_program_hands_over_is_not_used_up(app: Path) -> None:
    told = run(
        app,
        "import sqlite3\n"
        "capture = Capture([ROOT]); capture.install()\n"
        "with capture.recording() as trace:\n"
        "    connection = sqlite3.connect(':memory:')\n"
        "    connection.execute('create table t (a)')\n"
        "    connection.executemany('insert into t values (?)', ((i,) for i in range(5)))\n"
        "    connection.executemany('insert into t values (?)', iter([(7,), (8,)]))\n"
        "    told['count'] = connection.execute('select count(*) from t').fetchone()[0]\n"
        "told['writes'] = trace.to_json()['writes']\n",
    )

    assert told == {"count": 7, "writes": 7}


def test_an_environment_inside_the_project_is_not_the_project(tmp_path: Path) -> None:
    inside = tmp_path / "env" / "lib" / "site-packages" / "theirs"
    inside.mkdir(parents=True)
    (inside / "__init__.py").write_text(PLAIN)
    (tmp_path / "app.py").write_text("import theirs\ndef go(): return theirs.work(2)\n")
    told = run(
        tmp_path,
        "sys = __import__('sys'); sys.path.insert(0, ROOT + '/env/lib/site-packages')\n"
        "import app\n"
        "for name, places in (('project', [ROOT]), ('package', [ROOT + '/env/lib/site-packages/theirs'])):\n"
        "    capture = Capture(places); capture.install()\n"
        "    with capture.recording() as trace: app.go()\n"
        "    told[name] = sorted({line[0] for group in trace.to_json()['groups'] for line in group['site']})\n",
    )

    assert told == {"project": ["app.py"], "package": ["__init__.py"]}


@pytest.mark.parametrize(
    ("sql", "text", "verb", "tables"),
    [
        ('SELECT "a"."b" FROM "a" WHERE "a"."b" = 21', 'SELECT "a"."b" FROM "a" WHERE "a"."b" = ?', "SELECT", ["a"]),
        ("select 'it''s', \"x\" from t -- why\n where b = 1.5e3", 'select ?, "x" from t where b = ?', "SELECT", ["t"]),
        ("SELECT 1 FROM a, b AS c JOIN d ON d.x IN (%s, %s,%s)", "SELECT ? FROM a, b AS c JOIN d ON d.x IN (...)",
         "SELECT", ["a", "b", "d"]),
        ("INSERT INTO s.t (a, b) VALUES (?, 'x'), (?, now()), (?, ?)",
         "INSERT INTO s.t (a, b) VALUES (...)", "INSERT", ["s.t"]),
        ("INSERT INTO t (a) VALUES (%s), (%s), (%s) RETURNING id", "INSERT INTO t (a) VALUES (...) RETURNING id",
         "INSERT", ["t"]),
        ("WITH r AS (SELECT a FROM b) UPDATE c SET d = r.a FROM r",
         "WITH r AS (SELECT a FROM b) UPDATE c SET d = r.a FROM r", "UPDATE", ["b", "c"]),
        ("select extract(year from day) from t for update", "select extract(year from day) from t for update",
         "SELECT", ["t"]),
        ("/* traceparent='00-1' */ DELETE FROM `x` WHERE id IN (SELECT y FROM z)",
         "DELETE FROM `x` WHERE id IN (SELECT y FROM z)", "DELETE", ["x", "z"]),
        ("SELECT $1::int, :name, ?2 FROM generate_series(1, 3)", "SELECT $1::int, :name, ?2 FROM generate_series(?, ?)",
         "SELECT", []),
        ("SELECT $tag$ it's $tag$ FROM t", "SELECT ? FROM t", "SELECT", ["t"]),
        ("ROLLBACK TO SAVEPOINT s1", "ROLLBACK TO SAVEPOINT s1", "ROLLBACK", []),
        ("", "", "", []),
    ],
)  # fmt: skip
def test_a_statement_is_told_without_its_values(sql: str, text: str, verb: str, tables: list[str]) -> None:
    found = normal(sql)

    assert (found.text, found.verb, list(found.tables)) == (text, verb, tables)
    assert found.is_control is (verb == "ROLLBACK")


def test_lists_of_any_length_are_one_statement() -> None:
    found = {normal(f"SELECT a FROM t WHERE id IN ({', '.join(['%s'] * n)})").text for n in (1, 2, 50, 20_000)}
    rows = {normal(f"INSERT INTO t (a, b) VALUES {', '.join(['(%s, %s)'] * n)}").text for n in (1, 2, 50, 20_000)}

    assert found == {"SELECT a FROM t WHERE id IN (...)"}
    assert rows == {"INSERT INTO t (a, b) VALUES (...)"}


def test_text_that_is_no_sql_is_read_in_bounded_work() -> None:
    chance = random.Random(4)
    parts = [
        "'",
        '"',
        "(",
        ")",
        "--",
        "/*",
        "$a$",
        "in",
        "values",
        "from",
        ",",
        " ",
        "1",
        "%s",
        "\\",
        "with",
        "as",
        "x",
    ]
    for _ in range(300):
        text = "".join(chance.choice(parts) for _ in range(chance.randrange(400)))
        assert len(normal(text).text) <= TOLD
    for part in parts:
        assert len(normal(part * LONGEST).text) <= TOLD


def test_parameters_are_told_apart() -> None:
    texts = [(-1,), (-2,), (1,), ("1",), (1.0,), (None,), ([1],), {"a": 1}, {"a": Decimal(2)}, {"a": Decimal(3)}]

    assert len({hashed("q", each, 1) for each in texts}) == len(texts)
    assert hashed("q", (Decimal(1),), 1) == hashed("q", (Decimal(1),), 1)
    assert hashed("q", ([object()],), 1) is None
    assert hashed("q", (1, "a"), 1) == hashed("q", (1, "".join(["a"])), 1)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/users/17/orders", "/users/{}/orders"),
        ("/u/0b0a9e6e-93c1-4a3e-8b0a-1c2d3e4f5a6b", "/u/{}"),
        ("/c/deadbeef01", "/c/{}"),
        ("/v1/models", "/v1/models"),
        ("/cafe/facade", "/cafe/facade"),
        ("", "/"),
    ],
)
def test_parts_of_a_path_that_name_one_thing_are_left_out(path: str, told: str) -> None:
    assert template(path) == told
