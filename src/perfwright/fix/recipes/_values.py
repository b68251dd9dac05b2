"""Several values that a function makes of the same rows: in comprehensions, and in loops that add up."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._conditions import Part, parts
from perfwright.fix.recipes._row_uses import Reduction, looped, reduction, used
from perfwright.fix.source import Source

KINDS = ("count", "sum", "exists", "min", "max")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Value:
    """What is asked of rows, of which each is a `row` there; `name` is what a loop adds it to.

    `wanted` are the conditions on the rows with the name that they have where these are said; `of` is what the rows are
    called.
    """

    asked: Reduction
    row: str
    wanted: tuple[tuple[str, Part], ...] = ()
    name: str = ""
    of: str = ""


@dataclass(slots=True)
class Values:
    """All values that are made of rows, and the statements that are needed no more once the database gives these."""

    source: Source
    function: Function
    found: list[Value] = field(default_factory=list)
    gone: list[ast.stmt] = field(default_factory=list)

    def named(self, name: str, wanted: tuple[tuple[str, Part], ...] = ()) -> bool:
        """Find what is made of the rows that a name stands for; tell whether that is all that is done with them."""
        every = [each for each in ast.walk(self.function) if isinstance(each, ast.Name) and each.id == name]
        values = assigned(self.function, name)
        if len([each for each in every if not isinstance(each.ctx, ast.Load)]) != 1 or len(values or ()) != 1:
            return False
        return self.read([each for each in every if isinstance(each.ctx, ast.Load)], wanted)

    def read(self, reads: Sequence[ast.expr], wanted: tuple[tuple[str, Part], ...] = ()) -> bool:
        """Find what is made of rows where they are read; tell whether that is all that is done with them."""
        return bool(reads) and all(self._read(each, wanted) for each in reads)

    def _read(self, node: ast.expr, wanted: tuple[tuple[str, Part], ...]) -> bool:
        if self.source.function(node) is not self.function or any(
            isinstance(each, ast.Lambda) for each in self.source.above(node)
        ):
            return False
        of = name_of(node)
        if is_truth(self.source, node):
            self.found.append(Value(Reduction("count", node), "", wanted, of=of))
            return True
        use = used(self.source, node)
        if use is None or use.held is not None or use.over is not node:
            return False
        if isinstance(use.node, ast.For):
            return self.added(use.node, node, wanted)
        more = (*wanted, *[(use.row, part) for part in use.wanted])
        above = self.source.parents[use.node]
        if isinstance(use.node, ast.ListComp) and isinstance(above, ast.Assign) and is_filtered(use.node):
            target = above.targets[0] if len(above.targets) == 1 else None
            self.gone.append(above)
            return isinstance(target, ast.Name) and self.named(target.id, more)
        made = reduction(self.source, use)
        if made is None or made.kind not in KINDS:
            return False
        own = tuple((use.row, part) for part in made.wanted)
        self.found.append(Value(made, use.row, (*wanted, *own), of=of))
        return True

    # ------------------------------------------------------------------------------ loops that add up
    def added(self, loop: ast.For, over: ast.expr, wanted: tuple[tuple[str, Part], ...] = ()) -> bool:
        """Find what a loop adds up; tell whether it does no more."""
        use = looped(self.source, loop, over, None)
        if not isinstance(loop.target, ast.Name) or not use.row:
            return False
        before = len(self.found)
        if not self._body(loop, loop.target.id, loop.body, wanted):
            return False
        names = [each.name for each in self.found[before:]]
        self.gone.append(loop)
        return bool(names) and len({*names}) == len(names) and all(self._begins(each, loop, names) for each in names)

    def _body(self, loop: ast.For, row: str, body: Sequence[ast.stmt], wanted: tuple[tuple[str, Part], ...]) -> bool:
        for each in body:
            if isinstance(each, ast.If):
                own = list(each.body)
                skips = isinstance(own[-1], ast.Continue)
                if skips and each.orelse:
                    return False
                holds, fails = (
                    (*wanted, *[(row, part) for part in parts(each.test, holds=holds)]) for holds in (True, False)
                )
                if not self._body(loop, row, own[:-1] if skips else own, holds):
                    return False
                if not self._body(loop, row, each.orelse, fails):
                    return False
                wanted = fails if skips else wanted
            elif isinstance(each, ast.AugAssign) and isinstance(each.op, ast.Add) and isinstance(each.target, ast.Name):
                is_one = isinstance(each.value, ast.Constant) and each.value.value == 1
                own_column = each.value if isinstance(each.value, ast.Attribute) else None
                is_read = own_column is not None and ast.unparse(own_column.value) == row
                made = Reduction("count", each.target)
                if not is_one:
                    column = own_column if is_read else None
                    made = Reduction("sum", each.target, (), column, "0", value=None if column else each.value)
                self.found.append(Value(made, row, wanted, each.target.id))
            else:
                return False
        return True

    def _begins(self, name: str, loop: ast.For, names: list[str]) -> bool:
        """Tell whether what a loop adds up is 0 before, and is read only after it."""
        end = loop.end_lineno or loop.lineno
        inside = {*ast.walk(loop)}
        others = [
            each
            for each in ast.walk(self.function)
            if isinstance(each, ast.Name) and each.id == name and each not in inside
        ]
        made = [each for each in others if not isinstance(each.ctx, ast.Load)]
        shared = [each for each in ast.walk(self.function) if isinstance(each, ast.Global | ast.Nonlocal)]
        if any(name in each.names for each in shared):
            return False
        first = self.source.parents[made[0]] if len(made) == 1 else None
        if not isinstance(first, ast.Assign) or any(each.lineno <= end for each in others if each not in made):
            return False
        value, targets = first.value, first.targets
        is_zero = isinstance(value, ast.Constant) and type(value.value) is int and value.value == 0
        all_added = all(isinstance(each, ast.Name) and each.id in names for each in targets)
        if first.lineno > loop.lineno or not is_zero or not all_added:
            return False
        if first not in self.gone:
            self.gone.append(first)
        return True


def is_filtered(node: ast.ListComp) -> bool:
    """Tell whether a comprehension is a list of some of the rows that it goes through."""
    first = node.generators[0].target if len(node.generators) == 1 else None
    return isinstance(first, ast.Name) and isinstance(node.elt, ast.Name) and node.elt.id == first.id


def is_truth(source: Source, node: ast.expr) -> bool:
    """Tell whether an expression is asked only for whether it counts as true."""
    above = source.parents[node]
    if isinstance(above, ast.If | ast.IfExp):
        return above.test is node
    if isinstance(above, ast.UnaryOp):
        return isinstance(above.op, ast.Not)
    return isinstance(above, ast.BoolOp) and is_truth(source, above)
