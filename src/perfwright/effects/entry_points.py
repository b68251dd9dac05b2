"""Entry points that a function's decorators, its class, a registration or the settings make: tasks, handlers, hooks."""

from collections.abc import Iterator

from perfwright.effects.serializers import last
from perfwright.index.lower import Node
from perfwright.index.project import Class, Entity, External, Function, Module, Project
from perfwright.index.tree import walk

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
# By the last part of a decorator: what it makes, and the packages it must come from; none where the name says enough.
DECORATORS: dict[str, tuple[str, tuple[str, ...]]] = {
    "actor": ("task", ("dramatiq",)),
    "db_task": ("task", ("huey",)),
    "db_periodic_task": ("task", ("huey",)),
    "job": ("task", ("rq", "django_rq")),
    "scheduled_job": ("task", ()),
    "before_request": ("before each request", ()),
    "before_app_request": ("before each request", ()),
    "after_request": ("after each request", ()),
    "after_app_request": ("after each request", ()),
    "teardown_request": ("after each request", ()),
    "context_processor": ("context processor", ()),
    "app_context_processor": ("context processor", ()),
    "middleware": ("middleware", ()),
    "callback": ("callback", ("homeassistant",)),
    "websocket_route": ("websocket", ()),
}
METHODS: dict[str, tuple[str, tuple[str, ...]]] = {  # by the ending of a base class's name
    "BaseHTTPMiddleware": ("middleware", ("dispatch",)),
    "MiddlewareMixin": ("middleware", ("process_request", "process_response", "process_view", "process_exception")),
    "Consumer": ("websocket", ("connect", "disconnect", "receive", "receive_json", "websocket_receive")),
    "HTTPEndpoint": ("", VERBS),
    "celery.Task": ("task", ("run",)),
    "celery.app.task.Task": ("task", ("run",)),
    "forms.Form": ("form", ("clean", "save")),
    "forms.ModelForm": ("form", ("clean", "save")),
    "forms.BaseForm": ("form", ("clean", "save")),
    "ClusterForm": ("form", ("clean", "save")),
    "serializers.Serializer": ("serializer", ("validate", "to_internal_value", "create", "update")),
    "serializers.ModelSerializer": ("serializer", ("validate", "to_internal_value", "create", "update")),
    "homeassistant.helpers.entity.Entity": ("update", ("async_update", "update", "async_added_to_hass")),
    "Entity": ("update", ("async_update",)),
    "DataUpdateCoordinator": ("update", ("_async_update_data",)),
}
JOBS = ("Job", "BaseJob", "JobRunner", "BaseTask", "PeriodicTask")  # names of a project's own classes of jobs
FILTERED = ["queryset", "name", "value"]  # what a FilterSet passes to its methods
HOME_ASSISTANT = ("async_setup_entry", "async_setup", "async_unload_entry", "async_setup_platform", "setup_platform")
ADDS = (
    "add_get",
    "add_post",
    "add_put",
    "add_patch",
    "add_delete",
    "add_route",
    "add_api_route",
    "add_url_rule",
    "Route",
)
PLAIN_ADDS = ("add_route", "add_api_route", "add_url_rule", "Route")  # their names do not say which verb
CALLED = (*ADDS, "add_routes", "run")  # one of them is called where a handler may be named
LITESTAR = ("litestar", "starlite")
FALCON = tuple([f"on_{verb}" for verb in VERBS])


class EntryPoints:
    """The labels of functions that something outside the project calls; `consulted` are those whose bodies say so."""

    def __init__(self, project: Project, using: dict[str, list[Module]]) -> None:
        self.project = project
        self.labels: dict[Function, str] = {}
        self.consulted: set[Function] = set()
        for function in project.functions:
            for decorator in function.decorators:
                self._decorated(function, decorator)
        for cls in project.classes:
            self._methods(cls)
        for module in project.modules.values():
            self._settings(module)
            self._migration(module)
            if any(name in module.called for name in CALLED):
                self._registered(module)
        for module in using.get("homeassistant", ()):
            for name in HOME_ASSISTANT:
                binding = module.names.get(name)
                if binding is not None and binding[0] == "func":
                    self.labels.setdefault(module.functions[binding[1]], f"{name} {module.name.rpartition('.')[2]}")

    def _decorated(self, function: Function, decorator: Node) -> None:
        node = decorator[2] if decorator[0] == "call" else decorator
        name = last(node)
        found = DECORATORS.get(name)
        if found is not None:
            kind, packages = found
            if not packages or self._package(function.module, node) in packages:
                self.labels.setdefault(function, f"{kind} {function.name}")
        elif name in VERBS and node[0] == "name" and self._package(function.module, node) in LITESTAR:
            path = decorator[3][0] if decorator[0] == "call" and decorator[3] else None
            shown = path[2] if path is not None and path[0] == "const" else f"/{function.name}"
            self.labels.setdefault(function, f"{name.upper()} {shown}")

    def _package(self, module: Module, node: Node) -> str:
        entity = self.project.expression(module, node)
        return entity.partition(".")[0] if isinstance(entity, External) else ""

    # --------------------------------------------------------------------------- classes
    def _methods(self, cls: Class) -> None:
        """Label what a framework calls of a class by the name of its methods."""
        init, call = cls.names.get("__init__"), cls.names.get("__call__")
        if init is not None and call is not None and init[0] == call[0] == "func":
            parameters = cls.module.functions[init[1]].parameters
            if len(parameters) > 1 and parameters[1][0] == "get_response":
                self.labels.setdefault(cls.module.functions[call[1]], f"middleware {cls.name}")
        names = [str(base) for base in self.project.externals(cls)]
        for name in names:
            for ending, (kind, methods) in METHODS.items():
                if not name.endswith(ending) or (ending == "Entity" and "homeassistant" not in name):
                    continue
                for method in methods:
                    binding = cls.names.get(method)
                    if binding is not None and binding[0] == "func":
                        label = f"{kind} {cls.name}" if kind else f"{method.upper()} {cls.name}"
                        self.labels.setdefault(cls.module.functions[binding[1]], label)
        run = cls.names.get("run")
        if (
            run is not None
            and run[0] == "func"
            and any(isinstance(base, Class) and base.name in JOBS for base in self.project.mro(cls)[1:])
        ):
            self.labels.setdefault(cls.module.functions[run[1]], f"task {cls.name}")
        if any(name.endswith("FilterSet") for name in names):
            for binding in cls.names.values():
                function = cls.module.functions[binding[1]] if binding[0] == "func" else None
                if function is not None and [p[0] for p in function.parameters[1:4]] == FILTERED:
                    self.labels.setdefault(function, f"filter {cls.name}.{function.name}")
        for method in FALCON:
            binding = cls.names.get(method)
            function = cls.module.functions[binding[1]] if binding is not None and binding[0] == "func" else None
            if function is not None and [p[0] for p in function.parameters[1:3]] == ["req", "resp"]:
                self.labels.setdefault(function, f"{method[3:].upper()} {cls.name}")

    # -------------------------------------------------------------------------- settings
    def _settings(self, module: Module) -> None:
        """Label the context processors and the middleware functions that Django's settings name."""
        for setting, kind in (("TEMPLATES", "context processor"), ("MIDDLEWARE", "middleware")):
            binding = module.names.get(setting)
            if binding is None or binding[0] != "value" or binding[1] is None:
                continue
            for inner in walk(binding[1]):
                if inner[0] == "const" and isinstance(inner[2], str) and inner[2].count("."):
                    function = self._dotted(module, inner[2])
                    if function is not None:
                        self.labels.setdefault(function, f"{kind} {function.name}")

    def _migration(self, module: Module) -> None:
        """Label what Django or Alembic runs of a migration."""
        django = module.names.get("Migration", ("",))[0] == "class"
        if not django and "down_revision" not in module.names:
            return
        folders = module.path.removesuffix(".py").split("/")
        name = "/".join(folders[-3:-2] + folders[-1:])  # shop/0012_prices, for shop/migrations/0012_prices.py
        for function in module.functions:
            runs = len(function.parameters) == 2 if django else function.name in ("upgrade", "downgrade")
            if runs and function.owner is None and function.outer < 0:
                self.labels.setdefault(function, f"migration {name}")

    def _dotted(self, module: Module, name: str) -> Function | None:
        path, _, attribute = name.rpartition(".")
        place = self.project.absolute(module, path)
        entity = self.project.member(place, attribute) if isinstance(place, Module) else None
        return entity if isinstance(entity, Function) else None

    # ---------------------------------------------------------------------- registrations
    def _registered(self, module: Module) -> None:
        """Label the handlers that calls such as `app.router.add_get("/orders", orders)` name, and a program's main."""
        for call in self._calls(module.body):
            self._handler(module, call)
            if last(call[2]) == "run" and call[3] and call[3][0][0] == "call":
                entity = self._function(module, call[3][0][2])
                maker = self.project.expression(module, call[2])
                if isinstance(entity, Function) and str(maker) in ("asyncio.run", "anyio.run", "trio.run"):
                    self.labels.setdefault(entity, f"program {entity.name}")
        for function in module.functions:
            for call in self._calls(function.body):
                if self._handler(module, call, function):
                    self.consulted.add(function)

    def _calls(self, body: Node) -> Iterator[Node]:
        for node in walk(body):
            if node[0] == "call":
                yield node

    def _handler(self, module: Module, call: Node, inside: Function | None = None) -> bool:
        name = last(call[2])
        web = name in VERBS and call[2][0] == "attr" and call[2][2][0] == "name" and call[2][2][2] == "web"
        if name not in ADDS and not web:
            return False
        keywords = dict(call[4])
        given = [*call[3][:3], *(keywords[key] for key in ("handler", "endpoint", "view_func") if key in keywords)]
        path = next((a[2] for a in given if a[0] == "const" and str(a[2]).startswith("/")), None)
        if path is None:
            return False
        for argument in given:
            entity = self._function(module, argument, inside)
            if isinstance(entity, Function):
                verb = name.removeprefix("add_").upper() if name not in PLAIN_ADDS else "GET"
                verb = next((str(a[2]) for a in given if a[0] == "const" and str(a[2]).lower() in VERBS), verb)
                self.labels.setdefault(entity, f"{verb} {path}")
                return True
        return False

    def _function(self, module: Module, node: Node, inside: Function | None = None) -> Entity | None:
        """Return the function that a name stands for; `self.orders` is a method of the class that says so."""
        owner = inside.owner if inside is not None and inside.parameters else None
        if owner is not None and inside is not None and node[0] == "attr" and node[2][0] == "name":
            found = self.project.class_member(owner, node[3])
            if isinstance(found, tuple) and found[1][0] == "func" and node[2][2] == inside.parameters[0][0]:
                return found[0].module.functions[found[1][1]]
        return self.project.expression(module, node) if node[0] in ("name", "attr") else None
