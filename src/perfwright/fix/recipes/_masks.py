"""The rows of a frame that have a value: looked for in all of it in each pass of a loop, found once for all values."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._frames import is_asked_each_time, is_caught, is_left_alone
from perfwright.fix.source import Edit, Source, bound, names

SPELLS = ("lower", "upper", "strip", "casefold")  # methods of a text that give another
SAYS = "rows with a value are found once for all values"


@dataclass(frozen=True, slots=True)
class Mask:
    """`frame[frame[column] == key]`."""

    place: ast.Subscript
    frame: ast.Name
    column: ast.expr
    key: ast.expr


def along(source: Source, loop: ast.AST, proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    """Give proposals for a loop, each once more with the rows that it looks for found once."""
    some = isinstance(loop, ast.For) and bool(masks(source, loop))
    function = source.qualified(loop.body[0]) if isinstance(loop, ast.For) else ""
    for proposal in proposals:
        yield proposal
        if some:
            made = Source(source.path, source.edited(proposal.edits), source.root)
            inside = [each for each in ast.walk(made.tree) if isinstance(each, ast.For)]
            edits = [
                edit for each in inside if made.qualified(each.body[0]) == function for edit in looked_up(made, each)
            ]
            if edits:
                whole = Edit(0, len(source.text), made.edited(edits))
                yield Proposal((whole,), f"{proposal.says}, and {SAYS}")


def looked_up(source: Source, loop: ast.For) -> Iterator[Edit]:
    """Give the edits that find rows by where they are, put down before the loop; else as before."""
    known: dict[tuple[str, str], str] = {}
    places = source.fresh("places", "row_places")
    found = masks(source, loop)
    several = len({source.statement(mask.place) for mask in found}) < len(found)
    for mask in found[:1] if several else found:
        frame, column = mask.frame.id, source.text_of(mask.column)
        if (frame, column) not in known:
            plain = mask.column.value if isinstance(mask.column, ast.Constant) else ""
            wanted = [f"{frame}_by_{plain}"] if isinstance(plain, str) and plain.isidentifier() else []
            known[frame, column] = source.fresh(*wanted, f"{frame}_rows")
            by = f"{frame}.groupby({column}, sort=False, observed=True).indices"
            yield source.before(loop, f"{known[frame, column]} = {by}")
        statement, old = source.statement(mask.place), source.text_of(mask.place)
        rows = f"{old} if {places} is None else {frame}.iloc[{places}]"
        alone = isinstance(statement, ast.Assign) and statement.value is mask.place
        yield source.before(statement, f"{places} = {known[frame, column]}.get({source.text_of(mask.key)})")
        yield source.replace(mask.place, rows if alone else f"({rows})")


def masks(source: Source, loop: ast.For) -> list[Mask]:
    """Return the rows with a value that each pass of a loop looks for in a whole frame."""
    inside = ast.Module(loop.body, [])
    if loop.orelse or not source.begins(loop):
        return []
    if any(isinstance(each, ast.Break | ast.Return) for each in ast.walk(inside)):
        return []  # it may end after few passes
    own = bound(inside) | bound(loop.target)
    found = [mask for each in ast.walk(inside) if (mask := mask_of(each)) is not None]
    return [
        each
        for each in found
        if each.frame.id not in own
        and not names(each.column) & own
        and names(each.key) & own - bound(source.statement(each.place))
        and source.begins(source.statement(each.place))
        and is_asked_each_time(source, each.place, loop)
        and not is_caught(source, each.place)
        and is_left_alone(source, each.frame, loop, None)
    ]


def mask_of(node: ast.AST) -> Mask | None:
    """Return the mask that an expression is; None where it is none."""
    if (
        not isinstance(node, ast.Subscript)
        or not isinstance(node.ctx, ast.Load)
        or not isinstance(node.value, ast.Name)
    ):
        return None
    test = node.slice
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.Eq):
        return None
    column, key = test.left, test.comparators[0]
    if not isinstance(column, ast.Subscript) or ast.unparse(column.value) != node.value.id or not is_plain(key):
        return None
    is_column = isinstance(column.slice, ast.Name) or (
        isinstance(column.slice, ast.Constant) and isinstance(column.slice.value, str)
    )
    return Mask(node, node.value, column.slice, key) if is_column else None


def is_plain(key: ast.expr) -> bool:
    """Tell whether a key may be asked for twice: a name, what it holds, other letters of a text."""
    while not isinstance(key, ast.Name):
        if isinstance(key, ast.Call) and isinstance(key.func, ast.Attribute) and key.func.attr in SPELLS:
            if key.args or key.keywords:
                return False
            key = key.func.value
        elif (isinstance(key, ast.Subscript) and isinstance(key.slice, ast.Constant)) or isinstance(key, ast.Attribute):
            key = key.value
        else:
            return False
    return True
