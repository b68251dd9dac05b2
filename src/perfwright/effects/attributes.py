"""Reading an attribute: of a module, a class, an object, a row, a query, something of a library."""

from typing import TYPE_CHECKING

from perfwright.effects.frame import Frame
from perfwright.effects.guesses import manager_of_unknown
from perfwright.effects.iteration import deepen
from perfwright.effects.queries import FLASK_QUERY, MANAGER, QUERY, follow, manager
from perfwright.effects.schema import DJANGO
from perfwright.effects.values import (
    FILLED,
    UNKNOWN,
    Awaitable,
    ClassValue,
    Constant,
    External,
    Few,
    Foreign,
    FunctionValue,
    Instance,
    ModuleValue,
    Row,
    Rows,
    Scalar,
    Sequence,
    Super,
    Value,
)
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function
from perfwright.index.project import Value as Global
from perfwright.index.tree import walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

DJANGO_MODEL = "django.db.models.Model"
MEANT = 3  # names that stand for each other
OVERRIDES = 6  # readings of a method that overrides a library's, for other models: then it is the library's again
FORM_DATA = "cleaned_data"  # of a form: what one request sent, by field
WHOLE = ("items", "values", "keys", "copy")  # methods that give all that something holds
VIEWS = ("items", "values", "keys", "get", "copy", "pop", "setdefault")  # methods that give what something holds
HOLDS_MORE = ("JSONField", "JSON", "JSONB", "ArrayField", "ARRAY", "JSONList", "JSONDict", "PickleType", "HStoreField")
HOLDERS = ("flask.g", "flask.globals.g", "quart.g")  # objects that a project puts what it likes on
ROW_FIELDS = ("id", "pk", "_state", "_meta", "__dict__", "__class__")


def read(interp: "Interpreter", frame: Frame, base: Value, name: str, node: Node) -> Value:
    """Return `base.name`."""
    if isinstance(base, Row):
        return of_row(interp, frame, base, name, node)
    if isinstance(base, Instance):
        return of_instance(interp, frame, base, base.cls, name, node)
    if isinstance(base, Rows):
        return of_rows(interp, frame, base, name, node)
    if isinstance(base, External):
        return of_external(interp, frame, base, name, node)
    if isinstance(base, ModuleValue):
        entity = interp.project.member(base.module, name)
        return interp.entity_value(entity) if entity is not None else UNKNOWN
    if isinstance(base, ClassValue):
        return of_class(interp, frame, base, name, node)
    if isinstance(base, Foreign):
        return of_foreign(interp, frame, base, name, node)
    if isinstance(base, Sequence):
        return External(f"builtins.{base.of}.{name}", base)
    if isinstance(base, Scalar | Constant):
        if isinstance(base, Constant) and base.value is None:
            return Value(base.depth, base.root)
        return External(f"builtins.str.{name}", base)
    if isinstance(base, Super):
        return of_super(interp, frame, base, name, node)
    if isinstance(base, Awaitable):
        return Value(base.depth, base.root)
    return of_unknown(base, name) or manager_of_unknown(frame, base, name, node[1]) or Value(base.depth, base.root)


def of_unknown(base: Value, name: str) -> Value | None:
    """Return what is known of an attribute of something unknown: whether it holds few."""
    if isinstance(base, Few):
        return Few(base.depth, base.root, inner=base.inner or name in WHOLE) if name in VIEWS else None
    return Few(base.depth, base.root) if name == FORM_DATA else None


def of_external(interp: "Interpreter", frame: Frame, base: External, name: str, node: Node) -> Value:
    if base.name in HOLDERS:
        kept = of_request(interp, name)
        return kept if kept.kind != "unknown" else Value(frame.depth)
    qualified = interp.libraries.canonical(f"{base.name}.{name}")
    entry = interp.libraries.get(qualified)
    if entry is not None and entry.attribute:
        return attribute_entry(frame, entry, base, node)
    return External(qualified, base.bound)


def of_request(interp: "Interpreter", name: str) -> Value:
    """Return what functions of the project put on Flask's `g` under a name: `g.user = load_user()`."""
    key = (0, f"g.{name}")
    known = interp.globals.get(key)
    if known is not None:
        return known
    interp.globals[key] = UNKNOWN
    for module in interp.project.modules.values():
        binding = module.names.get("g")
        if binding is None or binding[0] != "import":
            continue
        for function in module.functions:
            for node in walk(function.body):
                target = node[2][0] if node[0] == "assign" else node
                if target[0] != "attr" or target[3] != name or target[2][:3:2] != ("name", "g") or target is node:
                    continue
                found = quiet_value(interp, function, meant(function, node[3]))
                if isinstance(found, Row):
                    found.assumed = True
                    interp.globals[key] = found
                    interp.consulted.add(function)
                    return found
    return UNKNOWN


def meant(function: Function, node: Node, depth: int = 0) -> Node:
    """Return what an expression stands for where there is something: `user if user.active else None` is the user."""
    if depth > MEANT:
        return node
    if node[0] == "if":
        return meant(function, node[3], depth + 1)
    if node[0] == "bool":
        return meant(function, node[3][0 if node[2] == "or" else -1], depth + 1)
    if node[0] == "name":
        bound = [each for each in walk(function.body) if each[0] == "assign" and each[1] < node[1]]
        for each in bound:
            if each[3][0] != "const" and any(target[:3:2] == ("name", node[2]) for target in each[2]):
                return meant(function, each[3], depth + 1)
    return node


def attribute_entry(frame: Frame, entry: object, base: Value, node: Node) -> Value:
    from perfwright.effects.calls import emit_effects, result_of

    emit_effects(frame, entry, entry.does, base, (), ("call", node[1], node, (), ()))  # type: ignore[arg-type, attr-defined]
    found = result_of(frame, entry, entry.returns, base, (), {}, ("call", node[1], node, (), ()))  # type: ignore[arg-type, attr-defined]
    found = deepen(found, base.depth)
    if found is not UNKNOWN and found.kind != "external":
        found.root = base.root
    return found


def of_foreign(interp: "Interpreter", frame: Frame, base: Foreign, name: str, node: Node) -> Value:
    entry = interp.libraries.method(base.name, name)
    if entry is not None and entry.attribute:
        return attribute_entry(frame, entry, base, node)
    if entry is None and not interp.libraries.is_class(base.name):
        handled = interp.entries.foreign_attribute(base, name)
        if handled is not None:
            return handled
    return External(f"{base.name}.{name}", base)


def of_class(interp: "Interpreter", frame: Frame, base: ClassValue, name: str, node: Node) -> Value:
    cls = base.cls
    model = base.model or interp.schema.of(cls)
    if model is not None and model.historical:
        return manager(frame, model, node[1], None)
    if model is not None:
        if name in model.managers or name in ("objects", "_default_manager", "_base_manager", "default_manager"):
            return manager(frame, model, node[1], interp.manager_class(model, name))
        if name == "query" and name not in cls.names:
            flask = any(str(base).startswith("flask_sqlalchemy.") for base in interp.project.externals(cls))
            rows = Rows(model, FLASK_QUERY if flask else QUERY, node[1], frame.depth)
            rows.fetched = model.always
            return rows
    found = interp.project.class_member(cls, name)
    if isinstance(found, tuple):
        owner, binding = found
        if binding[0] == "func":
            function = owner.module.functions[binding[1]]
            names = interp.decorators(function)
            if "classmethod" in names or function.name == "__new__":
                return FunctionValue(function, base)
            return FunctionValue(function)
        return class_value(interp, owner, name, binding)
    for external in interp.project.externals(cls):
        entry = interp.libraries.method(external, name)
        if entry is not None:
            return External(f"{external}.{name}", base)
    return UNKNOWN


def class_value(interp: "Interpreter", owner: Class, name: str, binding: Node) -> Value:
    """Return what a name of a class's body is bound to."""
    key = (id(owner), name)
    known = interp.class_types.get(key)
    if known is None:
        interp.class_types[key] = UNKNOWN
        entity = interp.project.bound(owner.module, f"{owner.qualified}.{name}", binding)
        known = UNKNOWN
        if isinstance(entity, Global):
            known = interp.evaluated(entity)
        elif entity is not None:
            known = interp.entity_value(entity)
        interp.class_types[key] = known
    return known


def of_instance(
    interp: "Interpreter", frame: Frame, base: Value, cls: Class, name: str, node: Node, *, after: Class | None = None
) -> Value:
    """Read an attribute of an object of a project's class; a property is called."""
    if name == "__class__":
        return ClassValue(cls)
    if name == "action" and isinstance(base, Instance) and base.action:
        return Constant(base.action, base.depth)
    found = interp.project.class_member(cls, name)
    if after is not None:
        found = above(interp, cls, after, name)
    if isinstance(found, tuple):
        owner, binding = found
        if binding[0] == "func":
            return of_function(interp, frame, base, owner.module.functions[binding[1]], node)
        if binding[0] == "value" and is_default(binding, name in cls.setters):
            pass  # a default that methods or classes below replace: what they set says more
        else:
            value = class_value(interp, owner, name, binding)
            if value.kind == "unknown" and name not in cls.setters:
                return Value(base.depth, base.root)
            if isinstance(value, Row) and binding[0] == "value" and binding[2] is not None:
                value = deepen(value, 0)
                value.assumed = True  # type: ignore[attr-defined]
            if value.kind != "unknown":
                return at(value, base)
    value = instance_type(interp, cls, name)
    if value.kind != "unknown":
        return at(value, base)
    for external in interp.project.externals(cls) if not isinstance(found, tuple) else ():
        canonical = interp.libraries.canonical(external)
        entry = interp.libraries.method(canonical, name)
        if entry is not None:
            if entry.attribute:
                return attribute_entry(frame, entry, base, node)
            return External(f"{canonical}.{name}", base)
    handled = interp.entries.instance_attribute(base, name)
    return handled or of_unknown(base, name) or Value(base.depth, base.root)


def is_default(binding: Node, replaced: bool) -> bool:
    """Tell whether what a class says of an attribute only stands for something else: a constant, or None."""
    node = binding[1]
    return bool(node is not None and node[0] == "const" and (replaced or (node[2] is None and binding[2] is None)))


def of_function(interp: "Interpreter", frame: Frame, base: Value, function: Function, node: Node) -> Value:
    if interp.is_property(function):
        saved = frame.guards
        if any("cached" in name for name in interp.decorators(function)) and base.depth < frame.depth:
            frame.guards += 1  # kept on an object that is older than the loop
        result = interp.invoke(frame, FunctionValue(function, base), (), {}, node)
        frame.guards = saved
        return result
    names = interp.decorators(function)
    if "staticmethod" in names:
        return FunctionValue(function)
    if "classmethod" in names:
        return FunctionValue(function, ClassValue(function.owner) if function.owner is not None else None)
    return FunctionValue(function, base)


def above(interp: "Interpreter", cls: Class, after: Class, name: str) -> tuple[Class, Node] | None:
    order = interp.project.mro(cls)
    start = order.index(after) + 1 if after in order else 0
    for candidate in order[start:]:
        if isinstance(candidate, Class) and name in candidate.names:
            return candidate, candidate.names[name]
    return None


def at(value: Value, base: Value) -> Value:
    """Return a value kept on an object: as old as the object."""
    found = deepen(value, base.depth)
    if isinstance(found, Sequence):
        found.load = None
    elif isinstance(found, Rows):
        found.escaped = not found.manager
    if found is not UNKNOWN and found.kind in ("row", "rows", "sequence", "instance", "foreign", "unknown", "scalar"):
        found.root = base.root
    return found


def instance_type(interp: "Interpreter", cls: Class, name: str) -> Value:
    """Return what methods of a class set `self.<name>` to, `__init__` before the others."""
    key = (id(cls), name)
    known = interp.instance_types.get(key)
    if known is not None and known.kind != "unknown":
        return known
    if key in interp.class_types:
        return interp.class_types[key]
    interp.class_types[key] = UNKNOWN
    for owner in interp.project.mro(cls):
        if not isinstance(owner, Class):
            continue
        declared = owner.names.get(name)
        if declared is not None and declared[0] == "value" and declared[2] is not None:
            value = interp.annotation(owner.module, declared[2], 0)
            if isinstance(value, Row):
                value = deepen(value, 0)
                value.assumed = True  # type: ignore[attr-defined]
            if value.kind != "unknown":
                interp.class_types[key] = value
                return value
        setters = owner.setters.get(name, ())
        functions = [owner.module.functions[index] for index in setters]
        for function in sorted(functions, key=lambda f: f.name != "__init__"):
            value = assigned_type(interp, function, name)
            if value.kind != "unknown" and not (isinstance(value, Constant) and value.value is None):
                interp.class_types[key] = value
                return value
    return UNKNOWN


def assigned_type(interp: "Interpreter", function: Function, name: str) -> Value:
    """Return the type of `self.<name> = ...` in a method, read from that statement alone."""
    interp.consulted.add(function)
    first = function.parameters[0][0] if function.parameters else ""
    for node in walk(function.body):
        if node[0] == "ann" and node[2][0] == "attr" and node[2][3] == name:
            return interp.annotation(function.module, node[3], 0)
        if node[0] == "assign" and any(
            t[0] == "attr" and t[3] == name and t[2][0] == "name" and t[2][2] == first for t in node[2]
        ):
            value = node[3]
            if value[0] == "bool":
                value = value[3][-1]
            if value[0] == "name":
                for index, parameter in enumerate(function.parameters):
                    if parameter[0] == value[2]:
                        return interp.parameters(function)[index]
            return quiet_value(interp, function, value)
    return UNKNOWN


def quiet_value(interp: "Interpreter", function: Function, node: Node) -> Value:
    """Return what an expression of a method is worth, without anybody noticing its effects."""
    if len(interp.stack) > 30:
        return UNKNOWN
    frame = Frame(interp, function)
    for (name, _, _, _), value in zip(function.parameters, interp.parameters(function), strict=True):
        frame.env[name] = value
    if function.parameters:
        frame.self_value = frame.env[function.parameters[0][0]]
    found = frame.value(node)
    if isinstance(found, Awaitable):
        found = found.result
    if isinstance(found, Sequence) and found.fills:
        return Foreign(FILLED, 0)  # other methods fill it
    return deepen(found, 0)


def of_super(interp: "Interpreter", frame: Frame, base: Super, name: str, node: Node) -> Value:
    bound = base.bound
    if isinstance(bound, Instance | Row):
        cls = bound.cls if isinstance(bound, Instance) else bound.model.cls
        found = above(interp, cls, base.above, name)
        if found is not None:
            if found[1][0] == "func":
                return of_function(interp, frame, bound, found[0].module.functions[found[1][1]], node)
            return at(class_value(interp, found[0], name, found[1]), bound)
        if isinstance(bound, Row):
            if bound.model.framework == "django":
                return External(f"{DJANGO_MODEL}.{name}", bound)
            return UNKNOWN
        for external in interp.project.externals(cls):
            entry = interp.libraries.method(interp.libraries.canonical(external), name)
            if entry is not None:
                return External(f"{interp.libraries.canonical(external)}.{name}", bound)
        handled = interp.entries.instance_attribute(bound, name)
        return handled if handled is not None else UNKNOWN
    if isinstance(bound, ClassValue):
        found = above(interp, bound.cls, base.above, name)
        if found is not None and found[1][0] == "func":
            return FunctionValue(found[0].module.functions[found[1][1]], bound)
        model = interp.schema.of(bound.cls)
        return External(f"{DJANGO_MODEL}.{name}", bound) if model is not None and model.framework == DJANGO else UNKNOWN
    if isinstance(bound, Rows):
        if bound.custom is not None:
            found = above(interp, bound.custom, base.above, name)
            if found is not None and found[1][0] == "func":
                return FunctionValue(found[0].module.functions[found[1][1]], bound)
        return External(f"{bound.api}.{name}", bound)
    return UNKNOWN


def of_rows(interp: "Interpreter", frame: Frame, base: Rows, name: str, node: Node) -> Value:
    if base.custom is not None:
        found = interp.project.class_member(base.custom, name)
        if isinstance(found, tuple) and found[1][0] == "func":
            function = found[0].module.functions[found[1][1]]
            if interp.shapes.get(id(function), 0) < OVERRIDES or interp.libraries.method(base.api, name) is None:
                return of_function(interp, frame, base, function, node)
    if name in ("model",) and base.model is not None:
        return ClassValue(base.model.cls)
    if name == "object_list" and base.api == "django.core.paginator.Paginator":
        return base  # a page's rows
    return External(f"{base.api}.{name}", base)


def of_row(interp: "Interpreter", frame: Frame, base: Row, name: str, node: Node) -> Value:
    model = base.model
    relation = model.relations.get(name)
    if relation is not None:
        return follow(frame, base, name, relation, node)
    if name in base.seen:
        return base.seen[name]
    column = model.columns.get(name)
    if column is not None and column.type in HOLDS_MORE:
        return Few(base.depth, base.root)
    if column is not None:
        return Scalar(_python_type(column.type), base.depth, base.root)
    if name in ROW_FIELDS or name.endswith("_id"):
        return Scalar("int", base.depth, base.root)
    if name in model.managers or name == "objects":
        return manager(frame, model, node[1], interp.manager_class(model, name))
    found = interp.project.class_member(model.cls, name)
    if isinstance(found, tuple) and not model.historical:
        owner, binding = found
        if binding[0] == "func":
            return of_function(interp, frame, base, owner.module.functions[binding[1]], node)
        return at(class_value(interp, owner, name, binding), base)
    if model.framework == "django":
        entry = interp.libraries.method(DJANGO_MODEL, name)
        if entry is not None:
            return External(f"{DJANGO_MODEL}.{name}", base)
    for external in interp.project.externals(model.cls):
        entry = interp.libraries.method(interp.libraries.canonical(external), name)
        if entry is not None:
            return External(f"{interp.libraries.canonical(external)}.{name}", base)
    return Value(base.depth, base.root)


def _python_type(column: str) -> str:
    if column in ("CharField", "TextField", "String", "Text", "str", "SlugField", "EmailField", "URLField"):
        return "str"
    return ""


__all__ = ["MANAGER", "read"]
