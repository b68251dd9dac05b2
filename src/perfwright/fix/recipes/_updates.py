"""Rows that are loaded only to give them all the same values: changed in one statement instead."""

import ast

from perfwright.effects.schema import Model
from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._columns import beside, column_of, kind_of
from perfwright.fix.recipes._constants import Constants
from perfwright.fix.recipes._narrowed import BREAK, Rows, Selected, flat, is_inline, laid
from perfwright.fix.recipes._quiet import is_quiet_between
from perfwright.fix.recipes._row_uses import Use
from perfwright.fix.source import Edit, Source
from perfwright.fix.surroundings import Surroundings

HOOKS = ("validates(", "listens_for(", "event.listen(", "onupdate", "version_id_col", "before_flush")


def loop_of(source: Source, made: ast.expr) -> tuple[Use, list[ast.Call]] | None:
    """Return the loop over rows that only sets columns of theirs, and the calls that count these rows after it."""
    above, function = source.parents[made], source.function(made)
    while isinstance(above, ast.Attribute | ast.Call | ast.Await):
        made, above = above, source.parents[above]
    if isinstance(above, ast.For) and above.iter is made:
        return (Use(above, made), []) if sets(above) else None
    target = above.targets[0] if isinstance(above, ast.Assign) and len(above.targets) == 1 else None
    if not isinstance(target, ast.Name) or function is None or not isinstance(above, ast.Assign):
        return None
    reads = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == target.id]
    reads.remove(target)
    loops = [source.parents[each] for each in reads if isinstance(source.parents[each], ast.For)]
    counts = [call for each in reads if isinstance(call := source.parents[each], ast.Call) and name_of(call) == "len"]
    loop = loops[0] if len(loops) == 1 else None
    if not isinstance(loop, ast.For) or len(reads) != 1 + len(counts) or not sets(loop):
        return None
    last = loop.end_lineno or loop.lineno
    if len(assigned(function, target.id) or ()) != 1 or any(call.lineno <= last for call in counts):
        return None
    return Use(loop, loop.iter, held=above), counts


def sets(loop: ast.For) -> bool:
    """Tell whether a loop does no more than to give each row values."""
    return (
        not loop.orelse
        and isinstance(loop.target, ast.Name)
        and all(
            isinstance(each, ast.Assign)
            and len(each.targets) == 1
            and isinstance(each.targets[0], ast.Attribute)
            and isinstance(each.targets[0].value, ast.Name)
            and each.targets[0].value.id == loop.target.id
            for each in loop.body
        )
    )


def updated(
    around: Surroundings, asked: Rows, model: Model, written: str, use: Use, counts: list[ast.Call]
) -> list[Edit] | None:
    """Return the edits that change the rows of a query in one statement; None where that may be something else."""
    if not isinstance(asked, Selected):
        return None
    source, loop, query = asked.source, use.node, asked.origin.query
    asked.over = use.held.value if use.held is not None else use.over
    texts = [each.text for each in beside(around, source, model)]
    if any(hook in text for hook in HOOKS for text in texts) or not isinstance(loop, ast.For):
        return None
    row = ast.unparse(loop.target)
    constants = Constants(around, source, query)
    values: list[str] = []
    for each in loop.body:
        target = each.targets[0] if isinstance(each, ast.Assign) else None
        column = column_of(model, target, row) if target is not None else None
        if column is None or not isinstance(each, ast.Assign) or not isinstance(target, ast.Attribute):
            return None
        kind = kind_of(around, column)
        if not kind or column.type == "primary" or not constants.is_fixed(each.value, row):
            return None
        values.append(f"{target.attr}={source.text_of(each.value)}")
    run, awaited = asked.run()
    if run is None or not isinstance(run.func, ast.Attribute) or not is_inline(run.args[0], query):
        return None
    steps = asked.steps(run.args[0], query, ("order_by",))
    if steps is None or not steps or any(not each.startswith((".where(", ".filter(")) for each in steps):
        return None
    if (
        not is_quiet_between(around, source, use)
        or not source.is_alone(loop)
        or (use.held and not source.is_alone(use.held))
    ):
        return None
    said = [f"{asked.use('sqlalchemy', 'update')}({written})", *steps, f".values({f',{BREAK}'.join(values)})"]
    text = laid(source, loop, f"{source.text_of(run.func.value)}.execute", [flat(each) for each in said])
    text = f"await {text}" if awaited else text
    edits = [source.removed(use.held)] if use.held is not None else []
    if counts:
        name = source.fresh("changed", "updated")
        text = f"{name} = ({text}).rowcount" if awaited else f"{name} = {text}.rowcount"
        edits += [source.replace(call, name) for call in counts]
    return [*edits, source.replace(loop, text)]
