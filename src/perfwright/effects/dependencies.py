"""What FastAPI calls before a function, for what its parameters and its route ask for."""

from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module, Project, Value
from perfwright.index.tree import walk

DEPENDS = ("Depends", "Security")
DEEP = 6  # aliases of aliases that are followed


class Dependencies:
    """The functions that FastAPI calls, by the function that asks for them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.used = any(name in module.called for module in project.modules.values() for name in DEPENDS)
        self.known: dict[Function, list[tuple[str, Function]]] = {}

    def of(self, function: Function) -> list[tuple[str, Function]]:
        """Return the parameters of a function that FastAPI fills by a call, with what it calls.

        What only the route asks for has no name. A class is called by its `__init__`.
        """
        if not self.used:
            return []
        found = self.known.get(function)
        if found is None:
            found = []
            for name, annotation, default, _ in function.parameters:
                for part in (annotation, default):
                    if part is not None:
                        self._add(found, function, name, part, annotation)
            for decorator in function.decorators:
                if decorator[0] == "call":
                    for key, value in decorator[4]:
                        if key == "dependencies":
                            self._add(found, function, "", value, None)
            self.known[function] = found
        return found

    def _add(
        self, found: list[tuple[str, Function]], function: Function, name: str, part: Node, annotation: Node | None
    ) -> None:
        needed = self._asked(function.module, part, annotation, 0)
        found.extend([(name, each) for each in needed if each is not function])

    def _asked(self, module: Module, node: Node, annotation: Node | None, depth: int) -> list[Function]:
        """Return what an annotation or a default asks for, through the names that stand for it."""
        found: list[Function] = []
        for inner in walk(node):
            if inner[0] == "call" and inner[2][0] in ("name", "attr") and inner[2][-1] in DEPENDS:
                called = inner[3][0] if inner[3] else annotated(annotation)
                function = self._called(module, called) if called is not None else None
                if function is not None:
                    found.append(function)
            elif inner[0] in ("name", "attr") and depth < DEEP:
                alias = self.project.expression(module, inner)
                if isinstance(alias, Value) and alias.expression is not None and alias.expression[0] == "sub":
                    found.extend(self._asked(alias.module, alias.expression, alias.expression, depth + 1))
        return found

    def _called(self, module: Module, node: Node) -> Function | None:
        entity = self.project.expression(module, node)
        if isinstance(entity, Class):
            binding = entity.names.get("__init__")
            return entity.module.functions[binding[1]] if binding is not None and binding[0] == "func" else None
        return entity if isinstance(entity, Function) else None


def annotated(node: Node | None) -> Node | None:
    """Return the type of `Annotated[Type, Depends()]` or `Type`, which is what `Depends()` calls."""
    if node is None or node[0] != "sub":
        return node
    index = node[3]
    if index[0] == "coll" and index[3]:
        first: Node = index[3][0]
        return first
    return None
