"""Relations that Django's admin shows of each row are fetched with the rows of the list, or of the inline.

The class says what is fetched already by a list of names, or says nothing of it, nor does what it inherits from the
project; then everything to one row that the list shows is named, since Django no longer follows it by itself.
"""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._looped import paths
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class

LIST, ROWS = ".list", ".rows"


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around = surroundings.around(source.root) if source.root is not None and finding.fetches else None
    own = around.source(source.path) if around is not None else None
    name, _, kind = finding.place.function.rpartition(".")
    if around is None or own is None or f".{kind}" not in (LIST, ROWS) or source.path != finding.place.path:
        return
    owner = next((each for each in own.tree.body if isinstance(each, ast.ClassDef) and each.name == name), None)
    model = shown(around, own, owner) if owner is not None else None
    if owner is None or model is None:
        return
    wanted: list[str] = []
    for each in finding.fetches:
        holder, _, last = each.partition(".")
        ways = paths(around, finding, model, holder, also=texts(owner))
        if len(ways) == 1 and is_one(model, (*ways[0], last)):
            wanted.append("__".join((*ways[0], last)))
    wanted = [each for each in wanted if not any(other.startswith(f"{each}__") for other in wanted)]
    if not wanted:
        return
    says = f"{', '.join(f'`{each}`' for each in wanted)} {'is' if len(wanted) == 1 else 'are'} fetched with the rows"
    if f".{kind}" == ROWS:
        yield from in_inline(around, own, owner, wanted, says)
    else:
        yield from in_list(around, own, owner, model, wanted, says)


def shown(around: Surroundings, source: Source, owner: ast.ClassDef) -> Model | None:
    """Return the model whose rows a class of the admin shows."""
    for said in owner.decorator_list:
        if isinstance(said, ast.Call) and name_of(said) == "register" and len(said.args) == 1:
            return around.model(source, said.args[0])
    for each in owner.body:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and each.targets[0].id == "model":
            return around.model(source, each.value)
    for call in ast.walk(source.tree):
        registers = isinstance(call, ast.Call) and name_of(call) == "register" and len(call.args) == 2
        if registers and name_of(call.args[1]) == owner.name:  # type: ignore[attr-defined]
            return around.model(source, call.args[0])  # type: ignore[attr-defined]
    return None


def texts(owner: ast.ClassDef) -> set[str]:
    """Return the names that the list of a class shows."""
    held = assigned(owner, "list_display")
    return {str(each.value) for each in ast.walk(held) if isinstance(each, ast.Constant)} if held is not None else set()


def assigned(owner: ast.ClassDef, name: str) -> ast.Assign | None:
    for each in owner.body:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and each.targets[0].id == name:
            return each
    return None


def is_one(model: Model, names: tuple[str, ...]) -> bool:
    """Tell whether some relations each lead to one row."""
    at: Model | None = model
    for name in names:
        relation = at.relations.get(name) if at is not None else None
        if relation is None or relation.many or relation.generic:
            return False
        at = relation.target
    return True


def has(around: Surroundings, source: Source, owner: ast.ClassDef, name: str) -> bool:
    """Tell whether a class, or what it inherits from the project, has a name."""
    module = around.module(source)
    cls = next((each for each in module.classes if each.name == owner.name), None) if module is not None else None
    return isinstance(cls, Class) and around.project.class_member(cls, name) is not None


def in_list(
    around: Surroundings, source: Source, owner: ast.ClassDef, model: Model, wanted: list[str], says: str
) -> Iterator[Proposal]:
    held, shown_by = assigned(owner, "list_select_related"), assigned(owner, "list_display")
    if held is not None and isinstance(held.value, ast.List | ast.Tuple) and held.value.elts:
        known = {each.value for each in held.value.elts if isinstance(each, ast.Constant)}
        more = [f'"{each}"' for each in wanted if each not in known]
        last = held.value.elts[-1]
        if more:
            yield Proposal((source.replace(last, ", ".join([source.text_of(last), *more])),), says, source=source)
        return
    if held is not None or shown_by is None or has(around, source, owner, "list_select_related"):
        return
    if has(around, source, owner, "get_queryset"):
        return
    also = [name for name in texts(owner) if name in model.relations and is_one(model, (name,))]
    also = [name for name in also if not any(each.partition("__")[0] == name for each in wanted)]
    for name in also:
        target = model.relations[name].target
        method = around.method(target, "__str__") if target is not None else None
        defined = around.definition(method) if method is not None else None
        if target is not None and (
            defined is not None
            and any(isinstance(each, ast.Attribute) and each.attr in target.relations for each in ast.walk(defined[1]))
        ):
            return  # Django followed those by itself
    names = ", ".join(f'"{each}"' for each in sorted({*wanted, *also}))
    yield Proposal((source.after(shown_by, f"list_select_related = [{names}]"),), says, source=source)


def in_inline(
    around: Surroundings, source: Source, owner: ast.ClassDef, wanted: list[str], says: str
) -> Iterator[Proposal]:
    if has(around, source, owner, "get_queryset"):
        return
    names = ", ".join(f'"{each}"' for each in wanted)
    made = ["", "def get_queryset(self, request):", f"    return super().get_queryset(request).select_related({names})"]
    yield Proposal((source.after(owner.body[-1], *made),), says, source=source)


RECIPE = Recipe(rule="n-plus-one-query", improves=("queries",), propose=propose)
