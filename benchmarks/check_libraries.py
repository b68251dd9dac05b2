"""Public functions of five libraries, measured with `bench --all` and no builder: how many, and why not the rest.

A function counts where it returns at three sizes or more, and its work grows or half of its lines run.
"""

import argparse
import collections
import random
import re
import subprocess
import sys
import time
from pathlib import Path

from perfwright.measure import every
from perfwright.measure.every import Outcome
from perfwright.measure.run import Guest

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".cache" / "libraries"
PYTHON = HOME / "venv" / "bin" / "python"
REPORT = ROOT / "docs" / "bench-libraries.md"
LIBRARIES = {
    "more_itertools": "more-itertools==11.2.1",
    "toolz": "toolz==1.2.0",
    "boltons": "boltons==26.2.0",
    "networkx": "networkx[default]==3.6.1",
    "inflect": "inflect==7.6.0",
}
REASONS = (
    ("its module cannot be imported", r"cannot be loaded"),
    ("needs a package that is not installed", r"(ModuleNotFoundError|ImportError)"),
    ("needs a file that exists", r"(FileNotFoundError|IsADirectoryError|NotADirectoryError)"),
    ("too slow at the first sizes", r"(took over|the time was used up|takes \d)"),
    ("memory ran out", r"MemoryError"),
    ("ended the worker", r"(exited with|was killed|ended)"),
    (
        "values of the right type that do not fit each other",
        r"(ValueError|KeyError|IndexError|AssertionError|StopIter)",
    ),
    ("values of a wrong type", r"(TypeError|AttributeError)"),
    ("the library's own refusal", r"raised \w*(NetworkX|Bad|Unfeasible|NotFound|Error|Exception|NoCycle|NotA)\w*"),
)


def installed() -> None:
    """Install the libraries in an environment of their own, once."""
    if not PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(HOME / "venv")], check=True)
    done = HOME / "installed.txt"
    wanted = "\n".join(LIBRARIES.values())
    if not done.exists() or done.read_text("utf8") != wanted:
        command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *LIBRARIES.values()]
        subprocess.run(command, check=True)
        done.write_text(wanted, "utf8")


def reason(outcome: Outcome) -> str:
    """Return why a target does not count, in few words."""
    found = outcome.sweep
    if found is not None:
        return "fewer than three sizes" if len(found.samples) < every.SIZES else "less than half of its lines run"
    return next((name for name, pattern in REASONS if re.search(pattern, outcome.why)), "other")


def made(outcome: Outcome) -> str:
    """Return where the input came from, in a word."""
    said = outcome.sweep.input if outcome.sweep is not None else ""
    return next((word for word in ("annotations", "example", "body") if word in said), "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("libraries", nargs="*", default=list(LIBRARIES))
    parser.add_argument("--seconds", type=float, default=0.5, help="for each function")
    parser.add_argument("--sample", type=int, help="so many functions of each library, at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", action="store_true", help="of all libraries, not of inflect alone")
    parser.add_argument("--write", action="store_true", help=f"write {REPORT.relative_to(ROOT)}")
    given = parser.parse_args()
    installed()
    began, outcomes = time.monotonic(), {}
    for library in given.libraries:
        with Guest(PYTHON, []) as guest:
            targets, _ = every.targets(guest, library)
            if not given.methods and library != "inflect":
                targets = [each for each in targets if "." not in each.rpartition(":")[2]]
            if given.sample and given.sample < len(targets):
                targets = sorted(random.Random(given.seed).sample(list(targets), given.sample))
            outcomes[library] = []
            for outcome in every.measure(guest, targets, seconds=given.seconds):
                outcomes[library].append(outcome)
                counts = outcome.sweep is not None and every.works(outcome.sweep)
                said = outcome.sweep.input if outcome.sweep is not None else outcome.why
                print(f"{'  ' if counts else '! '}{outcome.target:<56} {said[:150]}", flush=True)
    text = report(outcomes)
    print(text)
    print(f"{time.monotonic() - began:.0f} seconds")
    if given.write:
        REPORT.write_text(f"{PREFACE}Each function had {given.seconds:g} seconds.\n\n{text}", "utf8")


PREFACE = """# Public functions of five libraries, measured without a builder

`make bench-libraries` measures every public function of five libraries as `perfwright bench LIBRARY --all` does, and
writes this page. Nobody wrote an input for any of them. A function counts where it returns at three sizes or more, and
its work grows (a quarter more lines at the largest size than at the smallest, or twice the CPU time) or half of its own
lines run. Of a package that exports no function itself (boltons), the public modules are asked. Methods are counted
apart, and only those of inflect, whose work is all in the methods of one class; `--methods` measures the others' too.
networkx comes with what it calls its default dependencies (numpy, scipy, matplotlib, pandas).

What is tried, in this order: the annotations; each call that the docstring shows, with each of its literals grown, then
each of its arguments; what the body does with each parameter (and what the functions do to which it passes it on), with
the next guess for the parameter that an error blames. The first way wins that lets the work grow and runs half of the
lines; without one, the way that ran most lines.

"""


def report(outcomes: dict[str, list[Outcome]]) -> str:
    """Return the tables: what counts of each library, why not the rest, and each of the rest by name."""
    lines = ["| library | functions | measured | | methods | measured | |", "|---|---|---|---|---|---|---|"]
    sums = [0, 0, 0, 0]
    for library, some in outcomes.items():
        cells = []
        for place, is_method in enumerate((False, True)):
            kind = [each for each in some if ("." in each.target.rpartition(":")[2]) == is_method]
            right = sum(each.sweep is not None and every.works(each.sweep) for each in kind)
            sums[2 * place] += len(kind)
            sums[2 * place + 1] += right
            cells.append(share(len(kind), right))
        lines.append(f"| {library} | {' | '.join(cells)} |")
    lines.append(f"| all | {share(*sums[:2])} | {share(*sums[2:])} |")
    counted = [
        each for some in outcomes.values() for each in some if each.sweep is not None and every.works(each.sweep)
    ]
    rest = [each for some in outcomes.values() for each in some if each.sweep is None or not every.works(each.sweep)]
    lines += ["", "| input of those measured | how many |", "|---|---|"]
    lines += [f"| from {word} | {count} |" for word, count in collections.Counter(map(made, counted)).most_common()]
    lines += ["", "| why the rest does not count | how many |", "|---|---|"]
    lines += [f"| {why} | {count} |" for why, count in collections.Counter(map(reason, rest)).most_common()]
    lines += ["", "## The rest, one by one", ""]
    for why in dict(collections.Counter(map(reason, rest)).most_common()):
        lines += [f"### {why[0].upper()}{why[1:]}", ""]
        lines += [f"- `{each.target}`: {shortened(each)}" for each in rest if reason(each) == why] + [""]
    return "\n".join(lines).rstrip() + "\n"


def share(count: int, right: int) -> str:
    return f"{count} | {right} | {right / count:.0%}" if count else "0 | 0 | "


def shortened(outcome: Outcome) -> str:
    """Return one line of why: no path of this machine, nothing that Markdown would read."""
    found = outcome.sweep
    if found is not None:
        said = f"{len(found.samples)} sizes, {found.covered:.0%} of its lines; {found.stopped}; {found.input}"
    else:
        said = outcome.why
    said = re.sub(r"\s+", " ", re.sub(r"(/[\w.+-]+){2,}/", ".../", said))
    said = re.sub(r"0x[0-9a-f]+", "0x...", said)
    return "`" + said.replace("`", "'")[:160] + "`"


if __name__ == "__main__":
    main()
