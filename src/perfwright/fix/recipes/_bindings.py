"""What names of a function stand for, as it is written: what loops and statements bind them to."""

import ast

from perfwright.fix import surroundings
from perfwright.fix.recipes._calls import chain, method_of, name_of
from perfwright.fix.recipes._reached import functions, yields
from perfwright.fix.source import COMPREHENSIONS, FUNCTIONS, Source, bound

ONCE = frozenset((
    "scalars", "execute", "mappings", "iterator", "stream", "yield_per", "partitions", "cursor", "map", "filter",
    "iter", "zip", "enumerate", "reversed", "open", "reader", "DictReader", "chain", "islice", "groupby", "iterrows",
    "itertuples",
))  # fmt: skip
ANNOTATED_ONCE = ("Iterator", "Generator", "Iterable", "AsyncIterator", "AsyncGenerator")
DEEPEST = 3  # functions that return what another gives them
SAME = ("list", "tuple", "sorted", "reversed", "set", "iter")  # their rows are those of what they are given


def is_empty(node: ast.AST) -> bool:
    """Tell whether an expression stands for nothing: `[]`, `None`, `()`, `list()`."""
    if isinstance(node, ast.List | ast.Tuple):
        return not node.elts
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("list", "tuple", "set") and not node.args
    return (isinstance(node, ast.Constant) and not node.value) or method_of(node) == "none"


def begins(node: ast.expr, name: str) -> bool:
    """Tell whether an expression is made of a name: `query.where(...)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SAME and node.args:
        return begins(node.args[0], name)
    if isinstance(node, ast.ListComp) and isinstance(node.elt, ast.Name):
        first = node.generators[0]
        return ast.unparse(first.target) == node.elt.id and begins(first.iter, name)
    last = chain(node)[-1]
    return isinstance(last, ast.Name) and last.id == name


def walked(source: Source, node: ast.Name) -> ast.expr | None:
    """Return what a name is one item of, where a loop or a comprehension around it binds it."""
    inner: ast.AST = node
    for each in source.above(node):
        if isinstance(each, (*FUNCTIONS, ast.Lambda)):
            return None
        inside = isinstance(each, ast.For | ast.AsyncFor) and inner is not each.iter
        if inside and (found := item_of(each.target, each.iter, node.id)) is not None:  # type: ignore[attr-defined]
            return found
        if isinstance(each, COMPREHENSIONS):
            for generator in each.generators:
                if generator is inner and any(part is node for part in ast.walk(generator.iter)):
                    break
                if (found := item_of(generator.target, generator.iter, node.id)) is not None:
                    return found
        inner = each
    return None


def item_of(target: ast.expr, over: ast.expr, name: str) -> ast.expr | None:
    """Return what a name is an item of, where the target of a loop is, or holds, it."""
    if isinstance(target, ast.Name):
        return over if target.id == name else None
    if (
        isinstance(target, ast.Tuple)
        and len(target.elts) == 2
        and isinstance(over, ast.Call)
        and name_of(over) == "enumerate"
        and over.args
    ):
        return item_of(target.elts[1], over.args[0], name)
    return None


def assigned(function: ast.AST, name: str) -> list[ast.expr] | None:
    """Return what a name of a function is bound to, each time; None where one way of binding it is not understood."""
    found: list[ast.expr] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    found.append(node.value)
                elif any(
                    isinstance(t, ast.Name) and t.id == name and not isinstance(t.ctx, ast.Load)
                    for t in ast.walk(target)
                ):
                    parts = target.elts if isinstance(target, ast.Tuple) else []
                    values = node.value.elts if isinstance(node.value, ast.Tuple) else []
                    if len(parts) != len(values):
                        return None
                    found += [
                        value
                        for part, value in zip(parts, values, strict=True)
                        if isinstance(part, ast.Name) and part.id == name
                    ]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            if isinstance(node.target, ast.Name) and node.target.id == name and node.value is not None:
                found.append(node.value)
        elif (isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name) or (
            isinstance(node, ast.withitem) and node.optional_vars is not None and name in bound(node.optional_vars)
        ):
            return None
    return found


def collected(function: ast.AST, name: str) -> list[ast.expr]:
    """Return what is put into a list of a function."""
    return [
        node.args[0]
        for node in ast.walk(function)
        if method_of(node) in ("append", "extend", "add")
        and isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == name
        and len(node.args) == 1
    ]


def arguments(
    function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, *, is_method: bool
) -> dict[str, ast.expr]:
    """Return what a call gives to each parameter of a function, as far as it is written out."""
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    bound: dict[str, ast.expr] = {}
    if is_method and names[:1] == ["self"]:
        if isinstance(call.func, ast.Attribute):
            bound["self"] = call.func.value
        names = names[1:]
    for name, value in zip(names, call.args, strict=False):
        if isinstance(value, ast.Starred):
            break
        bound[name] = value
    bound.update({each.arg: each.value for each in call.keywords if each.arg is not None})
    return bound


def is_once(function: ast.AST | None, node: ast.expr, source: Source | None = None, depth: int = 0) -> bool:
    """Tell whether what a name of a function stands for is used up by a loop."""
    if not isinstance(node, ast.Name) or function is None:
        return False
    for each in ast.walk(function):
        said = each.annotation if isinstance(each, ast.arg) and each.arg == node.id else None
        if said is not None and name_of(getattr(said, "value", said)) in ANNOTATED_ONCE:
            return True
        if isinstance(each, ast.withitem) and each.optional_vars is not None and node.id in bound(each.optional_vars):
            return True
    return any(is_used_up(each, source, depth) for each in assigned(function, node.id) or ())


def is_used_up(node: ast.expr, source: Source | None, depth: int = 0) -> bool:
    """Tell whether an expression gives an iterator, or calls a function of the project that does."""
    node = node.value if isinstance(node, ast.Await) else node
    if not isinstance(node, ast.Call):
        return isinstance(node, ast.GeneratorExp)
    if name_of(node) in ONCE:
        return not (name_of(node) == "filter" and method_of(node))
    around = surroundings.around(source.root) if source is not None and source.root is not None else None
    if around is None or source is None:
        return False
    defined = [each for one in functions(around, source, node) if (each := around.definition(one)) is not None]
    return any(yields(made) or (depth < DEEPEST and returns_once(own, made, depth + 1)) for own, made in defined)


def returns_once(source: Source, function: ast.AST, depth: int) -> bool:
    """Tell whether a function returns what a loop uses up."""
    returned = [each.value for each in ast.walk(function) if isinstance(each, ast.Return) and each.value is not None]
    return any(is_used_up(each, source, depth) or is_once(function, each, source, depth) for each in returned)
