"""Inputs that take longer than random ones: a short search over order, repetition, and what text repeats."""

import collections.abc
import gc
import inspect
import re
import time
from dataclasses import replace
from typing import Any

from . import counting, spread, timing, usage  # type: ignore[import-not-found,unused-ignore]
from .search import LateError, limited  # type: ignore[import-not-found,unused-ignore]
from .spread import Spread  # type: ignore[import-not-found,unused-ignore]
from .target import Target  # type: ignore[import-not-found,unused-ignore]

SIZE, EVALUATIONS, KEPT = 64, 60, 2
CALL, BUILD = 0.15, 0.3  # seconds, of a call and of making its arguments
LINES = 20_000
LINE = 5e-8  # seconds: what a line counts
UNITS = ("a", "0", " ", "(", "a ", "aA", "<", '"', ",", "\\", "\n", "-", "[", "{", "'", ".", "/", "=", "&", "_", "é")
ENDS = ("!", "x", "", "\n", "0")
STARTS = ("", "x", "a", '"', "0")
REPEATS, ENOUGH = 3, 0.001


def quick(target: Target, n: int, distribution: str, seconds: float, alone: str = "") -> dict[str, Any]:
    """Return the CPU seconds of a call with arguments spread in a way, and whether they are others than random ones."""
    most = timing.taken(n) if target.endless else None
    try:
        with limited(BUILD):
            call = target.call(n, distribution, alone)
            before = timing.state(call)
            if distribution != "random" and before is not None and before == timing.state(target.call(n, "random")):
                return {"other": False, "slow": False, "cpu": 0.0}
    except LateError:
        return {"other": False, "slow": False, "cpu": 0.0}
    best, spent = float("inf"), 0.0
    try:
        for _ in range(REPEATS):
            with limited(seconds):
                gc.collect(0)
                began = time.thread_time()
                timing.run(target.function, call, most)
                took = time.thread_time() - began
            best, spent = min(best, took), spent + took
            if spent > ENOUGH * REPEATS:
                break
            with limited(BUILD):
                if timing.state(call) != before or before is None:
                    call = target.call(n, distribution, alone)
    except LateError:
        if best == float("inf"):
            return {"other": True, "slow": True, "cpu": seconds}
    return {"other": True, "slow": False, "cpu": max(best, 1e-7)}


def climb(target: Target, seconds: float) -> list[dict[str, Any]]:
    """Return the spreads that cost most at one small size, the worst first, where they cost more than random does."""
    until = time.monotonic() + seconds
    known: dict[Spread, float] = {}

    def cost(one: Spread) -> float:
        if one not in known:
            if len(known) >= EVALUATIONS or time.monotonic() > until:
                return 0.0
            known[one] = _cost(target, one)
        return known[one]

    cost(Spread())
    has_text, has_items = _holds(target)
    best = Spread()
    if has_items:
        for order in spread.ORDERS:
            best = max(best, replace(best, order=order), key=cost)
        for distinct in spread.DISTINCT:
            best = max(best, replace(best, distinct=distinct), key=cost)
    if has_text:
        for unit in _units(target):
            best = max(best, replace(best, unit=unit, end="!"), key=cost)
        for end in ENDS:
            best = max(best, replace(best, end=end), key=cost)
        for start in STARTS:
            best = max(best, replace(best, start=start), key=cost)
    ranked = sorted(known, key=lambda one: known[one], reverse=True)
    return [{"spread": each.text, "said": each.said} for each in ranked[:KEPT] if known[each] > known[Spread()]]


def _cost(target: Target, one: Spread) -> float:
    """Return what a call costs: lines and CPU seconds; very much where it does not come back."""
    try:
        said = quick(target, SIZE, one.text, CALL)
        if not said["other"] or said["slow"]:
            return CALL if said["slow"] else 0.0
        most = timing.taken(SIZE) if target.endless else None
        with limited(CALL):
            counts, _ = counting.lines(target.function, target.call(SIZE, one.text), LINES, most)
        return float(said["cpu"]) + LINE * sum(counts.values())
    except LateError:
        return CALL
    except Exception:  # an input that it refuses is none
        return 0.0


def _holds(target: Target) -> tuple[bool, bool]:
    """Tell whether the arguments hold text, and whether they hold several items."""
    positional, named = target.call(SIZE, "random")
    values = [*positional, *named.values()]
    text = items = False
    for value in values:
        text = text or isinstance(value, str)
        if isinstance(value, (collections.abc.Sequence, collections.abc.Set)) and not isinstance(value, (str, bytes)):
            items = True
            text = text or any(isinstance(each, str) for each in list(value)[:4])
    return text, items


def _units(target: Target) -> list[str]:
    """Return the texts to repeat: characters that the function's own constants and patterns hold come first."""
    code = usage.code_of(target.function)
    around = getattr(inspect.unwrap(target.function), "__globals__", {})
    constants = [each for each in (code.co_consts if code is not None else ()) if isinstance(each, str)]
    patterns = [around.get(name) for name in (code.co_names if code is not None else ())]
    constants += [each.pattern for each in patterns if isinstance(each, re.Pattern) and isinstance(each.pattern, str)]
    found = dict.fromkeys(UNITS[:4])
    for constant in constants[1:] if target.function.__doc__ in constants[:1] else constants:
        found.update(dict.fromkeys(letter for letter in constant[:200] if not letter.isalnum()))
        found.update(dict.fromkeys({"s": " ", "d": "0", "w": "a"}[each] for each in re.findall(r"\\([sdw])", constant)))
    return list(found | dict.fromkeys(UNITS))[: EVALUATIONS // 2]
