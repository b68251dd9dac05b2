"""Values that a loop makes of what a relation of each of its rows leads to: asked for in groups, before the loop."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._bindings import SAME, walked
from perfwright.fix.recipes._calls import method_of, placed
from perfwright.fix.recipes._chains import Chain, Chains
from perfwright.fix.recipes._children import LISTS, is_kept
from perfwright.fix.recipes._columns import beside
from perfwright.fix.recipes._conditions import Conditions
from perfwright.fix.recipes._inlined import inlined
from perfwright.fix.recipes._joined import is_free
from perfwright.fix.recipes._keys import parts
from perfwright.fix.recipes._quiet import is_quiet
from perfwright.fix.recipes._related import fetched_along, flushes, is_untouched, ordered
from perfwright.fix.recipes._rows import key
from perfwright.fix.recipes._sessions import session
from perfwright.fix.recipes._uses import used
from perfwright.fix.source import COMPREHENSIONS, FUNCTIONS, Edit, Source, bound, names
from perfwright.fix.surroundings import Surroundings, also_from

MOST = 20  # places that a property is read at
MADE = {"count": "counts", "exists": "counts", "sum": "totals"}


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop, or a comprehension, over rows of a model: each has the name `row`."""

    source: Source
    node: ast.AST
    function: ast.FunctionDef
    over: ast.expr
    row: str
    model: Model


@dataclass(frozen=True, slots=True)
class Read:
    """Where a value is made of what a relation of a row leads to: `whole` is what it is made by."""

    whole: ast.expr
    chain: Chain


def proposed(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposals that ask in groups for the values which are made of a relation's rows, for each of some."""
    around = surroundings.around(source.root) if source.root is not None else None
    own = around.source(source.path) if around is not None else None
    if around is None or own is None:
        return
    loops = [looped(around, *place) for place in read_at(around, own, finding)]
    for loop in {each.node: each for each in loops if each is not None}.values():
        made = grouped(around, loop, finding)
        if made is not None:
            yield made


def read_at(around: Surroundings, own: Source, finding: Finding) -> Iterator[tuple[Source, ast.Attribute]]:
    """Give where the relation of a finding is read of a row that has a name, also by a property."""
    for node in placed(own, finding.place):
        function = own.function(node)
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name) or function is None:
            continue
        if not isinstance(own.parents[function], ast.ClassDef):
            yield own, node
            continue
        for other, read in used(around, own, function)[:MOST]:
            if isinstance(read, ast.Attribute) and isinstance(read.value, ast.Name):
                yield other, read


def looped(around: Surroundings, source: Source, read: ast.Attribute) -> Loop | None:
    """Return the loop whose rows something is read of: it is the outermost, and nothing is awaited."""
    over = walked(source, read.value) if isinstance(read.value, ast.Name) else None
    function, row = source.function(read), ast.unparse(read.value)
    if over is None or not isinstance(function, ast.FunctionDef):
        return None
    node: ast.AST = source.parents[over]
    node = source.parents[node] if isinstance(node, ast.comprehension) else node
    if not isinstance(node, (ast.For, *COMPREHENSIONS)) or not source.begins(source.statement(node)):
        return None
    if not isinstance(node, ast.For) and node.generators[0].iter is not over:
        return None
    target = node.target if isinstance(node, ast.For) else node.generators[0].target
    model = Chains(around, source).model(over)
    if not isinstance(target, ast.Name) or source.loops(node) or source.loops(source.statement(node)):
        return None
    return Loop(source, node, function, over, row, model) if model is not None and model.framework != DJANGO else None


def grouped(around: Surroundings, loop: Loop, finding: Finding) -> Proposal | None:
    """Return the proposal that asks in groups for all that a loop makes of a relation's rows; None where it does more
    with them, or where rows may change meanwhile."""
    source, model = loop.source, loop.model
    owner, _, name = finding.symbol.partition("~")[0].partition(".")
    relation = model.relations.get(name) if owner == model.name else None
    reads = made_of(around, loop, name)
    written, asks, place = (
        around.written(source, model),
        session(around, source, loop.over),
        source.statement(loop.node),
    )
    if relation is None or not reads or written is None or asks is None or not key(model):
        return None
    last = source.span(place)[1]
    before = [
        each
        for statement in loop.function.body
        for each in ast.walk(statement)
        if hasattr(each, "lineno") and source.span(source.in_text(each) or each)[0] < last
    ]
    if not is_quiet(around, source, before) or row_is_bound(loop):
        return None
    if not flushes(beside(around, source, model)) and not is_untouched(around, loop.function):
        return None
    if name in fetched_along(around) or relation.eager:
        return None
    items, edits, lines = listed(loop)
    if not items:
        return None
    texts: dict[str, str] = {}
    imports: dict[tuple[str, str], None] = {("sqlalchemy", "select"): None, ("sqlalchemy", "func"): None}
    for each in reads:
        asked = query(around, loop, each.chain, items, imports)
        if asked is None:
            return None
        text, more = asked
        edits += more
        if text not in texts:
            texts[text] = fresh(source, each, loop, [*texts.values()])
            lines += laid(source, texts[text], asks[0], text, items)
        edits.append(source.replace(each.whole, said(source, each, texts[text], f"{loop.row}.{key(model)}")))
    if not is_free(source, imports):
        return None
    for module in sorted({module for module, _ in imports}, reverse=True):
        edits += also_from(source, module, sorted(name for each, name in imports if each == module))
    says = f"what is made of the `{owner}.{name}` of each row is asked for in groups"
    return Proposal((source.before(place, *lines), *dict.fromkeys((*edits, *asks[1]))), says, source=source)


def row_is_bound(loop: Loop) -> bool:
    """Tell whether the body of a loop gives the name of its row another value, or one of a function within it."""
    body = [*loop.node.body, *loop.node.orelse] if isinstance(loop.node, ast.For) else []
    inner = [each for each in ast.walk(loop.node) if isinstance(each, (*FUNCTIONS, ast.Lambda))]
    return any(loop.row in bound(each) for each in body) or bool(inner)


# ---------------------------------------------------------------------------------- what is read
def made_of(around: Surroundings, loop: Loop, name: str) -> list[Read]:
    """Return all values that a loop makes of a relation of its row; nothing where it reads it otherwise."""
    chains = Chains(around, loop.source)
    found: dict[ast.expr, Read] = {}
    for node in ast.walk(loop.function):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name) or node.value.id != loop.row:
            continue
        if node.attr == name:
            chain = chains.around_node(node)
            if chain is None or chain.base is not node or chain.kind not in MADE or not is_in(loop, chain.whole):
                return []
            found[chain.whole] = Read(chain.whole, chain)
        elif node.attr not in loop.model.columns and node.attr not in loop.model.relations:
            value = inlined(around, loop.source, loop.model, node, loop.row)
            chain = chains.inlined(value, loop.model) if value is not node else None
            if chain is not None and chain.steps[0].name == name and chain.kind in MADE and is_in(loop, node):
                found[node] = Read(node, chain)
    return [*found.values()]


def is_in(loop: Loop, node: ast.AST) -> bool:
    return any(each is loop.node for each in loop.source.above(node))


# ---------------------------------------------------------------------------------- what is asked
def query(
    around: Surroundings, loop: Loop, chain: Chain, items: str, imports: dict[tuple[str, str], None]
) -> tuple[str, list[Edit]] | None:
    """Return the query that gives the value of a chain for each key of the rows, on lines; None where SQL would give
    another value, or what it is asked with is not known before the loop."""
    source, first = loop.source, chain.steps[0]
    column = loop.model.relations[first.name].column
    if column is None or column not in first.target.columns.values() or not is_key(loop.model, column.target):
        return None
    conditions: list[str] = []
    joins: list[str] = []
    edits: list[Edit] = []
    inner, value, owned = bound(loop.node), "", ""
    for each in chain.steps:
        model, owner = around.written(source, each.target), around.written(source, each.owner)
        if model is None or owner is None or ordered(around, each.owner, each.owner.relations[each.name], "") is None:
            return None
        edits += [*model[1], *owner[1]]
        owned = owned or model[0]
        joins += [f".join({owner[0]}.{each.name})"] if each is not first else []
        if any((names(part.test) - {each.row}) & inner for part in each.wanted):
            return None
        asked = Conditions(around, source, loop.over, each.target, model[0])
        some, whole = asked.said([*each.wanted], each.row)
        if not whole:
            return None
        conditions += some
        if each is chain.steps[-1] and chain.value is not None:
            value = asked.term(chain.value, each.row, set()) or ""
        imports.update(asked.imports)
    if chain.kind == "sum" and not value:
        return None
    by = f"{owned}.{column.name}"
    made = f"func.sum({value})" if chain.kind == "sum" else "func.count()"
    _, part = parts(source, items)
    keys = f".where({by}.in_([{loop.row}.{key(loop.model)} for {loop.row} in {part}]))"
    more = [f".where({', '.join(conditions)})"] if conditions else []
    steps = [f"select({by}, {made})", *joins, keys, *more, f".group_by({by})"]
    return "\n".join(steps), edits


def is_key(model: Model, target: str) -> bool:
    """Tell whether a foreign key points to the key of a model."""
    return not target or target.rpartition(".")[2] == key(model)


def listed(loop: Loop) -> tuple[str, list[Edit], list[str]]:
    """Return what the rows of a loop are called, as a list that can be gone through twice, with the edits and the lines
    that make it one; nothing where that is not known."""
    source, over = loop.source, loop.over
    if isinstance(over, ast.Name):
        return (over.id, [], []) if is_kept(source, over) else ("", [], [])
    text = source.expression(over)
    if method_of(over) not in LISTS and not (isinstance(over, ast.Call) and ast.unparse(over.func) in SAME[:3]):
        text = f"{text}.all()" if method_of(over) == "scalars" else f"list({text})"
    plural = f"{loop.model.name.lower()}s"
    name = source.fresh(plural, f"all_{plural}")
    return name, [source.replace(over, name)], [f"{name} = {text}"]


def fresh(source: Source, read: Read, loop: Loop, taken: list[str]) -> str:
    """Return a name for the values of all rows."""
    kind = MADE[read.chain.kind]
    wanted = [f"{read.chain.steps[-1].target.name.lower()}_{kind}"]
    if isinstance(read.whole, ast.Attribute):
        wanted.insert(0, f"{read.whole.attr}_by_{loop.row}")
    each = [*wanted, *[f"{wanted[0]}_{number}" for number in range(2, 9)]]
    return next(name for name in each if name not in taken and source.fresh(name) == name)


def laid(source: Source, name: str, asks: str, text: str, items: str) -> list[str]:
    """Return the lines that give a name to the values of all rows, by their keys."""
    by, value = source.fresh("key", "row_key"), source.fresh("value", "found")
    each_part, _ = parts(source, items)
    steps = [f"        {line}" for line in text.splitlines()]
    return [
        f"{name} = {{",
        f"    {by}: {value}",
        f"    {each_part}",
        f"    for {by}, {value} in {asks}.execute(",
        *steps,
        "    )",
        "}",
    ]


def said(source: Source, read: Read, name: str, key: str) -> str:
    """Return what stands in place of a value."""
    if read.chain.kind != "exists":
        return f"{name}.get({key}, 0)"
    text = f"{key} not in {name}" if read.chain.negated else f"{key} in {name}"
    plain = isinstance(source.parents[read.whole], ast.keyword | ast.Assign | ast.Return | ast.Dict | ast.List)
    return text if plain else f"({text})"
