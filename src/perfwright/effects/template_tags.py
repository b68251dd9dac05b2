"""The tags and filters that a project gives its templates, by name."""

from collections.abc import Iterator

from perfwright.index.lower import Node
from perfwright.index.project import Function, Module, Project
from perfwright.index.template_files import Template
from perfwright.index.template_tokens import DJANGO

TAGS = ("simple_tag", "inclusion_tag", "assignment_tag")
FILTERS = ("filter",)
OF_FLASK = {
    "template_filter": "filter",
    "app_template_filter": "filter",
    "template_global": "simple_tag",
    "app_template_global": "simple_tag",
}


class TemplateTag:
    """A function that templates call. `library` is the module that is loaded for it, `template` what it includes."""

    __slots__ = ("function", "is_filter", "library", "name", "takes_context", "template")

    def __init__(self, name: str, function: Function, library: str, *, is_filter: bool) -> None:
        self.name, self.function, self.library, self.is_filter = name, function, library, is_filter
        self.template = ""
        self.takes_context = False


class TemplateTags:
    """Finds tags and filters by name. The project is looked through when the first one is asked for."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._django: dict[tuple[str, bool], list[TemplateTag]] | None = None
        self._flask: dict[tuple[str, bool], list[TemplateTag]] | None = None

    def tag(self, name: str, template: Template) -> TemplateTag | None:
        """Return the tag with a name that a template means."""
        return self._chosen(name, template, is_filter=False)

    def filter(self, name: str, template: Template) -> TemplateTag | None:
        """Return the filter with a name that a template means."""
        return self._chosen(name, template, is_filter=True)

    def _chosen(self, name: str, template: Template, *, is_filter: bool) -> TemplateTag | None:
        found = self._of(template.dialect).get((name, is_filter), [])
        loaded = [each for each in found if each.library in template.libraries]
        if loaded:
            return loaded[0]
        return found[0] if len(found) == 1 else None

    def _of(self, dialect: str) -> dict[tuple[str, bool], list[TemplateTag]]:
        if dialect == DJANGO:
            if self._django is None:
                self._django = grouped(django_tags(self.project))
            return self._django
        if self._flask is None:
            self._flask = grouped(flask_tags(self.project))
        return self._flask


def grouped(tags: Iterator[TemplateTag]) -> dict[tuple[str, bool], list[TemplateTag]]:
    found: dict[tuple[str, bool], list[TemplateTag]] = {}
    for tag in tags:
        found.setdefault((tag.name, tag.is_filter), []).append(tag)
    return found


def django_tags(project: Project) -> Iterator[TemplateTag]:
    """Give what the `templatetags` modules register: with a decorator, or with a call."""
    for module in project.modules.values():
        if "templatetags" not in module.name.split("."):
            continue
        for function in module.functions:
            for decorator in function.decorators:
                tag = registered(module, decorator, function)
                if tag is not None:
                    yield tag
        for statement in module.body:
            if statement[0] == "expr" and statement[2][0] == "call":
                tag = registered(module, statement[2], None)
                if tag is not None:
                    yield tag


def registered(module: Module, node: Node, function: Function | None) -> TemplateTag | None:
    """Return the tag that `@register.simple_tag(name="x")` or `register.filter("x", function)` makes."""
    call = node if node[0] == "call" else None
    called = call[2] if call is not None else node
    if called[0] == "call" and call is not None:  # register.inclusion_tag("x.html")(function)
        function = named(module, call[3][0]) if call[3] else None
        call, called = called, called[2]
    if called[0] != "attr" or (called[3] not in TAGS and called[3] not in FILTERS):
        return None
    words = [each[2] for each in call[3] if each[0] == "const" and isinstance(each[2], str)] if call else []
    keywords = {key: value for key, value in call[4] if key} if call else {}
    if function is None and call is not None:
        function = next((found for each in call[3] if (found := named(module, each)) is not None), None)
    if function is None:
        return None
    name = function.name
    if "name" in keywords and keywords["name"][0] == "const":
        name = str(keywords["name"][2])
    elif words and called[3] != "inclusion_tag":
        name = words[0]
    tag = TemplateTag(name, function, module.name.rpartition(".")[2], is_filter=called[3] in FILTERS)
    if called[3] == "inclusion_tag":
        given = keywords.get("filename")
        tag.template = words[0] if words else str(given[2]) if given is not None and given[0] == "const" else ""
    context = keywords.get("takes_context")
    tag.takes_context = context is not None and context[2] is True
    return tag


def named(module: Module, node: Node) -> Function | None:
    """Return the function of a module that a name stands for."""
    binding = module.names.get(node[2]) if node[0] == "name" else None
    return module.functions[binding[1]] if binding is not None and binding[0] == "func" else None


def flask_tags(project: Project) -> Iterator[TemplateTag]:
    """Give the filters and globals that Flask's decorators make: `@app.template_filter("money")`."""
    for function in project.functions:
        for decorator in function.decorators:
            called = decorator[2] if decorator[0] == "call" else decorator
            if called[0] != "attr" or called[3] not in OF_FLASK:
                continue
            name = function.name
            if decorator[0] == "call" and decorator[3] and decorator[3][0][0] == "const":
                name = str(decorator[3][0][2])
            yield TemplateTag(name, function, "", is_filter=OF_FLASK[called[3]] == "filter")
