"""What does not depend on the loop is computed once before it.

Nothing that it names may be given a value, or be changed, in the loop.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._hoisting import hoisted
from perfwright.fix.source import Source

MADE = ("set", "frozenset", "dict", "list", "tuple", "sorted", "len", "sum", "Counter")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    for node in source.calls_at(finding.place):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        short = called.removeprefix("load_").removeprefix("get_").strip("_")
        of = node.args[0] if node.args and short in MADE else None
        last = of.id if isinstance(of, ast.Name) else of.attr if isinstance(of, ast.Attribute) else ""
        if made := list(hoisted(source, node, f"{last}_{short}" if last else short or "known", "kept")):
            yield from made
            return


RECIPE = Recipe(rule="invariant-in-loop", improves=("time",), propose=propose)
