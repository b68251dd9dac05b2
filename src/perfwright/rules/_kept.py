"""Collections of a module, a class or an object that lives as long as the program, and what they are filled by."""

import re
from functools import lru_cache

from perfwright.effects.growth import Growing
from perfwright.effects.summary import Effects
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Project
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import statements
from perfwright.rules._memos import KINDS, is_finite

MAKES = ("dict", "defaultdict", "OrderedDict", "list", "set", "deque")
TYPED = ("__class__", "__name__", "__qualname__", "__module__", "_meta", "__table__")


def key_of(node: Node | None) -> Node | None:
    """Return the key that something is put under: `cache[key] = x`, `cache.setdefault(key, x)`."""
    if node is None:
        return None
    if node[0] == "sub":
        return node[3]  # type: ignore[no-any-return]
    if node[0] == "call" and node[2][0] == "attr" and node[2][3] == "setdefault" and node[3]:
        return node[3][0]  # type: ignore[no-any-return]
    return None


def is_plain(effects: Effects, found: Growing) -> bool:
    """Tell whether a collection is one of Python that lives as long as the program, and has no bound."""
    of_object = found.cls is not None and (found.owner == "instance" or found.name not in found.cls.names)
    if of_object and found.cls is not None and not is_kept(effects, found.cls):
        return False
    expression = binding_of(found)
    if expression is None:
        return False
    if expression[0] == "dict" or (expression[0] == "coll" and expression[2] in ("list", "set")):
        return True
    return bool(
        expression[0] == "call" and text(expression[2]).rpartition(".")[2] in MAKES and not has_bound(expression)
    )


def binding_of(found: Growing) -> Node | None:
    """Return the expression that makes a collection: at the top of a module or a class, or in a method."""
    if found.owner == "module":
        binding = found.module.names.get(found.name)
    elif found.cls is not None:
        binding = found.cls.names.get(found.name)
        if binding is None or found.owner == "instance":
            binding = set_in(found.cls, found.name) or binding
    else:
        return None
    return binding[1] if binding is not None and binding[0] == "value" else None


def has_bound(expression: Node) -> bool:
    return any(name in ("maxlen", "maxsize") for name, _ in expression[4])


def set_in(cls: Class, name: str) -> Node | None:
    """Return the binding that a method of a class gives to an attribute."""
    for index in cls.setters.get(name, ()):
        for node in walk(cls.module.functions[index].body):
            targets = node[2] if node[0] == "assign" else (node[2],) if node[0] == "ann" else ()
            if any(target[0] == "attr" and target[3] == name for target in targets):
                return ("value", node[3] if node[0] == "assign" else node[4], None)
    return None


def is_kept(effects: Effects, cls: Class) -> bool:
    """Tell whether an object of a class is made at the top of a module: it lives as long as the program."""
    return cls.name in kept_classes(effects.project)


@lru_cache(maxsize=1)
def kept_classes(project: Project) -> frozenset[str]:
    """Return the last names of all that is called at the top of a module to be kept under a name."""
    found = [
        str(binding[1][2][-1])
        for module in project.modules.values()
        for binding in module.names.values()
        if binding[0] == "value" and binding[1] is not None and binding[1][0] == "call"
    ]
    return frozenset(found)


def lasts(effects: Effects, cls: Class) -> bool:
    """Tell whether all objects of a class that the project makes live as long as the program."""
    if not is_kept(effects, cls):
        return False
    modules = [module for module in effects.project.modules.values() if cls.name in module.called]
    return not any(cls.name in function.called for module in modules for function in module.functions)


def looked_up(function: Function, name: str) -> bool:
    """Tell whether a function also looks up what it puts into a collection."""
    for node in walk(function.body):
        if node[0] == "cmp" and node[3][0] in ("in", "not in") and last(node[4][0]) == name:
            return True
        if (
            node[0] == "call"
            and node[2][0] == "attr"
            and node[2][3] in ("get", "setdefault")
            and last(node[2][2]) == name
        ):
            return True
        if node[0] == "try" and any(n[0] == "sub" and last(n[2]) == name for n in walk(node[2])):
            return True
    return False


def last(node: Node) -> str:
    """Return the last name of a name or an attribute."""
    return str(node[2]) if node[0] == "name" else str(node[3]) if node[0] == "attr" else ""


def is_registry(function: Function, name: str) -> bool:
    """Tell whether a function enters things in a list of its own making: what is there already is a mistake."""
    if re.match(r"_*(register|add|subscribe|connect|bind|define|declare)(_|$)", function.name):
        return True
    for statement in statements(function.body):
        refuses = statement[0] == "if" and statement[3] and statement[3][-1][0] == "raise"
        if refuses and name in text(statement[2], 200):
            return True
    return False


def open_ended(effects: Effects, function: Function, key: Node) -> set[str]:
    """Return the parameters that a key is made of and that may be anything."""
    if any(node[0] == "attr" and node[3] in TYPED for node in walk(key)):
        return set()
    if any(node[0] == "call" and node[2][:3:2] in (("name", "type"), ("name", "id")) for node in walk(key)):
        return set()
    made: dict[str, set[str]] = {}
    for node in walk(function.body):
        if node[0] == "assign":
            for target in node[2]:
                if target[0] == "name" and not any(n[0] == "attr" and n[3] in TYPED for n in walk(node[3])):
                    made.setdefault(target[2], set()).update(names_in(node[3]))
    names = names_in(key)
    for _ in range(3):
        names = names.union(*(made.get(name, set()) for name in names))
    if any(word in KINDS for name in names_in(key) for word in name.lower().split("_")):
        return set()
    return {
        parameter[0]
        for parameter in function.parameters
        if parameter[0] in names and not is_finite(effects, function, parameter)
    }
