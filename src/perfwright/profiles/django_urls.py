"""The routes that Django's `urlpatterns` and REST framework's routers make."""

import ast
from collections.abc import Iterator, Mapping

from perfwright.profiles.modules import Modules, constant, dotted
from perfwright.profiles.routes import ANY, Route, plain

PATTERNS = ("path", "re_path", "url")
DEEPEST = 8  # includes inside includes
# What a viewset answers below its prefix: method, whether an object is named, what the method of the class is called.
ACTIONS = (
    ("GET", False, "list"),
    ("POST", False, "create"),
    ("GET", True, "retrieve"),
    ("PUT", True, "update"),
    ("PATCH", True, "partial_update"),
    ("DELETE", True, "destroy"),
)


def routes(trees: Mapping[str, ast.Module], modules: Modules) -> Iterator[Route]:
    """Give the routes of the files, from those that no other includes on."""
    with_patterns = {path: tree for path, tree in trees.items() if _assigned(tree, "urlpatterns")}
    included = {
        found
        for tree in with_patterns.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (found := _included(node, modules)) is not None
    }
    for path, tree in with_patterns.items():
        if path not in included:
            yield from _of_list(path, tree, "urlpatterns", "", with_patterns, modules, DEEPEST)


def _assigned(tree: ast.Module, name: str) -> list[ast.expr]:
    """Return the lists that a module gives a name, or adds to it."""
    values: list[ast.expr] = []
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        if isinstance(node, ast.Assign | ast.AugAssign) and any(dotted(target) == name for target in targets):
            values.append(node.value)
    return values


def _included(call: ast.Call, modules: Modules) -> str | None:
    """Return the file that `include("shop.urls")` names; None for any other call."""
    if dotted(call.func).rpartition(".")[2] != "include" or not call.args:
        return None
    first = call.args[0]
    if isinstance(first, ast.Tuple) and first.elts:
        first = first.elts[0]
    said = constant(first)
    return modules.file(said) if said else None


def _of_list(
    path: str,
    tree: ast.Module,
    name: str,
    prefix: str,
    trees: Mapping[str, ast.Module],
    modules: Modules,
    left: int,
) -> Iterator[Route]:
    for value in _assigned(tree, name):
        for call in ast.walk(value):
            if isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] in PATTERNS and len(call.args) > 1:
                yield from _of_pattern(path, tree, call, prefix, trees, modules, left)
            elif isinstance(call, ast.Attribute) and call.attr == "urls" and value is call:
                yield from _of_router(path, tree, dotted(call.value), prefix)  # urlpatterns = router.urls


def _of_pattern(
    path: str,
    tree: ast.Module,
    call: ast.Call,
    prefix: str,
    trees: Mapping[str, ast.Module],
    modules: Modules,
    left: int,
) -> Iterator[Route]:
    said, view = constant(call.args[0]), call.args[1]
    if said is None:
        return
    own = said if dotted(call.func).endswith("path") and not dotted(call.func).endswith("re_path") else plain(said)
    below = f"{prefix}/{own}"
    if isinstance(view, ast.Call) and dotted(view.func).rpartition(".")[2] == "include":
        file = _included(view, modules)
        if file is not None and file in trees and left:
            yield from _of_list(file, trees[file], "urlpatterns", below, trees, modules, left - 1)
        first = view.args[0] if view.args else None
        first = first.elts[0] if isinstance(first, ast.Tuple) and first.elts else first
        if isinstance(first, ast.Attribute) and first.attr == "urls":
            yield from _of_router(path, tree, dotted(first.value), below)
        elif isinstance(first, ast.Name) and left:
            yield from _of_list(path, tree, first.id, below, trees, modules, left - 1)
        return
    if isinstance(view, ast.Call) and isinstance(view.func, ast.Attribute) and view.func.attr == "as_view":
        view = view.func.value
    function = dotted(view).rpartition(".")[2]
    if function and function != "urls":  # admin.site.urls has no handler of the project
        template = _template(below)
        yield Route(method=ANY, template=template, own=f"/{said.lstrip('^/')}", path=path, function=function)


def _of_router(path: str, tree: ast.Module, router: str, prefix: str) -> Iterator[Route]:
    """Give what `router.register("orders", OrderViewSet)` makes."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or dotted(node.func) != f"{router}.register" or len(node.args) < 2:
            continue
        said, viewset = constant(node.args[0]), dotted(node.args[1]).rpartition(".")[2]
        if said is None or not viewset:
            continue
        for method, one, action in ACTIONS:
            template = _template(f"{prefix}/{plain(said)}" + ("/{pk}" if one else ""))
            yield Route(method=method, template=template, own=template, path=path, function=viewset, action=action)


def _template(said: str) -> str:
    return f"/{'/'.join(part for part in said.split('/') if part)}"
