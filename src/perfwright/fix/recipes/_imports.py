"""Modules that a patch needs: how they are written in a file, and the edit that imports them."""

import ast

from perfwright.fix.source import Edit, Source


def module(source: Source, name: str) -> tuple[str, list[Edit]]:
    """Return how a module is written in a file, with the edit that imports it where nothing does: in its order."""
    imports = [each for each in source.tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    for each in imports:
        if isinstance(each, ast.Import):
            for one in each.names:
                if one.name == name and (one.asname or "." not in name):
                    return one.asname or name, []
    line = f"import {name}"
    for each in imports:
        is_later = (each.names[0].name > name) if isinstance(each, ast.Import) else each.module != "__future__"
        if is_later:
            return name, [source.before(each, line)]
    if imports:
        last = imports[-1]
        ends = isinstance(last, ast.ImportFrom)  # only `from __future__`: what follows is another block
        return name, [source.after(last, *(["", line] if ends else [line]))]
    first = source.tree.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return name, [source.after(first, "", line)]
    return name, [source.before(first, line, "", "")]
