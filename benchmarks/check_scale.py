"""Scales whole applications twice: how many GET routes answer at every size, and whether the counts are the same.

    python benchmarks/check_scale.py [--perfwright COMMAND] [FOLDER[=PYTHON] ...]

Prints a table, and one of what the run says of every `n-plus-one-query` that `check` finds. Exits 1 where fewer than
90% of an application's GET routes answer, or where two runs count differently.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
EXAMPLES = ("examples/shop", "examples/shop_django")
LEAST = 0.9  # of the routes


def scaled(perfwright: str, folder: Path, python: str, sizes: str) -> dict[str, Any]:
    """Return the document of one run."""
    command = [*perfwright.split(), "scale", str(folder), "--python", python, "--sizes", sizes, "--seconds", "600"]
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{folder}: {done.stderr}")
    document: dict[str, Any] = json.loads(done.stdout)["scale"]
    return document


def counts(document: dict[str, Any]) -> dict[str, Any]:
    """Return what must be the same in each run: queries, rows and requests of each entry point at each size."""
    names = ("queries", "statements", "rows", "requests")
    return {
        each["entry"]: {name: each["metrics"][name]["values"] for name in names if name in each["metrics"]}
        for each in document["entries"]
    }


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the entry points whose counts differ between two runs at a size that both measured."""
    found = []
    for entry, metrics in one.items():
        for name, values in metrics.items():
            again = other.get(entry, {}).get(name, {})
            if any(values[n] != again[n] for n in values if n in again):
                found.append(f"{entry} {name}: {values} and {again}")
    return found


def main() -> int:
    """Measure each application; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", default=[str(ROOT / each) for each in EXAMPLES])
    parser.add_argument("--perfwright", default=f"{sys.executable} -m perfwright.app.main")
    parser.add_argument("--sizes", default="10,100,1000")
    asked = parser.parse_args()
    wrong, verdicts = 0, []
    print(
        "| application | framework | GET routes answered | counts in two runs | n+1 confirmed | refuted | not reached |"
    )
    print("| --- | --- | ---: | --- | ---: | ---: | ---: |")
    for each in asked.folders:
        folder, _, python = each.partition("=")
        first, second = (
            scaled(asked.perfwright, Path(folder), python or sys.executable, asked.sizes) for _ in range(2)
        )
        gets = [entry for entry in first["entries"] if entry["entry"].startswith("GET ")]
        answered = sum(all(200 <= status < 300 for status in entry["status"].values()) for entry in gets)
        unreached = [entry for entry in first["unreached"] if entry["entry"].startswith("GET ")]
        every = len(gets) + len(unreached)
        different = differing(counts(first), counts(second))
        own = [entry for entry in first["verdicts"] if entry["key"].startswith("n-plus-one-query@")]
        said = [sum(entry["said"] == word for entry in own) for word in ("confirmed", "refuted", "not reached")]
        wrong += answered < LEAST * every or bool(different)
        same = "the same" if not different else f"{len(different)} differ"
        cells = (Path(folder).name, first["framework"], f"{answered} of {every}", same, *map(str, said))
        print(f"| {' | '.join(cells)} |")
        for line in (*different, *(f"{entry['entry']}: {entry['why']}" for entry in unreached)):
            print(f"  {Path(folder).name}: {line}"[:300], file=sys.stderr)
        verdicts += [(Path(folder).name, entry) for entry in own]
    print("\n| application | finding | said | where | counts |\n| --- | --- | --- | --- | --- |")
    for name, entry in verdicts:
        values = ", ".join(f"{n}: {value:g}" for n, value in entry["values"].items())
        key = entry["key"].removeprefix("n-plus-one-query@")
        print(f"| {name} | `{key}` | {entry['said']} | {entry['entry'] or entry['why']} | {values} |")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
