"""Measures what is left out on purpose: the slow and the fast form of each code in codes.toml, on this interpreter.

    PYTHONPATH=benchmarks python -m conformance.left_out

The least of five, each of 200 runs of a thousand passes, in nanoseconds of CPU time a pass. Standard library only, so
that any interpreter from 3.11 on runs it.
"""

import sys
import time
import timeit
import tomllib
from pathlib import Path

ROUNDS, RUNS, PASSES = 5, 200, 1000


def measured(setup: str, name: str) -> float:
    """Return the nanoseconds that a pass of one form takes."""
    # The least: what other jobs of the machine add is not the code's.
    seconds = timeit.repeat(f"{name}()", setup, timer=time.process_time, number=RUNS, repeat=ROUNDS)
    return min(seconds) / RUNS / PASSES * 1e9


def main() -> None:
    table = tomllib.loads(Path(__file__).with_name("codes.toml").read_text("utf8"))
    print(f"Python {sys.version.split()[0]}, nanoseconds a pass")
    for entry in table["left_out"]:
        slow, fast = measured(entry["setup"], "slow"), measured(entry["setup"], "fast")
        print(f"{slow:6.1f} {fast:6.1f}  {', '.join(entry['codes'])}")


if __name__ == "__main__":
    main()
