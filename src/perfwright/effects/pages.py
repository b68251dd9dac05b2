"""What renders templates: the calls of Django, Jinja, Flask and Starlette, and Django's generic views."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from perfwright.effects.calls import emit_effects
from perfwright.effects.frame import Frame
from perfwright.effects.orders import orders_of
from perfwright.effects.values import (
    PAGE,
    UNKNOWN,
    Constant,
    External,
    Foreign,
    Instance,
    Row,
    Rows,
    Sequence,
    Value,
    constant,
)
from perfwright.index.lower import POSITIONAL, Node
from perfwright.index.project import Class, Function, Project
from perfwright.index.template_tokens import DJANGO, JINJA
from perfwright.index.tree import walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter
    from perfwright.effects.templates import Chain

# Who renders, in which language, and what the arguments are. What ends with a dot and a name is a method.
RENDERING: dict[str, tuple[str, tuple[str, ...]]] = {
    "django.shortcuts.render": (DJANGO, ("request", "template_name", "context")),
    "django.template.loader.render_to_string": (DJANGO, ("template_name", "context", "request")),
    "django.template.response.TemplateResponse": (DJANGO, ("request", "template", "context")),
    "django.template.response.SimpleTemplateResponse": (DJANGO, ("template", "context")),
    "flask.render_template": (JINJA, ("template_name_or_list",)),
    "flask.stream_template": (JINJA, ("template_name_or_list",)),
    "quart.render_template": (JINJA, ("template_name_or_list",)),
    "flask_themes2.render_theme_template": (JINJA, ("theme", "template_name")),
}
NAMES = ("template_name", "template", "template_name_or_list", "name")
LOADING = ("get_template", "select_template", "get_or_select_template")
RENDERED = ("render", "render_async", "generate", "stream")
CONTEXTS = ("Context", "RequestContext")
CALLS = frozenset(
    (
        *("render", "render_to_string", "TemplateResponse", "SimpleTemplateResponse", "render_template"),
        *("render_theme_template",),
        *("stream_template", "render_async", "generate", "stream", *LOADING, *CONTEXTS),
    )
)
DJANGO_TEMPLATE, JINJA_TEMPLATE = "django.template.backends.django.Template", "jinja2.Template"
# Django's generic views, by the last part of the name of the class.
LIST, DETAIL, FORM, PLAIN = "list", "detail", "form", "plain"
VIEWS = {
    "ListView": LIST,
    "BaseListView": LIST,
    "MultipleObjectMixin": LIST,
    "FilterView": LIST,
    "SingleTableView": LIST,
    "DetailView": DETAIL,
    "BaseDetailView": DETAIL,
    "SingleObjectMixin": DETAIL,
    "UpdateView": DETAIL,
    "BaseUpdateView": DETAIL,
    "DeleteView": DETAIL,
    "BaseDeleteView": DETAIL,
    "CreateView": FORM,
    "FormView": FORM,
    "TemplateView": PLAIN,
    "TemplateResponseMixin": PLAIN,
    "ContextMixin": PLAIN,
}
GENERIC = ("django.views.", "django_filters.", "django_tables2.", "vanilla.", "extra_views.")
SUFFIXES = (
    ("DeleteView", "_confirm_delete"),
    ("UpdateView", "_form"),
    ("CreateView", "_form"),
    ("FilterView", "_filter"),
)
VIEW_CALLS = ("get", "get_context_data", "render_to_response")  # what a generic view gives beside REST framework's


class Name(Constant):
    """The name of a template that was loaded; unlike other text, it tells two values apart."""

    def shape(self) -> Any:
        return ("n", self.value)


class Pages:
    """The generic views of a project by class, and what renders a template."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.kinds: dict[Class, str] = {}

    # ------------------------------------------------------------------------- the calls
    def called(
        self,
        frame: Frame,
        callee: External,
        arguments: tuple[Value, ...],
        keywords: dict[str, Value],
        node: Node,
    ) -> Value | None:
        """Do what rendering or loading a template does; return its value where no library model gives one."""
        name, bound = callee.name.rpartition(".")[2], callee.bound
        if name in CONTEXTS:
            # Context({...}), RequestContext(request, {...}): the dict
            is_context = callee.name.startswith("django.template.") and arguments
            return arguments[-1] if is_context and isinstance(arguments[-1], Sequence) else None
        if name in LOADING:
            return self.loaded(frame, callee, arguments, keywords, node)
        if name in RENDERED and isinstance(bound, Foreign) and isinstance(bound.element, Name):
            context = arguments[0] if arguments else keywords.get("context")
            dialect = DJANGO if bound.name == DJANGO_TEMPLATE else JINJA
            given = {} if dialect == DJANGO else keywords
            self.render(frame, (str(bound.element.value),), dialect, fields_of(context, given), node)
            return None
        found = RENDERING.get(frame.interp.libraries.canonical(callee.name))
        if found is not None:
            dialect, parameters = found
        elif name == "TemplateResponse" and bound is not None and "Jinja2Templates" in callee.name:
            first = arguments[0] if arguments else UNKNOWN
            named = isinstance(first, Constant)  # before 0.29 the name came first
            dialect, parameters = JINJA, ("name", "context") if named else ("request", "name", "context")
        else:
            return None
        values = {**dict(zip(parameters, arguments, strict=False)), **keywords}
        nodes = {**dict(zip(parameters, node[3], strict=False)), **dict(node[4])}
        parameter = next((each for each in NAMES if each in values), "")
        names = self.names(frame, values.get(parameter), nodes.get(parameter))
        rest = {key: value for key, value in keywords.items() if key not in parameters}
        given = rest if "context" not in parameters else {}
        self.render(frame, names, dialect, fields_of(values.get("context"), given), node)
        return None

    def loaded(
        self,
        frame: Frame,
        callee: External,
        arguments: tuple[Value, ...],
        keywords: dict[str, Value],
        node: Node,
    ) -> Value | None:
        """`get_template("x.html")`: a template that knows its name."""
        given = arguments[0] if arguments else keywords.get("name") or keywords.get("template_name")
        names = self.names(frame, given, node[3][0] if node[3] else None)
        django = callee.name.startswith("django.template.")
        if not names or not (django or callee.bound is not None):
            return None
        entry = frame.interp.libraries.get(callee.name)
        if entry is not None:
            emit_effects(frame, entry, entry.does, callee.bound, arguments, node, keywords)
        return Foreign(DJANGO_TEMPLATE if django else JINJA_TEMPLATE, frame.depth, None, Name(names[0]))

    def names(self, frame: Frame, value: Value | None, node: Node | None) -> tuple[str, ...]:
        """Return the template names that an argument is: one, or several to choose from."""
        if isinstance(value, Constant):
            if node is not None and node[0] == "name":
                frame.interp.named.add(frame.function)  # it may be passed in: another name is another page
            return (value.value,) if isinstance(value.value, str) else ()
        if isinstance(value, Sequence) and value.items:
            return tuple([each.value for each in value.items if isinstance(each, Constant) and is_text(each)])
        named = frame.interp.constant_node(frame, node) if node is not None and node[0] in ("name", "attr") else None
        return (named[2],) if named is not None and named[0] == "const" and isinstance(named[2], str) else ()

    def render(self, frame: Frame, names: tuple[str, ...], dialect: str, values: dict[str, Value], node: Node) -> None:
        templates = frame.interp.entries.templates
        chain: Chain = templates.chain(names, frame.module.path, dialect) if names else ()
        if chain:
            templates.render(frame, chain, values, node)

    # --------------------------------------------------------------------- generic views
    def kind(self, cls: Class) -> str:
        """Return what a class of Django's generic views is: a list, one object, a form; nothing if it is none."""
        known = self.kinds.get(cls)
        if known is None:
            names = [str(base) for base in self.project.externals(cls) if str(base).startswith(GENERIC)]
            kinds = [VIEWS[last] for name in names if (last := name.rpartition(".")[2]) in VIEWS]
            best = (LIST, DETAIL, FORM, PLAIN)
            known = self.kinds[cls] = min(kinds, key=best.index) if kinds else ""
        return known

    def views(self, interp: "Interpreter") -> Iterator[tuple[Class, Function]]:
        """Give the generic views whose `get` is not their own, each with a function that answers a request."""
        for cls in self.project.classes:
            if "get" in cls.names:
                continue  # it is read like any method
            own = self.project.class_member(cls, "get")
            if isinstance(own, tuple):
                if not any(str(base).startswith(GENERIC) for base in self.project.externals(cls)):
                    continue
            elif not self.kind(cls) or not self.template_names(interp, cls):
                continue
            position = cls.line << 12
            me: Node = ("name", position, "self")
            arguments = () if not isinstance(own, tuple) else (("name", position, "request"),)
            answer = ("call", position, ("attr", position, me, "get"), arguments, ())
            parameters = (("self", None, None, POSITIONAL), ("request", None, None, POSITIONAL))
            facts = (
                "get", cls.qualified, cls.line, cls.end_line, (), parameters, None, 0,
                (("return", position, answer),), -1, -1,
            )  # fmt: skip
            yield cls, Function(cls.module, -1, facts)

    def view_call(
        self, frame: Frame, view: Instance, name: str, arguments: tuple[Value, ...], keywords: dict[str, Value],
        node: Node,
    ) -> Value | None:  # fmt: skip
        """Do what a generic view does of itself when it is asked for a page."""
        position = node[1]
        me: Node = ("given", position, view, "self")
        if name == "get_context_data":
            return self.context(frame, view, keywords, node)
        if name == "render_to_response":
            context = arguments[0] if arguments else keywords.get("context")
            names = self.template_names(frame.interp, view.cls)
            self.render(frame, names, DJANGO, fields_of(context, {}), node)
            return Value(frame.depth)
        kind = self.kind(view.cls)
        if kind == LIST and self.overridden(view.cls, "get_queryset"):
            frame.value(("call", position, ("attr", position, me, "get_queryset"), (), ()))
        elif kind == DETAIL:
            frame.value(("call", position, ("attr", position, me, "get_object"), (), ()))
        context = frame.value(("call", position, ("attr", position, me, "get_context_data"), (), ()))
        shown = ("given", position, context, "context")
        return frame.value(("call", position, ("attr", position, me, "render_to_response"), (shown,), ()))

    def overridden(self, cls: Class, name: str) -> bool:
        found = self.project.class_member(cls, name)
        return isinstance(found, tuple) and found[1][0] == "func"

    def context(self, frame: Frame, view: Instance, keywords: dict[str, Value], node: Node) -> Sequence:
        """Return the context that a generic view makes: its rows or its object, under the names that it gives them."""
        found = Sequence("dict", UNKNOWN, constant(3), frame.depth)
        found.put("view", view)
        kind, cls = self.kind(view.cls), view.cls
        given = keywords.get("object_list") or keywords.get("object")
        if kind == LIST:
            rows = given if isinstance(given, Rows) else self.rows(frame, view, node)
            if isinstance(rows, Rows):
                self.put_rows(frame, found, cls, rows)
        elif kind == DETAIL:
            row = given if isinstance(given, Row) else self.row(frame, view, node)
            found.put("object", row)
            model = row.model if isinstance(row, Row) else None
            for name in (self.constant(cls, "context_object_name"), model.name.lower() if model else ""):
                if name:
                    found.put(name, row)
        extra = self.project.class_member(cls, "extra_context")
        if isinstance(extra, tuple) and extra[1][0] == "value" and extra[1][1] is not None:
            value = frame.interp.module_frame(extra[0].module).value(extra[1][1])
            for name, each in fields_of(value, {}).items():
                found.put(name, each)
        for name, each in fields_of(None, keywords).items():
            if each.kind != "unknown":
                found.put(name, each)
        return found

    def put_rows(self, frame: Frame, found: Sequence, cls: Class, rows: Rows) -> None:
        shown = rows.copy(frame.depth)
        shown.custom, shown.manager, shown.stored = rows.custom, False, rows.stored
        if self.is_paginated(cls) and shown.limited is None:
            shown.limited = PAGE
        if self.is_paginated(cls):
            found.put("page_obj", shown)
        found.put("object_list", shown)
        model = rows.model
        for name in (self.constant(cls, "context_object_name"), f"{model.name.lower()}_list" if model else ""):
            if name:
                found.put(name, shown)

    def rows(self, frame: Frame, view: Instance, node: Node) -> Value:
        """Return the rows of a list view, without asking for them again: the view has done so."""
        known = frame.interp.instance_types.get((id(view.cls), "object_list"))
        if isinstance(known, Rows):
            return known
        return frame.interp.entries.queryset(frame.interp, Frame(frame.interp, frame.function), view, node)

    def row(self, frame: Frame, view: Instance, node: Node) -> Value:
        """Return the object of a detail view, without asking for it again."""
        aside = Frame(frame.interp, frame.function)
        position = node[1]
        me: Node = ("given", position, view, "self")
        found = aside.value(("call", position, ("attr", position, me, "get_object"), (), ()))
        return found if isinstance(found, Row) else Value(frame.depth)

    def ordered(self, frame: Frame, cls: Class, rows: Rows) -> Rows:
        """Return the rows of a list view in the order that its class states."""
        found = self.project.class_member(cls, "ordering")
        if self.kind(cls) == LIST and not rows.orders and isinstance(found, tuple) and found[1][0] == "value":
            given = found[1][1]
            if given is not None:
                rows.orders = orders_of(rows, given[3] if given[0] == "coll" else (given,), frame)
        return rows

    def is_paginated(self, cls: Class) -> bool:
        """Tell whether a list view shows a page at a time."""
        if self.overridden(cls, "get_paginate_by"):
            return True
        found = self.project.class_member(cls, "paginate_by")
        given = found[1][1] if isinstance(found, tuple) and found[1][0] == "value" else None
        return given is not None and not (given[0] == "const" and not given[2])

    def constant(self, cls: Class, name: str) -> str:
        """Return the text that a class's name is bound to, nothing where it is none."""
        found = self.project.class_member(cls, name)
        if isinstance(found, tuple) and found[1][0] == "value" and found[1][1] is not None:
            node = found[1][1]
            return node[2] if node[0] == "const" and isinstance(node[2], str) else ""
        return ""

    def template_names(self, interp: "Interpreter", cls: Class) -> tuple[str, ...]:
        """Return the names of a view's template: what it says, else what Django makes of its model."""
        found = self.project.class_member(cls, "get_template_names")
        said: list[str] = []
        if isinstance(found, tuple) and found[1][0] == "func":
            function = found[0].module.functions[found[1][1]]
            interp.consulted.add(function)
            for node in walk(function.body):
                if node[0] == "return" and node[2] is not None:
                    said.extend(self.named_in(cls, node[2]))
        name = self.constant(cls, "template_name")
        if name or said:
            return (name, *said) if name else tuple(said)
        model = self.model(interp, cls)
        kind = self.kind(cls)
        if model is None or kind == PLAIN:
            return ()
        bases = [str(base) for base in self.project.externals(cls)]
        suffix = {LIST: "_list", DETAIL: "_detail", FORM: "_form"}[kind]
        for ending, other in SUFFIXES:
            if any(base.endswith(ending) for base in bases):
                suffix = other
        suffix = self.constant(cls, "template_name_suffix") or suffix
        return (f"{app_of(model)}/{model.name.lower()}{suffix}.html",)

    def named_in(self, cls: Class, node: Node) -> list[str]:
        """Return the template names in what a method returns: texts, and texts that the class holds."""
        names = []
        for each in walk(node):
            if each[0] == "const" and isinstance(each[2], str) and "." in each[2]:
                names.append(each[2])
            elif each[0] == "attr" and each[2][0] == "name" and (name := self.constant(cls, each[3])):
                names.append(name)
        return names

    def model(self, interp: "Interpreter", cls: Class) -> Class | None:
        """Return the model that a view says it is of, by `model` or by its `queryset`."""
        for name in ("model", "queryset"):
            found = self.project.class_member(cls, name)
            if not isinstance(found, tuple) or found[1][0] != "value" or found[1][1] is None:
                continue
            for node in walk(found[1][1]):
                if node[0] in ("name", "attr"):
                    entity = self.project.expression(found[0].module, node)
                    if isinstance(entity, Class) and interp.schema.of(entity) is not None:
                        return entity
        return None


def app_of(model: Class) -> str:
    """Return the label of the app that a model belongs to: the package around its `models`."""
    meta = model.names.get("Meta")
    if meta is not None and meta[0] == "class":
        label = model.module.classes[meta[1]].names.get("app_label")
        if label is not None and label[0] == "value" and label[1] is not None and label[1][0] == "const":
            return str(label[1][2])
    parts = model.module.name.split(".")
    return parts[parts.index("models") - 1] if "models" in parts[1:] else parts[max(len(parts) - 2, 0)]


def is_text(value: Constant) -> bool:
    return isinstance(value.value, str)


def fields_of(context: Value | None, keywords: dict[str, Value]) -> dict[str, Value]:
    """Return the values of a template's names: those of a dict with constant keys, and those given by name."""
    found: dict[str, Value] = {}
    for given in (context, keywords.get("**")):
        if isinstance(given, Sequence) and given.fields is not None:
            found.update(given.fields)
    found.update({name: value for name, value in keywords.items() if name != "**"})
    return found
