"""Rows that are counted, or added up, for each value of a column: the database groups them."""

import ast
from dataclasses import dataclass

from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import method_of, name_of
from perfwright.fix.recipes._columns import column_of, kind_of
from perfwright.fix.recipes._conditions import Conditions
from perfwright.fix.recipes._inlined import inlined, inlined_parts
from perfwright.fix.recipes._joined import is_free
from perfwright.fix.recipes._narrowed import Queried, Queryset, Rows, Selected
from perfwright.fix.recipes._passes import is_changed
from perfwright.fix.recipes._quiet import is_quiet_between
from perfwright.fix.recipes._row_uses import Use
from perfwright.fix.source import Edit, Source, names


@dataclass(frozen=True, slots=True)
class Grouping:
    """What is made of rows for each value of the column `key`: their number, or the sum of a `value`.

    `whole` is the loop that puts it into the dictionary `into`, or the `Counter` that is made.
    """

    whole: ast.stmt | ast.Call
    key: ast.Attribute
    value: ast.expr | None = None
    into: str = ""


def grouping(source: Source, use: Use) -> Grouping | None:
    """Return what is made of rows for each value of a column, where that is all that is done with them."""
    node = use.node
    if isinstance(node, ast.For):
        return _looped(source, node, use) if not source.loops(node) else None
    call = source.parents[node]
    if not isinstance(node, ast.GeneratorExp | ast.ListComp) or len(node.generators) != 1:
        return None
    counts = isinstance(call, ast.Call) and name_of(call) == "Counter" and call.args == [node] and not call.keywords
    if not counts or not isinstance(call, ast.Call) or not is_read(node.elt, use.row):
        return None
    return Grouping(call, node.elt) if isinstance(node.elt, ast.Attribute) else None


def _looped(source: Source, loop: ast.For, use: Use) -> Grouping | None:
    tests = [each for each in use.tests if isinstance(each, ast.If)]
    body = [each for each in loop.body if each not in tests]
    if not body and len(tests) == 1:
        body = tests[0].body
    made = body[0] if len(body) == 1 else None
    target: ast.expr | None = None
    value: ast.expr | None = None
    begun: tuple[str, ...] = ("defaultdict", "Counter")
    if isinstance(made, ast.AugAssign) and isinstance(made.op, ast.Add):
        target, value = made.target, made.value
    elif isinstance(made, ast.Assign) and len(made.targets) == 1 and isinstance(made.value, ast.BinOp):
        target, value, begun = made.targets[0], made.value.right, ("defaultdict", "Counter", "dict", "")
        if not isinstance(made.value.op, ast.Add) or not is_got(made.value.left, target):
            return None
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name) or value is None:
        return None
    key, into = target.slice, target.value.id
    if not isinstance(key, ast.Attribute) or not is_read(key, use.row) or not is_begun(source, loop, into, begun):
        return None
    is_one = isinstance(value, ast.Constant) and value.value == 1
    return Grouping(loop, key, None if is_one else value, into)


def is_read(node: ast.expr, row: str) -> bool:
    """Tell whether an expression reads something of a row."""
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == row


def is_got(node: ast.expr, target: ast.expr) -> bool:
    """Tell whether an expression is what a dictionary has so far, else 0: `counts.get(key, 0)`."""
    if not isinstance(target, ast.Subscript) or method_of(node) != "get" or not isinstance(node, ast.Call):
        return False
    return ast.unparse(node) == f"{ast.unparse(target.value)}.get({ast.unparse(target.slice)}, 0)"


def is_begun(source: Source, loop: ast.For, name: str, begun: tuple[str, ...]) -> bool:
    """Tell whether a dictionary is empty before a loop, and was made to have 0 for what it has not, where that is
    needed."""
    function = source.function(loop)
    values = assigned(function, name) if function is not None else None
    if function is None or values is None or len(values) != 1:
        return False
    made = values[0]
    empty = (isinstance(made, ast.Dict) and not made.keys and "" in begun) or (
        isinstance(made, ast.Call)
        and name_of(made) in begun
        and [ast.unparse(each) for each in made.args] == (["int"] if name_of(made) == "defaultdict" else [])
        and not made.keywords
    )
    before = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Name) and each.id == name and each.lineno < loop.lineno
    ]
    block = next(
        (found for part in ("body", "orelse") if loop in (found := getattr(source.parents[loop], part, []))), []
    )
    return empty and len(before) == 1 and source.statement(made) in block


def grouped(conditions: Conditions, asked: Rows, use: Use, imports: list[Edit]) -> Proposal | None:
    """Return the proposal that lets the database group rows; None where it would say something else."""
    source, model, around = conditions.source, conditions.model, conditions.around
    made = grouping(source, use)
    column = column_of(model, made.key, use.row) if made is not None else None
    if not isinstance(asked, Selected | Queried | Queryset):
        return None
    if made is None or column is None or not asked.key or kind_of(around, column) in ("", "float"):
        return None
    conditions.imports.clear()
    asked.imports.clear()
    tests = inlined_parts(around, source, model, use.wanted, use.row)
    said, whole = conditions.said([*tests], use.row)
    value = inlined(around, source, model, made.value, use.row) if made.value is not None else None
    term = conditions.term(value, use.row, set()) if value is not None and use.row in names(value) else None
    read = Use(use.node, use.over, use.row, tests, use.tests, use.held)
    if not whole or (made.value is not None and term is None) or is_changed(source, read, [made.key, value]):
        return None
    alone = [each for each in (use.held, made.whole) if isinstance(each, ast.stmt)]
    if not is_quiet_between(around, source, use) or not all(source.is_alone(each) for each in alone):
        return None
    asked.over = use.held.value if use.held is not None else use.over
    ahead = f"{made.into}.update(dict(" if made.into else f"{source.text_of(made.whole.func)}(dict("  # type: ignore[union-attr]
    text = asked.groups(ahead, made.key.attr, term or "", said, made.whole)
    if text is None:
        return None
    wanted = [*conditions.imports, *[(module, name) for module, some in asked.imports.items() for name in some]]
    if not is_free(source, wanted):
        return None
    edits = [source.replace(made.whole, f"{text}))")]
    edits += [source.removed(use.held)] if use.held is not None else []
    more = conditions.edits(asked.imports)
    return Proposal((*edits, *more, *imports), f"the database groups the rows by `{made.key.attr}`", source=source)
