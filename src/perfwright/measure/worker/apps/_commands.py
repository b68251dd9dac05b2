"""What runs without a request: management commands, those of Flask, click and typer, tasks of what queues them."""

from __future__ import annotations

import asyncio
import enum
import importlib
import inspect
import io
import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from ._contract import Answer, CannotStartError, Entry, Kept, Parameter, Table
from ._paths import value

SENDS = ("delay", "send", "schedule", "apply_async", "defer", "kiq")  # what queues call the way to put a task into them
OWN_CELERY = "celery."
NOWHERE = Entry(method="", path="", endpoint="", file="", line=0)


def imported(modules: Sequence[str]) -> list[str]:
    """Import the modules that have commands and tasks; return a note on each that cannot be imported."""
    notes = []
    for name in modules:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # the user's code
            notes.append(f"{name} cannot be imported ({type(error).__name__}: {error})"[:300])
    return notes


def commands(app: Any, framework: str, places: Sequence[str], tables: Callable[[], Sequence[Table]]) -> list[Entry]:
    """Return the commands and tasks of the project's own, each to be called without a person."""
    found: dict[tuple[str, int], Entry] = {}
    for each in (
        *(of_django(places) if framework == "django" else ()),
        *(of_flask(app, places) if framework == "flask" else ()),
        *of_click(places, tables),
        *tasks(places, tables),
        *of_arq(places, tables),
    ):
        found.setdefault((each.file, each.line), each)  # Flask's commands are click's as well
    return list(found.values())


def owned(places: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Give what the project's modules hold, each object once, with the name that it has first."""
    seen: set[int] = set()
    for module in list(sys.modules.values()):
        if is_own(getattr(module, "__file__", None) or "", places):
            for name, found in list(vars(module).items()):
                if id(found) not in seen:
                    seen.add(id(found))
                    yield name, found


def of_django(places: Sequence[str]) -> Iterator[Entry]:
    """Give the management commands whose files lie in the project."""
    from django.core.management import call_command, get_commands, load_command_class

    for name, owner in sorted(get_commands().items()):
        try:
            command = load_command_class(owner, name) if isinstance(owner, str) else owner
        except Exception as error:  # importing it is running the user's code, or needs what is not installed
            yield from unloaded(name, str(owner), places, f"{type(error).__name__}: {error}")
            continue
        code = inspect.unwrap(command.handle).__code__
        if is_own(code.co_filename, places):
            yield entry("command", name, code, partial(call_command, name))


def unloaded(name: str, owner: str, places: Sequence[str], why: str) -> Iterator[Entry]:
    """Give a management command of the project's own that cannot be loaded, so that it is told why."""
    folder = getattr(sys.modules.get(owner), "__path__", None)
    file = str(Path(next(iter(folder)), "management", "commands", f"{name}.py")) if folder else ""

    def refuse() -> None:
        raise CannotStartError(f"it cannot be loaded ({why})"[:300])

    if file and is_own(file, places):
        yield Entry(method="command", path=name, endpoint=name, file=file, line=1, handle=refuse)


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


def of_click(places: Sequence[str], tables: Callable[[], Sequence[Table]]) -> Iterator[Entry]:
    """Give the commands of the programs that are made with click or typer; of a group, those in it."""
    if "click" not in sys.modules and "typer" not in sys.modules:
        return
    tops: list[tuple[str, Any]] = []
    for name, found in owned(places):
        try:
            kinds = {(cls.__module__.partition(".")[0], cls.__name__) for cls in type(found).__mro__}
        except Exception:  # an object that answers every question with an error
            continue
        if ("typer", "Typer") in kinds:
            import typer  # type: ignore[import-not-found,unused-ignore]

            tops.append((name, typer.main.get_command(found)))
        elif kinds & {("click", "Command"), ("click", "BaseCommand")} and ("flask", "FlaskGroup") not in kinds:
            tops.append((getattr(found, "name", None) or name, found))
    inside = {id(each) for _, top in tops for path, each in leaves(top, ()) if path}
    inside |= {id(each) for _, top in tops for each in groups(top)}
    for name, top in tops:
        for path, leaf in () if id(top) in inside else leaves(top, ()):
            code = getattr(inspect.unwrap(leaf.callback), "__code__", None) if leaf.callback is not None else None
            if code is not None and not is_own(code.co_filename, places):
                code = closed_over(leaf.callback, places)
            if code is not None:
                yield entry("command", " ".join((name, *path)), code, partial(run_click, top, path, leaf, tables))


def groups(command: Any) -> Iterator[Any]:
    """Give the groups below a command."""
    for each in getattr(command, "commands", {}).values():
        if hasattr(each, "commands"):
            yield each
            yield from groups(each)


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give the commands below one that do something themselves, each with the words that lead to it."""
    inside = getattr(command, "commands", None)
    if inside is None:
        yield path, command
    for name, each in sorted((inside or {}).items()):
        yield from leaves(each, (*path, name))


def run_click(top: Any, path: Sequence[str], leaf: Any, tables: Callable[[], Sequence[Table]]) -> None:
    """Run a command with values for what it cannot do without; raises what it raises."""
    given = [*arguments(top, tables)] if top is not leaf else []
    below = top
    for word in path:
        below = below.commands[word]
        given += [word, *(arguments(below, tables) if below is not leaf else ())]
    top.main(args=[*given, *arguments(leaf, tables)], prog_name="perfwright", standalone_mode=False)


def arguments(command: Any, tables: Callable[[], Sequence[Table]]) -> Iterator[str]:
    """Give the words that a command cannot do without: keys of rows that are there, choices, numbers."""
    for each in command.params:
        names = [*getattr(each, "opts", ())]
        if "--yes" in names:  # what asks whether one is sure
            yield "--yes"
        unset = each.default in (None, ()) or type(each.default).__name__ == "Sentinel"  # click's since 8.3
        if not each.required or not unset:
            continue
        kind, choices = kind_of(each)
        if kind == "file":
            raise CannotStartError(f"it asks for {each.name}, a file or a folder")
        word = str(value(Parameter(each.name, kind, choices=choices), "", tables(), NOWHERE))
        if names[0].startswith("-"):
            yield names[0]
        yield from [word] * max(each.nargs, 1)


def kind_of(parameter: Any) -> tuple[str, tuple[Any, ...]]:
    """Return the kind of what a parameter of click's or typer's takes, and the words it may be."""
    asked = getattr(parameter, "type", None)
    choices = tuple(getattr(asked, "choices", ()))
    name = str(getattr(asked, "name", ""))
    if asked is None:  # typer's own since it needs no click
        kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", str)
        name = str(getattr(kind, "__name__", "")).lower()
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            choices = tuple(each.value for each in kind)
    known = {
        "integer": "int", "int": "int", "float": "float", "boolean": "bool", "bool": "bool", "uuid": "uuid",
        "datetime": "date", "path": "file", "file": "file", "filename": "file", "directory": "file",
        "filetext": "file", "filetextwrite": "file", "filebinaryread": "file", "filebinarywrite": "file",
    }  # fmt: skip
    is_key = parameter.name == "id" or parameter.name.endswith("_id")
    return known.get(name.partition(" ")[0], "int" if is_key else "text"), choices


def of_arq(places: Sequence[str], tables: Callable[[], Sequence[Table]]) -> Iterator[Entry]:
    """Give the functions and timed jobs of arq's workers: classes that list them."""
    if "arq" not in sys.modules:
        return
    for _, worker in owned(places):
        if not inspect.isclass(worker) or not is_own(inspect_file(worker), places):
            continue
        for each in (*listed(worker, "functions"), *listed(worker, "cron_jobs")):
            function = getattr(each, "coroutine", each)  # as it is, or wrapped by arq's `func` and `cron`
            if inspect.iscoroutinefunction(function) and is_own(function.__code__.co_filename, places):
                run_it = partial(run_arq, worker, function, tables)
                yield entry("task", function.__name__, function.__code__, run_it)


def listed(cls: Any, name: str) -> Sequence[Any]:
    """Return what a class lists under a name; nothing where that is no list."""
    found = vars(cls).get(name)
    return found if isinstance(found, (list, tuple)) else ()


def inspect_file(cls: Any) -> str:
    """Return the file of a class's module."""
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or ""


def run_arq(worker: Any, function: Any, tables: Callable[[], Sequence[Table]]) -> None:
    """Call a function of arq between its worker's start and shutdown."""

    async def between() -> None:
        context: dict[Any, Any] = {}
        for name in ("on_startup", "on_job_start"):
            if (hook := getattr(worker, name, None)) is not None:
                await hook(context)
        await function(context, **values(function, tables, context=True))
        if (hook := getattr(worker, "on_shutdown", None)) is not None:
            await hook(context)

    asyncio.run(between())


def tasks(places: Sequence[str], tables: Callable[[], Sequence[Table]]) -> Iterator[Entry]:
    """Give the tasks that lie in the project's modules: what can be put into a queue, and called."""
    for name, found in owned(places):
        try:
            function = None if inspect.isclass(found) else function_of(found)
        except Exception:  # an object of somebody's that answers every question with an error
            continue
        if function is not None and is_own(function.__code__.co_filename, places):
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
    """Call a task's function with values for what it needs."""
    result = function(**values(function, tables))
    if inspect.iscoroutine(result):
        asyncio.run(result)


def values(function: Any, tables: Callable[[], Sequence[Table]], *, context: bool = False) -> dict[str, Any]:
    """Return values for what a function needs: keys of rows that are there; `context` for all but the first."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # evaluating annotations is running the user's code
        hints = {}
    kinds: dict[Any, str] = {int: "int", float: "float", bool: "bool"}
    given: dict[str, Any] = {}
    for each in list(inspect.signature(function).parameters.values())[int(context) :]:
        if each.default is not each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            continue
        kind = kinds.get(hints.get(each.name), "")
        kind = kind or ("int" if each.name.endswith(("_id", "pk")) or each.name == "id" else "text")
        given[each.name] = None if each.name == "self" else value(Parameter(each.name, kind), "", tables(), NOWHERE)
    return given


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
    except CannotStartError as error:
        return Answer(status=400, size=0, error=str(error))
    except Exception as error:  # the user's code
        return Answer(status=500, size=0, error=f"{type(error).__name__}: {error}"[:300])
    text = said.getvalue().encode("utf8", "surrogateescape")
    return Answer(status=200, size=len(text), start=text[: Kept.most])


def is_own(file: str, places: Sequence[str]) -> bool:
    """Tell whether a file is the project's."""
    parts = Path(file).parts
    return any(file.startswith(f"{place}/") for place in places) and not {"site-packages", ".venv", "tests"} & set(
        parts
    )
