"""A file to be patched: its tree, the text of its parts, and edits that leave all else as it is."""

import ast
import builtins
import keyword
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from perfwright.finding import Place

Node = TypeVar("Node", bound=ast.AST)
Loop = ast.For | ast.AsyncFor | ast.While
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
KEPT = 256  # files whose trees are kept: of a large project not all


class UnplacedError(Exception):
    """A part of the text whose place is not known: no edit can be made of it."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A part of the text, from one offset to another, and what stands there instead."""

    start: int
    end: int
    text: str


class Source:
    """A file's text and tree, with the root of its project. Raises SyntaxError where it is not Python."""

    def __init__(self, path: str, text: str, root: Path | None = None) -> None:
        self.path, self.text, self.root = path, text, root
        self.tree = ast.parse(text)
        ends = [each.end() for each in re.finditer(r"\r\n|\r|\n", text)]
        self.starts = [0, *ends, len(text) + 1]
        self.newline = "\r\n" if "\r\n" in text else "\n"

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Return what each node of the tree is directly in."""
        return {inner: node for node in ast.walk(self.tree) for inner in ast.iter_child_nodes(node)}

    # ------------------------------------------------------------------------------ text
    @cached_property
    def functions(self) -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
        """Return the functions and methods by their names."""
        found: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        for each in ast.walk(self.tree):
            if isinstance(each, FUNCTIONS):
                found.setdefault(each.name, []).append(each)
        return found

    def offset(self, line: int, column: int) -> int:
        """Return where a line and a column of the tree (from 0, in bytes of UTF-8) are in the text."""
        start = self.starts[line - 1]
        row = self.text[start : self.starts[line] - 1]
        return start + (column if row.isascii() else len(row.encode()[:column].decode("utf8", "ignore")))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return where a node begins and ends in the text. Raises UnplacedError where nobody knows."""
        if (text := self.in_text(node)) is not None:
            start, end = self.span(text)
            written = ast.unparse(node)
            if self.text.count(written, start, end) != 1:
                raise UnplacedError(self.path)
            start = self.text.index(written, start, end)
            return start, start + len(written)
        place: Any = node
        return self.offset(place.lineno, place.col_offset), self.offset(place.end_lineno, place.end_col_offset)

    def text_of(self, node: ast.AST) -> str:
        """Return a node as it is written."""
        start, end = self.span(node)
        return self.text[start:end]

    def edited(self, edits: Sequence[Edit]) -> str:
        """Return the text with edits made. Raises ValueError where two of them touch the same."""
        text, last = self.text, len(self.text) + 1
        for edit in sorted(edits, key=lambda each: (each.start, each.end), reverse=True):
            if edit.end > last:
                raise ValueError(f"two edits touch the same text of {self.path}")
            text, last = text[: edit.start] + self._written(edit.text) + text[edit.end :], edit.start
        return text

    def _written(self, text: str) -> str:
        """Return text with the ends of lines that the file has."""
        return text if self.newline == "\n" else text.replace("\r\n", "\n").replace("\n", self.newline)

    def expression(self, node: ast.expr) -> str:
        """Return an expression as it can stand by itself: in brackets where it goes over several lines without."""
        text = self.text_of(node)
        try:
            alone = len(ast.parse(f"_ = {text}").body) == 1
        except SyntaxError:
            alone = False
        return text if alone else f"({text})"

    # ------------------------------------------------------------------------------ places
    def at(self, place: Place, *kinds: type[Node]) -> Node | None:
        """Return the node of a kind that begins at a place, else the smallest that is around it; where the place is no
        more than a line, the largest on it; None for a place in another file."""
        if place.path != self.path:
            return None
        line, next_line = self.starts[place.line - 1], self.starts[place.line]
        here = line + place.column - 1 if place.column else None
        best: tuple[int, int, Node] | None = None
        for node in ast.walk(self.tree):
            if not isinstance(node, kinds) or not hasattr(node, "lineno") or self.in_text(node) is not None:
                continue
            start, end = self.span(node)
            if here is None:
                rank = (0, start - end) if line <= start < next_line else None
            else:
                rank = (0, end - start) if start == here else (1, end - start) if start <= here < end else None
            if rank is not None and (best is None or rank < best[:2]):
                best = (*rank, node)
        return best[2] if best is not None else None

    def calls_at(self, place: Place) -> list[ast.Call]:
        """Return the calls that begin at a place, the longest first: `a.b().c()`, then `a.b()`."""
        found = self.at(place, ast.Call)
        calls = [found] if found is not None else []
        while calls and isinstance(of := self.parents.get(calls[0]), ast.Attribute):
            if not isinstance(call := self.parents.get(of), ast.Call) or call.func is not of:
                break
            calls.insert(0, call)
        return calls

    def in_text(self, node: ast.AST) -> ast.JoinedStr | None:
        """Return the outermost f-string that a node is within, whose parts have no places of their own: before Python
        3.12; None for what has a place."""
        if sys.version_info >= (3, 12):
            return None
        return next((each for each in reversed([*self.above(node)]) if isinstance(each, ast.JoinedStr)), None)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Give what a node is in, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the statement that a node is in, or is."""
        return next(each for each in (node, *self.above(node)) if isinstance(each, ast.stmt))

    def function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """Return the innermost function that a node is in."""
        return next((each for each in self.above(node) if isinstance(each, FUNCTIONS)), None)

    def qualified(self, node: ast.AST) -> str:
        """Return the name of the outermost function that a node is in, with its class; nothing where there is none."""
        found: list[str] = []
        for each in (node, *self.above(node)):
            if isinstance(each, FUNCTIONS):
                found = [each.name]
            elif isinstance(each, ast.ClassDef) and found:
                found.insert(0, each.name)
        return ".".join(found)

    def lines_of(self, function: str) -> list[int]:
        """Return the lines at which the statements of a function begin, by its name with its class."""
        for node in ast.walk(self.tree):
            if isinstance(node, FUNCTIONS) and self.qualified(node) == function and self.function(node) is None:
                inner = [each for statement in node.body for each in ast.walk(statement)]
                lines = {each.lineno for each in inner if isinstance(each, ast.stmt) and not is_docstring(each)}
                return sorted(lines)
        return []

    def function_at(self, line: int) -> str:
        """Return the name of the outermost function around a line, with its class; nothing where there is none."""
        for node in ast.walk(self.tree):
            if isinstance(node, FUNCTIONS) and self.function(node) is None:
                first = min([node.lineno, *[each.lineno for each in node.decorator_list]])
                if first <= line <= (node.end_lineno or line):
                    return self.qualified(node)
        return ""

    def loops(self, node: ast.AST) -> list[ast.AST]:
        """Return the loops and comprehensions within the function that a node is repeated by, outermost last."""
        found: list[ast.AST] = []
        inner = node
        for each in self.above(node):
            if isinstance(each, (*FUNCTIONS, ast.Lambda)):
                break
            if (
                (isinstance(each, ast.For | ast.AsyncFor) and inner is not each.iter)
                or isinstance(each, ast.While)
                or (isinstance(each, COMPREHENSIONS) and not (inner is each.generators[0] and self._first(each, node)))
            ):
                found.append(each)
            inner = each
        return found

    def _first(self, comprehension: ast.AST, node: ast.AST) -> bool:
        """Tell whether a node is in what a comprehension goes through first: that is asked for once."""
        generator = comprehension.generators[0]  # type: ignore[attr-defined]
        return any(inner is node for inner in ast.walk(generator.iter))

    # ------------------------------------------------------------------------------ edits
    def made_once(self, name: str) -> ast.Assign | ast.AnnAssign | None:
        """Return the one assignment of the module to a name; None where there are none or several."""
        found = [
            each
            for each in self.tree.body
            if isinstance(each, ast.Assign | ast.AnnAssign)
            and self.text_of(each.targets[0] if isinstance(each, ast.Assign) else each.target) == name
        ]
        return found[0] if len(found) == 1 else None

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that puts another text in place of a node."""
        return Edit(*self.span(node), text)

    def before(self, statement: ast.stmt, *lines: str) -> Edit:
        """Return the edit that puts lines before a statement, indented as it is."""
        first = min([statement.lineno, *[each.lineno for each in getattr(statement, "decorator_list", [])]])
        start = self.starts[first - 1]
        indent = self.indent(statement)
        return Edit(start, start, "".join(f"{indent}{line}".rstrip() + "\n" for line in lines))

    def after(self, statement: ast.stmt, *lines: str) -> Edit:
        """Return the edit that puts lines after a statement, indented as it is."""
        end = min(self.starts[(statement.end_lineno or statement.lineno)], len(self.text))
        indent = self.indent(statement)
        text = "".join(f"{indent}{line}".rstrip() + "\n" for line in lines)
        return Edit(end, end, text if self.text[:end].endswith(("\n", "\r")) else f"\n{text}")

    def removed(self, statement: ast.stmt) -> Edit:
        """Return the edit that takes a statement away with its lines."""
        return Edit(self.starts[statement.lineno - 1], self.starts[statement.end_lineno or statement.lineno], "")

    def indent(self, statement: ast.stmt | ast.alias) -> str:
        """Return the white space at the beginning of the line of a statement."""
        return self.indent_at(statement.lineno)

    def indent_at(self, line: int) -> str:
        """Return the white space that a line begins with."""
        return re.match(r"[ \t]*", self.text[self.starts[line - 1] :])[0]  # type: ignore[index]

    def is_alone(self, statement: ast.stmt) -> bool:
        """Tell whether nothing else stands on the lines of a statement: it can be moved, and lines put around it."""
        start, end = self.span(statement)
        before = self.text[self.starts[statement.lineno - 1] : start]
        after = self.text[end : self.starts[statement.end_lineno or statement.lineno] - 1]
        return not before.strip() and (not after.strip() or after.lstrip().startswith("#"))

    def begins(self, statement: ast.stmt) -> bool:
        """Tell whether a statement is the first on its line: lines can be put before it."""
        start = self.starts[statement.lineno - 1]
        before = self.text[start : self.span(statement)[0]]
        return not before.strip() and not self.text[:start].rstrip("\r\n").endswith("\\")

    def imported(self, module: str, name: str, gone: ast.AST | None = None) -> tuple[str, list[Edit]]:
        """Return how a name of a module is written in this file, with the edit that imports it where nothing does.

        Where `gone` goes, another name of the module that nothing else needs is imported no more.
        """
        for node in self.tree.body:
            if isinstance(node, ast.Import):
                for each in node.names:
                    if each.name == module:
                        return f"{each.asname or module}.{name}", []
        for node in self.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == module and not node.level:
                for each in node.names:
                    if each.name == name:
                        return each.asname or name, []
                lost = [each for each in node.names if gone is not None and self._only(each.asname or each.name, gone)]
                if lost:
                    return name, [self.replace(lost[0], name)]
                if node.names[0].name != "*":
                    return name, [self._beside(node, name)]
        return name, [self._import(module, f"from {module} import {name}")]

    def _only(self, name: str, gone: ast.AST) -> bool:
        """Tell whether a name is read in a node, and nowhere else."""
        inside = {id(each) for each in ast.walk(gone)}
        uses = [id(each) in inside for each in ast.walk(self.tree) if isinstance(each, ast.Name) and each.id == name]
        return bool(uses) and all(uses)

    def _beside(self, node: ast.ImportFrom, name: str) -> Edit:
        """Return the edit that names one more in an import, in order."""
        before = [each for each in node.names if each.name < name]
        if not before:
            start = self.span(node.names[0])[0]
            return Edit(start, start, f"{name}, ")
        end = self.span(before[-1])[1]
        lines = before[-1].lineno != node.lineno
        return Edit(end, end, f",\n{self.indent(before[-1])}{name}" if lines else f", {name}")

    def unimported(self, gone: ast.AST, kept: ast.AST) -> list[Edit]:
        """Return the edits that take an import away which nothing needs once a node is gone, but for a part of it."""
        stays = {id(each) for each in ast.walk(kept)}
        leaves = {id(each) for each in ast.walk(gone)} - stays
        uses = [each for each in ast.walk(self.tree) if isinstance(each, ast.Name)]
        lost = {each.id for each in uses if id(each) in leaves} - {each.id for each in uses if id(each) not in leaves}
        exported = [each.value for each in ast.walk(self.tree) if isinstance(each, ast.Constant)]
        return [
            self._cleared(node)
            for node in self.tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            and len(node.names) == 1
            and (node.names[0].asname or node.names[0].name) in lost - {*map(str, exported)}
            and self.is_alone(node)
        ]

    def _cleared(self, statement: ast.stmt) -> Edit:
        """Return the edit that takes a statement away, and the empty lines after it where it is the file's first."""
        edit = self.removed(statement)
        blank = re.match(r"\s*\n" if statement is self.tree.body[0] else r"", self.text[edit.end :])
        return Edit(edit.start, edit.end + (blank.end() if blank is not None else 0), "")

    def _import(self, module: str, line: str) -> Edit:
        """Return the edit that imports from a module of the standard library, where a sorted file has it."""
        last: ast.stmt | None = None
        every: list[ast.stmt] = []
        for node in self.tree.body:
            if not isinstance(node, ast.Import | ast.ImportFrom):
                if every or not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                    break
                continue
            every.append(node)
            of = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            is_own = of.partition(".")[0] in sys.stdlib_module_names and not getattr(node, "level", 0)
            if of == "__future__" or (is_own and (isinstance(node, ast.Import) or of <= module)):
                last = node
        if last is not None:
            future = isinstance(last, ast.ImportFrom) and last.module == "__future__"
            return self.after(last, *([""] if future else []), line)
        if every:
            of = every[0].module or "" if isinstance(every[0], ast.ImportFrom) else ""
            return self.before(every[0], line, *([] if of.partition(".")[0] in sys.stdlib_module_names else [""]))
        first = self.tree.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            return self.after(first, "", line)
        return self.before(first, line, "", "")

    def fresh(self, *wanted: str) -> str:
        """Return the first of some names that means nothing in the file."""
        taken = {each.id for each in ast.walk(self.tree) if isinstance(each, ast.Name)}
        taken |= {each.arg for each in ast.walk(self.tree) if isinstance(each, ast.arg)}
        taken |= {
            each.name
            for each in ast.walk(self.tree)
            if isinstance(each, (*FUNCTIONS, ast.ClassDef)) and not isinstance(self.parents.get(each), ast.ClassDef)
        }
        imports = [each for each in ast.walk(self.tree) if isinstance(each, ast.Import | ast.ImportFrom)]
        taken |= {(each.asname or each.name).partition(".")[0] for one in imports for each in one.names}
        taken |= {*keyword.kwlist, *dir(builtins)}
        for name in (*wanted, *[f"{wanted[0]}_{number}" for number in range(2, 100)]):
            if name not in taken:
                return name
        raise ValueError("no name is free")


@lru_cache(maxsize=KEPT)
def source(path: str, text: str, root: Path | None = None) -> Source:
    """Return a file with its tree; the last ones are kept. Raises SyntaxError where it is not Python."""
    return Source(path, text, root)


def is_docstring(statement: ast.stmt) -> bool:
    """Tell whether a statement is no more than text."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def names(node: ast.AST) -> set[str]:
    """Return the names that are read, written or deleted in a node."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def bound(node: ast.AST) -> set[str]:
    """Return the names that a node gives a value, also those of its loops and functions."""
    found = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)}
    found |= {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
    found |= {each.name for each in ast.walk(node) if isinstance(each, (*FUNCTIONS, ast.ClassDef))}
    for each in ast.walk(node):
        if isinstance(each, ast.Global | ast.Nonlocal):
            found |= set(each.names)
    return found


CHANGES = frozenset((
    "append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "add", "discard", "update", "setdefault",
    "popitem", "appendleft", "extendleft", "popleft", "rotate", "difference_update", "intersection_update",
    "symmetric_difference_update", "write",
))  # fmt: skip


def changed(node: ast.AST) -> set[str]:
    """Return what a node changes in place, as written: `seen`, `self.rows`."""
    found: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in CHANGES:
            found.add(ast.unparse(each.func.value))
        targets: list[ast.expr] = []
        if isinstance(each, ast.Assign | ast.Delete):
            targets = each.targets
        elif isinstance(each, ast.AugAssign | ast.AnnAssign):
            targets = [each.target]
        for target in targets:
            for inner in ast.walk(target):
                if isinstance(inner, ast.Subscript | ast.Attribute) and not isinstance(inner.ctx, ast.Load):
                    found.add(ast.unparse(inner.value))
                    found.add(ast.unparse(inner))
            if isinstance(each, ast.AugAssign):
                found.add(ast.unparse(target))
    return found
