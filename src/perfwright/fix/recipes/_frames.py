"""What a loop does with the frame that it goes through."""

import ast
import keyword

from perfwright.fix.source import Source

PICKS = ("loc", "iloc", "at", "iat")
BY_LABEL = ("loc", "at")


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


def is_field(name: str) -> bool:
    """Tell whether a column of this name is an attribute of a tuple of `itertuples`."""
    return name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_")
