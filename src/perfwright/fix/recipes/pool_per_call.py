"""One pool of threads or processes is made around the loop that made one for each pass.

What it is made with does not depend on the loop, and each pass has taken all that the pool gives it before it ends.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._contexts import With, around_loop, uses_of
from perfwright.fix.source import Source

POOLS = ("ThreadPoolExecutor", "ProcessPoolExecutor", "Pool", "ThreadPool")
TAKES = ("list", "tuple", "set", "dict", "sum", "sorted", "min", "max")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    for each in ast.walk(source.tree):
        if isinstance(each, ast.With) and each.lineno == finding.place.line and len(each.items) == 1:
            yield from around_loop(source, each, is_pool)


def is_pool(source: Source, opened: With) -> bool:
    """Tell whether a `with` makes a pool of which the block takes all that it gives, by `map`."""
    uses = uses_of(source, opened, POOLS)
    return bool(uses) and all(is_taken(source, use) for use in uses or ())


def is_taken(source: Source, use: ast.Name) -> bool:
    """Tell whether a pool is asked by `map`, and all of it is taken at once."""
    method = source.parents.get(use)
    call = source.parents.get(method) if isinstance(method, ast.Attribute) and method.attr == "map" else None
    around = source.parents.get(call) if isinstance(call, ast.Call) and call.func is method else None
    return isinstance(around, ast.Call) and isinstance(around.func, ast.Name) and around.func.id in TAKES


RECIPE = Recipe(rule="pool-per-call", improves=("time",), propose=propose)
