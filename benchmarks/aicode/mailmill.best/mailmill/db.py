"""Engine, transactions and the few statements that differ between SQLite and PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Iterator, Sequence

from sqlalchemy import create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .models import Base


def utcnow() -> datetime:
    return datetime.now(timezone.utc)


class Database:
    def __init__(self, url: str):
        self.engine = create_engine(url, pool_pre_ping=True)
        if self.engine.dialect.name == "sqlite":
            self._prepare_sqlite()
        # Same pool, but transactions start with the write lock taken. Otherwise a
        # read-then-write transaction on SQLite can fail with "database is locked".
        self._writer = self.engine.execution_options(mailmill_write=True)

    def _prepare_sqlite(self) -> None:
        @event.listens_for(self.engine, "connect")
        def on_connect(connection, _record):
            connection.isolation_level = None  # we emit BEGIN ourselves
            for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000",
                           "synchronous=NORMAL"):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(self.engine, "begin")
        def on_begin(connection):
            write = connection.get_execution_options().get("mailmill_write")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    def create_all(self) -> None:
        Base.metadata.create_all(self.engine)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session


def _insert(session: Session, model: Any):
    dialect = session.get_bind().dialect.name
    return {"sqlite": sqlite, "postgresql": postgresql}[dialect].insert(model.__table__)


def insert_ignore(session: Session, model: Any, rows: Sequence[dict], returning: Any = None) -> list:
    """INSERT ... ON CONFLICT DO NOTHING; returns `returning` of the rows really inserted."""
    if not rows:
        return []
    # rows as parameter sets: one statement, compiled once and cached, whatever their number
    statement = _insert(session, model).on_conflict_do_nothing()
    if returning is None:
        session.execute(statement, list(rows))
        return []
    return list(session.scalars(statement.returning(returning), list(rows)))


def upsert(session: Session, model: Any, rows: Sequence[dict], keys: Sequence[str]) -> None:
    if not rows:
        return
    statement = _insert(session, model)
    changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=changes), list(rows))


def chunks(items: Sequence, size: int) -> Iterator[Sequence]:
    for start in range(0, len(items), size):
        yield items[start:start + size]
