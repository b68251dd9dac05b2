"""The project that a patched file belongs to: its other files, what names stand for in them, and its models."""

import ast
import contextlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from perfwright import discover
from perfwright.effects.schema import Model, Schema
from perfwright.errors import InputError
from perfwright.fix.source import Edit, Source, source
from perfwright.index import read
from perfwright.index.cache import Cache
from perfwright.index.lower import Node
from perfwright.index.project import Class, Entity, Function, Module, Project
from perfwright.index.sources import sources_of
from perfwright.progress import Progress


class Surroundings:
    """A project as it stands on the disk."""

    def __init__(self, root: Path, names: list[str]) -> None:
        self.root = root
        facts = read.read(sources_of(root, names), Cache(None, root), Progress(), jobs=1)
        self.project = Project(facts.files, discover.packages_around(root), None)
        self.schema = Schema(self.project)
        self.modules = {module.path: module for module in self.project.modules.values()}
        self._texts: dict[str, str] = {}

    def source(self, path: str) -> Source | None:
        """Return a file of the project; None for what is no Python file of it."""
        if path in self.modules:
            with contextlib.suppress(SyntaxError):
                return source(path, self._text(path), self.root)
        return None

    def mentioning(self, *words: str) -> Iterator[Source]:
        """Give the files of the project whose text has one of some words; the others are not parsed."""
        for path in self.modules:
            if any(word in self._text(path) for word in words) and (found := self.source(path)) is not None:
                yield found

    def _text(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_bytes().decode("utf8", "surrogateescape")
        return self._texts[path]

    def entity(self, source: Source, node: ast.AST) -> Entity | None:
        """Return what a dotted name stands for at the top of its file; None where that is not known."""
        module, written = self.modules.get(source.path), dotted(node)
        if module is None or written is None:
            return None
        return self.project.expression(module, written)

    def model(self, source: Source, node: ast.AST) -> Model | None:
        """Return the model that a dotted name stands for."""
        found = self.entity(source, node)
        return self.schema.of(found) if isinstance(found, Class) else None

    def named(self, name: str, near: Source | None = None) -> Model | None:
        """Return the model of a name, the nearest to a file where several have it."""
        return self.schema.named(name, self.modules.get(near.path) if near is not None else None)

    def definition(self, function: Function) -> tuple[Source, ast.FunctionDef | ast.AsyncFunctionDef] | None:
        """Return the file and the statement that define a function."""
        source = self.source(function.path)
        for node in source.functions.get(function.name, ()) if source is not None else ():
            first = min([node.lineno, *[each.lineno for each in node.decorator_list]])
            if first <= function.line <= (node.body[0].lineno) and source is not None:
                return source, node
        return None

    def method(self, model: Model, name: str) -> Function | None:
        """Return the method or property of a model that has a name."""
        found = self.project.class_member(model.cls, name)
        if isinstance(found, tuple) and found[1][0] == "func":
            return found[0].module.functions[found[1][1]]
        return None

    def module(self, source: Source) -> Module | None:
        """Return what the index knows of a file."""
        return self.modules.get(source.path)

    def written(self, source: Source, model: Model) -> tuple[str, list[Edit]] | None:
        """Return how a model is written in a file, with the edit that imports it beside others of its module.

        It is None where the file imports nothing of that module.
        """
        module = self.modules.get(source.path)
        for name in module.names if module is not None else ():
            found = self.project.lookup(module, name) if module is not None else None
            if found is model.cls:
                return name, []
            if isinstance(found, Module) and found is model.cls.module:
                return f"{name}.{model.name}", []
        for node in source.tree.body:
            if module is not None and isinstance(node, ast.ImportFrom) and not any(a.name == "*" for a in node.names):
                for each in node.names:
                    found = self.project.lookup(module, each.asname or each.name)
                    if isinstance(found, Class) and found.module is model.cls.module:
                        return model.name, [also_imported(source, node, model.name)]
        return None


def also_imported(source: Source, node: ast.ImportFrom, name: str) -> Edit:
    """Return the edit that imports one more name, where a sorted list would have it."""
    order = (not name[:1].isupper(), name.lower())
    for each in node.names:
        if (not each.name[:1].isupper(), each.name.lower()) > order:
            start, _ = source.span(each)
            return Edit(start, start, f"{name}, ")
    _, end = source.span(node.names[-1])
    return Edit(end, end, f", {name}")


def also_from(source: Source, module: str, names: list[str]) -> list[Edit]:
    """Return the edits that import names of a library's module: beside its others, else before the project's own."""
    imports = [node for node in source.tree.body if isinstance(node, ast.ImportFrom | ast.Import)]
    known = [node for node in imports if isinstance(node, ast.ImportFrom) and node.module == module and not node.level]
    here = {each.name for node in known for each in node.names if each.asname is None}
    wanted = [name for name in names if name not in here]
    if not wanted:
        return []
    if known:
        edits = [also_imported(source, known[0], name) for name in wanted]
        places = dict.fromkeys(each.start for each in edits)
        return [Edit(place, place, "".join(each.text for each in edits if each.start == place)) for place in places]
    line = f"from {module} import {', '.join(wanted)}"
    top = module.partition(".")[0]
    alike = [node for node in imports if (getattr(node, "module", None) or "").partition(".")[0] == top]
    later = [node for node in alike if isinstance(node, ast.ImportFrom) and (node.module or "") > module]
    if later and len(later) == len(alike):
        return [source.before(later[0], line)]
    others = [node for node in imports if not getattr(node, "level", 0)]
    before = alike or others
    if before:
        return [source.after(before[-1], line)]
    return [source.before(imports[0], line)] if imports else source.imported(module, wanted[0])[1]


def dotted(node: ast.AST) -> Node | None:
    """Return a dotted name as the index writes it."""
    if isinstance(node, ast.Name):
        return ("name", 0, node.id)
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return ("attr", 0, base, node.attr) if base is not None else None
    return None


def around(root: Path) -> Surroundings | None:
    """Return the project below a root as it stands now; None where it cannot be read."""
    try:
        names = discover.find(root, [root])
        stamp = tuple((name, *stamp_of(root / name)) for name in names)
    except (InputError, OSError):
        return None
    return read_once(root, stamp)


def stamp_of(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size


@lru_cache(maxsize=2)
def read_once(root: Path, stamp: tuple[tuple[str, int, int], ...]) -> Surroundings:
    return Surroundings(root, [name for name, *_ in stamp])
