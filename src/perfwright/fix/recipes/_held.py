"""Whether an attribute is sure to hold a collection of what can be looked up: rows of a relation, texts or numbers."""

import ast
import re
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO, Model
from perfwright.fix import surroundings
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.source import FUNCTIONS, Source
from perfwright.fix.surroundings import Surroundings

COLLECTIONS = ("list", "List", "set", "Set", "frozenset", "FrozenSet")
HASHED = {"str", "int", "bool", "bytes", "date", "datetime", "UUID", "Decimal"}
EQUAL = re.compile(r"MappedAsDataclass|@(dataclasses\.)?dataclass|SQLModel")  # rows of these are not one by one


def holds_many(source: Source, node: ast.expr) -> bool:
    """Tell whether each class of the project that has an attribute of this name says so of it."""
    around = surroundings.around(source.root) if source.root is not None else None
    if around is None or not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    found = [says for own in around.mentioning(node.attr) for says in said(around, own, node.attr)]
    return bool(found) and all(found)


def said(around: Surroundings, own: Source, name: str) -> Iterator[bool]:
    """Give for each class of a file that has an attribute whether it is such a collection."""
    for cls in ast.walk(own.tree):
        if not isinstance(cls, ast.ClassDef):
            continue
        model = around.model(own, ast.Name(cls.name))
        for each in ast.walk(cls):
            if isinstance(each, FUNCTIONS) and each.name == name:
                yield False
            targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
            if isinstance(each, ast.Assign | ast.AnnAssign) and any(is_own(one, name) for one in targets):
                yield is_relation(around, model, name) if model is not None else is_collection(each)


def is_own(target: ast.AST | None, name: str) -> bool:
    """Tell whether what is assigned is an attribute of a class, or of its object."""
    if isinstance(target, ast.Attribute):
        return target.attr == name and isinstance(target.value, ast.Name) and target.value.id == "self"
    return isinstance(target, ast.Name) and target.id == name


def is_relation(around: Surroundings, model: Model, name: str) -> bool:
    """Tell whether an attribute of a model is a list of rows, each of which is equal to itself alone."""
    relation = model.relations.get(name)
    if relation is None or relation.target is None or not relation.many or relation.dynamic:
        return False
    cls = relation.target.cls
    there = around.source(cls.module.path)
    plain = there is not None and EQUAL.search(there.text) is None
    return plain and model.framework != DJANGO and around.project.class_member(cls, "__eq__") is None


def is_collection(statement: ast.Assign | ast.AnnAssign) -> bool:
    """Tell whether an annotation names a collection of what can be hashed."""
    written = statement.annotation if isinstance(statement, ast.AnnAssign) else None
    if not isinstance(written, ast.Subscript) or name_of(written.value) not in COLLECTIONS:
        return False
    return name_of(written.slice) in HASHED
