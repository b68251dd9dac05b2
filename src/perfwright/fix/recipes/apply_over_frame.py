"""A function is called once for each value of a column; what is worked out of rows is worked out of tuples.

`column.apply(function)` gets a cache that dies with the call. `frame["a"] = frame.apply(lambda row: ..., axis=1)`
becomes a list, where the function asks rows for columns by name alone.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._frames import is_field
from perfwright.fix.source import Source

BY_VALUE = ("apply", "map")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    if call is None or not isinstance(call.func, ast.Attribute) or call.func.attr not in BY_VALUE or not call.args:
        return
    if "groupby" in ast.unparse(call.func):
        return  # it is called with a column for each group
    given = {each.arg: each.value for each in call.keywords}
    if len(call.args) == 1 and not given:
        cache, imports = source.imported("functools", "lru_cache")
        # By type, too: True is 1 to a cache, and a column may hold both.
        made = source.replace(call.args[0], f"{cache}(None, typed=True)({source.text_of(call.args[0])})")
        yield Proposal((made, *imports), f"`{ast.unparse(call.args[0])[:60]}` is called once for each value")
    elif len(call.args) == 1 and list(given) == ["axis"] and isinstance(call.args[0], ast.Lambda):
        yield from by_row(source, call, call.args[0])


def by_row(source: Source, call: ast.Call, function: ast.Lambda) -> Iterator[Proposal]:
    """Give the proposal for `frame["a"] = frame.apply(lambda row: ..., axis=1)`."""
    assert isinstance(call.func, ast.Attribute)
    assigned, frame = source.parents[call], source.text_of(call.func.value)
    target = assigned.targets[0] if isinstance(assigned, ast.Assign) and len(assigned.targets) == 1 else None
    if not isinstance(target, ast.Subscript) or source.text_of(target.value) != frame or len(function.args.args) != 1:
        return
    row, body = function.args.args[0].arg, function.body
    text, start = source.text_of(body), source.span(body)[0]
    uses = [each for each in ast.walk(body) if isinstance(each, ast.Name) and each.id == row]
    for each in sorted(uses, key=source.span, reverse=True):
        place = source.parents[each]
        if not isinstance(place, ast.Subscript) or place.value is not each or not isinstance(place.slice, ast.Constant):
            return
        column = place.slice.value
        if not isinstance(column, str) or not is_field(column):
            return
        begin, end = (at - start for at in source.span(place))
        text = f"{text[:begin]}{row}.{column}{text[end:]}"
    made = f"[{text} for {row} in {frame}.itertuples(index=False)]"
    yield Proposal((source.replace(call, made),), f"the rows of `{frame}` are tuples")


RECIPE = Recipe(rule="row-loop-over-frame", improves=("time",), propose=propose, allows=("number-type",))
