"""The views of REST framework that give a token to whoever sends the right password: each request hashes one."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from perfwright.effects.values import External
from perfwright.index.lower import Node, line_of
from perfwright.index.project import External as Outside
from perfwright.index.project import Function, Module, Project
from perfwright.index.tree import walk

if TYPE_CHECKING:
    from perfwright.effects.interpret import Interpreter

VIEWS = (
    *("rest_framework.authtoken.views.obtain_auth_token", "rest_framework.authtoken.views.ObtainAuthToken"),
    *("rest_framework_simplejwt.views.TokenObtain", "rest_framework_simplejwt.views.token_obtain"),
)
PACKAGES = ("rest_framework", "rest_framework_simplejwt")
AUTHENTICATES = "django.contrib.auth.authenticate"


def read(interp: "Interpreter", labels: dict[Function, str]) -> None:
    """Read the views for tokens that a project's paths lead to."""
    for module in interp.project.modules.values():
        if module.name.rpartition(".")[2] != "urls" or module.imports.isdisjoint(PACKAGES):
            continue
        for route, view, node in paths(interp.project, module):
            position, line = node[1], line_of(node[1])
            asked = ("given", position, External(AUTHENTICATES), "authenticate")
            body = (("expr", position, ("call", position, asked, (), ())),)
            function = Function(module, -1, (view, view, line, line, (), (), None, 0, body, -1, -1))
            labels[function] = f"POST /{route.lstrip('^/')}"
            interp.try_to_read(function)


def paths(project: Project, module: Module) -> Iterator[tuple[str, str, Node]]:
    """Give the routes of a module that lead to a view for tokens, the view's name, and where they stand."""
    for node in walk(module.body):
        if node[0] != "call" or node[2][-1] not in ("path", "re_path", "url") or len(node[3]) < 2:
            continue
        route, view = node[3][0], node[3][1]
        if view[0] == "call" and view[2][0] == "attr" and view[2][3] == "as_view":
            view = view[2][2]
        entity = project.expression(module, view) if view[0] in ("name", "attr") else None
        if route[0] == "const" and isinstance(entity, Outside) and str(entity).startswith(VIEWS):
            yield str(route[2]), str(view[-1]), node
