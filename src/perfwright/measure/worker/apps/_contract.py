"""What every framework gives: entry points that can be asked, and tables that can be filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

MOST = 8  # options of one entry point that are tried
PAGING = ("page", "limit", "size", "offset", "per_page", "page_size", "cursor", "format", "skip", "callback", "next")


class CannotStartError(Exception):
    """The application cannot be started, or an entry point cannot be asked; the text says why."""


@dataclass(frozen=True)
class Entry:
    """One way into an application: a method and a path with parameters in braces, and where it leads."""

    method: str
    path: str
    endpoint: str
    file: str
    line: int
    parameters: tuple[Parameter, ...] = ()
    options: tuple[Parameter, ...] = ()  # of the query, which it can do without
    option: str = ""  # the one that it is asked with
    handle: Any = None  # what the framework knows it by

    @property
    def name(self) -> str:
        """As it is told: `GET /orders/{order_id}`, `GET /orders?status`."""
        return f"{self.method} {self.path}{f'?{self.option}' if self.option else ''}"

    @property
    def handle_runs(self) -> bool:
        """Whether it is a command or a task, which is called rather than asked."""
        return self.method in ("command", "task")

    def variants(self) -> Iterator[Entry]:
        """Give the same entry point asked with each of its options, but those that only turn pages."""
        for each in self.options[:MOST]:
            if self.method == "GET" and each.name not in PAGING:
                given = replace(each, query=True)
                yield replace(self, parameters=(*self.parameters, given), options=(), option=each.name)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a path or a query: its name and kind, one of `_tables.KINDS`, and the values it may have."""

    name: str
    kind: str = "text"
    table: str = ""  # the table whose key it most likely is, where the framework says so
    choices: tuple[Any, ...] = ()
    query: bool = False


class Kept:
    """How many bytes of a body are kept."""

    most = 4096


@dataclass
class Answer:
    """What an entry point said: the status, the bytes of the body, its beginning, and where it redirected to."""

    status: int
    size: int
    start: bytes = b""
    hops: tuple[str, ...] = ()
    note: str = ""
    error: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class Who(NamedTuple):
    """Who asks: a row of a class that is mapped to a table, by its primary key."""

    cls: Any
    key: tuple[Any, ...]


@dataclass(frozen=True)
class Column:
    """A column as the filler needs to know it. `kind` is one of `_tables.KINDS`; `size` the most characters."""

    name: str
    kind: str
    size: int = 0
    digits: tuple[int, int] = (0, 0)
    nullable: bool = False
    unique: bool = False
    primary: bool = False
    choices: tuple[Any, ...] = ()
    refers: tuple[str, str] = ("", "")  # table and column
    default: Any = None
    item: Column | None = None  # of a list: what each of it is
    attribute: str = ""  # the name in the model, where it is another one
    part: str = (
        ""  # of what keeps a tree in order: `path 4` (its step), `depth`, `children`, `left`, `right`, `level`, `tree`
    )


@dataclass
class Table:
    """A table to be filled. `together` are the sets of columns that may not repeat."""

    name: str
    columns: Sequence[Column]
    together: Sequence[Sequence[str]] = ()
    model: str = ""
    is_user: bool = False
    handle: Any = None
    keys: dict[str, list[Any]] = field(default_factory=dict)  # by column: the values that are there


class Application(Protocol):
    """A started application."""

    framework: str
    notes: list[str]

    def tables(self) -> Sequence[Table]:
        """Return the tables to be filled, and those that have rows already with their keys."""

    def insert(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows, all or none; raises what the database raises."""

    def filled(self) -> None:
        """Do what a database needs when all rows are there."""

    def entries(self) -> Sequence[Entry]:
        """Return the entry points in the order of their definition."""

    def given(self, hook: Callable[[], Any]) -> Any:
        """Call a hook of the user's as the program's own code; return headers by name, or who it says that asks.

        Raises CannotStartError where it is neither.
        """

    def sign_in(self, _tables: Sequence[Table], who: Any = None) -> str:
        """Let `who`, else the first user, be the one who asks; return how, or nothing where nobody need be anybody."""

    def ask(self, entry: Entry, path: str, body: Any) -> Answer:
        """Ask an entry point by a path with its parameters filled in."""

    def close(self) -> None:
        """Close what is open of the databases, so that their files can be put in place of each other."""
