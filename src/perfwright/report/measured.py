"""What growing input showed of one function, as text and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from perfwright.report import words
from perfwright.report.safe import safe

if TYPE_CHECKING:
    from perfwright.measure.every import Outcome
    from perfwright.measure.spreads import Worst
    from perfwright.measure.sweep import Sweep

HALF, FEW = 0.5, 6  # of a function's lines; sizes that tell how it grows

Row = tuple[str, str, str, str, str]
HEADS: Row = ("n", "CPU", "wall", "peak", "lines")


def duration(seconds: float) -> str:
    """Return seconds as people say them, from nanoseconds on."""
    if seconds < 1e-6:
        return f"{seconds * 1e9:.0f} ns"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us"
    return words.duration(seconds * 1000)


def table(rows: Sequence[Row]) -> str:
    """Return rows under their heads, each column as wide as it must be."""
    widths = [max(len(row[place]) for row in (HEADS, *rows)) for place in range(len(HEADS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in (HEADS, *rows)]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def document(target: str, found: "Sweep") -> dict[str, Any]:
    """Return the JSON of one function; `why` tells what could not be told."""
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
    return {
        "target": target,
        "growth": found.time.growth.to_json(),
        "memory": found.peak.growth.to_json(),
        "memory_by": found.peak_by,
        "points": points,
        "why": found.time.why,
        "input": found.input,
        "lines_run": round(found.covered, 3),
        "apart": dict(found.apart),
        "worst": asdict(found.worst) if found.worst is not None else None,
    }


def worst(found: "Worst") -> str:
    """Return one sentence on the input that takes longest."""
    random = f"random input {duration(found.cpu_random)}"
    if found.late:
        return (
            f"worst input found: {safe(found.said)}: at n = {found.n:,} it does not return within"
            f" {duration(found.cpu)}, {random}"
        )
    slopes = f"n^{found.exponent:.2f}, random n^{found.random:.2f}"
    return f"worst input found: {safe(found.said)}: {slopes}; at n = {found.n:,} {duration(found.cpu)}, {random}"


def many(module: str, outcomes: "Sequence[Outcome]", left: Sequence[str]) -> str:
    """Return several functions as a table, the steepest first, and the rest with the reason."""
    found = [(each.target, each.sweep) for each in outcomes if each.sweep is not None]
    found.sort(key=lambda one: (one[1].time.growth.exponent, one[0]), reverse=True)
    rows = [
        (safe(target), _grows(sweep), f"{duration(sweep.samples[-1].cpu)} at {sweep.samples[-1].n:,}", _note(sweep))
        for target, sweep in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    told = [f"{safe(module)}: {len(found)} of {len(outcomes)} functions measured"]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    told.extend(f"  {'  '.join(cells)}".rstrip() for cells in padded)
    rest = [each for each in outcomes if each.sweep is None]
    if rest:
        told.append("Not measured: each needs a builder, @perfwright.inputs(function)")
        told.extend(f"  {safe(each.target)}: {safe(each.why)}" for each in rest)
    if left:
        told.append("Not imported:")
        told.extend(f"  {safe(each)}" for each in left)
    return "\n".join(told)


def many_document(module: str, outcomes: "Sequence[Outcome]", left: Sequence[str]) -> str:
    """Return several functions as one JSON document: `{"bench_all": ...}`."""
    found = [document(each.target, each.sweep) for each in outcomes if each.sweep is not None]
    rest = [{"target": each.target, "why": each.why, "stub": each.stub} for each in outcomes if each.sweep is None]
    said = {"module": module, "functions": found, "not_measured": rest, "not_imported": list(left)}
    return json.dumps({"bench_all": said}, indent=2)


def _grows(found: "Sweep") -> str:
    growth = found.time.growth
    if found.time.why:
        return f"{growth.klass} (n^{growth.exponent:.2f})" if len(found.samples) > 1 else growth.klass
    return found.time.text.partition(",")[0] if growth.klass == "2^n" else f"n^{growth.exponent:.2f}, {growth.klass}"


def _note(found: "Sweep") -> str:
    """Return what a reader has to know of a measurement: too little of the function ran, it never ends, it waits."""
    notes = []
    if found.covered < HALF:
        notes.append(f"{found.covered:.0%} of its lines ran")
    if found.endless:
        notes.append("never ends: 4n items taken")
    if found.worst is not None:
        notes.append(f"worse: {safe(found.worst.said)}")
    if found.wall is not None:
        notes.append("waits")
    if found.time.why and len(found.samples) < FEW:
        notes.append(safe(found.stopped))
    return "; ".join(notes)
