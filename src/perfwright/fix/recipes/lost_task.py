"""A task that nobody keeps is kept in a set of the module until it is done.

It is started by a statement of its own. Whoever should wait for it, or hear of its failure, is not decided by that.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Source

STARTS = ("create_task", "ensure_future")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    statement = next(
        (each for each in ast.walk(source.tree) if isinstance(each, ast.Expr) and each.lineno == finding.place.line),
        None,
    )
    if statement is None or not isinstance(statement.value, ast.Call) or not source.is_alone(statement):
        return
    call = statement.value
    top = [each for each in (statement, *source.above(statement)) if each in source.tree.body]
    if source.text_of(call.func).rpartition(".")[2] not in STARTS or source.function(call) is None or not top:
        return
    around = top[0]
    assert isinstance(around, ast.stmt)
    tasks, task = source.fresh("_tasks", "_running_tasks"), source.fresh("task", "started")
    known = next(
        (each.target.id for each in source.tree.body
         if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
         and source.text_of(each.annotation).startswith("set[asyncio.Task")),
        "",
    )  # fmt: skip
    made = source.before(
        around, f"{tasks} = set()  # of those that are not done: the event loop holds them weakly", "", ""
    )
    indent = source.indent(statement)
    tasks = known or tasks
    lines = [f"{task} = {source.text_of(call)}", f"{tasks}.add({task})", f"{task}.add_done_callback({tasks}.discard)"]
    edits = (source.replace(statement, f"\n{indent}".join(lines)), *([] if known else [made]))
    yield Proposal(edits, "the task is kept until it is done")


RECIPE = Recipe(
    rule="lost-task",
    improves=("hazard",),
    propose=propose,
    suggested="a task that could be gone before it is done goes on to its end",
)
