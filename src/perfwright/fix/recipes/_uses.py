"""Where the names of a project are read."""

import ast
from functools import lru_cache

from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Function


@lru_cache(maxsize=2)
def uses(around: Surroundings) -> dict[str, list[tuple[Source, ast.Name | ast.Attribute]]]:
    """Return where each name is read, by its last part."""
    found: dict[str, list[tuple[Source, ast.Name | ast.Attribute]]] = {}
    for path in around.modules:
        source = around.source(path)
        for node in ast.walk(source.tree) if source is not None else ():
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and source is not None:
                name = node.id if isinstance(node, ast.Name) else node.attr
                found.setdefault(name, []).append((source, node))
    return found


def used(
    around: Surroundings, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> list[tuple[Source, ast.Name | ast.Attribute]]:
    """Return where a function may be read: not where its name is known to stand for something else."""
    found: list[tuple[Source, ast.Name | ast.Attribute]] = []
    for other, node in uses(around).get(function.name, []):
        entity = around.entity(other, node)
        here = isinstance(entity, Function) and entity.path == source.path
        if here or (entity is None and (isinstance(node, ast.Attribute) or other is source)):
            found.append((other, node))
    return found
