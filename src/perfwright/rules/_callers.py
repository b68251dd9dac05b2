"""Who calls a function of the project, and with what."""

from functools import lru_cache

from perfwright.index.lower import Node
from perfwright.index.project import Function, Module, Project
from perfwright.index.tree import text, walk


def callers(project: Project, function: Function) -> list[tuple[Function, Node]]:
    """Return the calls of a function in a project with the functions that hold them; none where one is not sure."""
    found: list[tuple[Function, Node]] = []
    for module, sites in sites_of(project, function.name):
        for caller, call in sites:
            entity = project.expression(module, call[2])
            if entity is function or is_own(caller, call, function):
                found.append((caller, call))
            elif entity is None:
                return []  # some method, or what a variable holds
    return found


def is_own(caller: Function, call: Node, function: Function) -> bool:
    """Tell whether a method calls another of its own object: `self.clean(rows)`."""
    if function.owner is None or caller.owner is not function.owner or not caller.parameters:
        return False
    return bool(call[2][0] == "attr" and call[2][2][:3:2] == ("name", caller.parameters[0][0]))


def argument_of(function: Function, call: Node, parameter: str) -> Node | None:
    """Return what a call passes for a parameter; None where that cannot be told."""
    names = [each[0] for each in function.parameters]
    if function.owner is not None and not any(text(each) == "staticmethod" for each in function.decorators):
        names = names[1:]
    if parameter not in names or any(value[0] == "star" for value in call[3]):
        return None
    index = names.index(parameter)
    if index < len(call[3]):
        return call[3][index]  # type: ignore[no-any-return]
    return dict(call[4]).get(parameter)


@lru_cache(maxsize=32)
def sites_of(project: Project, name: str) -> list[tuple[Module, list[tuple[Function, Node]]]]:
    """Return the calls by a name, by module."""
    found = []
    for module in project.modules.values():
        if name not in module.called:
            continue
        sites = [
            (caller, node)
            for caller in module.functions
            if name in caller.called
            for node in walk(caller.body)
            if node[0] == "call" and node[2][0] in ("name", "attr") and node[2][-1] == name
        ]
        at_top = [node for node in walk(module.body) if node[0] == "call" and node[2][-1] == name]
        found.append((module, sites + [(caller_of(module), node) for node in at_top]))
    return found


def caller_of(module: Module) -> Function:
    """Return a function that stands for the body of a module."""
    facts = ("<module>", "<module>", 1, 1, (), (), None, 0, module.body, -1, -1)
    return Function(module, -1, facts)
