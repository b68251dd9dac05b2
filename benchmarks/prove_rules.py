"""Measures Slow and Fast of every rule's page over growing input, and says whether the page claims what is so.

A rule's kind of proof says which figure counts: `growth` CPU time, or wall time where Slow waits; `count` queries,
commits, requests, clients or calls; `stall` the longest stop of the event loop; `peak` memory held at once. Slow must
behave as the page says, and Fast must be better. The scenario of a hazard is played again and again instead: it must go
wrong with Slow, and never with Fast. `--write` puts the table into docs/proofs.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import page_scenarios

from _cases import Page
from perfwright import rules
from perfwright.finding import Proof
from perfwright.measure import growth
from perfwright.report import words

ROOT = Path(__file__).parent.parent
SECONDS = 8.0  # for each form of a page
RUNS, LONGER = 20, 8  # of a scenario, at most; it waits more than it works, and has times as many seconds
HANGS = 120.0
COUNTS = {"connections": "clients", "loads": "calls"}  # what a page counts, by the figure that shows it
BETTER = {"cpu": 1.3, "wall": 1.3, "peak": 1.5, "left": 1.5, "stall": 3.0}  # Slow to Fast at the largest common size
COUNTED = 2.0
WAITS = 4.0  # wall to CPU time from which wall time counts: others keep the processor busy too
LOWER = 0.4  # what the slope of noisy times may be less than that of the class
STOPS = 0.003  # seconds that make a stop of the event loop
SHOWN = 3

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
    return {"growth": "time"}.get(rule.proof.kind, rule.proof.kind)


def measured(place: Path, form: str, measure: str, step: str, seconds: float) -> tuple[Figures, str]:
    """Return the figures of a form by size; why there are none, where there are none."""
    script = str(Path(__file__).parent / "page_measures.py")
    command = [sys.executable, script, str(place), form, measure, step, str(seconds)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=HANGS, check=False, cwd=place,
            env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        )  # fmt: skip
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


def rate_of(figure: str, values: Mapping[int, float]) -> float:
    """Return the exponent of how a figure grows: of times, or of the class that fits beside a constant part."""
    points = sorted(values.items())
    if figure not in ("cpu", "wall", "stall"):
        return growth.counted(points).growth.exponent
    fit = growth.few(points)  # what takes long whatever the size is, a database's answer, hides the slope
    return max(growth.tail(points)[0], growth.EXPONENTS.get(fit.growth.klass, 0.0))


def told(each: Proved) -> str:
    """Return a row of the table."""
    if each.figure == "runs":
        slow, fast = (f"{wrong:g} of {runs} runs" for form in (each.slow, each.fast) for runs, wrong in form.items())
        return (
            f"| {each.rule} | scenario | {each.proof.expects} | | {slow}: {each.seen} | {fast} | | "
            f"{each.wrong or 'proved'} |"
        )
    if not each.common:
        return f"| {each.rule} | {each.proof.kind} | {each.proof.expects} | | | | | {each.wrong} |"
    n = each.common[-1]
    rates = [rate_of(each.figure, form) for form in (each.slow, each.fast)]
    amounts = [amount(each.figure, form[n]) for form in (each.slow, each.fast)]
    return (
        f"| {each.rule} | {each.figure} | {each.proof.expects} | {n:,} | {amounts[0]} (n^{rates[0]:.1f}) "
        f"| {amounts[1]} (n^{rates[1]:.1f}) | {each.slow[n] / each.fast[n] if each.fast[n] else float('inf'):.1f} "
        f"| {each.wrong or 'proved'} |"
    )


def amount(figure: str, value: float) -> str:
    if figure in ("cpu", "wall", "stall"):
        return words.duration(value * 1000)
    return words.memory(value / 1024) if figure in ("peak", "left") else f"{value:g}"


def table(found: Sequence[Proved]) -> Iterator[str]:
    yield "| rule | figure | page says | at n | Slow | Fast | times | |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |"
    yield from map(told, sorted(found, key=lambda each: each.rule))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="RULE")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each form of a page")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write docs/proofs.md")
    given = parser.parse_args()
    loaded = {name: rule for name, rule in rules.load().items() if not given.names or name in given.names}
    found = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for each in pool.map(lambda name: prove(name, loaded[name], given.seconds), sorted(loaded)):
            found.append(each)
            print(f"{len(found)}/{len(loaded)} {told(each)}", flush=True)
    wrong = [each for each in found if each.wrong]
    if given.write:
        where = f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}"
        text = "\n".join(["# Proofs", "", (__doc__ or "").strip(), "", f"Measured on {where}.", "", *table(found), ""])
        (ROOT / "docs" / "proofs.md").write_text(text)
    print(f"\n{len(found) - len(wrong)} of {len(found)} pages are proved.")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
