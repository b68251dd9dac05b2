"""Of a file that is read into a frame, only those columns are read that are used.

The frame has one name, which is asked for columns that are written there, and for nothing else. What was an error may
be another, or none: a line with more fields than the header is read where only some columns are.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Edit, Source

READERS = {"read_csv": "usecols", "read_table": "usecols", "read_parquet": "columns", "read_feather": "columns"}
# Options that hold for each column by itself, whichever are read.
SAFE = (
    "sep", "delimiter", "encoding", "encoding_errors", "na_values", "keep_default_na", "na_filter", "compression",
    "decimal", "thousands", "comment", "quotechar", "dtype", "low_memory", "skipinitialspace",
)  # fmt: skip


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    assigned = source.parents.get(call) if call is not None else None
    function = source.function(call) if call is not None else None
    if call is None or function is None or not isinstance(assigned, ast.Assign) or len(assigned.targets) != 1:
        return
    target = assigned.targets[0]
    option = READERS.get(call.func.attr) if isinstance(call.func, ast.Attribute) else None
    if option is None or not isinstance(target, ast.Name) or len(call.args) != 1:
        return
    if not all(each.arg in SAFE for each in call.keywords):
        return
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == target.id]
    uses.sort(key=lambda each: (each.lineno, each.col_offset))
    columns: dict[str, None] = {}
    for each in uses:
        found = asked(source.parents[each], each) if each is not target else ()
        if found is None:
            return
        columns.update(dict.fromkeys(found))
    if not columns:
        return
    listed = ", ".join(f'"{column}"' for column in columns)
    last = max(source.span(each)[1] for each in (*call.args, *[key.value for key in call.keywords]))
    yield Proposal((Edit(last, last, f", {option}=[{listed}]"),), f"of all columns only {', '.join(columns)} are read")


def asked(use: ast.AST, frame: ast.Name) -> tuple[str, ...] | None:
    """Return the columns that one use of a frame asks for; None where it asks for something else."""
    if isinstance(use, ast.Attribute) and isinstance(use.ctx, ast.Load):
        return (use.attr,)  # the rule knows that it is no method
    if not isinstance(use, ast.Subscript) or use.value is not frame or not isinstance(use.ctx, ast.Load):
        return None
    keys = use.slice.elts if isinstance(use.slice, ast.List) else [use.slice]
    columns = [each.value for each in keys if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return tuple(columns) if columns and len(columns) == len(keys) else None


RECIPE = Recipe(
    rule="load-frame-to-filter",
    improves=("time", "memory"),
    propose=propose,
    allows=("was-error",),
)
