"""A list that is worked off from its front becomes a deque.

It is local, made anew by one statement, so that nobody else has it, and nothing is asked of it that a deque cannot do:
it is tested, measured, walked where that changes nothing, appended to, and popped at both ends.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import method_of
from perfwright.fix.source import Edit, Source, changed

COPIES = ("copy", "split", "rsplit", "splitlines", "readlines", "tolist")  # methods that give a list of their own
KEEPS = ("append", "extend", "pop", "clear", "insert", "remove", "count", "reverse")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    name, around = finding.symbol, source.at(replace(finding.place, column=0), ast.stmt)
    function = source.function(around) if around is not None and name.isidentifier() else None
    if function is None or any(each.arg == name for each in ast.walk(function.args) if isinstance(each, ast.arg)):
        return
    made: ast.Assign | None = None
    edits: list[Edit] = []
    for each in ast.walk(function):
        if not isinstance(each, ast.Name) or each.id != name:
            continue
        parent = source.parents[each]
        if isinstance(parent, ast.Assign) and each in parent.targets and made is None and len(parent.targets) == 1:
            made = parent
            continue
        use = used(source, each)
        if use is None:
            return
        edits += use
    if made is None or not is_new(made.value):
        return
    deque, imports = source.imported("collections", "deque")
    value = made.value
    text = source.text_of(value)
    if isinstance(value, ast.List) and not value.elts:
        edits.append(source.replace(value, f"{deque}()"))
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "list":
        edits.append(source.replace(value.func, deque))
    else:
        edits.append(source.replace(value, f"{deque}({text})"))
    yield Proposal((*edits, *imports), f"`{name}` is a deque, which gives its first item without moving the others")


def is_new(value: ast.expr) -> bool:
    """Tell whether an expression makes a list: others give one that may be theirs."""
    if isinstance(value, ast.BinOp):
        return is_new(value.left) or is_new(value.right)
    if isinstance(value, ast.Subscript):
        return isinstance(value.slice, ast.Slice)
    if isinstance(value, ast.Call):
        return method_of(value) in COPIES or (isinstance(value.func, ast.Name) and value.func.id in ("list", "sorted"))
    return isinstance(value, ast.List | ast.ListComp)


def is_test(source: Source, node: ast.AST) -> bool:
    """Tell whether it is only asked of an expression if it is true."""
    above = source.parents[node]
    if isinstance(above, ast.BoolOp):
        return is_test(source, above)
    if isinstance(above, ast.comprehension):
        return node in above.ifs
    is_not = isinstance(above, ast.UnaryOp) and isinstance(above.op, ast.Not)
    return is_not or (isinstance(above, ast.While | ast.If | ast.IfExp | ast.Assert) and above.test is node)


def used(source: Source, name: ast.Name) -> list[Edit] | None:
    """Return the edits that one use of the list needs; None where a deque cannot do what is asked."""
    parent = source.parents[name]
    above = source.parents.get(parent)
    if is_test(source, name):
        return []
    if isinstance(parent, ast.For | ast.comprehension) and parent.iter is name:
        walked = parent if isinstance(parent, ast.For) else source.parents[parent]
        return [] if name.id not in changed(walked) else None
    if (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Name)
        and parent.func.id in ("len", "sum", "list", "sorted", "set")
    ):
        return []
    if not isinstance(parent, ast.Attribute) or parent.attr not in KEEPS or not isinstance(above, ast.Call):
        return None
    first = above.args[0] if above.args else None
    is_front = isinstance(first, ast.Constant) and first.value == 0
    if parent.attr == "pop":
        if is_front and len(above.args) == 1:
            return [source.replace(above, f"{name.id}.popleft()")]
        return [] if not above.args else None
    if parent.attr == "insert":
        return [source.replace(above, f"{name.id}.appendleft({source.text_of(above.args[1])})")] if is_front else None
    return []


RECIPE = Recipe(rule="front-of-list", improves=("time",), propose=propose)
