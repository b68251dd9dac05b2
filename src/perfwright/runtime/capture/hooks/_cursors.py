"""What the hooks of the databases share: a statement around its execution, rows around their fetching."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from ..scope import COUNTED, QUERY, SETTING_UP, TRACE, restore
from ..trace import Mark

MARK = "_perfwright_mark"


def begun(sql: Any, parameters: Any, *, sets: int = 1, database: str = "", depth: int = 3) -> Mark | None:
    """Count a statement where a trace is current and no layer above has counted it."""
    trace = TRACE.get()
    if trace is None or QUERY.get() == COUNTED:
        return None
    found: Mark | None = trace.query(sql, parameters, sets=sets, database=database, depth=depth)
    return found


def sets_of(parameters: Any) -> int:
    """Return how many sets of parameters an executemany is given; one where that cannot be said without using them."""
    return len(parameters) if isinstance(parameters, (list, tuple)) else 1


def written(cursor: Any, sets: int) -> int:
    """Return how many rows a statement has changed: what the driver says, else a row for each set of parameters."""
    try:
        count = cursor.rowcount
        return count if isinstance(count, int) and count >= 0 else sets
    except Exception:  # a driver need not say: the sets of parameters are what is known
        return sets


def fetched(mark: Any, rows: Any, *, one: bool = False) -> Any:
    """Count rows, and give them back."""
    if mark is not None:
        try:
            mark.rows((rows is not None) if one else len(rows))
        except Exception:  # not a sequence: nothing may be taken from it
            mark.trace.fault()
    return rows


def each(mark: Any, rows: Iterator[Any]) -> Iterator[Any]:
    """Give rows one by one, and count them in the end."""
    count = 0
    try:
        for row in rows:
            count += 1
            yield row
    finally:
        if mark is not None:
            mark.rows(count)


def counted(mark: Mark | None) -> Any:
    """Tell the layers below that a statement is counted; None where it is not."""
    return None if mark is None else QUERY.set(COUNTED)


def ended(mark: Mark | None, token: Any, cursor: Any, sets: int) -> None:
    """Note that a statement has run, or failed."""
    if mark is not None:
        restore(QUERY, token)
        mark.end(written(cursor, sets) if mark.group.statement.is_write else 0)


@lru_cache(100)
def watched_cursor(kind: Any, database: str, text: Callable[[Any, Any], Any] | None = None) -> Any:
    """Return a subclass of a driver's cursor that tells. `text` gives the text of what is no string."""

    class Cursor(kind):  # type: ignore[misc]
        _perfwright_mark: Any = None

        def execute(self, sql: Any, *given: Any, **named: Any) -> Any:
            if TRACE.get() is None or QUERY.get() == COUNTED:
                self._perfwright_mark = None
                return super().execute(sql, *given, **named)
            said = sql if text is None or isinstance(sql, str) else text(sql, self)
            self._perfwright_mark = mark = begun(said, given[0] if given else named.get("vars"), database=database)
            token = counted(mark)
            try:
                return super().execute(sql, *given, **named)
            finally:
                ended(mark, token, self, 1)

        def executemany(self, sql: Any, parameters: Any, *given: Any) -> Any:
            sets = sets_of(parameters)
            said = sql if text is None or isinstance(sql, str) else text(sql, self)
            self._perfwright_mark = mark = begun(said, parameters, sets=sets, database=database)
            token = counted(mark)
            try:
                return super().executemany(sql, parameters, *given)
            finally:
                ended(mark, token, self, sets)

        def fetchone(self) -> Any:
            return fetched(self._perfwright_mark, super().fetchone(), one=True)

        def fetchmany(self, *size: Any, **named: Any) -> Any:
            return fetched(self._perfwright_mark, super().fetchmany(*size, **named))

        def fetchall(self) -> Any:
            return fetched(self._perfwright_mark, super().fetchall())

        def __next__(self) -> Any:
            return fetched(self._perfwright_mark, super().__next__(), one=True)

    return named_like(Cursor, kind)


def named_like(kind: Any, like: Any) -> Any:
    """Give a subclass the names of its base: a program that prints its types sees no difference."""
    kind.__name__, kind.__qualname__, kind.__module__ = like.__name__, like.__qualname__, like.__module__
    return kind


def composed(sql: Any, beside: Any) -> Any:
    """Return the text of a statement that psycopg has composed."""
    as_string = getattr(sql, "as_string", None)
    try:
        return sql if as_string is None else as_string(beside)
    except Exception:  # it needs a connection that is open: the statement is told as it is
        return sql


def setting_up(original: Callable[..., Any], install: Callable[[], None]) -> Callable[..., Any]:
    """Return a function that makes a connection: the statements in it are not queries.

    `install` watches the driver, which may have been imported by now.
    """

    def connect(*args: Any, **named: Any) -> Any:
        install()
        if TRACE.get() is None:
            return original(*args, **named)
        token = QUERY.set(SETTING_UP)
        try:
            return original(*args, **named)
        finally:
            restore(QUERY, token)

    return connect
