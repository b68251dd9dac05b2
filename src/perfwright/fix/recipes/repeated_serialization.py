"""What was turned into text to be read again is asked for as it is; the same text is written once.

A model of pydantic gives plain values itself (`model_dump(mode="json")`). Text that is written twice in one block gets
a name, where what it is made of is not changed, nor handed to somebody else, in between.
"""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.source import Edit, Source, bound, changed, names

WRITES = ("dumps", "model_dump_json")  # what they give is text: nobody can change it for the other


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    if call is None:
        return
    yield from plain(source, call)
    yield from once(source, call)


def plain(source: Source, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal for `json.loads(model.model_dump_json())`."""
    written = call.args[0] if len(call.args) == 1 and not call.keywords else None
    if not isinstance(call.func, ast.Attribute) or call.func.attr != "loads" or not isinstance(written, ast.Call):
        return
    if not isinstance(written.func, ast.Attribute) or written.func.attr != "model_dump_json" or written.args:
        return
    if any(each.arg in ("indent", "ensure_ascii", None) for each in written.keywords):
        return
    options = "".join(f", {source.text_of(each)}" for each in written.keywords)
    model = source.text_of(written.func.value)
    yield Proposal(
        (source.replace(call, f'{model}.model_dump(mode="json"{options})'),), f"`{model}` gives plain values itself"
    )


def once(source: Source, call: ast.Call) -> Iterator[Proposal]:
    """Give the proposal for text that was written before in the same block, or around it."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in WRITES:
        return
    function, written = source.function(call), source.text_of(call)
    if function is None:
        return
    before = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Call) and each.lineno < call.lineno and source.text_of(each) == written
    ]
    if not before:
        return
    first = min(before, key=source.span)
    statement, above = source.statement(first), source.parents[source.statement(first)]
    block = next((held for held in blocks(above) if statement in held), [])
    inside = next((each for each in block if any(inner is call for inner in ast.walk(each))), None)
    if inside is None or inside is statement or not source.is_alone(statement):
        return
    between = block[block.index(statement) : block.index(inside) + 1]
    if any(names(call) & (bound(each) | touched(each)) or changes(each, call) for each in between):
        return
    name, edits = source.fresh("text", "written"), list[Edit]()
    if isinstance(statement, ast.Assign) and statement.value is first:
        target = statement.targets[0]
        if len(statement.targets) != 1 or not isinstance(target, ast.Name) or is_bound_again(function, target):
            return
        name = target.id
    else:
        edits += [source.before(statement, f"{name} = {written}"), source.replace(first, name)]
    yield Proposal((*edits, source.replace(call, name)), f"`{written}` is written once")


def is_bound_again(function: ast.AST, name: ast.Name) -> bool:
    """Tell whether a name gets another value in a function."""
    stores = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == name.id]
    return sum(not isinstance(each.ctx, ast.Load) for each in stores) != 1


def blocks(node: ast.AST) -> list[list[ast.stmt]]:
    """Return the blocks of statements of a node."""
    return [held for name in ("body", "orelse", "finalbody") if isinstance(held := getattr(node, name, None), list)]


def touched(node: ast.AST) -> set[str]:
    """Return the names whose objects a node changes."""
    return {each.partition(".")[0].partition("[")[0] for each in changed(node)}


def changes(node: ast.AST, call: ast.Call) -> bool:
    """Tell whether what a text is made of may be another after a node: it is passed to somebody, it is asked to do
    something, or others run meanwhile."""
    held = names(call) - (names(call.func) if call.args else set())
    own = {id(inner) for each in ast.walk(node) if is_same(each, call) for inner in ast.walk(each)}
    for each in ast.walk(node):
        if isinstance(each, ast.Await | ast.Yield | ast.YieldFrom | ast.AsyncFor | ast.AsyncWith):
            return True
        if isinstance(each, ast.Call) and id(each) not in own:
            given = [each.func, *each.args, *[key.value for key in each.keywords]]
            if any(
                isinstance(n, ast.Name) and n.id in held and id(n) not in own for one in given for n in ast.walk(one)
            ):
                return True
    return False


def is_same(node: ast.AST, call: ast.Call) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node) == ast.unparse(call)


RECIPE = Recipe(rule="repeated-serialization", improves=("time",), propose=propose, allows=("was-error",))
