"""A program of commands alone, made with click or typer: it has no routes, and the tables of SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ._contract import Answer, CannotStartError, Entry, Table
from ._sqlalchemy import Engines, Filled

LIBRARY = "click"


class Program(Filled):
    """A started program."""

    framework = "click"

    def __init__(self, app: Any, engines: Engines) -> None:
        super().__init__(engines)
        self.app = app
        self.headers: dict[str, str] = {}
        self.create(engines.made[0] if engines.made else None)
        if self.database is None:
            self.notes.append("no engine of SQLAlchemy is made when it is imported: it has no rows")

    def entries(self) -> Sequence[Entry]:
        """Return nothing: commands are found apart."""
        return ()

    def given(self, hook: Callable[[], Any]) -> Any:
        """Call a hook."""
        return self.told_by(hook())

    def sign_in(self, _tables: Sequence[Table], _who: Any = None) -> str:
        """Sign nobody in: who calls a command is who it runs as."""
        return ""

    def ask(self, entry: Entry, _path: str, _body: Any) -> Answer:
        """Refuse: there is nothing to ask."""
        raise CannotStartError(f"{entry.name} is no command")

    def body(self, _entry: Entry) -> Any:
        """Return nothing."""
        return None


def made_of(target: Any, engines: Engines) -> Program:
    """Start a program."""
    return Program(target, engines)


def is_one(target: Any) -> bool:
    """Tell whether an object is a command of click, or a program of typer."""
    names = {(cls.__module__.partition(".")[0], cls.__name__) for cls in type(target).__mro__}
    return bool(names & {("click", "Command"), ("click", "BaseCommand"), ("typer", "Typer")})
