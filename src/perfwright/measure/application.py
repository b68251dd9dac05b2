"""The application in a folder: which framework, how it is imported, and what its code says of its data."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perfwright.errors import InputError

MAKERS = ("FastAPI", "Flask", "Starlette", "APIFlask", "OpenAPI", "Litestar")
FACTORIES = re.compile(r"^(create|make|get|build|init)_?(\w+_)?app(lication)?$|^app_factory$")
FRONT = ("main", "app", "asgi", "wsgi", "server", "api", "application", "run", "__init__")  # the likeliest first
SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
QUEUES = {"click", "typer", "arq", "celery", "rq", "dramatiq", "huey", "taskiq", "procrastinate"}
LARGEST = 1 << 20  # bytes of a file that is looked into
WORDS, LETTERS = 12, 40  # strings kept of one attribute, and letters of one
# Attributes that are compared with strings, but whose values are anybody's.
ANYBODYS = (
    "name", "title", "slug", "email", "url", "path", "id", "pk", "username", "key", "label", "code", "text", "body",
    "__name__", "method",
)  # fmt: skip
ASKED = (
    "filter",
    "filter_by",
    "exclude",
    "get",
    "create",
    "get_or_create",
    "update_or_create",
    "update",
    "count_documents",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """How an application is started: its framework, the name to import, and where from.

    `said` has the strings that the code compares attributes with, by attribute, and `session_names` what it keeps
    in a session: so the rows that are made hold what the program looks for. `modules` are those that have commands or
    tasks, which the application itself need not import.
    """

    framework: str
    target: str
    places: tuple[Path, ...]
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)
    session_names: Sequence[str] = ()
    modules: Sequence[str] = ()


def find(root: Path, names: Sequence[str], given: str = "") -> Application:
    """Return the application below a root; `given` names it where there are several.

    Raises InputError where there is none, or where what is given is none.
    """
    trees = dict(_parsed(root, names))
    said, session_names = vocabulary(trees.values())
    modules = sorted(
        imported_as(root, name, tree)[1]
        for name, tree in trees.items()
        if QUEUES & _imports(tree) and name.rpartition("/")[2] != "__main__.py"
    )
    if given and ":" not in given and not given.endswith(".py"):
        return Application(
            framework="django",
            target=given,
            places=_places(root),
            said=said,
            session_names=session_names,
            modules=modules,
        )
    if given:
        module, _, _ = given.partition(":")
        file = next((name for name in trees if name.removesuffix(".py").replace("/", ".").endswith(module)), "")
        places = (*((imported_as(root, file, trees[file])[0],) if file else ()), *_places(root))
        return Application(
            framework="",
            target=given,
            places=tuple(dict.fromkeys(places)),
            said=said,
            session_names=session_names,
            modules=modules,
        )
    django = _django(root, names)
    if django is not None:
        target, place = django
        return Application(
            framework="django", target=target, places=tuple(dict.fromkeys((place, *_places(root)))), said=said,
            session_names=session_names, modules=modules,
        )  # fmt: skip
    best = min(_candidates(trees), default=None)
    if best is None:
        raise InputError(
            f"no Django, FastAPI, Starlette or Flask application was found below {root}; name it as MODULE:ATTRIBUTE, "
            "or a Django project by its settings module.",
            slug="no-application",
        )
    _, name, attribute = best
    place, module = imported_as(root, name, trees[name])
    return Application(
        framework="", target=f"{module}:{attribute}", places=tuple(dict.fromkeys((place, *_places(root)))), said=said,
        session_names=session_names, modules=modules,
    )  # fmt: skip


def _parsed(root: Path, names: Sequence[str]) -> Iterator[tuple[str, ast.Module]]:
    for name in names:
        path = root / name
        try:
            if name.endswith(".py") and path.stat().st_size <= LARGEST:
                yield name, ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            continue


def _places(root: Path) -> tuple[Path, ...]:
    return tuple(place for place in (root, root / "src") if place.is_dir())


def _django(root: Path, names: Sequence[str]) -> tuple[str, Path] | None:
    """Return the settings that a `manage.py`, else a `wsgi.py` or `asgi.py`, names, and the folder they are below."""
    for wanted in ("manage.py", "wsgi.py", "asgi.py"):
        found = [name for name in names if name.rpartition("/")[2] == wanted]
        if wanted == "manage.py":
            found += [str(path.relative_to(root)) for path in (*root.glob("manage.py"), *root.glob("*/manage.py"))]
        for name in sorted(set(found), key=lambda each: (each.count("/"), each)):
            path = root / name
            try:
                told = SETTINGS.search(path.read_text("utf8", errors="replace"))
            except OSError:
                continue
            if told is not None:
                folder = path.parent
                while not _is_below(folder, told[1]) and folder != root:
                    folder = folder.parent
                return told[1], folder
    return None


def _is_below(folder: Path, module: str) -> bool:
    path = folder.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _candidates(trees: Mapping[str, ast.Module]) -> Iterator[tuple[tuple[int, ...], str, str]]:
    """Give what may be the application, each with its rank: made at the top of a likely file first."""
    for name, tree in trees.items():
        stem = name.rpartition("/")[2].removesuffix(".py")
        rank = FRONT.index(stem) if stem in FRONT else len(FRONT)
        factories = {
            node.name for node in tree.body if isinstance(node, ast.FunctionDef) and FACTORIES.match(node.name)
        }  # fmt: skip
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
                called = _last(node.value.func)
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name) and (called in MAKERS or FACTORIES.match(called)):
                    asked = target.id not in ("app", "application")
                    yield (0, asked, rank, name.count("/")), name, target.id
            if isinstance(node, ast.FunctionDef) and node.name in factories and _makes(node):
                required = len(node.args.args) - len(node.args.defaults)
                if not required:
                    yield (1, 0, rank, name.count("/")), name, node.name


def _makes(node: ast.FunctionDef) -> bool:
    return any(isinstance(each, ast.Call) and _last(each.func) in MAKERS for each in ast.walk(node))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def imported_as(root: Path, name: str, tree: ast.Module) -> tuple[Path, str]:
    """Return the folder that a file is imported from, and its name as a module."""
    path = root / name
    folder, parts = path.parent, [] if path.name == "__init__.py" else [path.stem]
    climbs = max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)
    absolute = _imports(tree)
    if path.name == "__init__.py":
        climbs = max(climbs, 1)
    while folder != folder.parent and (
        (folder / "__init__.py").is_file() or climbs > 0 or (folder.name in absolute and folder != root)
    ):
        parts.insert(0, folder.name)
        folder, climbs = folder.parent, climbs - 1
    return folder, ".".join(parts)


def _imports(tree: ast.Module) -> set[str]:
    """Return the packages that a module imports by their full names."""
    nodes = list(ast.walk(tree))
    return {
        (node.module or "").partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) and not node.level
    } | {each.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for each in node.names}


def vocabulary(trees: Iterable[ast.Module]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the strings that attributes are compared with, and the names that sessions are asked for."""
    trees = list(trees)
    constants = dict(_constants(trees))
    found: dict[str, Counter[str]] = {}
    sessions: Counter[str] = Counter()
    for tree in trees:
        for node in ast.walk(tree):
            for attribute, given in _compared(node):
                name = re.sub(r"__(in|exact|iexact)$", "", attribute).rpartition("__")[2]
                if name not in ANYBODYS:
                    words = [each for each in _strings(given, constants) if 0 < len(each) <= LETTERS]
                    found.setdefault(name, Counter()).update(words)
            sessions.update(_kept_in_session(node))
    said = {name: [word for word, _ in counts.most_common(WORDS)] for name, counts in found.items() if counts}
    return said, [name for name, _ in sessions.most_common(WORDS)]


def _compared(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Give each attribute that an expression compares, looks up or filters by, with what it is compared with."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for side in sides:
            if isinstance(side, ast.Attribute):
                yield from ((side.attr, other) for other in sides if other is not side)
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Attribute):
        yield node.slice.attr, node.value
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("in_", "index") and node.args:
            for one, other in ((node.func.value, node.args[0]), (node.args[0], node.func.value)):
                if isinstance(one, ast.Attribute):
                    yield one.attr, other
        if _last(node.func) in ASKED or _last(node.func)[:1].isupper():
            yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg)


def _kept_in_session(node: ast.AST) -> list[str]:
    """Return the name that an expression asks a session for."""
    asked: ast.expr | None = None
    if isinstance(node, ast.Subscript) and _last(node.value) == "session":
        asked = node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        asked = node.args[0] if _last(node.func.value) == "session" else None
    return [asked.value] if isinstance(asked, ast.Constant) and isinstance(asked.value, str) else []


def _constants(trees: Sequence[ast.Module]) -> Iterator[tuple[str, ast.expr]]:
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.Tuple, ast.Set, ast.Dict)):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        yield target.id, node.value


def _strings(node: ast.expr, constants: Mapping[str, ast.expr]) -> list[str]:
    """Return the strings that an expression is, or holds; those of a dictionary are its keys."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Name):
        known = constants.get(node.id)
        return _strings(known, {}) if known is not None else []
    if isinstance(node, ast.Attribute):
        known = constants.get(node.attr) if node.attr.isupper() else None
        return _strings(known, {}) if known is not None else []
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [each.value for each in node.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if isinstance(node, ast.Dict):
        return [each.value for each in node.keys if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return []
