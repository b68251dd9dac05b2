"""Growth of 37 functions of known class, twice, with all cores busy: right group, superlinear or not, CPU time.

`--held-out` measures 24 others, by none of which the limits of the fit were set. `--idle` leaves the cores alone.
`--big-o PYTHON` puts beside it what big_O, installed there, says at the same sizes.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from growth import functions, held_out

from perfwright.measure.growth import CANNOT_TELL
from perfwright.measure.run import Guest
from perfwright.measure.sweep import sweep

CLASSES = {**functions.CLASSES, **held_out.CLASSES}
FILE = Path(functions.__file__)
SOURCES = (FILE.parents[2] / "src", FILE.parents[1])
GROUPS = {"1": "1 or log n", "log n": "1 or log n", "n": "n or n log n", "n log n": "n or n log n"}
LINEAR = ("1", "log n", "sqrt n", "n", "n log n")
NONE = "none"
LIMIT = 30  # seconds for one answer of big_O
# Its own default: from about 200,000 on it crashes whatever the function is (pberkes/big_O#31).
LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run says of a function: its class, in words, and the CPU seconds that it took."""

    klass: str
    told: str
    cpu: float


@dataclass(slots=True)
class Tally:
    """The answers of one method, by function."""

    method: str
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def add(self, name: str, answer: Answer) -> None:
        self.answers.setdefault(name, []).append(answer)
        mark = "  " if group(answer.klass) == group(CLASSES[name]) else "! "
        said = f"{CLASSES[name]:<9}{answer.klass:<12}{answer.told}"
        print(f"{mark}{name:<24}{self.method:<12}{said}  [{answer.cpu:.1f} s]", flush=True)

    def row(self) -> str:
        told = [(CLASSES[name], each.klass) for name, some in self.answers.items() for each in some]
        right = sum(group(klass) == group(truth) for truth, klass in told)
        steep = sum(
            klass not in (CANNOT_TELL, NONE) and (klass in LINEAR) == (truth in LINEAR) for truth, klass in told
        )
        changed = sum(
            len({group(each.klass) for each in some if each.klass != CANNOT_TELL}) > 1 for some in self.answers.values()
        )
        spent = [each.cpu for some in self.answers.values() for each in some]
        return (
            f"{self.method:<12}{f'{right} of {len(told)}':<14}{f'{steep} of {len(told)}':<14}"
            f"{f'{changed} of {len(self.answers)}':<18}{statistics.median(spent):>10.1f}{max(spent):>10.1f}"
        )


def burn(_: int) -> None:
    while True:
        sum(range(10_000))


def group(klass: str) -> str:
    return GROUPS.get(klass, klass)


def spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime + time.process_time()


def once(name: str, seconds: float) -> tuple[Answer, list[int]]:
    """Return what one run says of a function, and the sizes that it measured."""
    before = spent()
    with Guest(Path(sys.executable), [FILE.parents[1]], contain="off") as guest:
        file = str(held_out.__file__ if name in held_out.CLASSES else FILE)
        found = sweep(guest, file, name, seconds=seconds)
    told = f"{found.time.text}; {found.lines_fit.growth.klass} by lines {found.failed or found.time.why}"
    return Answer(found.time.growth.klass, told, spent() - before), [sample.n for sample in found.samples]


def with_big_o(python: Path, name: str, sizes: list[int]) -> Answer:
    """Return what big_O says of a function between the smallest and the largest of the sizes."""
    if not sizes:
        return Answer(NONE, "no size to measure it at", 0.0)
    before = spent()
    smallest, largest = min(sizes), min(max(sizes), LARGEST)
    command = [str(python), str(FILE.parent / "with_big_o.py"), name, str(smallest), str(largest)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, SOURCES)), "PYTHONWARNINGS": "ignore"}
    told = f"{smallest:,} to {largest:,}"
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LIMIT, env=environment, cwd=FILE.parent
        )
    except subprocess.TimeoutExpired:
        return Answer(NONE, f"{told}: no answer in {LIMIT} s", spent() - before)
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or [f"status {done.returncode}"]
        return Answer(NONE, f"{told}: {why[0]}", spent() - before)
    return Answer(done.stdout.strip(), told, spent() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--idle", action="store_true")
    parser.add_argument("--big-o", type=Path, metavar="PYTHON", help="an interpreter that has big_O")
    given = parser.parse_args()
    burning = [multiprocessing.Process(target=burn, args=(core,), daemon=True) for core in range(os.cpu_count() or 1)]
    for process in [] if given.idle else burning:
        process.start()
    tallies = [Tally("perfwright"), *([Tally("big_O")] if given.big_o else [])]
    for name in given.names or (held_out.CLASSES if given.held_out else functions.CLASSES):
        for _ in range(given.runs):
            answer, sizes = once(name, given.seconds)
            tallies[0].add(name, answer)
            if given.big_o and name in functions.CLASSES:
                tallies[1].add(name, with_big_o(given.big_o.absolute(), name, sizes))
    print(f"\n{'':<12}{'right group':<14}{'superlinear':<14}{'answers changed':<18}{'median CPU':>10}{'most':>10}")
    for tally in tallies:
        print(tally.row())


if __name__ == "__main__":
    main()
