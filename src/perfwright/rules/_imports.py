"""What the modules of a project import at their tops, and what of it they need there."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from perfwright.index.lower import Node, line_of
from perfwright.index.project import Class, External, Function, Module, Project
from perfwright.index.tree import names_in, walk
from perfwright.rules._code import blocks
from perfwright.rules._import_times import TIMES

Binding = tuple[str, str, str, int]  # the name that is bound, and the module, attribute and level of the import


class Top:
    """One import at the top of a module: where it stands, what it binds, and whether a `try` is around it."""

    __slots__ = ("attribute", "level", "name", "optional", "position", "source")

    def __init__(self, position: int, binding: Binding, optional: bool) -> None:
        self.position, self.optional = position, optional
        self.name, self.source, self.attribute, self.level = binding

    @property
    def written(self) -> str:
        """Return it as an import of its own."""
        dots = "." * self.level
        if not self.attribute:
            return f"import {self.source}" + (f" as {self.name}" if self.name != self.source else "")
        renamed = f" as {self.name}" if self.name != self.attribute else ""
        return f"from {dots}{self.source} import {self.attribute}{renamed}"


def heavy(name: str) -> str:
    """Return the library of the table that importing a dotted name loads; nothing where it is none of them."""
    while name:
        if name in TIMES:
            return name
        name = name.rpartition(".")[0]
    return ""


def cost(libraries: set[str]) -> int:
    """Return the milliseconds that some libraries take, those left out that another of them brings with it."""
    brought = {each for name in libraries for each in TIMES[name].brings}
    return sum(TIMES[name].milliseconds for name in libraries - brought) or max(
        [TIMES[name].milliseconds for name in libraries], default=0
    )


class Imports:
    """The imports of a project: by module, with what each stands for."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._tops: dict[Module, list[Top]] = {}
        self._needed: dict[Module, frozenset[str]] = {}

    def tops(self, module: Module) -> list[Top]:
        """Return the imports that run when a module is loaded."""
        known = self._tops.get(module)
        if known is None:
            known = self._tops[module] = list(_at_top(module.body, False))
        return known

    def needed(self, module: Module) -> frozenset[str]:
        """Return the names that are read while a module is loaded: by its statements, decorators, defaults, classes."""
        known = self._needed.get(module)
        if known is None:
            known = self._needed[module] = frozenset(_needed(module))
        return known

    def target(self, module: Module, top: Top) -> Module | str:
        """Return the module of the project that an import loads, or the dotted name of what is not the project's."""
        found = self.project.imported(module, top.source, top.attribute, top.level)
        if isinstance(found, Module):
            return found
        if isinstance(found, External):
            return str(found)
        # A name of a module of the project: that module, not where the name comes from, is what is loaded.
        source = self.project.imported(module, top.source, "", top.level)
        return source if isinstance(source, Module) else ""

    def loaded_by(self, module: Module) -> dict[Module, tuple[tuple[Module, Top], ...]]:
        """Return every module of the project that loading one loads, with the imports that lead there."""
        found: dict[Module, tuple[tuple[Module, Top], ...]] = {module: ()}
        waiting = [module]
        while waiting:
            current = waiting.pop(0)
            for top in self.tops(current):
                target = self.target(current, top)
                for each in self._with_packages(target) if isinstance(target, Module) else ():
                    if each not in found:
                        found[each] = (*found[current], (current, top))
                        waiting.append(each)
        return found

    def _with_packages(self, module: Module) -> Iterator[Module]:
        """Give a module and the packages around it, which are loaded first."""
        yield module
        yield from self.packages(module)

    def packages(self, module: Module) -> Iterator[Module]:
        """Give the packages around a module."""
        name = module.name.rpartition(".")[0]
        while name:
            package = self.project.modules.get(name)
            if package is not None:
                yield package
            name = name.rpartition(".")[0]

    def libraries(self, module: Module) -> Iterator[tuple[Top, str]]:
        """Give the imports of libraries of the table at the top of a module."""
        for top in self.tops(module):
            target = self.target(module, top)
            library = heavy(target) if isinstance(target, str) else ""
            if library:
                yield top, library


def _at_top(block: tuple[Node, ...], optional: bool) -> Iterator[Top]:
    for statement in block:
        if statement[0] == "import":
            for binding in statement[2]:
                yield Top(statement[1], binding, optional)
        elif not is_aside(statement):
            for inner in blocks(statement):
                yield from _at_top(inner, optional or statement[0] in ("try", "if"))


def is_aside(statement: Node) -> bool:
    """Tell whether a statement is for type checkers, or for running the file as a script."""
    return (statement[0] == "if" and not names_in(statement[2]).isdisjoint(("TYPE_CHECKING", "__name__"))) or (
        statement[0] == "if" and any(node[0] == "attr" and node[3] == "TYPE_CHECKING" for node in walk(statement[2]))
    )


def _needed(module: Module) -> Iterator[str]:
    for statement in module.body:
        if not is_aside(statement):
            yield from names_in(statement)
    later = module.names.get("annotations", ())[:2] == ("import", "__future__")
    for function in module.functions:
        if function.outer < 0:
            yield from _of_signature(function, later)
    for cls in module.classes:
        if cls.outer < 0:
            yield from _of_class(cls, later)


def _of_signature(function: Function, later: bool) -> Iterator[str]:
    yield from names_in(function.decorators)
    for _, annotation, default, _ in function.parameters:
        yield from names_in(default)
        if not later:
            yield from _evaluated(annotation, function.line)
    if not later:
        yield from _evaluated(function.returns, function.line)


def _of_class(cls: Class, later: bool) -> Iterator[str]:
    yield from names_in((cls.bases, cls.decorators, tuple([value for _, value in cls.keywords])))
    for binding in cls.names.values():
        if binding[0] == "value":
            yield from names_in(binding[1])
            if not later:
                yield from _evaluated(binding[2], cls.line)
        elif binding[0] == "import":
            yield binding[1]


def _evaluated(annotation: Any, line: int) -> Iterator[str]:
    """Give the names of an annotation that is evaluated: one written as text was parsed alone, from its own line 1."""
    if annotation is not None and line_of(annotation[1]) >= line:
        yield from names_in(annotation)


@lru_cache(maxsize=1)
def imports(project: Project) -> Imports:
    """Return the imports of a project."""
    return Imports(project)
