"""What does not depend on the loop is computed once before it.

Nothing that it names may be given a value, or be changed, in the loop.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._hoisting import hoisted
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    node = source.at(finding.place, ast.Call)
    if node is not None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        short = called.removeprefix("load_").removeprefix("get_").strip("_")
        yield from hoisted(source, node, short or "known", "kept")


RECIPE = Recipe(rule="invariant-in-loop", improves=("time",), propose=propose)
