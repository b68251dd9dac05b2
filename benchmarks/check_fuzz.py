"""Checks random programs: none crashes the check, or is answered differently the second time.

    python benchmarks/check_fuzz.py                       20,000 programs
    python benchmarks/check_fuzz.py --examples 500        fewer
    python benchmarks/check_fuzz.py --seed 7              others

Half are written from nothing, about what the analysis knows: models, requests, frames, locks, loops. Half are functions
and classes of the standard library with parts exchanged, some of them torn until they are no Python any more.
`_judged.py` says what has to hold of each. It exits 1 at the first that is wrong, made small by Hypothesis and printed.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from _judged import judge, models_at_hand
from _programs import mutants, programs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

PHASES = (Phase.generate, Phase.shrink)
FAST = Path("/dev/shm")  # memory, where there is some: thousands of small files


class Tally:
    """What was checked and found so far."""

    def __init__(self) -> None:
        self.programs = self.lines = self.unread = 0
        self.rules: Counter[str] = Counter()
        self.longest = 0.0

    def add(self, files: dict[str, str]) -> None:
        """Check a program and count what it comes to."""
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=FAST if FAST.is_dir() else None) as folder:
            record = judge(files, Path(folder))
        self.longest = max(self.longest, time.monotonic() - began)
        self.programs += 1
        self.lines += record.summary.lines
        self.unread += len(record.summary.unreadable)
        self.rules.update(finding.rule for finding in record.findings)


def fuzz(strategy: st.SearchStrategy[dict[str, str]], examples: int, number: int, tally: Tally) -> None:
    """Check so many programs of a strategy; raises what the smallest that goes wrong raises."""

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, phases=PHASES, suppress_health_check=[*HealthCheck])
    @given(strategy)
    def check(files: dict[str, str]) -> None:
        tally.add(files)

    with models_at_hand():
        check()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--examples", type=int, default=20_000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    heads = ("programs      ", " checked", "    lines", " unreadable", " findings", " rules", " longest s", "     s")
    print("".join(heads))
    for name, strategy in (("from nothing", programs()), ("of real code", mutants())):
        tally, began = Tally(), time.monotonic()
        try:
            fuzz(strategy, arguments.examples // 2, arguments.seed, tally)
        except Exception as error:
            traceback.print_exception(error)
            sys.exit(f"A program {name} went wrong; --seed {arguments.seed} makes it again.")
        print(
            f"{name:<14}{tally.programs:>8}{tally.lines:>9}{tally.unread:>11}{tally.rules.total():>9}"
            f"{len(tally.rules):>6}{tally.longest:>10.2f}{time.monotonic() - began:>6.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
