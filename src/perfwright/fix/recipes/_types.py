"""What annotations name: through aliases, `Annotated`, and what may be None."""

import ast

from perfwright.fix.recipes._calls import name_of
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Entity, Value

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


def annotation(around: Surroundings, source: Source, node: ast.expr) -> tuple[Source, ast.expr] | None:
    """Return how a parameter is annotated that a function does not bind anew, or a field of the class that it is of;
    None where nothing says so."""
    if isinstance(node, ast.Name):
        function = source.function(node)
        given = [each for each in ast.walk(function.args) if isinstance(each, ast.arg)] if function is not None else []
        found = next((each.annotation for each in given if each.arg == node.id), None)
        anew = any(
            isinstance(each, ast.Name) and each.id == node.id and not isinstance(each.ctx, ast.Load)
            for each in ast.walk(function or source.tree)
        )
        return (source, found) if found is not None and not anew else None
    of = annotation(around, source, node.value) if isinstance(node, ast.Attribute) else None
    for held, each in meant(around, *of) if of is not None else []:
        cls = around.entity(held, each)
        own = around.source(cls.module.path) if isinstance(cls, Class) else None
        if isinstance(cls, Class) and own is not None and (found := field(own, cls.name, name_of(node))) is not None:
            return own, found
    return None


def field(source: Source, cls: str, name: str) -> ast.expr | None:
    """Return how a class of a file annotates a field."""
    for each in ast.walk(source.tree):
        if isinstance(each, ast.ClassDef) and each.name == cls:
            for inner in each.body:
                if isinstance(inner, ast.AnnAssign) and name_of(inner.target) == name:
                    return inner.annotation
    return None
