"""Rows that a loop looks up by their key, one by one: looked up together before it, and found in a dict."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._asked import NARROW, RUNS, called_at, calls, whole_of
from perfwright.fix.recipes._bindings import is_once
from perfwright.fix.recipes._calls import WIDE, method_of, name_of
from perfwright.fix.recipes._keys import is_cut, is_whole, parts
from perfwright.fix.recipes._origins import Frame, Origins
from perfwright.fix.recipes._reached import calls_one_of, made, stored
from perfwright.fix.source import Edit, Source, bound, changed, names
from perfwright.fix.surroundings import Surroundings, also_from

ENDS = (
    *("commit", "rollback", "close", "expire", "expire_all", "expunge", "expunge_all", "delete", "refresh"),
    *("execute", "update", "bulk_update", "refresh_from_db"),
)
FIRST = (("scalar",), ("first", "scalars"), ("one_or_none", "scalars"), ("scalar_one_or_none", "execute"))


@dataclass(frozen=True, slots=True)
class Lookup:
    """A row that is asked for by its key: the model as it is `written`, the `column` that has the `key`, what runs the
    query, its other conditions, `before` of which stand before that of the key, and the columns of them that have one
    value."""

    model: Model
    written: str
    column: str
    key: ast.expr
    base: ast.expr
    others: tuple[ast.expr | ast.keyword, ...] = ()
    equal: frozenset[str] = frozenset()
    before: int = 0

    def is_one(self) -> bool:
        """Tell whether no two rows have the same key, among those that the other conditions leave."""
        found = self.model.columns.get(self.column)
        if self.column == key_of(self.model) or (found is not None and found.unique):
            return True
        return any(self.column in each <= {self.column, *self.equal} for each in self.model.uniques)


def looked_up(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposal that asks once for all rows that a loop looks up by their key."""
    found = called_at(source, finding)
    if found is None or len(finding.chain) != 2:
        return
    around, own, call = found
    loops = own.loops(call)
    loop = loops[0] if len(loops) == 1 else None
    whole = whole_of(own, call)
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name) or not own.begins(loop):
        return
    item = loop.target.id
    asked = by_session(around, own, call) or by_manager(around, own, call) or by_query(around, own, whole, item)
    if asked is None or not asked.is_one():
        return
    over = own.text_of(loop.iter)
    if not isinstance(loop.iter, ast.Name | ast.Attribute) or not is_key(around, own, loop, asked.key):
        return
    if is_once(own.function(loop), loop.iter, own):
        return
    needed = set[str]().union(names(asked.base), *[names(each) for each in asked.others])
    if needed & bound(loop) or names(loop.iter) & (bound(loop) - {item}) or over in changed(loop):
        return
    own_calls = {id(each) for each in ast.walk(whole)}
    if any(id(each) not in own_calls and changes_rows(around, own, each) for each in ast.walk(loop)):
        return
    if asked.model in made(around, own, loop) or stored(around, own, loop) & {asked.column, *asked.equal}:
        return
    wait = "await " if isinstance(own.parents[whole], ast.Await) else ""
    plural = f"{asked.model.name.lower()}s"
    name = own.fresh(f"{plural}_by_{asked.column}", f"known_{plural}")
    lines, edits = together(around, own, loop, asked, name, wait)
    replaced = own.parents[whole] if wait else whole
    yield Proposal(
        (own.before(loop, *lines), own.replace(replaced, f"{name}.get({own.text_of(asked.key)})"), *edits),
        f"the `{asked.model.name}` rows of all passes are asked for once, and found by their key",
        source=own,
    )


def together(
    around: Surroundings, own: Source, loop: ast.For, asked: Lookup, name: str, wait: str
) -> tuple[list[str], list[Edit]]:
    """Return the lines that ask for the rows of all passes by a name, and the edits that they need."""
    over = own.text_of(loop.iter)
    item = loop.target.id if isinstance(loop.target, ast.Name) else ""
    keys = over if isinstance(asked.key, ast.Name) else f"[{own.text_of(asked.key)} for {item} in {over}]"
    if asked.model.framework == DJANGO:
        return [f"{name} = {asked.written}.objects.in_bulk({keys})"], []
    cut = isinstance(asked.key, ast.Name) and is_cut(around, own, loop.iter)
    each_part, keys = parts(own, over) if cut else ("", keys)
    conditions: list[str] = []
    for other in asked.others:
        named = f"{asked.written}.{other.arg} == " if isinstance(other, ast.keyword) else ""
        conditions.append(f"{named}{own.text_of(other.value if isinstance(other, ast.keyword) else other)}")
    conditions.insert(asked.before, f"{asked.written}.{asked.column}.in_({keys})")
    row = own.fresh("row", "each_row")
    first, run = f"{row}.{asked.column}: {row}", f"{wait}{own.text_of(asked.base)}.scalars"
    statement = f"select({asked.written}).where({', '.join(conditions)})"
    line = f"{name} = {{{first} for {row} in {run}({statement})}}"
    edits = also_from(own, "sqlalchemy", ["select"])
    room = WIDE - len(own.indent(loop))
    if not each_part and len(line) <= room:
        return [line], edits
    lines = [f"for {row} in {run}({statement})"]
    if len(lines[0]) + 4 > room:
        lines = [f"    {statement}"]
        if len(statement) + 8 > room:
            lines = [f"    select({asked.written}).where(", *[f"        {each}," for each in conditions], "    )"]
        lines = [f"for {row} in {run}(", *lines, ")"]
    return [f"{name} = {{", *[f"    {each}" for each in [first, each_part, *lines] if each], "}"], edits


def changes_rows(around: Surroundings, source: Source, node: ast.AST) -> bool:
    """Tell whether a call ends a transaction or writes by SQL, or its function does: rows are read anew then."""
    return isinstance(node, ast.Call) and calls_one_of(around, source, node, ENDS)


def by_session(around: Surroundings, source: Source, call: ast.Call) -> Lookup | None:
    """Return what `session.get(Model, key)` asks for."""
    if method_of(call) != "get" or len(call.args) != 2 or call.keywords or not isinstance(call.func, ast.Attribute):
        return None
    model = around.model(source, call.args[0])
    if model is None or model.framework == DJANGO or key_of(model) != "id":
        return None
    return Lookup(model, source.text_of(call.args[0]), "id", call.args[1], call.func.value)


def by_query(around: Surroundings, source: Source, whole: ast.expr, item: str) -> Lookup | None:
    """Return what `session.scalar(select(Model).where(Model.id == key))` asks for, or the older form."""
    links = calls(whole)
    runs = next((each for each in links if method_of(each) in RUNS and len(each.args) == 1), None)
    if runs is not None:
        how = tuple(name_of(each) for each in links[: links.index(runs) + 1])
        links = calls(runs.args[0]) if how in FIRST else []
    elif links and method_of(links[0]) in ("first", "one_or_none"):
        links = links[1:]
    if len(links) < 2 or name_of(links[-1]) not in ("select", "query") or len(links[-1].args) != 1:
        return None
    first = runs or links[-1]
    model = around.model(source, links[-1].args[0])
    if model is None or model.framework == DJANGO or key_of(model) != "id" or not isinstance(first.func, ast.Attribute):
        return None
    written = source.text_of(links[-1].args[0])
    found, before, others, equal = None, 0, list[ast.expr | ast.keyword](), set[str]()
    given: list[ast.expr | ast.keyword] = []
    for call in reversed(links[:-1]):
        given += [*call.args, *call.keywords]
    for each in given:
        column, value = compared(each, written)
        if item in names(each):
            if not column or found is not None:
                return None
            found, before = (column, value), len(others)
        else:
            others.append(each)
            equal.add(column if not isinstance(value, ast.Constant) or value.value is not None else "")
    if any(method_of(call) not in NARROW for call in links[:-1]) or found is None:
        return None
    return Lookup(model, written, *found, first.func.value, tuple(others), frozenset(equal - {""}), before)


def compared(node: ast.expr | ast.keyword, written: str) -> tuple[str, ast.expr]:
    """Return the column that a condition compares, and with what: `Model.id == key`, `id=key`; no column for others."""
    if isinstance(node, ast.keyword):
        return node.arg or "", node.value
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
        for one, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
            if isinstance(one, ast.Attribute) and ast.unparse(one.value) == written:
                return one.attr, other
    return "", node


def by_manager(around: Surroundings, source: Source, call: ast.Call) -> Lookup | None:
    """Return what `Model.objects.filter(pk=key).first()` asks for."""
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
    return Lookup(model, source.text_of(manager.value), "id", given.value, manager.value)


def key_of(model: Model) -> str:
    """Return the one column that is the key of a model; nothing where there are several, or it is not known."""
    found = [name for name, column in model.columns.items() if column.type == "primary" or name == "id"]
    return found[0] if len(found) == 1 else "id" if model.framework == DJANGO and not found else ""


def is_key(around: Surroundings, source: Source, loop: ast.For, key: ast.expr) -> bool:
    """Tell whether an expression is a key as the database has it: a foreign key of the row, or one of some numbers."""
    item = loop.target.id if isinstance(loop.target, ast.Name) else ""
    if isinstance(key, ast.Name) and key.id == item:
        return is_whole(around, source, loop.iter)
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
