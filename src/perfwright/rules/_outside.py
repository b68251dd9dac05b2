"""Where a text comes from: followed back from a place in a function to a request's body or to another server's answer.

Only what is written is followed: names to what they are bound to, parameters to what callers pass, answers of the
project's own functions to what these return. What is cut short, measured against a limit, declared with a maximum
length, worked into a number or fetched from a database is not followed.
"""

from collections.abc import Iterator
from functools import lru_cache

from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Class, Entity, External, Function, Module, Project, Value
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._callers import argument_of, callers
from perfwright.rules._chosen import is_request
from perfwright.rules._same import arguments

DEEP = 6  # calls that are followed into each other
MOST = 400  # places that are looked at on the way back
LENGTH = 5_000  # characters up to which a text is short: the square of it takes some hundredths of a second
HTTP = frozenset(("requests", "httpx", "aiohttp", "urllib", "urllib3", "niquests", "curl_cffi", "cloudscraper"))
ASKS = ("get", "post", "put", "patch", "request", "stream", "send", "fetch", "urlopen")
ANSWERS = (
    *("text", "content", "body", "read", "json", "data", "iter_lines", "aiter_bytes", "aiter_text", "aiter_lines"),
    *("iter_bytes", "iter_text", "iter_content", "iter_chunked", "iter_any"),
)
FILLS = ("append", "extend", "add", "update", "write")
BODIES = ("body", "json", "stream", "form", "data", "get_json", "get_data", "POST", "FILES", "values", "text", "read")
ELSEWHERE = ("to_thread", "run_in_executor", "run_in_threadpool", "run_sync", "submit", "map", "partial")
NUMBERS = frozenset(("int", "float", "len", "bool", "sum", "round", "isinstance", "hash", "ord", "abs", "id", "type"))
TEXTS = frozenset(("str", "bytes", "list", "dict", "tuple", "set", "Any", "object", "bytearray", "Mapping", "Sequence"))
BUILT_IN = frozenset(("str", "bytes", "repr", "sorted", "list", "tuple", "set", "map", "filter", "zip", "enumerate"))
BUILT_IN |= frozenset(("reversed", "next", "iter", "max", "min", "dict", "format", "bytearray", "memoryview"))
OWN = (("name", "self"), ("name", "cls"))
SOCKETS = ("Request", "HTTPConnection", "WebSocket", "UploadFile", "HttpRequest")

Place = tuple[Function, Node]


class Origin:
    """Where a text comes from: what sends it, and the places on the way from there, the first one first."""

    __slots__ = ("places", "what")

    def __init__(self, what: str, places: tuple[Place, ...]) -> None:
        self.what, self.places = what, places


def origin(effects: Effects, node: Node) -> Origin | None:
    """Return where what an expression of the function holds comes from, where that is outside and without limit."""
    return next(origins(effects, node), None)


def origins(effects: Effects, node: Node) -> Iterator[Origin]:
    """Give every place outside that what an expression of the function holds comes from without limit."""
    return Way(effects).back(effects.function, node)


class Here:
    """A function that the way leads through, the call that it is asked by where that is known, and the way so far."""

    __slots__ = ("asked", "call", "function", "places")

    def __init__(
        self, function: Function, places: tuple[Place, ...], asked: "Here | None" = None, call: Node | None = None
    ) -> None:
        self.function, self.places, self.asked, self.call = function, places, asked, call


class Way:
    """One way back, and what was seen on it."""

    def __init__(self, effects: Effects) -> None:
        self.project, self.labels = effects.project, effects.program.labels
        self.waiting: list[tuple[Here, Node]] = []
        self.seen: set[tuple[int, int]] = set()
        self.names: set[tuple[int, int, str]] = set()

    def back(self, function: Function, node: Node) -> Iterator[Origin]:
        """Give the places outside that an expression leads back to, the nearest first."""
        self.follow(Here(function, ()), node)
        for place in range(MOST):
            if place >= len(self.waiting):
                return
            found = self.part(*self.waiting[place])
            if found is not None:
                yield found

    def follow(self, here: Here, node: Node | None) -> None:
        if node is not None and node[0] != "const" and (id(here.call), id(node)) not in self.seen:
            self.seen.add((id(here.call), id(node)))
            self.waiting.append((here, node))

    # ------------------------------------------------------------------------- expressions
    def part(self, here: Here, node: Node) -> Origin | None:
        """Look at an expression: follow what it is made of, or return that it comes from outside."""
        tag = node[0]
        if tag == "name":
            return self.name(here, node)
        if tag == "attr":
            return self.attribute(here, node)
        if tag == "call":
            return self.call(here, node)
        if tag == "sub":
            if node[3][0] != "slice" or node[3][3] is None or self.number(here, node[3][3]) > LENGTH:
                self.follow(here, node[2])
            return None
        for inner in made_of(node):
            self.follow(here, inner)
        return None

    def name(self, here: Here, node: Node) -> Origin | None:
        """Follow a name to what it is bound to, or to what callers pass."""
        function, name = here.function, node[2]
        if (id(function), id(here.call), name) in self.names:
            return None
        self.names.add((id(function), id(here.call), name))
        if is_short(self.project, function, name):
            return None
        values = bindings(function).get(name, ())
        for value in values:
            self.follow(here, value)
        for parameter in function.parameters:
            if parameter[0] == name:
                return self.parameter(here, parameter, node)
        if not values and function.outer >= 0:  # of the function around it
            self.follow(Here(function.module.functions[function.outer], here.places), node)
        return None

    def attribute(self, here: Here, node: Node) -> Origin | None:
        base, name = node[2], node[3]
        if name in BODIES and is_the_request(self.project, here.function, base):
            return Origin("a request", ((here.function, node), *here.places))
        if name in ANSWERS and self.is_answer(here.function, base):
            return Origin("another server", ((here.function, node), *here.places))
        if base[:3:2] not in OWN and not limited(self.project, name):
            self.follow(here, base)
        return None

    def call(self, here: Here, node: Node) -> Origin | None:
        """Follow a call to what a function of the project returns, else to what it is given."""
        called = node[2]
        if called[0] not in ("name", "attr"):
            return None
        last = called[-1]
        entity = self.called(here.function, node)
        if isinstance(entity, Function):
            if depth(here) < DEEP:
                inside = Here(entity, ((here.function, node), *here.places), here, node)
                for value in returned(entity):
                    self.follow(inside, value)
        elif last in NUMBERS or isinstance(entity, Class):
            return None
        elif called[0] == "name":
            for given in node[3] if last in BUILT_IN or entity is not None else ():
                self.follow(here, given)
        elif last in BODIES + ANSWERS and (found := self.attribute(here, called)) is not None:
            return found
        else:
            self.method(here, node)
        return None

    def called(self, function: Function, node: Node) -> Entity | None:
        """Return what a call calls, also in a thread: `to_thread(parse, text)`."""
        if node[2][-1] in ELSEWHERE:
            for given in node[3]:
                if given[0] in ("name", "attr"):
                    entity = self.project.expression(function.module, given)
                    if isinstance(entity, Function):
                        return entity
        return self.project.expression(function.module, node[2])

    def number(self, here: Here, node: Node) -> int:
        """Return the number that an expression stands for, 0 where that is not known."""
        if node[0] == "name" and here.asked is not None and here.call is not None:
            given = dict(arguments(here.call, here.function)).get(node[2])
            if given is not None:
                return self.number(here.asked, given)
        return number_of(self.project, here.function.module, node) or 0

    def method(self, here: Here, node: Node) -> None:
        """Follow the call of a method to what it belongs to, that of a module or of a constant to what it is given."""
        base, root = node[2][2], node[2][2]
        while root[0] == "attr":
            root = root[2]
        if root[0] == "name":
            own = bindings(here.function).keys() | {each[0] for each in here.function.parameters}
            if root[2] in own:
                base = base if root[:3:2] not in OWN else None
            else:
                base = None
                for given in node[3]:
                    self.follow(here, given)
        elif root[0] in ("const", "fstr"):
            for given in node[3]:
                self.follow(here, given)
        self.follow(here, base)

    # ------------------------------------------------------------------------- parameters
    def parameter(self, here: Here, parameter: Node, node: Node) -> Origin | None:
        """Follow a parameter to what callers pass; that of a request handler comes from outside."""
        function = here.function
        name, annotation, default, _ = parameter
        places = ((function, node), *here.places)
        if here.asked is not None and here.call is not None:
            for given, value in arguments(here.call, function):
                if given == name:
                    self.follow(here.asked, value)
            return None
        declared = (annotation, default, alias(self.project, function.module, annotation))
        needed = needs(self.project, function.module, declared)
        if needed is not None:
            for value in returned(needed):
                self.follow(Here(needed, places), value)
            return None
        if is_request(self.labels.get(function, "")) or function in dependencies(self.project):
            path = f"{{{name}" in self.labels.get(function, "")  # a part of the address
            known = not path and not maximum(declared) and holds_text(self.project, function.module, declared)
            return Origin("a request", places) if known else None
        for caller, call in callers(self.project, function):
            self.follow(Here(caller, places), argument_of(function, call, name))
        for caller, values in handed(self.project, function):
            index = [each[0] for each in function.parameters].index(name)
            if index < len(values):
                self.follow(Here(caller, places), values[index])
        return None

    def is_answer(self, function: Function, base: Node) -> bool:
        """Tell whether an expression is what another server answered: a name that is bound to a request's answer."""
        if function.module.imports.isdisjoint(HTTP):
            return False
        values = [base] if base[0] != "name" else bindings(function).get(base[2], [])
        for value in values:
            if value[0] == "await":
                value = value[2]
            if value[0] == "call" and value[2][0] in ("name", "attr") and value[2][-1] in ASKS:
                entity = self.project.expression(function.module, value[2])
                if isinstance(entity, Function):
                    continue
                if entity is None or str(entity).partition(".")[0] in HTTP:
                    return sends(value)
        return False


def depth(here: Here) -> int:
    """Return how many calls deep the way stands."""
    return 0 if here.asked is None else depth(here.asked) + 1


def needs(project: Project, module: Module, declared: tuple[Node | None, ...]) -> Function | None:
    """Return the function that a framework calls for a parameter: `Annotated[bytes, Depends(read)]`."""
    for node in walk(declared):
        if node[0] == "call" and node[2][-1] in ("Depends", "Security") and node[3]:
            entity = project.expression(module, node[3][0])
            if isinstance(entity, Function):
                return entity
    return None


def sends(call: Node) -> bool:
    """Tell whether a call named like a request is one: its receiver is a client, or it is given an address."""
    written = text(call[2], 200).lower()
    if any(word in written for word in ("http", "session", "client", "requests", "urlopen", "request", "opener")):
        return True
    return any("url" in text(given, 200).lower() for given in call[3])


# ------------------------------------------------------------------------------ what is written
def made_of(node: Node) -> Iterator[Node]:
    """Give the expressions whose text an expression may hold."""
    tag = node[0]
    if tag in ("await", "star"):
        yield node[2]
    elif tag in ("fstr",):
        yield from node[2]
    elif tag == "bin":
        yield from node[3:5]
    elif tag in ("bool", "coll", "dict"):
        yield from node[3]
    elif tag == "if":
        yield from node[3:5]
    elif tag in ("walrus", "yield", "yieldfrom"):
        if node[-1] is not None:
            yield node[-1]
    elif tag == "comp":
        yield node[3]
        if node[5] is not None:
            yield node[5]


@lru_cache(maxsize=128)
def bindings(function: Function) -> dict[str, list[Node]]:
    """Return what each name of a function is bound to, each time, and what is put into it."""
    found: dict[str, list[Node]] = {}
    for node in walk(function.body):
        for target, value in bound_by(node):
            bind(found, target, value)
    return found


def bound_by(node: Node) -> list[tuple[Node, Node]]:
    """Return what a statement or an expression binds, and to what."""
    tag = node[0]
    if tag == "assign":
        return [(target, node[3]) for target in node[2]]
    if tag in ("ann", "aug"):
        return [(node[2], node[4])] if node[4] is not None else []
    if tag == "for":
        return [(node[2], node[3])]
    if tag == "walrus":
        return [(("name", node[1], node[2]), node[3])]
    if tag == "with":
        return [(target, context) for context, target in node[2] if target is not None]
    if tag == "comp":
        return [(generator[0], generator[1]) for generator in node[4]]
    if tag == "call" and node[2][0] == "attr" and node[2][3] in FILLS and node[3]:
        return [(node[2][2], node[3][0])]
    return []


def bind(found: dict[str, list[Node]], target: Node, value: Node) -> None:
    if target[0] == "name":
        found.setdefault(target[2], []).append(value)
    elif target[0] == "coll":
        for part in target[3]:
            bind(found, part, value)
    elif target[0] in ("sub", "star"):
        bind(found, target[2], value)


def returned(function: Function) -> list[Node]:
    """Return what a function gives back, each way."""
    return [node[2] for node in walk(function.body) if node[0] in ("return", "yield") and node[2] is not None]


def is_the_request(project: Project, function: Function, base: Node) -> bool:
    """Tell whether an expression is the request that is being answered."""
    if base[0] == "attr" and base[3] == "request" and base[2][:3:2] == ("name", "self"):
        return True
    if base[0] != "name":
        return False
    for name, annotation, _, _ in function.parameters:
        if name == base[2]:
            return text(annotation).rpartition(".")[2] in SOCKETS or (annotation is None and name == "request")
    entity = project.lookup(function.module, base[2])
    return isinstance(entity, External) and str(entity) in ("flask.request", "quart.request", "bottle.request")


def alias(project: Project, module: Module, annotation: Node | None) -> Node | None:
    """Return what a name stands for that is used as an annotation: `Text = Annotated[str, Field(max_length=80)]`."""
    if annotation is None or annotation[0] not in ("name", "attr"):
        return None
    entity = project.expression(module, annotation)
    return entity.expression if isinstance(entity, Value) else None


def holds_text(project: Project, module: Module, declared: tuple[Node | None, ...]) -> bool:
    """Tell whether what a request handler takes may be text: nothing else is said, or text, or a model with text."""
    annotation = declared[2] or declared[0]
    if annotation is None:
        return False
    names = {node[-1] for node in walk(annotation) if node[0] in ("name", "attr")}
    if not names.isdisjoint(TEXTS) or not names.isdisjoint(SOCKETS):
        return True
    entities = [project.expression(module, node) for node in walk(annotation) if node[0] in ("name", "attr")]
    return any(isinstance(each, Class) and is_model(project, each) for each in entities)


def is_model(project: Project, cls: Class) -> bool:
    """Tell whether a class holds what a request brings: pydantic's, a dataclass, a typed dict."""
    return any(str(base).partition(".")[0] in ("pydantic", "msgspec", "ninja", "sqlmodel") for base in project.mro(cls))


def maximum(declared: tuple[Node | None, ...]) -> bool:
    """Tell whether a declaration sets a length that is short."""
    for node in walk(declared):
        if node[0] == "call":
            for name, value in node[4]:
                if name in ("max_length", "max_size", "le") and not (
                    value[0] == "const" and isinstance(value[2], int) and value[2] > LENGTH
                ):
                    return True
    return False


@lru_cache(maxsize=256)
def limited(project: Project, name: str) -> bool:
    """Tell whether the fields of a name have a maximum length, in all classes of a project that declare it."""
    found = False
    for cls in project.classes:
        binding = cls.names.get(name)
        if binding is None or binding[0] != "value" or binding[2] is None:
            continue
        if not maximum((binding[1], binding[2], alias(project, cls.module, binding[2]))):
            return False
        found = True
    return found


def is_short(project: Project, function: Function, name: str) -> bool:
    """Tell whether a function holds the length of what a name stands for against a number that is small."""
    for test in walk(function.body):
        if test[0] != "cmp":
            continue
        sides = (test[2], *test[4])
        if any(side[0] == "call" and side[2][:3:2] == ("name", "len") and name in names_in(side[3]) for side in sides):
            numbers = [number_of(project, function.module, side) for side in sides]
            if any(number is not None and 2 < number <= LENGTH for number in numbers):
                return True
    return False


def number_of(project: Project, module: Module, node: Node) -> int | None:
    """Return the number that an expression stands for: a literal, or a name of a module that is bound to one."""
    if node[0] in ("name", "attr"):
        entity = project.expression(module, node)
        if not isinstance(entity, Value) or entity.expression is None:
            return None
        node = entity.expression
    if node[0] == "const" and isinstance(node[2], int):
        return int(node[2])
    return None


@lru_cache(maxsize=4)
def dependencies(project: Project) -> frozenset[Function]:
    """Return the functions that FastAPI calls before a handler, wherever that is written."""
    found: set[Function] = set()
    for module in project.modules.values():
        if module.called.isdisjoint(("Depends", "Security")):
            continue
        trees = [module.body, *[function.parameters for function in module.functions]]
        for node in walk(tuple(trees)):
            if node[0] == "call" and node[3] and node[2][-1] in ("Depends", "Security"):
                entity = project.expression(module, node[3][0])
                if isinstance(entity, Function):
                    found.add(entity)
    return frozenset(found)


@lru_cache(maxsize=4)
def handing(project: Project) -> dict[str, list[tuple[Function, Node, tuple[Node, ...]]]]:
    """Return what is called elsewhere, by name: who hands it on, how it is written, and what it is given."""
    found: dict[str, list[tuple[Function, Node, tuple[Node, ...]]]] = {}
    for function in project.functions:
        if function.called.isdisjoint(ELSEWHERE):
            continue
        for node in walk(function.body):
            if node[0] == "call" and node[2][0] in ("name", "attr") and node[2][-1] in ELSEWHERE:
                for index, given in enumerate(node[3]):
                    if given[0] in ("name", "attr"):
                        found.setdefault(given[-1], []).append((function, given, node[3][index + 1 :]))
    return found


def handed(project: Project, function: Function) -> Iterator[tuple[Function, tuple[Node, ...]]]:
    """Give who has a function called elsewhere, in a thread, with what it is given there."""
    for caller, written, given in handing(project).get(function.name, ()):
        if project.expression(caller.module, written) is function:
            yield caller, given
