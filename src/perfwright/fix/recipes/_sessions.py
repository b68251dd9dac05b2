"""The session that a function has at hand, or can be given: as it is written there, with the edits that this takes."""

import ast

from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._types import meant, value_of
from perfwright.fix.source import FUNCTIONS, Edit, Source
from perfwright.fix.surroundings import Surroundings, also_imported
from perfwright.index.project import Class, External, Function, Value

SESSIONS = ("Session", "scoped_session")
FLASK = "SQLAlchemy"  # what an extension is made by, whose `session` is that of the request
AWAITED = ("AsyncSession", "async_sessionmaker", "create_async_engine", "async_scoped_session")
ROUTES = ("get", "post", "put", "patch", "delete", "route", "api_route")


def session(around: Surroundings, source: Source, node: ast.AST) -> tuple[str, list[Edit]] | None:
    """Return how the session is written where a node is; None where there is none."""
    function = source.function(node)
    if function is None:
        return None
    own = parameter(around, source, function)
    if own is not None:
        return own.arg, []
    extension = of_flask(around, source)
    if extension is not None:
        return f"{extension[0]}.session", extension[1]
    return borrowed(around, source, function)


def has_one(around: Surroundings, source: Source, node: ast.AST) -> bool:
    """Tell whether there is a session where a node is, if only that of a row: where none of the project is awaited."""
    return session(around, source, node) is not None or next(around.mentioning(*AWAITED), None) is None


def parameter(around: Surroundings, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.arg | None:
    """Return the parameter of a function that is a session, by its annotation."""
    for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
        if each.annotation is not None and is_session(around, source, each.annotation):
            return each
    return None


def is_session(around: Surroundings, source: Source, annotation: ast.expr) -> bool:
    """Tell whether an annotation is SQLAlchemy's session, and not the one that is awaited."""
    for held, node in meant(around, source, annotation):
        found = around.entity(held, node)
        if name_of(node) in SESSIONS and (found is None or isinstance(found, External)):
            return True
    return False


def of_flask(around: Surroundings, source: Source) -> tuple[str, list[Edit]] | None:
    """Return the name by which a file has Flask's extension, with the edit that imports it beside others of its module;
    None where it has none."""
    module = around.module(source)
    if module is None:
        return None
    for name in [str(each) for each in module.names]:
        value = value_of(around, around.project.lookup(module, name))
        if value is not None and is_extension(value[1]):
            return name, []
    for node in source.tree.body:
        if not isinstance(node, ast.ImportFrom):
            continue
        for each in node.names:
            found = around.project.lookup(module, each.asname or each.name)
            held = around.source(found.module.path) if isinstance(found, Class | Function | Value) else None
            for other in held.tree.body if held is not None else ():
                if isinstance(other, ast.Assign) and is_extension(other.value):
                    target = other.targets[0]
                    if isinstance(target, ast.Name) and target.id == source.fresh(target.id):
                        return target.id, [also_imported(source, node, target.id)]
    return None


def is_extension(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and name_of(node) == FLASK


def borrowed(
    around: Surroundings, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> tuple[str, list[Edit]] | None:
    """Return the session that FastAPI gives others of a file, and the edit by which it gives it to a route, too.

    It makes one for each request, however often it is asked for.
    """
    if not is_route(function) or function.args.vararg is not None or function.args.posonlyargs:
        return None
    for other in source.tree.body:
        if not isinstance(other, FUNCTIONS) or not is_route(other):
            continue
        found = parameter(around, source, other)
        if found is None or found in other.args.posonlyargs:
            continue
        given = default(other, found)
        text = source.text_of(found)
        if given is None and "Annotated" not in text and isinstance(found.annotation, ast.Name | ast.Attribute):
            if name_of(found.annotation) in SESSIONS:
                continue
        elif given is not None:
            text += f" = {source.text_of(given)}"
        args = function.args.args
        if any(each.arg == found.arg for each in (*args, *function.args.kwonlyargs)):
            return None
        if not args:
            start = source.text.index("(", source.offset(function.lineno, function.col_offset)) + 1
            return (found.arg, [Edit(start, start, text)]) if not function.args.kwonlyargs else None
        last: ast.expr | ast.arg = function.args.defaults[-1] if function.args.defaults else args[-1]
        _, end = source.span(last)
        if given is None and function.args.defaults:
            start, _ = source.span(args[0])
            return found.arg, [Edit(start, start, f"{text}, ")]
        return found.arg, [Edit(end, end, f", {text}")]
    return None


def default(function: ast.FunctionDef | ast.AsyncFunctionDef, wanted: ast.arg) -> ast.expr | None:
    """Return what a parameter is where it is not given."""
    with_default = function.args.args[len(function.args.args) - len(function.args.defaults) :]
    pairs = [
        *zip(with_default, function.args.defaults, strict=True),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    return next((value for each, value in pairs if each is wanted), None)


def is_route(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether FastAPI calls a function: its decorator is a router's, with a path."""
    return any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr in ROUTES
        and any(isinstance(given, ast.Constant) for given in each.args[:1])
        for each in function.decorator_list
    )
