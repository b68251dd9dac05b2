"""Rows that a loop writes one by one are written together after it, or instead of it.

- `execute` of one SQL text, with one row of values a pass, as all that the pass does: `executemany`.
- SQLAlchemy's `execute` of an `insert`, as all that the pass does: one with a list of rows. Of an `update` or a
  `delete` that looks rows up by one value of the pass, and of Django's `filter(…).update(…)`: one with all values.
  What is set does not depend on the pass, nor on what is there. (SQLite takes 32,766 values, PostgreSQL 65,535.)
- Django's `create`, whose row nobody uses: the rows are collected, and written by `bulk_create` after the loop.
- Django's `save` of the rows of a query, whose columns the pass sets by name: `bulk_update` of those columns.
- Django's `delete` of each row of a query, as all that the pass does: the query's own `delete`.

The model has no `save` or `delete` of its own, nothing listens to its signals, no column of it is set by saving, and
the pass calls nothing of the project that might read what was written, nor does it leave the function. Where a pass
fails, none of the rows is written, where those before it were.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes import _statements
from perfwright.fix.recipes._asked import called_at
from perfwright.fix.recipes._calls import WIDE, chain, method_of, name_of
from perfwright.fix.recipes._origins import Frame, Origins
from perfwright.fix.source import Source, UnplacedError, bound, names
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Function

CHANGES = re.compile(r"\s*(insert|update|delete|replace)\b", re.IGNORECASE)
SIGNALS = ("pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed")
ASKS = (
    *(
        "filter",
        "exclude",
        "count",
        "exists",
        "first",
        "last",
        "latest",
        "earliest",
        "aggregate",
        "annotate",
        "order_by",
    ),
    *("values", "values_list", "update", "get_or_create", "update_or_create", "bulk_create", "bulk_update", "in_bulk"),
    *("create", "save", "delete", "refresh_from_db", "execute", "executemany", "all", "iterator", "scalars", "scalar"),
)
BY_SAVING = ("auto_now", "auto_now_add", "pre_save")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    found = called_at(source, finding)
    if found is None:
        return
    around, own, call = found
    statement = own.statement(call)
    loop = next((each for each in own.above(call) if isinstance(each, ast.For | ast.AsyncFor | ast.While)), None)
    awaited = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Await)
    value = getattr(statement, "value", None)
    if (
        not isinstance(statement, ast.Expr)
        or (value.value if isinstance(value, ast.Await) else value) is not call
        or not isinstance(loop, ast.For)
        or loop.orelse
    ):
        return
    if not own.is_alone(statement) or any(own.function(each) is not own.function(loop) for each in [call]):
        return
    name = method_of(call)
    if name == "execute" and (finding.symbol.startswith(("sqlite3.", "aiosqlite.")) or "Cursor." in finding.symbol):
        yield from executed(own, loop, call)
    elif name == "execute" and "sqlalchemy" in finding.symbol:
        yield from _statements.executed(own, loop, call)
    elif awaited:
        return
    elif (
        name in ("update", "delete") and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)
    ):
        yield from _statements.asked(around, own, loop, call)
    elif name == "create":
        yield from created(around, own, loop, call, statement)
    elif name == "save":
        yield from saved(around, own, loop, call, statement)
    elif name == "delete":
        yield from deleted(around, own, loop, call)


def executed(source: Source, loop: ast.For, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal that hands all rows of values over at once."""
    only = loop.body[0]
    test = only.test if isinstance(only, ast.If) and not only.orelse else None
    body = only.body if isinstance(only, ast.If) and test is not None else loop.body
    alone = len(loop.body) == 1 and len(body) == 1 and body[0] is source.statement(call)
    if not alone or len(call.args) != 2 or call.keywords or not isinstance(call.func, ast.Attribute):
        return
    statement, values = call.args
    text = statement.value if isinstance(statement, ast.Constant) else None
    if not isinstance(text, str) or not CHANGES.match(text) or "returning" in text.lower():
        return
    if names(call.func.value) & bound(loop) or not isinstance(values, ast.Tuple | ast.List | ast.Dict):
        return
    awaited = isinstance(source.parents[call], ast.Await)
    if any(isinstance(each, ast.Yield | ast.NamedExpr) for each in ast.walk(loop)):
        return
    if any(isinstance(each, ast.Await) and each.value is not call for each in ast.walk(loop)):
        return
    comments = comments_in(source, loop)
    condition = f" if {source.text_of(test)}" if test is not None else ""
    each = f"{source.text_of(values)} for {source.text_of(loop.target)} in {source.text_of(loop.iter)}{condition}"
    called = f"{'await ' if awaited else ''}{source.text_of(call.func.value)}.executemany("
    given = source.text_of(statement)
    indent = source.indent(loop)
    line = f"{called}{given}, [{each}])"
    if "\n" in line or len(indent) + len(line) > WIDE:
        moved = given.replace("\n" + " " * shift(source, statement), f"\n{indent}    ")
        line = f"{called}\n{indent}    {moved},\n{indent}    [{each}],\n{indent})"
    text = "".join(f"{each}\n{indent}" for each in comments) + line
    yield Proposal((source.replace(loop, text),), "all rows are handed over at once", source=source)


def shift(source: Source, node: ast.expr) -> int:
    """Return the column that an expression begins at."""
    start, _ = source.span(node)
    return start - source.text.rfind("\n", 0, start) - 1


def comments_in(source: Source, node: ast.stmt) -> list[str]:
    """Return the comments within a statement."""
    start, end = source.span(node)
    stop = source.text.find("\n", end)
    text = source.text[start : stop if stop >= 0 else len(source.text)]
    lines = io.StringIO(text + "\n").readline
    try:
        return [each.string for each in tokenize.generate_tokens(lines) if each.type == tokenize.COMMENT]
    except (tokenize.TokenError, IndentationError) as error:
        raise UnplacedError(source.path) from error


def created(
    around: Surroundings, source: Source, loop: ast.For, call: ast.Call, statement: ast.Expr
) -> Iterator[Proposal]:
    """Give the proposal that collects new rows and writes them after the loop."""
    manager = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(manager, ast.Attribute) or manager.attr != "objects" or call.args:
        return
    model = around.model(source, manager.value)
    if model is None or not is_plain(around, model, "save") or not is_quiet(around, source, loop, call):
        return
    name = source.fresh("rows", "new_rows")
    cls = source.text_of(manager.value)
    given = source.text_of(call)[len(source.text_of(call.func)) :]
    if "\n" in given:
        return
    edits = (
        source.before(loop, f"{name} = []"),
        source.replace(statement, f"{name}.append({cls}{given})"),
        source.after(loop, f"{cls}.objects.bulk_create({name})"),
    )
    yield Proposal(edits, f"the `{model.name}` rows are written together after the loop", source=source)


def saved(
    around: Surroundings, source: Source, loop: ast.For, call: ast.Call, statement: ast.Expr
) -> Iterator[Proposal]:
    """Give the proposal that collects changed rows and writes the columns that were set after the loop."""
    row = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(row, ast.Name) or not isinstance(loop.target, ast.Name) or loop.target.id != row.id:
        return
    found = Origins(around).of(Frame(source), loop.iter)
    model = found[0].model if len(found) == 1 and found[0].kind == "queryset" else None
    if call.args or call.keywords or model is None or not is_plain(around, model, "save"):
        return
    set_here: dict[str, None] = {}
    for node in ast.walk(loop):
        if isinstance(node, ast.Name) and node.id == row.id and node is not loop.target and node is not row:
            above = source.parents[node]
            if not isinstance(above, ast.Attribute) or isinstance(above.ctx, ast.Del):
                return  # it goes elsewhere as a whole
            if isinstance(above.ctx, ast.Store):
                set_here[above.attr] = None
            outer = source.parents[above]
            if isinstance(outer, ast.Call) and outer.func is above:
                return  # a method may set more
    stored = [name.removesuffix("_id") if name not in model.columns else name for name in set_here]
    known = all(name in model.columns or name in model.relations for name in stored)
    if not stored or not known or {"pk", "id"} & set(stored) or not is_quiet(around, source, loop, call):
        return
    name = source.fresh(f"{row.id}s_changed", "changed_rows")
    cls = around.written(source, model)
    if cls is None:
        return
    fields = ", ".join(f'"{each}"' for each in stored)
    edits = (
        source.before(loop, f"{name} = []"),
        source.replace(statement, f"{name}.append({row.id})"),
        source.after(loop, f"{cls[0]}.objects.bulk_update({name}, [{fields}])"),
        *cls[1],
    )
    yield Proposal(edits, f"the `{model.name}` rows are written together after the loop", source=source)


def deleted(around: Surroundings, source: Source, loop: ast.For, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal that has the query delete its rows."""
    row = call.func.value if isinstance(call.func, ast.Attribute) else None
    found = Origins(around).of(Frame(source), loop.iter)
    if len(loop.body) != 1 or not isinstance(row, ast.Name) or len(found) != 1 or call.args or call.keywords:
        return
    origin = found[0]
    model = origin.model
    same = isinstance(loop.target, ast.Name) and loop.target.id == row.id
    if not same or model is None or origin.kind != "queryset" or origin.query is not loop.iter or origin.path:
        return
    if not is_plain(around, model, "delete") or {"distinct", "slice", "reverse"} & set(origin.asked):
        return
    query = source.text_of(loop.iter)
    if isinstance(loop.iter, ast.Attribute):
        query += ".all()"
    yield Proposal((source.replace(loop, f"{query}.delete()"),), "the query deletes its rows", source=source)


def is_plain(around: Surroundings, model: Model, name: str) -> bool:
    """Tell whether writing a row does nothing besides: no method of its own, no signal, no value set by saving."""
    if model.framework != DJANGO or around.method(model, name) is not None:
        return False
    above = [around.schema.of(each) for each in around.project.mro(model.cls)[1:] if isinstance(each, Class)]
    if any(each is not None and not each.abstract for each in above):
        return False
    if any(around.mentioning(*SIGNALS)):
        return False
    own = around.source(model.cls.module.path)
    fields = (
        [each for each in ast.walk(own.tree) if isinstance(each, ast.ClassDef) and each.name == model.name]
        if own is not None
        else []
    )
    return bool(fields) and not any(
        isinstance(each, ast.keyword) and each.arg in BY_SAVING for field in fields for each in ast.walk(field)
    )


def is_quiet(around: Surroundings, source: Source, loop: ast.For, write: ast.Call) -> bool:
    """Tell whether the passes of a loop do not ask for what they write, and go on to its end."""
    for node in ast.walk(loop):
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom | ast.Await | ast.Try | ast.With):
            return False
        if not isinstance(node, ast.Call) or node is write or any(node is each for each in ast.walk(loop.iter)):
            continue
        asks = [each for each in chain(node) if isinstance(each, ast.Attribute) and each.attr in ("objects", "session")]
        if asks or isinstance(around.entity(source, node.func), Function) or name_of(node) in ASKS:
            return False
        if isinstance(node.func, ast.Attribute) and around.entity(source, node.func) is None:
            base = node.func.value
            if not isinstance(base, ast.Name | ast.Attribute | ast.Constant):
                return False
            if any(node.func.attr in model.cls.names for model in around.schema.by_class.values()):
                return False
    return True


RECIPE = Recipe(rule="query-per-item-write", improves=("queries",), propose=propose)
