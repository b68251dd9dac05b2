"""What is awaited one after the other is asked for together: in a loop a few at a time, with a semaphore.

Of a loop, what comes before the last `await` of a pass is asked for together; the rest of each pass goes on as before,
in the order of the items, with the answers. Nothing that is asked may depend on another pass or on what the passes
change; no pass may be skipped or left before it has asked. Sessions and connections of databases, transactions and
locks are left alone: others must not use them meanwhile. Where one fails, the others are asked all the same, and the
failure that comes first is raised.
"""

import ast
from collections.abc import Iterator, Sequence

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes import _together
from perfwright.fix.recipes._imports import module
from perfwright.fix.source import FUNCTIONS, Edit, Source, bound, changed, names

LEAVES = (ast.Break, ast.Continue, ast.Return, ast.Yield, ast.YieldFrom, ast.Global, ast.Nonlocal)
SIMPLE = (ast.Assign, ast.AnnAssign, ast.Expr)


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    lines = {finding.place.line, *[step.line for step in finding.chain if step.path == finding.place.path]}
    awaits = [each for each in ast.walk(source.tree) if isinstance(each, ast.Await) and each.lineno in lines]
    found = next((each for each in awaits if each.lineno == finding.place.line), awaits[0] if awaits else None)
    if found is None or source.function(found) is None or _together.held(source, found):
        return
    loops = source.loops(found)
    inner = loops[0] if loops else None
    if isinstance(inner, ast.For):
        yield from loop(source, inner)
    elif isinstance(inner, ast.ListComp | ast.DictComp):
        yield from comprehension(source, inner)
    elif inner is None:
        yield from row(source, found, {each.lineno for each in awaits})


# ------------------------------------------------------------------------------ loops
def loop(source: Source, each: ast.For) -> Iterator[Proposal]:
    """Give the proposal that asks for what a loop awaits before it goes through the answers."""
    asking = [place for place, statement in enumerate(each.body) if waits(statement)]
    if each.orelse or not asking or not source.is_alone(each.body[0]) or not _together.whole_lines(source, each):
        return
    first, rest = each.body[: asking[-1] + 1], each.body[asking[-1] + 1 :]
    if not all(isinstance(one, SIMPLE) for one in first) or any(holds(one, LEAVES) for one in first):
        return
    if any(holds(one, (ast.Yield, ast.YieldFrom, ast.Break, ast.Return)) for one in rest):
        return  # what follows the end would have been asked for
    if not is_independent(source, each, first, rest):
        return
    last = first[-1]
    variables = sorted_by_place(each.target)
    answers = [name for name in bound_here(first) if any(name in names(one) for one in rest)]
    if used_after(source, each, bound_here(first) - set(answers)):
        return
    name = source.fresh("answer_of", "asked_for")
    body = [source.text_of(one) for one in first]
    given: list[str] = []
    if rest:
        kept = [variable for variable in variables if variable in {n for one in rest for n in names(one)}]
        if not kept and isinstance(last, ast.Assign) and [source.text_of(last.targets[0])] == answers:
            body[-1] = f"return {source.text_of(last.value)}"
            given = answers
        else:
            given = [*kept, *answers]
            body.append(f"return {', '.join(given)}")
    elif used_after(source, each, set(variables)):
        return
    parameters = source.text_of(each.target)
    helper = _together.limited(source, name, "item" if not plain(each.target) else parameters, body)
    if not plain(each.target):
        spread = helper.index(next(line for line in helper if line.startswith("    async with")))
        helper.insert(spread, f"    {parameters} = item")
    asyncio, imports = module(source, "asyncio")
    item = "item" if not plain(each.target) else parameters
    gathered = f"await {asyncio}.gather(*({name}({item}) for {item} in {source.text_of(each.iter)}))"
    edits = [_together.before(source, each, helper), *imports]
    if rest:
        head = Edit(source.span(each)[0], source.span(rest[0])[0], f"for {', '.join(given)} in {gathered}:\n")
        start = source.starts[rest[0].lineno - 1]
        edits.append(Edit(head.start, start, head.text))
    else:
        edits.append(source.replace(each, gathered))
    yield Proposal(tuple(edits), f"what each pass awaits is asked for together, {_together.AT_ONCE} at a time")


def is_independent(source: Source, each: ast.For, first: Sequence[ast.stmt], rest: Sequence[ast.stmt]) -> bool:
    """Tell whether what a pass asks depends on that pass alone, and on nothing that other passes change."""
    own = bound(each.target)
    made = bound_here(first)
    before: set[str] = set()
    for statement in first:
        value = getattr(statement, "value", None)
        if value is None or any((names(value) & made) - before - own):
            return False  # it reads what an earlier pass has left
        if any(not isinstance(target, ast.Name | ast.Tuple) for target in targets(statement)):
            return False
        if _together.shared(source, statement) or changed(statement):
            return False
        before |= bound(statement)
    touched = {name for one in rest for name in (bound(one) | changed(one))}
    read = {ast.unparse(one) for statement in first for one in ast.walk(statement) if isinstance(one, NAMED)}
    iterated = {ast.unparse(one) for one in ast.walk(each.iter) if isinstance(one, NAMED)}
    if (read - made - own) & touched or iterated & touched:
        return False
    function = source.function(each)
    local = bound(function) if function is not None else set()
    # Whatever else the rest changes could be what a question is answered from.
    return all(is_local(one, local) for statement in rest for one in ast.walk(statement))


NAMED = (ast.Name, ast.Attribute)


def is_local(node: ast.AST, local: set[str]) -> bool:
    """Tell whether a node changes, at most, what the function has made: no call of a method of something else."""
    if isinstance(node, ast.Await | ast.Global | ast.Nonlocal | ast.AsyncWith | ast.AsyncFor):
        return False
    stored = isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load)
    if stored:
        return root(node) in local - {"self", "cls"}
    return True


def root(node: ast.AST) -> str:
    """Return the name that attributes and items are taken of; nothing where it is none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


# ------------------------------------------------------------------------------ comprehensions
def comprehension(source: Source, each: ast.ListComp | ast.DictComp) -> Iterator[Proposal]:
    """Give the proposal that asks for what a comprehension awaits together."""
    statement = source.statement(each)
    if len(each.generators) != 1 or not source.is_alone(statement) or source.loops(each):
        return
    generator = each.generators[0]
    parts = [each.elt] if isinstance(each, ast.ListComp) else [each.key, each.value]
    if generator.is_async or any(waits(one) for one in (generator.iter, *generator.ifs)):
        return
    if not plain(generator.target) or any(_together.shared(source, one) for one in parts):
        return
    if any(isinstance(one, ast.Lambda | ast.NamedExpr) for part in parts for one in ast.walk(part)):
        return
    name, target = source.fresh("answer_of", "asked_for"), source.text_of(generator.target)
    asyncio, imports = module(source, "asyncio")
    helper = _together.limited(source, name, target, [f"return {', '.join(map(source.text_of, parts))}"])
    conditions = "".join(f" if {source.text_of(one)}" for one in generator.ifs)
    gathered = (
        f"await {asyncio}.gather(*({name}({target}) for {target} in {source.text_of(generator.iter)}{conditions}))"
    )
    made = gathered if isinstance(each, ast.ListComp) else f"dict({gathered})"
    if isinstance(source.parents.get(each), ast.Attribute | ast.Subscript) and made is gathered:
        made = f"({made})"
    edits = (_together.before(source, statement, helper), source.replace(each, made), *imports)
    yield Proposal(edits, f"what each item awaits is asked for together, {_together.AT_ONCE} at a time")


# ------------------------------------------------------------------------------ in a row
def row(source: Source, last: ast.Await, lines: set[int]) -> Iterator[Proposal]:
    """Give the proposal that asks together for what statements one after the other await, to the one that is named."""
    statement = source.statement(last)
    block = next(
        (found for name in ("body", "orelse", "finalbody")
         if isinstance(found := getattr(source.parents[statement], name, None), list) and statement in found),
        None,
    )  # fmt: skip
    if block is None:
        return
    end = block.index(statement)
    start = end
    while start and block[start - 1].lineno >= min(lines) and is_question(block[start - 1]):
        start -= 1
    run = block[start : end + 1]
    if len(run) < 2 or not is_question(statement) or not all(map(source.is_alone, run)):
        return
    made: set[str] = set()
    for each in run:
        assert isinstance(each, ast.Assign)
        if names(each.value) & made or _together.shared(source, each.value) or changed(each.value):
            return
        made |= bound(each)
    gaps = source.text[source.span(run[0])[0] : source.span(run[-1])[1]].split("\n")
    if any(line.lstrip().startswith("#") for line in gaps):
        return  # what is said of one would be lost
    asyncio, imports = module(source, "asyncio")
    asked = []
    given = []
    for each in run:
        assert isinstance(each, ast.Assign)
        assert isinstance(each.value, ast.Await)
        target = source.text_of(each.targets[0])
        given.append(f"({target})" if isinstance(each.targets[0], ast.Tuple) and not target.startswith("(") else target)
        asked.append(source.text_of(each.value.value))
    indent = source.indent(run[0])
    text = f"{', '.join(given)} = await {asyncio}.gather({', '.join(asked)})"
    if len(indent) + len(text) > 110 or "\n" in text:
        inner = "".join(f"{indent}    {one},\n" for one in asked)
        text = f"{', '.join(given)} = await {asyncio}.gather(\n{inner}{indent})"
    edit = Edit(source.span(run[0])[0], source.span(run[-1])[1], text)
    yield Proposal((edit, *imports), f"{len(run)} questions that do not need each other's answers are asked together")


def is_question(statement: ast.stmt) -> bool:
    """Tell whether a statement is `name = await call(...)`."""
    return (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name | ast.Tuple)
        and isinstance(statement.value, ast.Await)
        and isinstance(statement.value.value, ast.Call)
        and not any(isinstance(each, ast.Await) for each in ast.walk(statement.value.value))
    )


# ------------------------------------------------------------------------------ parts
def waits(node: ast.AST) -> bool:
    """Tell whether a node awaits something, in functions of its own apart."""
    return holds(node, (ast.Await, ast.AsyncWith, ast.AsyncFor))


def holds(node: ast.AST, kinds: tuple[type[ast.AST], ...]) -> bool:
    """Tell whether a node is or has a part of some kinds, in functions of its own apart."""
    if isinstance(node, kinds):
        return True
    return any(
        holds(each, kinds) for each in ast.iter_child_nodes(node) if not isinstance(each, (*FUNCTIONS, ast.Lambda))
    )


def targets(statement: ast.stmt) -> list[ast.expr]:
    """Return what an assignment gives values to."""
    if isinstance(statement, ast.Assign):
        return statement.targets
    return [statement.target] if isinstance(statement, ast.AnnAssign) else []


def bound_here(statements: Sequence[ast.stmt]) -> set[str]:
    """Return the names that statements give a value."""
    return {name for each in statements for target in targets(each) for name in names(target)}


def sorted_by_place(target: ast.expr) -> list[str]:
    """Return the names of a target in the order in which they stand there."""
    return [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]


def plain(target: ast.expr) -> bool:
    """Tell whether a target is a name."""
    return isinstance(target, ast.Name)


def used_after(source: Source, each: ast.For, some: set[str]) -> bool:
    """Tell whether a name is read outside of a loop that gives it a value."""
    inside = {id(one) for one in ast.walk(each)}
    function = source.function(each)
    return function is not None and any(
        isinstance(one, ast.Name) and one.id in some and id(one) not in inside and isinstance(one.ctx, ast.Load)
        for one in ast.walk(function)
    )


RECIPE = Recipe(rule="sequential-awaits", improves=("elapsed",), propose=propose, allows=("await-order",))
