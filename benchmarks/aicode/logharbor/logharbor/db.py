"""Engine, sessions and the few places where SQLite and PostgreSQL differ."""
from datetime import timezone

from sqlalchemy import JSON, BigInteger, DateTime, Integer, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from .clock import as_utc


class Base(DeclarativeBase):
    pass


class UTCDateTime(TypeDecorator):
    """Aware UTC in Python; timestamptz on PostgreSQL, naive UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        if value is None:
            return None
        value = as_utc(value)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value, dialect):
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


BigId = BigInteger().with_variant(Integer, "sqlite")
JsonType = JSON().with_variant(postgresql.JSONB, "postgresql")
SessionLocal = sessionmaker(expire_on_commit=False)


def init_engine(url: str):
    options = {"connect_args": {"timeout": 30}} if url.startswith("sqlite") else {"pool_size": 20, "pool_pre_ping": True}
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        @event.listens_for(engine, "connect")
        def _pragmas(connection, _record):
            cursor = connection.cursor()
            for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
    SessionLocal.configure(bind=engine)
    return engine


def create_schema(engine) -> None:
    from . import models  # noqa: F401  (registers the tables)
    Base.metadata.create_all(engine)


def dialect_name(db: Session) -> str:
    return db.get_bind().dialect.name


def insert_ignore(db: Session, model, rows: list[dict]) -> None:
    """INSERT ... ON CONFLICT DO NOTHING, which both databases know."""
    if rows:
        dialect = postgresql if dialect_name(db) == "postgresql" else sqlite
        db.execute(dialect.insert(model.__table__).on_conflict_do_nothing(), rows)
