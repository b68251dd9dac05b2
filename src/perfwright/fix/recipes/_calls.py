"""Calls as they are written: an argument added, a method called on what they give, the chain that they are part of."""

import ast

from perfwright.finding import Place
from perfwright.fix.source import Edit, Source

WIDE = 110  # characters of a line


def with_argument(source: Source, call: ast.Call, text: str) -> Edit:
    """Return the edit that gives a call one more argument, on a line of its own where the others have theirs."""
    given = [*call.args, *[each.value for each in call.keywords]]
    _, end = source.span(call)
    close = end - 1
    if not given:
        return Edit(close, close, text)
    last = max(source.span(each)[1] for each in given)
    rest = source.text[last:close]
    if "#" in rest:
        rest = "".join(line.partition("#")[0] for line in rest.splitlines(keepends=True))
    if "," in rest and "\n" in rest:
        first = source.text.rfind("\n", 0, source.span(given[-1])[0]) + 1
        indent = source.text[first : len(source.text) - len(source.text[first:].lstrip(" \t"))]
        here = source.text.rfind("\n", 0, close) + 1
        return Edit(here, here, f"{indent}{text},\n")
    if "," in rest:
        return Edit(last, close, f", {text}")
    return Edit(last, last, f", {text}")


def called_on(source: Source, node: ast.expr, name: str, given: list[str] | None) -> Edit:
    """Return the edit that calls a method on what an expression gives, or reads an attribute of it.

    It gets a line of its own where others have theirs, and its arguments where the line would be long.
    """
    start, end = source.span(node)
    rest = source.text[end:]
    space = rest[: len(rest) - len(rest.lstrip())]
    above = source.parents.get(node)
    follows = isinstance(above, ast.Attribute) and above.value is node
    own = space if "\n" in space and follows else ""
    line = source.text[source.text.rfind("\n", 0, end) + 1 : end]
    after = rest.partition("\n")[0]
    text = f"{own}.{name}" + ("" if given is None else f"({', '.join(given)})")
    indent = (own.rpartition("\n")[2]) if own else line[: len(line) - len(line.lstrip())]
    if given is not None and len(line) + len(text) + len(after) > WIDE and not own:
        inner = f",\n{indent}    ".join(given)
        text = f".{name}(\n{indent}    {inner}\n{indent})"
    if isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        return Edit(end, end, text)
    return Edit(start, end, f"({source.text_of(node)}){text}")


def chain(node: ast.expr) -> list[ast.expr]:
    """Return a chain of calls and attributes, the whole first, down to the name that it begins with."""
    found = [node]
    while True:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            node = node.func.value
        elif isinstance(node, ast.Attribute | ast.Subscript | ast.Await):
            node = node.value
        else:
            return found
        found.append(node)


def method_of(node: ast.AST) -> str:
    """Return the name of the method that a call calls; nothing for all else."""
    return node.func.attr if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def name_of(node: ast.AST) -> str:
    """Return the last name of what is called, or of a dotted name."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def placed(source: Source, place: Place) -> list[ast.expr]:
    """Return what stands at a place as the rules tell it: a name, or what ends in an attribute or a method that begins
    there; the whole call where it is one."""
    if place.path != source.path:
        return []
    here = source.starts[place.line - 1] + place.column - 1
    found: list[ast.expr] = []
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Name | ast.Attribute) or source.in_text(node) is not None:
            continue
        start, end = source.span(node)
        if here == (start if isinstance(node, ast.Name) else end - len(node.attr)):
            above = source.parents[node]
            found.append(above if isinstance(above, ast.Call) and above.func is node else node)
    return found
