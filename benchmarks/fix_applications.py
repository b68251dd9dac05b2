"""Repairs the findings of applications without a model: how many are fixed and verified, and how much faster it is.

    python benchmarks/fix_applications.py [--write] [FOLDER ...]

Without folders: examples/shop and the ten applications of benchmarks/aicode. Each patch is written to a copy, so that
the next is judged with those before it. A finding is fixed where its patch is judged the same, and better in what it is
for, or where it is gone with such a patch; a suggestion counts apart, and is not written. The speed-up is that of the
judge at the largest size it timed: of the function's call, or of the dearest request that runs it. `--write` puts the
table into docs/fix-applications.md.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perfwright import discover
from perfwright.errors import InputError
from perfwright.fix import repairing
from perfwright.measure import application

ROOT = Path(__file__).parent.parent
AICODE = ROOT / "benchmarks" / "aicode"
PAGE = ROOT / "docs" / "fix-applications.md"
MARK = "<!-- Written by `make fix-applications` from here on -->\n"


def is_served(folder: Path) -> bool:
    """Tell whether a folder is an application that answers requests, or runs jobs."""
    try:
        application.find(folder, discover.find(folder, [folder], exclude=(), tests=False))
    except InputError:
        return False
    return True


def repaired(folder: Path) -> dict[str, Any]:
    """Return what `perfwright fix` says of an application that is a project of its own.

    Without requests it is judged by what its tests call; with them, they are the judge's, without its tests.
    """
    with tempfile.TemporaryDirectory() as name:
        told, own = Path(name) / "fix.json", Path(name) / folder.name
        shutil.copytree(folder, own, ignore=shutil.ignore_patterns("__pycache__", "*.db"))
        served = is_served(own)
        project = own.parent if served else own
        subprocess.run(["git", "init", "-q", project], check=True)
        asked = ["--all", "--write", "--dirty", "--format", "json", "--output", str(told), *["--no-tests"][:served]]
        subprocess.run([sys.executable, "-m", "perfwright", "fix", str(own), *asked], cwd=project, check=False)
        found: dict[str, Any] = json.loads(told.read_text("utf8"))["fix"]
    return found


def mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


def row(name: str, fixes: Sequence[Any], reasons: Sequence[str]) -> str:
    """Return one line of the table; `reasons` are those why findings are left."""
    gone = reasons.count(repairing.GONE)
    fixed = [each for each in fixes if not each["suggested"]]
    verified = [each for each in fixes if each["suggested"] and each["verify"]["verdict"] == "same"]
    rest = len(fixes) - len(fixed) - len(verified)
    count = len(fixes) + len(reasons)
    speeds = [1 / each["verify"]["speed"]["ratio"] for each in fixed if each["verify"]["speed"]]
    queries = [
        (one[1] + 1) / (one[2] + 1)
        for each in fixed
        for one in each["verify"]["counts"].get("queries", [])[-1:]
        if one[1] != one[2]
    ]
    share = f"{(len(fixed) + gone) / count:.0%}" if count else "-"
    all_share = f"{(len(fixed) + gone + len(verified)) / count:.0%}" if count else "-"
    times = f"{mean(speeds):.2f} ({len(speeds)})" if speeds else "-"
    fewer = f"{mean(queries):.1f} ({len(queries)})" if queries else "-"
    shares = f"{len(fixed)} | {gone} | {share} | {len(verified)} | {all_share}"
    return f"| {name} | {count} | {shares} | {rest} | {times} | {fewer} |"


def main(argv: Sequence[str]) -> int:
    """Repair, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", type=Path, help="a folder for the JSON of each application")
    asked = parser.parse_args(argv)
    apps = sorted(path for path in AICODE.iterdir() if path.is_dir() and "." not in path.name and path.name[0] != "_")
    folders = [path.absolute() for path in asked.folders] or [ROOT / "examples" / "shop", *apps]
    lines = [
        "| application | findings | fixed | gone with it | share | suggested, the same | with these | "
        "suggested, not compared or otherwise | times as fast | times fewer queries |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    print("\n".join(lines), flush=True)
    every: list[Any] = []
    left: list[str] = []
    for folder in folders:
        began = time.monotonic()
        found = repaired(folder)
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
            (asked.keep / f"{folder.name}.json").write_text(json.dumps(found, indent=1), "utf8")
        every += found["fixes"]
        reasons = [each["why"].partition(":")[0] for each in found["left"]]
        left += reasons
        lines.append(row(folder.name, found["fixes"], reasons))
        print(f"{lines[-1]} {time.monotonic() - began:.0f} s", flush=True)
    lines.append(row("all", every, left))
    told = "\n".join([*lines, "", *[f"- {count} are left: {why}" for why, count in Counter(left).most_common(12)]])
    print(f"{lines[-1]}\n\n" + "\n".join(told.split("\n")[len(lines) :]))
    if asked.write:
        page = PAGE.read_text("utf8")
        PAGE.write_text(page[: page.index(MARK) + len(MARK)] + f"\n{told}\n", "utf8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
