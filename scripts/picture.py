"""Draws `docs/images/check.svg`, the picture in the README, from what perfwright really prints on the example shop."""

import argparse
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parent.parent
PERFWRIGHT = Path(sys.executable).with_name("perfwright")
NO_ANSWER = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images" / "check.svg")
    parser.add_argument("--width", type=int, default=110)
    parser.add_argument("--top", default="4", help="how many findings to show")
    given = parser.parse_args()
    command = ["check", ".", "--top", given.top]
    printed = run(command, ROOT / "examples" / "shop", given.width)
    given.to.parent.mkdir(parents=True, exist_ok=True)
    given.to.write_text(svg(f"perfwright {' '.join(command)}", printed, given.width), "utf8")
    print(given.to.relative_to(ROOT) if given.to.is_relative_to(ROOT) else given.to)


def run(arguments: list[str], folder: Path, width: int) -> str:
    """Return what a person would see on a terminal of that width, colours and all."""
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(width)}
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | terminal
    done = subprocess.run(
        [PERFWRIGHT, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode >= NO_ANSWER:
        sys.exit(f"perfwright gave no answer (exit {done.returncode}): {done.stderr.strip()}")
    return done.stdout


def svg(title: str, printed: str, width: int) -> str:
    """Return a terminal window with the text in it; the same text always gives the same picture."""
    console = Console(record=True, width=width, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ {title}", style="bold"))
    console.print(Text.from_ansi(printed))
    return console.export_svg(title=title, unique_id="check")


if __name__ == "__main__":
    main()
