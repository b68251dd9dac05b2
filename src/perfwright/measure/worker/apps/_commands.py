"""What runs without a request: management commands, commands of Flask, tasks of the libraries that queue them."""

from __future__ import annotations

import inspect
import io
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from ._contract import Answer, CannotStartError, Entry, Parameter, Table
from ._paths import value

SENDS = ("delay", "send", "schedule", "apply_async", "defer", "kiq")  # what queues call the way to put a task into them
OWN_CELERY = "celery."
NOWHERE = Entry(method="", path="", endpoint="", file="", line=0)


def commands(app: Any, framework: str, places: Sequence[str], tables: Callable[[], Sequence[Table]]) -> Iterator[Entry]:
    """Give the commands and tasks of the project's own, each to be called without a person."""
    if framework == "django":
        yield from of_django(places)
    if framework == "flask":
        yield from of_flask(app, places)
    yield from tasks(places, tables)


def of_django(places: Sequence[str]) -> Iterator[Entry]:
    """Give the management commands whose files lie in the project."""
    from django.core.management import call_command, get_commands, load_command_class

    for name, owner in sorted(get_commands().items()):
        try:
            command = load_command_class(owner, name) if isinstance(owner, str) else owner
        except Exception:  # importing it is running the user's code, or needs what is not installed
            continue
        code = inspect.unwrap(command.handle).__code__
        if is_own(code.co_filename, places):
            yield entry("command", name, code, partial(call_command, name))


def of_flask(app: Any, places: Sequence[str]) -> Iterator[Entry]:
    """Give the commands that are registered with an application."""
    for name, command in sorted(app.cli.commands.items()):
        code = getattr(inspect.unwrap(command.callback), "__code__", None) if command.callback is not None else None
        code = closed_over(command.callback, places) or code
        if code is not None and is_own(code.co_filename, places):
            yield entry("command", name, code, partial(invoked, app, name))


def closed_over(function: Any, places: Sequence[str]) -> Any:
    """Return the code of the project's function that a framework has wrapped."""
    function = inspect.unwrap(function) if function is not None else None
    for cell in getattr(function, "__closure__", None) or ():
        code = getattr(cell.cell_contents, "__code__", None)
        if code is not None and is_own(code.co_filename, places):
            return code
    return None


def invoked(app: Any, name: str) -> None:
    """Run a command of Flask; raises what it raises."""
    result = app.test_cli_runner().invoke(args=[name])
    if result.exception is not None:
        raise result.exception


def tasks(places: Sequence[str], tables: Callable[[], Sequence[Table]]) -> Iterator[Entry]:
    """Give the tasks that lie in the project's modules: what can be put into a queue, and called."""
    seen: set[int] = set()
    for module in list(sys.modules.values()):
        if not is_own(getattr(module, "__file__", None) or "", places):
            continue
        for name, found in list(vars(module).items()):
            try:
                function = None if id(found) in seen or inspect.isclass(found) else function_of(found)
            except Exception:  # an object of somebody's that answers every question with an error
                continue
            if function is not None and is_own(function.__code__.co_filename, places):
                seen.add(id(found))
                yield entry("task", name, function.__code__, partial(run_task, function, tables))


def function_of(task: Any) -> Any:
    """Return the function of a task; None of what is no task."""
    if not any(callable(getattr(type(task), each, None)) or each in getattr(task, "__dict__", ()) for each in SENDS):
        return None
    for attribute in ("run", "fn", "original_func", "func", "call_local", "__wrapped__"):
        found = getattr(task, attribute, None)
        found = getattr(found, "__func__", found)
        if inspect.isfunction(found):
            return inspect.unwrap(found)
    return inspect.unwrap(task) if inspect.isfunction(task) else None


def run_task(function: Any, tables: Callable[[], Sequence[Table]]) -> None:
    """Call a task's function with values for what it needs: keys of rows that are there."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # evaluating annotations is running the user's code
        hints = {}
    kinds: dict[Any, str] = {int: "int", float: "float", bool: "bool"}
    given: dict[str, Any] = {}
    for each in inspect.signature(function).parameters.values():
        if each.default is not each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        kind = kinds.get(hints.get(each.name), "")
        kind = kind or ("int" if each.name.endswith(("_id", "pk")) or each.name == "id" else "text")
        given[each.name] = None if each.name == "self" else value(Parameter(each.name, kind), "", tables(), NOWHERE)
    result = function(**given)
    if inspect.iscoroutine(result):
        import asyncio

        asyncio.run(result)


def entry(kind: str, name: str, code: Any, call: Callable[[], Any]) -> Entry:
    """Return an entry point that is called."""
    return Entry(
        method=kind, path=name, endpoint=name, file=code.co_filename, line=code.co_firstlineno, handle=call
    )  # fmt: skip


def run(entry: Entry) -> Answer:
    """Call an entry point that is no route; what it prints goes nowhere."""
    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            entry.handle()
    except SystemExit as error:
        if error.code not in (None, 0):
            return Answer(status=500, size=0, error=f"it exits with {error.code}: {said.getvalue().strip()[-200:]}")
    except CannotStartError:
        raise
    except Exception as error:  # the user's code
        return Answer(status=500, size=0, error=f"{type(error).__name__}: {error}"[:300])
    return Answer(status=200, size=len(said.getvalue()))


def is_own(file: str, places: Sequence[str]) -> bool:
    """Tell whether a file is the project's."""
    parts = Path(file).parts
    return any(file.startswith(f"{place}/") for place in places) and not {"site-packages", ".venv", "tests"} & set(
        parts
    )
