"""SQLAlchemy's tables: engines led to a scratch database before they are made, tables read from metadata."""

from __future__ import annotations

import datetime
import decimal
import enum
import gc
import hashlib
import importlib
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._contract import CannotStartError, Column, Table

# What an engine is told that says how to reach a server, or how many connections it may hold.
DROPPED = (
    "pool_size", "max_overflow", "pool_timeout", "pool_recycle", "pool_pre_ping", "poolclass", "isolation_level",
    "connect_args", "creator", "module", "client_encoding", "server_side_cursors", "use_native_hstore", "strategy",
    "executemany_mode", "executemany_batch_page_size", "use_insertmanyvalues", "fast_executemany", "encoding",
)  # fmt: skip
PLACES = (
    "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.create", "sqlmodel", "sqlalchemy.ext.asyncio",
    "sqlalchemy.ext.asyncio.engine",
)  # fmt: skip


class Engines:
    """The scratch databases in place of the program's: one file for each URL that it asks for."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.made: list[Any] = []

    def redirect(self) -> None:
        """Lead every engine that is made from now on to a scratch database; nothing where there is no SQLAlchemy."""
        try:
            importlib.import_module("sqlalchemy")
        except ImportError:
            return
        for place in PLACES:
            try:
                module = importlib.import_module(place)
            except ImportError:
                continue
            for name in ("create_engine", "create_async_engine"):
                real = getattr(module, name, None)
                if real is not None:
                    setattr(module, name, self.instead_of(real, is_async="async" in name))

    def instead_of(self, real: Any, *, is_async: bool) -> Any:
        """Return what makes an engine of a scratch database, whatever it is asked for."""
        if getattr(real, "is_perfwrights", False):
            return real

        def make(url: Any, **given: Any) -> Any:
            if str(url).startswith(str(self.url(url, is_async=is_async))[:20]) and str(self.scratch) in str(url):
                return real(url, **given)
            kept = {name: value for name, value in given.items() if name not in DROPPED}
            if is_async:
                try:
                    importlib.import_module("aiosqlite")
                except ImportError as error:
                    raise CannotStartError(
                        "it uses SQLAlchemy asynchronously, and a scratch SQLite database needs aiosqlite for that: "
                        "install it in the project's environment"
                    ) from error
            else:
                kept["connect_args"] = {"check_same_thread": False}
            engine = real(self.url(url, is_async=is_async), **kept)
            self.made.append(getattr(engine, "sync_engine", engine))
            return engine

        make.is_perfwrights = True  # type: ignore[attr-defined]
        return make

    def url(self, url: Any, *, is_async: bool) -> str:
        """Return the URL of the scratch database that stands for another one."""
        name = hashlib.sha256(str(url).split("://", 1)[-1].encode()).hexdigest()[:8]
        return f"sqlite+aiosqlite:///{self.scratch}/{name}.db" if is_async else f"sqlite:///{self.scratch}/{name}.db"


class Database:
    """The tables of a program that uses SQLAlchemy, and an engine to fill them by."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.mapped = mapped_classes()
        self.metadatas = metadatas(self.mapped)
        self.notes: list[str] = []
        self.described: list[Table] | None = None

    def create(self) -> None:
        """Create what tables there are not yet, in types that SQLite has."""
        import sqlalchemy as sa

        for metadata in self.metadatas:
            for table in metadata.tables.values():
                table.schema = None
                for column in table.columns:
                    if is_of_another_database(column.type):
                        column.type = here(column.type)
                        column.server_default = None
                for index in list(table.indexes):
                    if any(not isinstance(each, sa.Column) for each in index.expressions):
                        table.indexes.discard(index)
        engine = sync(self.engine)
        for metadata in self.metadatas:
            for table in metadata.sorted_tables:
                try:
                    table.create(engine, checkfirst=True)
                except sa.exc.SQLAlchemyError as error:
                    self.notes.append(f"table {table.name} cannot be made on SQLite ({brief(error)})")

    def tables(self) -> list[Table]:
        """Return the tables that can be filled."""
        if self.described is None:
            models = {mapper.local_table: mapper.class_ for mapper in self.mapped}
            self.described = [
                described(table, models.get(table))
                for metadata in self.metadatas
                for table in metadata.tables.values()
                if table.name not in ("alembic_version", "sqlite_sequence")
            ]
        return self.described

    def insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows through the core, so that types are bound as the program's are."""
        if rows:
            with sync(self.engine).begin() as connection:
                connection.execute(table.handle.insert(), list(rows))

    def relations(self) -> dict[str, str]:
        """Return, for `Model.attribute` of each relation, the table that it leads to."""
        return {
            f"{mapper.class_.__name__}.{relation.key}": relation.mapper.local_table.name
            for mapper in self.mapped
            for relation in mapper.relationships
        }


def sync(engine: Any) -> Any:
    """Return an engine that is used without `await`, of the same database."""
    if "aiosqlite" not in str(engine.url):
        return engine
    import sqlalchemy as sa

    return sa.create_engine(str(engine.url).replace("sqlite+aiosqlite", "sqlite"))


def mapped_classes() -> list[Any]:
    """Return the mappers of all classes that were mapped so far."""
    try:
        from sqlalchemy.orm import Mapper, configure_mappers
    except ImportError:
        return []
    configure_mappers()
    found = [each for each in gc.get_objects() if isinstance(each, Mapper)]
    return sorted(found, key=lambda mapper: (mapper.class_.__module__, mapper.class_.__qualname__))


def metadatas(mapped: Sequence[Any]) -> list[Any]:
    """Return all metadata with tables, that of mapped classes first."""
    from sqlalchemy import MetaData

    found: dict[int, Any] = {id(mapper.local_table.metadata): mapper.local_table.metadata for mapper in mapped}
    for module in list(sys.modules.values()):
        for each in list(getattr(module, "__dict__", {}).values()):
            if isinstance(each, MetaData):
                found.setdefault(id(each), each)
    return [each for each in found.values() if each.tables]


def is_of_another_database(kind: Any) -> bool:
    """Tell whether only another database than SQLite has a type."""
    module = type(kind).__module__
    own = module.startswith("sqlalchemy.dialects.") and ".sqlite" not in module
    return own or type(kind).__name__ in ("ARRAY", "Vector", "VECTOR", "Geometry", "TSVECTOR")


def here(kind: Any) -> Any:
    """Return the type that SQLite has in place of another database's."""
    import sqlalchemy as sa

    name = type(kind).__name__.upper()
    if name == "UUID":
        return sa.Uuid() if getattr(kind, "as_uuid", True) else sa.String(36)
    if name == "ENUM":
        given = kind.enum_class or None
        return sa.Enum(given) if given else sa.Enum(*kind.enums)
    if name in ("JSONB", "JSON", "ARRAY", "HSTORE"):
        return sa.JSON()
    if name in ("TIMESTAMP", "DATETIME"):
        return sa.DateTime()
    if name == "INTERVAL":
        return sa.Interval()
    if name in ("BYTEA", "LONGBLOB", "MEDIUMBLOB"):
        return sa.LargeBinary()
    if name in ("DOUBLE_PRECISION", "DOUBLE", "REAL", "FLOAT"):
        return sa.Float()
    if name in ("TINYINT", "MEDIUMINT", "BIGINT", "INTEGER", "SMALLINT", "OID"):
        return sa.Integer()
    return sa.Text()


def described(table: Any, model: Any) -> Table:
    """Return what the filler needs to know of a table."""
    import sqlalchemy as sa

    together = [
        [column.name for column in each.columns]
        for each in table.constraints
        if isinstance(each, sa.UniqueConstraint) and len(each.columns) > 1
    ]
    together += [[c.name for c in each.columns] for each in table.indexes if each.unique and len(each.columns) > 1]
    single = {
        each.columns.keys()[0]
        for each in (*(c for c in table.constraints if isinstance(c, sa.UniqueConstraint)), *table.indexes)
        if len(each.columns) == 1 and (isinstance(each, sa.UniqueConstraint) or each.unique)
    }
    primary = [column.name for column in table.primary_key.columns]
    if len(primary) > 1:
        together.append(primary)
    names = {prop.columns[0].name: prop.key for prop in model.__mapper__.column_attrs} if model is not None else {}
    columns = []
    for column in table.columns:
        if column.computed is not None:
            continue
        refers = next(iter(column.foreign_keys), None)
        kind, size, digits, choices = kind_of(column.type)
        default = column.default.arg if column.default is not None and column.default.is_scalar else None
        if isinstance(default, enum.Enum):
            default = None
        columns.append(
            Column(
                name=column.key, kind=kind, size=size, digits=digits, nullable=bool(column.nullable),
                unique=column.name in single or bool(column.unique) or primary == [column.name],
                primary=primary == [column.name], choices=choices, default=default,
                refers=(refers.column.table.name, refers.column.name) if refers is not None else ("", ""),
                attribute=names.get(column.name, ""),
            )
        )  # fmt: skip
    name = model.__name__ if model is not None else ""
    return Table(
        name=table.name,
        columns=columns,
        together=together,
        model=name,
        is_user=is_users(model, table.name),
        handle=table,
    )


def is_users(model: Any, table: str) -> bool:
    """Tell whether the rows of a table are those who log in."""
    if model is not None and (hasattr(model, "is_authenticated") or model.__name__ in ("User", "Account", "Customer")):
        return True
    return table in ("user", "users", "account", "accounts", "auth_user")


def kind_of(kind: Any) -> tuple[str, int, tuple[int, int], tuple[Any, ...]]:
    """Return the kind of a column's type, its length, its digits and its choices."""
    import sqlalchemy as sa

    if isinstance(kind, sa.types.TypeDecorator):
        return kind_of(kind.impl_instance if hasattr(kind, "impl_instance") else kind.impl)
    if isinstance(kind, sa.Enum):
        choices = tuple(kind.enum_class) if kind.enum_class else tuple(kind.enums)
        return "text", 0, (0, 0), choices
    if isinstance(kind, sa.JSON):
        return "json", 0, (0, 0), ()
    if isinstance(kind, sa.Interval):
        return "interval", 0, (0, 0), ()
    try:
        python = kind.python_type
    except NotImplementedError:
        python = str
    size = int(getattr(kind, "length", None) or 0)
    kinds: dict[Any, str] = {
        bool: "bool", int: "int", float: "float", decimal.Decimal: "decimal", datetime.datetime: "datetime",
        datetime.date: "date", datetime.time: "time", uuid.UUID: "uuid", bytes: "bytes", dict: "json", list: "list",
    }  # fmt: skip
    digits = (int(getattr(kind, "precision", None) or 0), int(getattr(kind, "scale", None) or 2))
    return kinds.get(python, "text"), size, digits, ()


def brief(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
