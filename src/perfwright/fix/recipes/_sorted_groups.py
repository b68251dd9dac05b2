"""Groups of a frame that are sorted one by one: the frame is sorted before them, which keeps the order in each."""

import ast
from collections.abc import Iterator

from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._frame_groups import Groups, groups_of, keys_of
from perfwright.fix.recipes._frames import is_asked_each_time, is_caught, is_only_read
from perfwright.fix.source import FUNCTIONS, Edit, Source, bound, changed, names

OF_ONE_TYPE = ("to_datetime", "to_timedelta", "to_numeric")  # functions that make a column whose values compare
STABLE = ("stable", "mergesort")
OPTIONS = ("by", "ascending", "na_position", "kind", "inplace")


def sorted_before(source: Source, call: ast.Call, *, ties: bool) -> Iterator[Proposal]:
    """Give the proposal that sorts a frame before its groups.

    Only with `ties` where the loop's sort promises nothing of rows that are equal in what they are sorted by, which
    from then on keep the order that they have in the frame, and where values of one group may not compare with those
    of another.
    """
    group = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(group, ast.Name) or not isinstance(call.func, ast.Attribute) or call.func.attr != "sort_values":
        return
    groups = around(source, group)
    if groups is None or keys_of(source, groups) is None or not is_plain(groups, call):
        return
    if any(each.arg == "sort" for each in groups.call.keywords):
        return  # groups in the order in which they come
    if not is_asked_each_time(source, call, groups.repeated) or is_caught(source, call):
        return  # a frame may be without what is asked only on a condition
    given = {each.arg: each.value for each in call.keywords}
    by = given.get("by", call.args[0] if call.args else call)
    columns = by.elts if isinstance(by, ast.List) else [by]
    several, kind = len(columns) > 1, given.get("kind")
    is_stable = several or (isinstance(kind, ast.Constant) and kind.value in STABLE)
    if (is_stable and all(is_of_one_type(source, groups, each) for each in columns)) == ties:
        return
    edits = replaced(source, groups, call)
    if edits is None:
        return
    options = [source.text_of(each) for each in call.args]
    options += [source.text_of(each) for each in call.keywords if each.arg not in ("kind", "inplace")]
    options += ['kind="stable"'] if not several else []
    end = source.span(groups.frame)[1]
    frame = source.text_of(groups.frame)
    edits.append(Edit(end, end, f".sort_values({', '.join(options)})"))
    yield Proposal(tuple(edits), f"`{frame}` is sorted once, and its groups are in order")


def around(source: Source, group: ast.Name) -> Groups | None:
    """Return the loop over groups of a frame that gives a name its groups, bound by it alone but for a sort."""
    for loop in source.loops(group):
        for each in [loop] if isinstance(loop, ast.For) else getattr(loop, "generators", []):
            target, over = each.target, each.iter
            if not isinstance(target, ast.Tuple) or ast.unparse(target.elts[-1]) != group.id:
                continue
            if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr == "groupby":
                return groups_of(source, over, again=True)
    return None


def is_plain(groups: Groups, call: ast.Call) -> bool:
    """Tell whether a sort depends on nothing of the loop, and is one by columns."""
    asked = [*call.args, *[each.value for each in call.keywords]]
    if len(call.args) > 1 or not all(each.arg in OPTIONS for each in call.keywords):
        return False
    return bool(asked) and not any(names(each) & bound(groups.repeated) for each in asked)


def replaced(source: Source, groups: Groups, call: ast.Call) -> list[Edit] | None:
    """Return the edits that leave the sort out; None where the loop asks for a group that is not sorted, or changes
    it."""
    statement = source.statement(call)
    name = groups.group.id
    if isinstance(groups.loop, ast.For) and statement in groups.loop.body and source.is_alone(statement):
        again = isinstance(statement, ast.Assign) and statement.value is call and unparsed(statement.targets) == [name]
        inplace = isinstance(statement, ast.Expr) and statement.value is call
        if inplace != any(each.arg == "inplace" for each in call.keywords):
            return None
        if again or inplace:
            own = {id(each) for each in ast.walk(statement)}
            others = [each for each in groups.uses if id(each) not in own]
            first = all(each.lineno > statement.lineno or is_length(source, each) for each in others)
            read = first and all(is_read(source, each) for each in others) and len(groups.loop.body) > 1
            return [source.removed(statement)] if read else None
    if any(each.arg == "inplace" for each in call.keywords):
        return None
    edits = []
    for each in groups.uses:
        around = source.parents[source.parents[each]]
        if isinstance(around, ast.Call) and ast.unparse(around) == ast.unparse(call) and is_read(source, around):
            edits.append(source.replace(around, name))
        elif not is_length(source, each):
            return None
    return edits


def is_of_one_type(source: Source, groups: Groups, column: ast.expr) -> bool:
    """Tell whether the function made a column of times or numbers, and wrote nothing to it nor handed it on since."""
    frame = ast.unparse(groups.frame)
    written = f"{frame}[{ast.unparse(column)}]"
    inner: ast.AST = groups.repeated
    for above in source.above(inner):
        if isinstance(inner, ast.stmt):
            block = getattr(above, "body", [])
            for each in reversed(block[: block.index(inner)] if inner in block else []):
                if makes_one_type(each, written):
                    return True
                if is_touched(each, groups.frame, column, written):
                    return False
            if inner not in block or isinstance(above, (ast.For, ast.AsyncFor, ast.While, *FUNCTIONS)):
                return False
        inner = above
    return False


def makes_one_type(statement: ast.stmt, written: str) -> bool:
    """Tell whether a statement makes a column of values that all compare: `frame["a"] = pd.to_datetime(...)`."""
    if not isinstance(statement, ast.Assign) or unparsed(statement.targets) != [written]:
        return False
    made = statement.value
    plain = isinstance(made, ast.Call) and len(made.args) == 1 and not made.keywords
    return plain and isinstance(made.func, ast.Attribute) and made.func.attr in OF_ONE_TYPE  # type: ignore[attr-defined]


def is_touched(statement: ast.stmt, frame: ast.expr, column: ast.expr, written: str) -> bool:
    """Tell whether a statement may write to a column of a frame, or make its name one of another."""
    text = ast.unparse(frame)
    if (names(frame) | names(column)) & bound(statement):
        return True
    calls = [each for each in ast.walk(statement) if isinstance(each, ast.Call)]
    return bool({written, f"{text}.loc", f"{text}.iloc"} & changed(statement)) or any(
        text in unparsed(each.args) and ast.unparse(each.func) != "len" for each in calls
    )


def unparsed(some: list[ast.expr]) -> list[str]:
    return [ast.unparse(each) for each in some]


def is_length(source: Source, use: ast.expr) -> bool:
    return ast.unparse(source.parents[use]) == f"len({ast.unparse(use)})"


def is_read(source: Source, use: ast.expr) -> bool:
    """Tell whether a group is only asked for something: it is not changed, nor handed on as it is."""
    if isinstance(use, ast.Name) and not isinstance(use.ctx, ast.Load):
        return False
    return is_length(source, use) or is_only_read(source, use)
