"""Whether rows stay as they are between two places of a function, and what they are asked for with."""

import ast
import builtins
from collections.abc import Iterable, Iterator

from perfwright.fix.recipes._bindings import assigned, begins, is_empty
from perfwright.fix.recipes._calls import chain, method_of, name_of
from perfwright.fix.recipes._chains import Chains
from perfwright.fix.recipes._reached import functions, reached
from perfwright.fix.recipes._row_uses import CHANGE, Use
from perfwright.fix.source import Source, names
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, External, Module

COLLECTED = ("append", "add", "update", "extend", "remove", "discard", "clear", "pop", "insert")
WRITES = (*CHANGE, *COLLECTED, "merge", "get_or_create", "update_or_create", "aupdate", "adelete", "asave", "acreate")
MADE = (ast.List, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp)
LOGS = ("debug", "info", "warning", "error", "exception", "log")
PLAIN = {each for kind in (str, dict, list, set) for each in dir(kind)} - {*WRITES}


def is_quiet_between(around: Surroundings, source: Source, use: Use) -> bool:
    """Tell whether nothing is written between the statement that names the rows and the one that uses them, and the
    query would mean the same at both."""
    some = between(source, use)
    return use.held is None or (is_quiet(around, source, some) and not binds(some, names(use.held.value)))


def is_kept_between(around: Surroundings, source: Source, use: Use) -> bool:
    """Tell whether no call between the statement that names the rows and the one that uses them sets what is tested."""
    read = {each.attr for one in use.wanted for each in ast.walk(one.test) if isinstance(each, ast.Attribute)}
    calls = [each for each in between(source, use) if isinstance(each, ast.Call)]
    return not any(
        is_unknown(around, source, each)
        or name_of(each) == "setattr"
        or any(
            name_of(one) == "setattr" or (isinstance(one, ast.Attribute) and stores(one) and one.attr in read)
            for _, one in within_call(around, source, each)
        )
        for each in calls
    )


def between(source: Source, use: Use) -> list[ast.AST]:
    """Return the nodes that are run after the statement that names the rows, before these are used."""
    function = source.function(use.node)
    if use.held is None or function is None:
        return []
    return run_between(source, function, source.span(use.held)[1], use.over)


def run_between(source: Source, function: ast.AST, start: int, node: ast.AST) -> list[ast.AST]:
    """Return the nodes of a function that begin after a place, and before a node without being around it."""
    above, end = {*source.above(node)}, source.span(node)[0]
    nodes = (each for each in ast.walk(function) if hasattr(each, "lineno") and each not in above)
    return [each for each in nodes if start <= source.span(source.in_text(each) or each)[0] < end]


def binds(some: Iterable[ast.AST], wanted: set[str]) -> bool:
    """Tell whether nodes give one of some names another value."""
    return any(isinstance(each, ast.Name) and each.id in wanted and not isinstance(each.ctx, ast.Load) for each in some)


def is_quiet(around: Surroundings, source: Source, some: Iterable[ast.AST]) -> bool:
    """Tell whether nodes change no rows, nor call what may."""
    for each in some:
        if writes(source, each) or stores(each) or isinstance(each, ast.Yield | ast.YieldFrom):
            return False
        if isinstance(each, ast.Call) and (
            is_unknown(around, source, each)
            or any(
                writes(*one) or stores(one[1]) or is_handed(around, *one) for one in within_call(around, source, each)
            )
        ):
            return False
    return True


def within_call(around: Surroundings, source: Source, call: ast.Call) -> Iterator[tuple[Source, ast.AST]]:
    """Give the nodes in the functions of the project that run where a call is made, each with its file."""
    if method_of(call) in PLAIN and is_plain(around, source, call):
        return
    for called in functions(around, source, call):
        defined = around.definition(called)
        yield from reached(around, *defined) if defined is not None else ()


def is_plain(around: Surroundings, source: Source, call: ast.Call) -> bool:
    """Tell whether a call is of text, or a collection: neither of a row, nor of what the project defines."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else call
    return around.entity(source, call.func) is None and Chains(around, source).model(owner) is None


def writes(source: Source, node: ast.AST) -> bool:
    """Tell whether a node is a call that changes rows."""
    name = method_of(node)
    if not isinstance(node, ast.Call) or not name:
        return name_of(node) in ("setattr", "delattr")
    if name in WRITES or name.startswith("bulk_"):
        return not is_collected(source.function(node) or source.tree, node)
    if name == "execute":
        return not node.args or not is_selected(source, node.args[0])
    return name in ("scalar", "scalars", "exec") and any(
        isinstance(part, ast.Call) and name_of(part) in ("insert", "update", "delete", "text")
        for given in node.args
        for part in ast.walk(given)
    )


def is_selected(source: Source, node: ast.expr) -> bool:
    """Tell whether a statement only asks for rows, also one that is put together step by step."""
    function, first = source.function(node), chain(node)[-1]
    if is_select(node) or not isinstance(first, ast.Name) or function is None:
        return is_select(node)
    made = [each for each in assigned(function, first.id) or () if not begins(each, first.id)]
    return bool(made) and all(is_select(each) for each in made)


def is_select(node: ast.expr) -> bool:
    """Tell whether an expression is a `select`, as it is or with more said."""
    return any(isinstance(each, ast.Call) and name_of(each) == "select" for each in chain(node))


def stores(node: ast.AST) -> bool:
    """Tell whether a node sets an attribute, or deletes one."""
    return isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load)


def is_collected(function: ast.AST, call: ast.AST) -> bool:
    """Tell whether something is put into a list or a set that a function makes: no relation of a row."""
    if method_of(call) not in COLLECTED or not isinstance(call, ast.Call):
        return False
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    made = assigned(function, owner.id) if isinstance(owner, ast.Name) else None
    return bool(made) and all(is_empty(each) or isinstance(each, MADE) for each in made or ())


def is_unknown(around: Surroundings, source: Source, call: ast.Call) -> bool:
    """Tell whether a call may be of any function, or hands a session or a row to one that nobody knows."""
    if functions(around, source, call) or is_collected(source.function(call) or source.tree, call):
        return False
    called = around.entity(source, call.func)
    if called is None and isinstance(call.func, ast.Name):
        return not hasattr(builtins, call.func.id)
    if not isinstance(call.func, ast.Name | ast.Attribute):
        return True
    if is_handed(around, source, call):
        return True
    owner = around.entity(source, call.func.value) if isinstance(call.func, ast.Attribute) else called
    if isinstance(owner, External | Module | Class) or isinstance(called, External | Class) or method_of(call) in LOGS:
        return False
    chains = Chains(around, source)
    return any(chains.model(each) is not None for each in given(call))


def is_handed(around: Surroundings, source: Source, node: ast.AST) -> bool:
    """Tell whether a session is given to a function outside the project."""
    if not isinstance(node, ast.Call) or functions(around, source, node):
        return False
    if isinstance(around.entity(source, node.func), Class):
        return False
    return any(is_session(each) for each in given(node))


def given(call: ast.Call) -> list[ast.expr]:
    """Return what a call is given, where that is a name or is read of one."""
    some = [*call.args, *[each.value for each in call.keywords]]
    return [each for each in some if isinstance(each, ast.Name | ast.Attribute)]


def is_session(node: ast.expr) -> bool:
    """Tell whether an expression is called as sessions are."""
    name = name_of(node).lower()
    return name == "db" or name.endswith("session")
