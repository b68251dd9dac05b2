"""Where rows come from: the query that they are read by, and the relations that lead from its rows to them.

It is followed through names, loops, comprehensions, helpers that return the rows, and, where a function is called at
one place alone, through its parameters. What is not understood has no origin.
"""

import ast
from dataclasses import dataclass, field, replace

from perfwright.effects.schema import DJANGO, Model
from perfwright.fix.recipes._bindings import SAME, arguments, assigned, begins, collected, is_empty, walked
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Function, Value

DEEPEST = 12
RUNS = ("scalars", "execute", "scalar", "exec", "stream_scalars")  # a statement, of a session
GETS = ("get", "get_one")
ONE = (
    *("first", "one", "one_or_none", "scalar_one", "scalar_one_or_none", "get", "get_or_404", "first_or_404"),
    *("one_or_404", "last", "latest", "earliest", "scalar", "get_one", "aget", "afirst"),
)
NARROWS = (  # what is asked gives the same kind of rows
    *("filter", "filter_by", "where", "order_by", "limit", "offset", "join", "outerjoin", "distinct", "group_by"),
    *("having", "all", "exclude", "annotate", "select_related", "prefetch_related", "options", "reverse", "unique"),
    *("scalars", "select_for_update", "with_for_update", "using", "only", "defer", "select_from", "execution_options"),
    *("iterator", "yield_per", "fetchall", "slice", "in_bulk"),
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A query, the model of its rows, and the names of the relations from these to the rows that are asked about.

    `kind` is `select`, `query` (the older form), `get` (by its key) or `queryset`; `asked` are the methods around it,
    and `one` tells that it gives one row. It is `shared` where a helper runs it that others call, too.
    """

    source: Source
    query: ast.expr
    kind: str
    first: Model
    path: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    one: bool = False
    shared: bool = False

    @property
    def model(self) -> Model | None:
        """Return the model of the rows that are asked about."""
        model: Model | None = self.first
        for name in self.path:
            relation = model.relations.get(name) if model is not None else None
            model = relation.target if relation is not None else None
        return model


@dataclass(frozen=True, slots=True)
class Frame:
    """A function that is read, and what its parameters were given."""

    source: Source
    given: dict[str, tuple["Frame", ast.expr]] = field(default_factory=dict)


def is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


class Origins:
    """Finds the queries that rows come from."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    def of(self, frame: Frame, node: ast.expr, depth: int = 0) -> list[Origin]:
        """Return the queries whose rows, or one of them, an expression stands for; nothing where one is not known."""
        if depth > DEEPEST:
            return []
        depth += 1
        if isinstance(node, ast.Await | ast.Starred | ast.NamedExpr):
            return self.of(frame, node.value, depth)
        if isinstance(node, ast.Subscript):
            return self.of(frame, node.value, depth)
        if isinstance(node, ast.BoolOp):
            return self.every(frame, [each for each in node.values if not is_empty(each)], depth)
        if isinstance(node, ast.IfExp):
            return self.every(frame, [each for each in (node.body, node.orelse) if not is_empty(each)], depth)
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            return self.of(frame, node.elt, depth)
        if isinstance(node, ast.Name):
            return self.of_name(frame, node, depth)
        if isinstance(node, ast.Attribute):
            return self.of_attribute(frame, node, depth)
        if isinstance(node, ast.Call):
            return self.of_call(frame, node, depth)
        return []

    def every(self, frame: Frame, nodes: list[ast.expr], depth: int) -> list[Origin]:
        """Return the origins of several expressions; nothing where one of them has none."""
        found = [self.of(frame, each, depth) for each in nodes]
        if not found or not all(found):
            return []
        return list({(id(origin.query), origin.path): origin for some in found for origin in some}.values())

    # ------------------------------------------------------------------------------ names
    def of_name(self, frame: Frame, node: ast.Name, depth: int) -> list[Origin]:
        over = walked(frame.source, node)
        if over is not None:
            return self.of(frame, over, depth)
        function = frame.source.function(node)
        if function is not None:
            values = assigned(function, node.id)
            if values is None:
                return []
            own = [each for each in values if not begins(each, node.id)]
            if own and all(is_empty(each) for each in own):
                return self.every(frame, collected(function, node.id), depth)
            if own:
                return self.every(frame, [each for each in own if not is_empty(each)], depth)
            if node.id in frame.given:
                return self.of(*frame.given[node.id], depth)
            if any(each.arg == node.id for each in ast.walk(function.args) if isinstance(each, ast.arg)):
                return self.of_parameter(frame.source, function, node.id, depth)
        found = self.around.entity(frame.source, node)
        if isinstance(found, Value):
            source = self.around.source(found.module.path)
            for each in source.tree.body if source is not None else ():
                if isinstance(each, ast.Assign) and any(
                    isinstance(t, ast.Name) and t.id == found.name for t in each.targets
                ):
                    assert source is not None
                    return self.of(Frame(source), each.value, depth)
        return []

    def of_parameter(
        self, source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, depth: int
    ) -> list[Origin]:
        """Return what the one call of a function gives to a parameter."""
        calls = [
            (other, each)
            for other in self.around.mentioning(function.name)
            for each in ast.walk(other.tree)
            if (isinstance(each, ast.Name) and each.id == function.name and isinstance(each.ctx, ast.Load))
            or (isinstance(each, ast.Attribute) and each.attr == function.name)
        ]
        if len(calls) != 1:
            return []
        other, called = calls[0]
        call = other.parents.get(called)
        if not isinstance(call, ast.Call) or call.func is not called or other.function(call) is function:
            return []
        bound = arguments(function, call, is_method=isinstance(source.parents.get(function), ast.ClassDef))
        return self.of(Frame(other), bound[name], depth) if name in bound else []

    # ------------------------------------------------------------------------------ attributes
    def of_attribute(self, frame: Frame, node: ast.Attribute, depth: int) -> list[Origin]:
        model = self.around.model(frame.source, node.value)
        if model is not None:
            if model.framework == DJANGO and (
                node.attr in model.managers or node.attr in ("objects", "_default_manager")
            ):
                return [Origin(frame.source, node, "queryset", model)]
            if model.framework != DJANGO and node.attr == "query":
                return [Origin(frame.source, node, "query", model)]
            return []
        found: list[Origin] = []
        for origin in self.of(frame, node.value, depth):
            owner = origin.model
            relation = owner.relations.get(node.attr) if owner is not None else None
            if owner is not None and relation is not None and relation.target is not None:
                if owner.framework == DJANGO and relation.many:
                    found.append(Origin(frame.source, node, "queryset", relation.target))
                else:
                    found.append(replace(origin, path=(*origin.path, node.attr)))
                continue
            method = self.around.method(owner, node.attr) if owner is not None else None
            inner = self.returned(method, {"self": (frame, node.value)}, depth) if method is not None else []
            if not inner:
                return []
            found += inner
        return found

    # ------------------------------------------------------------------------------ calls
    def of_call(self, frame: Frame, node: ast.Call, depth: int) -> list[Origin]:
        name, called = name_of(node), node.func
        if isinstance(called, ast.Name) and name in SAME and node.args:
            return self.of(frame, node.args[0], depth)
        if name == "select" and node.args:
            return self.selected(frame, node, "select")
        if name == "query" and len(node.args) == 1 and isinstance(called, ast.Attribute):
            return self.selected(frame, node, "query")
        if name == "get_object_or_404" and node.args:
            model = self.around.model(frame.source, node.args[0])
            if model is None:
                return [replace(each, one=True) for each in self.of(frame, node.args[0], depth)]
            return [Origin(frame.source, node.args[0], "class", model, one=True)]
        if isinstance(called, ast.Attribute):
            if name in GETS and len(node.args) == 2 and (model := self.around.model(frame.source, node.args[0])):
                return [Origin(frame.source, node, "get", model, one=True)]
            if name in RUNS and node.args:
                found = self.of(frame, node.args[0], depth)
                return [replace(each, one=each.one or name == "scalar") for each in found if each.kind == "select"]
            if name in (*NARROWS, *ONE):
                return self.narrowed(frame, node, called, name, depth)
        entity = self.around.entity(frame.source, called)
        if entity is None and isinstance(called, ast.Attribute) and is_self(called.value):
            entity = self.own_method(frame.source, node, called.attr)
        if isinstance(entity, Function):
            return self.returned(entity, self.passed(frame, entity, node), depth)
        return []

    def narrowed(self, frame: Frame, node: ast.Call, called: ast.Attribute, name: str, depth: int) -> list[Origin]:
        """Return the origin of a query that a method has narrowed; of Django's, the whole of what is written here."""
        found: list[Origin] = []
        for origin in self.of(frame, called.value, depth):
            asked = (*origin.asked, name)
            grown = origin
            whole = name not in (*ONE, "iterator", "in_bulk") and origin.query is called.value
            if origin.kind == "queryset" and whole:
                grown = replace(origin, query=node)
            found.append(replace(grown, asked=asked, one=origin.one or name in ONE))
        return found

    def selected(self, frame: Frame, node: ast.Call, kind: str) -> list[Origin]:
        model = self.around.model(frame.source, node.args[0]) if len(node.args) == 1 else None
        if model is None or model.framework == DJANGO:
            return []
        return [Origin(frame.source, node, kind, model)]

    def own_method(self, source: Source, node: ast.AST, name: str) -> Function | None:
        """Return the method of the class that a node lies in."""
        module = self.around.module(source)
        owner = next((each for each in source.above(node) if isinstance(each, ast.ClassDef)), None)
        cls = (
            next((each for each in module.classes if owner is not None and each.name == owner.name), None)
            if (module is not None)
            else None
        )
        found = self.around.project.class_member(cls, name) if isinstance(cls, Class) else None
        if isinstance(found, tuple) and found[1][0] == "func":
            return found[0].module.functions[found[1][1]]
        return None

    def passed(self, frame: Frame, function: Function, call: ast.Call) -> dict[str, tuple[Frame, ast.expr]]:
        defined = self.around.definition(function)
        if defined is None:
            return {}
        bound = arguments(defined[1], call, is_method=function.owner is not None)
        return {name: (frame, value) for name, value in bound.items()}

    def returned(self, function: Function, given: dict[str, tuple[Frame, ast.expr]], depth: int) -> list[Origin]:
        """Return the origins of what a function returns."""
        defined = self.around.definition(function)
        if defined is None or function.is_generator:
            return []
        source, node = defined
        values = [
            each.value
            for each in ast.walk(node)
            if isinstance(each, ast.Return) and each.value is not None and source.function(each) is node
        ]
        found = self.every(Frame(source, given), [each for each in values if not is_empty(each)], depth)
        return [replace(each, shared=each.shared or self.is_shared(function)) for each in found]

    def is_shared(self, function: Function) -> bool:
        """Tell whether a function may be called at more than one place."""
        return sum(function.name in other.called for other in self.around.project.functions) > 1
