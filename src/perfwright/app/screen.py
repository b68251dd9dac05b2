"""What is known of the terminal: colour, width, and whether anybody watches."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from perfwright.report.safe import safe

WIDTH_OF_A_PIPE = 100


def colored(wanted: str, *, to_file: bool) -> bool:
    """Tell whether to use colour: as `--color` says, else where a person looks and NO_COLOR is not set."""
    if wanted != "auto":
        return wanted == "always"
    if os.environ.get("NO_COLOR") or to_file:
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Return the columns of the terminal, or what COLUMNS says, or a readable number in a pipe."""
    return shutil.get_terminal_size((WIDTH_OF_A_PIPE, 25)).columns


@contextmanager
def working(words: str) -> Iterator[None]:
    """Show on a terminal that work goes on, on stderr; nothing in a pipe."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console  # heavy, and only a person needs it

        with Console(stderr=True).status(words):
            yield
    else:
        yield


def say(sentence: str) -> None:
    """Print one sentence beside the report."""
    print(f"perfwright: {safe(sentence)}", file=sys.stderr)
