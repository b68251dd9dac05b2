"""Findings that claim a growth in time: the function is run over growing input, which confirms or refutes the claim."""

import ast
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from perfwright.finding import Finding, Proof
from perfwright.measure import application
from perfwright.measure.joined import Verdict
from perfwright.measure.run import Guest, GuestError
from perfwright.measure.sweep import Sweep, sweep

# What a claim says of the exponent: it is confirmed above, and refuted below.
CLAIMS = {"n^2": (1.5, 1.3), "2^n": (3.0, 2.0)}
EACH = 4.0  # seconds of one function


def claims_growth(finding: Finding, proof: Proof) -> bool:
    """Tell whether growing input to a finding's function can show what its rule claims.

    A claim of `n` cannot be told from the loop that is there anyway.
    """
    return proof.kind == "growth" and proof.expects in CLAIMS and bool(finding.place.function)


def prove(
    guest: Guest,
    root: Path,
    findings: Sequence[tuple[Finding, Proof]],
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Verdict]:
    """Give a verdict on each finding, as far as there is time; a function with several is run once."""
    until = clock() + seconds
    known: dict[tuple[str, str], Sweep | str] = {}
    for finding, proof in findings:
        place = (finding.place.path, finding.place.function)
        left = until - clock()
        if place not in known:
            known[place] = measured(guest, root, *place, seconds=min(EACH, left)) if left > 1 else "there was no time"
        yield verdict(finding, proof, known[place])


def measured(guest: Guest, root: Path, path: str, function: str, *, seconds: float) -> Sweep | str:
    """Return what growing input showed of a function, or why it could not be run."""
    if "<" in function:
        return "it is inside another function"
    try:
        place, module = application.imported_as(root, path, ast.parse((root / path).read_bytes()))
        guest.reads.append(root)
        if place not in guest.places:
            guest.places = [*guest.places, place]
            guest.end()
        found = sweep(guest, module, function, seconds=seconds)
    except (OSError, SyntaxError, ValueError) as error:
        return f"{path} cannot be read ({error})"
    except GuestError as error:
        return str(error)
    return found.failed or found


def verdict(finding: Finding, proof: Proof, found: Sweep | str) -> Verdict:
    """Return what a run of a function says of a finding in it."""
    if isinstance(found, str):
        return Verdict(key=finding.key, said="not reached", why=found, by="bench", metric="cpu_s")
    growth = found.time.growth
    above, below = CLAIMS[proof.expects]
    exponent = above if growth.klass == "2^n" else growth.exponent
    values = {sample.n: sample.cpu for sample in found.samples}
    if found.time.why and exponent < above:
        said, why = "not reached", f"its growth cannot be told: {found.time.why}"
    elif exponent >= above:
        said, why = "confirmed", ""
    elif exponent < below:
        said, why = "refuted", f"its time grows as n^{growth.exponent:.2f}"
    else:
        said, why = "not reached", f"n^{growth.exponent:.2f} is neither"
    return Verdict(
        key=finding.key, said=said, entry=f"bench {finding.place.function}", values=values, grows=growth, why=why,
        by="bench", metric="cpu_s",
    )  # fmt: skip
