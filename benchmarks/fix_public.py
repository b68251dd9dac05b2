"""Repairs the findings of public applications, in clones of checkouts that are there, and lists what comes of them.

    python benchmarks/fix_public.py FOLDER[=PYTHON] ... [--select RULE] [--keep FOLDER] [--test COMMAND]

PYTHON is an interpreter that has what the application needs. `fix --all --write` is run in a clone; each file that it
changed has to parse. COMMAND, such as "python -m pytest -q", is run in the checkout and in the clone, and its last
lines are shown. It prints one row of docs/fix-public.md for each patch; who reads the patch adds the verdict.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def said(command: Sequence[str], folder: Path) -> str:
    """Return what a command prints."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def repaired(clone: Path, python: str, select: Sequence[str], told: Path) -> dict[str, Any]:
    """Return what `perfwright fix --write` says of a clone."""
    subprocess.run(
        [sys.executable, "-m", "perfwright", "fix", ".", "--all", "--no-tests", "--write", "--format", "json",
         "--output", str(told), *(["--python", python] if python else []), *[f"--select={each}" for each in select]],
        cwd=clone, check=False,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(told.read_text("utf8"))["fix"]
    return found


def rows(name: str, fixes: Sequence[Any]) -> Iterator[str]:
    """Give a row for each patch."""
    for each in fixes:
        place, kind = each["finding"]["place"], "suggested" if each["suggested"] else "repair"
        where = f"{place['path']}:{place['line']}"
        yield f"| {name} | {where} | {each['finding']['rule']} | {kind} | {each['verify']['verdict']} | | |"


def unreadable(clone: Path) -> list[str]:
    """Return the changed files that do not parse."""
    changed = said(["git", "diff", "--name-only"], clone).split("\n")
    return [each for each in changed if each.endswith(".py") and not parses(clone / each)]


def parses(path: Path) -> bool:
    """Tell whether a file is Python."""
    try:
        compile(path.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def main(argv: Sequence[str]) -> int:
    """Repair each application, and print the rows; return 1 where a changed file does not parse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="FOLDER[=PYTHON]")
    parser.add_argument("--select", action="append", default=[])
    parser.add_argument("--keep", type=Path, help="a folder for the JSON and the clone of each application")
    parser.add_argument("--test", help="a command that runs its tests")
    asked = parser.parse_args(argv)
    broken = 0
    with tempfile.TemporaryDirectory() as scratch:
        keep = (asked.keep or Path(scratch)).absolute()
        keep.mkdir(parents=True, exist_ok=True)
        for given in asked.folders:
            folder, _, python = given.partition("=")
            name, clone = Path(folder).absolute().name, keep / Path(folder).absolute().name
            subprocess.run(["git", "clone", "--quiet", str(Path(folder).absolute()), str(clone)], check=True)
            print(f"# {name} {said(['git', 'rev-parse', 'HEAD'], clone).strip()}")
            found = repaired(clone, python, asked.select, keep / f"{name}.json")
            print(*rows(name, found["fixes"]), sep="\n")
            bad = unreadable(clone)
            broken += len(bad)
            print(f"# {len(found['fixes'])} patches, {len(found['left'])} findings left; do not parse: {bad or 'none'}")
            for place in (Path(folder), clone) if asked.test else ():
                print(f"# {place}: {said(shlex.split(asked.test), place).strip().rpartition(chr(10))[2]}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
