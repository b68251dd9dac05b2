"""What runs where a statement does: its own calls, and those of the project's functions that it calls."""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache

from perfwright.effects.schema import Model
from perfwright.fix.recipes._calls import chain, method_of, name_of
from perfwright.fix.source import CHANGES, FUNCTIONS, Source, bound
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Entity, Function

DEEPEST = 4  # functions from the one that is read
CREATES = ("create", "bulk_create", "get_or_create", "update_or_create", "model_validate", "from_orm", "parse_obj")


def reached(around: Surroundings, source: Source, node: ast.AST) -> Iterator[tuple[Source, ast.AST]]:
    """Give the nodes in a node, and those in the functions of the project that it calls, or gives to a call, each with
    its file: of a method whose object is not known, those of all that have its name."""
    todo: list[tuple[Source, ast.AST, int]] = [(source, node, 0)]
    seen = {id(node)}
    while todo:
        own, at, depth = todo.pop(0)
        for each in ast.walk(at):
            yield own, each
            for defined in called(around, own, each) if isinstance(each, ast.Call) and depth < DEEPEST else ():
                if id(defined[1]) not in seen:
                    seen.add(id(defined[1]))
                    todo.append((*defined, depth + 1))


def called(around: Surroundings, source: Source, call: ast.Call) -> Iterator[tuple[Source, ast.AST]]:
    """Give the definitions of the functions that a call may call: its own, those within its function, those it is
    given."""
    for each in (call.func, *call.args, *[keyword.value for keyword in call.keywords]):
        inner = within(source, each)
        if inner is not None:
            yield source, inner
            continue
        found = entity(around, source, each)
        for one in functions(around, source, call) if each is call.func else [found]:
            defined = around.definition(one) if isinstance(one, Function) else None
            if defined is not None:
                yield defined


def within(source: Source, node: ast.expr) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the function that a name stands for which is defined in the function around it."""
    for scope in source.above(node) if isinstance(node, ast.Name) else ():
        for each in ast.walk(scope) if isinstance(scope, FUNCTIONS) else ():
            if each is not scope and isinstance(each, FUNCTIONS) and each.name == getattr(node, "id", ""):
                return each
    return None


def is_local(source: Source, node: ast.expr) -> bool:
    """Tell whether an expression begins with a name that its function binds."""
    first = chain(node)[-1]
    functions = [each for each in source.above(node) if isinstance(each, FUNCTIONS)]
    return isinstance(first, ast.Name) and any(first.id in held(each) for each in functions)


@lru_cache(maxsize=256)
def held(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names that a function binds."""
    return set[str]().union(*[bound(part) for part in (function.args, *function.body)])


def entity(around: Surroundings, source: Source, node: ast.expr) -> Entity | None:
    """Return what a dotted name stands for; None where that is not known, or a name of the function."""
    return None if is_local(source, node) else around.entity(source, node)


def functions(around: Surroundings, source: Source, call: ast.Call) -> list[Function]:
    """Return the functions of the project that a call may call."""
    found = entity(around, source, call.func)
    if isinstance(found, Function):
        return [found]
    if isinstance(found, Class):
        member = around.project.class_member(found, "__init__")
        if isinstance(member, tuple) and member[1][0] == "func":
            return [member[0].module.functions[member[1][1]]]
        return []
    return methods(around).get(method_of(call), []) if found is None else []


@lru_cache(maxsize=2)
def methods(around: Surroundings) -> dict[str, list[Function]]:
    """Return the methods of a project by their names."""
    found: dict[str, list[Function]] = {}
    for module in around.modules.values():
        for each in module.functions:
            if each.owner is not None:
                found.setdefault(each.name, []).append(each)
    return found


def calls_one_of(around: Surroundings, source: Source, node: ast.AST, methods: Iterable[str]) -> bool:
    """Tell whether one of some methods is called where a node runs."""
    wanted = frozenset(methods)
    return any(method_of(each) in wanted for _, each in reached(around, source, node))


def made(around: Surroundings, source: Source, node: ast.AST) -> set[Model]:
    """Return the models of which rows are made where a node runs: all of them where the class is not known."""
    return {
        model
        for own, each in reached(around, source, node)
        if isinstance(each, ast.Call)
        for model in models_made(around, own, each)
    }


def models_made(around: Surroundings, source: Source, call: ast.Call) -> Iterable[Model]:
    """Return the models of which a call may make a row: `Model()`, `cls()`, `type(row)()`, `Model.objects.create()`."""
    every = around.schema.by_class.values()
    written = ast.unparse(call.func)
    if written in ("cls", "self.__class__", "type(self)"):
        cls = next((each for each in source.above(call) if isinstance(each, ast.ClassDef)), None)
        owner = around.entity(source, ast.Name(cls.name)) if cls is not None else None
        return [each for each in every if not isinstance(owner, Class) or owner in around.project.mro(each.cls)]
    if isinstance(call.func, ast.Call) and name_of(call.func) == "type":
        return every
    of = chain(call.func)[1:] if method_of(call) in CREATES else [call.func]
    classes = [found for each in of if isinstance(found := entity(around, source, each), Class)]
    related = [each.relations.get(name_of(of[0])) for each in every if method_of(call) in CREATES]
    models = [*[around.schema.of(each) for each in classes], *[each.target for each in related if each is not None]]
    return [model for model in models if model is not None]


def stored(around: Surroundings, source: Source, node: ast.AST) -> set[str]:
    """Return the attributes that are set, or changed in place, where a node runs."""
    found: set[str] = set()
    for _, each in reached(around, source, node):
        if isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load):
            found.add(each.attr)
        elif isinstance(each, ast.Subscript) and not isinstance(each.ctx, ast.Load):
            found.add(each.value.attr if isinstance(each.value, ast.Attribute) else "")
        elif method_of(each) in CHANGES and isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            found.add(each.func.value.attr if isinstance(each.func.value, ast.Attribute) else "")
        elif isinstance(each, ast.Call) and name_of(each) == "setattr" and len(each.args) == 3:
            name = each.args[1]
            found.add(name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else "")
    return found - {""}


def yields(node: ast.AST) -> bool:
    """Tell whether code of others runs in between: that which is given what is yielded."""
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))
