"""Values that are used only where something holds: whether they may be missing, or None, where it does not."""

import ast
from collections.abc import Iterator, Sequence

from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._constants import MADE, PLAIN
from perfwright.fix.recipes._values import Value
from perfwright.fix.source import Source, names
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Function, Module

LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break, ast.Assert)
GIVEN = (ast.JoinedStr, ast.BinOp, ast.Compare, ast.List, ast.Tuple, ast.Set, ast.Dict)


def said_of(value: Value) -> Iterator[tuple[str, ast.expr]]:
    """Give what is said of rows for a value, each with what a row is called there."""
    for row, part in value.wanted:
        yield row, part.test
    if value.asked.value is not None:
        yield value.row, value.asked.value


def is_guarded(
    source: Source,
    node: ast.expr,
    rows: str,
    block: Sequence[ast.stmt],
    anchor: ast.stmt,
    gone: Sequence[ast.stmt] = (),
) -> bool:
    """Tell whether an expression is evaluated only where something else holds than that there are rows, once a
    statement of a block is reached."""
    guarded = False
    inner: ast.AST = node
    for each in source.above(inner):
        if each in gone:
            guarded = False  # what a loop tests is what is said of its rows
        elif isinstance(each, ast.If | ast.IfExp):
            guarded = guarded or inner is not each.test
        elif isinstance(each, ast.BoolOp):
            guarded = guarded or inner is not each.values[0]
        elif isinstance(each, ast.For):
            guarded = guarded or inner is not each.iter
        elif isinstance(each, ast.Try | ast.While | ast.Match):
            guarded = True
        if each in block:
            break
        inner = each
    else:
        return True
    before = block[block.index(anchor) : block.index(each)]
    return guarded or any(leaves(one) and not tested(one) <= {rows} for one in before)


def leaves(statement: ast.stmt) -> bool:
    """Tell whether what follows a statement may not be reached."""
    return any(isinstance(each, LEAVES) for each in ast.walk(statement))


def tested(statement: ast.stmt) -> set[str]:
    """Return the names that a statement asks whether it leaves."""
    tests = [each.test for each in ast.walk(statement) if isinstance(each, ast.If | ast.While | ast.Assert)]
    return {name for each in tests for name in names(each)} or {""}


def may_lack(around: Surroundings, source: Source, node: ast.expr, row: str) -> bool:
    """Tell whether something in an expression, other than the row, may be None, or not be known yet."""
    return any(
        isinstance(each, ast.Name) and each.id != row and not is_sure(around, source, each) for each in ast.walk(node)
    )


def is_sure(around: Surroundings, source: Source, node: ast.Name) -> bool:
    """Tell whether a name stands for something that is not None, wherever its function is called."""
    function, above = source.function(node), source.parents.get(node)
    if function is None:
        return False
    stores = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and each.id == node.id and not isinstance(each.ctx, ast.Load)
    ]
    given = [each for each in ast.walk(function.args) if isinstance(each, ast.arg) and each.arg == node.id]
    if not stores and not given:
        return is_global(around, source, node, above)
    if isinstance(above, ast.Attribute):
        return False
    values = assigned(function, node.id)
    if values is None or len(values) != len(stores) or not all(is_given(each) for each in values):
        return False
    if given:
        return is_declared(function.args, given[0])
    return any(source.parents[source.statement(each)] is function for each in stores)


def is_global(around: Surroundings, source: Source, node: ast.Name, above: ast.AST | None) -> bool:
    """Tell whether a name of a file, or what is read of it, is a class, a function or a value that is not None."""
    found = around.entity(source, node)
    if isinstance(above, ast.Attribute):
        whole = source.parents.get(above)
        called = isinstance(whole, ast.Call) and whole.func is above and name_of(whole) in {*MADE, *PLAIN}
        return called or isinstance(found, Class)
    if found is None or isinstance(found, Class | Function | Module):
        return True
    made = source.made_once(node.id)
    called = isinstance(above, ast.Call) and above.func is node
    return called or (made is not None and made.value is not None and is_given(made.value))


def is_given(node: ast.expr) -> bool:
    """Tell whether an expression makes something that is not None, or fails."""
    if isinstance(node, ast.Constant):
        return node.value is not None
    return isinstance(node, GIVEN) or (isinstance(node, ast.Call) and name_of(node) in {*MADE, *PLAIN})


def is_declared(args: ast.arguments, given: ast.arg) -> bool:
    """Tell whether a parameter is annotated with what is not None, and is not None when it is not given."""
    written = ast.unparse(given.annotation) if given.annotation is not None else "None"
    every = [*args.posonlyargs, *args.args]
    defaults = [
        *zip(reversed(every), reversed(args.defaults), strict=False),
        *zip(args.kwonlyargs, args.kw_defaults, strict=True),
    ]
    none = [one for each, one in defaults if each is given and isinstance(one, ast.Constant) and one.value is None]
    return not none and not any(word in written for word in ("None", "Optional", "Any", "object"))
