"""Rows that a loop looks up by their key, one by one: looked up together before it, and found in a dict."""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._asked import RUNS, called_at, calls, whole_of
from perfwright.fix.recipes._bindings import is_once
from perfwright.fix.recipes._calls import WIDE, method_of, name_of
from perfwright.fix.recipes._origins import Frame, Origins
from perfwright.fix.source import Source, bound, changed, names
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Function

ENDS = (
    *("commit", "rollback", "close", "expire", "expire_all", "expunge", "expunge_all", "delete", "refresh"),
    *("execute", "update", "bulk_update", "refresh_from_db"),
)
FIRST = (("scalar",), ("first", "scalars"), ("one_or_none", "scalars"), ("scalar_one_or_none", "execute"))
WHOLE = ("list[int]", "set[int]", "tuple[int, ...]", "Sequence[int]", "Iterable[int]", "Collection[int]")


def looked_up(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposal that asks once for all rows that a loop looks up by their key."""
    found = called_at(source, finding)
    if found is None or len(finding.chain) != 2:
        return
    around, own, call = found
    loops = own.loops(call)
    loop = loops[0] if len(loops) == 1 else None
    whole = whole_of(own, call)
    asked = by_session(around, own, call) or by_manager(around, own, call) or by_query(around, own, whole)
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name) or asked is None:
        return
    model, key, written, base = asked
    over = own.text_of(loop.iter)
    if not isinstance(loop.iter, ast.Name | ast.Attribute) or not is_key(around, own, loop, key):
        return
    if is_once(own.function(loop), loop.iter):
        return
    if names(base) & bound(loop) or names(loop.iter) & (bound(loop) - {loop.target.id}) or over in changed(loop):
        return
    own_calls = {id(each) for each in ast.walk(whole)}
    if any(id(each) not in own_calls and changes_rows(around, own, each) for each in ast.walk(loop)):
        return
    item = loop.target.id
    keys = over if isinstance(key, ast.Name) else f"[{own.text_of(key)} for {item} in {over}]"
    wait = "await " if isinstance(own.parents[whole], ast.Await) else ""
    plural = f"{model.name.lower()}s"
    name = own.fresh(f"{plural}_by_id", f"known_{plural}")
    if model.framework == DJANGO:
        made = [f"{name} = {written}.objects.in_bulk({keys})"]
        edits = []
    else:
        edits = surroundings.also_from(own, "sqlalchemy", ["select"])
        rows = f"{wait}{own.text_of(base)}.scalars(select({written}).where({written}.id.in_({keys})))"
        made = [f"{name} = {{row.id: row for row in {rows}}}"]
        if len(own.indent(loop)) + len(made[0]) > WIDE:
            made = [f"{name} = {{", "    row.id: row", f"    for row in {rows}", "}"]
    replaced = own.parents[whole] if wait else whole
    text = own.text_of(key)
    yield Proposal(
        (own.before(loop, *made), own.replace(replaced, f"{name}.get({text})"), *edits),
        f"the `{model.name}` rows of all passes are asked for once, and found by their key",
        source=own,
    )


def changes_rows(around: Surroundings, source: Source, node: ast.AST) -> bool:
    """Tell whether a call ends a transaction or writes by SQL, or its function does: rows are read anew then."""
    if not isinstance(node, ast.Call):
        return False
    called = around.entity(source, node.func)
    return method_of(node) in ENDS or (isinstance(called, Function) and not called.called.isdisjoint(ENDS))


def by_session(around: Surroundings, source: Source, call: ast.Call) -> tuple[Model, ast.expr, str, ast.expr] | None:
    """Return the model, the key, how the model is written, and the session of `session.get(Model, key)`."""
    if method_of(call) != "get" or len(call.args) != 2 or call.keywords or not isinstance(call.func, ast.Attribute):
        return None
    model = around.model(source, call.args[0])
    if model is None or model.framework == DJANGO or key_of(model) != "id":
        return None
    return model, call.args[1], source.text_of(call.args[0]), call.func.value


def by_query(around: Surroundings, source: Source, whole: ast.expr) -> tuple[Model, ast.expr, str, ast.expr] | None:
    """Return the same of `session.scalar(select(Model).where(Model.id == key))`, and of the older form."""
    links = calls(whole)
    runs = next((each for each in links if method_of(each) in RUNS and len(each.args) == 1), None)
    if runs is not None:
        how = tuple(name_of(each) for each in links[: links.index(runs) + 1])
        links = calls(runs.args[0]) if how in FIRST else []
    elif links and method_of(links[0]) in ("first", "one_or_none"):
        links = links[1:]
    if len(links) != 2 or name_of(links[1]) not in ("select", "query") or len(links[1].args) != 1:
        return None
    first = runs or links[1]
    model = around.model(source, links[1].args[0])
    if model is None or model.framework == DJANGO or key_of(model) != "id" or not isinstance(first.func, ast.Attribute):
        return None
    written = source.text_of(links[1].args[0])
    key = by_id(links[0], written)
    return (model, key, written, first.func.value) if key is not None else None


def by_id(call: ast.Call, written: str) -> ast.expr | None:
    """Return the key that a query is narrowed to: `where(Model.id == key)`, `filter_by(id=key)`."""
    given, named = call.args, call.keywords
    if method_of(call) == "filter_by" and not given and len(named) == 1 and named[0].arg == "id":
        return named[0].value
    if method_of(call) not in ("where", "filter") or named or len(given) != 1 or not isinstance(given[0], ast.Compare):
        return None
    test = given[0]
    is_own = ast.unparse(test.left) == f"{written}.id" and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)
    return test.comparators[0] if is_own else None


def by_manager(around: Surroundings, source: Source, call: ast.Call) -> tuple[Model, ast.expr, str, ast.expr] | None:
    """Return the same of `Model.objects.filter(pk=key).first()`."""
    asked = call if method_of(call) == "first" else source.parents.get(source.parents.get(call, call), call)
    inner = asked.func.value if isinstance(asked, ast.Call) and isinstance(asked.func, ast.Attribute) else None
    if asked is not call or not isinstance(inner, ast.Call) or method_of(inner) != "filter" or call.args:
        return None
    manager = inner.func.value if isinstance(inner.func, ast.Attribute) else None
    if not isinstance(manager, ast.Attribute) or manager.attr != "objects" or inner.args or len(inner.keywords) != 1:
        return None
    model, given = around.model(source, manager.value), inner.keywords[0]
    if model is None or model.framework != DJANGO or given.arg not in ("pk", "id") or key_of(model) != "id":
        return None
    return model, given.value, source.text_of(manager.value), manager.value


def key_of(model: Model) -> str:
    """Return the one column that is the key of a model; nothing where there are several, or it is not known."""
    found = [name for name, column in model.columns.items() if column.type == "primary" or name == "id"]
    return found[0] if len(found) == 1 else "id" if model.framework == DJANGO and not found else ""


def is_key(around: Surroundings, source: Source, loop: ast.For, key: ast.expr) -> bool:
    """Tell whether an expression is a key as the database has it: a foreign key of the row, or one of some numbers."""
    item = loop.target.id if isinstance(loop.target, ast.Name) else ""
    if isinstance(key, ast.Name) and key.id == item and isinstance(loop.iter, ast.Name):
        function = source.function(loop)
        arguments = [each for each in ast.walk(function.args) if isinstance(each, ast.arg)] if function else []
        given = [each for each in arguments if each.arg == loop.iter.id and each.annotation is not None]
        return any(each.annotation is not None and ast.unparse(each.annotation) in WHOLE for each in given)
    if not isinstance(key, ast.Attribute) or not isinstance(key.value, ast.Name) or key.value.id != item:
        return False
    if key.attr.endswith("_id"):
        rows = Origins(around).of(Frame(source), loop.iter)
        owners = [origin.model for origin in rows] or [
            model
            for model in around.schema.by_class.values()
            if key.attr in model.columns or key.attr[:-3] in model.columns
        ]
        columns = [model.column(key.attr) for model in owners if model is not None]
        return bool(columns) and all(
            column is not None and (column.target or key.attr[:-3] in model.relations)
            for column, model in zip(columns, [each for each in owners if each is not None], strict=True)
        )
    return False
