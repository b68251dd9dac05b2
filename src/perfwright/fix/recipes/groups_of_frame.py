"""What a loop asks of each group of a frame is worked out for all groups at once; else it makes no more of each group
than the one column it asks for.

At once, where the columns to group by are written there, and a group is asked for its length, for a sum, a mean or the
like of a column, or for a value in its first or last row. Each pass asks it, for a frame may be without what is asked
only on a condition; and nobody goes on where that fails. Floats are then added in another order. What a frame is
without is told in other words, or another column of it is.
"""

import ast
import json
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._frame_groups import ENDS, Groups, Question, asked, column_of, groups_of, keys_of
from perfwright.fix.recipes._frames import is_asked_each_time, is_caught, is_left_alone
from perfwright.fix.recipes._masks import along
from perfwright.fix.source import Edit, Source, names

OPTIONS = ("sort",)  # of groupby, that leave what a group is asked for as it is
COUNTS = ("size", "nunique")  # numbers of Python, where other methods of a column give those of numpy
LONGEST = 100


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    for call in source.calls_at(finding.place):
        if (groups := groups_of(source, call)) is not None and groups.uses:
            if any(is_caught(source, each) for each in groups.uses):
                return  # after some of the groups
            yield from along(source, groups.loop, at_once(source, groups))
            yield from along(source, groups.loop, one_column(source, groups))
            return


# ------------------------------------------------------------------------------ one column
def one_column(source: Source, groups: Groups) -> Iterator[Proposal]:
    """Give the proposal that goes through the groups of one column."""
    columns: set[str] = set()
    edits: list[Edit] = []
    is_sure = False
    for use in groups.uses:
        place = source.parents[use]
        column = column_of(place)
        if column is not None:
            columns.add(column)
            is_sure |= is_asked_each_time(source, use, groups.repeated)
            edits.append(source.replace(place, "{}"))
        elif ast.unparse(place) == f"len({use.id})":
            edits.append(source.replace(use, "{}"))
        else:
            return
    if len(columns) != 1 or not is_sure:
        return
    (column,) = columns
    wanted = [column, f"{column}_values"] if column.isidentifier() else ["values"]
    name = source.fresh(*wanted)
    made = [Edit(each.start, each.end, name) for each in edits]
    end = source.span(groups.call)[1]
    edits = [*made, source.replace(groups.group, name), Edit(end, end, f"[{quoted(source, column)}]")]
    yield Proposal(tuple(edits), f"of each group no more than `{column}` is made")


# ------------------------------------------------------------------------------ at once
def at_once(source: Source, groups: Groups) -> Iterator[Proposal]:
    """Give the proposal that asks all groups at once."""
    loop, keys = groups.loop, keys_of(source, groups)
    found = asked(source, groups) if keys is not None else None
    if found is None or keys is None or not isinstance(loop, ast.For) or loop.orelse or not source.begins(loop):
        return
    if not all(each.arg in OPTIONS for each in groups.call.keywords):
        return
    if isinstance(groups.frame, ast.Name | ast.Attribute) and not is_left_alone(source, groups.frame, loop, None):
        return
    some, rows = found
    if not are_sure(source, loop, some):
        return
    ends = [each for each in some if each.what in ENDS]
    if ends and (len(keys) > 1 or any(each.column in keys for each in ends) or not all(map(source.is_alone, rows))):
        return
    if any(isinstance(each, ast.Break | ast.Return) for each in ast.walk(loop)):
        return  # it may end after few of them
    if {"#", "\n"} & set(source.text[source.span(loop.target)[0] : source.span(loop.iter)[1]]):
        return  # a comment would go
    yield Proposal(
        tuple(edits_of(source, groups, some, rows)), "what it asks of each group is worked out for all at once"
    )


def are_sure(source: Source, loop: ast.For, some: list[Question]) -> bool:
    """Tell whether each pass of a loop asks all that is asked of any group: of a value in a row, for its column."""
    sure = {(each.column, each.what) for each in some if is_asked_each_time(source, each.place, loop)}
    columns = {column for column, _ in sure}
    return all(
        each.column in columns if each.what in ENDS else not each.column or (each.column, each.what) in sure
        for each in some
    )


def edits_of(source: Source, groups: Groups, some: list[Question], rows: list[ast.Assign]) -> Iterator[Edit]:
    """Give the edits that put what is asked of all groups beside their keys."""
    loop, by = groups.loop, groups.call.args[0]
    assert isinstance(loop, ast.For)
    every = source.fresh("groups", "grouped")
    made = source.text_of(groups.call)
    if isinstance(by, ast.List):  # of combinations of categories, a loop goes through those that are there
        end = source.span(by)[1] - source.span(groups.call)[0]
        made = f"{made[:end]}, observed=True{made[end:]}"
    lines = [f"{every} = {made}"]
    ends = {each: source.fresh(f"{each}_rows") for each in dict.fromkeys(each.what for each in some) if each in ENDS}
    for what, name in ends.items():
        ordered = f".set_index({source.text_of(by)}).loc[{every}.size().index]"
        lines.append(f"{name} = {every}.{ENDS[what]}(1){ordered}")
    told = {(each.column, each.what): "" for each in some}
    for column, what in told:
        plain = f"{column}_{what}" if column.isidentifier() else what
        told[column, what] = source.fresh(plain, f"{plain}_of_group") if column else source.fresh(what, "count")
    key = source.text_of(groups.key)
    walked: list[tuple[str, str]] = []
    if ("", "size") in told:
        walked.append((f"({key}, {told['', 'size']})", f"{every}.size().items()"))
    elif names(groups.key) & {each.id for each in ast.walk(ast.Module(loop.body, [])) if isinstance(each, ast.Name)}:
        walked.append((key, f"{every}.size().index"))
    for (column, what), name in told.items():
        if what in ends:
            walked.append((name, f"{ends[what]}[{quoted(source, column)}].array"))
        elif column:
            made = f"{every}[{quoted(source, column)}].{what}()"
            walked.append((name, made if what in COUNTS else f"{made}.array"))
    yield source.before(loop, *lines)
    yield Edit(source.span(loop.target)[0], source.span(loop.iter)[1], head_of(source.indent(loop), walked))
    for each in some:
        yield source.replace(each.place, told[each.column, each.what])
    for statement in rows:
        yield source.removed(statement)


def head_of(indent: str, walked: list[tuple[str, str]]) -> str:
    """Return what stands between `for` and `:` to go through several things at once, on several lines if it is long."""
    targets, made = [each for each, _ in walked], [each for _, each in walked]
    if len(walked) == 1:
        (target,) = targets
        return f"{target[1:-1] if target.startswith('(') else target} in {made[0]}"
    line = f"{', '.join(targets)} in zip({', '.join(made)})"
    if len(indent) + len(line) < LONGEST:
        return line
    begin, end = f"\n{indent}    ", f"\n{indent}"
    many = f",{begin}"
    one = ", ".join(targets)
    if len(indent) + len(one) > LONGEST - 20:
        one = f"({begin}{many.join(targets)},{end})"
    return f"{one} in zip({begin}{many.join(made)},{end})"


def quoted(source: Source, column: str) -> str:
    """Return a column's name as the file writes text."""
    return repr(column) if source.text.count("'") > source.text.count('"') else json.dumps(column, ensure_ascii=False)


RECIPE = Recipe(
    rule="row-loop-over-frame",
    improves=("time",),
    propose=propose,
    allows=("number-type", "float-order", "exception-text"),
)
