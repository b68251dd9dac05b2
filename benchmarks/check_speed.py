"""Compares the time of `perfwright check` with what cannot be spared, on the same files in the same run.

    python benchmarks/check_speed.py                  two pinned public programs
    python benchmarks/check_speed.py PATH...          any project, from its top folder

Cold: nothing is kept. CPU seconds, user and system, children included, beside a bare `ast.parse` of the same files
(without the interpreter's start); `wall` is the check's wall time as a share of its CPU time. Warm: nothing has changed
since the check before, or one function of one file has; beside hashing the files and starting an interpreter. Rounds
alternate, so that a machine that slows down slows both.
"""

import argparse
import ast
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from perfwright import config, discover
from perfwright.config import Settings

ROOT = Path(__file__).parent.parent
PERFWRIGHT = Path(sys.executable).with_name("perfwright")
NO_ANSWER = 2
PARSE = """
import ast, sys
for name in sys.stdin.read().splitlines():
    try:
        with open(name, "rb") as file:
            ast.parse(file.read())
    except (SyntaxError, ValueError):
        pass
"""
HASH = """
import hashlib, sys
for name in sys.stdin.read().splitlines():
    with open(name, "rb") as file:
        hashlib.blake2b(file.read()).digest()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What one project cost, in seconds by round, and how much there was to read."""

    name: str
    files: int
    lines: int
    cold: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    parse: list[float] = field(default_factory=list)
    warm: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)
    least: list[float] = field(default_factory=list)


def cpu(command: list[str], *, given: str = "", folder: Path = ROOT, keep: Path | None = None) -> tuple[float, str]:
    """Run a command; return the CPU seconds that it and its children took, and what it printed."""
    environment = {**os.environ, "PERFWRIGHT_CACHE": str(keep)} if keep else None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        command, input=given, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode >= NO_ANSWER or done.returncode < 0:
        sys.exit(f"{' '.join(command)} exited {done.returncode}: {done.stderr.strip()}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def copy_of(project: Path, to: Path) -> Path:
    """Copy a project, so that one of its files can be changed."""
    ignore = shutil.ignore_patterns(*discover.SKIPPED)
    return Path(shutil.copytree(project, to, symlinks=True, ignore=ignore, ignore_dangling_symlinks=True))


def measure(project: Path, rounds: int, perfwright: Path) -> Speed:
    """Measure one project, all ways by turns."""
    settings_file = config.find(project)
    settings = config.read(settings_file) if settings_file else Settings()
    names = discover.find(project, [project], exclude=settings.exclude, tests=settings.tests)
    with tempfile.TemporaryDirectory() as folder:
        copy, keep = copy_of(project, Path(folder) / "copy"), Path(folder) / "kept"
        paths = "\n".join(str(copy / name) for name in names)
        check = [str(perfwright), "check", "--format", "json", "."]
        _, printed = cpu(check, folder=copy, keep=keep)
        summary = json.loads(printed)["summary"]
        if summary["files"] + len(summary["unreadable"]) < len(names):
            sys.exit(f"{project}: the check read {summary['files']} files, not {len(names)}.")
        speed = Speed(name=project.name, files=len(names), lines=summary["lines"])
        for number in range(rounds):
            shutil.rmtree(keep, ignore_errors=True)
            began = time.perf_counter()
            speed.cold.append(cpu(check, folder=copy, keep=keep)[0])
            speed.wall.append(time.perf_counter() - began)
            start, _ = cpu([sys.executable, "-c", PARSE])
            speed.parse.append(cpu([sys.executable, "-c", PARSE], given=paths)[0] - start)
            speed.warm.append(cpu(check, folder=copy, keep=keep)[0])
            edit(copy, names, number, rounds)
            speed.changed.append(cpu(check, folder=copy, keep=keep)[0])
            speed.least.append(cpu([sys.executable, "-c", HASH], given=paths)[0])
    return speed


def edit(project: Path, names: list[str], number: int, rounds: int) -> None:
    """Add a statement to the first function of a file: another one each round, spread over the project."""
    for name in names[len(names) * (number + 1) // (rounds + 1) :]:
        text = (project / name).read_text("utf8", errors="replace")
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        function = next((node for node in tree.body if isinstance(node, ast.FunctionDef)), None)
        if function is not None and function.body[-1].lineno > function.lineno:
            lines = text.split("\n")
            indent = " " * function.body[-1].col_offset
            lines.insert(function.body[-1].lineno - 1, f"{indent}print({number})")
            (project / name).write_text("\n".join(lines), "utf8")
            return


def public() -> list[Path]:
    """Return the folders of the pinned public programs."""
    command = [sys.executable, str(ROOT / "scripts" / "archives.py")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return [Path(line) for line in done.stdout.splitlines()]


def ratio(above: list[float], below: list[float]) -> str:
    """Return the median of a ratio over the rounds, with the least and the most."""
    found = sorted(one / other for one, other in zip(above, below, strict=True))
    return f"{statistics.median(found):.1f} ({found[0]:.1f} to {found[-1]:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--perfwright", type=Path, default=PERFWRIGHT, help="the program to measure")
    given = parser.parse_args()
    heads = ("cold s", "x parse", "wall of CPU", "warm s", "x hash+start", "one changed s", "x hash+start")
    print(f"{'project':<12}{'files':>6}{'lines':>8}  " + "".join(f"{head:<19}" for head in heads))
    for path in [path.resolve() for path in given.paths] or public():
        speed = measure(path, given.rounds, given.perfwright.absolute())
        shown = (
            f"{statistics.median(speed.cold):.2f}",
            ratio(speed.cold, speed.parse),
            ratio(speed.wall, speed.cold),
            f"{statistics.median(speed.warm):.2f}",
            ratio(speed.warm, speed.least),
            f"{statistics.median(speed.changed):.2f}",
            ratio(speed.changed, speed.least),
        )
        print(f"{speed.name:<12}{speed.files:>6}{speed.lines:>8}  " + "".join(f"{part:<19}" for part in shown))
    python = sys.version.split()[0]
    print(f"Medians of {given.rounds} rounds, with the least and the most; Python {python}, {os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
