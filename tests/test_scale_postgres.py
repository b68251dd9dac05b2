"""`perfwright scale --database postgres` on whole applications, against a server of its own that is really started."""

import contextlib
import os
import select
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import _postgres
from perfwright import pipeline
from perfwright.app.commands.scale import COMMAND
from perfwright.config import Settings
from perfwright.errors import PerfwrightError
from perfwright.measure import application, joined, postgres
from perfwright.measure.entries import Scaled
from perfwright.measure.postgres import Server
from perfwright.measure.run import Guest
from perfwright.measure.scale import scale
from perfwright.measure.worker.apps import _postgres as _place
from perfwright.measure.worker.apps._contract import CannotStartError

pytestmark = pytest.mark.skipif(bool(_postgres.reason()), reason=_postgres.reason() or "there is a server")

ROOT = Path(__file__).parent.parent
SIZES = (4, 8, 16)

ASYNC = """
import datetime, enum, os, uuid
from contextlib import asynccontextmanager
from decimal import Decimal
from fastapi import Depends, FastAPI, Body
from sqlalchemy import ForeignKey, Identity, String, select, func, text, Sequence, DateTime, MetaData
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

engine = create_async_engine(os.environ["DATABASE_URL"], pool_size=5, connect_args={"ssl": "require"})
Session = async_sessionmaker(engine, expire_on_commit=False)

class Base(DeclarativeBase): pass
class State(enum.Enum):
    OPEN = "open"
    DONE = "done"

class Team(Base):
    __tablename__ = "teams"
    __table_args__ = {"schema": "people"}
    id: Mapped[uuid.UUID] = mapped_column(
        pg.UUID(as_uuid=True), primary_key=True, server_default=text("uuid_generate_v4()"))
    name: Mapped[str] = mapped_column(pg.CITEXT, unique=True)
    tasks: Mapped[list["Task"]] = relationship(lazy="selectin")

class Task(Base):
    __tablename__ = "tasks"
    __table_args__ = {"schema": "work"}
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.teams.id"))
    old_id: Mapped[str] = mapped_column(pg.UUID(as_uuid=False))
    state: Mapped[State] = mapped_column(pg.ENUM(State, name="state"))
    kind: Mapped[str] = mapped_column(pg.ENUM("bug", "feature", name="kind"))
    data: Mapped[dict] = mapped_column(pg.JSONB, server_default=text("'{}'::jsonb"))
    tags: Mapped[list[str]] = mapped_column(pg.ARRAY(String(20)))
    numbers: Mapped[list[int]] = mapped_column(pg.ARRAY(pg.INTEGER))
    seen_from: Mapped[str] = mapped_column(pg.INET)
    net: Mapped[str] = mapped_column(pg.CIDR)
    card: Mapped[str] = mapped_column(pg.MACADDR)
    during: Mapped[object] = mapped_column(pg.TSTZRANGE)
    ages: Mapped[object] = mapped_column(pg.INT4RANGE)
    days: Mapped[object] = mapped_column(pg.DATERANGE)
    takes: Mapped[datetime.timedelta] = mapped_column(pg.INTERVAL)
    made: Mapped[datetime.datetime] = mapped_column(DateTime(timezone=True))
    at: Mapped[datetime.datetime]
    price: Mapped[Decimal] = mapped_column(pg.NUMERIC(8, 2))
    ratio: Mapped[float] = mapped_column(pg.DOUBLE_PRECISION)
    blob: Mapped[bytes] = mapped_column(pg.BYTEA)
    words: Mapped[object] = mapped_column(pg.TSVECTOR)

class Other(Base):
    __tablename__ = "tasks"
    __table_args__ = {"schema": "people"}
    id: Mapped[int] = mapped_column(Sequence("numbers"), primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("work.tasks.id"))

@asynccontextmanager
async def lifespan(app):
    async with engine.begin() as c:
        await c.execute(text('CREATE EXTENSION IF NOT EXISTS "uuid-ossp"'))
        await c.run_sync(Base.metadata.create_all)
    yield

app = FastAPI(lifespan=lifespan)

async def session():
    async with Session() as s:
        yield s

@app.get("/tasks")
async def tasks(s: AsyncSession = Depends(session)):
    wanted = Task.tags.overlap(["amber"]) | (Task.data["x"].astext == None)
    found = (await s.execute(select(Task).where(wanted))).scalars().all()
    names = [(await s.get(Team, each.team_id, populate_existing=True)).name for each in found]
    return {"names": names, "states": [each.state.value for each in found]}

@app.get("/teams/{team_id}")
async def team(team_id: uuid.UUID, s: AsyncSession = Depends(session)):
    return {"tasks": len((await s.get_one(Team, team_id)).tasks)}

@app.get("/others")
async def others(s: AsyncSession = Depends(session)):
    return (await s.execute(select(func.count(Other.id)))).scalar()

@app.post("/others")
async def other(s: AsyncSession = Depends(session)):
    task = (await s.execute(select(Task.id).limit(1))).scalar()
    s.add(Other(task_id=task)); await s.commit()
    return 1

@app.post("/teams")
async def new_team(s: AsyncSession = Depends(session)):
    s.add(Team(name="fresh one")); await s.commit()
    return 1
"""
DJANGO = {
    "manage.py": """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of.settings")
""",
    "site_of/settings.py": """
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.postgres", "desk"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "desk", "HOST": "db.internal"}}
ROOT_URLCONF = "site_of.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "site_of/urls.py": """
from django.urls import path
from desk import views
urlpatterns = [path("cases", views.cases), path("cases/add", views.add)]
""",
    "desk/models.py": """
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, HStoreField, IntegerRangeField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

class Case(models.Model):
    tags = ArrayField(models.CharField(max_length=20))
    scores = ArrayField(models.IntegerField())
    asked_from = models.GenericIPAddressField()
    more = HStoreField()
    data = models.JSONField(default=dict)
    ages = IntegerRangeField()
    during = DateTimeRangeField()
    words = SearchVectorField(null=True)
    title = models.CharField(max_length=80)

    class Meta:
        indexes = [GinIndex(fields=["title"], name="title_trigrams", opclasses=["gin_trgm_ops"])]

class Note(models.Model):
    case = models.ForeignKey(Case, models.CASCADE, related_name="notes")
    text = models.TextField()
""",
    "desk/views.py": """
from django.http import JsonResponse
from .models import Case, Note

def cases(request):
    found = Case.objects.filter(title__trigram_similar="Amber") | Case.objects.filter(
        tags__len=1, scores__contained_by=list(range(200)))
    return JsonResponse({"notes": [each.notes.count() for each in found], "tags": [each.tags for each in found]})

def add(request):
    note = Note.objects.create(case=Case.objects.first(), text="new")
    return JsonResponse({"id": note.pk})
""",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres.private() as made:
        yield made


def measured(folder: Path, server: Server | None, *, only: tuple[str, ...] = (), writes: bool = False) -> Scaled:
    names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.py"))]
    known = application.find(folder, names)
    return scale(
        lambda: Guest(Path(sys.executable), [], scratch=server.empty() if server else None),
        known, folder, Settings(), sizes=SIZES, seconds=300, only=only, writes=writes, server=server,
    )  # fmt: skip


def counts(found: Scaled) -> dict[str, list[float]]:
    return {each.entry: list(each.metrics["queries"].values.values()) for each in found.entries if each.metrics}


def test_the_shop_makes_the_same_queries_as_on_sqlite(server: Server) -> None:
    there, here = measured(ROOT / "examples" / "shop", server), measured(ROOT / "examples" / "shop", None)

    assert len(counts(there)) > 20
    assert counts(there) == counts(here)
    assert there.rows == here.rows
    assert any("PostgreSQL" in note for note in there.notes)
    assert any("enable_foreign_keys" in note for note in there.notes)  # it sets a pragma of SQLite


@pytest.mark.slow
def test_a_project_of_django_makes_the_same_queries_as_on_sqlite(server: Server) -> None:
    folder = ROOT / "examples" / "shop_django"
    there, here = measured(folder, server, only=("/api/*",)), measured(folder, None, only=("/api/*",))

    assert len(counts(there)) > 8
    assert counts(there) == counts(here)
    assert there.refused == {}


def test_types_and_schemas_of_postgresql_are_filled_and_asked_through_asyncpg(server: Server, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(ASYNC)
    found = measured(tmp_path, server, writes=True)

    assert found.refused == {}
    assert found.rows[16] == {"people.teams": 16, "people.tasks": 16, "work.tasks": 16}
    assert all(each.answered for each in found.entries)
    assert [each.entry for each in found.unreached] == []
    # One for the tasks; for each one for its team, which is asked anew, and one for the tasks of that.
    assert counts(found)["GET /tasks"] == [1 + 2 * n for n in SIZES]
    assert "POST /others" in counts(found)  # a key from its sequence is free
    record = pipeline.check(tmp_path, ["app.py"], Settings())
    verdicts = joined.judge(record.findings, found)
    team = next(each.key for each in record.findings if each.rule == "n-plus-one-query" and each.symbol == "Team")
    assert verdicts[team].said == "confirmed"


def test_fields_of_django_for_postgresql_are_filled_and_asked(server: Server, tmp_path: Path) -> None:
    for name, text in DJANGO.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.with_name("__init__.py").touch()
        path.write_text(text)
    found = measured(tmp_path, server, writes=True)

    assert found.refused == {}
    assert counts(found) == {"GET /cases": [n + 1 for n in SIZES], "GET /cases/add": [2, 2, 2]}
    assert all(each.answered for each in found.entries)


RAW = """
import os
import psycopg, psycopg2
from flask import Flask, jsonify

app = Flask(__name__)
@app.errorhandler(psycopg.errors.InsufficientPrivilege)
def refused(error):
    return "refused", 403

with psycopg.connect("postgresql://somebody:secret@db.internal/live") as connection:
    connection.execute("create table counts (a int)")

@app.route("/where")
def where():
    with psycopg2.connect(host="db.internal", dbname="live") as one, one.cursor() as cursor:
        cursor.execute("select count(*), current_database(), current_user from counts")
        assert cursor.fetchone()[1].startswith("perfwright_")
    return "1"

@app.route("/owner")
def owner():
    with psycopg.connect() as connection:
        connection.execute("copy counts to program 'cat > /tmp/escaped'")
    return "1"

@app.route("/role")
def role():
    with psycopg.connect() as connection:
        connection.execute("set session authorization perfwright")
    return "1"

@app.route("/others")
def others():
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("drop database perfwright_template")
    return "1"
"""


def test_drivers_are_led_to_the_scratch_database_and_own_nothing_else(server: Server, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(RAW)
    found = measured(tmp_path, server)

    assert counts(found) == {"GET /where": [1, 1, 1]}
    assert sorted(each.entry for each in found.unreached) == ["GET /others", "GET /owner", "GET /role"]
    assert {each.why for each in found.unreached} == {"403: refused"}


def test_the_owner_of_the_server_is_not_to_be_had_without_its_password(server: Server) -> None:
    import psycopg

    place = server.fresh()
    for user, database in (("perfwright", place["name"]), ("perfwright", "postgres")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=str(place["host"]), user=user, dbname=str(database))
    with psycopg.connect(host=str(place["host"]), user=str(place["user"]), dbname=str(place["name"])) as connection:
        assert connection.execute("select usesuper from pg_user where usename = current_user").fetchone() == (False,)


def processes(folder: Path) -> list[str]:
    """Return what runs on a server's folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            text = path.read_bytes().replace(b"\0", b" ").decode("utf8", "replace")
            if str(folder) in text:
                found.append(text)
    return found


def gone(folders: list[Path]) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not any(each.exists() or processes(each) for each in folders):
            return True
        time.sleep(0.1)
    return False


def test_the_server_ends_with_the_block() -> None:
    with postgres.private() as server:
        folders = [*server.folders, Path(server.host)]
        assert processes(folders[0])
    assert gone(folders)


HELD = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background has it ignored
from perfwright.measure import postgres
with postgres.private() as server:
    print(server.control, server.host, server.fresh()["name"], flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
def test_the_server_ends_when_perfwright_is_killed(by: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HELD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout is not None
        folders = [Path(each.decode()) for each in process.stdout.readline().split()[:2]]
        assert len(folders) == 2
        assert processes(folders[0])
        os.killpg(process.pid, by)
        process.wait()
    assert gone(folders)


def url(server: Server, user: str = "", password: str = "") -> str:
    return f"postgresql://{user or server.user}:{password or server.password}@/live?host={server.control}"


def databases(server: Server) -> set[str]:
    return set(server.ask("postgres", "SELECT datname FROM pg_database").split())


def test_on_a_server_that_is_named_only_a_database_of_its_own_is_touched(server: Server) -> None:
    server.drop()
    before = databases(server)
    with postgres.opened(url(server), contained=False) as given:
        assert given is not None
        first, second = given.fresh()["name"], given.fresh()["name"]
        assert first != second
        assert databases(server) == before | {str(second)}
        assert server.password not in given.name
    assert databases(server) == before


def test_a_server_that_is_named_serves_an_application(server: Server) -> None:
    folder = ROOT / "examples" / "shop"
    server.drop()
    before = databases(server)
    asked = ["--sizes", "4,8,16", "--sandbox", "off", "--only", "/products*", "--database", url(server)]
    done = CliRunner().invoke(COMMAND, [str(folder), *asked])

    assert done.exit_code in (0, 1), done.output
    assert "GET /products" in done.output
    assert server.password not in done.output
    assert databases(server) == before


ELSEWHERE = """
import socket
from fastapi import HTTPException

@app.get("/elsewhere")
async def elsewhere():
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    except PermissionError:
        raise HTTPException(403)
    except OSError:
        return "nobody listens"
"""


class Relay(socketserver.BaseRequestHandler):
    """Passes what comes over TCP on to a socket in a folder."""

    path = ""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as there:
            there.connect(self.path)
            ways = {self.request: there, there: self.request}
            while True:
                for one in select.select(list(ways), [], [])[0]:
                    data = one.recv(1 << 16)
                    if not data:
                        return
                    ways[one].sendall(data)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_behind_a_port_is_all_that_the_guard_lets_through(server: Server, tmp_path: Path, host: str) -> None:
    (tmp_path / "app.py").write_text(ASYNC + ELSEWHERE)
    handler = type("Own", (Relay,), {"path": f"{server.control}/.s.PGSQL.{server.port}"})
    server.drop()
    before = databases(server)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as relay:
        relay.daemon_threads = True
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        given = f"postgresql://{server.user}:{server.password}@{host}:{relay.server_address[1]}/live"
        try:
            with postgres.opened(given, contained=False) as named:
                assert named is not None
                names = ["app.py"]
                found = scale(
                    lambda: Guest(Path(sys.executable), [], contain="off"), application.find(tmp_path, names),
                    tmp_path, Settings(), sizes=(2, 4, 8), seconds=300, server=named,
                )  # fmt: skip
        finally:
            relay.shutdown()
    assert counts(found)["GET /tasks"] == [5, 9, 17]
    assert {each.entry: each.why[:3] for each in found.unreached if "GET" in each.entry} == {"GET /elsewhere": "403"}
    assert databases(server) == before


def test_a_server_that_refuses_says_so_without_its_password(server: Server) -> None:
    with pytest.raises(PerfwrightError) as refused, postgres.opened(url(server, "nobody", "s3cr3t"), contained=False):
        pass
    assert refused.value.slug == "no-postgres"
    assert "s3cr3t" not in str(refused.value)

    given = "postgresql://somebody:s3cr3t@db.internal:5432/live"
    with pytest.raises(PerfwrightError) as refused, postgres.opened(given, contained=True):
        pass
    assert refused.value.slug == "closed-network"
    assert "--sandbox off" in str(refused.value)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("given", ["mysql://root:s3cr3t@db/live", "postgres://db:s3cr3t/live", "oracle", ""])
def test_what_is_no_server_of_postgresql_is_refused(given: str) -> None:
    with pytest.raises(PerfwrightError) as refused, postgres.opened(given, contained=False):
        pass
    assert refused.value.slug == "no-database"
    assert "s3cr3t" not in str(refused.value)


def test_without_a_server_it_says_what_would_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "NEEDED", ("no-such-program",))
    with pytest.raises(PerfwrightError) as refused, postgres.opened("postgres", contained=False):
        pass
    assert refused.value.slug == "no-postgres"
    assert "pgserver" in str(refused.value)


@pytest.mark.parametrize(
    ("given", "is_async", "driver"),
    [
        ("postgresql+psycopg2://db/live", False, "psycopg2"),
        ("postgresql+psycopg://db/live", False, "psycopg"),
        ("postgresql+psycopg://db/live", True, "psycopg"),
        ("postgresql+psycopg_async://db/live", True, "psycopg"),
        ("postgresql+asyncpg://db/live", True, "asyncpg"),
        ("postgresql+pg8000://db/live", False, "psycopg"),
        ("sqlite+aiosqlite:///live.db", True, "asyncpg"),
    ],
)
def test_the_driver_is_the_one_that_the_application_names(given: str, is_async: bool, driver: str) -> None:
    place = _place.Place(host="/run/here", port=5432, user="application", password="", name="perfwright_1")
    made = place.url(given, is_async=is_async)

    assert made.drivername == f"postgresql+{driver}"
    assert (made.username, made.database, made.query["host"]) == ("application", "perfwright_1", "/run/here")


def test_an_environment_without_a_driver_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    place = _place.Place(host="/run/here", port=5432, user="application", password="", name="perfwright_1")
    for name in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(CannotStartError, match="psycopg or psycopg2"):
        place.url("postgresql://db/live", is_async=False)
