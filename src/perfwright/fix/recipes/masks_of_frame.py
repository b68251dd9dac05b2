"""The rows of a frame that have a value are found once for all values, where a loop looks through the frame for each.

`frame[frame["column"] == key]` is asked for in each pass, of a frame that the loop leaves alone, for a key of that pass
that is asked for without a call, or as other letters of a text; and nobody goes on where that fails. Loops over groups
or rows of a frame are mended along with them.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._masks import SAYS, looked_up, masks
from perfwright.fix.source import Source

OTHERS = (".groupby", ".iterrows")  # which the finding is about


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    loops = [loop for call in source.calls_at(finding.place) if (loop := over(source, call)) is not None]
    if not loops or not masks(source, loops[0]):
        return
    if isinstance(loops[0].iter, ast.Call) and ast.unparse(loops[0].iter.func).endswith(OTHERS):
        return
    yield Proposal(tuple(looked_up(source, loops[0])), SAYS)


def over(source: Source, call: ast.Call) -> ast.For | None:
    """Return the loop over what a call gives; None without one."""
    for each in source.above(call):
        if isinstance(each, ast.For):
            return each if any(inner is call for inner in ast.walk(each.iter)) else None
    return None


RECIPE = Recipe(
    rule="row-loop-over-frame",
    improves=("time",),
    propose=propose,
    allows=("number-type", "float-order", "exception-text"),
)
