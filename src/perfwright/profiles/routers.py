"""The routes that decorators make: FastAPI, Starlette, Flask, and what routers and blueprints put in front of them."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from perfwright.profiles.modules import Modules, Target, constant, dotted, keyword
from perfwright.profiles.routes import VERBS, Route

MAKERS = {"APIRouter": "prefix", "Blueprint": "url_prefix", "APIBlueprint": "url_prefix"}
INCLUDES = {"include_router": "prefix", "register_blueprint": "url_prefix"}
VERB_NAMES = {verb.lower(): verb for verb in VERBS}
LOOPS = 8  # routers inside routers


@dataclass(slots=True)
class File:
    """What one file says of routes, routers and what is put below what."""

    prefixes: dict[str, str] = field(default_factory=dict)  # of routers, by their name
    handlers: list[tuple[str, str, str, str]] = field(default_factory=list)  # router, method, own address, function
    includes: list[tuple[str, Target, str | None, bool]] = field(default_factory=list)


def routes(trees: Mapping[str, ast.Module], modules: Modules) -> Iterator[Route]:
    """Give the routes of the files."""
    files = {path: _file(path, tree, modules) for path, tree in trees.items()}
    mounts: dict[Target, list[tuple[Target, str | None, bool]]] = {}
    for path, file in files.items():
        for parent, target, prefix, replaces in file.includes:
            mounts.setdefault(target, []).append(((path, parent), prefix, replaces))
    for path, file in files.items():
        for router, method, own, function in file.handlers:
            for prefix, loose in _prefixes(files, mounts, (path, router), LOOPS):
                template = f"/{'/'.join(part for part in f'{prefix}/{own}'.split('/') if part)}"
                yield Route(method=method, template=template, own=own or "/", path=path, function=function, loose=loose)


def _prefixes(
    files: Mapping[str, File],
    mounts: Mapping[Target, list[tuple[Target, str | None, bool]]],
    router: Target,
    left: int,
) -> list[tuple[str, bool]]:
    """Return the prefixes that a router's routes are found below, each with whether a part of it is not known."""
    path, name = router
    own = files[path].prefixes.get(name, "") if path in files else ""
    found = []
    for parent, prefix, replaces in mounts.get(router, ()) if left else ():
        for above, loose in _prefixes(files, mounts, parent, left - 1):
            mine = (prefix or "") + ("" if replaces and prefix else own)
            found.append((above + mine, loose or prefix is None))
    return found or [(own, False)]


def _file(path: str, tree: ast.Module, modules: Modules) -> File:
    file = File()
    names = modules.imported(path, tree)
    loops: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.For)
            and isinstance(node.target, ast.Name)
            and isinstance(node.iter, ast.Tuple | ast.List)
        ):
            loops[node.target.id] = [each.id for each in node.iter.elts if isinstance(each, ast.Name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            maker = dotted(node.value.func).rpartition(".")[2]
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name in targets:
                if maker in MAKERS and isinstance(name, ast.Name):
                    file.prefixes[name.id] = constant(keyword(node.value, MAKERS[maker])) or ""
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            file.handlers.extend(_handlers(node))
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in INCLUDES
            and node.args
        ):
            given = keyword(node, INCLUDES[node.func.attr])
            prefix = "" if given is None else constant(given)
            head, _, rest = dotted(node.args[0]).partition(".")
            for each in loops.get(head, [head]):
                target = modules.target(path, names, f"{each}.{rest}" if rest else each)
                if target is not None:
                    file.includes.append(
                        (dotted(node.func.value), target, prefix, node.func.attr == "register_blueprint")
                    )
    return file


def _handlers(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str, str, str]]:
    """Give what the decorators of a function say: the router, the method, the address, the function's name."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute):
            continue
        verb, router = decorator.func.attr, dotted(decorator.func.value)
        given = decorator.args[0] if decorator.args else keyword(decorator, "path")
        own = constant(given)
        if own is None or (own and not own.startswith("/")):
            continue
        if verb in VERB_NAMES:
            yield router, VERB_NAMES[verb], own, function.name
        elif verb in ("route", "api_route"):
            methods = keyword(decorator, "methods")
            listed = methods.elts if isinstance(methods, ast.List | ast.Tuple | ast.Set) else []
            for method in [constant(each) for each in listed] or ["GET"]:
                if method is not None and method.upper() in VERBS:
                    yield router, method.upper(), own, function.name
