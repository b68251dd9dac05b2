"""Where the query is not known whose rows a loop goes through, the relation itself says that it is fetched along.

It is SQLAlchemy's, declared by one call that says nothing of loading yet, to one row of another table, or to the few
parts that live and die with theirs. It is not tried where the query is known, nor for a function that calls itself.
"""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import name_of, with_argument
from perfwright.fix.recipes._eager import is_recursive, proposed
from perfwright.fix.recipes._looped import loop_step
from perfwright.fix.source import Edit, Source
from perfwright.fix.surroundings import Surroundings


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around = surroundings.around(source.root) if source.root is not None and finding.fetches else None
    if around is None or not is_over_rows(finding) or is_recursive(finding):
        return
    if next(proposed(source, finding), None) is not None:
        return
    found = [each for name in finding.fetches if (each := declared(around, source, name)) is not None]
    if not found or len({each[0].path for each in found}) != 1:
        return
    names = ", ".join(f"`{name}`" for _, _, name in found)
    says = f"every query of their rows fetches {names} along"
    yield Proposal(tuple(edit for _, edit, _ in found), says, source=found[0][0])


def is_over_rows(finding: Finding) -> bool:
    """Tell whether a loop goes through rows that were asked for together, and what is asked first is of them."""
    step = loop_step(finding)
    over = step.what.removeprefix("loop over ") if step is not None else ""
    return (over[:1].isupper() or over == "page") and finding.symbol in finding.fetches


def declared(around: Surroundings, near: Source, name: str) -> tuple[Source, Edit, str] | None:
    """Return the edit that says at a relation that it is fetched along, with its file."""
    owner, _, last = name.partition(".")
    model = around.named(owner, near)
    relation = model.relations.get(last) if model is not None else None
    if model is None or relation is None or model.framework == DJANGO or relation.target in (None, model):
        return None
    source = around.source(model.cls.module.path)
    if relation.dynamic or (relation.many and not relation.owned) or source is None:
        return None
    for each in ast.walk(source.tree):
        if not isinstance(each, ast.Assign | ast.AnnAssign) or not isinstance(each.value, ast.Call):
            continue
        target = each.target if isinstance(each, ast.AnnAssign) else each.targets[0]
        inside = source.parents[each]
        if not isinstance(target, ast.Name) or target.id != last or not isinstance(inside, ast.ClassDef):
            continue
        if inside.name == owner and name_of(each.value) == "relationship":
            if any(keyword.arg in ("lazy", None) for keyword in each.value.keywords):
                return None
            return source, with_argument(source, each.value, 'lazy="selectin"'), name
    return None


RECIPE = Recipe(
    rule="n-plus-one-query",
    improves=("queries",),
    propose=propose,
    suggested="every other query of these rows asks for what is related, too: one query more, used or not",
)
