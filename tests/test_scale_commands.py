"""`perfwright scale` on what runs without a request, and signed in by a function of the project's."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DATA = """
from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, sessionmaker

engine = create_engine("postgresql://somewhere/app")
Session = sessionmaker(engine)

class Base(DeclarativeBase): ...

class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    is_admin: Mapped[bool]
    orders: Mapped[list["Order"]] = relationship(back_populates="user")

class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[int]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    user: Mapped[User] = relationship(back_populates="orders")
"""
API = """
from fastapi import Depends, FastAPI, HTTPException, Header
from db import Session, User, Order
app = FastAPI()
def me(authorization: str = Header("")) -> User:
    with Session() as session:
        user = session.get(User, int(authorization.removeprefix("Bearer ") or 0))
        if user is None or not user.is_admin:
            raise HTTPException(403)
        return user
@app.get("/orders")
def orders(user: User = Depends(me)):
    if not user.is_admin: raise HTTPException(403, "not admin")
    with Session() as session:
        return [(order.id, order.user.email) for order in session.query(Order)]
"""
WORKER = """
from arq import cron, func
from arq.connections import RedisSettings
from db import Session, Order, User
async def start(ctx): ctx["session"] = Session()
async def stop(ctx): ctx["session"].close()
async def bill(ctx, user_id: int):
    return [order.total for order in ctx["session"].get(User, user_id).orders]
async def nightly(ctx):
    for order in ctx["session"].query(Order):
        print(order.user.email)
class WorkerSettings:
    functions = [func(bill, name="bill-one")]
    cron_jobs = [cron(nightly, hour=3)]
    on_startup = start
    on_shutdown = stop
    redis_settings = RedisSettings()
"""
TOOL = """
import click, typer
from pathlib import Path
from db import Session, Order, User
cli = typer.Typer()
@cli.command()
def show(user_id: int, limit: int = 10):
    with Session() as session:
        typer.echo(session.get(User, user_id).email)
@cli.command()
def mails():
    with Session() as session:
        for order in session.query(Order):
            typer.echo(order.user.email)
@click.group()
def old(): ...
@old.command()
@click.argument("path", type=click.Path(exists=True))
def load(path): ...
@old.command()
@click.option("--kind", required=True, type=click.Choice(["a", "b"]))
@click.confirmation_option()
def wipe(kind):
    with Session() as session:
        session.query(Order).delete(); session.commit()
"""
SIGNING = """
from db import Session, User
def admin():
    with Session() as session:
        user = session.query(User).order_by(User.id.desc()).first(); user.is_admin = True; session.commit()
        return {"Authorization": f"Bearer {user.id}"}
def row():
    with Session() as session:
        user = session.query(User).order_by(User.id.desc()).first(); user.is_admin = True; session.commit(); user.id
        return user
def bad(): return 7
def worse(): 1/0
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, code in {"db": DATA, "main": API, "worker": WORKER, "tool": TOOL, "signing": SIGNING}.items():
        (folder / f"{name}.py").write_text(code)
    return folder


def scale(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "perfwright.app.main", "scale", "--python", sys.executable, "--sizes", "4,8,16"]
    return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def queries(done: subprocess.CompletedProcess[str]) -> dict[str, list[int]]:
    assert done.stdout, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["scale"]["entries"]
    return {each["entry"]: list(each["metrics"]["queries"]["values"].values()) for each in found}


def test_commands_and_tasks_that_the_application_does_not_import_are_run(project: Path) -> None:
    done = scale(project, "--commands", "--format", "json")

    assert queries(done) == {
        "GET /orders": [4, 6, 10], "task nightly": [3, 5, 9], "task bill": [2, 2, 2], "command cli mails": [3, 5, 9],
        "command cli show": [1, 1, 1], "command old wipe": [1, 1, 1],
    }  # fmt: skip
    unreached = {each["entry"]: each["why"] for each in json.loads(done.stdout)["scale"]["unreached"]}
    assert unreached == {"command old load": "it asks for path, a file or a folder"}


def test_a_program_of_commands_is_an_application(project: Path) -> None:
    found = queries(scale(project, "tool:cli", "--format", "json"))

    assert found["command cli mails"] == [3, 5, 9]
    assert not any(entry.startswith("GET") for entry in found)


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("signing:admin", "signed in by signing:admin: it gives Authorization"),
        ("signing:row", "signed in by signing:row"),
    ],
)
def test_a_function_of_the_project_says_who_asks(project: Path, hook: str, said: str) -> None:
    done = scale(project, "--as", hook, "--format", "json")

    assert queries(done) == {"GET /orders": [4, 6, 10]}
    assert said in json.loads(done.stdout)["scale"]["notes"]


@pytest.mark.parametrize(
    ("hook", "why"),
    [
        ("signing:bad", "it gives int, neither headers by name nor a row"),
        ("signing:worse", "ZeroDivisionError"),
        ("signing:nothing", "has no attribute 'nothing'"),
        ("signing", "is no function; give such as"),
    ],
)
def test_who_cannot_sign_in_is_one_sentence(project: Path, hook: str, why: str) -> None:
    done = scale(project, "--as", hook)

    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    commands = tmp_path / "shop" / "management" / "commands"
    commands.mkdir(parents=True)
    for folder in (commands, commands.parent, commands.parent.parent):
        (folder / "__init__.py").touch()
    (commands / "report.py").write_text("import missing_library\n")
    (tmp_path / "settings.py").write_text(
        "SECRET_KEY = 'x'\nINSTALLED_APPS = ['shop']\nROOT_URLCONF = 'urls'\nUSE_TZ = True\n"
    )
    (tmp_path / "urls.py").write_text("urlpatterns = []\n")
    (tmp_path / "manage.py").write_text("import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n")
    done = scale(tmp_path, "--commands", "--format", "json")

    assert done.stdout, done.stderr
    unreached = {each["entry"]: each["why"] for each in json.loads(done.stdout)["scale"]["unreached"]}
    assert "No module named 'missing_library'" in unreached["command report"]
