"""Whether a collection can be gone through before a loop: it is sure to be there, or each pass goes through it."""

import ast

from perfwright.fix import surroundings
from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._hashed import kinds_of
from perfwright.fix.recipes._held import is_own
from perfwright.fix.recipes._nones import is_given
from perfwright.fix.recipes._stays import BLOCKS, always
from perfwright.fix.recipes._types import annotation
from perfwright.fix.source import FUNCTIONS, Source
from perfwright.fix.surroundings import Surroundings

KINDS = {
    *("list", "List", "tuple", "Tuple", "set", "Set", "frozenset", "FrozenSet", "dict", "Dict", "Sequence"),
    *("Collection", "Mapping", "Mapped", "deque", "Counter", "defaultdict"),
}
MADE = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.SetComp, ast.DictComp)
MAKE = (
    *("list", "tuple", "set", "frozenset", "dict", "sorted", "range", "all", "fetchall", "split", "splitlines"),
    *("readlines", "values", "items", "keys", "deque", "Counter", "defaultdict"),
)
SAME = ("list", "tuple", "set", "sorted", "enumerate", "reversed", "items", "values", "keys")


def can_be_before(source: Source, node: ast.expr, loop: ast.AST) -> bool:
    """Tell whether a collection can be gone through before a loop where the loop goes through it."""
    around = surroundings.around(source.root) if source.root is not None else None
    if is_there(around, source, node, source.statement(loop)):
        return True
    return always(source, node, loop) and not may_be_none(around, source, node)


def is_there(around: Surroundings | None, source: Source, node: ast.expr, before: ast.stmt) -> bool:
    """Tell whether an expression is sure to be a collection once a statement is reached."""
    if isinstance(node, ast.Call) and name_of(node) in SAME:
        inner = node.func.value if isinstance(node.func, ast.Attribute) else node.args[0] if node.args else node
        return inner is not node and is_there(around, source, inner, before)
    if around is not None and isinstance(node, ast.Attribute):
        found = annotation(around, source, node)
        return is_collection(found[1]) if found is not None else is_said(around, node.attr)
    if not isinstance(node, ast.Name):
        return False
    function = source.function(node)
    values = (assigned(function, node.id) or []) if function is not None else []
    if not all(makes(around, source, each) for each in values):
        return False
    if any(is_before(source, stands_for(source, each), before) for each in values):
        return True
    for given in ast.walk(function.args) if function is not None else ():
        if isinstance(given, ast.arg) and given.arg == node.id:
            return given.annotation is not None and is_collection(given.annotation) and not is_none(source, node)
    made = source.made_once(node.id) if not values else None
    return made is not None and made.value is not None and makes(around, source, made.value)


def is_said(around: Surroundings, name: str) -> bool:
    """Tell whether each class of the project that has an attribute of a name says that it is a collection."""
    found: list[bool] = []
    for own in around.mentioning(name):
        for cls in ast.walk(own.tree):
            for each in ast.walk(cls) if isinstance(cls, ast.ClassDef) else ():
                if isinstance(each, FUNCTIONS) and each.name == name:
                    found.append(each.returns is not None and is_collection(each.returns))
                elif isinstance(each, ast.AnnAssign) and is_own(each.target, name):
                    found.append(is_collection(each.annotation))
                elif isinstance(each, ast.Assign) and any(is_own(target, name) for target in each.targets):
                    model = around.model(own, ast.Name(cls.name))  # type: ignore[attr-defined]
                    relation = model.relations.get(name) if model is not None else None
                    found.append(relation.many if relation is not None else makes(around, own, each.value))
    return bool(found) and all(found)


def makes(around: Surroundings | None, source: Source, node: ast.expr) -> bool:
    """Tell whether an expression gives a collection in any case."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return makes(around, source, node.values[-1])
    if isinstance(node, ast.IfExp):
        return makes(around, source, node.body) and makes(around, source, node.orelse)
    if isinstance(node, ast.Await):
        return makes(around, source, node.value)
    if isinstance(node, ast.Call) and name_of(node) in MAKE:
        return True
    return isinstance(node, MADE) or (around is not None and is_given(around, source, node))


def stands_for(source: Source, value: ast.expr) -> ast.stmt:
    """Return the statement that binds a value: with the test for None around it, after which there is one."""
    statement = source.statement(value)
    above = source.parents.get(statement)
    if isinstance(above, ast.If) and isinstance(statement, ast.Assign) and not above.orelse:
        name = ast.unparse(statement.targets[0])
        if ast.unparse(above.test) in (f"{name} is None", f"not {name}"):
            return above
    return statement


def is_before(source: Source, made: ast.stmt, node: ast.AST) -> bool:
    """Tell whether a node is only reached once a statement has run."""
    blocks = [getattr(source.parents[made], name, []) for name in BLOCKS]
    block = next((part for part in blocks if isinstance(part, list) and made in part), [made])
    return any(each in block[block.index(made) + 1 :] for each in (node, *source.above(node)))


def is_collection(written: ast.expr) -> bool:
    """Tell whether an annotation says that there is a collection: not that there may be none."""
    inner = written.slice if isinstance(written, ast.Subscript) and name_of(written.value) == "Mapped" else written
    kinds = kinds_of(inner) if not isinstance(inner, ast.Subscript) else {name_of(inner.value)}
    return bool(kinds) and kinds <= KINDS


def may_be_none(around: Surroundings | None, source: Source, node: ast.expr) -> bool:
    """Tell whether a name, or an attribute, is said to be None: by a default, an annotation or what it is bound to."""
    if isinstance(node, ast.Attribute):
        return around is not None and is_said_none(around, node.attr)
    function = source.function(node)
    if not isinstance(node, ast.Name) or function is None:
        return False
    values = assigned(function, node.id) or []
    written = [each.annotation for each in ast.walk(function.args) if isinstance(each, ast.arg) and each.arg == node.id]
    return is_none(source, node) or any(map(gives_none, values)) or any(map(names_none, written))


def is_said_none(around: Surroundings, name: str) -> bool:
    """Tell whether a class of the project says that an attribute of a name may be None, or makes it so."""
    for own in around.mentioning(name):
        for each in ast.walk(own.tree):
            if isinstance(each, ast.Assign | ast.AnnAssign):
                targets = each.targets if isinstance(each, ast.Assign) else [each.target]
                said = gives_none(each.value) or (isinstance(each, ast.AnnAssign) and names_none(each.annotation))
                if said and any(getattr(one, "attr", getattr(one, "id", "")) == name for one in targets):
                    return True
    return False


def gives_none(node: ast.expr | None) -> bool:
    """Tell whether an expression is None, or what a dictionary gives where it has no such key."""
    if isinstance(node, ast.IfExp):
        return gives_none(node.body) or gives_none(node.orelse)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
        return (node.func.attr == "get" and len(node.args) == 1) or (
            node.func.attr in ("get", "pop") and len(node.args) == 2 and gives_none(node.args[1])
        )
    return isinstance(node, ast.Constant) and node.value is None


def names_none(annotation: ast.expr | None) -> bool:
    written = ast.unparse(annotation) if annotation is not None else ""
    return "None" in written or "Optional" in written


def is_none(source: Source, node: ast.Name) -> bool:
    """Tell whether a parameter is None where nothing is given."""
    function = source.function(node)
    if function is None:
        return False
    given = function.args
    named = [*given.posonlyargs, *given.args]
    defaults = [
        *zip(reversed(named), reversed(given.defaults), strict=False),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]
    return any(
        each.arg == node.id and isinstance(value, ast.Constant) and value.value is None for each, value in defaults
    )
