"""A scratch database of PostgreSQL: how it is reached, by which driver, and what it needs when it is filled."""

from __future__ import annotations

import datetime
import decimal
import functools
import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._contract import CannotStartError

# What drivers are told beside where the server is; all else of what they are given says that.
KEPT = (
    "autocommit", "prepare_threshold", "context", "row_factory", "cursor_factory", "connection_factory",
    "statement_cache_size", "max_cached_statement_lifetime", "max_cacheable_statement_size", "command_timeout",
    "connection_class", "record_class", "server_settings", "min_size", "max_size", "init", "setup", "loop",
    "max_queries", "max_inactive_connection_lifetime", "reset",
)  # fmt: skip
MADE = (
    ("psycopg", "", "connect"), ("psycopg", "Connection", "connect"), ("psycopg", "AsyncConnection", "connect"),
    ("psycopg2", "", "connect"), ("asyncpg", "", "connect"), ("asyncpg", "", "create_pool"),
)  # fmt: skip
TYPES = {"INET": "address", "CIDR": "network", "MACADDR": "hardware"}
UTC = datetime.timezone.utc  # noqa: UP017 - its short name is Python 3.11's
DAY = datetime.datetime(2024, 1, 1, 8)
RANGES: dict[str, tuple[Any, Any]] = {
    "INT4": (1, 10), "INT8": (1, 10), "NUM": (decimal.Decimal(1), decimal.Decimal(10)),
    "DATE": (DAY.date(), DAY.date() + datetime.timedelta(days=1)), "TS": (DAY, DAY + datetime.timedelta(hours=1)),
    "TSTZ": (DAY.replace(tzinfo=UTC), DAY.replace(hour=9, tzinfo=UTC)),
}  # fmt: skip
OPENED = ("connect", "first_connect")
# Rows came with their keys, and sequences know nothing of that. One that no column owns is set far ahead.
FILLED = (
    """
    DO $$
    DECLARE each record;
    BEGIN
      FOR each IN
        SELECT s.oid::regclass::text AS sequence, d.refobjid::regclass::text AS of_table,
               quote_ident(a.attname) AS of_column, p.seqmax AS most, p.seqmin AS least
        FROM pg_class s
        JOIN pg_sequence p ON p.seqrelid = s.oid
        LEFT JOIN pg_depend d ON d.objid = s.oid AND d.classid = 'pg_class'::regclass
             AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE s.relkind = 'S'
      LOOP
        IF each.of_table IS NULL THEN
          PERFORM setval(each.sequence::regclass, least(1000000, each.most));
        ELSE
          EXECUTE 'SELECT setval(' || quote_literal(each.sequence) || '::regclass, greatest(max(' || each.of_column
            || '), ' || each.least || ')) FROM ' || each.of_table;
        END IF;
      END LOOP;
    END $$
    """,
    "ANALYZE",
)


@dataclass(frozen=True)
class Place:
    """A scratch database on a server."""

    host: str
    port: int
    user: str
    password: str
    name: str

    def url(self, given: str, *, is_async: bool) -> Any:
        """Return the URL for SQLAlchemy; the driver is that of the URL it stands for, where it is installed."""
        import sqlalchemy as sa

        driver = self.driver(given, is_async=is_async)
        url = sa.engine.URL.create(
            f"postgresql+{driver}", username=self.user, password=self.password or None, database=self.name
        )
        if self.host.startswith("/"):
            return url.update_query_dict({"host": self.host, "port": str(self.port)})
        return url.set(host=self.host, port=self.port)

    def lead(self) -> None:
        """Lead all connections of the drivers here, whatever they are asked for: no other database is touched."""
        for library, of_class, name in MADE:
            try:
                owner = importlib.import_module(library)
            except ImportError:
                continue
            owner = getattr(owner, of_class) if of_class else owner
            made = self.instead_of(getattr(owner, name), library, bound=bool(of_class))
            setattr(owner, name, classmethod(made) if of_class else made)

    def instead_of(self, real: Any, library: str, *, bound: bool) -> Any:
        """Return what connects here in place of where it is asked to."""
        name = "database" if library == "asyncpg" else "dbname"
        there = {"host": self.host, "port": self.port, "user": self.user, name: self.name}
        if self.password:
            there["password"] = self.password
        of_class = getattr(real, "__func__", real)

        @functools.wraps(of_class)
        def connect(*given: Any, **more: Any) -> Any:
            kept = {key: value for key, value in more.items() if key in KEPT}
            return of_class(given[0], **kept, **there) if bound else real(**kept, **there)

        return connect

    def driver(self, given: str, *, is_async: bool) -> str:
        """Return the driver that the program names, else one that is installed."""
        named = re.match(r"(?:postgres|postgresql)\+(\w+):", given)
        wanted = drivers(is_async=is_async)
        for name in sorted(wanted, key=lambda each: named is None or named[1].removesuffix("_async") != each):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
            return name
        raise CannotStartError(
            f"a PostgreSQL database needs {' or '.join(wanted)}, and {sys.prefix} has neither: install one there"
        )


def drivers(*, is_async: bool) -> tuple[str, ...]:
    """Return the drivers that this SQLAlchemy knows, the one that it takes by itself first."""
    import sqlalchemy as sa

    release = tuple(map(int, re.findall(r"\d+", sa.__version__)[:2]))
    if is_async:
        return ("asyncpg", "psycopg") if release >= (2, 0) else ("asyncpg",)
    if release < (2, 0):
        return ("psycopg2",)
    return ("psycopg", "psycopg2") if release >= (2, 1) else ("psycopg2", "psycopg")


def kind_of(kind: Any) -> str:
    """Return the kind of a type that PostgreSQL alone has; nothing where it is another one."""
    name = type(kind).__name__.upper()
    if name == "UUID" and not getattr(kind, "as_uuid", True):
        return "uuid text"
    return TYPES.get(name, "")


def ranges(kind: Any) -> tuple[Any, ...]:
    """Return the value that a column of ranges has in each row; none for other types."""
    found = re.fullmatch(r"(INT4|INT8|NUM|DATE|TS|TSTZ)(MULTI)?RANGE", type(kind).__name__.upper())
    if found is None:
        return ()
    try:
        from sqlalchemy.dialects.postgresql import Range
    except ImportError:  # before 2.0 the values were the driver's own
        return ()
    made = Range(*RANGES[found[1]])
    return ([made],) if found[2] else (made,)


def pair_of(name: str) -> tuple[Any, ...]:
    """Return the value that a range field of Django has in each row; none for other fields."""
    pairs = {
        "IntegerRangeField": "INT4", "BigIntegerRangeField": "INT8", "DecimalRangeField": "NUM",
        "DateRangeField": "DATE", "DateTimeRangeField": "TSTZ",
    }  # fmt: skip
    return (RANGES[pairs[name]],) if name in pairs else ()


def lenient(listen: Any, note: Callable[[str], None]) -> Any:
    """Return SQLAlchemy's `listen`, which lets a connection live on where what the program does as it opens fails.

    Most often it sets what another database knows, as SQLite's pragmas.
    """

    def instead(target: Any, identifier: str, function: Any, *more: Any, **given: Any) -> Any:
        if identifier not in OPENED or str(getattr(function, "__module__", "sqlalchemy")).startswith("sqlalchemy."):
            return listen(target, identifier, function, *more, **given)

        @functools.wraps(function)
        def tried(connection: Any, *rest: Any, **named: Any) -> Any:
            try:
                return function(connection, *rest, **named)
            except Exception as error:
                connection.rollback()
                said = (str(error).splitlines() or [type(error).__name__])[0][:120]
                note(f"{function.__name__}, which it calls for each connection, fails on PostgreSQL ({said})")
                return None

        return listen(target, identifier, tried, *more, **given)

    return instead
