"""Options that several commands share."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def sandbox(what: str) -> Decorator:
    """Return `--sandbox`, given as `contain`: how what is run is contained."""
    return click.option(
        "--sandbox",
        "contain",
        type=click.Choice(["auto", "off", "require"]),
        default="auto",
        show_default=True,
        help=f"Contain the {what}: where the system allows it, never, or always.",
    )


def python(what: str) -> Decorator:
    """Return `--python`: the interpreter that runs it."""
    return click.option("--python", type=click.Path(path_type=Path), help=f"The interpreter that runs the {what}.")


def output() -> Decorator:
    """Return `--output`: the file of the report."""
    return click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the report to this file.")


def tests() -> Decorator:
    """Return `--tests` and `--no-tests`: the project's own tests, and whether they are run at all."""
    paths = click.option(
        "--tests",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="A file or folder of tests to run on both versions.  [default: those that may reach the function]",
    )
    none = click.option("--no-tests", "untested", is_flag=True, help="Run none of the project's tests.")
    return lambda command: paths(none(command))


def database() -> Decorator:
    """Return `--database`: where scratch databases are made."""
    return click.option(
        "--database",
        default="sqlite",
        show_default=True,
        metavar="[sqlite|postgres|URL]",
        help="Where scratch databases are made: SQLite, a PostgreSQL server of its own, or one that is named.",
    )


def writes() -> Decorator:
    """Return `--writes`: whether routes that write are asked."""
    return click.option("--writes", is_flag=True, help="Ask POST, PUT, PATCH and DELETE as well.")


def commands() -> Decorator:
    """Return `--commands`: whether commands and tasks are run."""
    return click.option(
        "--commands",
        is_flag=True,
        help="Run management commands, those of Flask, click and typer, and queued tasks as well.",
    )


def headers() -> Decorator:
    """Return `--header`, given as `headers`: what is sent with each request, by name."""
    return click.option(
        "--header", "headers", multiple=True, callback=_headers, help="Send 'Name: value' with each request."
    )


def signs_in() -> Decorator:
    """Return `--as`, given as `signs_in`: the function that says who asks."""
    return click.option(
        "--as",
        "signs_in",
        metavar="MODULE:FUNCTION",
        default="",
        callback=_function,
        help="Sign in by a function of yours: it returns headers by name, or the user.",
    )


def _headers(_context: click.Context, _option: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    headers = {}
    for each in given:
        name, colon, value = each.partition(":")
        if not colon or not name.strip():
            raise click.BadParameter(f"{each!r} is no header; give such as 'Authorization: Bearer abc'.")
        headers[name.strip()] = value.strip()
    return headers


def _function(_context: click.Context, _option: click.Parameter, given: str) -> str:
    if given and not re.fullmatch(r"[\w.]+:\w+", given):
        raise click.BadParameter(f"{given!r} is no function; give such as perf.signing:admin.")
    return given
