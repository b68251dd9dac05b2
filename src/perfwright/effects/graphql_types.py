"""The GraphQL types of a project: their fields, the resolver of each field, the type that it gives.

Three ways of writing them are read: graphene (`ObjectType` classes with `resolve_<field>` methods), strawberry
(decorated classes with annotations and decorated methods) and ariadne (functions bound to a type by its name).
"""

import re
from collections.abc import Iterator

from perfwright.effects.schema import Model, Schema
from perfwright.effects.serializers import last, meta, strings
from perfwright.index.lower import Node
from perfwright.index.project import Class, External, Function, Module, Project, Value
from perfwright.index.tree import walk

GRAPHENE, STRAWBERRY, ARIADNE = "graphene", "strawberry", "ariadne"
PACKAGES = (
    *("graphene", "graphene_django", "graphene_sqlalchemy", "graphene_django_optimizer", "query_optimizer"),
    *("strawberry", "strawberry_django", "ariadne"),
)
OPTIMIZED = ("graphene_django_optimizer.", "query_optimizer.")  # their types fetch what a query names
OF_MODEL = ("DjangoObjectType", "SQLAlchemyObjectType", "OptimizedDjangoObjectType")
DECORATED = ("type", "interface", "node")  # of a class, by strawberry
RESOLVES = ("field", "mutation", "subscription", "connection", "offset_paginated", "node", "input_mutation")
MANY = ("list", "sequence", "iterable", "connection", "paginated", "set", "tuple", "queryset")
ROOTS = ("Query", "Queries", "Mutation", "Mutations", "Subscription")
SDL_TYPE = re.compile(r"\btype\s+(\w+)[^{]*\{([^}]*)\}")
SDL_FIELD = re.compile(r"(\w+)\s*(?:\([^)]*\))?\s*:\s*(\[?)\s*(\w+)")


class GraphField:
    """A field of a type. `target` is the type of what it gives, None for a plain value."""

    __slots__ = ("connection", "hints", "many", "module", "name", "position", "resolver", "target")

    def __init__(self, name: str, module: Module, position: int) -> None:
        self.name, self.module, self.position = name, module, position
        self.resolver: Function | None = None
        self.target: GraphType | None = None
        self.many = self.connection = False
        self.hints: frozenset[str] = frozenset()  # relations that strawberry-django is told to fetch for it


class GraphType:
    """An object type. `cls` is its class, None where only its name is known; `model` what its rows are of."""

    __slots__ = ("cls", "fields", "model", "module", "name", "optimized", "position", "style")

    def __init__(self, name: str, style: str, module: Module, position: int, cls: Class | None = None) -> None:
        self.name, self.style, self.module, self.position, self.cls = name, style, module, position, cls
        self.model: Model | None = None
        self.optimized = False  # what a query names is fetched along with its rows
        self.fields: dict[str, GraphField] = {}


class Types:
    """Every GraphQL type of a project, by class and, where a library binds by name, by name."""

    def __init__(self, project: Project, schema: Schema, modules: list[Module]) -> None:
        self.project, self.schema = project, schema
        self.by_class: dict[Class, GraphType] = {}
        self.by_name: dict[str, GraphType] = {}
        self.by_model: dict[Model, GraphType] = {}
        self.modules = set(modules)
        self.optimizer = False  # strawberry-django's extension is switched on somewhere
        for module in modules:
            self._ariadne(module)
            self.optimizer = self.optimizer or "DjangoOptimizerExtension" in module.names
        for cls in project.classes:
            style = self.style(cls)
            if style:
                self._class(cls, style)
        for found in list(self.by_class.values()):
            if found.style == STRAWBERRY:
                self._strawberry_fields(found)
            else:
                self._graphene_fields(found)

    @property
    def every(self) -> Iterator[GraphType]:
        yield from self.by_class.values()
        yield from self.by_name.values()

    def roots(self) -> Iterator[GraphType]:
        """Give the types at which a request begins: named `Query`, or what such a type inherits from."""
        classes: set[Class] = set()
        for cls in self.by_class:
            if cls.name.endswith(ROOTS):
                classes.update(base for base in self.project.mro(cls) if isinstance(base, Class))
        yield from (found for cls, found in self.by_class.items() if cls in classes)
        yield from (found for name, found in self.by_name.items() if name in ROOTS)

    def _class(self, cls: Class, style: str) -> None:
        found = GraphType(cls.name, style, cls.module, cls.line << 12, cls)
        found.model = self.model(cls, style)
        names = [str(base) for base in self.project.externals(cls)]
        found.optimized = any(name.startswith(OPTIMIZED) for name in names) or (
            style == STRAWBERRY and self.optimizer and found.model is not None
        )
        self.by_class[cls] = found
        if found.model is not None:
            self.by_model.setdefault(found.model, found)

    # -------------------------------------------------------------------- recognising
    def style(self, cls: Class) -> str:
        """Return the library that makes an output type of a class, or nothing."""
        for decorator in cls.decorators:
            node = decorator[2] if decorator[0] == "call" else decorator
            if last(node) in DECORATED:
                entity = self.project.expression(cls.module, node)
                if isinstance(entity, External) and str(entity).startswith("strawberry"):
                    return STRAWBERRY
        for base in self.project.externals(cls):
            name = str(base)
            if name.startswith(("graphene", "query_optimizer.")) and name.endswith(("ObjectType", "Interface")):
                return "" if "Input" in name else GRAPHENE
        # A part of the root type, which is put together from plain classes of several modules.
        return GRAPHENE if cls.name in ROOTS and cls.module in self.modules and self._calls_graphene(cls) else ""

    def _calls_graphene(self, cls: Class) -> bool:
        for binding in cls.names.values():
            if binding[0] == "value" and binding[1] is not None and binding[1][0] == "call":
                entity = self.project.expression(cls.module, binding[1][2])
                names = self.project.externals(entity) if isinstance(entity, Class) else [entity]
                if any(str(name).startswith("graphene") for name in names):
                    return True
        return False

    def model(self, cls: Class, style: str) -> Model | None:
        """Return the model that a type shows: of its Meta, or of its decorator."""
        if style == GRAPHENE:
            held = meta(self.project, cls, "model")
            entity = self.project.expression(held[0].module, held[1]) if held is not None else None
            return self.schema.of(entity) if isinstance(entity, Class) else None
        for decorator in cls.decorators:
            for argument in decorator[3][:1] if decorator[0] == "call" else ():
                entity = self.project.expression(cls.module, argument)
                if isinstance(entity, Class):
                    return self.schema.of(entity)
        return None

    def _bodies(self, cls: Class) -> Iterator[Class]:
        """Give a class and its bases, the furthest first."""
        for base in reversed(self.project.mro(cls)):
            if isinstance(base, Class):
                yield base

    # -------------------------------------------------------------------------- graphene
    def _graphene_fields(self, found: GraphType) -> None:
        cls = found.cls
        assert cls is not None
        self._of_model(found, cls)
        for base in self._bodies(cls):
            for name, binding in base.names.items():
                if name.startswith("resolve_"):
                    if binding[0] == "value":  # a resolver that some call makes: nothing is known of it
                        found.fields.pop(name.removeprefix("resolve_"), None)
                elif binding[0] == "value" and binding[1] is not None and binding[1][0] == "call":
                    field = GraphField(name, base.module, binding[1][1])
                    self._aim(field, self.graphene_type(base.module, binding[1]))
                    found.fields[name] = field
        for base in self._bodies(cls):
            for name, binding in base.names.items():
                if binding[0] == "func" and name.startswith("resolve_"):
                    function = base.module.functions[binding[1]]
                    field = found.fields.setdefault(
                        name.removeprefix("resolve_"), GraphField(name[8:], base.module, function.line << 12)
                    )
                    field.resolver = function

    def _of_model(self, found: GraphType, cls: Class) -> None:
        """Add the relations that a type shows because its model has them, where their rows have a type too."""
        names = [str(base) for base in self.project.externals(cls)]
        if found.model is None or not any(name.endswith(OF_MODEL) for name in names):
            return
        shown = self._shown(cls, found.model)
        for name, relation in found.model.relations.items():
            target = self.by_model.get(relation.target) if relation.target is not None else None
            if target is not None and name in shown:
                field = GraphField(name, cls.module, found.position)
                field.target, field.many = target, relation.many
                found.fields[name] = field

    def _shown(self, cls: Class, model: Model) -> set[str]:
        """Return the relations that the Meta of a type lets out; every one where it does not say."""
        for name in ("fields", "only_fields"):
            held = meta(self.project, cls, name)
            if held is not None and held[1][0] == "coll":
                return set(strings(held[1]))
        hidden: set[str] = set()
        for name in ("exclude", "exclude_fields"):
            held = meta(self.project, cls, name)
            if held is not None:
                hidden.update(strings(held[1]))
        return set(model.relations) - hidden

    def graphene_type(self, module: Module, node: Node, depth: int = 0) -> tuple[GraphType, bool, bool] | None:
        """Return the type in `List(NonNull(OrderType))`, whether there are many, and whether it is a connection."""
        if depth > 6:
            return None
        if node[0] == "call":
            first = node[3][0] if node[3] else next((v for k, v in node[4] if k in ("type_", "of_type", "type")), None)
            inner = self.graphene_type(module, first, depth + 1) if first is not None else None
            if inner is None:
                return None
            name = last(node[2])
            return inner[0], inner[1] or "List" in name or "Connection" in name, inner[2] or "Connection" in name
        if node[0] == "lambda":
            return self.graphene_type(module, node[3], depth + 1)
        cls = self.class_of(module, node)
        return self._known(cls) if cls is not None else None

    def _known(self, cls: Class) -> tuple[GraphType, bool, bool] | None:
        held = meta(self.project, cls, "node")
        if held is not None and (inner := self.class_of(held[0].module, held[1])) is not None and inner is not cls:
            found = self.by_class.get(inner)
            return (found, True, True) if found is not None else None
        found = self.by_class.get(cls)
        return (found, False, False) if found is not None else None

    def class_of(self, module: Module, node: Node) -> Class | None:
        """Return the class that a name, or a string with its name, stands for."""
        if node[0] == "const" and isinstance(node[2], str):
            path, _, name = node[2].rpartition(".")
            place = self.project.modules.get(path) if path else module
            entity = self.project.lookup(place, name) if place is not None else None
        elif node[0] in ("name", "attr", "sub"):
            entity = self.project.expression(module, node)
        else:
            return None
        return entity if isinstance(entity, Class) else None

    def _aim(self, field: GraphField, found: tuple[GraphType, bool, bool] | None) -> None:
        if found is not None:
            field.target, field.many, field.connection = found

    # ------------------------------------------------------------------------ strawberry
    def _strawberry_fields(self, found: GraphType) -> None:
        cls = found.cls
        assert cls is not None
        for base in self._bodies(cls):
            for name, binding in base.names.items():
                if binding[0] == "value":
                    self._annotated(found, base, name, binding[1], binding[2])
                elif binding[0] == "func":
                    self._method(found, base.module.functions[binding[1]], name)

    def _annotated(
        self, found: GraphType, base: Class, name: str, expression: Node | None, annotation: Node | None
    ) -> None:
        """Add `orders: list[OrderType] = strawberry.field(resolver=get_orders)`, or the same without a resolver."""
        shown = annotation if annotation is not None else expression
        if shown is None:
            return
        field = GraphField(name, base.module, shown[1])
        if expression is not None and expression[0] == "call":
            field.hints = self.hints(expression)
            given = next((value for key, value in expression[4] if key == "resolver"), None)
            entity = self.project.expression(base.module, given) if given is not None else None
            if isinstance(entity, Function):
                field.resolver = entity
                if annotation is None and entity.returns is not None:
                    self._aim(field, self.strawberry_type(entity.module, entity.returns))
        if annotation is not None:
            self._aim(field, self.strawberry_type(base.module, annotation))
        if field.target is not None or field.resolver is not None:
            found.fields[name] = field

    def _method(self, found: GraphType, function: Function, name: str) -> None:
        for decorator in function.decorators:
            node = decorator[2] if decorator[0] == "call" else decorator
            if last(node) in RESOLVES:
                field = GraphField(name, function.module, function.line << 12)
                field.resolver = function
                if decorator[0] == "call":
                    field.hints = self.hints(decorator)
                    for argument in decorator[3]:  # @strawberry_django.connection(Connection[OrderType])
                        self._aim(field, self.strawberry_type(function.module, argument))
                if field.target is None and function.returns is not None:
                    self._aim(field, self.strawberry_type(function.module, function.returns))
                found.fields[name] = field

    def hints(self, call: Node) -> frozenset[str]:
        """Return the relations named by `select_related=` and `prefetch_related=`; `*` where they cannot be read."""
        found: set[str] = set()
        for key, value in call[4]:
            if key in ("select_related", "prefetch_related"):
                named = [inner[2] for inner in walk(value) if inner[0] == "const" and isinstance(inner[2], str)]
                found.update(named or ["*"])
        return frozenset(found)

    def strawberry_type(self, module: Module, node: Node, depth: int = 0) -> tuple[GraphType, bool, bool] | None:
        """Return the type in `list[OrderType] | None`, whether there are many, and whether it is a connection."""
        if depth > 8:
            return None
        if node[0] == "bin":
            left = self.strawberry_type(module, node[3], depth + 1)
            return left if left is not None else self.strawberry_type(module, node[4], depth + 1)
        if node[0] == "sub":
            return self._subscripted(module, node, depth)
        if node[0] == "const" and isinstance(node[2], str) and not node[2].isidentifier():
            quoted = QUOTED.fullmatch(node[2].strip())  # "list[OrderType]" inside another annotation
            if quoted is None:
                return None
            name: Node = ("name", node[1], quoted[2])
            inner = self.strawberry_type(module, name, depth + 1)
            return (inner[0], inner[1] or bool(quoted[1]), inner[2]) if inner is not None else None
        cls = self.class_of(module, node)
        found = self.by_class.get(cls) if cls is not None else None
        return (found, False, False) if found is not None else None

    def _subscripted(self, module: Module, node: Node, depth: int) -> tuple[GraphType, bool, bool] | None:
        name = last(node[2]).lower()
        parts = node[3][3] if node[3][0] == "coll" else (node[3],)
        if name == "annotated" and parts:
            lazy = next((part for part in parts[1:] if part[0] == "call" and last(part[2]) == "lazy"), None)
            if lazy is not None and lazy[3] and lazy[3][0][0] == "const":
                held = self.project.modules.get(str(lazy[3][0][2]))
                module = held if held is not None else module
            parts = parts[:1]
        many, connection = name.endswith(MANY), name.endswith(("connection", "paginated"))
        for part in parts:
            inner = self.strawberry_type(module, part, depth + 1)
            if inner is not None:
                return inner[0], inner[1] or many, inner[2] or connection
        return None

    # --------------------------------------------------------------------------- ariadne
    def _ariadne(self, module: Module) -> None:
        """Add the types of a schema text, and the resolvers that are bound to a type's name."""
        if not any(binding[0] == "import" and binding[1].startswith("ariadne") for binding in module.names.values()):
            return
        for binding in module.names.values():
            if binding[0] == "value" and binding[1] is not None:
                for inner in walk(binding[1]):
                    if inner[0] == "const" and isinstance(inner[2], str) and "type " in inner[2]:
                        self._schema_text(module, inner)
        for function in module.functions:
            for decorator in function.decorators:
                if decorator[0] == "call" and decorator[2][0] == "attr" and decorator[2][3] == "field":
                    self._bind(module, decorator[2][2], decorator[3][:1], function)
        for statement in module.body:
            call = statement[2] if statement[0] == "expr" else None
            if call is not None and call[0] == "call" and call[2][0] == "attr" and call[2][3] == "set_field":
                entity = self.project.expression(module, call[3][1]) if len(call[3]) > 1 else None
                if isinstance(entity, Function):
                    self._bind(module, call[2][2], call[3][:1], entity)

    def named(self, name: str, module: Module, position: int) -> GraphType:
        """Return the type with a name, made where it is met for the first time."""
        found = self.by_name.get(name)
        if found is None:
            found = self.by_name[name] = GraphType(name, ARIADNE, module, position)
        return found

    def _schema_text(self, module: Module, node: Node) -> None:
        texts = SDL_TYPE.findall(node[2])
        for name, _ in texts:
            self.named(name, module, node[1])
        for name, body in texts:
            for field_name, many, target in SDL_FIELD.findall(body):
                field = self.by_name[name].fields.setdefault(field_name, GraphField(field_name, module, node[1]))
                field.many, field.target = bool(many), self.by_name.get(target)

    def _bind(self, module: Module, holder: Node, names: tuple[Node, ...], function: Function) -> None:
        entity = self.project.lookup(module, holder[2]) if holder[0] == "name" else None
        made = entity.expression if isinstance(entity, Value) else None
        if made is None or made[0] != "call" or not names or names[0][0] != "const":
            return
        kind = last(made[2])
        if kind in ("QueryType", "MutationType", "SubscriptionType"):
            name = kind.removesuffix("Type")
        elif kind in ("ObjectType", "InterfaceType") and made[3] and made[3][0][0] == "const":
            name = str(made[3][0][2])
        else:
            return
        field_name = str(names[0][2])
        fields = self.named(name, module, made[1]).fields
        fields.setdefault(field_name, GraphField(field_name, module, function.line << 12)).resolver = function


QUOTED = re.compile(r"(?:Optional\[)?((?:list|List|Sequence|Iterable)\[)?\s*['\"]?(\w+)['\"]?\s*\]*(?:\s*\|\s*None)?")
