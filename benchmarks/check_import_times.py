"""Measures what importing a library costs, for `rules/_import_times.py`: a fresh process each time.

    python benchmarks/check_import_times.py --python /path/to/python pandas torch

prints one line of that table for each library that the interpreter has: the milliseconds of processor time that the
import took, the least of several, files already in the cache of the system; and which other libraries of the table it
brought with it.
"""

import argparse
import subprocess
import sys

from perfwright.rules._import_times import TIMES

ROUNDS = 3
PROBE = """
import importlib, sys, time
begin = time.process_time()
importlib.import_module(sys.argv[1])
print(time.process_time() - begin, *[name for name in sys.argv[2:] if name in sys.modules and name != sys.argv[1]])
"""


def main() -> int:
    """Print a line for each library; exit 2 where one cannot be imported."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--python", default=sys.executable, help="The interpreter that has the libraries.")
    parser.add_argument("names", nargs="*", help="Modules to import; all of the table where none is given.")
    options = parser.parse_args()
    missing = 0
    for name in options.names or TIMES:
        seconds, brings = [], ""
        for _ in range(ROUNDS + 1):
            command = [options.python, "-c", PROBE, name, *TIMES]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode:
                break
            first, _, brings = done.stdout.strip().rpartition("\n")[2].partition(" ")
            seconds.append(float(first))
        if not seconds:
            print(f"{name}: cannot be imported", file=sys.stderr)
            missing = 2
            continue
        milliseconds = round(min(seconds[1:]) * 1000)  # the first one filled the cache
        print(f'    "{name}": Import({milliseconds}, {tuple(brings.split())!r}),')
    return missing


if __name__ == "__main__":
    raise SystemExit(main())
