"""Serializers and response models as functions: `serialize(self, obj)` reads what the fields read."""

from collections.abc import Iterator

from perfwright.effects.frame import Frame
from perfwright.effects.iteration import iterate
from perfwright.effects.schema import Model, Schema
from perfwright.effects.values import ClassValue, External, FunctionValue, Instance, Rows, Scalar, Sequence, Value
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Class, Function, Module, Project
from perfwright.index.tree import walk

PYDANTIC = (
    *("pydantic.BaseModel", "pydantic.main.BaseModel", "fastapi_camelcase.CamelModel"),
    *("sqlmodel.SQLModel", "sqlmodel.main.SQLModel"),
)
RELATED = (
    "PrimaryKeyRelatedField",
    "SlugRelatedField",
    "StringRelatedField",
    "HyperlinkedRelatedField",
    "ManyRelatedField",
)
SERIALIZER, MODEL = "serializer", "model"
FETCHES = ("select_related", "prefetch_related", "prefetch_related_objects")
ASKS = ("all", "count", "exists", "first", "last")  # methods of a relation's manager that a dotted source may end in


def is_serializer(project: Project, cls: Class) -> bool:
    """Tell whether a class is a serializer of REST framework."""
    return any(
        str(base).startswith("rest_framework.") and str(base).endswith("Serializer") for base in project.externals(cls)
    )


def is_response_model(project: Project, cls: Class) -> bool:
    """Tell whether a class is a Pydantic model, which FastAPI fills from an object's attributes."""
    return any(str(base) in PYDANTIC for base in project.externals(cls))


def kind_of(project: Project, cls: Class) -> str:
    """Tell whether a class is a serializer, a response model or neither."""
    if is_serializer(project, cls):
        return SERIALIZER
    return MODEL if is_response_model(project, cls) else ""


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
        if inner[0] == "sub" and last(inner[2]) in ("list", "List", "Sequence", "set", "tuple"):
            many = True
        node = inner
        if inner[0] == "const" and isinstance(inner[2], str) and inner[2].isidentifier():
            node = ("name", inner[1], inner[2])
        if node[0] in ("name", "attr"):
            entity = project.expression(cls.module, node)
            if isinstance(entity, Class) and is_response_model(project, entity):
                return node, many
    return None


def nested_field(project: Project, cls: Class, name: str) -> Class | None:
    """Return the response model that a field of a response model holds."""
    found = project.class_member(cls, name)
    if not isinstance(found, tuple) or found[1][0] != "value" or found[1][2] is None:
        return None
    nested = _nested(project, found[0], found[1][2])
    entity = project.expression(found[0].module, nested[0]) if nested is not None else None
    return entity if isinstance(entity, Class) else None


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


def last(node: Node) -> str:
    if node[0] == "name":
        return str(node[2])
    return str(node[3]) if node[0] == "attr" else ""


def each_row(frame: Frame, function: Function, me: Value, given: Value, node: Node) -> Sequence:
    """Read what serializing one object reads, once for each of many; return the list that comes out."""
    source = node[3][0] if node[0] == "call" and node[3] else node
    element, loop = iterate(frame, given, source, kind="serializer")
    frame.loops.append(loop)
    frame.interp.invoke(frame, FunctionValue(function, me), (element,), {}, node)
    frame.loops.pop()
    rows = Sequence("list", Scalar(), loop.size, frame.depth)
    frame.interp.derive(rows, given)
    if isinstance(given, Rows) and given.load is not None:
        rows.source = given.load
    frame.use_whole(given)
    return rows


def synthesize(project: Project, schema: Schema, cls: Class) -> Function:
    """Return a function that does what serializing one object does."""
    body: list[Node] = []
    model = model_of(project, schema, cls)
    owned = {name: (owner, call) for name, owner, call in declared(project, cls)}
    names = _fields(project, cls, model, {name: call for name, (_, call) in owned.items()})
    position = cls.line << 12
    deep = meta(project, cls, "depth")
    for name in names:
        if name in owned:
            owner, call = owned[name]
            place = call[1] if owner.module is cls.module else position
            body.extend(_field(project, owner, model, name, call, place))
        elif model is not None:
            body.extend(_plain(model, name, _meta_position(cls, name) or position, deep=deep is not None))
    representation = project.class_member(cls, "to_representation")
    if isinstance(representation, tuple) and representation[1][0] == "func":
        body.append(("expr", position, _method(position, "to_representation")))
    parameters = (("self", None, None, POSITIONAL), ("obj", None, None, POSITIONAL))
    facts = (
        cls.name, f"{cls.qualified}", cls.line, cls.end_line, (), parameters, None, 0, tuple(body), -1, -1,
    )  # fmt: skip
    return Function(cls.module, -1, facts)


def list_fetches(project: Project, cls: Class, consulted: set[Function]) -> bool:
    """Tell whether the project's own list form of a serializer fetches relations before it goes through the rows."""
    found = meta(project, cls, "list_serializer_class")
    entity = project.expression(found[0].module, found[1]) if found is not None else None
    method = project.class_member(entity, "to_representation") if isinstance(entity, Class) else None
    if not isinstance(method, tuple) or method[1][0] != "func":
        return False
    function = method[0].module.functions[method[1][1]]
    consulted.add(function)
    return any(node[0] == "call" and last(node[2]) in FETCHES for node in walk(function.body))


def model_of(project: Project, schema: Schema, cls: Class) -> Model | None:
    """Return the model that a serializer's Meta names."""
    node = meta(project, cls, "model")
    if node is None:
        return None
    owner, value = node
    entity = project.expression(owner.module, value)
    return schema.of(entity) if isinstance(entity, Class) else None


def meta(project: Project, cls: Class, name: str) -> tuple[Class, Node] | None:
    for base in project.mro(cls):
        if isinstance(base, Class) and (binding := base.names.get("Meta")) and binding[0] == "class":
            inner = base.module.classes[binding[1]]
            for part in project.mro(inner):
                if isinstance(part, Class) and (found := part.names.get(name)) and found[0] == "value" and found[1]:
                    return part, found[1]
    return None


def declared(project: Project, cls: Class) -> Iterator[tuple[str, Class, Node]]:
    """Give the fields that a serializer's class and those above it make by calls."""
    for base in reversed(project.mro(cls)):
        if not isinstance(base, Class):
            continue
        for name, binding in base.names.items():
            if binding[0] == "value" and binding[1] is not None and binding[1][0] == "call":
                yield name, base, binding[1]


def strings(node: Node) -> list[str]:
    if node[0] == "bin":
        return [*strings(node[3]), *strings(node[4])]
    if node[0] == "coll":
        return [item[2] for item in node[3] if item[0] == "const" and isinstance(item[2], str)]
    return []


def _fields(project: Project, cls: Class, model: Model | None, declared: dict[str, Node]) -> list[str]:
    found = meta(project, cls, "fields")
    if found is None:
        excluded = meta(project, cls, "exclude")
        hidden = strings(excluded[1]) if excluded else []
        forward = [n for n, r in model.relations.items() if r.through and n in model.cls.names] if model else []
        return [name for name in (*declared, *forward) if name not in hidden]
    node = found[1]
    if node[0] == "const":  # "__all__"
        forward = [n for n, r in model.relations.items() if r.through and n in model.cls.names] if model else []
        return [*declared, *forward]
    names = strings(node)
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


def _read(position: int, source: str, model: Model | None = None) -> Node:
    """Return the expression that follows a dotted source from `obj`; what can be called on the way is called."""
    node = _obj(position)
    many = False
    for part in source.split("."):
        node = ("attr", position, node, part)
        if many and part in ASKS:
            return ("call", position, node, (), ())
        relation = model.relations.get(part) if model is not None else None
        binding = model.cls.names.get(part) if model is not None and relation is None else None
        if model is not None and binding is not None and binding[0] == "func":
            plain = not model.cls.module.functions[binding[1]].decorators
            node = ("call", position, node, (), ()) if plain else node
        many = relation is not None and relation.many
        model = relation.target if relation is not None else None
    return node


def _method(position: int, name: str) -> Node:
    return ("call", position, ("attr", position, ("name", position, "self"), name), (_obj(position),), ())


def _keyword(call: Node, name: str) -> Node | None:
    return next((value for key, value in call[4] if key == name), None)


def _field(project: Project, owner: Class, model: Model | None, name: str, call: Node, position: int) -> list[Node]:
    """Return what one declared field of a serializer does with `obj`; `owner` is the class that declares it."""
    called = call[2]
    kind = last(called)
    if _is(_keyword(call, "write_only"), True):
        return []
    if kind == "SerializerMethodField":
        given = _keyword(call, "method_name") or (call[3][0] if call[3] else None)
        method = given[2] if given is not None and isinstance(given[2], str) else f"get_{name}"
        return [("expr", position, _method(position, method))]
    given = _keyword(call, "source")
    source = given[2] if given is not None and given[0] == "const" and isinstance(given[2], str) else name
    many = _is(_keyword(call, "many"), True)
    entity = project.expression(owner.module, called)
    own = entity if isinstance(entity, Class) else None
    if own is not None and not kind.endswith("Serializer"):
        return _own_field(project, own, model, source, position, many=many)
    if source == "*":
        return []
    if kind in RELATED:
        if many:
            return [_loop(position, _read(position, source), written=kind == "StringRelatedField")]
        if kind == "PrimaryKeyRelatedField":
            return []
        read = _read(position, source)
        return [("expr", position, _text_of(position, read) if kind == "StringRelatedField" else read)]
    if kind.endswith("Serializer"):
        keywords = (("many", ("const", position, True)),) if many else ()
        serializer = called if own is None else ("given", position, ClassValue(own), own.name)
        return [("expr", position, ("call", position, serializer, (_read(position, source, model),), keywords))]
    if kind.endswith("ListField") or many:
        return [("expr", position, _read(position, source))]
    if "." in source or (model is not None and source not in model.columns):
        return [("expr", position, _read(position, source, model))]
    return []


def _own_field(
    project: Project, cls: Class, model: Model | None, source: str, position: int, *, many: bool
) -> list[Node]:
    """Return what a field of a class of the project does: its own `to_representation`, for each value."""
    bases = [str(base) for base in project.externals(cls)]
    if not any(base.startswith("rest_framework.") for base in bases):
        return []
    found = project.class_member(cls, "to_representation")
    keyed = any(base.endswith("PrimaryKeyRelatedField") for base in bases)
    value = _obj(position) if source == "*" else _read(position, source, model)
    if not isinstance(found, tuple) or found[1][0] != "func":
        if many:
            return [_loop(position, value)]
        return [] if keyed or source == "*" else [("expr", position, value)]
    method = FunctionValue(found[0].module.functions[found[1][1]], Instance(cls))
    shown: Node = ("given", position, method, f"{cls.name}.to_representation")
    if many:
        item: Node = ("name", position, "related")
        rows: Node = ("call", position, ("attr", position, value, "all"), (), ())
        each: Node = ("call", position, shown, (item,), ())
        return [("expr", position, ("comp", position, "list", each, ((item, rows, (), False),), None))]
    if keyed:
        return []
    return [("expr", position, ("call", position, shown, (value,), ()))]


def _plain(model: Model, name: str, position: int, *, deep: bool = False) -> list[Node]:
    """Return what a field that only Meta names does; `deep` shows the rows of relations, not only their keys."""
    relation = model.relations.get(name)
    if relation is not None:
        if relation.many:
            return [_loop(position, _read(position, name))]
        return [("expr", position, _read(position, name))] if deep else []
    if name in model.columns:
        return []
    binding = model.cls.names.get(name)
    if binding is not None and binding[0] == "func":
        function = model.cls.module.functions[binding[1]]
        read = _read(position, name)
        return [("expr", position, read if function.decorators else ("call", position, read, (), ()))]
    return []


def _text_of(position: int, value: Node) -> Node:
    return ("call", position, ("given", position, External("builtins.str"), "str"), (value,), ())


def _loop(position: int, source: Node, *, written: bool = False) -> Node:
    """Return a loop over the rows of a relation that reads their keys, or their text."""
    rows = ("call", position, ("attr", position, source, "all"), (), ())
    item = ("name", position, "related")
    each = _text_of(position, item) if written else ("attr", position, item, "pk")
    return ("expr", position, ("comp", position, "list", each, ((item, rows, (), False),), None))


def _is(node: Node | None, value: object) -> bool:
    return node is not None and node[0] == "const" and node[2] is value
