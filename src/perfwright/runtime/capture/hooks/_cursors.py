"""What the hooks of the databases share: a statement around its execution, rows around their fetching."""

from collections.abc import Callable, Iterator
from typing import Any

from ..scope import COUNTED, QUERY, SETTING_UP, TRACE
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
    except Exception:
        return sets


def fetched(mark: Any, rows: Any, *, one: bool = False) -> Any:
    """Count rows, and give them back."""
    if mark is not None:
        if one:
            if rows is not None:
                mark.rows(1)
        elif hasattr(rows, "__len__"):  # else nothing may be taken from it
            mark.rows(len(rows))
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
        QUERY.reset(token)
        mark.end(written(cursor, sets) if mark.group.statement.is_write else 0)


def setting_up(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that makes a connection: the statements in it are not queries."""

    def connect(*args: Any, **named: Any) -> Any:
        if TRACE.get() is None:
            return original(*args, **named)
        token = QUERY.set(SETTING_UP)
        try:
            return original(*args, **named)
        finally:
            QUERY.reset(token)

    return connect
