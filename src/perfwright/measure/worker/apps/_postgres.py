"""A scratch database of PostgreSQL: how it is reached, by which driver, and what it needs when it is filled."""

from __future__ import annotations

import functools
import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._contract import CannotStartError

DRIVERS = {False: ("psycopg", "psycopg2"), True: ("asyncpg", "psycopg")}
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

    def driver(self, given: str, *, is_async: bool) -> str:
        """Return the driver that the program names, else one that is installed."""
        named = re.match(r"(?:postgres|postgresql)\+(\w+):", given)
        wanted = DRIVERS[is_async]
        for name in sorted(wanted, key=lambda each: named is None or named[1].removesuffix("_async") != each):
            try:
                importlib.import_module(name)
            except ImportError:
                continue
            return name
        raise CannotStartError(
            f"a PostgreSQL database needs {' or '.join(wanted)}, and {sys.prefix} has neither: install one there"
        )


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
