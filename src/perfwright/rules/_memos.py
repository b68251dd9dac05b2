"""Functions that remember their answers: by which decorator, how many, and whether their keys are finite."""

import re
from collections.abc import Iterator

from perfwright.effects.annotations import value as annotated
from perfwright.effects.summary import Effects
from perfwright.effects.values import Instance, Value
from perfwright.index.lower import DOUBLE_STAR, STAR, Node
from perfwright.index.project import Class, Function
from perfwright.index.tree import names_in, text, walk

FUNCTIONS = ("functools.lru_cache", "functools.cache", "async_lru.alru_cache", "methodtools.lru_cache")
SHARED = ("functools.", "async_lru.", "cachetools.func.")  # one memo for all objects of a class
KINDS = (  # words in names of parameters that take one of few values
    *("cls", "klass", "class", "type", "types", "kind", "mode", "level", "lang", "language", "locale", "currency"),
    *("country", "tz", "timezone", "unit", "func", "function", "fn", "callable", "module", "settings", "config"),
    *("env", "dialect", "format", "encoding", "model", "models", "field", "fields", "self", "backend", "engine"),
    *("dtype", "style", "theme", "role", "flag", "feature", "version", "app", "schema", "table", "enum"),
)
MOST = 400  # functions above a cache that are looked at for an entry point


class Memo:
    """A decorator that keeps answers: its node, its name, and the most that it keeps; None for no bound."""

    __slots__ = ("bound", "name", "node")

    def __init__(self, node: Node, name: str, bound: int | None) -> None:
        self.node, self.name, self.bound = node, name, bound


def memo_of(effects: Effects, function: Function) -> Memo | None:
    """Return the decorator by which a function remembers its answers, where a library's does it."""
    for decorator in function.decorators:
        called = decorator[2] if decorator[0] == "call" else decorator
        if called[0] not in ("name", "attr"):
            continue
        name = str(effects.project.expression(function.module, called))
        if name in FUNCTIONS or name.startswith("cachetools.func."):
            return Memo(decorator, name, bound_of(decorator, name))
    return None


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


def reached(effects: Effects, function: Function) -> bool:
    """Tell whether a request, a task or a command leads to a function."""
    program = effects.program
    seen, waiting = {function}, [function]
    while waiting and len(seen) < MOST:
        current = waiting.pop()
        if current in program.labels:
            return True
        for caller in program.callers(current):
            if caller not in seen:
                seen.add(caller)
                waiting.append(caller)
    return False


def calls_of(effects: Effects, name: str) -> Iterator[tuple[Function | None, Node]]:
    """Give every call of something by its last name, and the function that it stands in; None at a module's top."""
    for module in effects.project.modules.values():
        if name not in module.called:
            continue
        bodies = [(function, function.body) for function in module.functions]
        for function, body in (*bodies, (None, module.body)):
            for node in walk(body):
                if node[0] == "call" and node[2][-1] == name and node[2][0] in ("name", "attr"):
                    yield function, node


def varied(node: Node, function: Function | None) -> bool:
    """Tell whether what is passed to a call may be anything: not only constants and names of the module."""
    if function is None:
        return False
    values = (*node[3], *(value for _, value in node[4]))
    return any(not name.isupper() for value in values for name in names_in(value))
