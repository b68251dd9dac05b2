"""Where on the way from a loop to an effect a call stands that asks for the same on every pass."""

import builtins

from perfwright.effects.frame import Event, Link, Loop
from perfwright.effects.summary import Effect
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._loops import LONGEST, Changes, bound_in, idle, node_at, read_by

OTHERWISE = (  # words in names of functions that answer otherwise each time, or are called for what they change
    *("now", "time", "today", "random", "uuid", "next", "poll", "wait", "refresh", "reload", "retry", "sample"),
    *("check", "fetch", "ping", "shuffle", "increment", "generate", "pop", "advance", "tick", "sync", "update"),
    *("create", "make", "new", "copy", "clone", "start", "run", "execute", "add", "set", "log", "emit", "notify"),
)
ASKED = (  # of files: too little work to be kept
    *("exists", "isfile", "isdir", "is_file", "is_dir", "stat", "lstat", "realpath", "resolve", "samefile", "access"),
    *("getmtime", "getsize", "islink", "is_symlink", "getcwd", "cwd", "home", "expanduser", "abspath", "iter_modules"),
)
STREAMS = ("io.", "socket.", "json.load", "pickle.load", "marshal.load", "tomllib.load", "plistlib.load", "csv.")


def same_from(effect: Effect, *, first: bool = False, looking: bool = False) -> int | None:
    """Return the place in the chain of the first call that asks for the same on every pass of the innermost loop.

    `first` asks only for the call that the loop itself makes; `looking` looks into what it calls for what that changes.
    """
    event, loop = effect.event, effect.loop
    if loop is None or not loop.body or idle(loop) or differs(event):
        return None
    chain = event.chain
    changes = Changes(loop, event.node if looking else None)
    inside = tuple(link[0] for link in chain[1:])
    if event.node is None:
        return None
    if not changes.touch(event.node, inside):
        return 0 if answers(event.node, loop.body, chain) else None
    if first:
        return None
    known = passed_on(event.node, chain[1][0], changes) if len(chain) > 1 else None
    if known is not None and looking:
        known = {name for name in known if leaves_alone(chain[1][0], name)}
    for index in range(1, len(chain)):
        if known is None:
            return None
        function, node = chain[index][0], call_at(chain[index])
        if node is None or function.is_generator:
            return None
        fixed = Fixed(function, known)
        if fixed.holds(node):
            return index if answers(node, function.body, chain[index:]) else None
        known = fixed.passed_on(node, chain[index + 1][0]) if index + 1 < len(chain) else None
    return None


def differs(event: Event) -> bool:
    """Tell whether an effect is no work done twice: it goes on in an open stream, it is little, or it is kept."""
    name = event.model.name if event.model is not None else event.symbol
    if name.startswith("re.") or (event.model is not None and event.model.memo is not None):
        return True
    if name.rpartition(".")[2] in ASKED:
        return True
    return name.startswith(STREAMS) and not name.startswith(
        ("json.loads", "pickle.loads", "marshal.loads", "tomllib.loads")
    )


def call_at(link: Link) -> Node | None:
    """Return the call, or the property that is read, at a link of a chain."""
    return node_at(link[0], link[1], "call") or node_at(link[0], link[1], "attr")


def answers(node: Node, body: tuple[Node, ...], chain: tuple[Link, ...]) -> bool:
    """Tell whether a call is made for its answer, which is the same each time."""
    for statement in walk(body) if len(chain) > 1 else ():
        if statement[0] == "expr" and (
            statement[2] is node or (statement[2][0] == "await" and statement[2][2] is node)
        ):
            return False
    names = [text(node[2] if node[0] == "call" else node)] + [link[0].name for link in chain[1:]]
    if any(word in names_of(name) for name in names for word in OTHERWISE):
        return False
    return not any(stateful(link[0]) or link[0].is_generator for link in chain[1:])


def names_of(name: str) -> list[str]:
    """Return the words of the last part of a dotted name."""
    return name.rpartition(".")[2].lower().strip("_").split("_")


def stateful(function: Function) -> bool:
    """Tell whether a function changes the object that it is a method of."""
    if function.owner is None or not function.parameters or function.name in ("__init__", "__new__"):
        return False
    own = function.parameters[0][0]
    for node in walk(function.body):
        targets = node[2] if node[0] == "assign" else (node[2],) if node[0] in ("aug", "ann") else ()
        if any(target[0] in ("attr", "sub") and _begins(target, own) for target in targets):
            return True
    return False


def _begins(target: Node, own: str) -> bool:
    while target[0] in ("attr", "sub"):
        target = target[2]
    return bool(target[0] == "name" and target[2] == own)


def passed_on(node: Node, callee: Function, changes: Changes) -> set[str]:
    """Return the parameters of a function that a call in a loop gives the same on every pass."""
    return {name for name, value in arguments(node, callee) if value is None or not changes.touch(value)}


def handed_on(node: Node, callee: Function) -> tuple[Node, ...]:
    """Return what a call gives to a function by position, also where another calls it: `to_thread(read, path)`."""
    given: tuple[Node, ...] = node[3]
    for index, value in enumerate(given):
        if value[0] in ("name", "attr") and text(value).rpartition(".")[2] == callee.name:
            return given[index + 1 :] if text(node[2]).rpartition(".")[2] != callee.name else given
    return given


def arguments(node: Node, callee: Function) -> list[tuple[str, Node | None]]:
    """Return what a call gives to each parameter, as far as that can be told; None for a default."""
    parameters = [parameter for parameter in callee.parameters if parameter[3] == POSITIONAL]
    found: list[tuple[str, Node | None]] = []
    if callee.owner is not None and parameters and not _is_static(callee):
        function = node[2] if node[0] == "call" else node
        made = callee.name in ("__init__", "__new__")
        if not made and function[0] == "attr":
            found.append((parameters[0][0], function[2]))
        parameters = parameters[1:]
    if node[0] != "call":
        return found
    given = handed_on(node, callee)
    keywords = dict(node[4])
    if any(value[0] == "star" for value in given) or None in keywords:
        return found
    for index, (name, _, default, _) in enumerate(parameters):
        if index < len(given):
            found.append((name, given[index]))
        elif name in keywords:
            found.append((name, keywords[name]))
        elif default is not None:
            found.append((name, None))
    rest = [parameter for parameter in callee.parameters if parameter[3] != POSITIONAL]
    found += [(name, keywords.get(name)) for name, _, default, _ in rest if name in keywords or default is not None]
    return found


def _is_static(function: Function) -> bool:
    return any(text(decorator) == "staticmethod" for decorator in function.decorators)


def leaves_alone(function: Function, name: str) -> bool:
    """Tell whether a function only reads what it is given under a name."""
    for node in walk(function.body):
        tag = node[0]
        targets = node[2] if tag in ("assign", "del") else (node[2],) if tag in ("aug", "ann") else ()
        if any(_begins(target, name) for target in targets):
            return False
        call = node[2] if tag == "expr" else None
        if call is not None and call[0] == "call":
            given = [value for value in (*call[3], *[value for _, value in call[4]]) if value[0] == "name"]
            if _begins(call[2], name) or any(value[2] == name for value in given):
                return False
    return True


class Fixed:
    """The names of a function that stand for the same on every call that a loop makes."""

    __slots__ = ("changed", "function", "known", "local")

    def __init__(self, function: Function, known: set[str]) -> None:
        self.function = function
        self.local: dict[str, list[Node | None]] = {parameter[0]: [] for parameter in function.parameters}
        self.changed: set[str] = set()  # the attributes that it sets
        for node in walk(function.body):
            self._note(node)
        self.known = {name for name in known if not self.local.get(name)}
        for _ in range(3):  # names that are made of names that are the same
            self.known |= {
                name
                for name, values in self.local.items()
                if values and all(value is not None and self.holds(value) for value in values)
            }

    def _note(self, node: Node) -> None:
        """Note what a node binds, and the attributes that it sets."""
        tag = node[0]
        if tag == "assign":
            for target in node[2]:
                self._bind(target, node[3])
        elif tag in ("ann", "aug", "for"):
            self._bind(node[2], node[4] if tag == "ann" else None)
        elif tag == "walrus":
            self.local.setdefault(node[2], []).append(node[3])
        elif tag == "with":
            for context, target in node[2]:
                if target is not None:
                    self._bind(target, context)
        elif tag == "try":
            for _, name, _ in node[3]:
                if name:
                    self.local.setdefault(name, []).append(None)
        if tag in ("assign", "aug"):
            self.changed.update(text(target, LONGEST) for target in _set_by(node))

    def _bind(self, target: Node, value: Node | None) -> None:
        if target[0] == "name":
            self.local.setdefault(target[2], []).append(value)
        elif target[0] == "coll":
            for part in target[3]:
                self._bind(part, None)

    def holds(self, node: Node) -> bool:
        """Tell whether an expression is the same each time: made of module names, constants and what is known."""
        for name in names_in(node) - set(bound_in(node)):
            known = name in self.known if name in self.local else name in self.function.module.names or is_builtin(name)
            if not known:
                return False
        if any(any(word in names_of(text(call[2])) for word in OTHERWISE) for call in walk(node) if call[0] == "call"):
            return False
        return not any(path in self.changed for path in read_by(node, called=True))

    def passed_on(self, node: Node, callee: Function) -> set[str]:
        """Return the parameters of a function that a call here gives the same each time."""
        return {name for name, value in arguments(node, callee) if value is None or self.holds(value)}


def is_builtin(name: str) -> bool:
    return hasattr(builtins, name)


def _set_by(statement: Node) -> tuple[Node, ...]:
    targets = statement[2] if statement[0] == "assign" else (statement[2],)
    return tuple(target for target in targets if target[0] == "attr")


def writes_in(loop: Loop, events: tuple[Event, ...]) -> bool:
    """Tell whether a pass of a loop writes files: what it reads may be what it wrote."""
    return any(event.effect == "file.write" and loop in event.loops for event in events)
