"""Type annotations to values: what a parameter or a result is said to be."""

from typing import TYPE_CHECKING

from perfwright.effects.queries import QUERYSET
from perfwright.effects.values import (
    ITEMS,
    UNKNOWN,
    Awaitable,
    ClassValue,
    Foreign,
    Rows,
    Scalar,
    Sequence,
    Value,
    constant,
)
from perfwright.index.lower import Node
from perfwright.index.project import Class, Module
from perfwright.index.project import External as Outside
from perfwright.index.project import Value as Global

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

COLLECTIONS = {
    "list": "list",
    "List": "list",
    "Sequence": "list",
    "MutableSequence": "list",
    "Collection": "list",
    "Iterable": "iter",
    "Iterator": "iter",
    "Generator": "iter",
    "AsyncIterator": "iter",
    "AsyncGenerator": "iter",
    "AsyncIterable": "iter",
    "set": "set",
    "Set": "set",
    "frozenset": "set",
    "FrozenSet": "set",
    "AbstractSet": "set",
    "tuple": "tuple",
    "Tuple": "tuple",
    "dict": "dict",
    "Dict": "dict",
    "Mapping": "dict",
    "MutableMapping": "dict",
    "defaultdict": "dict",
    "OrderedDict": "dict",
}
WRAPPERS = ("Optional", "Annotated", "Final", "ClassVar", "Required", "NotRequired", "Mapped", "ReadOnly")
PLAIN = ("str", "int", "float", "bool", "bytes", "datetime", "date", "Decimal", "UUID", "complex")


def value(interp: "Interpreter", module: Module, node: Node, depth: int = 0) -> Value:
    """Return the value that an annotation describes; unknown where it cannot be resolved."""
    if depth > 8:
        return UNKNOWN
    tag = node[0]
    if tag == "const":
        return UNKNOWN
    if tag == "bin" and node[2] == "|":
        left = value(interp, module, node[3], depth + 1)
        return left if left.kind not in ("unknown",) else value(interp, module, node[4], depth + 1)
    if tag in ("name", "attr"):
        return named(interp, module, node, depth)
    if tag == "sub":
        return subscripted(interp, module, node, depth)
    return UNKNOWN


def named(interp: "Interpreter", module: Module, node: Node, depth: int) -> Value:
    last = node[2] if node[0] == "name" else node[3]
    entity = interp.project.expression(module, node)
    if isinstance(entity, Class):
        return interp.instance(entity, 0)
    if isinstance(entity, Global) and entity.expression is not None and entity.expression[0] in ("sub", "bin"):
        return value(interp, entity.module, entity.expression, depth + 1)
    if isinstance(entity, Outside):
        name = interp.libraries.canonical(entity)
        if last in COLLECTIONS and name.startswith(("typing.", "collections.")):
            return Sequence(COLLECTIONS[last], UNKNOWN, ITEMS)
        if name == QUERYSET:
            return Rows(None, QUERYSET, 0)
        if last in PLAIN:
            return Scalar(last)
        if last in ("Any", "Callable", "TypeVar", "Self", "Type"):
            return UNKNOWN
        return Foreign(name)
    if entity is None and node[0] == "name":
        if last in COLLECTIONS:
            return Sequence(COLLECTIONS[last], UNKNOWN, ITEMS)
        if last in PLAIN:
            return Scalar(last)
    return UNKNOWN


def subscripted(interp: "Interpreter", module: Module, node: Node, depth: int) -> Value:
    base, index = node[2], node[3]
    last = base[2] if base[0] == "name" else base[3] if base[0] == "attr" else ""
    parts: tuple[Node, ...] = index[3] if index[0] == "coll" else (index,)
    if last in WRAPPERS:
        return value(interp, module, _unquoted(parts[0]), depth + 1) if parts else UNKNOWN
    if last == "Union":
        for part in parts:
            found = value(interp, module, _unquoted(part), depth + 1)
            if found.kind != "unknown":
                return found
        return UNKNOWN
    if last in ("Awaitable", "Coroutine", "Future", "Task"):
        return Awaitable(value(interp, module, _unquoted(parts[-1]), depth + 1))
    if last in ("type", "Type"):
        found_cls = interp.project.expression(module, _unquoted(parts[0])) if parts else None
        return ClassValue(found_cls) if isinstance(found_cls, Class) else UNKNOWN
    entity = interp.project.expression(module, base)
    if last in COLLECTIONS and not isinstance(entity, Class):
        of = COLLECTIONS[last]
        inner = [value(interp, module, _unquoted(part), depth + 1) for part in parts]
        if of == "dict":
            found = Sequence("dict", inner[-1] if inner else UNKNOWN, ITEMS)
            found.key = inner[0] if inner else None
            return found
        if of == "tuple" and not (len(parts) == 2 and parts[1][0] == "const" and parts[1][2] is ...):
            pair = Sequence("tuple", inner[0] if inner else UNKNOWN, constant(len(inner)))
            pair.items = tuple(inner)
            return pair
        return Sequence(of, inner[0] if inner else UNKNOWN, ITEMS)
    if isinstance(entity, Class):
        model = None
        if interp.is_manager(entity):
            target = interp.project.expression(module, _unquoted(parts[0])) if parts else None
            model = interp.schema.of(target) if isinstance(target, Class) else None
            rows = Rows(model or interp.managed_model(entity), QUERYSET, 0)
            rows.custom = entity
            return rows
        return interp.instance(entity, 0)
    if isinstance(entity, Outside):
        name = interp.libraries.canonical(entity)
        if name == QUERYSET or last in ("QuerySet", "BaseManager", "Manager", "RelatedManager"):
            target = interp.project.expression(module, _unquoted(parts[0])) if parts else None
            return Rows(interp.schema.of(target) if isinstance(target, Class) else None, QUERYSET, 0)
        return Foreign(name)
    return UNKNOWN


def _unquoted(node: Node) -> Node:
    """Return the name that a quoted annotation stands for: `"Order"`, `"shop.models.Order"`."""
    if node[0] != "const" or not isinstance(node[2], str):
        return node
    parts = node[2].strip().split(".")
    if not all(part.isidentifier() for part in parts):
        return node
    found: Node = ("name", node[1], parts[0])
    for part in parts[1:]:
        found = ("attr", node[1], found, part)
    return found
