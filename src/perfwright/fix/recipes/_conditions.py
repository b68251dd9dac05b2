"""Conditions on a row as its query says them, where SQL means by them what Python does."""

import ast

from perfwright.effects.schema import DJANGO, Column, Model
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._origins import Origin
from perfwright.fix.source import Source, names
from perfwright.fix.surroundings import Surroundings

OPERATORS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", ""), ast.NotEq: ("!=", "not"), ast.Lt: ("<", "__lt"), ast.LtE: ("<=", "__lte"),
    ast.Gt: (">", "__gt"), ast.GtE: (">=", "__gte"),
}  # fmt: skip
TURNED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}
PLAIN = ("timedelta", "date", "datetime", "Decimal", "int", "str", "float", "len")  # calls that only make a value


def conjuncts(test: ast.expr) -> list[ast.expr]:
    """Return the conditions that must all hold."""
    if isinstance(test, ast.Compare) and len(test.ops) > 1:
        sides = [test.left, *test.comparators]
        return [
            ast.copy_location(ast.Compare(left, [op], [right]), test)
            for left, op, right in zip(sides, test.ops, sides[1:], strict=False)
        ]
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return [part for each in test.values for part in conjuncts(each)]
    return [test]


def condition(around: Surroundings, source: Source, origin: Origin, test: ast.expr, row: str, model: str) -> str | None:
    """Return a condition on a row as the query says it; None where SQL would say otherwise."""
    django = origin.first.framework == DJANGO
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    flag = test.operand if isinstance(test, ast.UnaryOp) and negated else test
    if isinstance(flag, ast.Attribute):
        column = column_of(origin.first, flag, row)
        if column is None or not column.is_flag or may_be_null(around, origin.first, column):
            return None
        return f"{flag.attr}={not negated}" if django else f"{model}.{flag.attr}.is_({not negated})"
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return None
    left, right, kind = test.left, test.comparators[0], type(test.ops[0])
    if kind in TURNED and column_of(origin.first, left, row) is None:
        left, right, kind = right, left, TURNED[kind]
    column = column_of(origin.first, left, row)
    if column is None or not isinstance(left, ast.Attribute) or not is_fixed(source, origin, right, row):
        return None
    if isinstance(right, ast.Constant) and right.value is None:
        return is_null(left.attr, kind, "" if django else model)
    if may_be_null(around, origin.first, column) and not (kind is ast.Eq and isinstance(right, ast.Constant)):
        return None  # Python does not leave the row out, or fails
    return compared(source, left.attr, kind, right, "" if django else model)


def is_fixed(source: Source, origin: Origin, node: ast.expr, row: str) -> bool:
    """Tell whether an expression is the same for all rows, and known before the query is made."""
    if row in names(node) or any(isinstance(each, ast.Await | ast.NamedExpr | ast.Lambda) for each in ast.walk(node)):
        return False
    if any(isinstance(each, ast.Call) and name_of(each) not in PLAIN for each in ast.walk(node)):
        return False
    return is_known_before(source, origin.query, node)


def is_null(name: str, kind: type[ast.cmpop], model: str) -> str | None:
    """Return the condition that a column is, or is not, NULL; of Django's where no model is named."""
    if kind not in (ast.Is, ast.IsNot):
        return None
    if not model:
        return f"{name}__isnull={kind is ast.Is}"
    return f"{model}.{name}.{'is_' if kind is ast.Is else 'is_not'}(None)"


def compared(source: Source, name: str, kind: type[ast.cmpop], right: ast.expr, model: str) -> str | None:
    """Return the comparison of a column; of Django's where no model is named."""
    said = OPERATORS.get(kind)
    if said is None or (not model and said[1] == "not"):
        return None
    if not model:
        return f"{name}{said[1]}={source.text_of(right)}"
    plain = isinstance(right, ast.Name | ast.Attribute | ast.Constant | ast.Subscript | ast.BinOp | ast.Call)
    return f"{model}.{name} {said[0]} {source.text_of(right)}" if plain else None


def is_known_before(source: Source, query: ast.expr, node: ast.expr) -> bool:
    """Tell whether all names of an expression have their values before a query is made."""
    function, wanted = source.function(query), names(node)
    bindings = (
        [
            each
            for each in ast.walk(function)
            if isinstance(each, ast.Name) and each.id in wanted and not isinstance(each.ctx, ast.Load)
        ]
        if function is not None
        else []
    )
    return all(each.lineno < query.lineno for each in bindings)


def may_be_null(around: Surroundings, model: Model, column: Column) -> bool:
    """Tell whether a column is not declared to have a value in every row."""
    source = around.source(column.module.path)
    for each in ast.walk(source.tree) if source is not None else ():
        if not isinstance(each, ast.Assign | ast.AnnAssign) or each.lineno != column.line:
            continue
        given = {key.arg: key.value for key in each.value.keywords} if isinstance(each.value, ast.Call) else {}
        said = given.get("null" if model.framework == DJANGO else "nullable")
        if isinstance(said, ast.Constant):
            return bool(said.value)
        if said is not None:
            return True
        if isinstance(each, ast.AnnAssign):
            return any(word in ast.unparse(each.annotation) for word in ("None", "Optional"))
        return model.framework != DJANGO and "primary_key" not in given
    return True


def column_of(model: Model, node: ast.expr, row: str) -> Column | None:
    """Return the column of a row that an expression reads."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == row:
        return model.columns.get(node.attr)
    return None
