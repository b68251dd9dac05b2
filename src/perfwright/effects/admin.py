"""Django's admin: what its lists, forms and inlines read of each row, as functions made here.

The list shows a page of rows and reads each column of `list_display`; beside it stand the text of every row that a
filter along a relation may choose, and the days of all rows where there is a `date_hierarchy`. A form shows a select
box for each foreign key, with the text of every row that may be chosen. An inline has such a form for each of its rows.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfwright.effects.frame import Frame
from perfwright.effects.iteration import iterate, relation_size
from perfwright.effects.observations import Reading
from perfwright.effects.orders import at_path, relation_at
from perfwright.effects.queries import QUERYSET, manager
from perfwright.effects.schema import Model, Relation, Schema
from perfwright.effects.serializers import last, strings
from perfwright.effects.values import PAGE, UNKNOWN, ClassValue, External, FunctionValue, Instance, Row, Rows
from perfwright.effects.where import note
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Class, Function, Module, Project, Value

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

ADMINS = ("ModelAdmin", "Admin", "AdminMixin")
INLINES = ("TabularInline", "StackedInline", "InlineModelAdmin", "Inline")
WITHOUT_BOX = ("raw_id_fields", "autocomplete_fields", "readonly_fields", "exclude")  # no list of all rows is shown
OWN_FORM = (
    *("form", "formfield_for_foreignkey", "formfield_for_manytomany", "formfield_for_dbfield", "get_form"),
    *("get_readonly_fields", "get_fields", "get_fieldsets", "get_exclude", "formset", "formfield_overrides"),
)
OBJ = (("obj", None, None, POSITIONAL),)
DEEPEST = 3  # relations that `select_related()` without names follows, of the five that Django does


class Admin:
    """The admin classes of a project, by the model that each is registered for."""

    def __init__(self, project: Project, schema: Schema, modules: list[Module], labels: dict[Function, str]) -> None:
        self.project, self.schema, self.labels = project, schema, labels
        self.models: dict[Class, Model] = {}
        self.plain: list[tuple[Module, int, Model]] = []  # registered without a class: everything as Django has it
        self.made: dict[tuple[str, int], Function] = {}
        for module in modules:
            for cls in module.classes:
                self._decorated(cls)
            for statement in module.body:
                if statement[0] == "expr" and statement[2][0] == "call":
                    self._registered(module, statement[2])

    def _decorated(self, cls: Class) -> None:
        """Note the model of `@admin.register(Order)`, and that of an inline."""
        for decorator in cls.decorators:
            if decorator[0] == "call" and last(decorator[2]) == "register" and decorator[3]:
                model = self._model(cls.module, decorator[3][0])
                if model is not None:
                    self.models[cls] = model
        if any(str(base).endswith(INLINES) for base in self.project.externals(cls)):
            found = self.project.class_member(cls, "model")
            if isinstance(found, tuple) and found[1][0] == "value" and found[1][1] is not None:
                model = self._model(found[0].module, found[1][1])
                if model is not None:
                    self.models[cls] = model

    def _registered(self, module: Module, call: Node) -> None:
        """Note the model of `admin.site.register(Order, OrderAdmin)`, and that of `admin.site.register(Order)`."""
        if last(call[2]) != "register" or not call[3]:
            return
        named = call[3][0][3] if call[3][0][0] == "coll" else (call[3][0],)
        if len(call[3]) == 1 and call[2][0] == "attr" and last(call[2][2]) == "site":
            for node in named:
                model = self._model(module, node)
                if model is not None:
                    self.plain.append((module, call[1], model))
            return
        entity = self.project.expression(module, call[3][1]) if len(call[3]) > 1 else None
        model = self._model(module, named[0]) if named else None
        if isinstance(entity, Class) and model is not None:
            self.models.setdefault(entity, model)

    def _model(self, module: Module, node: Node) -> Model | None:
        entity = self.project.expression(module, node)
        return self.schema.of(entity) if isinstance(entity, Class) else None

    # --------------------------------------------------------------------------- reading
    def read(self, interp: "Interpreter") -> None:
        """Read the list, the form, the inlines and the actions of every admin class."""
        for module, position, model in self.plain:
            self._read_plain(interp, module, position, model)
        inlines: set[Class] = set()
        for cls, model in self.models.items():
            names = [str(base) for base in self.project.externals(cls)]
            if any(name.endswith(INLINES) for name in names) or not any(name.endswith(ADMINS) for name in names):
                continue
            self._read_list(interp, cls, model)
            self._read_form(interp, cls, model)
            for inline in self._classes(cls, "inlines"):
                if inline in self.models and inline not in inlines:
                    inlines.add(inline)  # what its rows cost does not depend on the admin that holds it
                    self._read_inline(interp, inline, model)

    def _read_plain(self, interp: "Interpreter", module: Module, position: int, model: Model) -> None:
        """Read the list and the form that Django makes of a model where nothing is said of them."""
        line, name = position >> 12, f"admin of {model.name}"
        text = ("expr", position, _text(position, ("name", position, "obj")))
        boxes = [
            each for each, r in model.relations.items() if each in model.columns or (r.many and self._own(model, each))
        ]
        shown = Function(module, -1, (name, f"{name}.row", line, line, (), OBJ, None, 0, (text,), -1, -1))
        form = Function(
            module,
            -1,
            (name, f"{name}.form", line, line, (), OBJ, None, 0, tuple(self._choices(model, boxes, position)), -1, -1),
        )
        entry = Function(module, -1, (name, name, line, line, (), (), None, 0, (), -1, -1))
        self.labels[entry] = f"admin {model.name}"
        frame = Frame(interp, entry)
        interp.stack.append(entry)
        page = manager(frame, model, position, interp.manager_class(model)).copy(0)
        page.limited = PAGE
        self._each(interp, frame, shown, page, ("name", position, f"the list of {model.name} rows"))
        row = Row(model, frozenset(model.relations), 0)
        interp.invoke(frame, FunctionValue(form), (row,), {}, ("name", position, name))
        self._finish(interp, frame)

    def _read_list(self, interp: "Interpreter", cls: Class, model: Model) -> None:
        """Read the page of rows that the admin lists, and what is done to the rows that are chosen there."""
        columns = self._strings(cls, "list_display") or [("__str__", cls.line << 12)]
        position = self._position(cls, "list_display")
        body = [("expr", place, read) for name, place in columns for read in self._column(cls, model, name, place)]
        body += self._choices(model, [name for name, _ in self._strings(cls, "list_editable")], position)
        beside = self._function(cls, f"{cls.qualified}.list_filter", cls.line, tuple(self._filters(cls, model)))
        function = self._function(cls, f"{cls.qualified}.list_display", cls.line, tuple(body))
        frame = self._frame(interp, cls, "list", f"admin {model.name}")
        node: Node = ("name", position, f"the list of {model.name} rows")
        rows = self._rows(interp, frame, cls, model, position)
        rows.fetched = rows.fetched | self._list_fetched(cls, model, [name for name, _ in columns])
        page = rows.copy(0)
        page.limited = PAGE
        self._each(interp, frame, function, page, node)
        interp.invoke(frame, FunctionValue(beside), (UNKNOWN,), {}, ("call", position, node, (), ()))
        for action in self._actions(cls):
            chosen = rows.copy(0)
            chosen.filters = ((model, "pk", "in"),)
            called = ("call", action.function.line << 12, ("name", position, action.function.name), (), ())
            given = (UNKNOWN, chosen) if action.bound is not None else (UNKNOWN, UNKNOWN, chosen)
            interp.invoke(frame, action, given, {}, called)
            self.labels.setdefault(action.function, f"admin action {action.function.name}")
        frame.lookups.clear()
        for name, place in self._strings(cls, "date_hierarchy"):
            note(frame, at_path(model, name), "cut", place, f"date_hierarchy: {name}")
        self._finish(interp, frame)

    def _read_form(self, interp: "Interpreter", cls: Class, model: Model) -> None:
        """Read the form of one row: a select box for each relation that may be changed there."""
        if any(self.project.class_member(cls, name) is not None for name in OWN_FORM):
            return
        body = self._choices(model, self._boxes(cls, model), cls.line << 12)
        if body:
            frame = self._frame(interp, cls, "form", f"admin {model.name}")
            function = self._function(cls, f"{cls.qualified}.fields", cls.line, tuple(body))
            row = Row(model, frozenset(model.relations), 0)
            interp.invoke(frame, FunctionValue(function), (row,), {}, ("name", cls.line << 12, cls.name))
            self._finish(interp, frame)

    def _read_inline(self, interp: "Interpreter", cls: Class, parent: Model) -> None:
        """Read the rows of an inline: the text of each, its read-only columns, its own select boxes."""
        model, position = self.models[cls], cls.line << 12
        key = next((r for r in model.relations.values() if r.target is parent and not r.many and r.inverse), None)
        if key is None or key.inverse is None:
            return
        body: list[Node] = [("expr", position, _text(position, ("name", position, "obj")))]
        shown = [*self._strings(cls, "readonly_fields"), *self._strings(cls, "fields")]
        for name, place in dict(shown).items():
            if self._method(cls, name) is not None:
                body += [("expr", place, read) for read in self._column(cls, model, name, place)]
        if not any(self.project.class_member(cls, name) is not None for name in OWN_FORM):
            boxes = [name for name in self._boxes(cls, model) if name != key.name]
            body += self._choices(model, boxes, position)
        frame = self._frame(interp, cls, "rows", f"admin {parent.name}")
        rows = self._rows(interp, frame, cls, model, position).copy(0)
        rows.size = relation_size(Row(parent), key.inverse)
        rows.fetched = rows.fetched | {key.name}
        function = self._function(cls, f"{cls.qualified}.form", cls.line, tuple(body))
        self._each(interp, frame, function, rows, ("name", position, f"the {model.name} rows of {cls.name}"))
        self._finish(interp, frame)

    def _each(self, interp: "Interpreter", frame: Frame, function: Function, rows: Rows, node: Node) -> None:
        element, loop = iterate(frame, rows, node, kind="admin")
        frame.loops.append(loop)
        interp.invoke(frame, FunctionValue(function), (element,), {}, ("call", node[1], node, (), ()))
        frame.loops.pop()

    def _frame(self, interp: "Interpreter", cls: Class, what: str, label: str) -> Frame:
        function = self._function(cls, f"{cls.qualified}.{what}", cls.line, ())
        self.labels[function] = label
        frame = Frame(interp, function)
        frame.self_value = Instance(cls)
        interp.stack.append(function)
        return frame

    def _finish(self, interp: "Interpreter", frame: Frame) -> None:
        interp.stack.pop()
        frame.loads.clear()
        frame.lookups = [lookup for lookup in frame.lookups if lookup.condition == "cut"]
        frame.repeats.clear()
        frame.events = {key: event for key, event in frame.events.items() if event.loops}
        interp.readings.append(Reading(frame, True, None))

    # ------------------------------------------------------------------------------- rows
    def rows_of(self, cls: Class, position: int, depth: int) -> Rows | None:
        """Return what Django's own `get_queryset` of an admin class gives."""
        model = self.models.get(cls)
        if model is None:
            return None
        rows = Rows(model, QUERYSET, position, depth)
        rows.fetched = model.always
        return rows

    def _rows(self, interp: "Interpreter", frame: Frame, cls: Class, model: Model, position: int) -> Rows:
        method = self._method(cls, "get_queryset")
        if method is not None:
            found = interp.invoke(frame, FunctionValue(method, Instance(cls)), (UNKNOWN,), {}, ("name", position, ""))
            if isinstance(found, Rows):
                return found
        return manager(frame, model, position, interp.manager_class(model))

    def _list_fetched(self, cls: Class, model: Model, columns: list[str]) -> frozenset[str]:
        """Return the relations that the list fetches: those named, or every one that is never null."""
        found = self.project.class_member(cls, "list_select_related")
        node = found[1][1] if isinstance(found, tuple) and found[1][0] == "value" else None
        if node is not None and node[0] == "coll":
            paths: set[str] = set()
            for name in strings(node):
                parts = name.split("__")
                paths.update("__".join(parts[:end]) for end in range(1, len(parts) + 1))
            return model.always | paths
        asked = node is not None and node[0] == "const" and node[2] is True
        shown = any(self._key(model, name) is not None for name in columns)
        return model.always | self._never_null(model) if asked or shown else model.always

    def _never_null(self, model: Model, depth: int = 0) -> frozenset[str]:
        paths: set[str] = set()
        for name, relation in model.relations.items():
            if self._key(model, name) is None or self._may_be_null(model, name):
                continue
            paths.add(name)
            if depth + 1 < DEEPEST and relation.target is not None:
                paths.update(f"{name}__{inner}" for inner in self._never_null(relation.target, depth + 1))
        return frozenset(paths)

    def _key(self, model: Model, name: str) -> Relation | None:
        """Return the foreign key with a name: not the way back of another model's."""
        relation = model.relations.get(name)
        return relation if relation is not None and not relation.many and name in model.columns else None

    def _may_be_null(self, model: Model, name: str) -> bool:
        found = self.project.class_member(model.cls, name)
        if not isinstance(found, tuple) or found[1][0] != "value" or found[1][1] is None or found[1][1][0] != "call":
            return True
        return any(key == "null" and value[0] == "const" and value[2] is True for key, value in found[1][1][4])

    # ---------------------------------------------------------------------------- columns
    def _column(self, cls: Class, model: Model, name: str, position: int) -> Iterator[Node]:
        """Give what one column reads of `obj`."""
        obj: Node = ("name", position, "obj")
        method = self._method(cls, name)
        if name == "__str__":
            yield _text(position, obj)
        elif method is not None:
            yield ("call", position, ("given", position, FunctionValue(method, Instance(cls)), name), (obj,), ())
        elif self._key(model, name) is not None:
            yield _text(position, ("attr", position, obj, name))
        elif name not in model.columns:
            read = obj
            for part in name.split("__"):
                read = ("attr", position, read, part)
            found = self.project.class_member(model.cls, name)
            plain = isinstance(found, tuple) and found[1][0] == "func"
            plain = plain and not found[0].module.functions[found[1][1]].decorators  # type: ignore[index, union-attr]
            yield ("call", position, read, (), ()) if plain else read

    def _boxes(self, cls: Class, model: Model) -> list[str]:
        """Return the relations of a model that its form shows a select box for."""
        hidden = {name for attribute in WITHOUT_BOX for name, _ in self._strings(cls, attribute)}
        shown = {name for attribute in ("fields", "fieldsets") for name, _ in self._strings(cls, attribute)}
        names = [
            name for name, r in model.relations.items() if name in model.columns or (r.many and self._own(model, name))
        ]
        return [name for name in names if name not in hidden and (not shown or name in shown)]

    def _own(self, model: Model, name: str) -> bool:
        """Tell whether a relation to many is a field of the model, in a table that nothing is said of."""
        found = self.project.class_member(model.cls, name)
        call = found[1][1] if isinstance(found, tuple) and found[1][0] == "value" else None
        if call is None or call[0] != "call" or last(call[2]) != "ManyToManyField":
            return False
        return not any(key == "through" for key, _ in call[4])

    def _choices(self, model: Model, names: list[str], position: int) -> list[Node]:
        """Return the loops of a form's select boxes over the rows that may be chosen."""
        body: list[Node] = []
        for name in names:
            relation = model.relations.get(name)
            if relation is None or relation.target is None or not _editable(self.project, model, name):
                continue
            given = ("given", position, FunctionValue(self._options(relation.target)), f"options of {name}")
            body.append(("expr", position, ("call", position, given, (), ())))
        return body

    def _filters(self, cls: Class, model: Model) -> Iterator[Node]:
        """Give the loops of the list's filters over the rows that may be chosen, where Django makes the filter."""
        found = self.project.class_member(cls, "list_filter")
        node = found[1][1] if isinstance(found, tuple) and found[1][0] == "value" else None
        for item in node[3] if node is not None and node[0] == "coll" else ():
            target = relation_at(model, item[2]) if item[0] == "const" and isinstance(item[2], str) else None
            if target is not None:
                given = ("given", item[1], FunctionValue(self._options(target)), f"options of {item[2]}")
                yield ("expr", item[1], ("call", item[1], given, (), ()))

    def _options(self, target: Model) -> Function:
        """Return the function that shows every row of a model as text: one for all the select boxes with them."""
        key = ("options", id(target))
        known = self.made.get(key)
        if known is None:
            found = self.project.class_member(target.cls, "__str__")
            own = isinstance(found, tuple) and found[1][0] == "func"
            owner = found[0] if isinstance(found, tuple) else target.cls
            line = owner.module.functions[found[1][1]].line if isinstance(found, tuple) and own else owner.line
            position = line << 12
            row: Node = ("name", position, "row")
            table = ("attr", position, ("given", position, ClassValue(target.cls), target.name), "_default_manager")
            rows = ("call", position, ("attr", position, table, "all"), (), ())
            shown = ("comp", position, "list", _text(position, row), ((row, rows, (), False),), None)
            name = f"{target.name}.__str__"
            facts = (name, name, line, line, (), (), None, 0, (("expr", position, shown),), -1, -1)
            known = self.made[key] = Function(owner.module, -1, facts)
        return known

    # ------------------------------------------------------------------------------ parts
    def _method(self, cls: Class, name: str) -> Function | None:
        found = self.project.class_member(cls, name)
        return found[0].module.functions[found[1][1]] if isinstance(found, tuple) and found[1][0] == "func" else None

    def _strings(self, cls: Class, name: str) -> list[tuple[str, int]]:
        """Return the names in a list of an admin class, with their positions where they stand in its file."""
        found = self.project.class_member(cls, name)
        if not isinstance(found, tuple) or found[1][0] != "value" or found[1][1] is None:
            return []
        here = found[0].module is cls.module
        texts = self._texts(found[0], found[1][1])
        return [(text, position if here else cls.line << 12) for text, position in texts]

    def _texts(self, cls: Class, node: Node, depth: int = 0) -> Iterator[tuple[str, int]]:
        """Give the strings of a list, of the lists in it and of those it names, with their positions."""
        if node[0] == "bin":
            yield from self._texts(cls, node[3], depth)
            yield from self._texts(cls, node[4], depth)
        elif node[0] in ("coll", "dict"):
            for item in node[3]:
                yield from self._texts(cls, item, depth)
        elif node[0] == "const" and isinstance(node[2], str):
            yield node[2], node[1]
        elif node[0] in ("name", "attr", "star") and depth < DEEPEST:
            inner = node[2] if node[0] == "star" else node
            own = cls.names.get(inner[2]) if inner[0] == "name" else None
            entity = self.project.expression(cls.module, inner) if own is None else None
            named = own[1] if own is not None and own[0] == "value" else None
            named = entity.expression if isinstance(entity, Value) else named
            if named is not None:
                yield from ((text, node[1]) for text, _ in self._texts(cls, named, depth + 1))

    def _position(self, cls: Class, name: str) -> int:
        binding = cls.names.get(name)
        return int(binding[1][1]) if binding and binding[0] == "value" and binding[1] else int(cls.line) << 12

    def _classes(self, cls: Class, name: str) -> Iterator[Class]:
        found = self.project.class_member(cls, name)
        if isinstance(found, tuple) and found[1][0] == "value" and found[1][1] is not None and found[1][1][0] == "coll":
            for item in found[1][1][3]:
                entity = self.project.expression(found[0].module, item) if item[0] in ("name", "attr") else None
                if isinstance(entity, Class):
                    yield entity

    def _actions(self, cls: Class) -> Iterator[FunctionValue]:
        found = self.project.class_member(cls, "actions")
        node = found[1][1] if isinstance(found, tuple) and found[1][0] == "value" else None
        for item in node[3] if node is not None and node[0] == "coll" else ():
            method = self._method(cls, item[2]) if item[0] == "const" else None
            if method is not None:
                yield FunctionValue(method, Instance(cls))
            elif item[0] == "name" and isinstance(found, tuple):
                own = found[0].names.get(item[2])
                if own is not None and own[0] == "func":
                    yield FunctionValue(found[0].module.functions[own[1]], Instance(cls))
                    continue
                entity = self.project.expression(found[0].module, item)
                if isinstance(entity, Function):
                    yield FunctionValue(entity)

    def _function(self, cls: Class, qualified: str, line: int, body: Node) -> Function:
        facts = (cls.name, qualified, line, cls.end_line, (), OBJ if body else (), None, 0, body, -1, -1)
        return Function(cls.module, -1, facts)


def _text(position: int, value: Node) -> Node:
    return ("call", position, ("given", position, External("builtins.str"), "str"), (value,), ())


def _editable(project: Project, model: Model, name: str) -> bool:
    """Tell whether a field is shown in forms: not one with `editable=False`, nor the way to a parent's table."""
    found = project.class_member(model.cls, name)
    call = found[1][1] if isinstance(found, tuple) and found[1][0] == "value" else None
    if call is None or call[0] != "call":
        return False
    said = {key: value[2] for key, value in call[4] if value[0] == "const"}
    return said.get("editable", True) is not False and said.get("parent_link", False) is not True
