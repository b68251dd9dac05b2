"""Rows of a frame are tuples or dictionaries where `iterrows` makes a column of each, or whole columns are worked on.

Whole columns, where the loop does no more than append what plain arithmetic gives of each row. A row is asked for its
columns alone, and neither changed, handed on nor read after the loop; the loop reads the frame, or writes to columns
that it asks no row for. In a `try`, rows are dictionaries, which raise the same errors. Where columns are of several
types of numbers, `iterrows` makes them one, and that is seen by the judge.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._frames import is_caught, is_field, is_left_alone
from perfwright.fix.recipes._masks import along
from perfwright.fix.source import Edit, Source, bound, names

PLAIN = (ast.Add, ast.Sub, ast.Mult)
CASTS = ("int", "float")
# What a row has besides its columns, of which `row.size` could be either.
OF_ROWS = frozenset((
    "name", "index", "values", "size", "shape", "count", "keys", "items", "get", "pop", "sum", "mean", "min", "max",
    "rank", "date", "dtype", "dtypes", "array", "axes", "loc", "iloc", "at", "iat", "str", "dt", "map", "apply", "copy",
    "diff", "filter", "mode", "product", "prod", "round", "sample", "shift", "T", "where", "mask", "replace", "update",
    "rolling", "median", "std", "var", "head", "tail", "first", "last", "empty", "hist", "plot", "to_dict", "unique",
    "add", "sub", "mul", "div", "mod", "pow", "all", "any", "abs", "eq", "ne", "lt", "gt", "le", "ge", "info", "attrs",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rows:
    """A loop over the rows of a frame: where it binds them, the parts that it repeats, and what it asks of each row."""

    loop: ast.For | ast.comprehension
    call: ast.Call
    frame: ast.expr
    label: ast.expr | None  # what takes the label of a row, where that is used
    row: ast.Name
    columns: tuple[tuple[ast.expr, str], ...]  # each place that asks for a column
    others: tuple[ast.expr, ...]  # other uses of a row: `row.get("a")`, `row[name]`


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    rows = loop_of(source, call) if call is not None else None
    if rows is not None:
        yield from along(source, rows.loop, proposals(source, rows))


def proposals(source: Source, rows: Rows) -> Iterator[Proposal]:
    """Give what may be made of a loop over rows, the best first."""
    is_told = any(is_caught(source, place) for place, _ in rows.columns)  # which error a row without a column raises
    if not is_told:
        yield from whole(source, rows)
    frame = source.text_of(rows.frame)
    asked = {column for _, column in rows.columns}
    if is_told and any(isinstance(place, ast.Attribute) for place, _ in rows.columns):
        return
    if not is_told and not rows.others and all(is_field(column) for column in asked):
        edits = [source.replace(place, f"{rows.row.id}.{column}") for place, column in rows.columns]
        head = over(source, rows, f"{frame}.itertuples(index=False)")
        yield Proposal((*head, *edits), f"the rows of `{frame}` are tuples")
    elif all(is_of_dictionary(source, each) for each in rows.others):
        edits = [
            source.replace(place, f"{rows.row.id}[{column!r}]")
            for place, column in rows.columns
            if isinstance(place, ast.Attribute)
        ]
        head = over(source, rows, f'{frame}.to_dict("records")')
        yield Proposal((*head, *edits), f"the rows of `{frame}` are dictionaries")


def loop_of(source: Source, call: ast.Call) -> Rows | None:
    """Return the loop over `frame.iterrows()`; None where its rows are used otherwise than by their columns."""
    loop = source.parents.get(call)
    function = source.function(call)
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "iterrows" or function is None:
        return None
    if not isinstance(loop, ast.For | ast.comprehension) or loop.iter is not call:
        return None
    target, frame = loop.target, call.func.value
    if not isinstance(target, ast.Tuple) or len(target.elts) != 2 or not isinstance(target.elts[1], ast.Name):
        return None
    label, row = target.elts
    repeated: ast.AST = loop if isinstance(loop, ast.For) else source.parents[loop]
    if not isinstance(row, ast.Name):
        return None
    inside = {id(each) for each in ast.walk(repeated)}
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == row.id and each is not row]
    if any(id(each) not in inside or not isinstance(each.ctx, ast.Load) for each in uses):
        return None
    columns: list[tuple[ast.expr, str]] = []
    others: list[ast.expr] = []
    for each in uses:
        place = source.parents[each]
        if not isinstance(place, ast.Subscript | ast.Attribute) or not isinstance(place.ctx, ast.Load):
            return None
        if isinstance(place, ast.Attribute) and place.attr not in OF_ROWS:
            columns.append((place, place.attr))
        elif (
            isinstance(place, ast.Subscript)
            and isinstance(place.slice, ast.Constant)
            and type(place.slice.value) is str
        ):
            columns.append((place, place.slice.value))
        else:
            others.append(place)
    if not is_left_alone(source, frame, repeated, {column for _, column in columns} if not others else None):
        return None
    used = names(label) & {each.id for each in ast.walk(function) if isinstance(each, ast.Name) and is_read(each)}
    if used and not isinstance(frame, ast.Name | ast.Attribute):
        return None
    return Rows(loop, call, frame, label if used else None, row, tuple(columns), tuple(others))


def is_read(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)


def is_of_dictionary(source: Source, use: ast.expr) -> bool:
    """Tell whether a dictionary does the same for what is asked of a row: `row.get("a", 0)`, `row[name]`."""
    if isinstance(use, ast.Subscript):
        return isinstance(use.slice, ast.Name)
    above = source.parents[use]
    return isinstance(use, ast.Attribute) and use.attr == "get" and isinstance(above, ast.Call) and above.func is use


def over(source: Source, rows: Rows, walked: str) -> list[Edit]:
    """Return the edits that let a loop go through something else, with the labels of the rows where it uses them."""
    if rows.label is None:
        return [source.replace(rows.loop.target, rows.row.id), source.replace(rows.call, walked)]
    return [source.replace(rows.call, f"zip({source.text_of(rows.frame)}.index, {walked})")]


# ------------------------------------------------------------------------------ whole columns
def whole(source: Source, rows: Rows) -> Iterator[Proposal]:
    """Give the proposal for a loop that does no more than append what plain arithmetic gives of each row."""
    loop = rows.loop
    if not isinstance(loop, ast.For) or loop.orelse or len(loop.body) != 1 or rows.others or rows.label is not None:
        return
    if "#" in source.text_of(loop):
        return  # a comment would go
    statement = loop.body[0]
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "append":
        return
    found = call.func.value
    if len(call.args) != 1 or call.keywords or not isinstance(found, ast.Name):
        return
    value, cast = call.args[0], ""
    if isinstance(value, ast.Call) and len(value.args) == 1 and not value.keywords:
        cast = value.func.id if isinstance(value.func, ast.Name) else ""
        value = value.args[0] if cast in CASTS else value
    if not rows.columns or not is_plain(value, rows) or not isinstance(rows.frame, ast.Name | ast.Attribute):
        return
    frame, start = source.text_of(rows.frame), source.span(value)[0]
    text = source.text_of(value)
    for place, column in sorted(rows.columns, key=lambda each: source.span(each[0]), reverse=True):
        begin, end = (each - start for each in source.span(place))
        text = f'{text[:begin]}{frame}["{column}"]{text[end:]}'
    text = text if isinstance(value, ast.Subscript | ast.Attribute) else f"({text})"
    made = f"{text}.astype({cast}).tolist()" if cast else f"{text}.tolist()"
    indent = source.indent(loop)
    lines = f"if len({frame}):\n{indent}    {found.id}.extend({made})"
    yield Proposal((source.replace(loop, lines),), f"whole columns of `{frame}` are worked on")


def is_plain(value: ast.expr, rows: Rows) -> bool:
    """Tell whether an expression is arithmetic on columns, numbers and names that the loop gives no value."""
    if any(value is place for place, _ in rows.columns):
        return True
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, PLAIN) and is_plain(value.left, rows) and is_plain(value.right, rows)
    if isinstance(value, ast.UnaryOp):
        return isinstance(value.op, ast.USub) and is_plain(value.operand, rows)
    if isinstance(value, ast.Compare):
        return (
            len(value.ops) == 1
            and isinstance(value.ops[0], ast.Lt | ast.Gt | ast.LtE | ast.GtE)
            and all(is_plain(each, rows) for each in (value.left, *value.comparators))
        )
    if isinstance(value, ast.Constant):
        return type(value.value) in (int, float)
    return isinstance(value, ast.Name) and value.id not in bound(rows.loop)


RECIPE = Recipe(rule="row-loop-over-frame", improves=("time",), propose=propose, allows=("number-type",))
