"""The code of a file as a profiler names it: functions, comprehensions and statements with their lines."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

UNNAMED = {
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
    ast.GeneratorExp: "<genexpr>",
    ast.Lambda: "<lambda>",
}
MODULE = "<module>"
LARGEST = 4 << 20  # characters of a file


@dataclass(frozen=True, slots=True)
class Code:
    """A function, or what has a frame like one; `first` is its first decorator's line, as Python counts it."""

    name: str
    qualified: str
    first: int
    last: int

    @property
    def unnamed(self) -> bool:
        return self.name.startswith("<")


@dataclass(slots=True)
class Outline:
    """The codes of a file, outer ones first, the lines of its classes, and those of its simple statements."""

    codes: list[Code] = field(default_factory=list)
    classes: list[tuple[int, int]] = field(default_factory=list)
    statements: dict[int, tuple[int, int]] = field(default_factory=dict)

    def around(self, line: int) -> list[Code]:
        """Return the codes that hold a line, the innermost first; none for what runs at import."""
        return [code for code in reversed(self.codes) if code.first <= line <= code.last]

    def in_class_body(self, line: int) -> bool:
        """Tell whether a line is a field or another statement of a class."""
        return not self.around(line) and any(first <= line <= last for first, last in self.classes)

    def named(self, name: str, first: int) -> Code | None:
        """Return the code of a name that begins nearest to a line: the file may have changed since."""
        name = name.rpartition(".")[2]
        alike = [code for code in self.codes if code.name == name]
        if not first:
            return alike[0] if len(alike) == 1 else None
        return min(alike, key=lambda code: abs(code.first - first), default=None)

    def statement(self, line: int) -> tuple[int, int]:
        """Return the first and the last line of the statement that a line belongs to."""
        return self.statements.get(line, (line, line))


def outline(text: str) -> Outline:
    """Return the outline of a source text; an empty one where it cannot be parsed."""
    found = Outline()
    if len(text) > LARGEST:
        return found
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return found
    found.codes.extend(sorted(_codes(tree, found), key=lambda code: (code.first, -code.last)))
    return found


def _codes(tree: ast.Module, found: Outline) -> Iterator[Code]:
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, inside = waiting.pop()
        below = inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield Code(node.name, f"{inside}{node.name}", first, node.end_lineno or node.lineno)
            below = f"{inside}{node.name}."
        elif isinstance(node, ast.ClassDef):
            below = f"{inside}{node.name}."
            found.classes.append((node.lineno, node.end_lineno or node.lineno))
        elif isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            name = UNNAMED[type(node)]
            yield Code(name, f"{inside}{name}", node.lineno, node.end_lineno or node.lineno)
        elif isinstance(node, ast.stmt) and not hasattr(node, "body"):
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found.statements[line] = (node.lineno, node.end_lineno or node.lineno)
        waiting.extend((child, below) for child in ast.iter_child_nodes(node))
