"""What two versions did, compared: the first difference that nobody allowed."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from perfwright.fix.judge import trees
from perfwright.fix.judge.pages import FIRST, NEW, Pages
from perfwright.fix.judge.trees import Tree

ALLOWANCES: Mapping[str, str] = {
    "float-order": "floats that differ by the order in which they were added, by one part in a thousand million",
    "dict-order": "dictionaries with the same items in another order",
    "row-order": "lists with the same items in another order, as of rows that no query sorts",
    "number-type": "numbers of Python in place of numpy's of the same value, or the other way",
    "was-error": "calls for which the first version raises an error",
    "exception-text": "errors of the same type with another text",
    "await-order": "what is awaited is begun in another order, or at once; of failures, another may come first",
    "call-count": "callbacks are called fewer times with the same arguments, as by a cache",
    "own-attribute": "objects keep what they worked out in an attribute that only the second version has",
    "cache": "a cache that lives on after the call, where one was asked for",
    NEW: "more parameters, all with defaults: calls as before are answered the same",
    FIRST: "of a list that is longer than a page, its beginning; shorter ones are the same",
}  # fmt: skip
CLOSE = 1e-9
PLAIN = ("int64", "float64", "bool", "bool_")  # numbers of numpy that are as wide as those of Python
# What is compared of a call, and how it is told; what comes first says most.
SEEN = (
    ("outcome", "it ends otherwise"),
    ("result", "it gives something else"),
    ("args", "its arguments are left otherwise"),
    ("kwargs", "its arguments are left otherwise"),
    ("events", "it does something else on the way"),
    ("handed", "what it hands to functions is left otherwise"),
    ("warnings", "it warns otherwise"),
    ("random", "it leaves the random numbers in another state"),
    ("environment", "it leaves the environment otherwise"),
    ("files", "it leaves other files"),
)
HOW = {
    "left": " when what it gives is left after one item",
    "meanwhile": " when its arguments are changed while what it gives is walked",
    "sent": " when it is sent something",
    "spoilt": " when it is called again, after what it gave was changed",
    "changed": " when it is called again, after its arguments were changed",
}
HELD = ("result", "args", "kwargs")
OUT_OF_DOMAIN = ("builtins:TypeError", "builtins:AttributeError")
EXHAUSTED = ("builtins:RecursionError", "builtins:MemoryError")


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, and how it reads before and after."""

    what: str
    before: str
    after: str


def difference(
    before: Any, after: Any, allowed: Sequence[str], *, beyond: bool, pages: Pages | None = None
) -> Difference | None:
    """Return the first difference between what two versions did in a trial, None where there is none.

    A trial `beyond` what the function is stated to take counts where the first version takes it without a complaint of
    types. What the first version could not end for want of memory, depth or time says nothing. `pages` is what is known
    of first pages, where these are allowed: what a trial does after one was given is not compared.
    """
    if "unmade" in before:
        return None
    if "unmade" in after:
        return Difference("its arguments cannot be made", "made", str(after["unmade"]))
    for one, other in zip(before["calls"], after["calls"], strict=False):
        kind, how = one["outcome"][0], HOW.get(one["how"], "")
        raised = one["outcome"][1] if kind == "raised" else ""
        if kind == "late" or raised in EXHAUSTED or (beyond and raised in OUT_OF_DOMAIN):
            return None
        if raised and "was-error" in allowed:
            continue
        found, cut = _first_page(one, other, pages) if pages is not None else (None, False)
        found = found or _in_call(one, other, allowed, cut=cut)
        if found is not None:
            return replace(found, what=found.what + how)
        if cut:
            return None
    if len(before["calls"]) != len(after["calls"]):
        return Difference("its arguments are left otherwise", "", "")
    return None


def _in_call(one: Any, other: Any, allowed: Sequence[str], *, cut: bool) -> Difference | None:
    """Return the first difference between what two versions did in a call; beside what it gave, where that was cut."""
    fail_both = one["outcome"][0] == other["outcome"][0] == "raised" and "await-order" in allowed
    another_first = fail_both and _begins_all(one["events"], other["events"])
    for name, what in SEEN:
        if (name in ("outcome", "events") and another_first) or (name in HELD and cut):
            continue
        left, right = (_known(each.get(name), name, allowed) for each in (one, other))
        if not _same(left, right) and not _alike(left, right, allowed):
            return Difference(what, _told(name, one), _told(name, other))
    for name in one["state"] if not cut else ():
        if name in other["state"]:
            left, right = one["state"][name], other["state"][name]
            if not _same(left, right) and not _alike(left, right, allowed):
                return Difference(f"it leaves `{name}` otherwise", *map(trees.shown, (left, right)))
    return None


def _first_page(one: Any, other: Any, pages: Pages) -> tuple[Difference | None, bool]:
    """Return how what a call gave is not the first page of what it gave before, and whether it is no more than that."""
    if one["outcome"][0] != "gave" or other["outcome"][0] != "gave":
        return None, False
    why, cut = pages.problem_of_trees(*(_held(each) for each in (one, other)))
    return (Difference(why, _told("result", one), _told("result", other)) if why else None), cut


def _held(call: Any) -> list[Tree]:
    """Return what a call gave, and its arguments afterwards."""
    return [call["result"], *call["args"], *(each for _, each in call["kwargs"])]


def _begins_all(some: Tree, more: Tree) -> bool:
    """Tell whether all that happens in some events happens in others too, which may be more."""
    return some[:1] != ["#"] and Counter(map(json.dumps, some)) <= Counter(map(json.dumps, more))


def unstable(one: Any, other: Any) -> Difference | None:
    """Return what differs between two runs of the same version: it depends on more than its input."""
    return difference(one, other, (), beyond=False)


def _known(tree: Tree, name: str, allowed: Sequence[str]) -> Tree:
    """Return a part of what was seen without what may differ."""
    if "number-type" in allowed:
        tree = _numbers(tree)
    if name == "outcome" and tree and tree[0] == "raised" and "exception-text" in allowed:
        return tree[:2]
    if name in ("args", "kwargs") and "own-attribute" in allowed and tree[:1] == ["#"]:
        return None  # of what is too long to be told, no attribute can be left out
    if name == "handed" and {"await-order", "call-count"} & set(allowed):
        return None
    if name == "events" and tree is not None:
        if tree[:1] == ["#"]:  # too many to be told
            return [*tree[:2], *tree[3:]] if "await-order" in allowed else tree
        if "await-order" in allowed and any(each[0] in ("came", "request", "aside") for each in tree):
            tree = sorted(tree, key=repr)
        if "call-count" in allowed:
            tree = [
                each for place, each in enumerate(tree) if each[0] not in ("call", "came") or each not in tree[:place]
            ]
    return tree


def _numbers(tree: Tree) -> Tree:
    """Return a tree with numbers of numpy as Python's of the same value."""
    if not isinstance(tree, list):
        return tree
    if tree[:1] == ["np"] and tree[2] in PLAIN:
        return tree[5]
    return [_numbers(each) if isinstance(each, list) else each for each in tree]


def _same(one: Tree, other: Tree) -> bool:
    """Tell whether two trees are equal; as text, for True is 1 to Python."""
    return json.dumps(one) == json.dumps(other)


def _alike(one: Tree, other: Tree, allowed: Sequence[str]) -> bool:
    """Tell whether two values differ only in what is allowed."""
    if not isinstance(one, list) or not isinstance(other, list) or len(one) != len(other):
        return _same(one, other)
    if one[:1] == ["f"] and other[:1] == ["f"] and "float-order" in allowed:
        return math.isclose(float(one[1]), float(other[1]), rel_tol=CLOSE)
    if one[:1] == ["o"] and other[:1] == ["o"] and len(one) == 5 and "own-attribute" in allowed:
        known = {name for name, _ in one[4]}
        other = [*other[:4], [each for each in other[4] if each[0] in known]]
    if one[:1] == ["d"] and other[:1] == ["d"] and len(one) == 3 and "dict-order" in allowed:
        one, other = ([*each[:2], sorted(each[2], key=repr)] for each in (one, other))
    if one[:1] == ["l"] and other[:1] == ["l"] and len(one) == 3 and "row-order" in allowed:
        left, right = (Counter(repr(trees.copied(item, 0)) for item in each[2]) for each in (one, other))
        return left == right
    return all(_alike(left, right, allowed) for left, right in zip(one, other, strict=True))


def _told(name: str, call: Any) -> str:
    """Return what a call did in one respect, as people read it."""
    outcome = call["outcome"]
    if outcome[0] == "late":
        return "it does not come back in time"
    if name in ("outcome", "result"):
        if outcome[0] == "raised":
            kind = outcome[1].rpartition(":")[2]
            return f"raises {kind}: {outcome[2]}" if outcome[2] else f"raises {kind}"
        result = call["result"]
        return f"gives {trees.shown(result)}"
    held = call[name]
    if name == "args":
        return ", ".join(map(trees.shown, held))
    if name == "kwargs":
        return ", ".join(f"{key}={trees.shown(each)}" for key, each in held)
    if name == "events":
        return "; ".join(_event(each) for each in held[:12]) or "nothing"
    return str(held)[: trees.LONGEST]


def _event(event: Sequence[Any]) -> str:
    kind, *what = event
    if kind in ("out", "err"):
        return f"writes {what[0]!r}"
    if kind in ("call", "came"):
        return f"{'calls' if kind == 'call' else 'has awaited'} callback {what[0]} with {trees.shown(what[1])}"
    if kind in ("request", "aside"):
        return f"asks {what[0]} {what[1]}{f' with {what[2]!r}' if what[2] else ''}"
    if kind == "log":
        return f"logs {what[2]!r}"
    if kind == "return":
        return f"ends with {trees.shown(what[0])}"
    return "asks for the next item" if kind == "next" else "gives an item"
