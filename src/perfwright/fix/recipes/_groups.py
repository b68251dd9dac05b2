"""Rows that are counted, or added up, for each value of a column: the database groups them."""

import ast
from dataclasses import dataclass

from perfwright.effects.schema import DJANGO, Column, Model
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import method_of, name_of
from perfwright.fix.recipes._columns import column_of, kind_of, may_be_null
from perfwright.fix.recipes._conditions import Conditions
from perfwright.fix.recipes._inlined import inlined, inlined_parts
from perfwright.fix.recipes._joined import is_free
from perfwright.fix.recipes._narrowed import Queried, Queryset, Rows, Selected
from perfwright.fix.recipes._passes import is_changed
from perfwright.fix.recipes._quiet import is_quiet_between
from perfwright.fix.recipes._related import LOADS
from perfwright.fix.recipes._row_uses import Use
from perfwright.fix.source import Edit, Source, names
from perfwright.fix.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Grouping:
    """What is made of rows for each value of the column `key`, theirs or that of a row which they belong to: their
    number, or the sum of a `value`.

    `whole` is the loop that puts it into the dictionary `into`, or the `Counter` that is made.
    """

    whole: ast.stmt | ast.Call
    key: ast.Attribute
    value: ast.expr | None = None
    into: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """A column as a query writes it, the model that has it, and how that is joined."""

    column: Column
    written: str
    model: Model
    joins: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


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
    """Tell whether an expression reads something of a row, or of what this leads to."""
    while isinstance(node, ast.Attribute):
        node = node.value
        if isinstance(node, ast.Name):
            return node.id == row
    return False


def way_to(around: Surroundings, source: Source, model: Model, key: ast.expr, row: str) -> Way | None:
    """Return the column that a key reads, and the relations that lead there from a row; None where a row may lead to
    nothing, or it is not known."""
    names: list[str] = []
    while isinstance(key, ast.Attribute):
        names.insert(0, key.attr)
        key = key.value
    owner, steps, edits = model, list[str](), list[Edit]()
    seen = [model]
    for name in names[:-1]:
        relation, held = owner.relations.get(name), around.written(source, owner)
        column = relation.column if relation is not None else None
        if relation is None or relation.target is None or relation.target in seen or relation.generic or relation.many:
            return None
        if column not in owner.columns.values() or column is None or may_be_null(around, owner, column):
            return None
        steps.append(f"{held[0]}.{name}" if held is not None else name)
        edits += held[1] if held is not None else []
        owner = relation.target
        seen.append(owner)
    last = ast.Attribute(ast.Name(row, ast.Load()), names[-1], ast.Load()) if names else key
    found, written = column_of(owner, last, row), around.written(source, owner)
    if found is None or (written is None and model.framework != DJANGO):
        return None
    if model.framework == DJANGO:
        return Way(found, "__".join(names), owner)
    assert written is not None
    return Way(
        found, f"{written[0]}.{names[-1]}", owner, tuple(f".join({each})" for each in steps), (*edits, *written[1])
    )


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
    if made is None or not isinstance(asked, Selected | Queried | Queryset):
        return None
    way = way_to(around, source, model, inlined(around, source, model, made.key, use.row), use.row)
    if way is None or not asked.key or kind_of(around, way.column) in ("", "float"):
        return None
    if way.joins and not isinstance(asked, Queryset) and is_joined(source, use, way):
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
    text = asked.groups(ahead, way.written, [*way.joins], term or "", said, made.whole)
    if text is None:
        return None
    wanted = [*conditions.imports, *[(module, name) for module, some in asked.imports.items() for name in some]]
    if not is_free(source, wanted):
        return None
    edits = [source.replace(made.whole, f"{text}))")]
    edits += [source.removed(use.held)] if use.held is not None else []
    more = conditions.edits(asked.imports)
    edits = [*dict.fromkeys((*edits, *more, *imports, *way.edits))]
    return Proposal((*edits,), f"the database groups the rows by `{made.key.attr}`", source=source)


def is_joined(source: Source, use: Use, way: Way) -> bool:
    """Tell whether a query may join, as it is, a model that leads to the column."""
    function = source.function(use.node)
    known = {
        each.id
        for each in (ast.walk(function) if function is not None else ())
        if isinstance(each, ast.Name) and not any(name_of(one) in LOADS for one in source.above(each))
    }
    needed = {each.removeprefix(".join(").partition(".")[0] for each in (*way.joins[1:], f".join({way.written}")}
    return bool(needed & known)
