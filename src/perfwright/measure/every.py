"""Every function of a module over growing input, one after the other, each within a budget of its own."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfwright.measure.recording import Suite
from perfwright.measure.run import Guest, GuestError
from perfwright.measure.sweep import Sweep, sweep

GROWS, HALF, SIZES = 1.25, 0.5, 3
SPOILED = re.compile(r"RecursionError|MemoryError|ImportError|module '[\w.]+' has no attribute")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one target: a sweep, or why there is none."""

    target: str
    sweep: Sweep | None = None
    why: str = ""
    stub: str = ""


def targets(guest: Guest, module: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return what a module or package offers to be measured, and what of it could not be imported."""
    said = guest.names(module)
    return said["targets"], said["left"]


def built(guest: Guest, file: str) -> Sequence[str]:
    """Return the targets for which a file has builders; what has no module named is in the file itself."""
    return [target if ":" in target else f"{file}:{target}" for target in guest.names(file)["built"]]


def measure(
    guest: Guest, targets: Sequence[str], *, seconds: float, marks: str = "", tests: Suite | None = None
) -> Iterator[Outcome]:
    """Give the outcome of each target. One that ends the worker is named, and the next one goes on."""
    for target in targets:
        outcome = _one(guest, target, seconds, marks, tests)
        if SPOILED.search(outcome.why):  # by what ran before it in this worker, perhaps
            guest.end()
            outcome = _one(guest, target, seconds, marks, tests)
        yield outcome


def _one(guest: Guest, target: str, seconds: float, marks: str, tests: Suite | None) -> Outcome:
    module, _, function = target.rpartition(":")
    try:
        found = sweep(guest, module, function, seconds=seconds, marks=marks, tests=tests)
    except GuestError as error:
        return Outcome(target=target, why=str(error))
    if found.failed:
        return Outcome(target=target, why=found.failed, stub=found.stub)
    if not found.samples:
        return Outcome(target=target, why=found.stopped)
    return Outcome(target=target, sweep=found)


def works(found: Sweep) -> bool:
    """Tell whether a sweep shows the function at work: three sizes or more, and its work grows or half of it ran."""
    if len(found.samples) < SIZES:
        return False
    first, last = found.samples[0], found.samples[-1]
    lines = [count for _, count in found.lines]
    grows = last.cpu > 2 * first.cpu or (len(lines) > 1 and lines[-1] > GROWS * lines[0])
    return grows or found.covered >= HALF
