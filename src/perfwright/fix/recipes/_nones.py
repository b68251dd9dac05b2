"""Whether a name may stand for None where a statement is run."""

import ast

from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Function

LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def may_be_none(around: Surroundings, source: Source, place: ast.stmt, name: str) -> bool:
    """Tell whether a name may be None before a statement: nothing says that it is not."""
    if is_tested(place, name):
        return True
    if reads(place, name):
        return False
    function = source.function(place)
    if function is None:
        return True
    block = next(
        (
            held
            for field in ("body", "orelse", "finalbody")
            if isinstance(held := getattr(source.parents[place], field, []), list) and place in held
        ),
        [],
    )
    for each in block[: block.index(place)] if place in block else ():
        if isinstance(each, ast.If) and is_tested(each.test, name) and isinstance(each.body[-1], LEAVES):
            return False
        if isinstance(each, ast.Assign | ast.Expr) and reads(each, name) and not is_tested(each, name):
            return False
    given = [each for each in ast.walk(function.args) if isinstance(each, ast.arg) and each.arg == name]
    if given:
        written = given[0].annotation
        return written is None or "None" in ast.unparse(written) or "Optional" in ast.unparse(written)
    values = assigned(function, name)
    return not values or not all(is_given(around, source, each) for each in values)


def is_given(around: Surroundings, source: Source, node: ast.expr) -> bool:
    """Tell whether a call gives something in any case: it fails where there is nothing, or is annotated so."""
    if not isinstance(node, ast.Call):
        return False
    if name_of(node).endswith("_404"):
        return True
    called = around.entity(source, node.func)
    defined = around.definition(called) if isinstance(called, Function) else None
    returns = defined[1].returns if defined is not None else None
    return returns is not None and "None" not in ast.unparse(returns) and "Optional" not in ast.unparse(returns)


def reads(node: ast.AST, name: str) -> bool:
    """Tell whether an attribute of a name is read."""
    return any(
        isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == name
        for each in ast.walk(node)
    )


def is_tested(node: ast.AST, name: str) -> bool:
    """Tell whether it is asked anywhere whether a name stands for something."""
    asked: list[ast.expr] = [node] if isinstance(node, ast.expr) else []
    for each in ast.walk(node):
        if isinstance(each, ast.If | ast.IfExp | ast.While | ast.Assert):
            asked.append(each.test)
        elif isinstance(each, ast.BoolOp):
            asked += each.values
        elif isinstance(each, ast.Compare):
            asked += [each.left, *each.comparators]
        elif isinstance(each, ast.UnaryOp):
            asked.append(each.operand)
        elif isinstance(each, ast.comprehension):
            asked += each.ifs
    return any(isinstance(each, ast.Name) and each.id == name for each in asked)
