"""Keys of rows that a loop goes through: whole numbers, by how they are annotated, in parts that a query takes."""

import ast

from perfwright.fix.recipes._types import annotation
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings

PART = 1_000  # keys of one query: databases take no more than some ten thousand
ROWS = ("list[int]", "List[int]", "tuple[int, ...]", "Sequence[int]")  # they can be cut into parts
WHOLE = (*ROWS, "set[int]", "Iterable[int]", "Collection[int]")


def is_whole(around: Surroundings, source: Source, node: ast.expr) -> bool:
    """Tell whether what an expression stands for are whole numbers."""
    return annotated(around, source, node) in WHOLE


def is_cut(around: Surroundings, source: Source, node: ast.expr) -> bool:
    """Tell whether whole numbers can be taken in parts."""
    return annotated(around, source, node) in ROWS


def annotated(around: Surroundings, source: Source, node: ast.expr) -> str:
    found = annotation(around, source, node)
    return ast.unparse(found[1]) if found is not None else ""


def parts(source: Source, over: str) -> tuple[str, str]:
    """Return the loop over the parts of a list, and such a part, as they are written."""
    start = source.fresh("start", "first")
    return f"for {start} in range(0, len({over}), {PART})", f"{over}[{start} : {start} + {PART}]"
