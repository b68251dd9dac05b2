"""What relations lead to, one after the other, asked for in one query that joins them."""

import ast
from collections.abc import Iterable

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._chains import Chain, Chains
from perfwright.fix.recipes._conditions import Conditions
from perfwright.fix.recipes._related import alone
from perfwright.fix.recipes._relation_rows import Related
from perfwright.fix.recipes._row_uses import Use
from perfwright.fix.source import Edit, Source
from perfwright.fix.surroundings import Surroundings, also_from

SAYS = {
    "count": "the database counts the rows that the relations lead to",
    "sum": "the database adds what the relations lead to",
    "exists": "the database stops at the first row that the relations lead to",
}


def joined(around: Surroundings, own: Source, node: ast.Attribute, finding: Finding) -> Proposal | None:
    """Return the proposal that asks for one value of what several relations lead to in one query, and for all other
    values that are made of the first of them; None where that is not all that is done with it."""
    chains = Chains(around, own)
    first, function = chains.around_node(node), own.function(node)
    if first is None or function is None or not is_told(first, finding):
        return None
    reads = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Attribute) and ast.unparse(each) == ast.unparse(first.base)
    ]
    found = [chains.around_node(each) for each in reads]
    if max(len(each.steps) if each is not None else 0 for each in found) < 2:
        return None  # each by itself
    edits: dict[Edit, None] = {}
    names: dict[tuple[str, str], None] = {}
    for read, each in zip(reads, found, strict=True):
        if each is None or each.base is not read:
            return None
        made = asked(around, own, each, reads)
        if made is None:
            return None
        edits.update(dict.fromkeys(made[0]))
        names.update(dict.fromkeys(made[1]))
    if not is_free(own, names):
        return None
    modules = sorted({module for module, _ in names}, reverse=True)
    for module in modules:
        wanted = sorted({name for owner, name in names if owner == module})
        edits.update(dict.fromkeys(also_from(own, module, wanted)))
    return Proposal((*edits,), SAYS[first.kind], source=own)


def is_told(chain: Chain, finding: Finding) -> bool:
    """Tell whether a finding is about one of the relations of a chain."""
    return any(f"{each.owner.name}.{each.name}" == finding.symbol.partition("~")[0] for each in chain.steps)


def asked(
    around: Surroundings, own: Source, chain: Chain, reads: list[ast.Attribute]
) -> tuple[list[Edit], list[tuple[str, str]]] | None:
    """Return the edits that ask for the value of a chain, and the names that they need, by module."""
    first = chain.steps[0]
    relation = first.owner.relations[first.name]
    found = alone(around, own, chain.base, first.owner, relation, of_query=False, apart=reads)
    if found is None or (len(reads) > 1 and found[0].is_guarded):
        return None
    rows, edits = found
    said: list[str] = []
    names: dict[tuple[str, str], None] = {}
    value = ""
    for each in chain.steps:
        model = around.written(own, each.target)
        owner = around.written(own, each.owner)
        if model is None or owner is None:
            return None
        edits = [*edits, *model[1]]
        if each is not first:
            rows.joins = (*rows.joins, f"{owner[0]}.{each.name}")
        conditions = Conditions(around, own, chain.base, each.target, model[0])
        more, whole = conditions.said([*each.wanted], each.row)
        if not whole:
            return None
        said += more
        if each is chain.steps[-1] and chain.value is not None:
            value = conditions.term(chain.value, each.row, set()) or ""
        names.update(conditions.imports)
    if chain.kind == "sum" and not value:
        return None
    text = rows.value(chain.kind, said, value, "0")
    if text is None:
        return None
    text = text.replace(f"\n{own.indent_at(chain.base.lineno)}", f"\n{own.indent_at(chain.whole.lineno)}")
    if chain.kind == "exists":
        text = negated(text) if chain.negated else text
        text = (
            f"({text})" if " is " in text and isinstance(own.parents[chain.whole], ast.UnaryOp | ast.Compare) else text
        )
    made = [own.replace(chain.whole, text)]
    if rows.is_guarded:
        made = guarded(rows, Use(chain.whole, chain.base), made)
    if not made:
        return None
    names.update({(module, name): None for module, some in rows.imports.items() for name in some})
    return [*made, *edits], [*names]


def is_free(source: Source, wanted: Iterable[tuple[str, str]]) -> bool:
    """Tell whether names that are to be imported mean nothing else in a file."""
    taken = {
        each.id for each in ast.walk(source.tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    taken |= {each.arg for each in ast.walk(source.tree) if isinstance(each, ast.arg)}
    taken |= {
        each.name
        for each in source.tree.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    known: dict[str, str] = {}
    for node in ast.walk(source.tree):
        for each in node.names if isinstance(node, ast.Import | ast.ImportFrom) else ():
            name = each.asname or each.name.partition(".")[0]
            known[name] = f"{node.module}.{each.name}" if isinstance(node, ast.ImportFrom) else each.name
    return not any(
        name in taken or (known.get(name, f"{module}.{name}") != f"{module}.{name}" and known.get(module) != module)
        for module, name in wanted
    )


def guarded(asked: Related, use: Use, edits: list[Edit]) -> list[Edit]:
    """Return the edit that asks for the rows of an object that is saved, and has not loaded them."""
    source, state = asked.source, asked.session.partition(".")[0]
    found, function = source.statement(use.node), source.function(use.node)
    if function is None or found not in function.body or not source.is_alone(found):
        return []
    start, end = source.span(found)
    said = source.text[start:end]
    for each in sorted(edits, key=lambda one: one.start, reverse=True):
        said = said[: each.start - start] + each.text + said[each.end - start :]
    inspect = asked.use("sqlalchemy", "inspect")
    lines = [
        f"{state} = {inspect}({source.text_of(asked.node.value)})",
        f'if {state}.session is not None and "{asked.node.attr}" in {state}.unloaded:',
        *["    " + line.removeprefix(source.indent(found)) for line in said.splitlines()],
    ]
    return [source.before(found, *lines)]


def negated(text: str) -> str:
    """Return the opposite of what asks whether there is a row."""
    return f"{text.removesuffix(' is not None')} is None" if text.endswith(" is not None") else f"not {text}"
