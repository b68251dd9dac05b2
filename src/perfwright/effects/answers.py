"""What REST framework asks the database to answer a write: it shows what was saved, not what a view fetches along."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfwright.effects.frame import Frame, Loop
from perfwright.effects.iteration import relation_size
from perfwright.effects.observations import Reading
from perfwright.effects.schema import Model
from perfwright.effects.serializers import declared, is_serializer, model_of, synthesize
from perfwright.effects.values import Instance, Row, Rows
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Project
from perfwright.index.tree import walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

CREATES = ("ModelViewSet", "CreateModelMixin", "CreateAPIView", "ListCreateAPIView")
QUERYSET = "django.db.models.QuerySet"


def read(interp: "Interpreter", labels: dict[Function, str]) -> None:
    """Read how the views that create rows with nested items show them again, each serializer once."""
    known: set[Class] = set()
    for view in interp.project.classes:
        cls = written_by(interp.project, view)
        if cls is None or cls in known or not fetches(interp, view):
            continue
        known.add(cls)
        model = model_of(interp.project, interp.schema, cls)
        for name, call, nested in items(interp.project, cls) if model is not None else ():
            relation = model.relations.get(name) if model is not None else None
            target = relation.target if relation is not None and relation.many else None
            if model is not None and target is not None:
                labels[shown(interp, nested, Row(model), name, target, call)] = f"POST {view.name}"


def written_by(project: Project, view: Class) -> Class | None:
    """Return the serializer of a view whose `create` REST framework writes, where the serializer has its own."""
    if not any(
        str(base).startswith("rest_framework") and str(base).endswith(CREATES) for base in project.externals(view)
    ):
        return None
    found = project.class_member(view, "serializer_class")
    if (
        isinstance(project.class_member(view, "create"), tuple)
        or not isinstance(found, tuple)
        or found[1][0] != "value"
    ):
        return None
    entity = project.expression(found[0].module, found[1][1]) if found[1][1] is not None else None
    if not isinstance(entity, Class) or not is_serializer(project, entity):
        return None
    own = isinstance(project.class_member(entity, "create"), tuple)
    return entity if own and not isinstance(project.class_member(entity, "to_representation"), tuple) else None


def fetches(interp: "Interpreter", view: Class) -> bool:
    """Tell whether a view's own query fetches relations along, so that only what a write answers lacks them."""
    nodes: list[Node] = []
    for name in ("queryset", "get_queryset"):
        found = interp.project.class_member(view, name)
        if isinstance(found, tuple) and found[1][0] == "func":
            function = found[0].module.functions[found[1][1]]
            interp.consulted.add(function)
            nodes.extend(function.body)
        elif isinstance(found, tuple) and found[1][0] == "value" and found[1][1] is not None:
            nodes.append(found[1][1])
    return any(inner[0] == "attr" and inner[3] == "prefetch_related" for node in nodes for inner in walk(node))


def items(project: Project, cls: Class) -> Iterator[tuple[str, Node, Class]]:
    """Give the nested lists of items that a serializer takes in and shows: the relation, the field, its serializer."""
    for name, owner, call in declared(project, cls):
        given = {key: value for key, value in call[4] if key}
        entity = project.expression(owner.module, call[2])
        if not isinstance(entity, Class) or not is_serializer(project, entity):
            continue
        if "many" in given and given["many"][2] is True and "read_only" not in given and "write_only" not in given:
            source = given.get("source")
            yield (str(source[2]) if source is not None else name), call, entity


def shown(interp: "Interpreter", cls: Class, owner: Row, name: str, model: Model, call: Node) -> Function:
    """Read how a serializer shows the items of what was saved; return the function that stands for it."""
    made = synthesize(interp.project, interp.schema, cls)
    facts = (
        "to_representation", f"{cls.qualified}.to_representation", cls.line, cls.end_line, (), made.parameters, None, 0,
        made.body, -1, -1,
    )  # fmt: skip
    function = Function(cls.module, -1, facts)
    frame = Frame(interp, function)
    rows = Rows(model, QUERYSET, call[1])
    rows.relation, rows.owner = name, owner
    loop = Loop("answer", cls.line << 12, f"the {name} that a write answers with", relation_size(owner, name), rows)
    frame.loops.append(loop)
    frame.env.update({"self": Instance(cls, frame.depth), "obj": Row(model, model.always, frame.depth)})
    interp.stack.append(function)
    try:
        frame.run(function.body)
    finally:
        interp.stack.pop()
    frame.loops.pop()
    interp.readings.append(Reading(frame, True, None))
    return function
