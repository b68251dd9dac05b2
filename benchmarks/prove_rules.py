"""Measures Slow and Fast of every rule's page over growing input, and says whether the page claims what is so.

A rule's kind of proof says which figure counts: `growth` CPU time, or wall time where Slow waits; `count` queries,
commits, requests, clients or calls; `stall` the longest stop of the event loop; `peak` memory held at once. Slow must
behave as the page says, and Fast must be better. The scenario of a hazard is played again and again instead: it must go
wrong with Slow, and never with Fast. `--write` keeps the figures in src/perfwright/rules/proofs.json, from which
docs/proofs.md and the curves in docs/rules are made.
"""

import argparse
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import page_runs
import page_scenarios

from _cases import Page
from perfwright import baseline, rules
from perfwright.finding import Proof
from perfwright.measure import growth
from perfwright.report import proved, words

ROOT = Path(__file__).parent.parent
FILE = ROOT / "src" / "perfwright" / "rules" / "proofs.json"
SECONDS = 5.0  # for each form of a page
RUNS, LONGER = 20, 8  # of a scenario, at most; it waits more than it works, and has times as many seconds
HANGS = 300.0
COUNTS = {"connections": "clients"}  # what a page counts, by the figure that shows it
SERVED = ("loads", "uncached tokens")  # counts of many requests together
BETTER = {"cpu": 1.3, "wall": 1.3, "peak": 1.5, "left": 1.5, "stall": 3.0}  # Slow to Fast at the largest common size
COUNTED = 2.0
WAITS = 4.0  # wall to CPU time from which wall time counts: others keep the processor busy too
LOWER = 0.4  # what the slope of noisy times may be less than that of the class
LEAST_TIMES = 2  # that have a slope
STOPS = 0.003  # seconds that make a stop of the event loop

Figures = Mapping[int, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Proved:
    """What measuring a page showed: the figure that counts, by size and form, and what is wrong, if anything.

    Of a scenario it is how many runs went wrong, by how many there were, and `seen` is what went wrong in one.
    """

    rule: str
    proof: Proof
    figure: str
    slow: Mapping[int, float]
    fast: Mapping[int, float]
    wrong: str
    seen: str = ""

    @property
    def common(self) -> list[int]:
        return sorted(set(self.slow) & set(self.fast))


def prove(name: str, rule: rules.Rule, seconds: float) -> Proved:
    """Measure both forms of a page and judge them."""
    page = Page.of(rules.page(name))
    if rule.proof.kind == "scenario":
        return played(name, rule.proof, page, seconds)
    with tempfile.TemporaryDirectory(prefix="prove-") as folder:
        found: list[Figures] = []
        for form in ("slow", "fast"):
            place = Path(folder, form)
            place.mkdir()
            (place / "page.json").write_text(page.for_run())
            figures, why = measured(place, form, measure_of(rule), rule.proof.expects, seconds)
            if why:
                return Proved(name, rule.proof, "", {}, {}, f"{form}: {why}")
            found.append(figures)
    figure = figure_of(rule.proof, found[0])
    slow, fast = ({n: each[figure] for n, each in figures.items() if figure in each} for figures in found)
    return Proved(name, rule.proof, figure, slow, fast, judged(rule.proof, figure, slow, fast))


def played(name: str, proof: Proof, page: Page, seconds: float) -> Proved:
    """Play the scenario of a page with both forms and judge them."""
    with tempfile.TemporaryDirectory(prefix="prove-") as folder:
        runs, why = page_scenarios.played(page.for_run(), Path(folder), RUNS, seconds * LONGER)
    if why:
        return Proved(name, proof, "", {}, {}, why)
    slow, fast = ({len(runs[form]): float(sum(map(bool, runs[form])))} for form in page_scenarios.FORMS)
    seen = next(filter(None, runs["slow"]), "")
    return Proved(name, proof, "runs", slow, fast, page_scenarios.judged(runs), seen)


def measure_of(rule: rules.Rule) -> str:
    """Return what is measured of a page: a hazard's memory is what many calls leave behind."""
    if rule.proof.kind == "peak":
        return "left" if "hazard" in rule.spends else "peak"
    if rule.proof.expects in SERVED:
        return "served"
    return {"growth": "time"}.get(rule.proof.kind, rule.proof.kind)


def measured(place: Path, form: str, measure: str, step: str, seconds: float) -> tuple[Figures, str]:
    """Return the figures of a form by size; why there are none, where there are none."""
    script = str(Path(__file__).parent / "page_measures.py")
    command = [sys.executable, script, str(place), form, measure, step, str(seconds)]
    try:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT / "src")])}
        done = page_runs.run(command, cwd=place, env=env, seconds=HANGS)
    except subprocess.TimeoutExpired:
        return {}, f"it does not end within {HANGS:.0f} s"
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    if done.returncode or len(lines) < growth.LEAST_COUNTED:
        last = (done.stderr.strip().splitlines() or [f"{len(lines)} sizes"])[-1]
        return {}, last[:200]
    return dict(json.loads(line) for line in lines), ""


def figure_of(proof: Proof, slow: Figures) -> str:
    """Return the figure that shows what a page claims."""
    largest = slow[max(slow)]
    if proof.kind == "count":
        return COUNTS.get(proof.expects, proof.expects)
    if proof.kind == "stall":
        return "stall"
    if proof.kind == "peak":
        return next(iter(largest))
    return "wall" if largest["wall"] > WAITS * largest["cpu"] else "cpu"


def judged(proof: Proof, figure: str, slow: Mapping[int, float], fast: Mapping[int, float]) -> str:
    """Return what is wrong with what a page claims; nothing where it is so."""
    common = sorted(set(slow) & set(fast))
    if not common:
        return f"there is no {figure} of both forms"
    n = common[-1]
    ratio = slow[n] / fast[n] if fast[n] else float("inf") if slow[n] else 1.0
    if proof.kind == "count":
        return "" if ratio >= COUNTED else f"Fast makes {fast[n]:g} {figure} at n = {n:,}, Slow {slow[n]:g}"
    if proof.kind == "stall":
        if slow[n] < STOPS:
            return f"Slow stops the event loop for {slow[n] * 1000:.1f} ms only"
        return (
            "" if ratio >= BETTER[figure] else f"Fast stops it for {fast[n] * 1000:.1f} ms, Slow {slow[n] * 1000:.1f}"
        )
    rate = rate_of(figure, slow)
    expected = growth.EXPONENTS.get(proof.expects, 1.0)
    steep = proof.expects == "2^n" or rate >= expected - LOWER
    if not steep:
        return f"Slow grows as n^{rate:.2f}, the page says {proof.expects}"
    return "" if ratio >= BETTER[figure] else f"at n = {n:,} Slow takes {ratio:.2f} times what Fast takes"


def rate_of(figure: str, values: Mapping[int, float], most: float = math.inf) -> float:
    """Return the exponent of how a figure grows: of times, or of the class that fits beside a constant part.

    A few noisy points can look like a class that is steeper: `most` is what to believe of a class.
    """
    points = sorted(values.items())
    if figure not in ("cpu", "wall", "stall"):
        return growth.counted(points).growth.exponent
    points = [(n, value) for n, value in points if value > 0]
    if len(points) < LEAST_TIMES:
        return 0.0
    fit = growth.few(points)  # what takes long whatever the size is, a database's answer, hides the slope
    return max(growth.tail(points)[0], min(most, growth.EXPONENTS.get(fit.growth.klass, 0.0)))


def kept(each: Proved, machine: str) -> rules.Measured:
    """Return what is kept of a page's measurement."""
    most = growth.EXPONENTS.get(each.proof.expects, 1.0)
    slow, fast = (
        rules.Curve(
            tuple((n, shortened(value)) for n, value in sorted(form.items())),
            round(rate_of(each.figure, form, most), 2) if len(form) > 1 else 0.0,
        )
        for form in (each.slow, each.fast)
    )
    return rules.Measured(each.proof.kind, each.proof.expects, each.figure, slow, fast, each.wrong, machine, each.seen)


def shortened(value: float) -> float:
    """Return a time to four digits, which is more than is known of it; a count or a number of bytes as it is."""
    return value if float(value).is_integer() else float(f"{value:.4g}")


def this_machine() -> str:
    """Return the processor, the system and the Python that pages are measured on."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf8", "replace").splitlines() if told.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = (names or [platform.processor()])[0] or platform.machine()
    system = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    return f"{processor} ({platform.machine()}, {os.cpu_count()} cores), {system}, Python {platform.python_version()}"


def prove_all(chosen: Mapping[str, rules.Rule], seconds: float, jobs: int) -> list[Proved]:
    """Prove pages, several at a time; interrupted, it leaves no process."""
    told = page_runs.Told(len(chosen))

    def one(name: str) -> Proved:
        told.begin(name)
        each = prove(name, chosen[name], seconds)
        if not page_runs.ended():  # else it may have been ended as well
            told.end(name, proved.row(name, kept(each, "")), keep=bool(each.wrong))
        return each

    pool = ThreadPoolExecutor(jobs)
    try:
        return list(pool.map(one, sorted(chosen)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        page_runs.end()
        pool.shutdown()
        told.clear()


def write(found: Sequence[Proved]) -> None:
    """Keep what was measured, beside what is known of other rules, and write the pages that show it."""
    machine, loaded = this_machine(), rules.load()
    known = {name: each for name, each in rules.proofs().items() if name in loaded}
    baseline.write_text(FILE, rules.document({**known, **{each.rule: kept(each, machine) for each in found}}))
    subprocess.run([sys.executable, str(ROOT / "scripts" / "docs.py")], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="RULE", help="of these alone; the others keep their figures")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each form of a page")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="keep the figures, and write them into the docs")
    given = parser.parse_args()
    loaded = rules.load()
    if unknown := sorted(set(given.names) - set(loaded)):
        parser.error(f"{', '.join(unknown)} is no rule; `perfwright explain` lists them.")
    began = time.monotonic()
    for each in (signal.SIGINT, signal.SIGTERM):  # a shell's background jobs ignore the first
        signal.signal(each, signal.default_int_handler)
    try:
        found = prove_all({name: loaded[name] for name in given.names or loaded}, given.seconds, given.jobs)
    except KeyboardInterrupt:
        sys.exit("Interrupted: nothing was written.")
    if given.write:
        write(found)
    wrong = [each for each in found if each.wrong]
    took = words.duration((time.monotonic() - began) * 1000)
    print(f"{len(found) - len(wrong)} of {len(found)} pages are proved, in {took}.")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
