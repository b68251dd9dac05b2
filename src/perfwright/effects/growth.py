"""Collections that outlive the call that adds to them: a module's, a class's, an object's."""

from typing import TYPE_CHECKING

from perfwright.index.lower import Node
from perfwright.index.project import Class, Module
from perfwright.index.tree import text

if TYPE_CHECKING:
    from perfwright.effects.frame import Frame


class Growing:
    """A collection that a function adds to: `name` of a `module`, of a class or of the objects of a class."""

    __slots__ = ("cls", "module", "name", "owner")

    def __init__(self, owner: str, module: Module, cls: Class | None, name: str) -> None:
        self.owner, self.module, self.cls, self.name = owner, module, cls, name  # owner: module, class, instance


def grown(frame: "Frame", where: Node, node: Node) -> None:
    """Record that something is added to the collection that an expression names, where it outlives the call."""
    found = owner_of(frame, where)
    if found is not None:
        frame.emit("grow", text(where), node[1], text(node), detail=found, blocking=False, node=node)


def owner_of(frame: "Frame", where: Node) -> Growing | None:
    """Return whose collection a name or an attribute is; None for a local one."""
    if frame.function.index < 0:
        return None  # the module's own body fills it once
    if where[0] == "name" and frame.lookup(where[2]) is None:
        binding = frame.module.names.get(where[2])
        if binding is not None and binding[0] == "value":
            return Growing("module", frame.module, None, where[2])
    if where[0] != "attr" or where[2][0] != "name":
        return None
    base = frame.interp.peek(frame, where[2])
    if base.kind == "class":
        return Growing("class", base.cls.module, base.cls, where[3])  # type: ignore[attr-defined]
    parameters = frame.function.parameters
    if base.kind == "instance" and parameters and where[2][2] == parameters[0][0]:
        cls = base.cls  # type: ignore[attr-defined]
        held = frame.interp.project.class_member(cls, where[3])
        owner = "class" if isinstance(held, tuple) and where[3] not in cls.setters else "instance"
        return Growing(owner, cls.module, cls, where[3])
    return None
