"""A loop over the groups of a frame, and what it asks of each group: its length, a sum of a column, its first row."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from perfwright.fix.source import Source, bound

# Methods of a column, called without arguments, that groups have too and that come to the same for each of them.
REDUCES = ("sum", "mean", "min", "max", "median", "count", "nunique")
ENDS = {"first": "head", "last": "tail"}  # which row of a group, and the method of groups that takes it of each


@dataclass(frozen=True, slots=True)
class Groups:
    """A loop over `frame.groupby(key)`: where it binds the key and the group, and each use of the group."""

    loop: ast.For | ast.comprehension
    repeated: ast.AST
    call: ast.Call
    frame: ast.expr
    key: ast.expr
    group: ast.Name
    uses: tuple[ast.Name, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked of a group: of which column, and what. Of the group itself it is its `size`."""

    place: ast.expr
    column: str
    what: str


def groups_of(source: Source, call: ast.Call, *, again: bool = False) -> Groups | None:
    """Return the loop over the groups that a call makes; None where a group is used after it, or, unless it may be
    `again`, bound to something else."""
    loop, function = source.parents.get(call), source.function(call)
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "groupby" or function is None:
        return None
    if not isinstance(loop, ast.For | ast.comprehension) or loop.iter is not call:
        return None
    if not isinstance(loop.target, ast.Tuple) or len(loop.target.elts) != 2:
        return None
    key, group = loop.target.elts
    if not isinstance(group, ast.Name) or group.id in bound(key):
        return None
    repeated: ast.AST = loop if isinstance(loop, ast.For) else source.parents[loop]
    inside = {id(each) for each in ast.walk(repeated)}
    named = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == group.id]
    uses = sorted((each for each in named if each is not group), key=source.span)
    if not all(id(each) in inside and (again or isinstance(each.ctx, ast.Load)) for each in uses):
        return None
    return Groups(loop, repeated, call, call.func.value, key, group, tuple(uses))


def keys_of(source: Source, groups: Groups) -> list[str] | None:
    """Return the columns by which a frame is grouped, of which one is no list; None where they are not written there.
    Either of two columns is told as the first: `"user" if by_user else "session"`."""
    if len(groups.call.args) != 1:
        return None
    by = groups.call.args[0]
    if isinstance(by, ast.List) and len(by.elts) > 1:
        found = [each.value for each in by.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        return found if len(found) == len(by.elts) else None
    column = of_text(source, by)
    return [column] if column is not None else None


def of_text(source: Source, node: ast.expr) -> str | None:
    """Return the text that an expression is, or one that it may be; None where it may be no text."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.IfExp):
        some = [of_text(source, each) for each in (node.body, node.orelse)]
        return some[0] if None not in some else None
    function = source.function(node)
    if not isinstance(node, ast.Name) or function is None:
        return None
    made = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == node.id]
    stores = [each for each in made if not isinstance(each.ctx, ast.Load)]
    if len(stores) != 1 or any(each.arg == node.id for each in ast.walk(function.args) if isinstance(each, ast.arg)):
        return None
    above = source.parents[stores[0]]
    if isinstance(above, ast.Assign) and above.targets == [stores[0]] and not isinstance(above.value, ast.Name):
        return of_text(source, above.value)
    over = above.iter if isinstance(above, ast.For) and above.target is stores[0] else None
    some = [of_text(source, each) for each in over.elts] if isinstance(over, ast.Tuple | ast.List) else []
    return some[0] if some and None not in some else None


def asked(source: Source, groups: Groups) -> tuple[list[Question], list[ast.Assign]] | None:
    """Return all that a loop asks of its groups, with the statements that give rows of them a name; None where it asks
    for something else."""
    found: list[Question] = []
    named: list[ast.Assign] = []
    for use in groups.uses:
        some = list(asked_by(source, use)) or list(asked_by_name(source, groups, use))
        if not some:
            return None
        found += some
        statement = source.statement(use)
        if some[0].place is not use and not contains(statement, some[0].place) and statement not in named:
            assert isinstance(statement, ast.Assign)
            named.append(statement)
    return found, named


def asked_by(source: Source, use: ast.Name) -> Iterator[Question]:
    """Give what one use of a group asks of it."""
    above = source.parents[use]
    if isinstance(above, ast.Call) and ast.unparse(above) == f"len({use.id})":
        yield Question(above, "", "size")
    column, end = column_of(above), row_of(source, use)
    outer = source.parents[above]
    if end is not None and column_of(outer := source.parents[end[0]]) is not None and isinstance(outer, ast.expr):
        yield Question(outer, column_of(outer) or "", end[1])
    elif column is not None and isinstance(above, ast.expr) and (end := row_of(source, above)) is not None:
        yield Question(end[0], column, end[1])
    elif column is not None and isinstance(outer, ast.Attribute) and outer.attr in REDUCES:
        call = source.parents[outer]
        if isinstance(call, ast.Call) and call.func is outer and not call.args and not call.keywords:
            yield Question(call, column, outer.attr)


def asked_by_name(source: Source, groups: Groups, use: ast.Name) -> Iterator[Question]:
    """Give what is asked of the first or the last row of a group by a name: `first = group.iloc[0]`, `first["a"]`."""
    row, function = row_of(source, use), source.function(use)
    if row is None or function is None or not isinstance(groups.loop, ast.For):
        return
    statement = source.statement(use)
    if statement not in groups.loop.body or not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target, value = statement.targets[0], statement.value
    parts = [*zip(target.elts, value.elts, strict=False)] if paired(target, value) else [(target, value)]  # type: ignore[attr-defined]
    if not all(row_of_group(source, part, groups) for _, part in parts):
        return
    name = next((each for each, part in parts if part is row[0]), None)
    if not isinstance(name, ast.Name):
        return
    named = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name.id]
    inside = {id(each) for each in ast.walk(groups.loop)}
    places: list[Question] = []
    for each in named:
        place = source.parents[each]
        if each is name:
            continue
        column = column_of(place) if isinstance(each.ctx, ast.Load) and id(each) in inside else None
        if column is None or not isinstance(place, ast.expr) or each.lineno <= statement.lineno:
            return
        places.append(Question(place, column, row[1]))
    yield from places


def paired(target: ast.expr, value: ast.expr) -> bool:
    """Tell whether an assignment gives several names their values one by one."""
    both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
    return both and len(target.elts) == len(value.elts)  # type: ignore[attr-defined]


def row_of_group(source: Source, part: ast.expr, groups: Groups) -> bool:
    """Tell whether an expression is the first or the last row of a group."""
    return any(row is not None and row[0] is part for row in (row_of(source, use) for use in groups.uses))


def row_of(source: Source, node: ast.expr) -> tuple[ast.expr, str] | None:
    """Return `node.iloc[0]` or `node.iloc[-1]` around a node, and which end that is; None where there is neither."""
    above = source.parents[node]
    outer = source.parents[above]
    if not isinstance(above, ast.Attribute) or above.attr != "iloc" or not isinstance(outer, ast.Subscript):
        return None
    end = {"0": "first", "-1": "last"}.get(ast.unparse(outer.slice))
    return (outer, end) if end and outer.value is above and isinstance(outer.ctx, ast.Load) else None


def column_of(node: ast.AST) -> str | None:
    """Return the column of which `group["a"]` is the values; None for anything else."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Constant):
        return node.slice.value if isinstance(node.slice.value, str) else None
    return None


def contains(node: ast.AST, inner: ast.AST) -> bool:
    return any(each is inner for each in ast.walk(node))
