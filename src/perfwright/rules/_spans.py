"""Rows that have a begin and an end, looked up by what they overlap."""

import re
from collections.abc import Iterator

from perfwright.effects.observations import Lookup
from perfwright.effects.schema import Column, Model
from perfwright.index.project import Function
from perfwright.index.tree import walk
from perfwright.rules._indexes import SOURCE
from perfwright.rules._orders import SELECTIVE, Wrong, has_many

BEGINS = re.compile(r"(^|_)(start(s|ed)?|begin(s|ning)?|from|since|opens?|check_?in)(_|$)")
ENDS = re.compile(r"(^|_)(end(s|ed)?|finish(es|ed)?|until|to|till|closes?|check_?out)(_|$)")
BELOW, ABOVE = ("<", "<="), (">", ">=")
WAYS = {"lt": "below", "lte": "below", "gt": "above", "gte": "above"}


def overlapping(lookup: Lookup) -> Iterator[Wrong]:
    """Give the columns of a begin before one moment and an end after another, of rows that grow without end."""
    model, ranges = lookup.model, dict[str, Column]()
    if len(lookup.filters) < 2 or not any(is_source(column) for column in model.columns.values()):
        return
    for of, name, operator in lookup.filters:
        column = of.column(name) if of is model and of is not None and name else None
        if column is None and name not in ("id", "pk"):
            return
        if column is not None and operator == "range":
            ranges[column.name] = column
        elif column is not None and operator in SELECTIVE and column.indexed and not has_many(model, column):
            return
    begin = next((name for name in ranges if BEGINS.search(name)), "")
    end = next((name for name in ranges if ENDS.search(name)), "")
    if begin and end and begin != end and asked(lookup.function, begin, end) and are_alone(model, begin, end):
        yield (
            f"{begin}, {end}",
            f"the `{model.name}` rows that overlap a span are found by `{begin}` before its end and `{end}` after its "
            "begin: an index on either is read from the first row there ever was, or to the last",
            f"Ask for {begin} on both sides, no longer before the span than the longest row is, with an index on it; "
            "or keep a range with a GiST index.",
        )


def is_source(column: Column) -> bool:
    return bool(column.target) and SOURCE.search(column.name) is not None


def are_alone(model: Model, begin: str, end: str) -> bool:
    """Tell whether no index has the begin or the end behind another column: of a place, or a person."""
    return not any(name in columns[1:] for columns in model.indexes for name in (begin, end))


def asked(function: Function, begin: str, end: str) -> bool:
    """Tell whether a function asks for a begin below something and an end above something, and for no more of them."""
    ways: dict[str, set[str]] = {begin: set(), end: set()}
    for node in walk(function.body):
        if node[0] == "cmp" and len(node[3]) == 1:
            for side, turned in ((node[2], False), (node[4][0], True)):
                if side[0] == "attr" and side[3] in ways and node[3][0] in BELOW + ABOVE:
                    ways[side[3]].add("below" if (node[3][0] in BELOW) is not turned else "above")
        elif node[0] == "call":
            for key, _ in node[4]:
                name, lookup = (key or "").rpartition("__")[::2]
                if name in ways:
                    ways[name].add(WAYS.get(lookup, "other"))
    return ways == {begin: {"below"}, end: {"above"}}
