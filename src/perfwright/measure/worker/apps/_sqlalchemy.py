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
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _postgres
from ._contract import CannotStartError, Column, Table, Who

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
    """The scratch databases in place of the program's: one file for each URL that it asks for, or one on a server."""

    def __init__(self, scratch: Path, database: _postgres.Place | None = None) -> None:
        self.scratch, self.database = scratch, database
        self.notes: dict[str, None] = {}
        self.made: list[Any] = []

    def redirect(self) -> None:
        """Lead every engine that is made from now on to a scratch database; nothing where there is no SQLAlchemy."""
        try:
            importlib.import_module("sqlalchemy")
        except ImportError:
            return
        if self.database is not None:
            from sqlalchemy import event

            listen = _postgres.lenient(event.listen, lambda note: self.notes.setdefault(note))
            event.listen = event.api.listen = listen
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
            if self.is_ours(url):
                engine = real(url, **given)
                self.made.append(getattr(engine, "sync_engine", engine))
                return engine
            kept = {name: value for name, value in given.items() if name not in DROPPED}
            if self.database is not None:
                engine = real(self.database.url(str(url), is_async=is_async), **kept)
                self.made.append(getattr(engine, "sync_engine", engine))
                return engine
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

    def is_ours(self, url: Any) -> bool:
        """Tell whether a URL leads to a scratch database."""
        if self.database is not None:
            return getattr(url, "database", None) == self.database.name
        return str(url).startswith("sqlite") and str(self.scratch) in str(url)

    def url(self, url: Any, *, is_async: bool) -> str:
        """Return the URL of the scratch database that stands for another one."""
        name = hashlib.sha256(str(url).split("://", 1)[-1].encode()).hexdigest()[:8]
        return f"sqlite+aiosqlite:///{self.scratch}/{name}.db" if is_async else f"sqlite:///{self.scratch}/{name}.db"


class Filled:
    """What an application with SQLAlchemy's tables gives, whatever its framework."""

    def __init__(self, engines: Engines) -> None:
        self.engines = engines
        self.notes: list[str] = []
        self.database: Database | None = None

    def create(self, engine: Any) -> None:
        """Create the tables of all mapped classes by an engine; nothing where there is none."""
        if engine is not None:
            self.database = Database(engine)
            self.database.create()

    def tables(self) -> Sequence[Table]:
        """Return the tables of all mapped classes."""
        return self.database.tables() if self.database is not None else ()

    def insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows to a table."""
        if self.database is not None:
            self.database.insert(table, rows)

    def filled(self) -> None:
        """Set what makes keys past those that are there."""
        if self.database is not None:
            self.database.filled()

    def relations(self) -> dict[str, str]:
        """Return where relations lead."""
        return self.database.relations() if self.database is not None else {}

    def close(self) -> None:
        """Close the connections that wait in pools."""
        for engine in self.engines.made:
            engine.dispose()

    def told_by(self, given: Any) -> Any:
        """Return what a hook says: headers by name, or who asks. Raises CannotStartError where it is neither."""
        if isinstance(given, Mapping):
            return given
        key = None
        if self.database is not None:
            from sqlalchemy import inspect

            key = getattr(inspect(given, raiseerr=False), "identity", None)
        if not key:
            raise CannotStartError(
                f"it gives {type(given).__name__}, neither headers by name nor a row that is in the database"
            )
        return Who(type(given), tuple(key))


class Database:
    """The tables of a program that uses SQLAlchemy, and an engine to fill them by."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.mapped = mapped_classes()
        self.metadatas = metadatas(self.mapped)
        self.notes: list[str] = []
        self.described: list[Table] | None = None

    def create(self) -> None:
        """Create what tables there are not yet; on SQLite in types that it has."""
        import sqlalchemy as sa

        if self.is_server:
            self.create_on_server()
            return
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

    @property
    def is_server(self) -> bool:
        """Whether it is a database of PostgreSQL."""
        return str(self.engine.dialect.name) == "postgresql"

    def create_on_server(self) -> None:
        """Create schemas and tables as the program says; each alone where all together are refused."""
        import sqlalchemy as sa

        for metadata in self.metadatas:
            schemas = sorted({table.schema for table in metadata.tables.values() if table.schema})
            for table in metadata.tables.values():
                for column in table.columns:
                    if column.identity is not None:
                        column.identity.always = False  # rows come with their keys
            quote = self.engine.dialect.identifier_preparer.quote_schema
            for schema in map(quote, schemas):
                try:
                    self.work(lambda c, name=schema: c.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {name}")))
                except sa.exc.SQLAlchemyError as error:
                    self.notes.append(f"schema {schema} cannot be made ({brief(error)})")
            try:
                self.work(metadata.create_all)
            except Exception:  # of the server or of a type of the program's own
                for table in metadata.sorted_tables:
                    try:
                        self.work(lambda c, table=table: table.create(c, checkfirst=True))
                    except Exception as error:
                        self.notes.append(f"table {table.name} cannot be made on PostgreSQL ({brief(error)})")

    def work(self, what: Any) -> Any:
        """Return what a function gives of a connection in a transaction, whether the driver waits or not."""
        if not self.engine.dialect.is_async or "aiosqlite" in str(self.engine.url):
            with sync(self.engine).begin() as connection:
                return what(connection)
        import asyncio

        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        async def run() -> Any:
            engine = create_async_engine(self.engine.url, poolclass=NullPool)
            async with engine.begin() as connection:
                return await connection.run_sync(what)

        loop = asyncio.new_event_loop()  # a connection belongs to the loop that it was opened in
        try:
            return loop.run_until_complete(run())
        finally:
            loop.close()

    def filled(self) -> None:
        """Set what makes keys past those that are there."""
        if self.is_server:
            for statement in _postgres.FILLED:
                self.work(lambda c, text=statement: c.exec_driver_sql(text))

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
            self.work(lambda connection: connection.execute(table.handle.insert(), list(rows)))

    def relations(self) -> dict[str, str]:
        """Return, for `Model.attribute` of each relation, the table that it leads to."""
        return {
            f"{mapper.class_.__name__}.{relation.key}": name_of(relation.mapper.local_table)
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
    for name, module in list(sys.modules.items()):
        if name.startswith("sqlalchemy."):  # the catalogues of servers
            continue
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
        choices = choices or _postgres.ranges(column.type)
        default = column.default.arg if column.default is not None and column.default.is_scalar else None
        if isinstance(default, enum.Enum):
            default = None
        columns.append(
            Column(
                name=column.key, kind=kind, size=size, digits=digits, nullable=bool(column.nullable),
                unique=column.name in single or bool(column.unique) or primary == [column.name],
                primary=primary == [column.name], choices=choices, default=default,
                refers=(name_of(refers.column.table), refers.column.key) if refers is not None else ("", ""),
                attribute=names.get(column.name, ""), item=item_of(column.type),
            )
        )  # fmt: skip
    name = model.__name__ if model is not None else ""
    return Table(
        name=name_of(table),
        columns=columns,
        together=together,
        model=name,
        is_user=is_users(model, table.name),
        handle=table,
    )


def name_of(table: Any) -> str:
    """Return the name of a table as statements have it: with its schema, where it has one."""
    schema = getattr(table, "schema", None)
    return f"{schema}.{table.name}" if schema else str(table.name)


def item_of(kind: Any) -> Column | None:
    """Return what the items of an array are, as a column of them."""
    inner = getattr(kind, "item_type", None)
    if inner is None:
        return None
    of_items, size, digits, choices = kind_of(inner)
    choices = choices or _postgres.ranges(inner)
    return Column(name="", kind=of_items, size=size, digits=digits, choices=choices)


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
    named = _postgres.kind_of(kind)
    if isinstance(kind, sa.Interval) or named:
        return named or "interval", 0, (0, 0), ()
    try:
        python = kind.python_type
    except NotImplementedError:  # SQLAlchemy's word for a type of no Python type; what does not fit is refused and told
        python = str
    size = int(getattr(kind, "length", None) or 0)
    kinds: dict[Any, str] = {
        bool: "bool", int: "int", float: "float", decimal.Decimal: "decimal", datetime.datetime: "datetime",
        datetime.date: "date", datetime.time: "time", uuid.UUID: "uuid", bytes: "bytes", dict: "json", list: "list",
        datetime.timedelta: "interval",
    }  # fmt: skip
    digits = (int(getattr(kind, "precision", None) or 0), int(getattr(kind, "scale", None) or 2))
    return kinds.get(python, "text"), size, digits, ()


def brief(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
