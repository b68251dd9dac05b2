"""What a candidate may hold: characters that are seen, modules that compute, values that never change."""

import ast
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from perfwright.fix.source import Source

LARGEST = 64 << 10  # letters of a candidate
# Modules that only compute. What reaches further is imported where the file does so already.
COMPUTE = frozenset((
    "abc", "array", "asyncio", "bisect", "cmath", "collections", "concurrent", "contextlib", "copy", "dataclasses",
    "datetime", "decimal", "enum", "fractions", "functools", "graphlib", "heapq", "io", "itertools", "json", "math",
    "numbers", "operator", "re", "statistics", "string", "struct", "textwrap", "types", "typing", "unicodedata",
))  # fmt: skip
REACH = frozenset(
    ("open", "input", "breakpoint", "exec", "eval", "compile", "globals", "locals", "vars", "exit", "quit")
)
OUTSIDE = frozenset((  # by way of modules that compute
    "open", "open_code", "FileIO", "open_connection", "open_unix_connection", "create_connection", "start_server",
    "create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "subprocess_shell",
    "now", "utcnow", "today",
))  # fmt: skip
HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


class NotTakenError(Exception):
    """Why a candidate is not taken, as a clause."""


def plain(text: str, known: str) -> None:
    """Refuse characters that nobody sees, or that turn what is seen around."""
    if len(text) > LARGEST:
        raise NotTakenError("it is too long")
    for each in sorted(set(text) - set(known) - {"\n", "\t"}):
        if unicodedata.category(each) in HIDDEN:
            raise NotTakenError(f"it holds the character U+{ord(each):04X}, which nobody sees")


def reaches(root: Path, tree: ast.Module, source: Source) -> None:
    """Refuse what reaches out of the computation where the file does not: modules, files, the insides of Python."""
    imports = {each for node in ast.walk(source.tree) for each in _modules(node)}
    used = {name for node in ast.walk(source.tree) for name in _used(node)}
    declared = {name for node in ast.walk(source.tree) if isinstance(node, ast.Global) for name in node.names}
    for node in ast.walk(tree):
        for module in _modules(node):
            if module not in COMPUTE | imports and not _is_own(root, module):
                kind = "" if module in sys.stdlib_module_names else " another dependency,"
                raise NotTakenError(f"it imports{kind} `{module}`, which the file does not")
        if isinstance(node, ast.ImportFrom) and any(each.name == "*" for each in node.names):
            raise NotTakenError(f"it imports all of `{node.module}`")
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            raise NotTakenError("it changes what the syntax of the file means")
        for name in _used(node):
            reach = OUTSIDE if isinstance(node, ast.Attribute | ast.ImportFrom) else REACH
            if name not in used and (name in reach or (name.startswith("__") and name.endswith("__"))):
                raise NotTakenError(f"it uses `{name}`, which the file does not")
        if isinstance(node, ast.Global) and not set(node.names) <= declared:
            raise NotTakenError(f"it keeps something in `{node.names[0]}` from call to call")


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (each.name.partition(".")[0] for each in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module.partition(".")[0]


def _used(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            yield name
        case ast.ImportFrom(names=names):
            yield from (each.name for each in names)


def _is_own(root: Path, module: str) -> bool:
    """Tell whether a module is the project's."""
    return module.isidentifier() and any(
        (folder / module).is_dir() or (folder / f"{module}.py").is_file() for folder in (root, root / "src")
    )


def is_constant(node: ast.expr) -> bool:
    """Tell whether a value never changes: what is kept from call to call would."""
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=inner):
            return is_constant(inner)
        case ast.BinOp(left=left, right=right):
            return is_constant(left) and is_constant(right) and not isinstance(node.op, ast.Pow | ast.LShift | ast.Mult)
        case ast.Tuple(elts=elements):
            return all(map(is_constant, elements))
        case ast.Call(func=ast.Name(id="frozenset"), args=[ast.Set(elts=elements) | ast.Tuple(elts=elements)]):
            return all(map(is_constant, elements))
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr="compile"), args=arguments, keywords=[]):
            return all(isinstance(each, ast.Constant | ast.Attribute | ast.BinOp) for each in arguments)
    return False
