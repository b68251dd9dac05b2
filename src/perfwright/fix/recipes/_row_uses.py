"""What is done with the rows of a query: the conditions they are gone through with, and what is made of them."""

import ast
from dataclasses import dataclass

from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._conditions import Part, parts
from perfwright.fix.source import COMPREHENSIONS, Source, names

CHANGE = (
    "commit",
    "flush",
    "add",
    "add_all",
    "delete",
    "save",
    "create",
    "update",
    "bulk_create",
    "rollback",
    "append",
)


@dataclass(frozen=True, slots=True)
class Use:
    """The loop, comprehension or call that all rows are gone through by.

    `over` is what the rows are written as there, and `tests` the parts of the text that say the conditions. `held` is
    the statement that gives the rows a name, where one does.
    """

    node: ast.AST
    over: ast.expr
    row: str = ""
    wanted: tuple[Part, ...] = ()
    tests: tuple[ast.AST, ...] = ()
    held: ast.Assign | None = None


@dataclass(frozen=True, slots=True)
class Reduction:
    """What is asked of rows instead of them: `count`, `exists`, `first`, the `sum`, `min` or `max` of a column, or
    its `columns`; the `top` rows by a column, up to `default`, or the `best` one, the greatest first where `negated`.

    `whole` is the expression that says so, `column` what is read of each row, or `value` what is counted of several,
    `default` what there is without rows.
    """

    kind: str
    whole: ast.expr
    wanted: tuple[Part, ...] = ()
    column: ast.Attribute | None = None
    default: str = "None"
    negated: bool = False
    value: ast.expr | None = None


def used(source: Source, node: ast.expr) -> Use | None:
    """Return what all rows are gone through by, once; None where they are used otherwise, or twice."""
    at: ast.expr = node
    held: ast.Assign | None = None
    while True:
        above = source.parents[at]
        if isinstance(above, ast.For) and above.iter is at:
            return looped(source, above, at, held)
        if isinstance(above, ast.comprehension) and above.iter is at:
            return gone_through(source, above, at, held)
        if isinstance(above, ast.Call) and name_of(above) == "len" and at in above.args:
            return Use(above, at, held=held)
        if isinstance(above, ast.Assign) and above.value is at and len(above.targets) == 1:
            target, function = above.targets[0], source.function(above)
            if function is None or not isinstance(target, ast.Name) or held is not None:
                return None
            reads = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == target.id]
            others = [each for each in reads if each is not target]
            if len(others) != 1 or isinstance(others[0].ctx, ast.Store):
                return None
            at, held = others[0], above
            continue
        if isinstance(above, ast.Call) and name_of(above) in ("sorted", "min", "max") and above.args == [at]:
            whole, key = by_column(source, above), read_by(keyed(above).get("key"))
            if whole is not None and key is not None:
                return Use(whole, at, ast.unparse(key.value), held=held)
        if not isinstance(above, ast.Attribute | ast.Call | ast.Await):
            return None
        at = above


def by_column(source: Source, call: ast.Call) -> ast.expr | None:
    """Return what takes the first few rows by a column, or the one that has the least or greatest of it."""
    given, above = keyed(call), source.parents[call]
    if read_by(given.get("key")) is None:
        return None
    if name_of(call) != "sorted":
        last = given.get("default")
        is_none = isinstance(last, ast.Constant) and last.value is None
        return call if is_none and given.keys() == {"key", "default"} else None
    if not isinstance(above, ast.Subscript) or not isinstance(above.slice, ast.Slice) or above.value is not call:
        return None
    part, backwards = above.slice, given.get("reverse", ast.Constant(False))
    few = isinstance(part.upper, ast.Constant) and isinstance(part.upper.value, int) and part.upper.value > 0
    plain = part.lower is None and part.step is None and isinstance(backwards, ast.Constant)
    return above if few and plain and given.keys() <= {"key", "reverse"} else None


def keyed(call: ast.Call) -> dict[str | None, ast.expr]:
    return {each.arg: each.value for each in call.keywords}


def read_by(key: ast.expr | None) -> ast.Attribute | None:
    """Return what a function reads of the one thing that it is given, where that is all it does."""
    if not isinstance(key, ast.Lambda) or len(key.args.args) != 1 or not isinstance(key.body, ast.Attribute):
        return None
    return key.body if ast.unparse(key.body.value) == key.args.args[0].arg else None


def chosen(whole: ast.expr) -> Reduction:
    """Return what is asked of rows of which only the first few by a column are taken, or the one."""
    part = whole.slice if isinstance(whole, ast.Subscript) else None
    call = whole.value if isinstance(whole, ast.Subscript) else whole
    assert isinstance(call, ast.Call)
    backwards = keyed(call).get("reverse")
    descends = name_of(call) == "max" or (isinstance(backwards, ast.Constant) and bool(backwards.value))
    most = ast.unparse(part.upper) if isinstance(part, ast.Slice) and part.upper is not None else "1"
    return Reduction("top" if part is not None else "best", whole, (), read_by(keyed(call)["key"]), most, descends)


def looped(source: Source, loop: ast.For, over: ast.expr, held: ast.Assign | None) -> Use:
    """Return a loop with the conditions that its body begins with, or is."""
    if not isinstance(loop.target, ast.Name) or is_read_after(source, loop):
        return Use(loop, over, held=held)
    row, first = loop.target.id, loop.body[0]
    if len(loop.body) == 1 and isinstance(first, ast.If) and not first.orelse:
        return Use(loop, over, row, tuple(parts(first.test)), (first,), held)
    wanted: list[Part] = []
    tests: list[ast.AST] = []
    for each in loop.body:
        skips = isinstance(each, ast.If) and not each.orelse and [type(one) for one in each.body] == [ast.Continue]
        if not isinstance(each, ast.If) or not skips:
            break
        wanted += parts(each.test, holds=False)
        tests.append(each)
    return Use(loop, over, row, tuple(wanted), tuple(tests), held)


def is_read_after(source: Source, loop: ast.For) -> bool:
    """Tell whether the last row is used once a loop is over, or whether there was one."""
    function = source.function(loop)
    after = loop.end_lineno or loop.lineno
    return bool(loop.orelse) or any(
        isinstance(each, ast.Name) and each.id in names(loop.target) and each.lineno > after
        and isinstance(each.ctx, ast.Load) and not is_bound_anew(source, each)
        for each in (ast.walk(function) if function is not None else ())
    )  # fmt: skip


def is_bound_anew(source: Source, name: ast.Name) -> bool:
    """Tell whether another loop or comprehension gives a name its value."""
    return any(
        (isinstance(each, ast.For) and name.id in names(each.target))
        or (isinstance(each, COMPREHENSIONS) and any(name.id in names(part.target) for part in each.generators))
        for each in source.above(name)
    )


def gone_through(source: Source, part: ast.comprehension, over: ast.expr, held: ast.Assign | None) -> Use:
    """Return a comprehension with the conditions of one of its loops."""
    whole = source.parents[part]
    if not isinstance(part.target, ast.Name) or part.is_async:
        return Use(whole, over, held=held)
    wanted = [each for test in part.ifs for each in parts(test)]
    return Use(whole, over, part.target.id, tuple(wanted), tuple(part.ifs), held)


def reduction(source: Source, use: Use) -> Reduction | None:
    """Return what is asked of the rows, where that is no more than one value, or one row."""
    node = use.node
    if isinstance(node, ast.Call) and name_of(node) == "len":
        return Reduction("count", node)
    if isinstance(node, ast.Call | ast.Subscript):
        return chosen(node)
    if not isinstance(node, ast.ListComp | ast.GeneratorExp) or len(node.generators) != 1 or not use.row:
        return None
    call, read = source.parents[node], node.elt
    if isinstance(call, ast.Compare) and len(call.ops) == 1 and call.comparators[0] is node:
        return contained(use, call, read)
    own = read if isinstance(read, ast.Attribute) and ast.unparse(read.value) == use.row else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args[:1] != [node]:
        is_list = isinstance(node, ast.ListComp) and own is not None
        return Reduction("columns", node, use.wanted, own) if is_list else None
    name, given = call.func.id, {each.arg: each.value for each in call.keywords}
    is_row = isinstance(read, ast.Name) and read.id == use.row
    if name == "next" and len(call.args) == 2 and is_row and not given:
        last = call.args[1]
        return Reduction("first", call, use.wanted) if isinstance(last, ast.Constant) and last.value is None else None
    if len(call.args) != 1:
        return None
    if name == "len" and not given and (is_row or own is not None or isinstance(read, ast.Constant)):
        return Reduction("count", call, use.wanted)
    if name in ("any", "all") and not given:
        more = parts(read, holds=name == "any")
        return Reduction("exists", call, (*use.wanted, *more), negated=name == "all")
    if name == "sum" and not given:
        if isinstance(read, ast.Constant) and read.value == 1:
            return Reduction("count", call, use.wanted)
        return Reduction("sum", call, use.wanted, own, "0", value=None if own is not None else read)
    least = given.get("default")
    if name in ("min", "max") and own is not None and len(given) == 1 and isinstance(least, ast.Constant):
        return Reduction(name, call, use.wanted, own, ast.unparse(least))
    return None


def contained(use: Use, call: ast.Compare, read: ast.expr) -> Reduction | None:
    """Return what asks whether a value is among those of a column: if there is such a row."""
    if not isinstance(call.ops[0], ast.In | ast.NotIn) or not isinstance(read, ast.Attribute):
        return None
    same = ast.copy_location(ast.Compare(read, [ast.Eq()], [call.left]), read)
    return Reduction("exists", call, (*use.wanted, Part(same, True)), negated=isinstance(call.ops[0], ast.NotIn))
