"""The parts of a frame or an array that grows in a loop are collected in a list, and joined once after it.

Nothing else in the loop reads what grows, the parts are made in the loop and not touched after they were joined, and no
handler of exceptions could see what was joined until then.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import FUNCTIONS, Source, bound, changed, names

LISTS = ("concat", "concatenate", "vstack", "row_stack")  # they take a list of parts
SAME_FOR_ALL = ("ignore_index", "sort")  # options that say the same of two parts and of many


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    grown = source.at(finding.place, ast.Assign)
    if grown is None or len(grown.targets) != 1 or not isinstance(grown.targets[0], ast.Name):
        return
    name, call = grown.targets[0].id, grown.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or not source.is_alone(grown):
        return
    parts = joined(call, name)
    loop = loop_of(source, grown, name)
    if not parts or loop is None or not all(is_kept(each, grown, loop) for each in parts):
        return
    collected = source.fresh("parts", "pieces")
    library = source.text_of(call.func.value)
    if call.func.attr == "append":
        whole = f"{library}.concatenate([{name}, *map({library}.ravel, {collected})])"
    else:
        options = "".join(f", {source.text_of(each)}" for each in call.keywords)
        whole = f"{source.text_of(call.func)}([{name}, *{collected}]{options})"
    added = [source.text_of(each) for each in parts]
    adds = f"{collected}.append({added[0]})" if len(added) == 1 else f"{collected} += [{', '.join(added)}]"
    edits = (
        source.before(loop, f"{collected} = []"),
        source.replace(grown, adds),
        source.after(loop, f"if {collected}:", f"    {name} = {whole}"),
    )
    yield Proposal(edits, f"the parts of `{name}` are joined once after the loop")


def joined(call: ast.Call, name: str) -> list[ast.expr]:
    """Return what a call puts behind what a name holds; nothing where it does something else."""
    assert isinstance(call.func, ast.Attribute)
    first = call.args[0] if call.args else None
    if call.func.attr == "append" and len(call.args) == 2 and not call.keywords:
        parts = call.args
    elif call.func.attr in LISTS and len(call.args) == 1 and isinstance(first, ast.List | ast.Tuple):
        parts = first.elts
        if not all(each.arg in SAME_FOR_ALL and isinstance(each.value, ast.Constant) for each in call.keywords):
            return []
    else:
        return []
    if not parts or not isinstance(parts[0], ast.Name) or parts[0].id != name:
        return []
    return parts[1:] if not any(name in names(each) for each in parts[1:]) else []


def loop_of(source: Source, grown: ast.Assign, name: str) -> ast.For | ast.While | None:
    """Return the outermost loop that does nothing else with what grows, where nobody sees it before its end."""
    own = {id(each) for each in ast.walk(grown)}
    loops = [
        each
        for each in source.loops(grown)
        if isinstance(each, ast.For | ast.While)
        and not any(
            isinstance(inner, ast.Name) and inner.id == name and id(inner) not in own for inner in ast.walk(each)
        )
        and not any(isinstance(inner, (ast.Yield, ast.YieldFrom, *FUNCTIONS, ast.Lambda)) for inner in ast.walk(each))
    ]
    function = source.function(grown)
    shared = [each for each in ast.walk(function) if isinstance(each, ast.Global | ast.Nonlocal)] if function else []
    caught = any(isinstance(each, ast.Try) for each in source.above(grown) if not isinstance(each, ast.Module))
    if not loops or function is None or caught or any(name in each.names for each in shared):
        return None
    return loops[-1]


def is_kept(part: ast.expr, grown: ast.Assign, loop: ast.For | ast.While) -> bool:
    """Tell whether a part is made on each pass, or walked, and stays as it is once it was joined."""
    if isinstance(part, ast.List | ast.Tuple):
        return all(is_kept(each, grown, loop) for each in part.elts)
    if isinstance(part, ast.Call | ast.BinOp | ast.Constant):
        return True
    root = part
    while isinstance(root, ast.Subscript | ast.Attribute):
        root = root.value
    if not isinstance(root, ast.Name):
        return isinstance(root, ast.Call)
    later = [each for each in ast.walk(loop) if isinstance(each, ast.Name) and each.lineno > (grown.end_lineno or 0)]
    if any(each.id == root.id for each in later):
        return False
    made = [
        each.value
        for each in ast.walk(loop)
        if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == root.id for t in each.targets)
    ]
    walked = bound(loop.target) if isinstance(loop, ast.For) else set()
    touched = {each.partition(".")[0].partition("[")[0] for each in changed(loop)}
    if root.id in walked:
        return not made and root.id not in touched
    return bool(made) and all(isinstance(each, ast.Call | ast.BinOp) for each in made)


RECIPE = Recipe(rule="frame-built-in-loop", improves=("time",), propose=propose)
