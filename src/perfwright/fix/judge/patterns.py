"""Texts that match the regular expressions of two sources: what else would reach what stands behind a match?"""

import ast
import random
import re
import warnings
from collections.abc import Iterable
from re import _constants as names  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

MOST, LONGEST = 8, 40  # texts, and letters of one
TIMES = 2  # of what may come again, beyond what it must
CATEGORIES = {names.CATEGORY_DIGIT: "0127", names.CATEGORY_WORD: "ab1_", names.CATEGORY_SPACE: " "}
ANY = "ab1 "


def matching(sources: Iterable[str], pick: random.Random) -> list[str]:
    """Return texts that match what sources give to `re`, each once."""
    found: dict[str, None] = {}
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            for pattern in _given(node):
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        parsed = _parser.parse(pattern)
                    some = [_text(parsed, pick) for _ in range(2)]
                except (re.error, RecursionError, OverflowError):
                    continue
                found |= dict.fromkeys(each for each in some if 0 < len(each) <= LONGEST)
    return list(found)[:MOST]


def _given(node: ast.AST) -> list[str]:
    """Return the pattern that a call of `re` is given as a constant."""
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
    if not is_call or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return []
    of, first = node.func.value, node.args[0]
    is_re = isinstance(of, ast.Name) and of.id == "re"
    return [first.value] if is_re and isinstance(first, ast.Constant) and isinstance(first.value, str) else []


def _text(parsed: Iterable[Any], pick: random.Random) -> str:
    return "".join(_part(kind, held, pick) for kind, held in parsed)


def _part(kind: Any, held: Any, pick: random.Random) -> str:
    """Return a text that one part of a pattern matches; nothing for what only looks."""
    if kind is names.LITERAL:
        return chr(held)
    if kind is names.ANY:
        return pick.choice(ANY)
    if kind is names.IN:
        return _one_of(held, pick)
    if kind in (names.MAX_REPEAT, names.MIN_REPEAT):
        least, most, inner = held
        return "".join(_text(inner, pick) for _ in range(pick.randint(least, min(most, least + TIMES))))
    if kind is names.SUBPATTERN:
        return _text(held[-1], pick)
    if kind is names.BRANCH:
        return _text(pick.choice(held[1]), pick)
    return pick.choice(ANY) if kind is names.NOT_LITERAL else ""


def _one_of(held: Any, pick: random.Random) -> str:
    """Return a letter of a set."""
    if held[0][0] is names.NEGATE:
        return pick.choice(ANY)
    kind, value = pick.choice(held)
    if kind is names.RANGE:
        return chr(pick.randint(*value))
    return chr(value) if kind is names.LITERAL else pick.choice(CATEGORIES.get(value, ANY))
