"""A copy that nothing changes is left out: what was copied is read itself."""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._hoisting import shortened
from perfwright.fix.source import Source

COPIES = ("deepcopy", "copy", "list", "tuple", "set", "dict", "sorted")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    if call is None or call.keywords:
        return
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in COPIES and len(call.args) == 1:
        held = source.text_of(call.args[0])
    elif name == "copy" and not call.args and isinstance(call.func, ast.Attribute):
        held = source.text_of(call.func.value)
    else:
        return
    yield Proposal((source.replace(call, held),), f"`{shortened(held)}` is read itself, without a copy")


RECIPE = Recipe(rule="redundant-copy", improves=("time", "memory"), propose=propose)
