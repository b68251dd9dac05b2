"""Measures the memory of a check of a million lines: all of its processes together, from the first to the last.

    python benchmarks/check_memory.py                 two pinned public programs, copied until there are enough lines
    python benchmarks/check_memory.py PATH...         any projects instead

Each copy is a package of its own name, so that nothing is read once for all. Several times a second, what the check's
processes hold is added up: what two of them share counts half for each (the kernel's "proportional set size"). It exits
1 where that comes to more than the limit.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from check_speed import copy_of, public

from perfwright import config, discover
from perfwright.config import Settings

PERFWRIGHT = Path(sys.executable).with_name("perfwright")
LINES, MEGABYTES = 1_000_000, 2_048
PAUSE = 0.2  # seconds between two looks at the processes


def lines_of(project: Path) -> int:
    """Return the lines of the files that a check of a project reads."""
    found = config.find(project)
    settings = config.read(found) if found else Settings()
    names = discover.find(project, [project], exclude=settings.exclude, tests=settings.tests)
    return sum((project / name).read_bytes().count(b"\n") for name in names if (project / name).is_file())


def fill(folder: Path, projects: list[Path], lines: int) -> None:
    """Copy projects in turn into a folder, until it holds so many lines."""
    sizes = {project: lines_of(project) for project in projects}
    if not any(sizes.values()):
        sys.exit("There is no Python to copy.")
    copies = written = 0
    while written < lines:
        project = projects[copies % len(projects)]
        copy_of(project, folder / f"copy_{copies}" / project.name)
        copies, written = copies + 1, written + sizes[project]


def family(process: int) -> list[int]:
    """Return a process and all that it has started, and those that they have."""
    found = [process]
    for each in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def held(process: int) -> int:
    """Return the bytes that a process holds, its share of what it holds together with others."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0


def peak(perfwright: Path, folder: Path, keep: Path) -> tuple[int, int, int]:
    """Check a folder; return the most bytes that the processes held, how many they were then, and the lines read."""
    command = [str(perfwright), "check", "--format", "json", "."]
    environment = {**os.environ, "PERFWRIGHT_CACHE": str(keep)}
    most = processes = 0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=errors)
        while child.poll() is None:
            members = family(child.pid)
            now = sum(map(held, members))
            if now > most:
                most, processes = now, len(members)
            time.sleep(PAUSE)
        out.seek(0)
        errors.seek(0)
        if child.returncode not in (0, 1):
            sys.exit(f"{' '.join(command)} exited {child.returncode}: {errors.read().decode(errors='replace')}")
        return most, processes, json.load(out)["summary"]["lines"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    parser.add_argument("--lines", type=int, default=LINES, metavar="N")
    parser.add_argument("--perfwright", type=Path, default=PERFWRIGHT, help="the program to measure")
    arguments = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        sys.exit("This system does not say what its processes hold; it takes Linux 4.14 or later.")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "program"
        fill(folder, [path.resolve() for path in arguments.paths] or public(), arguments.lines)
        began = time.monotonic()
        most, processes, lines = peak(arguments.perfwright, folder, Path(place) / "kept")
    seconds, megabytes = time.monotonic() - began, most >> 20
    print(f"{lines:,} lines: {megabytes:,} MB at most, in {processes} processes; {seconds:.0f} s.")
    if megabytes > MEGABYTES:
        sys.exit(f"That is more than {MEGABYTES:,} MB.")


if __name__ == "__main__":
    main()
