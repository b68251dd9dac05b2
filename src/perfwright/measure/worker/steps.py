"""What SQLite does for a program, counted: the steps of its machine, and the bytes of text that it hands over.

Both are the same each time, whatever else the computer does: they tell a search from a scan where a clock cannot yet.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import sqlite3.dbapi2
import weakref
from collections.abc import Callable, Iterator
from typing import Any

EACH = 20  # steps that are counted at once


class Work:
    """What the connections of this process do while it is counted."""

    def __init__(self) -> None:
        self.counts = False
        self.steps = self.bytes = 0
        self.open: weakref.WeakSet[sqlite3.Connection] = weakref.WeakSet()

    def watch(self) -> None:
        """Know the connections that will be opened."""
        for module in (sqlite3, sqlite3.dbapi2):
            module.connect = self.connecting(module.connect)  # type: ignore[attr-defined]

    def connecting(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return what opens connections that are known."""

        @functools.wraps(original)
        def connect(*given: Any, **named: Any) -> Any:
            made = original(*given, **named)
            with contextlib.suppress(TypeError):  # a plain one, which the hooks that count queries do not know either
                self.open.add(made)
            if self.counts:
                self.begin(made)
            return made

        return connect

    def begin(self, connection: sqlite3.Connection) -> None:
        """Count what a connection does; one of another thread that is held by it is left alone."""
        with contextlib.suppress(sqlite3.Error):
            connection.set_progress_handler(self.step, EACH)
            if connection.text_factory is str:
                connection.text_factory = self.text

    def end(self, connection: sqlite3.Connection) -> None:
        """Count it no more."""
        with contextlib.suppress(sqlite3.Error):
            connection.set_progress_handler(None, 0)
            if connection.text_factory == self.text:
                connection.text_factory = str

    def step(self) -> int:
        """Count some steps, and let the machine go on."""
        self.steps += EACH
        return 0

    def text(self, data: bytes) -> str:
        """Count the bytes of a text, and return it."""
        self.bytes += len(data)
        return data.decode()

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count from nothing."""
        self.steps = self.bytes = 0
        self.counts = True
        for each in list(self.open):
            self.begin(each)
        try:
            yield
        finally:
            self.counts = False
            for each in list(self.open):
                self.end(each)


WORK = Work()
