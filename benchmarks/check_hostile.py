"""Checks programs that nobody means to write, at full size: each ends soon, and what it could not read it names.

    python benchmarks/check_hostile.py                 all of them
    python benchmarks/check_hostile.py WORD...         those whose name holds one of the words

Each is checked by the real command in a process of its own, cold. `s` are CPU seconds, user and system, child processes
included: what else a machine does counts little. `MB` is the peak of its largest process. It exits 1 where a check
crashed, did not end, took longer than the limits, or left a file out without a word.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from _hostile import CASES

T = TypeVar("T")
PERFWRIGHT = Path(sys.executable).with_name("perfwright")
SECONDS, MEGABYTES = 10.0, 2_000
PATIENCE = 60.0  # seconds by the clock after which a check is ended
PROGRAM = "program"  # the folder of what is checked
SHOWN = 90  # characters of what was reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one check came to; `wrong` says what is wrong with it, nothing where all is well."""

    seconds: float
    megabytes: int
    status: int
    said: str
    wrong: str


def run(name: str, size: int, perfwright: Path) -> Outcome:
    """Check one program in a folder of its own."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        apart(write, name, size, folder)
        return apart(measured, folder, perfwright)


def apart(work: Callable[..., T], *given: object) -> T:
    """Call a function in a process that goes: what this one holds would count as the check's before that begins."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(work, given)


def write(name: str, size: int, folder: Path) -> None:
    """Write a program into a folder."""
    (folder / PROGRAM).mkdir()
    CASES[name].write(folder / PROGRAM, size)


def measured(folder: Path, perfwright: Path) -> Outcome:
    """Check the program that was written into a folder."""
    command = [str(perfwright), "check", "--no-cache", "--format", "json", "."]
    out, err = folder / "out", folder / "err"
    with out.open("wb") as to, err.open("wb") as aside:
        child = subprocess.Popen(command, cwd=folder / PROGRAM, stdout=to, stderr=aside, start_new_session=True)
        watch = threading.Timer(PATIENCE, end, (child.pid,))
        watch.start()
        _, code, used = os.wait4(child.pid, 0)
        watch.cancel()
    seconds, megabytes, status = used.ru_utime + used.ru_stime, used.ru_maxrss >> 10, os.waitstatus_to_exitcode(code)
    child.returncode = status  # it was waited for here
    said, wrong = judged(folder / PROGRAM, status, out.read_bytes(), err.read_text("utf8", "replace"))
    if not wrong and seconds > SECONDS:
        wrong = f"it took more than {SECONDS:.0f} s"
    if not wrong and megabytes > MEGABYTES:
        wrong = f"it took more than {MEGABYTES} MB"
    return Outcome(seconds=seconds, megabytes=megabytes, status=status, said=said, wrong=wrong)


def end(group: int) -> None:
    """End a check and the processes that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def judged(folder: Path, status: int, out: bytes, err: str) -> tuple[str, str]:
    """Return what a check reported, and what is wrong with that."""
    last = (err.strip().splitlines() or [""])[-1]
    if status == -signal.SIGKILL:
        return last, f"it did not end within {PATIENCE:.0f} s"
    if status not in (0, 1, 2) or "Traceback" in err:
        return last, "it crashed"
    try:
        record = json.loads(out)
    except ValueError:
        return last, "it printed no record"
    summary, findings = record["summary"], record["findings"]
    left_out = {each["path"] for each in summary["unreadable"]}
    offered = sum(name.endswith(".py") for _, _, names in os.walk(folder) for name in names)
    said = f"{summary['files']} read, {len(findings)} found"
    if left_out:
        said += f", {len(left_out)} left out: {summary['unreadable'][0]['why']}"
    silent = offered - summary["files"] - len(left_out)
    return said, f"{silent} files were left out without a word" if silent > 0 else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--small", action="store_true", help="the small size of each, as in the tests")
    parser.add_argument("--perfwright", type=Path, default=PERFWRIGHT, help="the program to run")
    given = parser.parse_args()
    wide = max(map(len, CASES))
    print(f"{'case':<{wide}}{'s':>7}{'MB':>6}{'exit':>6}  reported")
    wrong = 0
    for name, case in CASES.items():
        if given.words and not any(word in name for word in given.words):
            continue
        outcome = run(name, case.small if given.small else case.full, given.perfwright)
        wrong += bool(outcome.wrong)
        said = f"WRONG, {outcome.wrong}; {outcome.said}" if outcome.wrong else outcome.said
        shown = ascii(said)[1:-1][:SHOWN]
        print(f"{name:<{wide}}{outcome.seconds:>7.1f}{outcome.megabytes:>6}{outcome.status:>6}  {shown}", flush=True)
    print(f"{wrong} of them went wrong: a crash, more than {SECONDS:.0f} s or {MEGABYTES} MB, or silence about a file.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
