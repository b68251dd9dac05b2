"""What may change the items of a collection, or which they are, while a loop runs: its own lines, and what it calls."""

import ast
import sys
from collections.abc import Iterator

from perfwright.fix import surroundings
from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import method_of, name_of
from perfwright.fix.recipes._reached import functions, methods, reached
from perfwright.fix.recipes._stays import ASKS, NUMBERS, READS, aliases
from perfwright.fix.source import CHANGES, COMPREHENSIONS, FUNCTIONS, Source, names
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Function

ANY, ITEM = "*", "[*]"  # an attribute, or an item, that is not written out
ADDS = ("append", "extend", "add", "appendleft", "extendleft")
KEEPS = READS | ASKS | CHANGES | {"next", "iter", "vars", "id", "asdict", "model_dump", "model_validate", "from_orm"}
LOGS = ("debug", "info", "warning", "error", "exception")
PROPERTIES = ("property", "cached_property", "hybrid_property", "computed_field")
TAKES = ("map", "filter", "reduce")  # a function, which they call
LISTS = (ast.List, ast.ListComp)


def touches(source: Source, loop: ast.AST, held: ast.expr, keys: list[ast.expr], items: set[str]) -> bool:
    """Tell whether a loop may change a collection, or what keys are read from of its items, which have some names."""
    around = surroundings.around(source.root) if source.root is not None else None
    read = {part for key in keys for part in parts_of(key)}
    function = source.function(held)
    if isinstance(held, ast.Name | ast.Attribute) and function is not None:
        also = aliases(function, {ast.unparse(held)})
        read |= {each.rpartition(".")[2] for each in also if "." in each}
    read |= parts_of(held)
    for each in (held, *keys):
        asked = worked_out(around, source, each)
        if asked is None:
            return True
        read |= asked
    of = of_items(loop, items)
    found = {
        each for own, one in ((source, loop), *named_by(around, source, loop)) for each in written(around, own, one, of)
    }
    if found & read or (ANY in found and read) or (ITEM in found and any(not each.isidentifier() for each in read)):
        return True
    return bool(items) and any(
        isinstance(each, ast.Call) and hands_on(around, source, each, of) for each in ast.walk(loop)
    )


def parts_of(key: ast.expr) -> set[str]:
    """Return the attributes and items that a key is read from, as written."""
    found = {each.attr for each in ast.walk(key) if isinstance(each, ast.Attribute)}
    return found | {ast.unparse(each.slice) for each in ast.walk(key) if isinstance(each, ast.Subscript)}


def worked_out(around: Surroundings | None, source: Source, node: ast.expr) -> set[str] | None:
    """Return what the functions and properties of the project read that an expression asks; None where it asks what is
    not understood."""
    found: set[str] = set()
    asked = [each for each in ast.walk(node) if isinstance(each, ast.Call) and not is_plain(each)]
    if around is None:
        return None if asked else found
    called = [functions(around, source, each) for each in asked]
    if not all(called):
        return None
    attributes = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    own = [each for attribute in attributes for each in methods(around).get(attribute, [])]
    for function in (*own, *[one for some in called for one in some]):
        defined = around.definition(function)
        if defined is None:
            return None
        if function in own and not {name_of(each) for each in defined[1].decorator_list} & {*PROPERTIES}:
            continue
        for where, each in reached(around, defined[0], defined[1]):
            if isinstance(each, ast.Call) and not is_plain(each) and not functions(around, where, each):
                return None
            if isinstance(each, ast.Attribute | ast.Subscript):
                found.add(each.attr if isinstance(each, ast.Attribute) else ast.unparse(each.slice))
    return found


def is_plain(call: ast.Call) -> bool:
    """Tell whether a call only asks what it is given: `len(rows)`, `name.lower()`."""
    return name_of(call) in READS | ASKS | {"date", "next"} or name_of(call) in PROPERTIES


# ------------------------------------------------------------------------------ which names have the items
def of_items(loop: ast.AST, items: set[str]) -> set[str]:
    """Return the names that may stand for items, or for what holds them, in a loop."""
    found, before = set(items), set[str]()
    while found != before:
        before = set(found)
        for each in ast.walk(loop):
            for target, value in pairs(each):
                if is_of(value, found):
                    found |= {root_of(target)} if isinstance(target, ast.Attribute | ast.Subscript) else names(target)
    return found


def pairs(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Give what a node binds, or puts something into, each with what that is."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.For | ast.comprehension):
        yield node.target, node.iter
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGES:
        yield from ((node.func.value, each) for each in node.args)


def is_of(node: ast.AST, own: set[str]) -> bool:
    """Tell whether an expression may be one of the items that some names stand for, or hold them: no part of one."""
    if isinstance(node, ast.Name):
        return node.id in own
    if isinstance(node, ast.Attribute | ast.Compare | ast.JoinedStr | ast.Constant | ast.Lambda):
        return False
    if isinstance(node, ast.Subscript):
        is_part = isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
        return not is_part and is_of(node.value, own)
    if isinstance(node, COMPREHENSIONS):
        made = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        return any(is_of(each, own) for each in made)
    if isinstance(node, ast.IfExp):
        return is_of(node.body, own) or is_of(node.orelse, own)
    if isinstance(node, ast.Call):
        asked = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name_of(node) in NUMBERS - {"min", "max", "tuple"} or (name_of(node) == "get" and asked is not None):
            return name_of(node) == "get" and asked is not None and not of_text(node.args) and is_of(asked, own)
        given = [*node.args, *[each.value for each in node.keywords]]
        return any(is_of(each, own) for each in (*given, *([asked] if asked is not None else [])))
    return any(is_of(each, own) for each in ast.iter_child_nodes(node))


def of_text(args: list[ast.expr]) -> bool:
    return bool(args) and isinstance(args[0], ast.Constant) and isinstance(args[0].value, str)


def root_of(node: ast.AST) -> str:
    """Return the name that a chain of attributes and items begins with; nothing for all else."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


# ------------------------------------------------------------------------------ what is changed
def named_by(around: Surroundings | None, source: Source, loop: ast.AST) -> list[tuple[Source, ast.AST]]:
    """Return the functions that a loop names without a call of it, or that are within the function around it."""
    function, named = source.function(loop), names(loop)
    inside = [] if function is None else [each for each in ast.walk(function) if each is not function]
    found: list[tuple[Source, ast.AST]] = [
        (source, each) for each in inside if isinstance(each, FUNCTIONS) and each.name in named
    ]
    for each in ast.walk(loop) if around is not None else ():
        called = around.entity(source, each) if around is not None and isinstance(each, ast.Name) else None
        defined = around.definition(called) if around is not None and isinstance(called, Function) else None
        found += [defined] if defined is not None else []
    return found


def written(around: Surroundings | None, source: Source, loop: ast.AST, own: set[str]) -> Iterator[str]:
    """Give the attributes and items that are set, or changed in place, where a loop runs: items of what its names
    hold, and of all that the functions that it calls do not make themselves."""
    here = {id(each) for each in ast.walk(loop)}
    every = reached(around, source, loop) if around is not None else ((source, each) for each in ast.walk(loop))
    for where, each in every:
        node: ast.expr | None = None
        if isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load):
            yield each.attr
        elif isinstance(each, ast.Subscript) and not isinstance(each.ctx, ast.Load):
            node = each.value
        elif isinstance(each, ast.Call) and method_of(each) in CHANGES and isinstance(each.func, ast.Attribute):
            node = each.func.value
        elif isinstance(each, ast.Call) and name_of(each) in ("setattr", "delattr", "__setattr__"):
            yield each.args[-2 if name_of(each) != "delattr" else -1].value if is_said(each) else ANY  # type: ignore[attr-defined]
        for one in (node, *also_called(where, node)):
            if isinstance(one, ast.Attribute):
                yield one.attr
        if node is not None and (root_of(node) in own or id(each) not in here) and not is_made(where, node):
            yield from keys_of(where, each)


def also_called(source: Source, node: ast.expr | None) -> list[ast.expr]:
    """Return what a name of a function is bound to."""
    function = source.function(node) if isinstance(node, ast.Name) else None
    return (assigned(function, node.id) or []) if function is not None and isinstance(node, ast.Name) else []


def is_said(call: ast.Call) -> bool:
    """Tell whether `setattr` or `delattr` is given the name as a text."""
    at = -1 if name_of(call) == "delattr" else -2
    return len(call.args) >= 2 and of_text(call.args[at:])


def keys_of(source: Source, node: ast.AST) -> Iterator[str]:
    """Give the items that a node changes, as written."""
    if isinstance(node, ast.Subscript):
        yield ast.unparse(node.slice) if isinstance(node.slice, ast.Constant) else ITEM
    elif isinstance(node, ast.Call) and method_of(node) not in ADDS and not is_list(source, node):
        yield from (repr(each.arg) for each in node.keywords if each.arg is not None)
        given = node.args[0] if node.args else None
        if method_of(node) in ("pop", "setdefault") and of_text(node.args):
            yield ast.unparse(node.args[0])
        elif isinstance(given, ast.Dict) and all(isinstance(each, ast.Constant) for each in given.keys):
            yield from (ast.unparse(each) for each in given.keys if each is not None)
        elif given is not None or any(each.arg is None for each in node.keywords) or not node.keywords:
            yield ITEM


def is_list(source: Source, call: ast.Call) -> bool:
    """Tell whether what a method is called on is a list that its function makes."""
    function, node = source.function(call), call.func.value if isinstance(call.func, ast.Attribute) else None
    values = assigned(function, node.id) if function is not None and isinstance(node, ast.Name) else None
    return bool(values) and all(isinstance(each, LISTS) or name_of(each) in ("list", "sorted") for each in values or ())


def is_made(source: Source, node: ast.expr) -> bool:
    """Tell whether what a name holds is made by the function that it is in."""
    function = source.function(node)
    values = assigned(function, root_of(node)) if function is not None and isinstance(node, ast.Name) else None
    kinds = (*LISTS, ast.Dict, ast.DictComp, ast.Set, ast.SetComp)
    names_of = ("dict", "list", "set", "defaultdict", "Counter")
    return bool(values) and all(isinstance(each, kinds) or name_of(each) in names_of for each in values or ())


def hands_on(around: Surroundings | None, source: Source, call: ast.Call, own: set[str]) -> bool:
    """Tell whether a call hands items on to code that is not known."""
    given = [*call.args, *[each.value for each in call.keywords]]
    asked = call.func.value if isinstance(call.func, ast.Attribute) else None
    if not any(is_of(each, own) for each in (*given, *([asked] if asked is not None else []))):
        return False
    if name_of(call) in TAKES and asked is None and call.args and not isinstance(call.args[0], ast.Lambda):
        function = call.args[0]
        known = around is not None and isinstance(around.entity(source, function), Function)
        return not known and name_of(function) not in READS
    if name_of(call) in KEEPS or (asked is not None and name_of(call) in LOGS) or is_plain(call):
        return False
    if around is None:
        return True
    called = around.entity(source, call.func)
    if isinstance(called, Class):
        return around.project.class_member(called, "__init__") is not None
    library = str(called).partition(".")[0] in sys.stdlib_module_names
    return not library and not functions(around, source, call)
