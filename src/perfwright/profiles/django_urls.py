"""The routes that Django's `urlpatterns` and REST framework's routers make."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from perfwright.profiles.modules import Modules, constant, dotted, keyword
from perfwright.profiles.routes import ANY, VERBS, Route, plain

PATTERNS = ("path", "re_path", "url")
DEEPEST = 8  # lists of patterns inside others
MOST = 20_000  # patterns in all, each as often as it is included
# What a viewset answers below its prefix: method, whether an object is named, what the method of the class is called.
ACTIONS = (
    ("GET", False, "list", ""),
    ("POST", False, "create", ""),
    ("GET", True, "retrieve", ""),
    ("PUT", True, "update", ""),
    ("PATCH", True, "partial_update", ""),
    ("DELETE", True, "destroy", ""),
)


def routes(trees: Mapping[str, ast.Module], modules: Modules) -> Iterator[Route]:
    """Give the routes of the files, from those that no other includes on."""
    with_patterns = [path for path, tree in trees.items() if _assigned(tree, "urlpatterns")]
    included = {
        found
        for path in with_patterns
        for node in ast.walk(trees[path])
        if isinstance(node, ast.Call) and (found := _included(node, modules)) is not None
    }
    walk = Walk(trees, modules)
    for path in with_patterns:
        if path not in included:
            yield from walk.patterns(path, "urlpatterns", "", DEEPEST)


@dataclass(slots=True)
class Walk:
    """A walk through lists of patterns that include each other; it ends, however they do."""

    trees: Mapping[str, ast.Module]
    modules: Modules
    left: int = MOST

    def patterns(self, path: str, name: str, prefix: str, deep: int) -> Iterator[Route]:
        """Give the routes of a list of patterns below a prefix."""
        for value in _assigned(self.trees[path], name):
            if isinstance(value, ast.Attribute) and value.attr == "urls":  # urlpatterns = router.urls
                yield from self.registered(path, dotted(value.value), prefix)
            for call in ast.walk(value):
                if (
                    isinstance(call, ast.Call)
                    and dotted(call.func).rpartition(".")[2] in PATTERNS
                    and len(call.args) > 1
                ):
                    self.left -= 1
                    if self.left > 0:
                        yield from self.pattern(path, call, prefix, deep)

    def pattern(self, path: str, call: ast.Call, prefix: str, deep: int) -> Iterator[Route]:
        """Give the routes of `path("orders/", view)`, or of what it includes."""
        said, view = constant(call.args[0]), call.args[1]
        if said is None:
            return
        own = said if dotted(call.func).rpartition(".")[2] == "path" else plain(said)
        below = f"{prefix}/{own}"
        if isinstance(view, ast.Call) and dotted(view.func).rpartition(".")[2] == "include":
            yield from self.included(path, view, below, deep)
            return
        if isinstance(view, ast.Call) and isinstance(view.func, ast.Attribute) and view.func.attr == "as_view":
            view = view.func.value
        function = dotted(view).rpartition(".")[2]
        if function and function != "urls":  # admin.site.urls has no handler of the project
            yield Route(
                method=ANY, template=_template(below), own=f"/{said.lstrip('^/')}", path=path, function=function
            )

    def included(self, path: str, call: ast.Call, prefix: str, deep: int) -> Iterator[Route]:
        """Give the routes of `include("shop.urls")`, `include(router.urls)` or `include(patterns)`."""
        file = _included(call, self.modules)
        first = call.args[0] if call.args else None
        first = first.elts[0] if isinstance(first, ast.Tuple) and first.elts else first
        if not deep:
            return
        if file in self.trees and file is not None:
            yield from self.patterns(file, "urlpatterns", prefix, deep - 1)
        elif isinstance(first, ast.Attribute) and first.attr == "urls":
            yield from self.registered(path, dotted(first.value), prefix)
        elif isinstance(first, ast.Name):
            yield from self.patterns(path, first.id, prefix, deep - 1)

    def registered(self, path: str, router: str, prefix: str) -> Iterator[Route]:
        """Give what `router.register("orders", OrderViewSet)` makes."""
        for node in ast.walk(self.trees[path]):
            if not isinstance(node, ast.Call) or dotted(node.func) != f"{router}.register" or len(node.args) < 2:
                continue
            said, viewset = constant(node.args[0]), dotted(node.args[1]).rpartition(".")[2]
            self.left -= 1
            if said is None or not viewset or self.left <= 0:
                continue
            for method, one, action, below in (*ACTIONS, *self.actions(viewset)):
                template = _template(f"{prefix}/{plain(said)}" + ("/{pk}/" if one else "/") + below)
                yield Route(method=method, template=template, own=template, path=path, function=viewset, action=action)

    def actions(self, viewset: str) -> Iterator[tuple[str, bool, str, str]]:
        """Give what `@action(detail=True)` adds: method, whether an object is named, the name, the address."""
        classes = [each for tree in self.trees.values() for each in tree.body if isinstance(each, ast.ClassDef)]
        for function in [each for cls in classes if cls.name == viewset for each in cls.body]:
            for call in function.decorator_list if isinstance(function, ast.FunctionDef) else ():
                if isinstance(function, ast.FunctionDef) and isinstance(call, ast.Call):
                    yield from _action(function, call)


def _action(function: ast.FunctionDef, call: ast.Call) -> Iterator[tuple[str, bool, str, str]]:
    if dotted(call.func).rpartition(".")[2] != "action":
        return
    methods, detail = keyword(call, "methods"), keyword(call, "detail")
    listed = methods.elts if isinstance(methods, ast.List | ast.Tuple) else []
    one = isinstance(detail, ast.Constant) and detail.value is True
    address = plain(constant(keyword(call, "url_path")) or function.name)
    for method in [constant(each) for each in listed] or ["GET"]:
        if method is not None and method.upper() in VERBS:
            yield method.upper(), one, function.name, address


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


def _template(said: str) -> str:
    return f"/{'/'.join(part for part in said.split('/') if part)}"
