"""What a function stands on: the source of what it calls and reads, in its file and in others of the project."""

import ast
import builtins
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perfwright.finding import Finding
from perfwright.fix.ai.bodies import Function
from perfwright.fix.source import FUNCTIONS, Source

MOST, EACH = 16_000, 4_000  # letters of all parts, and of one
DEEPEST = 2  # calls from the function
LARGEST = 1 << 20  # bytes of a file that is looked into


@dataclass(frozen=True, slots=True)
class Part:
    """A definition that a function uses: where it stands, and its source."""

    path: str
    line: int
    text: str


class Definitions:
    """The definitions of a project that one function uses, each once, the nearest first."""

    def __init__(self, root: Path, source: Source) -> None:
        self.root, self.first = root.resolve(), source
        self.sources: dict[str, Source | None] = {source.path: source}
        self.parts: list[Part] = []
        self.seen: set[tuple[str, int]] = set()
        self.left = MOST

    def of(self, function: Function, finding: Finding) -> list[Part]:
        """Return what a function uses, and what the chain of its finding goes through."""
        self.seen.add((self.first.path, function.lineno))
        nearest: list[tuple[Source, ast.stmt]] = [(self.first, function)]
        for step in finding.chain:
            other = self._source(step.path)
            found = _named(other, step.function) if other is not None else None
            if other is not None and found is not None:
                self._add(other, found)
        for _ in range(DEEPEST):
            nearest = [one for each in nearest for one in self._used(*each) if self._add(*one)]
        return self.parts

    def _add(self, source: Source, node: ast.stmt) -> bool:
        """Take a definition along, where it is new and there is room."""
        if (source.path, node.lineno) in self.seen:
            return False
        self.seen.add((source.path, node.lineno))
        first = min([node.lineno, *[each.lineno for each in getattr(node, "decorator_list", [])]])
        text = source.text[source.starts[first - 1] : source.starts[node.end_lineno or node.lineno]].rstrip()
        if len(text) > min(EACH, self.left):
            return False
        self.left -= len(text)
        self.parts.append(Part(source.path, first, text))
        return True

    def _used(self, source: Source, node: ast.AST) -> Iterator[tuple[Source, ast.stmt]]:
        """Give the definitions that a part of a file uses, in it or where it imports them from."""
        within = next((each for each in source.above(node) if isinstance(each, ast.ClassDef)), None)
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) and not hasattr(builtins, each.id):
                yield from self._meant(source, each.id, "")
            elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
                if each.value.id in ("self", "cls") and within is not None:
                    yield from ((source, one) for one in within.body if _binds(one, each.attr))
                else:
                    yield from self._meant(source, each.value.id, each.attr)

    def _meant(self, source: Source, name: str, attribute: str) -> Iterator[tuple[Source, ast.stmt]]:
        for node in source.tree.body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        yield source, node
                        yield from self._imported(source, node, alias.name, attribute)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if (alias.asname or alias.name.partition(".")[0]) == name:
                        yield source, node
                        other = self._source(*_files(alias.name)) if attribute else None
                        yield from ((other, one) for one in other.tree.body if _binds(one, attribute)) if other else ()
            elif not attribute and _binds(node, name):
                yield source, node

    def _imported(
        self, source: Source, node: ast.ImportFrom, name: str, attribute: str
    ) -> Iterator[tuple[Source, ast.stmt]]:
        """Give what `from module import name` names: a definition of the module, or one of the module of that name."""
        package = Path(source.path).parts[: -node.level] if node.level else ()
        module = ".".join((*package, *([node.module] if node.module else [])))
        other = self._source(*_files(module))
        if other is not None and (found := [one for one in other.tree.body if _binds(one, name)]):
            yield from ((other, one) for one in found)
        elif attribute and (other := self._source(*_files(f"{module}.{name}"))) is not None:
            yield from ((other, one) for one in other.tree.body if _binds(one, attribute))

    def _source(self, *paths: str) -> Source | None:
        """Return the first of some files that is the project's and can be read."""
        for path in paths:
            if path not in self.sources:
                self.sources[path] = self._read(path)
            if (found := self.sources[path]) is not None:
                return found
        return None

    def _read(self, path: str) -> Source | None:
        file = self.root / path
        try:
            if not file.resolve().is_relative_to(self.root) or file.stat().st_size > LARGEST or file.suffix != ".py":
                return None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return Source(path, file.read_text("utf8"))
        except (OSError, SyntaxError, ValueError, RecursionError):
            return None


def _files(module: str) -> list[str]:
    """Return where a module may be, from the root of a project."""
    path = module.replace(".", "/")
    return [f"{place}{path}{end}" for place in ("", "src/") for end in (".py", "/__init__.py")]


def _binds(node: ast.stmt, name: str) -> bool:
    """Tell whether a statement defines a name."""
    match node:
        case ast.FunctionDef(name=bound) | ast.AsyncFunctionDef(name=bound) | ast.ClassDef(name=bound):
            return bound == name
        case ast.Assign(targets=targets):
            return any(isinstance(each, ast.Name) and each.id == name for each in targets)
        case ast.AnnAssign(target=ast.Name(id=bound)):
            return bound == name
    return False


def _named(source: Source, qualified: str) -> ast.stmt | None:
    """Return the function of a file with this name, which has its classes in front."""
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTIONS) and source.qualified(node) == qualified:
            return node
    return None
