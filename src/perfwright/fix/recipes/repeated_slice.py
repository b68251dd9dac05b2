"""A sum, a maximum or a minimum of all items so far is carried on from item to item; what is the same on each pass is
worked out once before the loop.

The items so far are `items[:i]` or `items[: i + 1]`, where the loop counts through all of them and leaves them as they
are.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._hoisting import hoisted, shortened
from perfwright.fix.recipes._stays import stays
from perfwright.fix.source import COMPREHENSIONS, Source, bound

RUNNING = {"sum": ("initial=0", "sums"), "max": ("max", "highest"), "min": ("min", "lowest")}


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    part, call = source.at(finding.place, ast.Subscript), source.at(finding.place, ast.Call)
    if part is not None and isinstance(part.slice, ast.Slice):
        around = source.parents.get(part)
        if isinstance(around, ast.Call) and [part] == around.args and not around.keywords:
            yield from carried(source, around, part)
            yield from hoisted(source, around, "known", "kept", works=True)
        yield from hoisted(source, part, "part", "some")
    elif call is not None and isinstance(call.func, ast.Name) and call.func.id in RUNNING and len(call.args) == 1:
        yield from hoisted(source, call, *RUNNING[call.func.id][1:], "known", works=True)


def carried(source: Source, call: ast.Call, part: ast.Subscript) -> Iterator[Proposal]:
    """Give the proposal that makes all sums, or maxima, of the first items in one pass."""
    name = ast.unparse(call.func)
    if name not in RUNNING or not isinstance(part.slice, ast.Slice) or part.slice.step is not None:
        return
    if part.slice.lower is not None and ast.unparse(part.slice.lower) != "0":
        return
    counted = part.slice.upper
    added = 0
    if isinstance(counted, ast.BinOp) and isinstance(counted.op, ast.Add) and ast.unparse(counted.right) == "1":
        counted, added = counted.left, 1
    loops = source.loops(call)
    if not isinstance(counted, ast.Name) or not loops:
        return
    first = first_of(loops[0], counted.id, source.text_of(part.value))
    if first is None or first + added > 1 or (name != "sum" and first + added != 1):
        return
    outer = [
        each for each in loops if stays(source, part.value, each) and (each is loops[0] or is_bound_once(counted, each))
    ]
    if not outer or not source.begins(source.statement(outer[-1])):
        return
    kind, wanted = RUNNING[name]
    function, imports = source.imported("itertools", "accumulate")
    running = source.fresh(wanted, f"running_{wanted}")
    items = source.expression(part.value)
    made = source.before(source.statement(outer[-1]), f"{running} = list({function}({items}, {kind}))")
    upto = f"{counted.id} + 1" if added else counted.id
    at = upto if name == "sum" else f"{counted.id} - 1" if first else counted.id
    read = source.replace(call, f"{running}[{at}]")
    yield Proposal((made, read, *imports), f"`{shortened(source.text_of(call))}` is carried on from item to item")


def is_bound_once(name: ast.Name, loop: ast.AST) -> bool:
    return (
        sum(
            each.id == name.id and not isinstance(each.ctx, ast.Load)
            for each in ast.walk(loop)
            if isinstance(each, ast.Name)
        )
        == 1
    )


def first_of(loop: ast.AST, name: str, items: str) -> int | None:
    """Return the number from which a loop counts through all of some items; None where it does something else."""
    generator = loop.generators[0] if isinstance(loop, COMPREHENSIONS) and len(loop.generators) == 1 else loop
    if not isinstance(generator, ast.For | ast.comprehension) or not isinstance(generator.iter, ast.Call):
        return None
    if isinstance(loop, ast.For) and name in bound(ast.Module(loop.body, [])):
        return None
    called, given = ast.unparse(generator.iter.func), [ast.unparse(each) for each in generator.iter.args]
    given += [ast.unparse(each.value) for each in generator.iter.keywords if each.arg == "start"]
    target = generator.target
    if called == "range" and ast.unparse(target) == name:
        known = {f"len({items})": 0, f"0, len({items})": 0, f"1, len({items}) + 1": 1, f"1, len({items})": 0}
        return known.get(", ".join(given))
    if called == "enumerate" and isinstance(target, ast.Tuple) and ast.unparse(target.elts[0]) == name:
        return {f"{items}": 0, f"{items}, 0": 0, f"{items}, 1": 1}.get(", ".join(given))
    return None


RECIPE = Recipe(rule="repeated-slice", improves=("time",), propose=propose, allows=("float-order",))
