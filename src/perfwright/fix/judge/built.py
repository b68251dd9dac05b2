"""Two versions called with what a builder makes on both sides, where it cannot be copied: sessions, connections, files.

What both come to is compared at 1, 10 and 100: the result, rows that are left, requests and what is printed; queries,
rows, requests, and the steps and bytes of the database are counted. Both are timed at the largest size that is short
enough.
"""

import ast
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

from perfwright.fix.judge import memory, pace
from perfwright.fix.judge.answers import SEEN, difference
from perfwright.fix.judge.memory import Memory
from perfwright.fix.judge.pages import FIRST, Pages
from perfwright.fix.judge.sides import Side, Sides
from perfwright.fix.judge.verdict import COUNTED, WORKED, Counts, Verdict, pairs
from perfwright.measure.scale import CAPTURE

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
CONSTANTS = 40
NAMED = COUNTED | WORKED
SIZES = (1, 2, 10, 100)
BEYOND = (101, 1_000)  # more of them, where lists may be cut to a page
SPREADS = ("random", "reversed", "few")  # with the first, rows are all alike, and about the first of them is asked
LARGER = (1_000, 300, 100)  # at which the time is measured: the first at which a call is short enough
SHORT, CALL, MAKING = 0.4, 5.0, 60.0  # seconds of a call that is timed, of any call, and in which it is made
TOLD = (
    *[
        (name, what.replace("answers", "gives"))
        for name, what in SEEN
        if name not in ("status", "hops", "headers", "mails")
    ],
    ("args", "its arguments are left otherwise"),
    ("random", "it leaves the random numbers in another state"),
)


def queries(side: Side) -> bool:
    """Tell whether a version queries, or leaves rows, with what is built for it: these are not in its arguments."""
    said = _call(side, SIZES[1]) if side.about.get("databases") else {}
    return bool(said.get("queries") or said.get("rows"))


def judge(sides: Sides, allowed: Sequence[str]) -> Verdict | None:
    """Return what is said of two versions that get what the builder makes; None where it makes nothing."""
    first, second = sides.side("before"), sides.side("after")
    _planned(first, second)
    constants = _constants(first, second)
    counts: dict[str, dict[int, list[int]]] = {name: {} for name in NAMED}
    inputs = answered = 0
    loose: dict[str, None] = {}
    pages = Pages() if FIRST in allowed else None
    sizes = SIZES if pages is None else (*SIZES, *BEYOND)
    for n, spread in itertools.product(sizes, SPREADS):
        one, other = (_call(side, n, spread, constants) for side in (first, second))
        if "body" not in one:
            return None
        example = {"call": f"{sides.versions['before'].function} with what is built at {n:,}"}
        if "body" not in other:
            why = str(other.get("ended") or other.get("raised") or other.get("slow"))
            return Verdict("differs", "it does not end", {**example, "before": "it ends", "after": why}, inputs=inputs)
        inputs += 1
        answered += not one["error"]
        again = _call(sides.anew("before"), n, spread, constants) if _seen(one) != _seen(other) else one
        first = sides.side("before")
        found, some = difference(one, other, again, TOLD, paged=_paged(pages) if pages is not None else None)
        loose.update(dict.fromkeys(some))
        if found is not None:
            example |= {"before": found.before, "after": found.after}
            return Verdict("differs", found.what, example, inputs=inputs, sizes=(n,))
        for name, each in counts.items() if spread == SPREADS[0] else ():
            each[n] = [one[name], other[name]]
    if pages is not None and pages.unshown:
        return Verdict("not shown", pages.unshown, inputs=inputs)
    if not answered:
        return Verdict("not shown", f"no input is answered: the first version raises {one['error']}", inputs=inputs)
    notes: tuple[str, ...] = (pages.told,) if pages is not None else ()
    notes += (f"not compared, since it is never twice the same: {', '.join(loose)}",) if loose else ()
    return Verdict(
        "same", "", inputs=inputs, sizes=sizes, allowed=tuple(allowed),
        speed=pace.at_largest(LARGER, lambda n: _sampler(sides, n), SHORT), memory=_memory(sides),
        counts=tuple(Counts(NAMED[name], pairs(each)) for name, each in counts.items()), notes=notes,
    )  # fmt: skip


def _paged(pages: Pages) -> Callable[[str, str], str]:
    """Return what says why a result is not the first page of another, nor the same."""
    return lambda one, other: pages.problem_of_trees(*([json.loads(each or "null")] for each in (one, other)))[0]


def _constants(*sides: Side) -> list[int | str]:
    """Return the numbers and texts in functions, those of the versions first: what rows may be compared with."""
    found: dict[int | str, None] = {}
    for side in sides:
        name = side.version.function.rpartition(".")[2]
        functions = [node for node in ast.walk(ast.parse(side.source)) if isinstance(node, FUNCTIONS)]
        for function in sorted(functions, key=lambda node: node.name != name):
            for node in ast.walk(function):
                if isinstance(node, ast.Constant) and isinstance(node.value, (int, str)):
                    found.setdefault(node.value)
    return [*found][:CONSTANTS]


def _planned(first: Side, second: Side) -> None:
    """Let the second version make its arguments as the first does, where no builder says how."""
    plan = (first.guest.loaded or {}).get("plan")
    if plan and second.guest.loaded is not None:
        second.guest.loaded = {**second.guest.loaded, "plan": plan, "endless": False}
        second.guest.ask(second.guest.loaded, MAKING)


def _call(side: Side, n: int, spread: str = SPREADS[0], constants: Sequence[Any] = ()) -> dict[str, Any]:
    question = {
        "constants": [*constants],
        "ask": "built",
        "n": n,
        "distribution": spread,
        "seconds": CALL,
        "capture": str(CAPTURE),
    }
    return side.guest.ask(question, MAKING)


def _seen(said: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in said.items() if name not in ("cpu", "wall", *NAMED)}


def _sampler(sides: Sides, n: int) -> Callable[[str], float | None]:
    def sample(name: str) -> tuple[float, float] | None:
        question = {"ask": "spent", "n": n, "distribution": "random", "seconds": CALL}
        said = sides.side("before" if name == "control" else name).guest.ask(question, MAKING)
        return (said["cpu"], said["wall"]) if "cpu" in said else None

    return pace.by_one_clock(sample)


def _memory(sides: Sides) -> Memory | None:
    """Return which version needs less memory, at the larger sizes at which it can be seen."""
    found: list[tuple[int, int, int]] = []
    for n in sorted(LARGER):
        question = {"ask": "spent", "n": n, "distribution": "random", "seconds": 4 * CALL, "peak": True}
        peaks = [sides.side(name).guest.ask(question, MAKING).get("peak") for name in ("before", "after")]
        if peaks[0] is None or peaks[1] is None:
            break
        found.append((n, peaks[0], peaks[1]))
    return memory.told(found)
