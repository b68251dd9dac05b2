"""Text or bytes that grow by `+=` in a loop are collected in a list and joined once after it.

Nothing else in the loop reads the text, and the loop is left at its end alone.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import FUNCTIONS, Source

LEAVES = (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Await, *FUNCTIONS, ast.Lambda)


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    grown = source.at(finding.place, ast.AugAssign)
    if grown is None or not isinstance(grown.op, ast.Add) or not isinstance(grown.target, ast.Name | ast.Attribute):
        return
    text, empty = source.text_of(grown.target), empty_of(source, grown)
    loops = [each for each in reversed(source.loops(grown)) if isinstance(each, ast.For | ast.While)]
    for loop in loops if empty else ():
        grows = [
            each
            for each in ast.walk(loop)
            if isinstance(each, ast.AugAssign) and isinstance(each.op, ast.Add) and ast.unparse(each.target) == text
        ]
        uses = [each for each in ast.walk(loop) if isinstance(each, type(grown.target)) and ast.unparse(each) == text]
        if len(uses) != len(grows) or not all(map(source.is_alone, grows)) or not source.begins(loop):
            continue
        if any(isinstance(each, LEAVES) for each in ast.walk(loop)):
            return
        name = source.fresh("pieces", "parts")
        edits = [source.before(loop, f"{name} = []"), source.after(loop, f"{text} += {empty}.join({name})")]
        edits += [source.replace(each, f"{name}.append({source.text_of(each.value)})") for each in grows]
        yield Proposal(tuple(edits), f"the pieces of `{text}` are joined once after the loop")
        return


def empty_of(source: Source, grown: ast.AugAssign) -> str:
    """Return what pieces are joined by; nothing where what grows is seen to be no text."""
    function, text = source.function(grown), ast.unparse(grown.target)
    values = [
        each.value
        for each in ast.walk(function or source.tree)
        if isinstance(each, ast.Assign | ast.AnnAssign)
        and text in [ast.unparse(one) for one in (each.targets if isinstance(each, ast.Assign) else [each.target])]
    ]
    values.append(grown.value)
    if any(isinstance(each, ast.Constant) and isinstance(each.value, bytes) for each in values):
        return 'b""'
    kinds = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
    numbers = any(isinstance(each, ast.Constant) and not isinstance(each.value, str) for each in values)
    return "" if numbers or any(isinstance(each, kinds) for each in values) else '""'


RECIPE = Recipe(rule="string-built-in-loop", improves=("time",), propose=propose)
