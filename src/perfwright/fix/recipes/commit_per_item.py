"""What each pass of a loop commits is committed once after the loop.

Passes that did their work are then lost where a later one fails: it is suggested, and written only if asked for. It is
not tried where a pass does what no rollback takes back (it sends, calls or writes elsewhere), handles failures of its
own, takes its connection anew, or leaves the function.
"""

import ast
import re
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import method_of, name_of, placed
from perfwright.fix.recipes._hoisting import emptied
from perfwright.fix.source import Source, bound, names

OUTSIDE = re.compile(
    r"(^|_)(send\w*|post|put|patch|deliver\w*|mail\w*|e?mails?|publish\w*|notify\w*|charge\w*|request\w*|upload\w*|fetch"
    r"|urlopen|write|unlink|remove|rename|replace|move|run|call|check_call|check_output|popen|enqueue|delay|apply_async"
    r"|download|push|call_\w+|rollback|sleep|print|echo)(_|$)",
    re.IGNORECASE,
)


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = next((each for each in placed(source, finding.place) if method_of(each) == "commit"), None)
    statement = source.statement(call) if call is not None else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.args or call.keywords:
        return
    if not isinstance(statement, ast.Expr) or not source.is_alone(statement):
        return
    loops = [each for each in source.loops(call) if isinstance(each, ast.For)]
    held = call.func.value
    if len(loops) != 1 or len(source.loops(call)) != 1 or loops[0].orelse:
        return
    loop = loops[0]
    if names(held) & bound(loop) or any(is_left(each) for each in ast.walk(loop)):
        return
    others = [each for each in ast.walk(loop) if isinstance(each, ast.Call) and each is not call]
    if any(OUTSIDE.search(name_of(each)) for each in others) or any(method_of(each) == "commit" for each in others):
        return
    text = source.text_of(statement)
    block = getattr(source.parents[loop], "body", [])
    following = block[block.index(loop) + 1 :][:1] if loop in block else []
    after = [] if following and source.text_of(following[0]) == text else [source.after(loop, text)]
    yield Proposal((*emptied(source, statement), *after), "all passes are committed together")


def is_left(node: ast.AST) -> bool:
    """Tell whether a statement leaves a function from within a loop, or handles failures of one pass."""
    return isinstance(
        node, ast.Return | ast.Yield | ast.YieldFrom | ast.Try | ast.With | ast.AsyncWith | ast.AsyncFor | ast.Raise
    )


RECIPE = Recipe(
    rule="commit-per-item",
    improves=("time",),
    propose=propose,
    suggested="where one pass fails, those before it are rolled back too, and what the loop changes stays locked until "
    "its end",
)
