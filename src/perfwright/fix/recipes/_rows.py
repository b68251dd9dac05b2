"""Rows that a function is given: where no query of its own gives one, the name that it has, and how it is fetched again
with what is read of it."""

import ast
from collections.abc import Sequence
from dataclasses import replace

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix.recipes._bindings import arguments, assigned, walked
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._looped import loop_step
from perfwright.fix.recipes._origins import Frame, Origin, Origins
from perfwright.fix.recipes._sessions import has_one, session
from perfwright.fix.recipes._types import meant
from perfwright.fix.recipes._uses import used
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Function

ROW, KNOWN = "row", "known"  # one that has a name, and one of which no more than the model is known
OWN = ("self", "cls")  # a row asks for its relations wherever it is: those who have it fetch them
MOST = 40  # places that a function is called at, or a property read


class Rows(Origins):
    """Finds the queries that rows come from, and the names of single rows whose query others share.

    A function that others call is followed to where they do. What is not understood there is left out.
    """

    def __init__(self, around: Surroundings, finding: Finding) -> None:
        super().__init__(around)
        self.loop = loop_step(finding)

    def has_session(self, source: Source, node: ast.Name) -> bool:
        """Tell whether a row can be fetched again where its name is."""
        return session(self.around, source, node) is not None

    def of_attribute(self, frame: Frame, node: ast.Attribute, depth: int) -> list[Origin]:
        """Return the origins of a relation's rows; what the loop of the finding goes through is as it says."""
        found = super().of_attribute(frame, node, depth)
        step, base = self.loop, node.value
        if found or step is None or step.path != frame.source.path or not isinstance(base, ast.Name):
            return found
        owner, _, relation = step.what.removeprefix("loop over ").partition(".")
        model = self.around.named(owner, frame.source) if relation == node.attr else None
        function = frame.source.function(base)
        if model is None or model.framework == DJANGO or not key(model) or relation not in model.relations:
            return []
        if function is None or base.id in OWN or walked(frame.source, base) or not self.has_session(frame.source, base):
            return []
        return [Origin(frame.source, base, ROW, model, (relation,), one=True)]

    def of_call(self, frame: Frame, node: ast.Call, depth: int) -> list[Origin]:
        """Return the origins of what a call gives: a row that is made here is one."""
        by_key = name_of(node) == "get_or_404" and len(node.args) == 2
        model = self.model(frame, node.args[0] if by_key else node.func)
        return (
            super().of_call(frame, node, depth)
            if model is None
            else [Origin(frame.source, node, KNOWN, model, one=True)]
        )

    def returned(self, function: Function, given: dict[str, tuple[Frame, ast.expr]], depth: int) -> list[Origin]:
        """Return the origins of what a function returns: others share a single row of it."""
        found = super().returned(function, given, depth)
        defined = self.around.definition(function)
        return [
            replace(each, kind=KNOWN)
            if each.kind == ROW
            and is_single(each)
            and defined is not None
            and each.source.function(each.query) is defined[1]
            else each
            for each in found
        ]

    def of_name(self, frame: Frame, node: ast.Name, depth: int) -> list[Origin]:
        found = super().of_name(frame, node, depth)
        function = frame.source.function(node)
        if function is None or walked(frame.source, node) is not None or (found and not any(map(is_single, found))):
            return found
        if found and all(
            each.kind not in (ROW, KNOWN) and not each.shared and each.source.function(each.query) is function
            for each in found
        ):
            return found
        model = self.model_of(frame.source, function, node.id, found)
        if model is None or node.id in OWN or not self.has_session(frame.source, node):
            return [each for each in found if each.kind in (ROW, KNOWN) or not each.shared]
        return [Origin(frame.source, node, ROW, model, one=True)]

    def model_of(
        self, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, found: Sequence[Origin]
    ) -> Model | None:
        """Return the model of the row that a name stands for: SQLAlchemy's, with one column as its key."""
        models = {each.model for each in found}
        values = assigned(function, name) or []
        for each in ast.walk(function.args):
            if isinstance(each, ast.arg) and each.arg == name and each.annotation is not None:
                models.add(self.annotated(source, each.annotation))
        for value in values:
            called = self.around.entity(source, value.func) if isinstance(value, ast.Call) else None
            defined = self.around.definition(called) if isinstance(called, Function) else None
            if defined is not None and defined[1].returns is not None:
                models.add(self.annotated(defined[0], defined[1].returns))
        known = [each for each in models if each is not None]
        return known[0] if len(known) == 1 and known[0].framework != DJANGO and key(known[0]) else None

    def annotated(self, source: Source, node: ast.expr) -> Model | None:
        """Return the model that an annotation names."""
        for held, each in meant(self.around, source, node):
            if (found := self.around.model(held, each)) is not None:
                return found
        return None

    def of_parameter(
        self, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, depth: int
    ) -> list[Origin]:
        """Return what the calls of a function give to a parameter, or whose property it is."""
        cls = source.parents.get(function)
        is_method = isinstance(cls, ast.ClassDef)
        found: list[Origin] = []
        for other, node in used(self.around, source, function)[:MOST]:
            if other.function(node) is function:
                return []
            call = other.parents.get(node)
            if name == "self" and isinstance(node, ast.Attribute):
                some = self.of(Frame(other), node.value, depth)
                found += [each for each in some if each.model is not None and is_in(each.model, source, cls)]
            elif isinstance(call, ast.Call) and call.func is node:
                bound = arguments(function, call, is_method=is_method)
                found += self.of(Frame(other), bound[name], depth) if name in bound else []
        return list({(id(each.query), each.path): each for each in found}.values())


class OwnRows(Rows):
    """Finds the names of single rows also where the only session is that of the row itself."""

    def has_session(self, source: Source, node: ast.Name) -> bool:
        return has_one(self.around, source, node)


def is_in(model: Model, source: Source, cls: ast.AST | None) -> bool:
    """Tell whether a model is the class that a statement defines."""
    return isinstance(cls, ast.ClassDef) and model.name == cls.name and model.cls.module.path == source.path


def is_single(origin: Origin) -> bool:
    """Tell whether an origin stands for one row: no relation on the way leads to several."""
    at: Model | None = origin.first
    for name in origin.path:
        relation = at.relations.get(name) if at is not None else None
        if relation is None or relation.many:
            return False
        at = relation.target
    return origin.one


def key(model: Model) -> str:
    """Return the one column that is the key of a model; nothing where there are several, or it is not known."""
    found = [name for name, column in model.columns.items() if column.type == "primary" or name == "id"]
    return found[0] if len(found) == 1 else ""
