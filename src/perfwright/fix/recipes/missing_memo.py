"""What an object works out anew for each pass of a loop is asked for once before it.

The loop neither changes the object nor asks anything else of it that may change it.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._hoisting import hoisted
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    for node in (source.at(finding.place, ast.Attribute), source.at(finding.place, ast.Call)):
        if node is None or ast.unparse(node) != finding.symbol or isinstance(getattr(node, "ctx", None), ast.Store):
            continue
        called = node.func if isinstance(node, ast.Call) else node
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        short = name.removeprefix("get_").removeprefix("load_").strip("_")
        yield from hoisted(source, node, short or "known", f"own_{short}", works=True)


RECIPE = Recipe(rule="missing-memo", improves=("time",), propose=propose)
