"""Growth of 37 functions of known class, twice, with all cores busy: right group, superlinear or not, CPU time.

`--idle` leaves the cores alone.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import sys
import time
from pathlib import Path

from growth import functions

from perfwright.measure.growth import CANNOT_TELL
from perfwright.measure.run import Guest
from perfwright.measure.sweep import sweep

FILE = Path(functions.__file__)
GROUPS = {"1": "1 or log n", "log n": "1 or log n", "n": "n or n log n", "n log n": "n or n log n"}
LINEAR = ("1", "log n", "sqrt n", "n", "n log n")


def burn(_: int) -> None:
    while True:
        sum(range(10_000))


def group(klass: str) -> str:
    return GROUPS.get(klass, klass)


def once(name: str, seconds: float) -> tuple[str, str, float]:
    """Return the class that one run gives, what it says, and the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
    with Guest(Path(sys.executable), [], contain="off") as guest:
        found = sweep(guest, str(FILE), name, seconds=seconds)
    after = resource.getrusage(resource.RUSAGE_CHILDREN), time.process_time()
    cpu = after[0].ru_utime + after[0].ru_stime - before[0].ru_utime - before[0].ru_stime + after[1] - before[1]
    told = f"{found.time.text}; {found.lines_fit.growth.klass} by lines {found.failed or found.time.why}"
    return found.time.growth.klass, told, cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(functions.CLASSES))
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--idle", action="store_true")
    given = parser.parse_args()
    burning = [multiprocessing.Process(target=burn, args=(core,), daemon=True) for core in range(os.cpu_count() or 1)]
    for process in [] if given.idle else burning:
        process.start()
    right = steep = changed = 0
    spent: list[float] = []
    for name in given.names:
        truth = functions.CLASSES[name]
        answers = []
        for _ in range(given.runs):
            klass, told, cpu = once(name, given.seconds)
            spent.append(cpu)
            answers.append(klass)
            right += group(klass) == group(truth)
            steep += klass != CANNOT_TELL and (klass in LINEAR) == (truth in LINEAR)
            mark = "  " if group(klass) == group(truth) else "! "
            print(f"{mark}{name:<24}{truth:<9}{klass:<12}{told}  [{cpu:.1f} s]", flush=True)
        changed += len({group(each) for each in answers if each != CANNOT_TELL}) > 1
    count = len(given.names) * given.runs
    print(f"right group {right} of {count}, superlinear or not {steep} of {count}, answers changed {changed}")
    print(f"CPU seconds for one function: median {statistics.median(spent):.1f}, most {max(spent):.1f}")


if __name__ == "__main__":
    main()
