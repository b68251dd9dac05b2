"""What an object of unknown origin must be, by what it is asked and with what."""

from perfwright.effects.frame import Frame
from perfwright.effects.schema import DJANGO, SQLALCHEMY
from perfwright.effects.values import ClassValue, Rows, Value
from perfwright.index.lower import Node

SESSION = "sqlalchemy.orm.Session"
ASYNC_SESSION = "sqlalchemy.ext.asyncio.AsyncSession"
OF_MODEL = ("query", "get", "get_one")  # methods of a session whose first argument is a mapped class
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
    return None


def is_mapped(frame: Frame, value: ClassValue) -> bool:
    model = frame.interp.schema.of(value.cls)
    return model is not None and model.framework == SQLALCHEMY


def manager_of_unknown(frame: Frame, base: Value, name: str, position: int) -> Rows | None:
    """Return what `model.objects` is where the model is not known: some table of a Django project."""
    if name != "objects" or DJANGO not in frame.interp.schema.frameworks:
        return None
    rows = Rows(None, "django.db.models.Manager", position, base.depth, base.root)
    rows.manager = True
    return rows
