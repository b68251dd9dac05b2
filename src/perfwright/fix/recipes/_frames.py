"""What is done with frames: whether it leaves them alone, and whether it makes something anew."""

import ast
import keyword

from perfwright.fix.source import Source

PICKS = ("loc", "iloc", "at", "iat")
BY_LABEL = ("loc", "at")
ASKED = ("shape", "empty", "size", "dtypes", "ndim", "columns")
LIBRARIES = ("pd.", "np.", "pandas.", "numpy.")
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


def is_left_alone(source: Source, frame: ast.expr, loop: ast.AST, asked: set[str] | None) -> bool:
    """Tell whether a loop changes nothing of a frame that it asks for, nor hands it on to who might.

    It may look into it, and write to other columns than those that are `asked` for, unless these are not known.
    """
    if not isinstance(frame, ast.Name | ast.Attribute):
        return isinstance(loop, ast.For)  # made for the loop, and nobody else has it
    written = ast.unparse(frame)
    uses = [each for each in ast.walk(loop) if isinstance(each, type(frame)) and ast.unparse(each) == written]
    return all(is_harmless(source, each, asked) for each in uses if isinstance(each, ast.Name | ast.Attribute))


def is_harmless(source: Source, frame: ast.Name | ast.Attribute, asked: set[str] | None) -> bool:
    """Tell whether one use of a frame reads it, as `len(frame)`, `frame["a"]` and `frame.sum()` do, or writes to a
    column that nobody asks for."""
    above = source.parents[frame]
    if not isinstance(frame.ctx, ast.Load):
        return False
    if isinstance(above, ast.Call):
        return isinstance(above.func, ast.Name) and above.func.id == "len"
    if isinstance(above, ast.Subscript):
        return above.value is frame and isinstance(above.ctx, ast.Load)
    if not isinstance(above, ast.Attribute) or not isinstance(above.ctx, ast.Load):
        return False
    outer = source.parents[above]
    if isinstance(outer, ast.Subscript) and above.attr in PICKS:
        return isinstance(outer.ctx, ast.Load) or (above.attr in BY_LABEL and writes_elsewhere(outer.slice, asked))
    return not isinstance(outer, ast.Call) or not any(each.arg == "inplace" for each in outer.keywords)


def writes_elsewhere(key: ast.expr, asked: set[str] | None) -> bool:
    """Tell whether `frame.at[key] = ...` writes to a column whose name is written there, and nobody asks for it."""
    if not isinstance(key, ast.Tuple) or len(key.elts) != 2 or asked is None:
        return False
    column = key.elts[1]
    return isinstance(column, ast.Constant) and isinstance(column.value, str) and column.value not in asked


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
