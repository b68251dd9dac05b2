"""What is sorted again in every pass is sorted once before the loop.

Nothing that is sorted, nor the key, may depend on the loop or be changed in it.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._hoisting import hoisted
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    node = source.at(finding.place, ast.Call)
    if node is not None and isinstance(node.func, ast.Name) and node.func.id == "sorted":
        yield from hoisted(source, node, "ordered", "in_order")


RECIPE = Recipe(rule="sort-in-loop", improves=("time",), propose=propose)
