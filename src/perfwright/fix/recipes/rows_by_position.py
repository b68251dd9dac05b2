"""A loop that counts the rows of a frame takes their values out of whole columns, which it asks for once.

It asks for `frame["a"].iloc[i]`, `frame["a"].iat[i]` or `frame.iloc[i]["a"]`, where `i` counts the rows, or for a row
some numbers from there. The columns' names are written there, each pass asks for them, and nobody goes on where a frame
is without. Nothing writes meanwhile to the frame but to other columns of it. Where columns are of several types of
numbers, a row makes them one: that is seen by the judge.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._frame_groups import column_of
from perfwright.fix.recipes._frames import is_asked_each_time, is_caught, is_left_alone
from perfwright.fix.source import Edit, Source, bound, names


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    loop = source.parents.get(call) if call is not None else None
    if call is None or not isinstance(loop, ast.For) or loop.iter is not call or not isinstance(loop.target, ast.Name):
        return
    if (
        ast.unparse(call.func) != "range"
        or not source.begins(loop)
        or bound(ast.Module(loop.body, [])) & {loop.target.id}
    ):
        return
    frames = {
        name: picks
        for name in sorted(names(loop))
        if (picks := sorted(sure(source, loop, name), key=lambda each: source.span(each[0])))
    }
    for frame, picks in frames.items():
        columns = {column for _, column in picks}
        written = [each for each in ast.walk(loop) if isinstance(each, ast.Name) and each.id == frame]
        last = ast.unparse(call.args[min(1, len(call.args) - 1)]) if call.args else ""
        if f"len({frame})" not in last or frame in bound(loop) or not is_left_alone(source, written[0], loop, columns):
            continue
        yield Proposal(tuple(edits_of(source, loop, frame, picks)), f"whole columns of `{frame}` are asked for once")
        return


def sure(source: Source, loop: ast.For, frame: str) -> list[tuple[ast.expr, str]]:
    """Return each place where a loop takes a value of a column that each pass takes one of, with the column."""
    picks = [*picked(source, loop, frame)]
    if any(is_caught(source, place) for place, _ in picks):
        return []
    columns = {column for place, column in picks if is_asked_each_time(source, place, loop)}
    return [each for each in picks if each[1] in columns]


def picked(source: Source, loop: ast.For, frame: str) -> Iterator[tuple[ast.expr, str]]:
    """Give each place where a loop takes the value of a column in the row that it counts, with the column."""
    for each in ast.walk(loop):
        if not isinstance(each, ast.Name) or each.id != frame:
            continue
        above = source.parents[each]
        column = column_of(above)
        if column is not None and (place := row_of(source, above, loop, ("iloc", "iat"))) is not None:
            yield place, column
        elif (row := row_of(source, each, loop, ("iloc",))) is not None:
            outer = source.parents[row]
            if (column := column_of(outer)) is not None and isinstance(outer, ast.expr):
                yield outer, column


def row_of(source: Source, node: ast.AST, loop: ast.For, ways: tuple[str, ...]) -> ast.Subscript | None:
    """Return `node.iloc[i]` around a node, where `i` is counted by a loop; None for anything else."""
    above = source.parents[node]
    outer = source.parents[above]
    if not isinstance(above, ast.Attribute) or above.attr not in ways or above.value is not node:
        return None
    is_read = isinstance(outer, ast.Subscript) and outer.value is above and isinstance(outer.ctx, ast.Load)
    return outer if isinstance(outer, ast.Subscript) and is_read and is_counted(outer.slice, loop) else None


def is_counted(key: ast.expr, loop: ast.For) -> bool:
    """Tell whether a position is what a loop counts, or that and a number."""
    assert isinstance(loop.target, ast.Name)
    if isinstance(key, ast.BinOp) and isinstance(key.op, ast.Add | ast.Sub) and isinstance(key.right, ast.Constant):
        return type(key.right.value) is int and is_counted(key.left, loop)
    return isinstance(key, ast.Name) and key.id == loop.target.id


def edits_of(source: Source, loop: ast.For, frame: str, picks: list[tuple[ast.expr, str]]) -> Iterator[Edit]:
    """Give the edits that ask for whole columns before a loop."""
    told: dict[str, str] = {}
    for place, column in picks:
        if column not in told:
            plain = f"{column}_values" if column.isidentifier() else f"values_{len(told) + 1}"
            told[column] = source.fresh(plain, f"{frame}_{plain}")
        key = next(each for each in ast.walk(place) if isinstance(each, ast.Subscript) and not column_of(each)).slice
        yield source.replace(place, f"{told[column]}[{source.text_of(key)}]")
    quote = "'" if source.text.count("'") > source.text.count('"') else '"'
    lines = [f"    {name} = {frame}[{quote}{column}{quote}].array" for column, name in told.items()]
    yield source.before(loop, f"if len({frame}):", *lines)


RECIPE = Recipe(rule="row-loop-over-frame", improves=("time",), propose=propose, allows=("number-type",))
