"""The addresses of a project's entry points, prefixes and all, and which of them a request asks for.

The labels of entry points say what a handler's own decorator says. A log says more: what a router, a blueprint or an
`include()` puts in front. Both are read from the source here, which is parsed and never run.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
ANY = "*"  # a route that says nothing of methods
DEEPEST = 64  # parts of an address
# `{id}`, `{id:int}`, `<int:id>`, and the named group of a Django pattern.
WILD = re.compile(r"\{(?P<curly>[^{}]*)\}|<(?P<angle>[^<>]*)>")
GROUP = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|\((?!\?)[^()]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An address and its handler: `own` is what the handler's own decorator or pattern says of it.

    A `loose` one stands below a prefix that the source does not tell.
    """

    method: str
    template: str
    own: str
    path: str
    function: str
    action: str = ""
    loose: bool = False

    def serves(self, label: str) -> bool:
        """Tell whether the label of an entry point is this one's: by address, or by its function's or class's name."""
        word, _, rest = label.partition(" ")
        if word in VERBS:
            if self.method not in (ANY, word):
                return False
            named = rest == self.function and self.action in ("", "list")
            return named or rest == self.own or plain(rest) == plain(self.template)
        if word == "view" and rest.rpartition(".")[2] == self.function:
            return True
        owner, _, action = (rest if word == "view" else label).rpartition(".")
        return owner == self.function and self.action in ("", action)


@dataclass(frozen=True, slots=True)
class Entry:
    """A route with the method that is asked of it."""

    method: str
    route: Route

    @property
    def name(self) -> str:
        return f"{self.method} {self.route.template}"


@dataclass(slots=True)
class Node:
    """What may follow a part of an address."""

    literal: dict[str, "Node"] = field(default_factory=dict)
    partial: list[tuple[str, str, "Node"]] = field(default_factory=list)
    wild: "Node | None" = None
    rest: list[Route] = field(default_factory=list)
    ends: list[Route] = field(default_factory=list)


class Routes:
    """The routes of a project, to be asked by method and address."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.all = list(dict.fromkeys(routes))
        self.top, self.loose = Node(), Node()
        for route in self.all:
            _grow(self.top, route)
            if route.loose:
                _grow(self.loose, route)

    def match(self, method: str, target: str) -> Entry | None:
        """Return the entry point that a request asks for; None where no route of the project is it."""
        split = parts(target)
        if len(split) > DEEPEST:
            return None
        route = _find(self.top, split, method)
        if route is None and self.loose.literal:
            route = next(
                (hit for start in range(len(split)) if (hit := _find(self.loose, split[start:], method))), None
            )
        return None if route is None else Entry(method if method != "HEAD" else "GET", route)

    def of(self, label: str, files: Iterable[str]) -> list[tuple[str, Route]]:
        """Return the routes of an entry point's label, with the method it names or `*`.

        Several handlers may have the same label, below other prefixes: then those in the files named, where one is.
        """
        word = label.partition(" ")[0]
        method = word if word in VERBS else ANY
        serving = [route for route in self.all if route.serves(label)]
        near = set(files)
        return [(method, route) for route in ([each for each in serving if each.path in near] or serving)]


def parts(target: str) -> list[str]:
    """Return the parts of an address without host, query and empty parts: `/a//b/?c=1` has `a` and `b`."""
    target = target.split("?", 1)[0].split("#", 1)[0]
    if "://" in target:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    return [part for part in target.split("/") if part]


def plain(pattern: str) -> str:
    """Return a Django pattern as a template: `^orders/(?P<pk>[0-9]+)/$` is `orders/{pk}/`."""
    return GROUP.sub(lambda group: f"{{{group[1] or ''}}}", pattern.removeprefix("^").removesuffix("$"))


def _grow(node: Node, route: Route) -> None:
    for part in [each for each in route.template.split("/") if each]:
        found = WILD.search(part)
        if found is None:
            node = node.literal.setdefault(part, Node())
        elif _is_rest(found):
            node.rest.append(route)
            return
        elif found.span() == (0, len(part)):
            node.wild = node.wild or Node()
            node = node.wild
        else:
            before, after = part[: found.start()], part[part.rindex(found[0][-1]) + 1 :]
            below = next((each for b, a, each in node.partial if (b, a) == (before, after)), None)
            if below is None:
                below = Node()
                node.partial.append((before, after, below))
            node = below
    node.ends.append(route)


def _is_rest(found: re.Match[str]) -> bool:
    """Tell whether a parameter takes the rest of the address: `{name:path}`, `<path:name>`."""
    curly, angle = found["curly"], found["angle"]
    return (curly is not None and curly.endswith(":path")) or (angle is not None and angle.startswith("path:"))


def _find(node: Node, split: list[str], method: str) -> Route | None:
    """Return the route of the parts that are left: what is written out comes before what stands for anything."""
    if not split:
        return _of_method(node.ends, method) or _of_method(node.rest, method)
    part, below = split[0], split[1:]
    inner = node.literal.get(part)
    found = _find(inner, below, method) if inner is not None else None
    for before, after, each in node.partial:
        if found is None and part.startswith(before) and part.endswith(after) and len(part) > len(before) + len(after):
            found = _find(each, below, method)
    if found is None and node.wild is not None:
        found = _find(node.wild, below, method)
    return found or _of_method(node.rest, method)


def _of_method(routes: list[Route], method: str) -> Route | None:
    asked = (method, "GET") if method == "HEAD" else (method,)
    exact = next((route for verb in asked for route in routes if route.method == verb), None)
    return exact or next((route for route in routes if route.method == ANY), None)
