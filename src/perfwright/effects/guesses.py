"""What an object of unknown origin must be, by what it is asked and with what."""

import re
from typing import TYPE_CHECKING

from perfwright.effects.frame import Frame
from perfwright.effects.schema import DJANGO, SQLALCHEMY, Model
from perfwright.effects.values import ClassValue, Constant, External, Row, Rows, Value
from perfwright.index.lower import Node
from perfwright.index.project import Function
from perfwright.index.tree import walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

EVERY_ROW = frozenset(("id", "pk", "save", "delete", "refresh_from_db", "full_clean", "clean", "_meta", "_state"))
SESSION = "sqlalchemy.orm.Session"
ASYNC_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"
OF_MODEL = ("query", "get", "get_one")  # methods of a session whose first argument is a mapped class
# Drivers by the package that a project imports, what their connections and cursors are, and whether their calls wait.
DRIVERS = {
    "sqlite3": ("sqlite3.Connection", False),
    "psycopg": ("psycopg.Cursor", False),
    "psycopg2": ("psycopg2.extensions.cursor", False),
    "aiosqlite": ("aiosqlite.Connection", True),
    "asyncpg": ("asyncpg.connection.Connection", True),
}
RUNS_SQL = ("execute", "executemany", "executescript", "fetch", "fetchrow", "fetchval")
SQL = re.compile(r"\s*(select|insert|update|delete|with|replace|merge|create|alter|drop)\s", re.I)
MANAGER = "django.db.models.Manager"
OF_MANAGERS = ("update_or_create", "get_or_create", "aupdate_or_create", "aget_or_create")
OF_STATEMENT = ("execute", "scalars", "scalar", "stream", "stream_scalars")  # and those that run a statement


def session_method(frame: Frame, node: Node, arguments: list[Value]) -> str | None:
    """Return the session's method that `x.query(Order)` or `x.execute(select(Order))` must be."""
    if node[2][0] != "attr" or not arguments:
        return None
    name, first = node[2][3], arguments[0]
    mapped = isinstance(first, ClassValue) and is_mapped(frame, first)
    statement = isinstance(first, Rows) and first.api.startswith("sqlalchemy.") and not first.stored
    if (name in OF_MODEL and mapped) or (name in OF_STATEMENT and statement):
        waits = frame.awaiting and name != "query"
        return f"{ASYNC_SESSION if waits else SESSION}.{name}"
    if name in RUNS_SQL and is_sql(frame, first, node[3][0]):
        driver = next((known for known, waits in drivers(frame) if waits == bool(frame.awaiting)), None)
        return f"{driver}.{name}" if driver is not None else None
    return None


def path_method(node: Node) -> str | None:
    """Return the method of a path that `x.iterdir()` must be: nothing else has one of that name."""
    if node[2][0] != "attr" or node[2][3] != "iterdir" or node[3] or node[4]:
        return None
    return "pathlib.Path.iterdir"


def is_sql(frame: Frame, value: Value, node: Node) -> bool:
    """Tell whether an argument is the text of an SQL statement, or begins like one."""
    if node[0] == "bin" and node[2] == "+":
        return is_sql(frame, frame.interp.peek(frame, node[3]), node[3])
    if node[0] == "fstr" and node[2]:
        node = node[2][0]
    said = value.value if isinstance(value, Constant) else node[2] if node[0] == "const" else None
    return isinstance(said, str) and SQL.match(said) is not None


def drivers(frame: Frame) -> list[tuple[str, bool]]:
    """Return the drivers that a project uses, where it is a single one of each kind."""
    interp = frame.interp
    if interp.drivers is None:
        imported = {name for module in interp.project.modules.values() for name in module.imports}
        found = [driver for package, driver in DRIVERS.items() if package in imported]
        interp.drivers = [each for each in found if sum(each[1] == other[1] for other in found) == 1]
    return interp.drivers


def is_mapped(frame: Frame, value: ClassValue) -> bool:
    model = frame.interp.schema.of(value.cls)
    return model is not None and model.framework == SQLALCHEMY


def manager_of_unknown(frame: Frame, base: Value, name: str, position: int) -> Value | None:
    """Return what `model.objects` is where the model is not known: some table of a Django project.

    What is asked to `update_or_create` must be such a manager, too: `order.lines.update_or_create(...)`.
    """
    if (name != "objects" and name not in OF_MANAGERS) or DJANGO not in frame.interp.schema.frameworks:
        return None
    rows = Rows(None, MANAGER, position, base.depth, base.root)
    rows.manager = True
    return rows if name == "objects" else External(f"{MANAGER}.{name}", rows)


def row_named(interp: "Interpreter", function: Function, name: str) -> Value | None:
    """Return the row that a parameter without annotation must be: called like a model, used as one.

    `def label(order)` that reads `order.customer` and `order.total`, where one model is called Order and has both.
    """
    named = interp.schema.by_snake.get(name)
    if named is None or len(named) != 1:
        return None
    used = {
        node[3] for node in walk(function.body) if node[0] == "attr" and node[2][0] == "name" and node[2][2] == name
    }
    model = named[0]
    if not used or used <= EVERY_ROW or not all(has(interp, model, attribute) for attribute in used):
        return None
    row = Row(model, model.always)
    row.assumed = True
    return row


def has(interp: "Interpreter", model: Model, name: str) -> bool:
    """Tell whether rows of a model have an attribute."""
    return (
        name in model.relations
        or name in EVERY_ROW
        or model.column(name) is not None
        or interp.project.class_member(model.cls, name) is not None
    )
