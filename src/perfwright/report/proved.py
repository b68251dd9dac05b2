"""What was measured of a rule's page, in words."""

from collections.abc import Iterator, Mapping

from perfwright.report import words
from perfwright.rules import Curve, Measured

TIMES = ("cpu", "wall", "stall")
MEMORY = ("peak", "left")
NAMES = {
    "cpu": "CPU time",
    "wall": "wall time",
    "stall": "longest stop of the event loop",
    "peak": "memory held at once",
    "left": "memory left behind",
}


def amount(figure: str, value: float) -> str:
    """Return a value of a figure with its unit, where it has one."""
    if figure in TIMES:
        return words.duration(value * 1000)
    return words.memory(value / 1024) if figure in MEMORY else f"{value:,g}" if value < 1e6 else words.count(value)


def times(slow: float, fast: float) -> str:
    """Return how many times as much Slow takes: `2.2`, `7,016`; `∞` where Fast takes nothing."""
    if not fast:
        return "∞" if slow else "1.0"
    ratio = slow / fast
    return f"{ratio:,.1f}" if ratio < 100 else f"{ratio:,.0f}"


def growth(measured: Measured, form: Curve) -> str:
    """Return how a form grows: its exponent, or that it is no power at all."""
    if measured.expects == "2^n" and form is measured.slow and not measured.wrong:
        return "2^n"
    return f"n^{form.exponent:.1f}"


def sentence(measured: Measured) -> str:
    """Return the figures at the largest size that both forms were measured at; nothing where there is none."""
    if measured.kind == "scenario":
        slow, fast = went_wrong(measured)
        seen = f" ({measured.seen})" if measured.seen else ""
        return f"Slow goes wrong in {slow}{seen}, Fast in {fast}" if slow and fast else ""
    if measured.largest is None:
        return ""
    n, more, less = measured.largest
    figure = NAMES.get(measured.figure, measured.figure)
    figure = f"{figure[:1].upper()}{figure[1:]}"
    ratio = f", {times(more, less)} times less" if less and more > less else ""
    return (
        f"{figure} at n = {n:,}: Slow {amount(measured.figure, more)} (grows as {growth(measured, measured.slow)}), "
        f"Fast {amount(measured.figure, less)} ({growth(measured, measured.fast)}){ratio}"
    )


def went_wrong(measured: Measured) -> tuple[str, str]:
    """Return in how many runs of its scenario each form went wrong: `20 of 20 runs`; empty where none was run."""
    slow, fast = (
        next((f"{wrong:g} of {runs} runs" for runs, wrong in form.points), "")
        for form in (measured.slow, measured.fast)
    )
    return slow, fast


def table(measured: Mapping[str, Measured | None]) -> Iterator[str]:
    """Yield the rows of a Markdown table of rules, by name."""
    yield "| rule | figure | page says | at n | Slow | Fast | times | |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |"
    for name, each in sorted(measured.items()):
        yield row(name, each)


def row(name: str, measured: Measured | None) -> str:
    """Return a rule's row of that table."""
    if measured is None:
        return f"| {name} | | | | | | | not measured yet |"
    outcome = measured.wrong or "proved"
    if measured.kind == "scenario":
        slow, fast = went_wrong(measured)
        seen = f": {measured.seen}".replace("|", r"\|") if measured.seen else ""
        return f"| {name} | scenario | {measured.expects} | | {slow}{seen} | {fast} | | {outcome} |"
    if measured.largest is None:
        return f"| {name} | {measured.kind} | {measured.expects} | | | | | {outcome} |"
    n, more, less = measured.largest
    forms = ((more, measured.slow), (less, measured.fast))
    shown = [f"{amount(measured.figure, value)} ({growth(measured, form)})" for value, form in forms]
    return (
        f"| {name} | {measured.figure} | {measured.expects} | {n:,} | {shown[0]} | {shown[1]} "
        f"| {times(more, less)} | {outcome} |"
    )
