"""What routers and blueprints, and those who include them, put in front of the address that a decorator says."""

from perfwright.index.lower import Node
from perfwright.index.project import Entity, Function, Module, Project, Value
from perfwright.index.tree import walk

INCLUDES = {"include_router": "prefix", "register_blueprint": "url_prefix"}  # and the keyword that says the prefix
OVERRIDES = "register_blueprint"  # what it says stands in place of the blueprint's own prefix
MAKERS = ("Router", "Blueprint")  # how the names of their classes end
DEEPEST = 8  # routers inside each other

Key = tuple[int, str]  # a module's number and a name at its top


class Routers:
    """The prefixes of a project's routers; `consulted` are the functions whose bodies say some of them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.consulted: set[Function] = set()
        self.included: dict[Key, set[tuple[Key | None, str, str]]] = {}  # by router: in what, how, below what prefix
        for module in project.modules.values():
            if any(name in module.called for name in INCLUDES):
                self._includes(module, module.body)
                for function in module.functions:
                    if any(name in function.called for name in INCLUDES):
                        self.consulted.add(function)
                        self._includes(module, function.body)

    def before(self, module: Module, router: Node) -> str:
        """Return what stands in front of the addresses of a router; nothing where that is not known."""
        value = self._value(module, router, {})
        return self._prefix(value, 0) if value is not None else ""

    def _prefix(self, value: Value, depth: int) -> str:
        own = self._own(value)
        ways = self.included.get((value.module.number, value.name), set())
        if depth > DEEPEST or len(ways) != 1:
            return own  # included nowhere, or at several addresses
        outer, how, prefix = next(iter(ways))
        inside = prefix or own if how == OVERRIDES else prefix + own
        if outer is None:
            return inside
        module = next((each for each in self.project.modules.values() if each.number == outer[0]), None)
        entity = self.project.lookup(module, outer[1]) if module is not None else None
        return (self._prefix(entity, depth + 1) if isinstance(entity, Value) else "") + inside

    def _own(self, value: Value) -> str:
        made = value.expression
        if made is None or made[0] != "call" or not last(made[2]).endswith(MAKERS):
            return ""
        said = dict(made[4])
        return self._text(value.module, said.get("prefix") or said.get("url_prefix"))

    def _includes(self, module: Module, body: Node) -> None:
        """Note the routers that are included in a body."""
        nodes = walk(body)
        scope: dict[str, list[Entity | None]] = {}
        for node in nodes:
            if node[0] == "import":
                for name, source, attribute, level in node[2]:
                    scope[name] = [self.project.imported(module, source, attribute, level)]
            elif node[0] == "for" and node[2][0] == "name" and node[3][0] == "coll":
                scope[node[2][2]] = [self._entity(module, each, scope) for each in node[3][3]]
        for node in nodes:
            how = last(node[2]) if node[0] == "call" else ""
            if how not in INCLUDES or node[2][0] != "attr" or not node[3]:
                continue
            outer = self._value(module, node[2][2], scope)
            is_router = outer is not None and outer.expression is not None and self._is_router(outer.expression)
            key = (outer.module.number, outer.name) if outer is not None and is_router else None
            prefix = self._text(module, dict(node[4]).get(INCLUDES[how]))
            for value in self._values(module, node[3][0], scope):
                self.included.setdefault((value.module.number, value.name), set()).add((key, how, prefix))

    def _is_router(self, made: Node) -> bool:
        return bool(made[0] == "call" and last(made[2]).endswith(MAKERS))

    def _values(self, module: Module, node: Node, scope: dict[str, list[Entity | None]]) -> list[Value]:
        """Return the routers that an expression stands for: several where it is the name of a loop."""
        if node[0] == "name" and node[2] in scope:
            return [each for each in scope[node[2]] if isinstance(each, Value)]
        if node[0] == "attr" and node[2][0] == "name" and node[2][2] in scope:
            found = [self.project.member(each, node[3]) for each in scope[node[2][2]]]
            return [each for each in found if isinstance(each, Value)]
        value = self._value(module, node, scope)
        return [value] if value is not None else []

    def _value(self, module: Module, node: Node, scope: dict[str, list[Entity | None]]) -> Value | None:
        found = self._entity(module, node, scope)
        return found if isinstance(found, Value) else None

    def _entity(self, module: Module, node: Node, scope: dict[str, list[Entity | None]]) -> Entity | None:
        if node[0] == "name":
            return scope[node[2]][0] if scope.get(node[2]) else self.project.lookup(module, node[2])
        if node[0] == "attr":
            return self.project.member(self._entity(module, node[2], scope), node[3])
        return None

    def _text(self, module: Module, node: Node | None) -> str:
        """Return a text that is written, or that a name of a module stands for."""
        if node is not None and node[0] in ("name", "attr"):
            value = self._value(module, node, {})
            node = value.expression if value is not None else None
        return str(node[2]).rstrip("/") if node is not None and node[0] == "const" and isinstance(node[2], str) else ""


def last(node: Node) -> str:
    """Return the last part of a dotted name."""
    return str(node[2] if node[0] == "name" else node[3]) if node[0] in ("name", "attr") else ""
