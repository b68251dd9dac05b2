"""Text that grows by `+=` in a loop is collected in a list and joined once after it.

Nothing else in the loop reads the text, and the loop is left at its end alone.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Source


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    grown = source.at(finding.place, ast.AugAssign)
    if grown is None or not isinstance(grown.op, ast.Add):
        return
    loop = next((each for each in reversed(source.loops(grown)) if isinstance(each, ast.For | ast.While)), None)
    if loop is None or not source.is_alone(grown):
        return
    text = source.text_of(grown.target)
    grows = [
        each
        for each in ast.walk(loop)
        if isinstance(each, ast.AugAssign) and isinstance(each.op, ast.Add) and source.text_of(each.target) == text
    ]
    uses = [each for each in ast.walk(loop) if isinstance(each, type(grown.target)) and ast.unparse(each) == text]
    leaves = any(isinstance(each, ast.Return | ast.Yield | ast.YieldFrom | ast.Await) for each in ast.walk(loop))
    if len(uses) != len(grows) or leaves or not all(map(source.is_alone, grows)):
        return
    name = source.fresh("pieces", "parts")
    edits = [source.before(loop, f"{name} = []"), source.after(loop, f'{text} += "".join({name})')]
    edits += [source.replace(each, f"{name}.append({source.text_of(each.value)})") for each in grows]
    yield Proposal(tuple(edits), f"the pieces of `{text}` are joined once after the loop")


RECIPE = Recipe(rule="string-built-in-loop", improves=("time",), propose=propose)
