"""Rows of a relation, which the session of a function can be asked for instead of all of them."""

import ast
import re
from collections.abc import Sequence

from perfwright.effects.schema import DJANGO, Model, Relation
from perfwright.finding import Finding
from perfwright.fix.recipes._bindings import SAME, assigned
from perfwright.fix.recipes._calls import chain, method_of, name_of
from perfwright.fix.recipes._columns import beside
from perfwright.fix.recipes._narrowed import Queried, Rows
from perfwright.fix.recipes._origins import Frame, Origins, is_self
from perfwright.fix.recipes._quiet import is_collected, is_handed, is_unknown, run_between, within_call
from perfwright.fix.recipes._relation_rows import Inquired, Related
from perfwright.fix.recipes._row_uses import CHANGE, Use
from perfwright.fix.source import Edit, Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Value

ASKS = ("scalars", "scalar", "execute", "query", "get", "commit", "flush", "add", "delete", "refresh")
LOADS = ("joinedload", "selectinload", "subqueryload", "contains_eager", "immediateload", "lazy")
SESSIONS = ("Session", "scoped_session")


def related(
    around: Surroundings, own: Source, use: Use, finding: Finding
) -> tuple[Rows, Model, tuple[str, list[Edit]], ast.expr] | None:
    """Return how the rows of a relation are asked for, with their model; None where they cannot be, or not alone."""
    function = own.function(use.node)
    dynamic = (
        method_of(use.over) == "all" and isinstance(use.over, ast.Call) and isinstance(use.over.func, ast.Attribute)
    )
    node = use.over.func.value if dynamic else within(use.over)  # type: ignore[attr-defined]
    if use.held is not None or not isinstance(node, ast.Attribute) or function is None:
        return None
    owner = around.named(finding.symbol.partition(".")[0], own)
    relation = owner.relations.get(node.attr) if owner is not None else None
    if owner is None or relation is None or relation.target is None or owner.framework == DJANGO or not relation.many:
        return None
    written = around.written(own, relation.target)
    if written is None:
        return None
    if relation.dynamic or dynamic:
        if not relation.dynamic or is_recent(around, own, function, node, [node]):
            return None
        return Queried(own, use.over, {}, node, written[0]), relation.target, written, use.over
    found = alone(around, own, node, owner, relation)
    if found is None:
        return None
    found[0].over = use.over
    return found[0], relation.target, (written[0], found[1]), use.over


def alone(
    around: Surroundings,
    own: Source,
    node: ast.Attribute,
    owner: Model,
    relation: Relation,
    *,
    of_query: bool = True,
    apart: Sequence[ast.expr] = (),
) -> tuple[Related, list[Edit]] | None:
    """Return how the rows of a relation are asked for alone, with the edits that import their models; None where they
    may be others in memory.

    Their model is asked by its `query` where files do so and it may be. Reads that are kept `apart` go, too.
    """
    function, target = own.function(node), relation.target
    written, owned = around.written(own, target) if target is not None else None, around.written(own, owner)
    if target is None or function is None or written is None or owned is None:
        return None
    flushing = flushes(beside(around, own, owner))
    if is_recent(around, own, function, node, [node, *apart], flushing=flushing):
        return None
    order = ordered(around, owner, relation, written[0])
    if isinstance(function, ast.AsyncFunctionDef) or order is None or not is_plain(node.value):
        return None  # it was fetched along
    if is_made(around, own, function, node.value):
        return None
    if not flushing and not is_untouched(around, function) and not is_read(around, own, function, node.value):
        return None
    first = chain(node.value)[-1]
    of_self = is_self(first)
    plain = {ast.unparse(each).rpartition(".")[2] for each in function.decorator_list} <= {
        "property",
        "cached_property",
    }
    if of_self and not (first is node.value and isinstance(own.statement(node), ast.Return) and flushing and plain):
        return None
    kind = Inquired if has_query(own) and not of_self and of_query else Related
    session = "" if kind is Inquired else session_of(around, own, function)
    if of_self:
        session = f"{own.fresh('state', 'found', 'inspected')}.session"
    edits = written[1] if owner is target else [*written[1], *owned[1]]
    asked = kind(own, node, {}, session or "", written[0], owned[0], order, node, of_self, relation.through)
    if session is None:
        if relation.eager or node.attr in fetched_along(around):
            return None  # the row may have no session any more
        asked.session = f"{asked.use('sqlalchemy.orm', 'object_session')}({own.text_of(node.value)})"
        asked.kept = {**asked.imports}
    return asked, edits


def within(node: ast.expr) -> ast.expr:
    """Return what is sorted, or listed, as it was before."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAME and node.args:
        node = node.args[0]
    return node


def has_query(source: Source) -> bool:
    """Tell whether models of a file are asked by their own `query`."""
    return re.search(r"\b[A-Z]\w*\.query\.", source.text) is not None


def is_read(
    around: Surroundings, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, row: ast.expr
) -> bool:
    """Tell whether a row is read from the database by the function itself."""
    found = Origins(around).of(Frame(source), row)
    return bool(found) and all(each.source is source and source.function(each.query) is function for each in found)


def flushes(some: list[Source]) -> bool:
    """Tell whether sessions of an application write what was changed before they ask."""
    return not any(re.search(r"autoflush\s*=\s*False|no_autoflush", source.text) for source in some)


def is_untouched(around: Surroundings, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether nothing was changed before a function is called: by those that call it, or what these call."""
    callers, called = {function.name}, {function.name}
    waiting = [function.name]
    while waiting:
        name = waiting.pop()
        for other in around.project.functions:
            above = name in callers and name in other.called
            if not above and other.name != name:
                continue
            found = around.definition(other)
            if found is None or (found[1].name != function.name and changes(found[1])):
                return False
            if above and other.name not in callers:
                callers.add(other.name)
                waiting.append(other.name)
            more = other.called - called if other.name != function.name else frozenset[str]()
            called |= more
            waiting += more
    return True


def changes(function: ast.AST, node: ast.AST | None = None) -> bool:
    """Tell whether a function, or a part of it, may change rows."""
    return any(
        (method_of(each) in CHANGE and not is_collected(function, each))
        or (isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load))
        or name_of(each) == "setattr"
        for each in ([node] if node is not None else ast.walk(function))
    )


def fetched_along(around: Surroundings) -> set[str]:
    """Return the relations that some query fetches along, or that are declared so."""
    return set().union(*[loads(source.tree) for source in around.mentioning(*LOADS)])


def loads(node: ast.AST) -> set[str]:
    """Return the relations that the queries of a function, or a file, fetch along."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call) and name_of(each) in LOADS]
    given = [inner for call in calls for arg in call.args for inner in ast.walk(arg)]
    return {each.attr for each in given if isinstance(each, ast.Attribute)}


def is_plain(node: ast.expr) -> bool:
    """Tell whether an expression is a name, or what is read of one."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and is_plain(node.value))


def is_recent(
    around: Surroundings,
    source: Source,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    node: ast.Attribute,
    apart: Sequence[ast.expr],
    *,
    flushing: bool = True,
) -> bool:
    """Tell whether a row may have other rows in memory than in the database: something was changed before, or the
    relation is read anyway, but for what is kept `apart`."""
    start = source.span(node)[0]
    for each in (inner for statement in function.body for inner in ast.walk(statement)):
        changing = method_of(each) in CHANGE[2:] and not is_collected(function, each)
        if changing and source.span(each)[0] < start:
            return True
        if isinstance(each, ast.Attribute) and each not in apart and ast.unparse(each) == ast.unparse(node):
            return True
        stored = isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
        if stored and not flushing and source.span(each)[0] < start:
            return True
    return any(
        is_unknown(around, source, each)
        or any(touches(around, node.attr, *one) for one in within_call(around, source, each))
        for each in run_between(source, function, source.span(function.body[0])[0], node)
        if isinstance(each, ast.Call)
    )


def touches(around: Surroundings, relation: str, source: Source, node: ast.AST) -> bool:
    """Tell whether a node in a function that is called may change what rows are in memory, or reads a relation."""
    if isinstance(node, ast.Attribute):
        return node.attr == relation
    changing = method_of(node) in CHANGE[2:] and not is_collected(source.function(node) or source.tree, node)
    return changing or name_of(node) == "setattr" or is_handed(around, source, node)


def session_of(around: Surroundings, source: Source, function: ast.FunctionDef) -> str | None:
    """Return how the session of a row is written in a function."""
    for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
        if each.annotation is not None and is_session(around, source, each.annotation):
            return each.arg
    asked = [
        each.func.value
        for each in ast.walk(function)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ASKS
    ]
    for held in asked:
        if isinstance(held, ast.Name) and "session" in held.id.lower():
            return held.id
    module = around.module(source)
    if module is not None and "db" in module.names and "db.session" in source.text:
        return "db.session"
    return None


def is_session(around: Surroundings, source: Source, annotation: ast.expr) -> bool:
    """Tell whether a parameter is a session: it is annotated so, or with a name that stands for it."""
    written = [ast.unparse(annotation)]
    for each in ast.walk(annotation):
        found = around.entity(source, each) if isinstance(each, ast.Name) else None
        owner = around.source(found.module.path) if isinstance(found, Value) else None
        values = [
            ast.unparse(node.value)
            for node in (owner.tree.body if owner is not None else ())
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == ast.unparse(each)
        ]
        written += values
    words = [word for text in written for word in text.replace("[", " ").replace("]", " ").replace(",", " ").split()]
    return any(word.rpartition(".")[2] in SESSIONS for word in words)


def is_made(around: Surroundings, source: Source, function: ast.AST, row: ast.expr) -> bool:
    """Tell whether a row is new, not read from the database."""
    first = chain(row)[-1]
    values = (assigned(function, first.id) or []) if isinstance(first, ast.Name) else []
    return any(isinstance(each, ast.Call) and around.model(source, each.func) is not None for each in values)


def ordered(around: Surroundings, owner: Model, relation: Relation, written: str) -> str | None:
    """Return the order of a relation's rows, as a query says it: nothing where it has none, None for any other."""
    source = around.source(owner.cls.module.path)
    made = [
        each.value
        for each in (ast.walk(source.tree) if source is not None else ())
        if isinstance(each, ast.Assign | ast.AnnAssign) and each.lineno == relation.line
    ]
    call = made[0] if len(made) == 1 else None
    if not isinstance(call, ast.Call):
        return "" if relation.inverse is not None and relation.line == 0 else None
    if name_of(call) not in ("relationship", "dynamic_loader"):
        return None
    given = {each.arg: each.value for each in call.keywords}
    if "collection_class" in given or "primaryjoin" in given:
        return None
    order = given.get("order_by")
    if order is None:
        return ""
    text = order.value if isinstance(order, ast.Constant) else ast.unparse(order)
    target = relation.target
    if not isinstance(text, str) or target is None or not text.startswith(f"{target.name}.") or "," in text:
        return None
    return f"{written}{text.removeprefix(target.name)}"
