"""What is known of the terminal: colour, width, and whether anybody watches."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from perfwright.progress import Progress
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
def working(words: str) -> Iterator[Progress | None]:
    """Show on a terminal how far work has come, on stderr; nothing in a pipe, where nobody counts.

    It goes away with the work. Work that does not count its steps is seen to go on.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich import progress as bars  # heavy, and only a person needs it
    from rich.console import Console, RenderableType

    known = Progress()

    class Bar(bars.Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            for task in self.task_ids:
                self.update(task, description=known.stage or words, total=known.total or None, completed=known.done)
            return super().get_renderables()

    columns = (bars.SpinnerColumn(), "{task.description}", bars.BarColumn(), bars.MofNCompleteColumn())
    with Bar(*columns, bars.TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        bar.add_task(words, total=None)
        yield known


def say(sentence: str) -> None:
    """Print one sentence beside the report."""
    print(f"perfwright: {safe(sentence)}", file=sys.stderr)
