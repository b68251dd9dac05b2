"""The verdict on two versions, as text and as JSON."""

from typing import TYPE_CHECKING, Any

from perfwright.report import measured, words
from perfwright.report.safe import safe

if TYPE_CHECKING:
    from perfwright.fix.judge.memory import Memory
    from perfwright.fix.judge.pace import Speed
    from perfwright.fix.judge.passes import Passes
    from perfwright.fix.judge.verdict import Counts, Verdict
    from perfwright.fix.judge.waiting import Waits

TIMES = ("elapsed", "stall")
WAITED = {
    "elapsed": "a call takes", "stall": "the event loop stands still for", "requests": "requests:",
    "connections": "connections:", "concurrency": "under way at once:",
}  # fmt: skip


def document(found: "Verdict") -> dict[str, Any]:
    """Return the JSON of a verdict, under the key of its document."""
    said: dict[str, Any] = {
        "verdict": found.word,
        "reason": found.reason,
        "counterexample": found.counterexample,
        "inputs": found.inputs,
        "sizes": list(found.sizes),
        "allowed": list(found.allowed),
        "input": found.source,
        "seed": found.seed,
        "seconds": found.seconds,
        "notes": list(found.notes),
        "speed": None,
        "counts": {each.of: [list(one) for one in each.at] for each in found.counts},
        "memory": None,
    }
    if found.speed is not None:
        said["speed"] = _paced(found.speed)
    if found.memory is not None:
        held = found.memory
        said["memory"] = {
            "verdict": held.verdict, "ratio": held.ratio, "n": held.n, "before_bytes": held.before,
            "after_bytes": held.after, "worse_at": list(held.worse), "why": held.why,
        }  # fmt: skip
    if found.passes is not None:
        gone = found.passes
        said["passes"] = {
            "verdict": gone.verdict, "at": [list(one) for one in gone.at],
            "growth": {"before": gone.before, "after": gone.after},
        }  # fmt: skip
    if found.part is not None:
        said["part"] = _paced(found.part)
    if found.waits is not None:
        said["waits"] = {"n": found.waits.n, "before": found.waits.before, "after": found.waits.after}
    return {"verify": said}


def _paced(pace: "Speed") -> dict[str, Any]:
    return {
        "verdict": pace.verdict, "ratio": pace.ratio, "low": pace.low, "high": pace.high, "n": pace.n,
        "before_s": pace.before, "after_s": pace.after, "control": list(pace.control), "worse_at": list(pace.worse),
        "why": pace.why,
    }  # fmt: skip


def text(before: str, after: str, found: "Verdict") -> str:
    """Return a verdict as people read it."""
    told = [f"{safe(before)} and {safe(after)}: {found.word}{f': {safe(found.reason)}' if found.reason else ''}"]
    if found.counterexample is not None:
        told += [
            f"  {safe(found.counterexample['call'])}",
            f"    before: {safe(found.counterexample['before'])}",
            f"    after:  {safe(found.counterexample['after'])}",
        ]
    return "\n".join([*told, *evidence(found)])


def evidence(found: "Verdict") -> list[str]:
    """Return what a verdict rests on, in lines."""
    told: list[str] = []
    if found.inputs:
        sizes = f", at sizes up to {max(found.sizes):,}" if found.sizes else ""
        told.append(f"{found.inputs:,} inputs compared{sizes}{f'; made {safe(found.source)}' if found.source else ''}")
    told += [_counts(each) for each in found.counts if each.fewer or each.more]
    if found.allowed:
        told.append(f"allowed to differ: {', '.join(found.allowed)}")
    told += map(safe, found.notes)
    if found.passes is not None and found.goes_through_less:
        told.append(_passes(found.passes))
    if found.speed is not None:
        told.append(_speed(found.speed))
    if found.part is not None and found.part.verdict == "faster":
        told.append(_part(found.part))
    if found.memory is not None and found.memory.verdict != "no evidence":
        told.append(_memory(found.memory))
    if found.waits is not None:
        told.append(_waits(found.waits))
    return told


def summary(found: "Verdict") -> str:
    """Return a verdict in one line."""
    said = f"the {found.word} for {found.inputs:,} inputs"
    if found.allowed:
        said += f" (but for {', '.join(found.allowed)})"
    said = "; ".join([said, *[_counts(each) for each in found.counts if each.fewer or each.more]])
    if found.passes is not None and found.goes_through_less:
        said += f"; {_passes(found.passes)}"
    if found.waits is not None:
        return f"{said}; {_waits(found.waits)}"
    if found.speed is not None:
        said += f"; {_speed(found.speed)}"
    if found.part is not None and found.part.verdict == "faster":
        said += f"; {_part(found.part)}"
    if found.memory is not None and found.memory.verdict != "no evidence":
        said += f"; {_memory(found.memory)}"
    return said


def _counts(counts: "Counts") -> str:
    n, before, after = counts.at[-1]
    return f"{counts.of}: {before:,} before, {after:,} after, at {n:,} rows a table"


def _passes(gone: "Passes") -> str:
    n, before, after = gone.at[-1]
    grows = f"n^{gone.after:.2g} where it was n^{gone.before:.2g}"
    return f"passes of the code: {before:,} before, {after:,} after, at {n:,} rows a table ({grows})"


def _waits(waits: "Waits") -> str:
    """Return what a call waits for, as far as it differs."""
    told = []
    for what, name in WAITED.items():
        before, after = waits.least(what)
        if waits.better(what) or (what not in TIMES and before != after):
            shown = measured.duration if what in TIMES else "{:g}".format
            told.append(f"{name} {shown(before)} before, {shown(after)} after")
    return f"{'; '.join(told) or 'it waits as long as before'} (at {waits.n:,})"


def _speed(pace: "Speed") -> str:
    said = {"faster": "faster", "slower": "slower", "no evidence": "no evidence that it is faster"}[pace.verdict]
    ratio = 1 / pace.ratio if pace.verdict == "faster" else pace.ratio
    low, high = (1 / pace.high, 1 / pace.low) if pace.verdict == "faster" else (pace.low, pace.high)
    what = f"{ratio:.3g} times ({low:.3g} to {high:.3g}) as {'fast' if pace.verdict == 'faster' else 'long'}"
    times = f"{measured.duration(pace.before)} before, {measured.duration(pace.after)} after"
    why = f" ({pace.why})" if pace.why else ""
    return f"{said}{why}: {what} at {pace.n:,}, {times}"


def _part(pace: "Speed") -> str:
    return f"what was changed, timed alone: {_speed(pace)}"


def _memory(held: "Memory") -> str:
    sizes = f"{words.memory(held.before / 1024)} before, {words.memory(held.after / 1024)} after"
    return f"{held.verdict} memory: {held.ratio:.3g} times as much at {held.n:,}, {sizes}"
