"""Functions that remember their answers: by which decorator, how many, and whether their keys are finite."""

import re
from collections.abc import Iterator
from functools import lru_cache

from perfwright.effects.annotations import value as annotated
from perfwright.effects.summary import Effects
from perfwright.effects.values import Instance, Value
from perfwright.index.lower import DOUBLE_STAR, STAR, Node
from perfwright.index.project import Class, Function, Project
from perfwright.index.tree import names_in, text, walk

FUNCTIONS = ("functools.lru_cache", "functools.cache", "async_lru.alru_cache", "methodtools.lru_cache")
KINDS = (  # words in names of parameters that take one of few values
    *("cls", "klass", "class", "type", "types", "kind", "mode", "level", "lang", "language", "locale", "currency"),
    *("country", "tz", "timezone", "unit", "func", "function", "fn", "callable", "module", "settings", "config"),
    *("env", "dialect", "format", "encoding", "model", "models", "field", "fields", "self", "backend", "engine"),
    *("dtype", "style", "theme", "role", "flag", "feature", "version", "app", "schema", "table", "enum"),
)


class Memo:
    """A decorator that keeps answers: its node, its name, and the most that it keeps; None for no bound."""

    __slots__ = ("bound", "name", "node")

    def __init__(self, node: Node, name: str, bound: int | None) -> None:
        self.node, self.name, self.bound = node, name, bound


def memo_of(project: Project, function: Function) -> Memo | None:
    """Return the decorator by which a function remembers its answers, where a library's does it."""
    for decorator in function.decorators:
        called = decorator[2] if decorator[0] == "call" else decorator
        if called[0] not in ("name", "attr") or "cache" not in called[-1]:
            continue
        name = str(project.expression(function.module, called))
        if name in FUNCTIONS or name.startswith("cachetools.func."):
            return Memo(decorator, name, bound_of(decorator, name))
    return None


class Memos:
    """The functions of a project that remember: functions by their names, methods by the names of their classes."""

    def __init__(self, project: Project) -> None:
        self.functions: dict[str, list[tuple[Function, Memo]]] = {}
        self.methods: dict[str, list[tuple[Class, Function, Memo]]] = {}
        owners: dict[Class, list[tuple[Function, Memo]]] = {}
        for function in project.functions:
            memo = memo_of(project, function) if function.decorators else None
            if memo is None or function.outer >= 0:
                continue
            if is_method(function):
                assert function.owner is not None
                owners.setdefault(function.owner, []).append((function, memo))
            else:
                self.functions.setdefault(function.name, []).append((function, memo))
        for cls in project.classes if owners else ():
            for base in project.mro(cls):
                for function, memo in owners.get(base, ()) if isinstance(base, Class) else ():
                    self.methods.setdefault(cls.name, []).append((cls, function, memo))


@lru_cache(maxsize=1)
def memos(project: Project) -> Memos:
    """Return the functions of a project that remember."""
    return Memos(project)


def is_method(function: Function) -> bool:
    """Tell whether the first argument of a function is an object."""
    if function.owner is None or function.name == "__new__" or not function.parameters:
        return False
    return not any(text(decorator) in ("staticmethod", "classmethod") for decorator in function.decorators)


def bound_of(decorator: Node, name: str) -> int | None:
    """Return the most answers that a decorator keeps."""
    if name == "functools.cache":
        return None
    if decorator[0] != "call":
        return 128
    given = next((value for key, value in decorator[4] if key == "maxsize"), decorator[3][0] if decorator[3] else None)
    if given is None:
        return 128
    if given[0] != "const":
        return 128  # some name: a bound all the same
    return given[2] if isinstance(given[2], int) else None


def is_finite(effects: Effects, function: Function, parameter: Node) -> bool:
    """Tell whether a parameter takes one of few values, by its annotation or else its name."""
    name, annotation, default, kind = parameter
    if kind in (STAR, DOUBLE_STAR):
        return False
    if any(word in KINDS for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name.lower())):
        return True
    if annotation is None:
        return bool(default is not None and default[0] == "const" and isinstance(default[2], bool))
    shown = text(annotation, 200)
    if re.fullmatch(r"(typing\.)?(bool|None|type|Type\[.*|type\[.*|Literal\[.*|Callable.*)( \| None)?", shown):
        return True
    found = annotated(effects.program.interpreter, function.module, annotation)
    return isinstance(found, Instance) and is_enumeration(effects, found.cls)


def is_enumeration(effects: Effects, cls: Class) -> bool:
    """Tell whether a class has only so many objects, all made where it is written."""
    return any(re.search(r"(Enum|Choices|Flag)$", str(base)) for base in effects.project.externals(cls))


def is_of_request(effects: Effects, function: Function, parameter: Node) -> bool:
    """Tell whether a parameter is an object that belongs to one request: a session, a request, a row."""
    if parameter[1] is None:
        return parameter[0] in ("request", "session", "db_session")
    found: Value = annotated(effects.program.interpreter, function.module, parameter[1])
    name = getattr(found, "name", "")
    return found.kind == "row" or bool(re.search(r"\.(Async)?(Session|Request|HttpRequest|Connection)$", str(name)))


def calls_to(effects: Effects, names: set[str]) -> Iterator[tuple[Node, object]]:
    """Give the calls of a function by their last names, each with what is called where that can be told."""
    wanted = names.intersection(effects.function.module.called)
    if not wanted:
        return
    for node in walk(effects.function.body):
        if node[0] == "call" and node[2][0] in ("name", "attr") and node[2][-1] in wanted:
            yield node, effects.project.expression(effects.function.module, node[2])


def varied(node: Node) -> bool:
    """Tell whether what is passed to a call may be anything: not only constants and names of the module."""
    values = (*node[3], *(value for _, value in node[4]))
    return any(not name.isupper() for value in values for name in names_in(value))
