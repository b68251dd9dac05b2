"""Where requests, tasks and commands enter a program, and what a framework calls by itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfwright.effects import answers, pydantic, serializers, token_views, validation
from perfwright.effects.admin import Admin
from perfwright.effects.conditions import offered, offered_filters
from perfwright.effects.dependencies import Dependencies
from perfwright.effects.entry_points import EntryPoints
from perfwright.effects.frame import Frame, Loop
from perfwright.effects.graphql import OPTIMIZERS, SHOWN, GraphQL, optimized
from perfwright.effects.graphql_types import PACKAGES as GRAPHQL_PACKAGES
from perfwright.effects.marshmallow import DUMPS, Schemas
from perfwright.effects.marshmallow import PACKAGES as MARSHMALLOW
from perfwright.effects.observations import Reading
from perfwright.effects.pages import CALLS as RENDERS
from perfwright.effects.pages import VIEW_CALLS as PAGE_CALLS
from perfwright.effects.pages import Pages
from perfwright.effects.queries import fetched_by
from perfwright.effects.routers import Routers
from perfwright.effects.schema import Schema
from perfwright.effects.signals import Signals
from perfwright.effects.templates import Templates
from perfwright.effects.values import (
    PAGE,
    UNKNOWN,
    ClassValue,
    Constant,
    External,
    Foreign,
    FunctionValue,
    Instance,
    Row,
    Rows,
    Scalar,
    Sequence,
    Value,
)
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Class, Function, Module, Project
from perfwright.index.project import External as Outside
from perfwright.index.project import Value as Global
from perfwright.index.tree import text, walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
ROUTED = (*VERBS, "route", "api_route", "websocket")
LISTS = ("ModelViewSet", "ReadOnlyModelViewSet", "ListModelMixin", "ListAPIView", "ListCreateAPIView")
ACTIONS = ("list", "retrieve", "create", "update", "destroy", "partial_update")
VIEW_ENDINGS = ("View", "ViewSet", "APIView", "RequestHandler", "GenericViewSet", "Mixin")
RESPONSES = (
    "render",
    "render_template",
    "JsonResponse",
    "Response",
    "jsonify",
    "TemplateResponse",
    "JSONResponse",
    "ORJSONResponse",
)
TASKS = ("shared_task", "task", "periodic_task", "celery_task")
VIEW_CALLS = (
    "get_queryset",
    "filter_queryset",
    "paginate_queryset",
    "get_serializer",
    "get_object",
    "get_paginated_response",
)
SERIALIZED = "perfwright.serialized"
ANSWERS = frozenset((*RESPONSES, *DUMPS, *pydantic.VALIDATES, *RENDERS, "prefetch_related_objects", "shown"))


class Entries:
    """The entry points of a project by function: `GET /orders`, `task send_mail`, `command seed`."""

    def __init__(self, project: Project, schema: Schema) -> None:
        self.project, self.schema = project, schema
        self.labels: dict[Function, str] = {}
        self.actions: dict[Function, str] = {}  # methods of viewsets, by what a request asks for
        self.synthetic: dict[int, Function | None] = {}
        self.kinds: dict[int, str] = {}  # by class: a serializer, a response model or neither
        self._paginated: bool | None = None
        self.routers = Routers(project)
        self.injection = Dependencies(project)
        for function in project.functions:
            label = self._decorated(function)
            if label:
                self.labels[function] = label
        for module in project.modules.values():
            if module.name.rpartition(".")[2] == "urls":
                self._urls(module)
        for cls in project.classes:
            self._class_view(cls)
        for function in project.functions:
            if function not in self.labels and self._looks_like_view(function):
                self.labels[function] = f"view {function.name}"
        using = importers(project)
        self.entry_points = EntryPoints(project, using)
        for function, label in self.entry_points.labels.items():
            self.labels.setdefault(function, label)
        graphs = {module.name: module for name in GRAPHQL_PACKAGES for module in using.get(name, ())}
        self.graphql = GraphQL(project, schema, list(graphs.values()), self.labels) if graphs else None
        admins = [module for module in using.get("django", ()) if "admin" in module.path]
        self.admin = Admin(project, schema, admins, self.labels)
        self.signals = Signals(project, schema)
        for function, label in self.signals.labels.items():
            self.labels.setdefault(function, label)
        self.schemas = Schemas(project, schema) if any(name in using for name in MARSHMALLOW) else None
        # The last names of calls that are read here, not in a model.
        self.answers = ANSWERS | self.signals.names
        self.templates, self.pages = Templates(project), Pages(project)

    # ----------------------------------------------------------------------- finding them
    def _decorated(self, function: Function) -> str:
        for decorator in function.decorators:
            if decorator[0] == "call" and decorator[2][0] == "attr":
                verb = decorator[2][3]
                path = decorator[3][0] if decorator[3] else None
                if verb in ROUTED and path is not None and path[0] == "const":
                    if not isinstance(path[2], str) or (path[2] and not path[2].startswith("/")):
                        continue
                    methods = dict(decorator[4]).get("methods")
                    first = methods[3][0][2] if methods and methods[0] == "coll" and methods[3] else "GET"
                    before = self.routers.before(function.module, decorator[2][2])
                    return f"{first if verb in ('route', 'api_route') else verb.upper()} {before + path[2] or '/'}"
            name = decorator[2] if decorator[0] == "call" else decorator
            last = name[2] if name[0] == "name" else name[3] if name[0] == "attr" else ""
            if last in TASKS:
                return f"task {function.name}"
            if last in ("api_view", "action", "csrf_exempt", "login_required", "require_http_methods"):
                return f"view {function.qualified}"
        if (
            function.name == "handle"
            and function.owner is not None
            and function.module.name.split(".")[-2:-1] == ["commands"]
        ):
            return f"command {function.module.name.rpartition('.')[2]}"
        return ""

    def _urls(self, module: Module) -> None:
        for node in walk(module.body):
            if node[0] != "call" or node[2][0] != "name" or node[2][2] not in ("path", "re_path", "url"):
                continue
            if len(node[3]) < 2 or node[3][0][0] != "const":
                continue
            route, view = node[3][0][2], node[3][1]
            if view[0] == "call" and view[2][0] == "attr" and view[2][3] == "as_view":
                continue
            entity = self.project.expression(module, view)
            if isinstance(entity, Function):
                self.labels[entity] = f"GET /{str(route).lstrip('^/')}"

    def _class_view(self, cls: Class) -> None:
        names = [str(base) for base in self.project.externals(cls)]
        if not any(name.endswith(VIEW_ENDINGS) for name in names):
            return
        if any("forms" in name for name in names):
            return
        for name, binding in cls.names.items():
            if binding[0] != "func":
                continue
            function = cls.module.functions[binding[1]]
            if name in VERBS:
                self.labels[function] = f"{name.upper()} {cls.name}"
            elif name in ACTIONS or name == "get_context_data":
                self.labels[function] = f"{cls.name}.{name}"
            if name in ACTIONS or any(last_of(decorator) == "action" for decorator in function.decorators):
                self.actions[function] = name

    def _looks_like_view(self, function: Function) -> bool:
        if function.owner is not None or function.outer >= 0 or not function.parameters:
            return False
        module = function.module.name.split(".")
        return function.parameters[0][0] == "request" and ("views" in module or module[-1].startswith("views"))

    def is_script(self, module: Module) -> bool:
        """Tell whether a module's own body does more than define things."""
        return any(statement[0] in ("for", "while", "with") for statement in _top(module.body))

    def views(self) -> Iterator[Class]:
        """Give the classes whose list endpoint a framework writes: REST framework's viewsets."""
        for cls in self.project.classes:
            names = [str(base) for base in self.project.externals(cls)]
            if any(name.startswith("rest_framework") and name.endswith(LISTS) for name in names):
                yield cls

    @property
    def paginated(self) -> bool:
        """Tell whether the settings give REST framework a default pagination."""
        if self._paginated is None:
            self._paginated = False
            for module in self.project.modules.values():
                binding = module.names.get("REST_FRAMEWORK")
                if binding and binding[0] == "value" and binding[1] is not None and binding[1][0] == "dict":
                    for key, value in zip(binding[1][2], binding[1][3], strict=True):
                        if key is not None and key[2] == "DEFAULT_PAGINATION_CLASS" and value[2] is not None:
                            self._paginated = True
        return self._paginated

    # --------------------------------------------------------------------- reading views
    def read_view(self, interp: "Interpreter", cls: Class) -> None:
        """Read the list endpoint that REST framework makes of a viewset."""
        own = cls.names
        if "queryset" not in own and "get_queryset" not in own and "serializer_class" not in own:
            return
        found = interp.project.class_member(cls, "list")
        if isinstance(found, tuple):
            return  # it has its own, which is read like any function
        facts = (
            "list", f"{cls.qualified}", cls.line, cls.end_line, (), (), None, 0, (), -1, -1,
        )  # fmt: skip
        function = Function(cls.module, -1, facts)
        self.labels[function] = f"GET {cls.name}"
        frame = Frame(interp, function)
        view = Instance(cls, action="list")
        frame.self_value = view
        position = self._queryset_position(interp, cls)
        node: Node = ("attr", position, ("name", position, "self"), "queryset")
        rows = self.queryset(interp, frame, view, node)
        if not isinstance(rows, Rows):
            return
        rows = rows.copy(0)
        rows.position = position
        serializer = self.serializer_class(interp, frame, view, node)
        pages = interp.project.class_member(cls, "pagination_class")
        none = (
            isinstance(pages, tuple)
            and pages[1][0] == "value"
            and pages[1][1] is not None
            and pages[1][1][0] == "const"
        )
        if (self.paginated or isinstance(pages, tuple)) and not none:
            rows.limited = PAGE
        names = (interp.project.class_member(cls, name) for name in ("search_fields", "ordering_fields"))
        given = [found[1][1] if isinstance(found, tuple) and found[1][0] == "value" else None for found in names]
        offered(frame, rows, position, *given)
        said = [each[1] for name, each in cls.names.items() if "filter" in name and each[0] == "value" and each[1]]
        offered_filters(frame, rows, position, said)
        interp.stack.append(function)
        try:
            if isinstance(serializer, ClassValue):
                made = self.serializer(interp, frame, serializer.cls, (rows,), {"many": Constant(True)}, node)
                if isinstance(made, Foreign) and made.element is not None:
                    interp.responded(frame, made.element, ("return", position, node))
        finally:
            interp.stack.pop()
        interp.readings.append(Reading(frame, True, None))

    def read_frameworks(self, interp: "Interpreter") -> None:
        """Read what other frameworks call by themselves."""
        if self.graphql is not None:
            self.graphql.read(interp)
        self.admin.read(interp)
        if interp.schema.is_django:
            validation.read(interp)
            answers.read(interp, self.labels)
        token_views.read(interp, self.labels)
        interp.consulted.update(self.signals.consulted | self.entry_points.consulted | self.routers.consulted)
        for cls, function in self.pages.views(interp):
            self.labels[function] = f"GET {cls.name}"
            interp.parameter_cache[id(function)] = [Instance(cls), UNKNOWN]
            interp.try_to_read(function)

    def _queryset_position(self, interp: "Interpreter", cls: Class) -> int:
        found = interp.project.class_member(cls, "get_queryset")
        if isinstance(found, tuple) and found[0] is cls and found[1][0] == "func":
            return int(cls.module.functions[found[1][1]].line) << 12
        binding = cls.names.get("queryset")
        if binding and binding[0] == "value" and binding[1] is not None:
            position: int = binding[1][1]
            for inner in walk(binding[1]):
                position = min(position, inner[1])
            return position
        return int(cls.line) << 12

    def queryset(self, interp: "Interpreter", frame: Frame, view: Value, node: Node) -> Value:
        """Return the rows that a view works on: `get_queryset()`, else its `queryset`."""
        if not isinstance(view, Instance):
            return UNKNOWN
        found = interp.project.class_member(view.cls, "get_queryset")
        if isinstance(found, tuple) and found[1][0] == "func":
            function = found[0].module.functions[found[1][1]]
            if function not in interp.stack:
                return interp.invoke(frame, FunctionValue(function, view), (), {}, node)
        return self.class_queryset(interp, frame, view.cls, node)

    def class_queryset(self, interp: "Interpreter", frame: Frame, cls: Class, node: Node) -> Value:
        shown = self.admin.rows_of(cls, node[1], frame.depth)
        if shown is not None:
            return shown
        found = interp.project.class_member(cls, "queryset")
        if isinstance(found, tuple) and found[1][0] == "value" and found[1][1] is not None:
            value = interp.module_frame(found[0].module).value(found[1][1])
            if isinstance(value, Rows):
                rows = value.copy(frame.depth)
                rows.manager = False
                return self.pages.ordered(frame, cls, rows)
        found = interp.project.class_member(cls, "model")
        if isinstance(found, tuple) and found[1][0] == "value" and found[1][1] is not None:
            entity = interp.project.expression(found[0].module, found[1][1])
            model = interp.schema.of(entity) if isinstance(entity, Class) else None
            if model is not None:
                made = Rows(model, "django.db.models.QuerySet", node[1], frame.depth)
                return self.pages.ordered(frame, cls, made)
        return UNKNOWN

    def serializer_class(self, interp: "Interpreter", frame: Frame, view: Instance, node: Node) -> Value:
        found = interp.project.class_member(view.cls, "get_serializer_class")
        if isinstance(found, tuple) and found[1][0] == "func":
            function = found[0].module.functions[found[1][1]]
            interp.consulted.add(function)
            for statement in walk(function.body) if not asks_action(function) else ():  # what a list gets, by its name
                if statement[0] == "return" and statement[2] is not None and "List" in text(statement[2]):
                    entity = interp.project.expression(function.module, statement[2])
                    if isinstance(entity, Class):
                        return ClassValue(entity)
            value = interp.invoke(frame, FunctionValue(function, view), (), {}, node)
            if isinstance(value, ClassValue):
                return value
        method = interp.project.class_member(view.cls, view.action) if view.action else None
        if isinstance(method, tuple) and method[1][0] == "func":
            for decorator in method[0].module.functions[method[1][1]].decorators:
                given = dict(decorator[4]).get("serializer_class") if decorator[0] == "call" else None
                entity = interp.project.expression(method[0].module, given) if given is not None else None
                if isinstance(entity, Class):
                    return ClassValue(entity)
        found = interp.project.class_member(view.cls, "serializer_class")
        if isinstance(found, tuple) and found[1][0] == "value" and found[1][1] is not None:
            entity = interp.project.expression(found[0].module, found[1][1])
            if isinstance(entity, Class):
                return ClassValue(entity)
        return UNKNOWN

    def serializer(
        self,
        interp: "Interpreter",
        frame: Frame,
        cls: Class,
        arguments: tuple[Value, ...],
        keywords: dict[str, Value],
        node: Node,
    ) -> Value | None:
        """Make a REST framework serializer: each row's fields are read, once per row."""
        kind = self.kinds.get(id(cls))
        if kind is None:
            kind = self.kinds[id(cls)] = serializers.kind_of(interp.project, cls)
        if not kind:
            if self.schemas is not None and node[0] == "call" and node[4] and self.schemas.is_schema(cls):
                how = self.schemas.shown(node)
                return Instance(cls, frame.depth, None, how) if how else None
            return None
        model = kind == serializers.MODEL
        if model and "many" not in keywords:
            pydantic.filled(self, interp, frame, cls, keywords, node)
            return None
        given = arguments[0] if arguments else keywords.get("instance")
        many = keywords.get("many")
        plain = Foreign(SERIALIZED, frame.depth, None, Scalar("", frame.depth))
        if given is None:
            return plain if "data" not in keywords else interp.instance(cls, frame.depth)
        function = self.synthetic.get(id(cls))
        if function is None:
            made = serializers.model_read(interp.project, cls) if model else None
            function = made or serializers.synthesize(interp.project, self.schema, cls)
            self.synthetic[id(cls)] = function
        me = Instance(cls, frame.depth)
        if isinstance(many, Constant) and many.value is True:
            if (
                isinstance(given, Rows)
                and not model
                and serializers.list_fetches(interp.project, cls, interp.consulted)
            ):
                given = optimized(given, frame.depth)
            return Foreign(SERIALIZED, frame.depth, None, serializers.each_row(frame, function, me, given, node))
        if isinstance(given, Row):
            interp.invoke(frame, FunctionValue(function, me), (given,), {}, node)
        return plain

    def respond(self, interp: "Interpreter", frame: Frame, value: Value, node: Node) -> None:
        """Fill the response model of a FastAPI handler, or the schema of a view, from what it returns."""
        schema = self.schemas.answered(frame.function) if self.schemas is not None else None
        if schema is not None and self.schemas is not None:
            shown = node[2] if node[2] is not None else node
            self.schemas.dumped(interp, frame, schema, value, ("call", node[1], shown, (shown,), ()))
            return
        declared = serializers.response_model(frame.function)
        if declared is None or value.kind not in ("row", "rows", "sequence"):
            return
        cls = serializers.held(interp.project, frame.function.module, declared)
        if cls is None:
            return
        given = value.element if isinstance(value, Sequence) else value
        if isinstance(value, Sequence) and value.fields is not None:
            pydantic.filled(self, interp, frame, cls, value.fields, ("call", node[1], node, (), ()))
            return
        if isinstance(value, Sequence) and not isinstance(given, Row):
            return
        many = Constant(not isinstance(value, Row))
        shown = node[2] if node[2] is not None else node
        call = ("call", node[1], shown, (shown,), ())
        self.serializer(interp, frame, cls, (value,), {"many": many}, call)

    # ----------------------------------------------------------------- asked by the rest
    def dependencies(self, interp: "Interpreter", function: Function) -> list[Function]:
        """Return the functions that FastAPI calls before a function, for what its parameters ask for."""
        return [needed for _, needed in self.injection.of(function) if needed not in interp.stack]

    def injected(self, interp: "Interpreter", function: Function, default: Node) -> Value:
        """Return what FastAPI's `Depends(f)` passes for a parameter."""
        if default[0] != "call" or not default[3]:
            return UNKNOWN
        called = default[2]
        last = called[2] if called[0] == "name" else called[3] if called[0] == "attr" else ""
        if last not in ("Depends", "Security"):
            return UNKNOWN
        entity = interp.project.expression(function.module, default[3][0])
        if not isinstance(entity, Function) or entity is function or entity in interp.stack:
            return UNKNOWN
        interp.consulted.add(entity)
        if entity.returns is not None:
            found = interp.annotation(entity.module, entity.returns, 0)
        else:
            found = interp.read(entity).returns
        return found.element if isinstance(found, Sequence) and found.of == "iter" else found

    def foreign_attribute(self, base: Foreign, name: str) -> Value | None:
        """Read an attribute of what a framework made: `.data` of a serializer."""
        return base.element if base.name == SERIALIZED and name == "data" else None

    def sent(self, function: Function) -> Value:
        """Return the row that a receiver of a model's signal is given."""
        model = self.signals.senders.get(function)
        if model is None:
            return UNKNOWN
        row = Row(model, model.always)
        row.assumed = True
        return row

    def reads_one(self, function: Function) -> bool:
        """Tell whether a method of a REST framework's serializer or field takes in one object, not a list of them."""
        owner = function.owner
        names = [str(base) for base in self.project.externals(owner)] if owner is not None else []
        return any(name.startswith("rest_framework") for name in names) and not any("List" in name for name in names)

    def instance_attribute(self, base: Value, name: str) -> Value | None:
        """Read what a framework's view class gives: its queryset, its calls."""
        page = name in PAGE_CALLS and isinstance(base, Instance) and self.pages.kind(base.cls)
        if name in DUMPS and self.schemas is not None and isinstance(base, Instance):
            return External(f"perfwright.schema.{name}", base) if self.schemas.is_schema(base.cls) else None
        return External(f"perfwright.view.{name}", base) if name in VIEW_CALLS or page else None

    def framework_call(
        self,
        interp: "Interpreter",
        frame: Frame,
        callee: External,
        arguments: tuple[Value, ...],
        keywords: dict[str, Value],
        node: Node,
    ) -> Value | None:
        """Call something of a framework that is not in its library model."""
        name = callee.name.rpartition(".")[2]
        if callee.name == SHOWN and self.graphql is not None and arguments:
            return self.graphql.called(interp, frame, callee, arguments[0], node)
        if callee.name in OPTIMIZERS and arguments:
            return optimized(arguments[0], frame.depth)
        if name in DUMPS and self.schemas is not None and isinstance(callee.bound, Instance):
            return self.schemas.called(interp, frame, callee, arguments, keywords, node)
        if name in pydantic.VALIDATES:
            return pydantic.called(self, interp, frame, callee, arguments, node)
        if name in RENDERS:
            rendered = self.pages.called(frame, callee, arguments, keywords, node)
            if rendered is not None:
                return rendered
        if callee.name.startswith("perfwright.view."):
            return self._view_call(interp, frame, callee, name, arguments, keywords, node)
        if name in RESPONSES and frame.function in self.labels:
            for value in (*arguments, *keywords.values()):
                interp.responded(frame, value, ("return", node[1], node))
            return Value(frame.depth)
        if name in self.signals.names:
            return self.signals.called(interp, frame, callee, name, arguments, keywords, node)
        if name == "prefetch_related_objects" and arguments:
            prefetched(interp, frame, arguments[0], node)
            return Value(frame.depth)
        return self._model_call(interp, frame, arguments, node) if name == "get_model" else None

    def _model_call(
        self, interp: "Interpreter", frame: Frame, arguments: tuple[Value, ...], node: Node
    ) -> Value | None:
        """Return the model that `apps.get_model("shop", "Order")` names."""
        if not arguments or not all(isinstance(argument, Constant) for argument in arguments):
            return None
        if any(argument[0] != "const" for argument in node[3]):
            interp.named.add(frame.function)
        return self.model_named(interp, arguments)

    def model_named(
        self, interp: "Interpreter", arguments: tuple[Value, ...], *, historical: bool = False
    ) -> Value | None:
        """Return the model that `apps.get_model("shop", "Order")` names; in a migration, as it was."""
        name = ".".join([str(a.value) for a in arguments if isinstance(a, Constant)][-2:])
        if historical:
            model = interp.schema.historical(name)
            return ClassValue(model.cls, model) if model is not None else None
        model = interp.schema.named(name)
        return ClassValue(model.cls) if model is not None else None

    def _view_call(
        self,
        interp: "Interpreter",
        frame: Frame,
        callee: External,
        name: str,
        arguments: tuple[Value, ...],
        keywords: dict[str, Value],
        node: Node,
    ) -> Value | None:
        view = callee.bound
        if not isinstance(view, Instance):
            return None
        if name in PAGE_CALLS:
            return self.pages.view_call(frame, view, name, arguments, keywords, node)
        if name == "get_queryset":
            return self.class_queryset(interp, frame, view.cls, node)
        if name == "filter_queryset" and arguments:
            return arguments[0]
        if name == "paginate_queryset" and arguments:
            if isinstance(arguments[0], Rows):
                page = arguments[0].copy(frame.depth)
                page.limited = PAGE
                return page
            return arguments[0]
        if name == "get_serializer":
            serializer = self.serializer_class(interp, frame, view, node)
            if isinstance(serializer, ClassValue):
                return self.serializer(interp, frame, serializer.cls, arguments, keywords, node)
        if name == "get_object":
            rows = self.queryset(interp, frame, view, node)
            if isinstance(rows, Rows):
                frame.emit("db.query", rows.model.name if rows.model else "query", node[1], text(node), detail=rows)
                return rows.element(frame.depth)
        if name == "get_paginated_response" and arguments:
            return arguments[0]
        return None


def prefetched(interp: "Interpreter", frame: Frame, rows: Value, node: Node) -> None:
    """`prefetch_related_objects(rows, "items__product")`: the rows in memory have the relations from here on."""
    element = rows.element if isinstance(rows, Sequence) else None
    if not isinstance(rows, Sequence) or not isinstance(element, Row):
        return
    lookups = Rows(element.model, "django.db.models.QuerySet", node[1])
    entry = interp.libraries.get("django.db.models.QuerySet.prefetch_related")
    if entry is not None:
        found = Row(element.model, element.fetched | fetched_by(frame, entry, node[3][1:], lookups), element.depth)
        found.root = element.root
        rows.element = found


def asks_action(function: Function) -> bool:
    """Tell whether a method of a viewset looks at what it is asked for."""
    return any(node[0] == "attr" and node[3] == "action" for node in walk(function.body))


def importers(project: Project) -> dict[str, list[Module]]:
    """Return the modules that import a package at their top, by the package."""
    found: dict[str, list[Module]] = {}
    for module in project.modules.values():
        for top in module.imports:
            found.setdefault(top, []).append(module)
    return found


def last_of(decorator: Node) -> str:
    """Return the last name of a decorator, called or not."""
    return serializers.last(decorator[2] if decorator[0] == "call" else decorator)


def _top(body: tuple[Node, ...]) -> Iterator[Node]:
    """Give the statements of a module, those inside `if` and `try` too."""
    for statement in body:
        yield statement
        if statement[0] in ("if", "try"):
            for part in statement[2:]:
                if isinstance(part, tuple) and part and isinstance(part[0], tuple):
                    yield from _top(part)


def decorator_names(project: Project, function: Function) -> frozenset[str]:
    """Return the names of a function's decorators, as written last and as resolved."""
    names: set[str] = set()
    for decorator in function.decorators:
        node = decorator[2] if decorator[0] == "call" else decorator
        last = node[2] if node[0] == "name" else node[3] if node[0] == "attr" else ""
        names.add(last)
        entity = project.expression(function.module, node) if node[0] in ("name", "attr") else None
        if isinstance(entity, Outside):
            names.add(str(entity))
        elif isinstance(entity, Class | Function):
            names.add(entity.name)
    return frozenset(names)


__all__ = ["Entries", "Global", "Loop", "decorator_names", "line_of"]
