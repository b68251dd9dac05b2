"""A private PostgreSQL server of a test: the one that `scale --database postgres` starts."""

import contextlib
from collections.abc import Iterator

from perfwright.measure import postgres


def reason() -> str:
    """Return why there can be no server here; nothing where there can."""
    return postgres.missing()


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Give the connection string of a database on a server that ends with the block."""
    with postgres.private() as made:
        place = made.fresh()
        yield f"host={place['host']} user={place['user']} dbname={place['name']}"
