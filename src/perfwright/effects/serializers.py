"""Serializers and response models as functions: `serialize(self, obj)` reads what the fields read."""

from collections.abc import Iterator

from perfwright.effects.schema import Model, Schema
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Class, Function, Module, Project
from perfwright.index.tree import walk

PYDANTIC = ("pydantic.BaseModel", "pydantic.main.BaseModel", "fastapi_camelcase.CamelModel")
RELATED = (
    "PrimaryKeyRelatedField",
    "SlugRelatedField",
    "StringRelatedField",
    "HyperlinkedRelatedField",
    "ManyRelatedField",
)


def is_serializer(project: Project, cls: Class) -> bool:
    """Tell whether a class is a serializer of REST framework."""
    return any(
        str(base).startswith("rest_framework.") and str(base).endswith("Serializer") for base in project.externals(cls)
    )


def is_response_model(project: Project, cls: Class) -> bool:
    """Tell whether a class is a Pydantic model, which FastAPI fills from an object's attributes."""
    return any(str(base) in PYDANTIC for base in project.externals(cls))


def model_read(project: Project, cls: Class) -> Function:
    """Return a function that reads the fields of a response model from one object."""
    body: list[Node] = []
    for base in reversed(project.mro(cls)):
        if not isinstance(base, Class):
            continue
        for name, binding in base.names.items():
            if binding[0] != "value" or binding[2] is None or name == "model_config":
                continue
            position = binding[2][1]
            nested = _nested(project, base, binding[2])
            read = _read(position, name)
            if nested is not None:
                node, many = nested
                read = ("call", position, node, (read,), (("many", ("const", position, many)),))
            body.append(("expr", position, read))
    parameters = (("self", None, None, POSITIONAL), ("obj", None, None, POSITIONAL))
    facts = (
        cls.name, f"{cls.qualified}", cls.line, cls.end_line, (), parameters, None, 0, tuple(body), -1, -1,
    )  # fmt: skip
    return Function(cls.module, -1, facts)


def _nested(project: Project, cls: Class, annotation: Node) -> tuple[Node, bool] | None:
    """Return the response model that an annotation holds, and whether it holds many of them."""
    many = False
    for inner in walk(annotation):
        if inner[0] == "sub" and _last(inner[2]) in ("list", "List", "Sequence", "set", "tuple"):
            many = True
        node = inner
        if inner[0] == "const" and isinstance(inner[2], str) and inner[2].isidentifier():
            node = ("name", inner[1], inner[2])
        if node[0] in ("name", "attr"):
            entity = project.expression(cls.module, node)
            if isinstance(entity, Class) and is_response_model(project, entity):
                return node, many
    return None


def response_model(function: Function) -> Node | None:
    """Return the expression of a handler's response model: of its decorator, else its return annotation."""
    for decorator in function.decorators:
        if decorator[0] == "call":
            given = _keyword(decorator, "response_model")
            if given is not None:
                return given
    return function.returns  # type: ignore[no-any-return]


def held(project: Project, module: Module, node: Node) -> Class | None:
    """Return the response model in `Model` or `list[Model]`."""
    for inner in walk(node):
        if inner[0] in ("name", "attr"):
            entity = project.expression(module, inner)
            if isinstance(entity, Class) and is_response_model(project, entity):
                return entity
    return None


def _last(node: Node) -> str:
    if node[0] == "name":
        return str(node[2])
    return str(node[3]) if node[0] == "attr" else ""


def synthesize(project: Project, schema: Schema, cls: Class) -> Function:
    """Return a function that does what serializing one object does."""
    body: list[Node] = []
    model = _model(project, schema, cls)
    declared = dict(_declared(project, cls))
    names = _fields(project, cls, model, declared)
    position = cls.line << 12
    for name in names:
        call = declared.get(name)
        if call is not None:
            body.extend(_field(model, name, call))
        elif model is not None:
            body.extend(_plain(model, name, _meta_position(cls, name) or position))
    representation = cls.names.get("to_representation")
    if representation and representation[0] == "func":
        body.append(("expr", position, _method(position, "to_representation")))
    parameters = (("self", None, None, POSITIONAL), ("obj", None, None, POSITIONAL))
    facts = (
        cls.name, f"{cls.qualified}", cls.line, cls.end_line, (), parameters, None, 0, tuple(body), -1, -1,
    )  # fmt: skip
    return Function(cls.module, -1, facts)


def _model(project: Project, schema: Schema, cls: Class) -> Model | None:
    node = _meta(project, cls, "model")
    if node is None:
        return None
    owner, value = node
    entity = project.expression(owner.module, value)
    return schema.of(entity) if isinstance(entity, Class) else None


def _meta(project: Project, cls: Class, name: str) -> tuple[Class, Node] | None:
    for base in project.mro(cls):
        if isinstance(base, Class) and (binding := base.names.get("Meta")) and binding[0] == "class":
            inner = base.module.classes[binding[1]]
            for part in project.mro(inner):
                if isinstance(part, Class) and (found := part.names.get(name)) and found[0] == "value" and found[1]:
                    return part, found[1]
    return None


def _declared(project: Project, cls: Class) -> Iterator[tuple[str, Node]]:
    for base in reversed(project.mro(cls)):
        if not isinstance(base, Class):
            continue
        for name, binding in base.names.items():
            if binding[0] == "value" and binding[1] is not None and binding[1][0] == "call":
                yield name, binding[1]


def _strings(node: Node) -> list[str]:
    if node[0] == "bin":
        return [*_strings(node[3]), *_strings(node[4])]
    if node[0] == "coll":
        return [item[2] for item in node[3] if item[0] == "const" and isinstance(item[2], str)]
    return []


def _fields(project: Project, cls: Class, model: Model | None, declared: dict[str, Node]) -> list[str]:
    found = _meta(project, cls, "fields")
    if found is None:
        excluded = _meta(project, cls, "exclude")
        hidden = _strings(excluded[1]) if excluded else []
        forward = [n for n, r in model.relations.items() if r.through and n in model.cls.names] if model else []
        return [name for name in (*declared, *forward) if name not in hidden]
    node = found[1]
    if node[0] == "const":  # "__all__"
        forward = [n for n, r in model.relations.items() if r.through and n in model.cls.names] if model else []
        return [*declared, *forward]
    names = _strings(node)
    return names or list(declared)


def _meta_position(cls: Class, name: str) -> int:
    binding = cls.names.get("Meta")
    if not binding or binding[0] != "class":
        return 0
    found = cls.module.classes[binding[1]].names.get("fields")
    if not found or found[0] != "value" or not found[1]:
        return 0
    for item in found[1][3] if found[1][0] == "coll" else ():
        if item[0] == "const" and item[2] == name:
            return int(item[1])
    return int(found[1][1])


def _obj(position: int) -> Node:
    return ("name", position, "obj")


def _read(position: int, source: str) -> Node:
    node = _obj(position)
    for part in source.split("."):
        node = ("attr", position, node, part)
    return node


def _method(position: int, name: str) -> Node:
    return ("call", position, ("attr", position, ("name", position, "self"), name), (_obj(position),), ())


def _keyword(call: Node, name: str) -> Node | None:
    return next((value for key, value in call[4] if key == name), None)


def _field(model: Model | None, name: str, call: Node) -> list[Node]:
    position = call[1]
    called = call[2]
    kind = called[2] if called[0] == "name" else called[3] if called[0] == "attr" else ""
    if _is(_keyword(call, "write_only"), True):
        return []
    if kind == "SerializerMethodField":
        given = _keyword(call, "method_name") or (call[3][0] if call[3] else None)
        method = given[2] if given is not None and given[0] == "const" else f"get_{name}"
        return [("expr", position, _method(position, method))]
    given = _keyword(call, "source")
    source = given[2] if given is not None and given[0] == "const" else name
    if source == "*":
        return []
    many = _is(_keyword(call, "many"), True)
    if kind in RELATED:
        if many:
            return [_loop(position, _read(position, source))]
        if kind == "PrimaryKeyRelatedField":
            return []
        return [("expr", position, _read(position, source))]
    if kind.endswith("Serializer"):
        keywords = (("many", ("const", position, True)),) if many else ()
        return [("expr", position, ("call", position, called, (_read(position, source),), keywords))]
    if kind.endswith("ListField") or many:
        return [("expr", position, _read(position, source))]
    if "." in source or (model is not None and source not in model.columns):
        return [("expr", position, _read(position, source))]
    return []


def _plain(model: Model, name: str, position: int) -> list[Node]:
    relation = model.relations.get(name)
    if relation is not None:
        return [_loop(position, _read(position, name))] if relation.many else []
    if name in model.columns:
        return []
    binding = model.cls.names.get(name)
    if binding is not None and binding[0] == "func":
        function = model.cls.module.functions[binding[1]]
        read = _read(position, name)
        return [("expr", position, read if function.decorators else ("call", position, read, (), ()))]
    return []


def _loop(position: int, source: Node) -> Node:
    rows = ("call", position, ("attr", position, source, "all"), (), ())
    item = ("name", position, "related")
    return (
        "expr",
        position,
        ("comp", position, "list", ("attr", position, item, "pk"), ((item, rows, (), False),), None),
    )


def _is(node: Node | None, value: object) -> bool:
    return node is not None and node[0] == "const" and node[2] is value
