"""Compares the CPU time of a cold `perfwright check` with that of a bare `ast.parse` of the same files.

    python benchmarks/check_speed.py                  two pinned public programs
    python benchmarks/check_speed.py PATH...          any project, from its top folder

Both are processes of their own and are charged user and system time, their children's too. Rounds
alternate, so that a machine that slows down slows both. The parse is charged without the interpreter's
start; the check is charged with it.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from perfwright import config, discover
from perfwright.config import Settings

ROOT = Path(__file__).parent.parent
PERFWRIGHT = Path(sys.executable).with_name("perfwright")
CACHE = ".perfwright"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What one project cost: CPU seconds by round, and how much there was to read."""

    name: str
    files: int
    lines: int
    check: list[float]
    parse: list[float]

    @property
    def ratios(self) -> list[float]:
        return [check / parse for check, parse in zip(self.check, self.parse, strict=True)]


def cpu(command: list[str], *, given: str = "", folder: Path = ROOT) -> tuple[float, str]:
    """Run a command; return the CPU seconds that it and its children took, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, input=given, cwd=folder, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode >= NO_ANSWER or done.returncode < 0:
        sys.exit(f"{' '.join(command)} exited {done.returncode}: {done.stderr.strip()}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, done.stdout


def copy_of(project: Path, to: Path) -> Path:
    """Copy a project, so that a cold check finds no cache and leaves none behind."""
    ignore = shutil.ignore_patterns(*discover.SKIPPED)
    return Path(shutil.copytree(project, to, symlinks=True, ignore=ignore, ignore_dangling_symlinks=True))


def measure(project: Path, rounds: int) -> Speed:
    """Measure one project, both ways by turns."""
    settings_file = config.find(project)
    settings = config.read(settings_file) if settings_file else Settings()
    names = discover.find(project, [project], exclude=settings.exclude, tests=settings.tests)
    check, parse, lines = list[float](), list[float](), 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of(project, Path(folder) / "copy")
        paths = "\n".join(str(copy / name) for name in names)
        for _ in range(rounds):
            shutil.rmtree(copy / CACHE, ignore_errors=True)
            seconds, printed = cpu([str(PERFWRIGHT), "check", "--format", "json", "."], folder=copy)
            summary = json.loads(printed)["summary"]
            if summary["files"] + len(summary["unreadable"]) < len(names):
                sys.exit(f"{project}: the check read {summary['files']} files, not {len(names)}.")
            lines = summary["lines"]
            check.append(seconds)
            start, _ = cpu([sys.executable, "-c", PARSE])
            parse.append(cpu([sys.executable, "-c", PARSE], given=paths)[0] - start)
    return Speed(name=project.name, files=len(names), lines=lines, check=check, parse=parse)


def public() -> list[Path]:
    """Return the folders of the pinned public programs."""
    command = [sys.executable, str(ROOT / "scripts" / "archives.py")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return [Path(line) for line in done.stdout.splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(f"{'project':<20}{'files':>7}{'lines':>9}{'check s':>9}{'parse s':>9}{'ratio':>8}   rounds")
    for path in [path.resolve() for path in given.paths] or public():
        speed = measure(path, given.rounds)
        rounds = " ".join(f"{ratio:.1f}" for ratio in speed.ratios)
        print(
            f"{speed.name:<20}{speed.files:>7}{speed.lines:>9}{statistics.median(speed.check):>9.2f}"
            f"{statistics.median(speed.parse):>9.2f}{statistics.median(speed.ratios):>8.1f}   {rounds}"
        )
    python = sys.version.split()[0]
    print(f"CPU seconds, user and system, children included; medians of {given.rounds} rounds; Python {python}.")


if __name__ == "__main__":
    main()
