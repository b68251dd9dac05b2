"""What REST framework asks the database while it validates lists of items: one query for each related field of each."""

from typing import TYPE_CHECKING

from perfwright.effects.frame import Frame, Loop
from perfwright.effects.observations import Reading
from perfwright.effects.schema import Model
from perfwright.effects.serializers import declared, is_serializer, meta, model_of, strings
from perfwright.effects.values import ITEMS, UNKNOWN, Rows
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module, Project
from perfwright.index.tree import walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

ASKING = ("PrimaryKeyRelatedField", "SlugRelatedField", "HyperlinkedRelatedField")
WRITES = ("create", "update", "save", "to_internal_value")
QUERYSET = "django.db.models.QuerySet"


def read(interp: "Interpreter") -> None:
    """Read what each serializer's nested lists of items cost to validate, where the serializer takes them."""
    known: set[Class] = set()
    for cls in interp.project.classes:
        if not is_serializer(interp.project, cls) or not takes(interp, cls):
            continue
        for name, owner, call in declared(interp.project, cls):
            given = {key: value for key, value in call[4] if key}
            many, only = given.get("many"), given.get("read_only")
            entity = interp.project.expression(owner.module, call[2])
            if many is None or many[2] is not True or only is not None or not isinstance(entity, Class):
                continue
            if entity not in known and is_serializer(interp.project, entity):
                known.add(entity)
                validated(interp, entity, name)
    for cls in interp.project.classes:
        if cls in known or not is_serializer(interp.project, cls) or not looks_up(interp.project, cls):
            continue
        if any(takes_list(interp.project, module, cls) for module in interp.project.modules.values()):
            validated(interp, cls, "the items")


def looks_up(project: Project, cls: Class) -> bool:
    """Tell whether a serializer has a field that looks a row up."""
    return any(
        call[2][-1] in ASKING and any(key == "queryset" for key, _ in call[4]) for _, _, call in declared(project, cls)
    )


def takes_list(project: Project, module: Module, cls: Class) -> bool:
    """Tell whether a module gives a serializer many items to validate: `Item(data=..., many=True)`, or by a helper."""
    if cls.name not in module.names:
        return False
    for function in module.functions:
        for node in walk(function.body):
            if node[0] != "call" or not any(key == "many" and value[2] is True for key, value in node[4]):
                continue
            if node[2][-1] == cls.name and any(key == "data" for key, _ in node[4]):
                return project.expression(module, node[2]) is cls
            handed = [each for each in node[3] if each[0] == "name" and each[2] == cls.name]
            if handed and meta(project, cls, "model") is None and project.expression(module, handed[0]) is cls:
                return True
    return False


def takes(interp: "Interpreter", cls: Class) -> bool:
    """Tell whether a serializer is written for input: REST framework itself writes no nested items."""
    if any(isinstance(interp.project.class_member(cls, name), tuple) for name in WRITES):
        return True
    return model_of(interp.project, interp.schema, cls) is None


def validated(interp: "Interpreter", cls: Class, items: str) -> None:
    """Read the validation of a list of items."""
    asked = list(related(interp, cls))
    if not asked:
        return
    facts = (
        "to_internal_value", f"{cls.qualified}.to_internal_value", cls.line, cls.end_line, (), (), None, 0, (), -1, -1,
    )  # fmt: skip
    frame = Frame(interp, Function(cls.module, -1, facts))
    frame.loops.append(Loop("for", cls.line << 12, items, ITEMS, UNKNOWN))
    for name, model, position in asked:
        shown = f"{name}: {model.name}"
        frame.emit("db.query", model.name, position, shown, detail=Rows(model, QUERYSET, position, 1))
    frame.loops.pop()
    interp.readings.append(Reading(frame, True, None))


def related(interp: "Interpreter", cls: Class) -> list[tuple[str, Model, int]]:
    """Return the fields of a serializer that look a row up: the name, its model, and where it stands."""
    project, schema = interp.project, interp.schema
    found: list[tuple[str, Model, int]] = []
    own: set[str] = set()
    model = model_of(project, schema, cls)
    for name, owner, call in declared(project, cls):
        own.add(name)
        given = {key: value for key, value in call[4] if key}
        if call[2][-1] not in ASKING or "queryset" not in given or "many" in given:
            continue
        rows = interp.module_frame(owner.module).value(given["queryset"])
        if isinstance(rows, Rows) and rows.model is not None:
            found.append((name, rows.model, call[1]))
    fields = meta(project, cls, "fields")
    if model is None or fields is None:
        return found
    left = {*own, *listed(project, cls, "read_only_fields"), *hidden(project, cls)}
    for item in fields[1][3] if fields[1][0] == "coll" else ():
        relation = model.relations.get(item[2]) if item[0] == "const" else None
        if relation is None or relation.many or relation.generic or relation.target is None or item[2] in left:
            continue
        if relation.column is not None and item[2] in model.columns:
            found.append((item[2], relation.target, item[1]))
    return found


def listed(project: Project, cls: Class, name: str) -> list[str]:
    found = meta(project, cls, name)
    return strings(found[1]) if found is not None else []


def hidden(project: Project, cls: Class) -> list[str]:
    """Return the fields that `extra_kwargs` makes read-only."""
    found = meta(project, cls, "extra_kwargs")
    if found is None or found[1][0] != "dict":
        return []
    pairs: list[tuple[Node | None, Node]] = list(zip(found[1][2], found[1][3], strict=True))
    return [
        str(key[2])
        for key, value in pairs
        if key is not None and key[0] == "const" and value[0] == "dict"
        if any(each is not None and each[:3:2] == ("const", "read_only") for each in value[2])
    ]
