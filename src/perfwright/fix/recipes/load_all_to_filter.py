"""What is done with all rows of a query in Python is asked of the database.

- The conditions of a comprehension, or of the `if` that is all of a loop, on columns of the row go into the query; what
  SQL says otherwise than Python (a column that may be NULL, a property, a function) stays where it is.
- A sum of a column of whole numbers that is never NULL, or the number of rows, is asked for instead of the rows.

The query is written in the same function, gives whole rows of one model, is neither limited nor grouped, and its rows
are used for nothing else.
"""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO, Column, Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import called_on, method_of, name_of, placed
from perfwright.fix.recipes._origins import Frame, Origin, Origins
from perfwright.fix.source import COMPREHENSIONS, Edit, Source, names
from perfwright.fix.surroundings import Surroundings, also_from

BOUNDED = (
    "limit",
    "offset",
    "slice",
    "distinct",
    "group_by",
    "having",
    "first",
    "with_for_update",
    "select_for_update",
)
OPERATORS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", ""), ast.NotEq: ("!=", "not"), ast.Lt: ("<", "__lt"), ast.LtE: ("<=", "__lte"),
    ast.Gt: (">", "__gt"), ast.GtE: (">=", "__gte"),
}  # fmt: skip
TURNED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}
PLAIN = ("timedelta", "date", "datetime", "Decimal", "int", "str", "float", "len")  # calls that only make a value
WHOLE = (
    "int",
    "Integer",
    "BigInteger",
    "SmallInteger",
    "IntegerField",
    "BigIntegerField",
    "PositiveIntegerField",
    "PositiveSmallIntegerField",
    "SmallIntegerField",
    "PositiveBigIntegerField",
)


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around = surroundings.around(source.root) if source.root is not None else None
    own = around.source(source.path) if around is not None else None
    if around is None or own is None:
        return
    for node in placed(own, finding.place):
        use = used(own, node)
        if use is None:
            continue
        found = Origins(around).of(Frame(own), use[1])
        if len(found) != 1 or found[0].source is not own or found[0].path or found[0].one:
            continue
        origin = found[0]
        if origin.kind in ("get", "class") or any(name in BOUNDED for name in origin.asked):
            continue
        if own.function(origin.query) is not own.function(use[0]) or own.loops(over_all(use)):
            continue  # in a loop, rows that came along with others would be asked for one by one
        yield from reduced(around, own, origin, *use)
        yield from narrowed(around, own, origin, *use)
        return


def over_all(use: tuple[ast.AST, ast.expr]) -> ast.AST:
    """Return the loop or the call, or for a comprehension what it goes through: it is gone through once."""
    return use[1] if isinstance(use[0], COMPREHENSIONS) else use[0]


def used(source: Source, node: ast.expr) -> tuple[ast.AST, ast.expr] | None:
    """Return the loop, comprehension or call that all rows are gone through by, and what they are written as there."""
    at: ast.expr = node
    while True:
        above = source.parents[at]
        if isinstance(above, ast.For) and above.iter is at:
            return above, at
        if isinstance(above, ast.comprehension) and above.iter is at:
            return source.parents[above], at
        if isinstance(above, ast.Call) and name_of(above) == "len" and at in above.args:
            return above, at
        if isinstance(above, ast.Assign) and above.value is at and len(above.targets) == 1:
            target, function = above.targets[0], source.function(above)
            reads = (
                [
                    each
                    for each in ast.walk(function)
                    if isinstance(target, ast.Name) and isinstance(each, ast.Name) and each.id == target.id
                ]
                if function is not None
                else []
            )
            if len(reads) != 2 or isinstance(reads[1].ctx, ast.Store):
                return None
            at = next(each for each in reads if each is not target)
            continue
        if not isinstance(above, ast.Attribute | ast.Call | ast.Await):
            return None
        at = above


# ---------------------------------------------------------------------------------- conditions
def narrowed(around: Surroundings, source: Source, origin: Origin, use: ast.AST, over: ast.expr) -> Iterator[Proposal]:
    """Give the proposal that puts conditions on the rows into the query."""
    tests: list[ast.expr] = []
    target: ast.expr | None = None
    if isinstance(use, COMPREHENSIONS) and len(use.generators) == 1:
        target, tests = use.generators[0].target, use.generators[0].ifs
    elif isinstance(use, ast.For) and len(use.body) == 1 and isinstance(use.body[0], ast.If) and not use.body[0].orelse:
        target, tests = use.target, [use.body[0].test]
    if not isinstance(target, ast.Name) or not tests:
        return
    parts = [part for test in tests for part in conjuncts(test)]
    written = around.written(source, origin.first)
    name = written[0] if written is not None else origin.first.name
    said = [
        (part, text) for part in parts if (text := condition(around, source, origin, part, target.id, name)) is not None
    ]
    if not said or (written is None and origin.first.framework != DJANGO):
        return
    read = {each.attr for part, _ in said for each in ast.walk(part) if isinstance(each, ast.Attribute)}
    if any(
        isinstance(each, ast.Attribute) and each.attr in read and isinstance(each.ctx, ast.Store)
        for each in ast.walk(use)
    ):
        return  # a pass may change what a later one tests
    asked = [text for _, text in said]
    edits: list[Edit] = [called_on(source, origin.query, "where" if origin.kind == "select" else "filter", asked)]
    if isinstance(use, COMPREHENSIONS) and len(said) == len(parts):
        start = source.span(over)[1]
        edits.append(Edit(start, source.span(tests[-1])[1], ""))
    edits += written[1] if written is not None and origin.first.framework != DJANGO else []
    yield Proposal(tuple(edits), "the database leaves out the rows that are not wanted", source=source)


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


# ---------------------------------------------------------------------------------- sums and counts
def reduced(around: Surroundings, source: Source, origin: Origin, use: ast.AST, over: ast.expr) -> Iterator[Proposal]:
    """Give the proposal that asks for a sum, or for the number of rows."""
    if any(name in ("order_by", "options", "join", "outerjoin", "prefetch_related") for name in origin.asked):
        return
    django = origin.first.framework == DJANGO
    made = source.statement(origin.query)
    whole, column = (use, "") if isinstance(use, ast.Call) else summed(around, source, origin, use)
    if whole is None or not isinstance(whole, ast.expr):
        return
    edits: list[Edit] = []
    held = made is not source.statement(over)
    if held and (not source.is_alone(made) or not isinstance(made, ast.Assign)):
        return
    value = made.value if isinstance(made, ast.Assign) and held else over
    if django:
        if method_of(value) == "iterator":
            return
        query = source.text_of(value)
        imports = []
        text = f"{query}.count()"
        if column:
            imports = also_from(source, "django.db.models", ["Sum"])
            text = f'({query}.aggregate(total=Sum("{column}"))["total"] or 0)'
    else:
        run = value.value if isinstance(value, ast.Await) else value
        asked = (
            run.func.value
            if method_of(run) == "all" and isinstance(run, ast.Call) and isinstance(run.func, ast.Attribute)
            else run
        )
        if origin.kind != "select" or method_of(asked) != "scalars" or not isinstance(asked, ast.Call):
            return
        if not isinstance(origin.query, ast.Call) or len(asked.args) != 1 or source.statement(asked) is not made:
            return
        imports = also_from(source, "sqlalchemy", ["func"])
        name = source.text_of(origin.query.args[0])
        wanted = f"func.coalesce(func.sum({name}.{column}), 0)" if column else "func.count()"
        start, end = source.span(asked.args[0])
        first, last = source.span(origin.query.args[0])
        more = "" if column else f".select_from({name})"
        close = source.span(origin.query)[1]
        statement = source.text[start:first] + wanted + source.text[last:close] + more + source.text[close:end]
        session = source.text_of(asked.func.value) if isinstance(asked.func, ast.Attribute) else ""
        text = f"{'await ' if isinstance(value, ast.Await) else ''}{session}.scalar({statement})"
    edits.append(source.replace(whole, text))
    if held:
        edits.append(source.removed(made))
    says = f"the database adds `{column}`" if column else "the database counts the rows"
    yield Proposal((*edits, *imports), says, source=source)


def summed(around: Surroundings, source: Source, origin: Origin, use: ast.AST) -> tuple[ast.AST | None, str]:
    """Return the call that adds one column of all rows, and the column; nothing where that is not all."""
    if not isinstance(use, ast.GeneratorExp | ast.ListComp) or len(use.generators) != 1 or use.generators[0].ifs:
        return None, ""
    call, target, read = source.parents[use], use.generators[0].target, use.elt
    if not isinstance(call, ast.Call) or name_of(call) != "sum" or len(call.args) != 1 or call.keywords:
        return None, ""
    column = column_of(origin.first, read, target.id) if isinstance(target, ast.Name) else None
    if column is None or not isinstance(read, ast.Attribute) or may_be_null(around, origin.first, column):
        return None, ""
    return (call, read.attr) if column.type.rpartition(".")[2] in WHOLE else (None, "")


RECIPE = Recipe(rule="load-all-to-filter", improves=("memory",), propose=propose)
