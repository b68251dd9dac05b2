"""Runs `perfwright verify` on pairs of functions of which it is known whether they behave the same.

    python benchmarks/judge_traps.py                every pair of traps/*.md
    python benchmarks/judge_traps.py order ties     those whose group or name has one of the words
    python benchmarks/judge_traps.py --labels       only whether the pairs are labelled rightly, without the judge

Exits 1 where a pair that is not equivalent is called `same`, where fewer than 95% of the equivalent ones are, or where
a label does not hold.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "traps"
VERDICTS = ("same", "differs", "refused")
LIMIT = 180.0  # seconds for one pair
LOAD = """
import asyncio, contextlib, importlib.util, inspect, io, operator, os, pickle, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("subject", sys.argv[1])
subject = importlib.util.module_from_spec(spec)
sys.modules["subject"] = subject
sys.dont_write_bytecode = True
spec.loader.exec_module(subject)
function = operator.attrgetter(sys.argv[2])(subject)
"""
SHOW = """
given = sys.argv[3]
try:
    code = compile(given, "shown", "eval")
except SyntaxError:
    code = compile(given, "shown", "exec")
try:
    value = eval(code, vars(subject))
    if value is not None:
        print(repr(value))
except BaseException as error:
    print(type(error).__name__, error)
"""
# A colleague's unit test: `==` of results, the type of exceptions. Pickled, as each side has classes of its own.
PLAIN = """
def call(args):
    try:
        value = function(*args)
        if inspect.isawaitable(value):
            value = asyncio.run(value)
        if inspect.isgenerator(value) or hasattr(value, "__next__"):
            value = list(value)
    except Exception as error:
        return "raises " + type(error).__name__
    try:
        return pickle.loads(pickle.dumps(value))
    except Exception:
        return "cannot be compared"

with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    given = [call(args) for args in eval(sys.argv[3], vars(subject))]
kept = Path(sys.argv[4])
if kept.exists():
    first = pickle.loads(kept.read_bytes())
    try:
        equal = bool(first == given)
    except ValueError:  # arrays and frames do not say yes or no
        equal = repr(first) == repr(given)
    print("alike" if equal else "not alike")
else:
    kept.write_bytes(pickle.dumps(given))
"""


class TrapError(Exception):
    """A section that does not say what it has to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap:
    """A function before and after, and what a judge has to say of it."""

    group: str
    name: str
    right: tuple[str, ...]
    function: str
    before: str
    after: str
    inputs: str
    shown: str
    allowed: tuple[str, ...] = ()

    @property
    def equivalent(self) -> bool:
        return "same" in self.right


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the judge said of a pair, and what a plain comparison says."""

    trap: Trap
    verdict: str
    told: str
    seconds: float
    plain: bool

    @property
    def right(self) -> bool:
        return self.verdict in self.trap.right

    @property
    def plain_right(self) -> bool:
        return self.plain == self.trap.equivalent


def traps(folder: Path = HERE) -> list[Trap]:
    """Read all pairs; raises TrapError where one is not whole."""
    return [trap for path in sorted(folder.glob("*.md")) for trap in read(path.stem, path.read_text())]


def read(group: str, text: str) -> list[Trap]:
    """Return the pairs of one page, a section each; what the page has for both sides comes first in each."""
    head, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
    both = re.search(r"^```python\n# both\n(.*?)^```$", head, flags=re.MULTILINE | re.DOTALL)
    return [section(group, part, f"{both[1]}\n\n" if both else "") for part in parts]


def section(group: str, text: str, both: str = "") -> Trap:
    """Return the pair of one section."""
    name = text.partition("\n")[0].strip()
    blocks = re.findall(r"^```python\n# (before|after|shown by)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    code = dict(blocks)
    said = re.search(r"^`([a-z, ]+)`: \S", text, flags=re.MULTILINE)
    right = tuple(said[1].split(", ")) if said else ()
    if not right or not set(right) <= set(VERDICTS):
        raise TrapError(f"{group}: {name!r} has no verdict; write `same`, `differs` or `refused`, a colon and why.")
    if len(code) != len(blocks) or not {"before", "after"} <= set(code):
        raise TrapError(f"{group}: {name!r} needs one block `# before` and one `# after`.")
    inputs = line("inputs", text)
    if not inputs:
        raise TrapError(f"{group}: {name!r} has no line `inputs: [...]`.")
    return Trap(
        group=group,
        name=name,
        right=right,
        function=line("function", text) or "f",
        before=both + code["before"],
        after=both + code["after"],
        inputs=inputs,
        shown=code.get("shown by") or line("shown by", text),
        allowed=tuple(line("allowed", text).split()),
    )


def line(word: str, text: str) -> str:
    """Return what a line says after a word, or nothing."""
    found = re.search(rf"^{word}: `?(.*?)`?$", text, flags=re.MULTILINE)
    return found[1] if found else ""


def lay(trap: Trap, folder: Path) -> tuple[Path, Path]:
    """Write both versions."""
    before, after = folder / "before.py", folder / "after.py"
    before.write_text(trap.before)
    after.write_text(trap.after)
    return before, after


def run(code: str, path: Path, trap: Trap, *words: str) -> str:
    """Run some lines on one version, in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOAD + code, str(path), trap.function, *words],
        cwd=path.parent,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=LIMIT,
        check=False,
    )
    if done.returncode:
        raise TrapError(f"{trap.group}: {trap.name!r} does not run: {(done.stderr.splitlines() or ['?'])[-1]}")
    return done.stdout


def alike(trap: Trap, folder: Path) -> bool:
    """Say whether the ordinary inputs give equal results on both sides."""
    before, after = lay(trap, folder)
    kept = folder / "results"
    run(PLAIN, before, trap, trap.inputs, str(kept))
    return run(PLAIN, after, trap, trap.inputs, str(kept)).strip() == "alike"


def doubt(trap: Trap) -> str:
    """Say what speaks against the label of a pair, or nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        try:
            if trap.equivalent:
                return "" if alike(trap, folder) else "the results of its inputs differ"
            if not trap.shown:
                return "" if trap.right == ("refused",) else "nothing shows the difference"
            before, after = lay(trap, folder)
            first, again = run(SHOW, before, trap, trap.shown), run(SHOW, before, trap, trap.shown)
            if first != again:
                return "what should show the difference is not the same twice"
            return "" if first != run(SHOW, after, trap, trap.shown) else "what should show the difference does not"
        except (TrapError, subprocess.TimeoutExpired) as error:
            return str(error)


def judge(trap: Trap) -> Judged:
    """Let `perfwright verify` judge a pair."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        plain = alike(trap, folder)
        before, after = lay(trap, folder)
        words = [f"{before.name}:{trap.function}", f"{after.name}:{trap.function}", "--format", "json"]
        words += [f"--allow={name}" for name in trap.allowed]
        start = time.perf_counter()
        command = [sys.executable, "-m", "perfwright.app.main", "verify", *words]
        with subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            start_new_session=True,
        ) as process:
            try:
                printed, complained = process.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # it has children of its own
                return Judged(trap=trap, verdict="no end", told="", seconds=LIMIT, plain=plain)
        seconds = time.perf_counter() - start
    try:
        answer = json.loads(printed)["verify"]
        verdict, told = str(answer["verdict"]), str(answer["reason"])
        if shown := answer.get("counterexample"):
            told += f": {shown['call']} {shown['before']} / {shown['after']}"
    except (ValueError, KeyError, TypeError):
        verdict, told = "no answer", (complained.strip().splitlines() or ["it printed nothing"])[-1]
    return Judged(trap=trap, verdict=verdict, told=told, seconds=seconds, plain=plain)


def table(judged: Sequence[Judged]) -> list[str]:
    """Return the table by group, with the plain comparison as the last row."""
    lines = [f"{'group':<12} {'pairs':>5} {'right':>5} {'wrong':>5} {'not shown':>9} {'median s':>8} {'longest s':>9}"]
    groups = sorted({each.trap.group for each in judged})
    for group in [*groups, ""]:
        part = [each for each in judged if group in ("", each.trap.group)]
        right = sum(each.right for each in part)
        unsure = sum(each.verdict == "not shown" for each in part)
        seconds = [each.seconds for each in part]
        lines.append(
            f"{group or 'all':<12} {len(part):>5} {right:>5} {len(part) - right - unsure:>5} {unsure:>9} "
            f"{statistics.median(seconds):>8.1f} {max(seconds):>9.1f}"
        )
    plain = sum(each.plain_right for each in judged)
    lines.append(f"{'plain ==':<12} {len(judged):>5} {plain:>5} {len(judged) - plain:>5}")
    return lines


def summary(judged: Sequence[Judged]) -> tuple[list[str], bool]:
    """Return what to say of equivalent and other pairs, and whether that is good enough."""
    same = [each for each in judged if each.trap.equivalent]
    other = [each for each in judged if not each.trap.equivalent]
    taken = sum(each.right for each in same)
    missed = sum(each.verdict == "same" for each in other)
    caught = sum(each.right for each in other)
    lines = [
        f"{caught} of {len(other)} pairs that are not equivalent are told so, {missed} are called the same; "
        f"plain == tells {sum(each.plain_right for each in other)}.",
        f"{taken} of {len(same)} equivalent pairs are called the same.",
    ]
    return lines, not missed and taken >= 0.95 * len(same)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="WORD", help="only pairs whose group or name has one of the words")
    parser.add_argument("--labels", action="store_true", help="check the labels, and do not ask the judge")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2, help="pairs judged at a time")
    given = parser.parse_args()
    every = traps()
    chosen = [trap for trap in every if not given.words or any(w in f"{trap.group} {trap.name}" for w in given.words)]
    if not chosen:
        parser.error("no pair has one of the words in its name.")
    with ThreadPoolExecutor(given.jobs) as pool:
        doubts = [(trap, text) for trap, text in zip(chosen, pool.map(doubt, chosen), strict=True) if text]
        for trap, text in doubts:
            print(f"{trap.group}: {trap.name}: the label is in doubt: {text}")
        equivalent = sum(trap.equivalent for trap in chosen)
        print(f"{len(chosen)} pairs, {equivalent} of them equivalent; {len(doubts)} labels in doubt.", flush=True)
        if given.labels or doubts:
            return 1 if doubts else 0
        judged = []
        for each in pool.map(judge, chosen):
            judged.append(each)
            if not each.right:
                wanted = " or ".join(each.trap.right)
                print(f"{each.trap.group}: {each.trap.name}: {each.verdict}, not {wanted}: {each.told}", flush=True)
    lines, good = summary(judged)
    print("", *table(judged), "", *lines, sep="\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
