"""A copy that nothing changes is left out: what was copied is read itself.

Of a copy of a copy one is left out, which one depends on their kinds; sorting stays.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._hoisting import shortened
from perfwright.fix.source import COMPREHENSIONS, Source, changed

COPIES = ("deepcopy", "copy", "list", "tuple")
MADE = ("list", "tuple", "set", "sorted", "frozenset", "dict")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    for call in source.calls_at(finding.place):
        if (made := left_out(source, call)) is not None:
            yield made
            return


def left_out(source: Source, call: ast.Call) -> Proposal | None:
    """Return the proposal that leaves a copy out; None where a call is none."""
    inner = call.args[0] if len(call.args) == 1 else None
    if (found := copied_again(call, inner)) is not None:
        gone, stays = found
    elif (read := original_of(source, call, inner)) is not None:
        gone, stays = call, read
    else:
        return None
    if is_changed(source, call) or isinstance(source.parents.get(call), ast.Expr):
        return None
    text = source.expression(stays)
    edits = [source.replace(gone, text), *source.unimported(gone, stays)]
    return Proposal(tuple(edits), f"`{shortened(text)}` is read itself, without a copy")


def copied_again(call: ast.Call, inner: ast.expr | None) -> tuple[ast.expr, ast.expr] | None:
    """Return which of two copies, one of the other, goes, and what stands there then; None where there is one."""
    name = called(call)
    if name not in MADE or not isinstance(call.func, ast.Name):
        return None
    if isinstance(inner, ast.ListComp | ast.SetComp) and not call.keywords:
        return (call, inner) if name == ("list" if isinstance(inner, ast.ListComp) else "set") else None
    if not isinstance(inner, ast.Call) or not isinstance(inner.func, ast.Name) or len(inner.args) != 1:
        return None
    within = called(inner)
    if name == "list" and within in ("list", "sorted") and not call.keywords:
        return call, inner
    if within in ("list", "tuple") and not inner.keywords:
        return inner, inner.args[0]
    if within in ("set", "sorted") and name in ("set", "frozenset") and not call.keywords:
        return inner, inner.args[0]
    return None


def original_of(source: Source, call: ast.Call, inner: ast.expr | None) -> ast.expr | None:
    """Return what a call copies, where its copy may be left out; None for other calls."""
    name = called(call)
    if call.keywords:
        return None
    if name == "loads" and isinstance(inner, ast.Call) and called(inner) == "dumps" and len(inner.args) == 1:
        return inner.args[0] if not inner.keywords else None
    if name == "decode" and isinstance(call.func, ast.Attribute) and isinstance(encode := call.func.value, ast.Call):
        return encode.func.value if isinstance(encode.func, ast.Attribute) and called(encode) == "encode" else None
    if name == "copy" and not call.args and isinstance(call.func, ast.Attribute):
        return call.func.value
    if name not in COPIES or inner is None or isinstance(inner, ast.Starred | ast.GeneratorExp):
        return None
    return inner if name in ("deepcopy", "copy") or is_gone_through(source, call) else None


def is_changed(source: Source, call: ast.Call) -> bool:
    """Tell whether a copy that has a name is changed in place."""
    made, function = source.parents.get(call), source.function(call)
    if not isinstance(made, ast.Assign | ast.AnnAssign) or function is None:
        return False
    targets = [ast.unparse(each) for each in (made.targets if isinstance(made, ast.Assign) else [made.target])]
    return any(
        text == each or text.startswith((f"{each}.", f"{each}[")) for text in changed(function) for each in targets
    )


def is_gone_through(source: Source, call: ast.Call) -> bool:
    """Tell whether a loop goes through what a call makes."""
    parent = source.parents.get(call)
    if isinstance(parent, ast.For):
        return parent.iter is call
    return isinstance(parent, ast.comprehension) and not isinstance(source.parents.get(parent), COMPREHENSIONS[3:])


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


RECIPE = Recipe(rule="redundant-copy", improves=("time", "memory"), propose=propose)
