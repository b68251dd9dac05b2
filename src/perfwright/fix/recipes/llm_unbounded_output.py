"""A model's answer is bounded: the call says how many tokens it may have."""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._keywords import given, named_in
from perfwright.fix.source import Source

TOKENS = "1024"


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    name = named_in(finding.cure)
    if call is None or "token" not in name:
        return
    edit = given(source, call, name, TOKENS)
    if edit is not None:
        yield Proposal((edit,), f"the answer has {TOKENS} tokens at most")


RECIPE = Recipe(
    rule="llm-unbounded-output",
    improves=("hazard",),
    propose=propose,
    suggested="an answer that would be longer is cut off",
)
