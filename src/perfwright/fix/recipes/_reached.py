"""What runs where a statement does: its own calls, and those of the project's functions that it calls."""

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache

from perfwright.effects.schema import Model
from perfwright.fix.recipes._calls import method_of
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class, Function

DEEPEST = 4  # functions from the one that is read


def reached(around: Surroundings, source: Source, node: ast.AST) -> Iterator[tuple[Source, ast.AST]]:
    """Give the nodes in a node, and those in the functions of the project that it calls, each with its file: of a
    method whose object is not known, those of all that have its name."""
    todo: list[tuple[Source, ast.AST, int]] = [(source, node, 0)]
    seen = {id(node)}
    while todo:
        own, at, depth = todo.pop(0)
        for each in ast.walk(at):
            yield own, each
            for called in functions(around, own, each) if isinstance(each, ast.Call) and depth < DEEPEST else ():
                defined = around.definition(called)
                if defined is not None and id(defined[1]) not in seen:
                    seen.add(id(defined[1]))
                    todo.append((*defined, depth + 1))


def functions(around: Surroundings, source: Source, call: ast.Call) -> list[Function]:
    """Return the functions of the project that a call may call."""
    called = around.entity(source, call.func)
    if isinstance(called, Function):
        return [called]
    return methods(around).get(method_of(call), []) if called is None else []


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
    """Return the models of which rows are made where a node runs."""
    found = [around.entity(own, each.func) for own, each in reached(around, source, node) if isinstance(each, ast.Call)]
    models = [around.schema.of(each) for each in found if isinstance(each, Class)]
    return {each for each in models if each is not None}


def stored(around: Surroundings, source: Source, node: ast.AST) -> set[str]:
    """Return the attributes that are set where a node runs."""
    return {
        each.attr
        for _, each in reached(around, source, node)
        if isinstance(each, ast.Attribute) and not isinstance(each.ctx, ast.Load)
    }


def yields(node: ast.AST) -> bool:
    """Tell whether code of others runs in between: that which is given what is yielded."""
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))
