"""What is taken out of a loop: computed once before it."""

import ast
from collections.abc import Iterator

from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._stays import (
    always,
    is_asked,
    is_quiet,
    is_touched,
    never_fails,
    only_read,
    stays,
    truth_of,
)
from perfwright.fix.source import FUNCTIONS, Source, bound, changed, names


def hoisted(source: Source, node: ast.expr, *wanted: str, works: bool = False) -> Iterator[Proposal]:
    """Give the proposals that compute an expression once before the outermost loop that works it out on each pass.

    What it names stays as it is while the loop runs, no pass ends before it, and what it gives is only read. What may
    fail is computed where the loop has a pass, as far as a test for that is as good as free. `works` says that even a
    plain name stands for work.
    """
    asks = works or isinstance(getattr(node, "func", None), ast.Attribute)
    loops = [
        each
        for each in source.loops(node)
        if stays(source, node, each) and always(source, node, each) and not (asks and is_touched(source, node, each))
    ]
    if not loops or not only_read(source, node, loops[-1]) or not is_quiet(source, node):
        return
    outermost = loops[-1]
    statement = source.statement(outermost)
    if not source.begins(statement):
        return
    written = source.expression(node)
    truth = "" if is_asked(source, outermost) else truth_of(outermost)
    forms = [written, f"{written} if {truth} else None"] if truth else [written]
    own = source.parents.get(node)
    says = f"`{shortened(written)}` is computed once before the loop"
    for form in forms if never_fails(node) and not works else forms[::-1]:
        if (
            isinstance(own, ast.Assign)
            and len(own.targets) == 1
            and isinstance(own.targets[0], ast.Name)
            and own.value is node
            and source.is_alone(own)
            and is_only_here(source, own, outermost)
        ):
            moved = source.before(statement, f"{own.targets[0].id} = {form}")
            yield Proposal((moved, *emptied(source, own)), says)
            continue
        name = source.fresh(*wanted)
        alike = [each for each in ast.walk(outermost) if isinstance(each, type(node)) and is_alike(source, each, node)]
        made = source.before(statement, f"{name} = {form}")
        yield Proposal((made, *[source.replace(each, name) for each in alike]), says)


def is_alike(source: Source, one: ast.AST, other: ast.expr) -> bool:
    """Tell whether two expressions are written alike, and read what they name."""
    return source.text_of(one) == source.text_of(other) and isinstance(getattr(one, "ctx", ast.Load()), ast.Load)


def does_not_depend(node: ast.expr, loop: ast.AST) -> bool:
    """Tell whether a loop gives nothing a value that an expression names, and changes none of it."""
    inner = [each for each in ast.walk(node) if isinstance(each, ast.Lambda | ast.comprehension)]
    own = {name for each in inner for name in bound(each)}
    if (names(node) - own) & (bound(loop) - own):
        return False
    touched = changed(loop)
    held = [each for each in ast.walk(node) if isinstance(each, ast.Name | ast.Attribute)]
    return not any(ast.unparse(each) in touched for each in held)


def is_only_here(source: Source, own: ast.Assign, loop: ast.AST) -> bool:
    """Tell whether a name has its value from this one statement in a loop, is not changed, and is not read after it."""
    target = own.targets[0]
    assert isinstance(target, ast.Name)
    others = [
        each
        for each in ast.walk(loop)
        if isinstance(each, ast.Name) and each.id == target.id and not isinstance(each.ctx, ast.Load)
    ]
    function = source.function(own)
    if len(others) != 1 or target.id in changed(loop) or function is None:
        return False
    inside = {id(each) for each in ast.walk(loop)}
    return not any(
        isinstance(each, ast.Name) and each.id == target.id and id(each) not in inside for each in ast.walk(function)
    )


def emptied(source: Source, statement: ast.stmt) -> tuple:  # type: ignore[type-arg]
    """Return the edits that take a statement away; `pass` stays where a block would have nothing else."""
    parent = source.parents[statement]
    blocks = [getattr(parent, name, None) for name in ("body", "orelse", "finalbody")]
    if any(block == [statement] for block in blocks if isinstance(block, list)) and not isinstance(parent, FUNCTIONS):
        return (source.replace(statement, "pass"),)
    return (source.removed(statement),)


def shortened(text: str) -> str:
    """Return text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:60]}…"
