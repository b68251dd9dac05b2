"""Copies of a frame that get other columns, labels or rows, and may share the columns that they leave as they are.

Until its name stands for something else, nothing writes into a column of the copy, nor of what was copied: a column is
put in place of another as a whole, and what is asked of them is made anew.
"""

import ast
from collections.abc import Iterator

from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._frames import is_new
from perfwright.fix.source import FUNCTIONS, Source, bound, names

# Methods that, in place, give a frame other rows, columns or labels, and write into none of its columns.
REARRANGES = (
    "drop", "dropna", "drop_duplicates", "rename", "reset_index", "set_index", "sort_index", "sort_values",
)  # fmt: skip


def sharing(source: Source, call: ast.Call, *, returned: bool) -> Iterator[Proposal]:
    """Give the proposal that shares the columns of a copy that stay, of one that a function returns or of one that it
    does not."""
    made = source.parents[call]
    if not isinstance(made, ast.Assign) or len(made.targets) != 1 or call.args or call.keywords:
        return
    copy, original = made.targets[0], call.func.value if isinstance(call.func, ast.Attribute) else None
    if not isinstance(copy, ast.Name) or not isinstance(original, ast.Name) or ast.unparse(call.func)[-5:] != ".copy":
        return
    known = {copy.id, original.id}
    after = until_bound(source, made, copy.id)
    if after is None or not all(is_shared(source, each, known) for each in after):
        return
    inner = [each for one in after for each in ast.walk(one)]
    leaves = [
        isinstance(each, ast.Return) and isinstance(each.value, ast.Name) and each.value.id == copy.id for each in inner
    ]
    if any(leaves) == returned and any(is_column(each, copy.id) for each in inner):  # else no copy is needed at all
        shared = f"{source.text_of(call.func)}(deep=False)"
        yield Proposal((source.replace(call, shared),), f"the copy of `{original.id}` shares the columns that stay")


def until_bound(source: Source, made: ast.stmt, name: str) -> list[ast.stmt] | None:
    """Return the statements after one of a function, up to the one that binds a name anew; None where another block
    may bind it, or where one is no statement of the function itself."""
    function = source.function(made)
    if function is None or made not in function.body:
        return None
    found: list[ast.stmt] = []
    for each in function.body[function.body.index(made) + 1 :]:
        found.append(each)
        if name in bound(each):
            return found if isinstance(each, ast.Assign) else None
    return found


def is_shared(source: Source, statement: ast.stmt, known: set[str]) -> bool:
    """Tell whether a statement leaves the values in the columns of frames as they are, and hands none of them on."""
    inner = [*ast.walk(statement)]
    if any(isinstance(each, (*FUNCTIONS, ast.Lambda)) and names(each) & known for each in inner):
        return False
    uses = [each for each in inner if isinstance(each, ast.Name) and each.id in known]
    return all(is_harmless(source, each) for each in uses)


def is_harmless(source: Source, frame: ast.Name) -> bool:
    """Tell whether one use of a frame changes nothing that another frame shares."""
    above = source.parents[frame]
    if not isinstance(frame.ctx, ast.Load):
        return isinstance(above, ast.Assign)  # it stands for something else from here on
    if isinstance(above, ast.Return):
        return True
    if isinstance(above, ast.Attribute) and isinstance(above.ctx, ast.Store):
        return above.attr in ("columns", "index") and isinstance(source.parents[above], ast.Assign)
    if is_column(above, frame.id):
        return isinstance(source.parents[above], ast.Assign)
    call = source.parents[above]
    if isinstance(above, ast.Attribute) and above.attr in REARRANGES and isinstance(call, ast.Call):
        return isinstance(source.parents[call], ast.Expr) or is_new(source, frame)
    return is_new(source, frame)


def is_column(node: ast.AST, frame: str) -> bool:
    """Tell whether a node is a column of a frame that is given other values: `frame["a"] = ...`."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == frame
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    )
