"""Statements of SQL that a loop runs one by one, as all that each pass does: one for all rows."""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._calls import WIDE, chain, method_of, name_of
from perfwright.fix.source import Source, bound, names
from perfwright.fix.surroundings import Surroundings

NARROWING = ("where", "filter")
OF_SQL = ("func", "select", "case", "text", "F", "Case", "When", "Subquery", "bindparam", "literal", "cast")
KEPT = ("returning", "limit", "order_by", "on_conflict_do_nothing", "on_conflict_do_update", "with_dialect_options")


def executed(source: Source, loop: ast.For, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal that inserts all rows by one statement, or has one change all that is asked for."""
    if len(call.args) != 1 or call.keywords or not isinstance(call.func, ast.Attribute):
        return
    if names(call.func) & bound(loop):
        return
    given = call.args[0]
    parts = [each for each in chain(given) if isinstance(each, ast.Call)]
    made = parts[-1] if parts else None
    kind = name_of(made) if made is not None else ""
    if made is None or len(made.args) != 1 or made.keywords or names(made) & bound(loop.target):
        return
    if any(method_of(each) in KEPT for each in parts):
        return
    if kind == "insert":
        yield from inserted(source, loop, call, parts)
    elif kind in ("update", "delete"):
        yield from changed(source, loop, call, given)


def inserted(source: Source, loop: ast.For, call: ast.Call, parts: list[ast.Call]) -> Iterator[Proposal]:
    """Give the proposal that hands all new rows over with one statement."""
    if len(parts) != 2 or method_of(parts[0]) != "values" or not isinstance(call.func, ast.Attribute):
        return
    values, made = parts
    if values.args or not values.keywords or any(each.arg is None for each in values.keywords):
        return
    if any(name in OF_SQL for name in names(values)):
        return
    row = ", ".join(f'"{each.arg}": {source.text_of(each.value)}' for each in values.keywords)
    items = passes(source, loop, call)
    held = source.fresh("rows", "new_rows")
    if items is None:
        return
    run = f"{source.text_of(call.func)}({source.text_of(made)}, {held})"
    lines = written(source, loop, f"{held} = [", f"{{{row}}}", items, "]")
    if isinstance(source.parents[call], ast.Await):
        run = f"await {run}"
    indent = source.indent(loop)
    text = f"{lines}\n{indent}if {held}:\n{indent}    {run}"
    yield Proposal((source.replace(loop, text),), "all rows are inserted by one statement", source=source)


def changed(source: Source, loop: ast.For, call: ast.Call, given: ast.expr) -> Iterator[Proposal]:
    """Give the proposal that changes, or deletes, by one statement all rows that the passes ask for."""
    own = bound(loop.target)
    conditions = [
        each
        for part in chain(given)
        if isinstance(part, ast.Call) and method_of(part) in NARROWING
        for each in part.args
        if names(each) & own
    ]
    if len(conditions) != 1 or not isinstance(conditions[0], ast.Compare):
        return
    condition = conditions[0]
    if len(condition.ops) != 1 or not isinstance(condition.ops[0], ast.Eq):
        return
    column, value = condition.left, condition.comparators[0]
    if names(column) & own:
        column, value = value, column
    plain = isinstance(column, ast.Attribute) and isinstance(column.value, ast.Name) and not names(column) & own
    if not plain or named_twice(call, value, own) or adds(call, {*names(column)}):
        return
    items = passes(source, loop, call)
    if items is None:
        return
    inside = f"{source.text_of(column)}.in_([{source.text_of(value)} {items}])"
    yield from replaced(source, loop, call, condition, inside)


def asked(around: Surroundings, source: Source, loop: ast.For, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal that has one of Django's queries change, or delete, all rows that the passes ask for."""
    query = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(query, ast.Call) or method_of(query) != "filter" or query.args or call.args:
        return
    manager = query.func.value if isinstance(query.func, ast.Attribute) else None
    model = around.model(source, manager.value) if isinstance(manager, ast.Attribute) else None
    if (
        model is None
        or model.framework != DJANGO
        or not isinstance(manager, ast.Attribute)
        or manager.attr != "objects"
    ):
        return
    own = bound(loop.target)
    loose = [each for each in query.keywords if names(each.value) & own]
    if len(loose) != 1 or loose[0].arg is None or any(each.arg is None for each in query.keywords):
        return
    if "__" in loose[0].arg or named_twice(call, loose[0].value, own) or adds(call, set()):
        return
    items = passes(source, loop, call)
    if items is None:
        return
    inside = f"{loose[0].arg}__in=[{source.text_of(loose[0].value)} {items}]"
    yield from replaced(source, loop, call, loose[0], inside)


def named_twice(call: ast.Call, value: ast.expr, own: set[str]) -> bool:
    """Tell whether what a pass is about is named by more than one value of its statement."""
    inside = {id(each) for each in ast.walk(value)}
    return any(isinstance(each, ast.Name) and each.id in own and id(each) not in inside for each in ast.walk(call))


def adds(call: ast.Call, models: set[str]) -> bool:
    """Tell whether the values that are set are worked out of those that are there: a row may come twice."""
    given = [
        each
        for part in chain(call.args[0] if call.args else call)
        if isinstance(part, ast.Call) and method_of(part) in ("values", "update")
        for each in (*part.args, *[keyword.value for keyword in part.keywords])
    ]
    return any(names(each) & {*models, *OF_SQL} for each in given)


def passes(source: Source, loop: ast.For, call: ast.Call) -> str | None:
    """Return the passes of a loop as a comprehension has them, where the call is all that each does; else None."""
    only = loop.body[0]
    test = only.test if isinstance(only, ast.If) and not only.orelse else None
    body = only.body if isinstance(only, ast.If) and test is not None else loop.body
    if len(loop.body) != 1 or len(body) != 1 or body[0] is not source.statement(call):
        return None
    awaits = [each for each in ast.walk(loop) if isinstance(each, ast.Await) and each.value is not call]
    if awaits or any(isinstance(each, ast.Yield | ast.YieldFrom | ast.NamedExpr) for each in ast.walk(loop)):
        return None
    if "#" in source.text_of(loop):
        return None
    condition = f" if {source.text_of(test)}" if test is not None else ""
    return f"for {source.text_of(loop.target)} in {source.text_of(loop.iter)}{condition}"


def written(source: Source, loop: ast.For, begin: str, each: str, items: str, end: str) -> str:
    """Return a list made of the passes of a loop, over lines where it is long."""
    indent = source.indent(loop)
    line = f"{begin}{each} {items}{end}"
    if "\n" in line or len(indent) + len(line) > WIDE:
        return f"{begin}\n{indent}    {each}\n{indent}    {items}\n{indent}{end}"
    return line


def replaced(
    source: Source, loop: ast.For, call: ast.Call, old: ast.expr | ast.keyword, new: str
) -> Iterator[Proposal]:
    """Give the proposal that puts a statement in the place of its loop, with another condition."""
    statement = source.statement(call)
    start, end = source.span(statement)
    first, last = source.span(old)
    deeper = len(source.indent(statement)) - len(source.indent(loop))
    text = source.text[start:first] + new + source.text[last:end]
    text = text.replace("\n" + " " * deeper, "\n") if "\t" not in source.indent(statement) else text
    yield Proposal((source.replace(loop, text),), "one statement is about all rows", source=source)
