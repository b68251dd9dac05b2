"""What annotations name: through aliases, `Annotated`, and what may be None."""

import ast

from perfwright.fix.recipes._calls import name_of
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Entity, Value

OPTIONAL = ("Optional", "Annotated")


def meant(around: Surroundings, source: Source, node: ast.expr) -> list[tuple[Source, ast.expr]]:
    """Return the types that an annotation names, each with the file that it is written in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return meant(around, source, ast.parse(node.value, mode="eval").body)
        except SyntaxError:
            return []
    if isinstance(node, ast.BinOp):
        return [*meant(around, source, node.left), *meant(around, source, node.right)]
    if isinstance(node, ast.Subscript):
        if name_of(node.value) not in OPTIONAL:
            return []
        inner = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        return meant(around, source, inner)
    if not isinstance(node, ast.Name | ast.Attribute):
        return []
    alias = value_of(around, around.entity(source, node))
    if alias is not None and isinstance(alias[1], ast.Subscript):
        return meant(around, *alias)
    return [(source, node)]


def value_of(around: Surroundings, entity: Entity | None) -> tuple[Source, ast.expr] | None:
    """Return what a name of a module is assigned, with its file; None for all else."""
    source = around.source(entity.module.path) if isinstance(entity, Value) else None
    if source is None or not isinstance(entity, Value):
        return None
    for each in source.tree.body:
        targets = each.targets if isinstance(each, ast.Assign) else []
        if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == entity.name for t in targets):
            return source, each.value
    return None
