"""Values that a loop makes of what a relation of each of its rows leads to: asked for in groups, before the loop."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from perfwright.effects.schema import Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._bindings import SAME
from perfwright.fix.recipes._calls import method_of, placed
from perfwright.fix.recipes._chains import Chain, Chains
from perfwright.fix.recipes._children import LISTS, is_kept
from perfwright.fix.recipes._conditions import Conditions
from perfwright.fix.recipes._gone_through import Loop, also_through, is_still, looped
from perfwright.fix.recipes._inlined import inlined
from perfwright.fix.recipes._joined import is_free
from perfwright.fix.recipes._keys import parts
from perfwright.fix.recipes._origins import Frame, Origins
from perfwright.fix.recipes._related import fetched_along, has_query, loads, ordered
from perfwright.fix.recipes._rows import key
from perfwright.fix.recipes._sessions import session
from perfwright.fix.recipes._uses import used
from perfwright.fix.source import Edit, Source, bound, names
from perfwright.fix.surroundings import Surroundings, also_from

MOST = 20  # places that a property is read at
MADE = {"count": "counts", "exists": "counts", "sum": "totals"}


@dataclass(frozen=True, slots=True)
class Read:
    """Where a value is made of what a relation of a row leads to: `whole` is what it is made by."""

    whole: ast.expr
    chain: Chain
    row: str


def proposed(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposals that ask in groups for the values which are made of a relation's rows, for each of some."""
    around = surroundings.around(source.root) if source.root is not None else None
    own = around.source(source.path) if around is not None else None
    if around is None or own is None:
        return
    found: dict[tuple[ast.AST, str], Loop] = {}
    for other, read in read_at(around, own, finding):
        loop = looped(around, other, read)
        name = begins_at(around, loop, read, finding) if loop is not None else ""
        if loop is not None and name:
            found.setdefault((loop.node, name), loop)
    for (_, name), loop in found.items():
        made = grouped(around, loop, name)
        if made is not None:
            yield made


def begins_at(around: Surroundings, loop: Loop, read: ast.Attribute, finding: Finding) -> str:
    """Return the relation of a row that what is read of it begins at; nothing where the finding is about another."""
    symbol = finding.symbol.partition("~")[0]
    if f"{loop.model.name}.{read.attr}" == symbol:
        return read.attr
    chain = chain_of(around, loop, read)
    told = chain is not None and any(f"{each.owner.name}.{each.name}" == symbol for each in chain.steps)
    return chain.steps[0].name if told and chain is not None else ""


def chain_of(around: Surroundings, loop: Loop, node: ast.Attribute) -> Chain | None:
    """Return the chain that a property of a row stands for."""
    if node.attr in loop.model.columns or node.attr in loop.model.relations:
        return None
    value = inlined(around, loop.source, loop.model, node, ast.unparse(node.value))
    return Chains(around, loop.source).inlined(value, loop.model) if value is not node else None


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


def grouped(around: Surroundings, loop: Loop, name: str) -> Proposal | None:
    """Return the proposal that asks in groups for all that is made of a relation of some rows; None where more is done
    with it, or where rows may change meanwhile."""
    source, model = loop.source, loop.model
    relation = model.relations.get(name)
    loops = also_through(loop)
    reads, asks = made_of(around, loops, name), asker(around, loop)
    place = source.statement(loop.over)
    if relation is None or not reads or around.written(source, model) is None or asks is None or not key(model):
        return None
    if relation.eager or is_along(around, loop, name) or not is_still(around, loops, place):
        return None
    items, edits, lines = listed(loop)
    if not items:
        return None
    texts: dict[str, str] = {}
    imports: dict[tuple[str, str], None] = {("sqlalchemy", "func"): None}
    for each in reads:
        asked = query(around, loops, each, items, imports, asks[0])
        if asked is None:
            return None
        text, more = asked
        edits += more
        if text not in texts:
            texts[text] = fresh(source, each, model, [*texts.values()])
            lines += laid(source, texts[text], text, items)
        edits.append(source.replace(each.whole, said(source, each, texts[text], f"{each.row}.{key(model)}")))
    if not is_free(source, imports):
        return None
    for module in sorted({module for module, _ in imports}, reverse=True):
        edits += also_from(source, module, sorted(name for each, name in imports if each == module))
    says = f"what is made of the `{model.name}.{name}` of each row is asked for in groups"
    return Proposal((source.before(place, *lines), *dict.fromkeys((*edits, *asks[1]))), says, source=source)


def is_along(around: Surroundings, loop: Loop, name: str) -> bool:
    """Tell whether rows may have a relation already: their query fetches it along, or one that is not known does."""
    found = Origins(around).of(Frame(loop.source), loop.over)
    own = bool(found) and all(each.source.function(each.query) is loop.function for each in found)
    return name in (loads(loop.function) if own else fetched_along(around))


def asker(around: Surroundings, loop: Loop) -> tuple[str, list[Edit]] | None:
    """Return how the session is written, with the edits that this takes; nothing where models are asked themselves."""
    found = session(around, loop.source, loop.over)
    return ("", []) if found is None and has_query(loop.source) else found


# ---------------------------------------------------------------------------------- what is read
def made_of(around: Surroundings, loops: Sequence[Loop], name: str) -> list[Read]:
    """Return all values that a function makes of a relation of some rows; nothing where it reads it otherwise."""
    source, model = loops[0].source, loops[0].model
    chains = Chains(around, source)
    found: dict[ast.expr, Read] = {}
    for node in ast.walk(loops[0].function):
        if not isinstance(node, ast.Attribute):
            continue
        inside = isinstance(node.value, ast.Name) and any(
            each.row == node.value.id and each.is_around(node) for each in loops
        )
        row = ast.unparse(node.value)
        if node.attr == name:
            above = [chains.inlined(each, model) for each in source.above(node) if isinstance(each, ast.Call)]
            chain = next((each for each in above if each is not None and each.base is node), None)
            if not inside or chain is None or chain.kind not in MADE:
                return []
            found[chain.whole] = Read(chain.whole, chain, row)
        elif inside:
            chain = chain_of(around, loops[0], node)
            if chain is not None and chain.steps[0].name == name and chain.kind in MADE:
                found[node] = Read(node, chain, row)
    return [*found.values()]


# ---------------------------------------------------------------------------------- what is asked
def query(
    around: Surroundings,
    loops: Sequence[Loop],
    read: Read,
    items: str,
    imports: dict[tuple[str, str], None],
    asks: str,
) -> tuple[str, list[Edit]] | None:
    """Return the query that gives a value for each key of some rows, on lines; None where SQL would give another value,
    or what it is asked with is not known before the loops."""
    loop, chain = loops[0], read.chain
    source, first = loop.source, chain.steps[0]
    column = loop.model.relations[first.name].column
    if column is None or column not in first.target.columns.values() or not is_key(loop.model, column.target):
        return None
    conditions: list[str] = []
    joins: list[str] = []
    edits: list[Edit] = []
    inner, value, owned = set[str]().union(*[bound(each.node) for each in loops]), "", ""
    for each in chain.steps:
        model, owner = around.written(source, each.target), around.written(source, each.owner)
        if model is None or owner is None or ordered(around, each.owner, each.owner.relations[each.name], "") is None:
            return None
        edits += [*model[1], *(owner[1] if each is not first else [])]
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
    keys = f"{by}.in_([{loop.row}.{key(loop.model)} for {loop.row} in {part}])"
    if not asks:
        more = [f".filter({', '.join(conditions)})"] if conditions else []
        steps = [*joins, f".filter({keys})", *more, f".group_by({by})", f".with_entities({by}, {made})"]
        return "\n".join(["(", *[f"    {line}" for line in (f"{owned}.query", *steps)], ")"]), edits
    imports["sqlalchemy", "select"] = None
    more = [f".where({', '.join(conditions)})"] if conditions else []
    steps = [f"select({by}, {made})", *joins, f".where({keys})", *more, f".group_by({by})"]
    return "\n".join([f"{asks}.execute(", *[f"    {line}" for line in steps], ")"]), edits


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


def fresh(source: Source, read: Read, model: Model, taken: list[str]) -> str:
    """Return a name for the values of all rows."""
    wanted = [f"{read.chain.steps[-1].target.name.lower()}_{MADE[read.chain.kind]}"]
    if isinstance(read.whole, ast.Attribute):
        wanted.insert(0, f"{read.whole.attr}_by_{model.name.lower()}")
    each = [*wanted, *[f"{wanted[0]}_{number}" for number in range(2, 9)]]
    return next(name for name in each if name not in taken and source.fresh(name) == name)


def laid(source: Source, name: str, text: str, items: str) -> list[str]:
    """Return the lines that give a name to the values of all rows, by their keys."""
    by, value = source.fresh("key", "row_key"), source.fresh("value", "found")
    each_part, _ = parts(source, items)
    first, *rest = text.splitlines()
    return [
        f"{name} = {{",
        f"    {by}: {value}",
        f"    {each_part}",
        f"    for {by}, {value} in {first}",
        *[f"    {line}" for line in rest],
        "}",
    ]


def said(source: Source, read: Read, name: str, key: str) -> str:
    """Return what stands in place of a value."""
    if read.chain.kind != "exists":
        return f"{name}.get({key}, 0)"
    text = f"{key} not in {name}" if read.chain.negated else f"{key} in {name}"
    plain = isinstance(source.parents[read.whole], ast.keyword | ast.Assign | ast.Return | ast.Dict | ast.List)
    return text if plain else f"({text})"
