"""marshmallow's schemas as functions: dumping one object reads what the fields read, dumping many does so for each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfwright.effects.calls import emit_effects
from perfwright.effects.frame import Frame
from perfwright.effects.schema import Schema
from perfwright.effects.serializers import each_row, last, meta, strings
from perfwright.effects.values import (
    External,
    FunctionValue,
    Instance,
    LambdaValue,
    Row,
    Value,
    holds_rows,
)
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Class, Function, Module, Project

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

PACKAGES = ("marshmallow", "flask_marshmallow", "marshmallow_sqlalchemy", "apiflask", "flask_smorest")
DUMPS = ("dump", "dumps", "jsonify")
ANSWERING = ("response", "output", "marshal_with", "marshal_list_with")  # decorators that dump what a view returns
ONLY, EXCLUDE = "only:", "exclude:"
SELF_AND_OBJ = (("self", None, None, POSITIONAL), ("obj", None, None, POSITIONAL))


class Schemas:
    """The schemas of a project, each as the function that it is for one object."""

    def __init__(self, project: Project, tables: Schema) -> None:
        self.project, self.tables = project, tables
        self.made: dict[tuple[int, str], Function] = {}
        self.known: dict[int, bool] = {}

    def is_schema(self, cls: Class) -> bool:
        """Tell whether a class is a schema."""
        known = self.known.get(id(cls))
        if known is None:
            names = [str(base) for base in self.project.externals(cls)]
            known = any(name.partition(".")[0] in PACKAGES and name.endswith("Schema") for name in names)
            self.known[id(cls)] = known
        return known

    def shown(self, node: Node) -> str:
        """Return which fields a schema that is made shows, where it says so: `only:id,title`, `exclude:author`."""
        for key, value in node[4] if node[0] == "call" else ():
            if key in ("only", "exclude"):
                names = strings(value) if value[0] == "coll" else [str(value[2])] if value[0] == "const" else []
                return f"{key}:{','.join(names)}"
        return ""

    # --------------------------------------------------------------------------- dumping
    def called(
        self,
        interp: "Interpreter",
        frame: Frame,
        callee: External,
        arguments: tuple[Value, ...],
        keywords: dict[str, Value],
        node: Node,
    ) -> Value | None:
        """Call `dump` of a schema; None where it is that of something else, or where no rows are dumped."""
        schema = callee.bound
        if not isinstance(schema, Instance) or not arguments or not self.is_schema(schema.cls):
            return None
        dumped = self.dumped(interp, frame, schema, arguments[0], node)
        entry = interp.libraries.get(callee.name)
        if dumped is not None and entry is not None:
            emit_effects(frame, entry, entry.does, schema, arguments, node, keywords)
        return dumped

    def dumped(self, interp: "Interpreter", frame: Frame, schema: Instance, given: Value, node: Node) -> Value | None:
        """Dump a row, or each of many; None where what is given is no row."""
        if isinstance(given, Row):
            function = self.function(interp, schema.cls, schema.action)
            interp.invoke(frame, FunctionValue(function, Instance(schema.cls)), (given,), {}, node)
            return Value(frame.depth)
        if not holds_rows(given):
            return None
        function = self.function(interp, schema.cls, schema.action)
        return each_row(frame, function, Instance(schema.cls), given, node)

    def answered(self, function: Function) -> Instance | None:
        """Return the schema that a decorator of a view dumps its answer by: `@blp.response(200, BookSchema)`."""
        for decorator in function.decorators:
            if decorator[0] == "call" and last(decorator[2]) in ANSWERING:
                for argument in decorator[3]:
                    found = self.named(function.module, argument)
                    if found is not None:
                        return found
        return None

    def named(self, module: Module, node: Node) -> Instance | None:
        """Return the schema that `BookSchema`, `BookSchema(only=...)`, `"BookSchema"` or a lambda of it stands for."""
        if node[0] == "lambda":
            return self.named(module, node[3])
        how = self.shown(node)
        named = node[2] if node[0] == "call" else node
        if named[0] == "const" and isinstance(named[2], str):
            path, _, name = named[2].rpartition(".")
            place = self.project.modules.get(path) if path else module
            entity = self.project.lookup(place, name) if place is not None else None
        else:
            entity = self.project.expression(module, named) if named[0] in ("name", "attr") else None
        if isinstance(entity, Class) and self.is_schema(entity):
            return Instance(entity, action=how)
        return None

    # ---------------------------------------------------------------------------- fields
    def function(self, interp: "Interpreter", cls: Class, how: str) -> Function:
        """Return the function `dump(self, obj)` of a schema that shows some of its fields, or all of them."""
        key = (id(cls), how)
        known = self.made.get(key)
        if known is None:
            facts = (cls.name, cls.qualified, cls.line, cls.end_line, (), SELF_AND_OBJ, None, 0, (), -1, -1)
            known = self.made[key] = Function(cls.module, -1, facts)  # before its body: schemas nest each other
            known.written = tuple([("expr", node[1], node) for node in self._reads(interp, cls, how)])
        return known

    def _reads(self, interp: "Interpreter", cls: Class, how: str) -> Iterator[Node]:
        position = cls.line << 12
        names = how.partition(":")[2].split(",") if how else []
        hidden = self._meta_strings(cls, "exclude")
        declared: set[str] = set()
        for base in reversed(self.project.mro(cls)):
            if not isinstance(base, Class):
                continue
            for name, binding in base.names.items():
                if binding[0] == "func":
                    yield from self._hook(base, binding[1], position)
                elif binding[0] == "value" and binding[1] is not None and binding[1][0] == "call":
                    declared.add(name)
                    if name not in hidden and visible(name, how, names):
                        place = binding[1][1] if base.module is cls.module else position
                        yield from self._field(interp, base, name, binding[1], place)
        for name in (*self._meta_strings(cls, "fields"), *self._meta_strings(cls, "additional"), *self._related(cls)):
            if name not in declared and name not in hidden and visible(name, how, names):
                yield ("attr", position, ("name", position, "obj"), name)

    def _meta_strings(self, cls: Class, name: str) -> list[str]:
        found = meta(self.project, cls, name)
        return strings(found[1]) if found is not None else []

    def _related(self, cls: Class) -> list[str]:
        """Return the relations that a schema made from a model shows the keys of."""
        asked = meta(self.project, cls, "include_relationships")
        if asked is None or asked[1][0] != "const" or asked[1][2] is not True:
            return []
        found = meta(self.project, cls, "model")
        entity = self.project.expression(found[0].module, found[1]) if found is not None else None
        model = self.tables.of(entity) if isinstance(entity, Class) else None
        return list(model.relations) if model is not None else []

    def _hook(self, base: Class, index: int, position: int) -> Iterator[Node]:
        """Give the call of a `pre_dump` method, which is given the object."""
        function = base.module.functions[index]
        for decorator in function.decorators:
            called = decorator[0] == "call"
            if last(decorator[2] if called else decorator) != "pre_dump":
                continue
            if not called or not any(key == "pass_many" for key, _ in decorator[4]):
                method: Node = ("given", position, FunctionValue(function, Instance(base)), function.name)
                yield ("call", position, method, (("name", position, "obj"),), ())

    def _field(self, interp: "Interpreter", base: Class, name: str, call: Node, position: int) -> Iterator[Node]:
        """Give what one declared field reads of `obj`."""
        kind, keywords = last(call[2]), dict(call[4])
        hidden = keywords.get("load_only")
        if hidden is not None and hidden[0] == "const" and hidden[2] is True:
            return
        obj: Node = ("name", position, "obj")
        attribute = keywords.get("attribute")
        read = obj
        for part in (str(attribute[2]) if attribute is not None and attribute[0] == "const" else name).split("."):
            read = ("attr", position, read, part)
        first = call[3][0] if call[3] else keywords.get("nested") or keywords.get("serialize") or keywords.get("func")
        if kind == "Method" and first is not None and first[0] == "const":
            yield ("call", position, ("attr", position, ("name", position, "self"), str(first[2])), (obj,), ())
        elif kind == "Function" and first is not None:
            made = first
            if first[0] == "lambda":
                made = ("given", position, LambdaValue(first, interp.module_frame(base.module)), "function")
            yield ("call", position, made, (obj,), ())
        elif kind in ("Nested", "Pluck"):
            yield self._nested(interp, base.module, call, read, position)
        elif kind == "List" and first is not None and first[0] == "call" and last(first[2]) in ("Nested", "Pluck"):
            yield self._nested(interp, base.module, first, read, position, many=True)
        else:
            yield read

    def _nested(
        self, interp: "Interpreter", module: Module, call: Node, read: Node, position: int, *, many: bool = False
    ) -> Node:
        keywords = dict(call[4])
        first = call[3][0] if call[3] else keywords.get("nested")
        found = self.named(module, first) if first is not None else None
        if found is None:
            return read
        how = found.action or self.shown(call)
        if last(call[2]) == "Pluck" and len(call[3]) > 1 and call[3][1][0] == "const":
            how = f"{ONLY}{call[3][1][2]}"
        made = FunctionValue(self.function(interp, found.cls, how), Instance(found.cls))
        shown: Node = ("given", position, made, found.cls.name)
        given = keywords.get("many")
        inner = first if first is not None and first[0] == "call" else None  # Nested(TagSchema(many=True))
        for said in (given, dict(inner[4]).get("many") if inner is not None else None):
            many = many or (said is not None and said[0] == "const" and said[2] is True)
        if not many:
            return ("call", position, shown, (read,), ())
        item: Node = ("name", position, "item")
        return ("comp", position, "list", ("call", position, shown, (item,), ()), ((item, read, (), False),), None)


def visible(name: str, how: str, names: list[str]) -> bool:
    """Tell whether a schema shows a field; `author.name` shows the author."""
    if how.startswith(ONLY):
        return any(each.partition(".")[0] == name for each in names)
    return name not in names


__all__ = ["DUMPS", "Schemas"]
