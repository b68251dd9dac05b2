"""Methods that Python calls by itself: `__str__` for text, `__getitem__` for an index, `__eq__` for a comparison."""

import re
from typing import Any

from perfwright.effects.frame import Frame
from perfwright.effects.iteration import iterate
from perfwright.effects.values import Awaitable, Constant, FunctionValue, Instance, Row, Rows, Sequence, Value
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function

OPERATORS = {
    "+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__", "//": "__floordiv__", "%": "__mod__",
    "**": "__pow__", "|": "__or__", "&": "__and__", "^": "__xor__", "<<": "__lshift__", ">>": "__rshift__",
    "@": "__matmul__", "==": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__",
}  # fmt: skip
PLACE = re.compile(r"\{(?P<name>\w*)(?P<path>(?:\.\w+)*)(?:\[[^\]]*\])?(?:!(?P<how>\w))?(?::[^{}]*)?\}")


def special(frame: Frame, value: Value, name: str, node: Node, arguments: tuple[Value, ...] = ()) -> Value | None:
    """Call a method of a project's class that the syntax of an expression stands for; None where it has none."""
    function = method_of(frame, value, name)
    if function is None or function in frame.interp.stack:
        return None
    result = frame.interp.invoke(frame, FunctionValue(function, value), arguments, {}, node)
    return result.result if isinstance(result, Awaitable) else result


def method_of(frame: Frame, value: Value, name: str) -> Function | None:
    """Return the method that the class of an object has under a name, where the project wrote that class."""
    if isinstance(value, Instance):
        cls = value.cls
    elif isinstance(value, Row) and not value.model.historical:
        cls = value.model.cls
    else:
        return None
    return defined(frame, cls, name)


def defined(frame: Frame, cls: Class, name: str) -> Function | None:
    known: dict[Any, Function | None] = frame.interp.special_methods
    key = (id(cls), name)
    if key not in known:
        found = frame.interp.project.class_member(cls, name)
        known[key] = None
        if isinstance(found, tuple) and found[1][0] == "func":
            known[key] = found[0].module.functions[found[1][1]]
    return known[key]


# -------------------------------------------------------------------------------- text
def written(frame: Frame, value: Value, node: Node) -> None:
    """An object is turned into text for people: `str(x)`, `f"{x}"`, `"%s" % x`."""
    if not isinstance(value, Row | Instance):
        return
    name = "__str__"
    if method_of(frame, value, name) is None and not (isinstance(value, Row) and value.model.framework == "django"):
        name = "__repr__"  # what object.__str__ calls; a Django model has a text of its own
    special(frame, value, name, node)


def represented(frame: Frame, value: Value, node: Node) -> None:
    """An object is turned into text for programmers: `repr(x)`, `f"{x!r}"`, `"%r" % x`."""
    if not isinstance(value, Row | Instance):
        return
    name = "__repr__"
    if method_of(frame, value, name) is None and isinstance(value, Row) and value.model.framework == "django":
        name = "__str__"  # a Django model's own __repr__ shows its text
    special(frame, value, name, node)


def filled_in(frame: Frame, text: str, value: Value, node: Node) -> None:
    """`"%s of %s" % (order, 3)`: what is put into the text is turned into text."""
    shown = represented if "%r" in text and "%s" not in text else written
    if isinstance(value, Row | Instance):
        shown(frame, value, node)
    elif isinstance(value, Sequence):
        for item in value.items or ():
            shown(frame, item, node)


def placed(frame: Frame, text: str, arguments: tuple[Value, ...], keywords: dict[str, Value], node: Node) -> None:
    """`"{} of {o.customer}".format(order, o=order)`: what each place names is read and turned into text."""
    position = 0
    for match in PLACE.finditer(text):
        name = match["name"]
        if not name or name.isdigit():
            index = int(name) if name else position
            position += 1
            value = arguments[index] if index < len(arguments) else None
        else:
            value = keywords.get(name)
        if value is None:
            continue
        read: Node = ("given", node[1], value, name or "it")
        for part in match["path"].split(".")[1:]:
            read = ("attr", node[1], read, part)
            value = frame.interp.attribute(frame, value, part, read)
        (represented if match["how"] == "r" else written)(frame, value, node)


# ----------------------------------------------------------------------------- per item
def each(frame: Frame, source: Value, name: str, node: Node, over: Node) -> None:
    """Call a method of every item of a collection: `__hash__` for a set, `__lt__` for a sort."""
    element: Value | None = None
    if isinstance(source, Sequence):
        element = source.element
    elif isinstance(source, Rows):
        element = source.element(frame.depth)
    if element is None or method_of(frame, element, name) is None:
        return
    item, loop = iterate(frame, source, over, kind="callback")
    frame.loops.append(loop)
    special(frame, item, name, node, (item,) if name in ("__lt__", "__eq__") else ())
    frame.loops.pop()


def text_of(value: Value) -> str | None:
    """Return a text that is known, else None."""
    return value.value if isinstance(value, Constant) and isinstance(value.value, str) else None
