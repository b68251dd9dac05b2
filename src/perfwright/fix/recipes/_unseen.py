"""Whether rows may change where a statement runs in ways that reading it does not show: by names that are worked out,
by SQL, or by a call of what is not known that is given them."""

import ast
import builtins
from collections.abc import Collection

from perfwright.effects.schema import Model
from perfwright.fix.recipes._calls import method_of, name_of
from perfwright.fix.recipes._reached import entity, functions, is_local, reached, stored, within
from perfwright.fix.source import FUNCTIONS, Source, bound
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Value

BULK = ("bulk_insert_mappings", "bulk_update_mappings", "bulk_save_objects", "bulk_create", "bulk_update")
SQL = ("exec_driver_sql", "executemany", "executescript")
WRITES = ("insert", "update", "delete", "text")
RUNS = ("scalar", "scalars", "execute")
PLAIN = ("int", "str", "float", "bool", "bytes", "date", "datetime", "Decimal", "UUID")
KNOWN = frozenset((  # methods of what libraries give, which change no row that they are given
    *(name for kind in (list, dict, set, str, bytes) for name in dir(kind)),
    *("scalar", "scalars", "execute", "query", "where", "filter", "filter_by", "order_by", "join", "options", "add"),
    *("add_all", "flush", "commit", "debug", "info", "warning", "error", "exception", "select_from", "values"),
))  # fmt: skip


def is_unseen(around: Surroundings, source: Source, node: ast.AST, rows: Collection[str] = ()) -> bool:
    """Tell whether rows may change unseen where a node runs: `rows` are the names of rows and of the session in it."""
    begun = {id(each) for each in ast.walk(node)}
    for own, each in reached(around, source, node):
        if not isinstance(each, ast.Call):
            continue
        if is_hidden(each) or writes(around, own, each):
            return True
        if is_opaque(around, own, each):
            given = rows if id(each) in begun else parameters(own, each)
            if any(is_given(around, own, one, given) for one in (*each.args, *[more.value for more in each.keywords])):
                return True
    return "__dict__" in stored(around, source, node)


def makes_unseen(around: Surroundings, source: Source, node: ast.AST) -> bool:
    """Tell whether rows of a class that is not known may be made where a node runs."""
    return any(
        isinstance(each, ast.Call) and not method_of(each) and is_opaque(around, own, each)
        for own, each in reached(around, source, node)
    )


def is_hidden(call: ast.Call) -> bool:
    """Tell whether a call sets an attribute whose name is worked out, or writes several rows by SQL."""
    if name_of(call) in ("setattr", "delattr"):
        return len(call.args) < 2 or not isinstance(call.args[1], ast.Constant)
    return method_of(call) in (*BULK, *SQL)


def writes(around: Surroundings, source: Source, call: ast.Call) -> bool:
    """Tell whether a call runs a statement that writes: `session.scalar(insert(Model)...)`."""
    if isinstance(call.func, ast.Name) and call.func.id in WRITES:
        return not functions(around, source, call)
    inner = [each for given in call.args for each in ast.walk(given)] if method_of(call) in RUNS else []
    return any(isinstance(each, ast.Call) and name_of(each) in WRITES for each in inner)


def is_opaque(around: Surroundings, source: Source, call: ast.Call) -> bool:
    """Tell whether it is not known what a call calls: a parameter, an item of a dict, a method that nobody defines."""
    if within(source, call.func) is not None or functions(around, source, call):
        return False
    if isinstance(call.func, ast.Attribute):
        return call.func.attr not in KNOWN and is_local(source, call.func)
    if not isinstance(call.func, ast.Name):
        return ast.unparse(call.func) not in ("type(self)", "super()")
    if is_local(source, call.func):
        return call.func.id != "cls"
    found = entity(around, source, call.func)
    return isinstance(found, Value) or (found is None and not hasattr(builtins, call.func.id))


def is_given(around: Surroundings, source: Source, node: ast.expr, rows: Collection[str]) -> bool:
    """Tell whether one of some rows, or what it is related to, is in an argument; a column of it is none."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name | ast.Attribute) and ast.unparse(each) in rows:
            above = source.parents.get(each)
            if each is node or not isinstance(above, ast.Attribute) or above.attr in relations(around):
                return True
    return False


def aliases(around: Surroundings, source: Source, node: ast.AST, rows: Collection[str]) -> set[str]:
    """Return names of rows, with those that a node binds to rows that are made of them."""
    found = set(rows)
    for _ in range(3):
        for each in ast.walk(node):
            if isinstance(each, ast.Assign | ast.AnnAssign | ast.NamedExpr) and each.value is not None:
                given = each.targets if isinstance(each, ast.Assign) else [each.target]
                value = each.value
            elif isinstance(each, ast.For | ast.AsyncFor | ast.comprehension):
                given, value = [each.target], each.iter
            else:
                continue
            if is_given(around, source, value, found):
                found |= {name for one in given for name in bound(one)}
    return found


def targets(node: ast.AST) -> set[str]:
    """Return the names of the items of the loops in a node."""
    loops = [each for each in ast.walk(node) if isinstance(each, ast.For | ast.AsyncFor | ast.comprehension)]
    return set[str]().union(*[bound(each.target) for each in loops])


def parameters(source: Source, node: ast.AST) -> set[str]:
    """Return the parameters of the functions around a node that may be rows."""
    given = [each.args for each in source.above(node) if isinstance(each, FUNCTIONS)]
    return {
        each.arg
        for function in given
        for each in ast.walk(function)
        if isinstance(each, ast.arg)
        and (each.annotation is None or ast.unparse(each.annotation).removesuffix(" | None") not in PLAIN)
    }


def relations(around: Surroundings) -> set[str]:
    """Return the names of the relations of a project."""
    return {name for model in around.schema.by_class.values() for name in model.relations}


def parts_of(around: Surroundings, model: Model) -> set[str]:
    """Return the names of the relations by which others have many rows of a model."""
    relations = [each for one in around.schema.by_class.values() for each in one.relations.items()]
    return {name for name, relation in relations if relation.many and relation.target is model}


def ways(around: Surroundings, column: str) -> set[str]:
    """Return what sets a column that has a key: itself, the relation along it, and the way back."""
    found = {column}
    for model in around.schema.by_class.values():
        for name, relation in model.relations.items():
            if relation.column is not None and relation.column.name in (column, column.removesuffix("_id")):
                found |= {name, *([relation.inverse] if relation.inverse else [])}
    return found
