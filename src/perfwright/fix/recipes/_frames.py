"""What is done with frames: whether it leaves them alone, and whether it makes something anew."""

import ast
import keyword

from perfwright.fix.recipes._stays import always, is_within
from perfwright.fix.source import COMPREHENSIONS, Source, changed

PICKS = ("loc", "iloc", "at", "iat")
BY_LABEL = ("loc", "at")
ASKED = ("shape", "empty", "size", "dtypes", "ndim", "columns")
LIBRARIES = ("pd.", "np.", "pandas.", "numpy.")
WRITES = ("update", "pop", "insert", "isetitem", "__setitem__")  # methods that change what they are asked of
TOOLS = ("str", "dt")  # what they give of a column is another one
# Methods of frames and columns whose result shares nothing with them, as they are called without `copy` or `inplace`.
NEW = frozenset((
    "abs", "agg", "aggregate", "all", "any", "apply", "between", "clip", "corr", "count", "cumcount", "cummax",
    "cummin", "cumprod", "cumsum", "describe", "diff", "drop", "drop_duplicates", "dropna", "duplicated", "expanding",
    "fillna", "groupby", "idxmax", "idxmin", "isin", "isna", "isnull", "map", "mask", "max", "mean", "median", "melt",
    "merge", "min", "mode", "nlargest", "notna", "notnull", "nsmallest", "nunique", "pct_change", "pivot",
    "pivot_table", "quantile", "rank", "replace", "resample", "rolling", "round", "shift", "sort_index",
    "sort_values", "std", "sum", "to_csv", "to_dict", "to_excel", "to_html", "to_json", "to_list", "to_parquet",
    "to_string", "tolist", "unique", "value_counts", "var", "where",
))  # fmt: skip


def is_asked_each_time(source: Source, node: ast.expr, loop: ast.AST) -> bool:
    """Tell whether each pass of a loop works a node out, on no condition and in no loop of its own."""
    if source.loops(node)[:1] != [loop] or not always(source, node, loop):
        return False
    more = loop.generators[1:] if isinstance(loop, COMPREHENSIONS) else []
    return not more or is_within(source, node, more[0].iter)


def is_caught(source: Source, node: ast.AST) -> bool:
    """Tell whether somebody may go on where a node fails: it stands in a `try`, or where errors are suppressed."""
    return any(
        isinstance(each, ast.Try | ast.TryStar)
        or (isinstance(each, ast.With) and any("suppress" in ast.unparse(item) for item in each.items))
        for each in source.above(node)
    )


def is_left_alone(source: Source, frame: ast.expr, loop: ast.AST, asked: set[str] | None) -> bool:
    """Tell whether a loop changes nothing of a frame that it asks for, by none of its names, nor hands it on to who
    might.

    It may look into it, and write to other columns than those that are `asked` for, unless these are not known.
    """
    if not isinstance(frame, ast.Name | ast.Attribute):
        return isinstance(loop, ast.For)  # made for the loop, and nobody else has it
    written = ast.unparse(frame)
    uses = [each for each in ast.walk(loop) if isinstance(each, type(frame)) and ast.unparse(each) == written]
    if not all(is_harmless(source, each, asked) for each in uses if isinstance(each, ast.Name | ast.Attribute)):
        return False
    touched = changed(loop) | {
        ast.unparse(each.func.value)
        for each in ast.walk(loop)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and is_in_place(each)
    }
    return not any(
        text == each or text.startswith((f"{each}.", f"{each}[")) for each in shared(source, frame) for text in touched
    )


def shared(source: Source, frame: ast.Name | ast.Attribute) -> set[str]:
    """Return what else stands for a frame or a part of it in its function, as written: `view = frame`,
    `column = frame["a"]`."""
    made: list[tuple[str, ast.expr]] = []
    for each in ast.walk(source.function(frame) or source.tree):
        if isinstance(each, ast.Assign):
            made += [(ast.unparse(target), each.value) for target in each.targets]
        elif isinstance(each, ast.AnnAssign | ast.NamedExpr) and each.value is not None:
            made.append((ast.unparse(each.target), each.value))
    found, before = {ast.unparse(frame)}, 0
    while len(found) > before:
        before = len(found)
        found |= {target for target, value in made if is_part(value, found)}
        found |= {ast.unparse(value) for target, value in made if target in found and is_chain(value)}
    return found - {ast.unparse(frame)}


def is_part(node: ast.expr, whole: set[str]) -> bool:
    """Tell whether an expression is something, or a part of it that shares its memory: of a frame, no single value."""
    keys = 0
    while ast.unparse(node) not in whole:
        if isinstance(node, ast.Subscript):
            if is_condition(node.slice):
                return False
            if not any(isinstance(each, ast.Slice) for each in ast.walk(node.slice)):
                keys += len(node.slice.elts) if isinstance(node.slice, ast.Tuple) else 1
            node = node.value
        elif isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in NEW or node.func.attr == "copy":
                return False
            node = node.func.value
        else:
            return False
    return keys < 2


def is_chain(node: ast.expr) -> bool:
    """Tell whether an expression is a name, or a part of what a name stands for."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)


def is_harmless(source: Source, frame: ast.Name | ast.Attribute, asked: set[str] | None) -> bool:
    """Tell whether one use of a frame reads it, as `len(frame)`, `frame["a"]` and `frame.sum()` do, or writes to a
    column that nobody asks for."""
    above = source.parents[frame]
    if not isinstance(frame.ctx, ast.Load):
        return False
    if isinstance(above, ast.Call):
        return isinstance(above.func, ast.Name) and above.func.id == "len"
    outer = source.parents[above]
    if isinstance(outer, ast.Subscript) and outer.value is above and not isinstance(outer.ctx, ast.Load):
        by_label = isinstance(above, ast.Attribute) and above.attr in BY_LABEL
        return by_label and writes_elsewhere(outer.slice, asked)
    if isinstance(above, ast.Subscript) and isinstance(above.ctx, ast.Load) and is_other(above.slice, asked):
        return above.value is frame
    return is_only_read(source, frame)


def is_only_read(source: Source, frame: ast.expr) -> bool:
    """Tell whether what is asked of a frame changes nothing of it: `frame["a"].iloc[0]`, `frame.sum()`."""
    part: ast.AST = frame
    while isinstance(above := source.parents[part], ast.Subscript | ast.Attribute) and above.value is part:
        if not isinstance(above.ctx, ast.Load):
            return False
        part = above
    outer = source.parents[part]
    if isinstance(outer, ast.Call) and outer.func is part:
        return not is_in_place(outer) and not (isinstance(part, ast.Attribute) and part.attr in WRITES)
    return part is not frame


def is_in_place(call: ast.Call) -> bool:
    """Tell whether a method may change what it is asked of, for it says so."""
    return any(each.arg == "inplace" for each in call.keywords)


def is_other(column: ast.expr, asked: set[str] | None) -> bool:
    """Tell whether a key is the name of a column that nobody asks for."""
    known = isinstance(column, ast.Constant) and isinstance(column.value, str)
    return known and asked is not None and column.value not in asked  # type: ignore[attr-defined]


def writes_elsewhere(key: ast.expr, asked: set[str] | None) -> bool:
    """Tell whether `frame.at[key] = ...` writes to a column whose name is written there, and nobody asks for it."""
    return isinstance(key, ast.Tuple) and len(key.elts) == 2 and is_other(key.elts[1], asked)


def is_new(source: Source, frame: ast.expr) -> bool:
    """Tell whether what is asked of a frame shares nothing with it: a sum, its rows that meet a condition."""
    part, asked = source.parents[frame], frame
    if isinstance(part, ast.Call):
        return isinstance(part.func, ast.Name) and part.func.id == "len"
    while isinstance(part, ast.Subscript | ast.Attribute) and part.value is asked:
        outer = source.parents[part]
        if isinstance(part, ast.Attribute):
            if part.attr in TOOLS or (asked is frame and part.attr in ASKED):
                return not isinstance(outer, ast.Subscript) or isinstance(outer.ctx, ast.Load)
            if isinstance(outer, ast.Call) and outer.func is part:
                return part.attr in NEW and not {"copy", "inplace"} & {each.arg for each in outer.keywords}
        elif not isinstance(part.ctx, ast.Load):
            return False
        elif asked is frame and is_condition(part.slice):
            return True
        asked, part = part, outer
    if isinstance(part, ast.Call) and ast.unparse(part.func).startswith(LIBRARIES):
        asked, part = part, source.parents[part]  # what it gives may be what it was given
    return asked is not frame and (isinstance(part, ast.BinOp | ast.Compare | ast.UnaryOp) or is_put(part, asked))


def is_condition(key: ast.expr) -> bool:
    """Tell whether a key takes the rows that meet a condition, or several columns: a frame of its own."""
    if isinstance(key, ast.Call):
        return isinstance(key.func, ast.Attribute) and key.func.attr in NEW
    return isinstance(key, ast.Compare | ast.List | ast.UnaryOp) or (
        isinstance(key, ast.BinOp) and isinstance(key.op, ast.BitAnd | ast.BitOr)
    )


def is_put(part: ast.AST, value: ast.expr) -> bool:
    """Tell whether a value becomes a column: `frame["a"] = value`, which is copied."""
    return isinstance(part, ast.Assign) and part.value is value and isinstance(part.targets[0], ast.Subscript)


def is_field(name: str) -> bool:
    """Tell whether a column of this name is an attribute of a tuple of `itertuples`."""
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")
