"""A file is hashed piece by piece, and not read whole for it.

It is opened for that alone: as the only thing that is done with it, or in the expression itself.
"""

import ast
import hashlib
import re
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Source

BYTES = 4_000_000  # of a file at which less memory shows: the pieces are a quarter of a million


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around = source.at(finding.place, ast.stmt)
    function = source.function(around) if around is not None else None
    for call in ast.walk(around) if around is not None and function is not None else ():
        if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
            continue
        kind, read = hash_of(call), call.args[0]
        if not kind or not isinstance(read, ast.Call) or read.args or read.keywords:
            continue
        if not isinstance(read.func, ast.Attribute):
            continue
        held, says = read.func.value, "the file is hashed piece by piece"
        if read.func.attr == "read" and isinstance(held, ast.Name) and is_only_read(source, held):
            yield Proposal((source.replace(call, f'hashlib.file_digest({held.id}, "{kind}")'),), says)
        opened = opening(source, read)
        statement = source.statement(call)
        if opened and source.is_alone(statement) and isinstance(statement, ast.Return | ast.Assign | ast.Expr):
            text, start = source.text_of(statement), source.span(statement)[0]
            begin, end = (each - start for each in source.span(call))
            file = source.fresh("file", "opened")
            inner = f'{text[:begin]}hashlib.file_digest({file}, "{kind}"){text[end:]}'
            if "\n" not in text:
                whole = f"with {opened} as {file}:\n{source.indent(statement)}    {inner}"
                yield Proposal((source.replace(statement, whole),), says)


def hash_of(call: ast.Call) -> str:
    """Return the name of the hash that is made by `hashlib.sha256(...)`; nothing where it is none."""
    made = call.func
    if not isinstance(made, ast.Attribute) or not isinstance(made.value, ast.Name) or made.value.id != "hashlib":
        return ""
    return made.attr if made.attr in hashlib.algorithms_guaranteed else ""


def is_only_read(source: Source, file: ast.Name) -> bool:
    """Tell whether a file is opened as bytes by a `with` in this function, and is not used otherwise."""
    function = source.function(file)
    assert function is not None
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == file.id]
    items = [
        each.items[0].context_expr
        for each in source.above(file)
        if isinstance(each, ast.With)
        and len(each.items) == 1
        and isinstance(each.items[0].optional_vars, ast.Name)
        and each.items[0].optional_vars.id == file.id
    ]
    return len(uses) == 2 and len(items) == 1 and is_opened_as_bytes(items[0])


def is_opened_as_bytes(value: ast.expr) -> bool:
    """Tell whether an expression is `open(path, "rb")` or `path.open("rb")`."""
    if not isinstance(value, ast.Call) or value.keywords:
        return False
    by_name = isinstance(value.func, ast.Name) and value.func.id == "open" and len(value.args) == 2
    by_path = isinstance(value.func, ast.Attribute) and value.func.attr == "open" and len(value.args) == 1
    mode = value.args[-1] if by_name or by_path else None
    return isinstance(mode, ast.Constant) and mode.value == "rb"


def opening(source: Source, read: ast.Call) -> str:
    """Return how the file is opened that an expression reads whole: `path.read_bytes()`, `open(path, "rb").read()`."""
    assert isinstance(read.func, ast.Attribute)
    held = read.func.value
    if read.func.attr == "read" and is_opened_as_bytes(held):
        return source.text_of(held)
    if read.func.attr == "read_bytes" and re.fullmatch(r"[\w.]+|Path\(\w+\)", source.text_of(held)):
        return f'{source.text_of(held)}.open("rb")'
    return ""


RECIPE = Recipe(rule="read-all-into-memory", improves=("memory",), propose=propose, size=BYTES)
