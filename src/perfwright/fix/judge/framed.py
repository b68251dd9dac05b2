"""Frames for parameters without an annotation: told by what the function asks of them, of a copy or a part of them."""

import ast
from collections.abc import Sequence
from typing import Any

from perfwright.fix.judge.trees import Tree, tag

# What only frames have, and what only columns of them have.
OF_FRAMES = frozenset((
    "assign", "astype", "drop_duplicates", "dropna", "groupby", "iloc", "isna", "iterrows", "itertuples", "melt",
    "merge", "nlargest", "notna", "pivot_table", "resample", "reset_index", "rolling", "set_index", "sort_values",
    "to_csv",
))  # fmt: skip
OF_COLUMNS = frozenset((
    "apply", "astype", "between", "cumsum", "diff", "dropna", "dt", "fillna", "idxmax", "iloc", "isin", "isna",
    "mean", "median", "notna", "nunique", "quantile", "rolling", "shift", "std", "str", "to_numpy", "tolist",
    "unique", "value_counts",
))  # fmt: skip


def frames(source: str, function: str, parameters: Sequence[Any]) -> frozenset[str]:
    """Return the parameters of a function that it takes for frames, by the source of its module."""
    name = function.rpartition(".")[2]
    every = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.FunctionDef) and each.name == name]
    free = {each[0]: each[0] for each in parameters if each[4] == ["any"]}
    if len(every) != 1 or "pandas" not in source:
        return frozenset()
    tree, known = every[0], dict(free)  # names that stand for a parameter, or a part of it
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            part = node.value
            while isinstance(part, ast.Call | ast.Attribute | ast.Subscript):
                part = part.func if isinstance(part, ast.Call) else part.value
            if isinstance(part, ast.Name) and part.id in known:
                known.setdefault(node.targets[0].id, known[part.id])
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Name)
            and is_filter(node.slice, node.value.id)
        ):
            found |= {known[node.value.id]} if node.value.id in known else set()
        if not isinstance(node, ast.Attribute):
            continue
        of, wanted = node.value, OF_FRAMES
        if isinstance(of, ast.Subscript) and isinstance(of.slice, ast.Constant) and isinstance(of.slice.value, str):
            of, wanted = of.value, OF_COLUMNS
        if isinstance(of, ast.Name) and of.id in known and node.attr in wanted:
            found.add(known[of.id])
    return frozenset(found)


def is_filter(key: ast.expr, name: str) -> bool:
    """Tell whether a key compares a part of what it is a key of: `frame[frame["a"] > 0]`."""
    parts = [each.value for each in ast.walk(key) if isinstance(each, ast.Subscript)]
    compares = any(isinstance(each, ast.Compare) for each in ast.walk(key))
    return compares and any(isinstance(each, ast.Name) and each.id == name for each in parts)


def given(args: Tree | None, parameters: Sequence[Any], named: frozenset[str], rows: int) -> Tree | None:
    """Return arguments with frames of so many rows for the parameters that are `named`, and no columns yet; without any
    arguments, those that have to be given. None where one of them is no frame."""
    if not named:
        return args
    empty = [frame(rows, place) if each[0] in named else None for place, each in enumerate(parameters)]
    if args is None:
        asked = [made for each, made in zip(parameters, empty, strict=True) if not each[2]]
        plain = all(each[1] == "POSITIONAL_OR_KEYWORD" for each in parameters)
        return [asked, []] if plain and None not in asked and asked else None
    positional = [
        made if made is not None and tag(one) != "df" else one for one, made in zip(args[0], empty, strict=False)
    ]
    more = {each[0]: made for each, made in zip(parameters, empty, strict=True) if made is not None}
    named_ones = [[name, more[name] if name in more and tag(one) != "df" else one] for name, one in args[1]]
    return [positional, named_ones, *args[2:]]


def frame(rows: int, place: int) -> Tree:
    """Return a frame without columns."""
    return ["df", -100_000 - place, [], ["pd", -1, "Index", "int64", list(range(rows)), [None]], ["str", [None]]]
