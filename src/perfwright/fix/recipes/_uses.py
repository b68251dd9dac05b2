"""Where the names of a project are read."""

import ast
from functools import lru_cache

from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Function


@lru_cache(maxsize=2)
def texts(around: Surroundings) -> dict[str, str]:
    """Return the files of a project."""
    return {path: (around.root / path).read_text("utf8", "surrogateescape") for path in around.modules}


@lru_cache(maxsize=4096)
def used(
    around: Surroundings, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef
) -> list[tuple[Source, ast.Name | ast.Attribute]]:
    """Return where a function may be read: not where its name is known to stand for something else."""
    found: list[tuple[Source, ast.Name | ast.Attribute]] = []
    for path, text in texts(around).items():
        other = around.source(path) if function.name in text else None
        for node in ast.walk(other.tree) if other is not None else ():
            if not isinstance(node, ast.Name | ast.Attribute) or not isinstance(node.ctx, ast.Load) or other is None:
                continue
            if (node.id if isinstance(node, ast.Name) else node.attr) != function.name:
                continue
            entity = around.entity(other, node)
            here = isinstance(entity, Function) and entity.path == source.path
            if here or (entity is None and (isinstance(node, ast.Attribute) or other is source)):
                found.append((other, node))
    return found
