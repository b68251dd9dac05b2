"""Where `perfwright` starts: finds the command, and turns every failure into one sentence and a status."""

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper

import click

from perfwright import __version__
from perfwright.app import screen
from perfwright.app.group import CommandFolder
from perfwright.errors import PerfwrightError

NO_ANSWER = 2
INTERRUPTED = 130  # what a shell gives a program that was stopped by its user

EXAMPLES = """\b
Examples:
  perfwright check
  perfwright check src --since main
  perfwright explain n-plus-one-query
"""


@click.group(cls=CommandFolder, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="perfwright")
def program() -> None:
    """Say what will be slow in a Python program, at the size you state, with the chain of calls that explains it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name, and leave with its status."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a narrow encoding spells out what it has no letter for
    status = run(arguments)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    os._exit(status)  # all is written: taking down what was read, object by object, is time for nothing


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name and return its status."""
    try:
        # Not standalone: click would print its own errors and leave before we see them.
        status = program.main(arguments, prog_name="perfwright", standalone_mode=False)
    except click.exceptions.Abort:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return NO_ANSWER
    except PerfwrightError as error:
        screen.say(str(error))
        print(f"docs: errors.md#{error.slug}", file=sys.stderr)
        return NO_ANSWER
    except BrokenPipeError:
        _forget_stdout()
        return 0  # who reads our output has read enough
    except Exception as error:  # the last line of defence: a person must not be shown our insides
        return _unexpected(error)
    return status if isinstance(status, int) else 0


def _unexpected(error: Exception) -> int:
    if os.environ.get("PERFWRIGHT_DEBUG") == "1":
        traceback.print_exception(error)
    screen.say(
        f"this is a fault of perfwright, not of your program ({type(error).__name__}); "
        "please report it with what PERFWRIGHT_DEBUG=1 prints."
    )
    return NO_ANSWER


def _forget_stdout() -> None:
    # What is still buffered would be flushed at exit, and fail again where nobody catches it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
