"""A cache without a bound gets one: the answers that were longest not asked for go.

`functools.cache` becomes `lru_cache` with a size. A dictionary of the module that one statement fills lets its oldest
entry go before it takes another.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import FUNCTIONS, Source

MOST = 1024


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    name = finding.symbol.rpartition(".")[2]
    for function in ast.walk(source.tree):
        if isinstance(function, FUNCTIONS) and function.name == name:
            for decorator in function.decorator_list:
                yield from bounded(source, decorator, name)
            return
    yield from emptied(source, finding)


def bounded(source: Source, decorator: ast.expr, name: str) -> Iterator[Proposal]:
    """Give the proposal that gives a decorator a bound."""
    says = f"`{name}` keeps its last {MOST:,} answers"
    if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).rpartition(".")[2] == "lru_cache":
        given = [each.value for each in decorator.keywords if each.arg == "maxsize"] or decorator.args[:1]
        if given and isinstance(given[0], ast.Constant) and given[0].value is None:
            yield Proposal((source.replace(given[0], str(MOST)),), says)
    elif ast.unparse(decorator) in ("cache", "functools.cache"):
        named, imports = source.imported("functools", "lru_cache", decorator)
        yield Proposal((source.replace(decorator, f"{named}(maxsize={MOST})"), *imports), says)


def emptied(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposal that lets the oldest entry of a dictionary go where it is full."""
    name = finding.symbol
    made = source.made_once(name)
    if made is None or made.value is None or ast.unparse(made.value) not in ("{}", "dict()"):
        return
    stores = [
        each
        for each in ast.walk(source.tree)
        if isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store) and ast.unparse(each.value) == name
    ]
    store = source.at(replace(finding.place, column=0), ast.Assign)
    if len(stores) != 1 or store is None or stores[0] not in store.targets or not source.is_alone(store):
        return
    step = "\t" if source.indent(store).startswith("\t") else "    "
    lines = [f"if len({name}) >= {MOST}:", f"{step}{name}.pop(next(iter({name})), None)"]
    yield Proposal((source.before(store, *lines),), f"`{name}` keeps its last {MOST:,} entries")


RECIPE = Recipe(
    rule="unbounded-cache",
    improves=("hazard",),
    propose=propose,
    allows=("cache",),
    suggested="what was not among the last answers is worked out again, and may be another object",
)
