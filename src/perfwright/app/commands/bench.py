"""`perfwright bench`: one function over growing input."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perfwright import __version__, baseline
from perfwright.app import options, project, screen
from perfwright.errors import InputError, PerfwrightError
from perfwright.report import measured, words
from perfwright.report.safe import safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfwright.measure.every import Outcome
    from perfwright.measure.recording import Suite
    from perfwright.measure.run import Choice, Guest
    from perfwright.measure.sweep import Sweep
    from perfwright.progress import Progress

GROUP = "measure"
UNTOLD = 1
ONE, MANY = 5.0, 1.5  # seconds for one function, and for each of many

EXAMPLES = """\b
Examples:
  perfwright bench shop.pricing:total            a function that this folder's interpreter can import
  perfwright bench shop/pricing.py:Cart.total    a method, in a file
  perfwright bench shop.pricing:total --seconds 20 --format json
  perfwright bench shop.pricing:total --format html --output total.html
  perfwright bench shop.pricing:total --tests tests/test_pricing.py    called as the tests call it, with more
  perfwright bench shop.pricing --all            each public function of a module or a package
  perfwright bench perf/inputs.py                what this file has builders for
  perfwright bench 'membership-in-list@shop/views.py::home#seen'    the function of a finding

The function runs in your project's interpreter: --python, else .venv, else the active environment. Its input comes from
the first of these that gives a call:

\b
  1. the tests that --tests names: what they call it with, grown
  2. a builder of yours
  3. its annotations
  4. the examples in its docstring
  5. the tests in tests/, test/ or beside it that name it, three files at most and 10 seconds; not with --all
  6. what its body does with each parameter
  7. the tests that name its module, in the same bounds

Tests run in that interpreter, contained as the function is, with pytest, else with unittest. A builder:

\b
  import perfwright
  @perfwright.inputs(total)
  def orders(n):
      return ([Order(i) for i in range(n)],)

Memory is the peak of what Python allocates (tracemalloc); where memray is installed beside the project and libraries
in C hold most of it, what the process allocates.

It exits 0 when the growth could be told, 1 when it could not, and 2 when the function could not be run at all; of
several functions, 0 when one of them could be measured.
"""


@click.command(epilog=EXAMPLES)
@click.argument("target", metavar="MODULE:FUNCTION")
@options.python("function")
@click.option("--all", "every", is_flag=True, help="Measure each public function of a module or a package.")
@click.option(
    "--tests",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A file or folder of tests: what they call the function with, grown, is its input before all else.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=0.5), help="Time for all sizes.  [default: 5; 1.5 for each of many]"
)
@click.option(
    "--format", "form", type=click.Choice(["terminal", "json", "html"]), default="terminal", show_default=True
)
@options.output()
@options.sandbox("function")
@click.pass_context
def bench(
    context: click.Context,
    /,
    target: str,
    python: Path | None,
    every: bool,
    tests: tuple[Path, ...],
    seconds: float | None,
    form: str,
    output: Path | None,
    contain: "Choice",
) -> None:
    """Run one function over growing input and say how its time and memory grow."""
    from perfwright.measure import targets
    from perfwright.measure.recording import Suite
    from perfwright.measure.run import Guest, interpreter
    from perfwright.measure.sweep import sweep

    root = Path.cwd()
    wanted = targets.parse(target, root)
    if (every and wanted.function) or not (every or wanted.function or wanted.module.endswith(".py")):
        raise targets.no_function(target)
    places = [place for place in (root, root / "src") if place.is_dir()]
    chosen = interpreter(root, python, os.environ.get("VIRTUAL_ENV"))
    if not wanted.function:
        with screen.working(f"measuring {target}") as progress, Guest(chosen, places, contain=contain) as guest:
            outcomes, left = _several(
                guest, wanted.module, every, seconds or MANY, progress, Suite(root, tests) if tests else None
            )
        several = measured.many_document if form == "json" else measured.many
        click.echo(several(target, outcomes, left))
        context.exit(0 if any(each.sweep is not None for each in outcomes) else UNTOLD)
    with screen.working(f"measuring {target}"), Guest(chosen, places, contain=contain) as guest:
        found = sweep(guest, wanted.module, wanted.function, seconds=seconds or ONE, tests=Suite(root, tests))
    if found.failed:
        if found.stub:
            click.echo("\n".join(map(safe, found.stub.splitlines())), err=True)
        builder = wanted.function.rpartition(".")[2]
        raise PerfwrightError(
            f"{target} {found.failed}; give a builder with @perfwright.inputs({builder}).", slug="cannot-call"
        )
    document = _document(target, found, guest.tier)
    if form == "json":
        text = json.dumps(document, indent=2)
    elif form == "html":
        text = _html(document)
    else:
        text = _text(target, found, f"{guest.tier.capitalize()}: {guest.contained}.")
    if output:
        baseline.write_text(output, f"{text}\n")
    else:
        click.echo(text)
    context.exit(UNTOLD if found.time.why else 0)


def _several(
    guest: "Guest", module: str, every: bool, seconds: float, progress: "Progress | None", tests: "Suite | None"
) -> "tuple[list[Outcome], Sequence[str]]":
    """Return the outcome of each public function of a module, or of each that a file has builders for."""
    from perfwright.measure import every as each

    if every:
        names, left = each.targets(guest, module)
    else:
        names, left = each.built(guest, module), ()
    if not names:
        what = "public functions of its own" if every else "builders marked with @perfwright.inputs"
        raise InputError(f"{module} has no {what}; give MODULE:FUNCTION.", slug="no-function")
    if progress is not None:
        progress.begin("measuring", len(names))
    outcomes = []
    for outcome in each.measure(guest, names, seconds=seconds, marks="" if every else module, tests=tests):
        outcomes.append(outcome)
        if progress is not None:
            progress.step(0)
    return outcomes, left


def _text(target: str, found: "Sweep", tier: str) -> str:
    peaks, lines = dict(found.peaks), dict(found.lines)
    rows = [
        (
            f"{sample.n:,}",
            measured.duration(sample.cpu),
            measured.duration(sample.wall),
            words.memory(peaks[sample.n] / 1024) if sample.n in peaks else "",
            f"{lines[sample.n]:,}" if sample.n in lines else "",
        )
        for sample in found.samples
    ]
    told = [f"{safe(target)}: time ~ {found.time.text}"]
    if found.time.why:
        told[0] = f"{safe(target)}: cannot tell how time grows: {found.time.why}"
    if found.wall is not None:
        told.append(f"it waits: wall time ~ {found.wall.text}")
    held = f"memory ~ {found.peak.text}" if not found.peak.why else f"memory: cannot tell, {found.peak.why}"
    told.append(f"{held} (as memray sees it: most is not Python's)" if found.peak_by == "memray" else held)
    told.append(measured.table(rows))
    for n, middle, low, high, is_measured in found.targets:
        if is_measured:
            told.append(f"at {n:,}: {measured.duration(middle)}")
        else:
            interval = f"{measured.duration(low)} to {measured.duration(high)}"
            told.append(f"at {n:,}: about {measured.duration(middle)} ({interval}), extrapolated")
    if found.apart:
        each = ", ".join(f"{safe(part)} n^{slope:.2f}" for part, slope in found.apart)
        told.append(f"each part of the input on its own: {each}")
    if found.worst is not None:
        told.append(measured.worst(found.worst))
    told.append(f"input: {safe(found.input)}")
    if found.endless:
        told.append("it gives an iterator that never ends: its first 4n items were taken")
    told.extend(f"grows as n^{slope}: {safe(line)}" for line, slope in found.hot)
    told.append(f"It stopped there because {safe(found.stopped)}. {tier}")
    return "\n".join(told)


def _html(document: Any) -> str:
    from perfwright.report.html.benched import bench as page

    return page(document, __version__, project.lines_below(Path.cwd())).rstrip("\n")


def _document(target: str, found: "Sweep", tier: str) -> Any:
    document = measured.document(target, found)
    hot = [{"line": _near(line), "exponent": slope} for line, slope in found.hot]
    return {"bench": {**document, "tier": tier, "python": found.python, "stopped": found.stopped, "hot": hot}}


def _near(line: str) -> str:
    """Return `path:line` from this folder on, where it is below it."""
    return line.removeprefix(f"{Path.cwd()}{os.sep}")


COMMAND = bench
