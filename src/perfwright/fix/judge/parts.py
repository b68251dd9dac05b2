"""The statements that were changed, timed alone: evidence where they are a small part of a long call.

They are taken with all that uses, later, what they give a name to: so work that is only put off is timed, too.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from perfwright.fix.judge import pace
from perfwright.fix.judge.pace import Speed
from perfwright.fix.judge.sides import Sides
from perfwright.fix.judge.trees import Tree

LEAST = 0.01  # of a call: less is not worth a change
BLOCKS = ("body", "orelse", "finalbody")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Part:
    """Statements of one block of a function, from a line and column on."""

    function: str
    line: int
    column: int
    count: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Statements of a block, from one place up to another."""

    block: Sequence[ast.stmt]
    first: int
    end: int

    @property
    def some(self) -> Sequence[ast.stmt]:
        return self.block[self.first : self.end]

    @property
    def rest(self) -> Sequence[ast.stmt]:
        return self.block[self.end :]


def compare(sides: Sides, n: int, args: Tree, whole: Speed, *, seconds: float) -> Speed | None:
    """Return which version is faster in what was changed, for arguments of a size; None where that is no part of its
    own, or hardly any of the time of the `whole`."""
    found = changed(*(sides.side(name).source for name in ("before", "after")))
    if found is None:
        return None
    parts = {"before": found[0], "after": found[1], "control": found[0]}
    known = {name: sides.side(name).pace(args, seconds) for name in pace.NAMES}
    if any("cpu" not in each for each in known.values()):
        return None
    fresh = any(each["fresh"] for each in known.values())
    calls = 1 if fresh else min(each["calls"] for each in known.values())

    def sample(name: str) -> tuple[float, float] | None:
        return sides.side(name).part(args, seconds, asdict(parts[name]), calls=calls, fresh=fresh)

    rounds = pace.rounds(pace.by_one_clock(sample))
    if rounds is None or rounds.before < LEAST * whole.before:
        return None
    return pace.told([(n, rounds)])


def changed(before: str, after: str) -> tuple[Part, Part] | None:
    """Return what differs of the one function that differs between two sources; None where there is no such part."""
    try:
        old, new = (dict(_functions(ast.parse(text))) for text in (before, after))
    except (SyntaxError, ValueError):
        return None
    names = [name for name, node in old.items() if name in new and ast.dump(node) != ast.dump(new[name])]
    if len(names) != 1 or old.keys() - new.keys():
        return None
    name = names[0]
    spans = _spans(old[name].body, new[name].body)
    if spans is None or spans[1].some == new[name].body:
        return None
    if any(isinstance(each, (ast.Yield, ast.YieldFrom)) for span in spans for each in _nodes(span.some)):
        return None  # what its caller does in between would count
    one, other = (Part(name, span.some[0].lineno, span.some[0].col_offset, len(span.some)) for span in spans)
    return one, other


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Give the functions of a module and of its classes, by their names; not those within functions."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield f"{prefix}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def _spans(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> tuple[_Span, _Span] | None:
    """Return the statements that differ between two blocks, with all that uses what they name; None where there is a
    use out of reach."""
    left, right = ([ast.dump(each) for each in block] for block in (old, new))
    most = min(len(left), len(right))
    first = next((at for at in range(most) if left[at] != right[at]), most)
    last = next((at for at in range(most - first) if left[-1 - at] != right[-1 - at]), most - first)
    spans = _Span(old, first, len(old) - last), _Span(new, first, len(new) - last)
    inner = _inner(*(span.some for span in spans))
    if inner is not None and (found := _spans(*inner)) is not None and _is_whole(found, spans):
        return found
    return _widened(*spans)


def _inner(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> tuple[list[ast.stmt], list[ast.stmt]] | None:
    """Return the blocks that differ within two statements that are alike but for them."""
    if len(old) != 1 or len(new) != 1 or type(old[0]) is not type(new[0]):
        return None
    blocks: list[tuple[list[ast.stmt], list[ast.stmt]]] = []
    for (name, one), (_, other) in zip(ast.iter_fields(old[0]), ast.iter_fields(new[0]), strict=True):
        if _told(one) != _told(other):
            if name not in BLOCKS:
                return None
            blocks.append((one, other))
    return blocks[0] if len(blocks) == 1 and all(blocks[0]) else None


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [_told(each) for each in value]
    return ast.dump(value) if isinstance(value, ast.AST) else value


def _widened(old: _Span, new: _Span) -> tuple[_Span, _Span] | None:
    """Return two spans with the statements behind them that use what they name; they end alike."""
    names = _stored(old.some) | _stored(new.some)
    more = 0
    for at, each in enumerate(new.rest, 1):
        if names & _loaded([each]):
            names |= _stored(new.rest[:at])
            more = at
    if not (old.some and new.some) and not more:  # a statement is gone, or new: it is timed with the one behind it
        more = 1
    if more > len(new.rest):
        return None
    return _Span(old.block, old.first, old.end + more), _Span(new.block, new.first, new.end + more)


def _is_whole(inner: tuple[_Span, _Span], outer: tuple[_Span, _Span]) -> bool:
    """Tell whether what is named within inner spans is used there only."""
    names = {name for span in inner for name in _stored(span.some)}
    for span, around in zip(inner, outer, strict=True):
        own = {id(node) for node in _nodes(span.some)}
        used = {node.id for node in _nodes(around.block) if isinstance(node, ast.Name) and id(node) not in own}
        if names & used:
            return False
    return True


def _nodes(some: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    for each in some:
        yield from ast.walk(each)


def _stored(some: Sequence[ast.stmt]) -> set[str]:
    found = {node.id for node in _nodes(some) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return found | {node.name for node in some if isinstance(node, (Function, ast.ClassDef))}


def _loaded(some: Sequence[ast.stmt]) -> set[str]:
    return {node.id for node in _nodes(some) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
