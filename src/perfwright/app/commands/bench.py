"""`perfwright bench`: one function over growing input."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfwright.app import screen
from perfwright.errors import InputError, PerfwrightError
from perfwright.report import measured, words
from perfwright.report.safe import safe

if TYPE_CHECKING:
    from perfwright.measure.sweep import Sweep

GROUP = "measure"
UNTOLD = 1

EXAMPLES = """\b
Examples:
  perfwright bench shop.pricing:total            a function that this folder's interpreter can import
  perfwright bench shop/pricing.py:Cart.total    a method, in a file
  perfwright bench shop.pricing:total --seconds 20 --format json

The function runs in your project's interpreter: --python, else .venv, else the active environment. Its input is made
from its annotations, from the examples in its docstring, from what its body does with it, or by a builder of yours:

\b
  import perfwright
  @perfwright.inputs(total)
  def orders(n):
      return ([Order(i) for i in range(n)],)

It exits 0 when the growth could be told, 1 when it could not, and 2 when the function could not be run at all.
"""


@click.command(epilog=EXAMPLES)
@click.argument("target", metavar="MODULE:FUNCTION")
@click.option("--python", type=click.Path(path_type=Path), help="The interpreter that runs the function.")
@click.option("--seconds", type=click.FloatRange(min=0.5), default=5.0, show_default=True, help="Time for all sizes.")
@click.option("--format", "form", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True)
@click.pass_context
def bench(context: click.Context, /, target: str, python: Path | None, seconds: float, form: str) -> None:
    """Run one function over growing input and say how its time and memory grow."""
    from perfwright.measure.run import Guest, interpreter
    from perfwright.measure.sweep import sweep

    module, _, function = target.rpartition(":")
    if not module or not function:
        raise InputError(f"{target} names no function; give MODULE:FUNCTION or FILE.py:FUNCTION.", slug="no-function")
    if module.endswith(".py"):
        if not Path(module).is_file():
            raise InputError(f"{module} does not exist; give a module or a file.", slug="missing-path")
        module = str(Path(module).absolute())
    root = Path.cwd()
    places = [place for place in (root, root / "src") if place.is_dir()]
    chosen = interpreter(root, python, os.environ.get("VIRTUAL_ENV"))
    with screen.working(f"measuring {target}"), Guest(chosen, places) as guest:
        found = sweep(guest, module, function, seconds=seconds)
    if found.failed:
        if found.stub:
            click.echo("\n".join(map(safe, found.stub.splitlines())), err=True)
        raise PerfwrightError(
            f"{target} {found.failed}; give a builder with @perfwright.inputs({function.rpartition('.')[2]}).",
            slug="cannot-call",
        )
    click.echo(_json(target, found) if form == "json" else _text(target, found))
    context.exit(UNTOLD if found.time.why else 0)


def _text(target: str, found: "Sweep") -> str:
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
    told.append(f"memory ~ {found.peak.text}" if not found.peak.why else f"memory: cannot tell, {found.peak.why}")
    told.append(measured.table(rows))
    for n, middle, low, high, is_measured in found.targets:
        if is_measured:
            told.append(f"at {n:,}: {measured.duration(middle)}")
        else:
            interval = f"{measured.duration(low)} to {measured.duration(high)}"
            told.append(f"at {n:,}: about {measured.duration(middle)} ({interval}), extrapolated")
    told.append(f"input: {safe(found.input)}")
    if found.endless:
        told.append("it gives an iterator that never ends: its first 4n items were taken")
    told.extend(f"grows as n^{slope}: {safe(line)}" for line, slope in found.hot)
    told.append(f"It stopped there because {safe(found.stopped)}. Guard: limits, no network; not contained.")
    return "\n".join(told)


def _json(target: str, found: "Sweep") -> str:
    peaks, lines = dict(found.peaks), dict(found.lines)
    points = [
        {
            "n": sample.n,
            "cpu_s": sample.cpu,
            "wall_s": sample.wall,
            "peak_bytes": peaks.get(sample.n),
            "lines": lines.get(sample.n),
        }
        for sample in found.samples
    ]
    growth, memory = found.time.growth.to_json(), found.peak.growth.to_json()
    return json.dumps(measured.document(target, growth, memory, points, found.time.why), indent=2)


COMMAND = bench
