"""Rows of another table that a loop counts, or asks for, of each item: asked for once before it, by the item's key."""

import ast
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._asked import Asked, asked_of, called_at, whole_of
from perfwright.fix.recipes._bindings import assigned
from perfwright.fix.recipes._calls import WIDE, chain, method_of, name_of
from perfwright.fix.recipes._lookups import changes_rows, rebinds
from perfwright.fix.recipes._reached import calls_one_of, made, stored
from perfwright.fix.recipes._unseen import aliases, is_unseen, makes_unseen, parts_of, ways
from perfwright.fix.source import COMPREHENSIONS, Edit, Source, bound, changed, names
from perfwright.fix.surroundings import Surroundings

PUTS = ("add", "add_all", "merge", "create", "save", "bulk_create", "get_or_create", "update_or_create")
LISTS = ("all", "fetchall")
KEPT = ("list", "List", "tuple", "Sequence", "QuerySet")


def per_item(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposal that asks once for what a loop asks for of each of its items."""
    found = called_at(source, finding)
    if found is None or len(finding.chain) != 2:
        return
    around, own, call = found
    loops = own.loops(call)
    loop = loops[0] if len(loops) == 1 else None
    target, over = looped(loop)
    if loop is None or over is None or not own.begins(own.statement(loop)):
        return
    asked = asked_of(around, own, whole_of(own, call), target)
    if asked is None or isinstance(own.parents[asked.whole], ast.Await):
        return
    inside = bound(loop)
    if (
        rebinds(loop, target)
        or (names(asked.whole) - {target}) & inside
        or names(over) & inside
        or own.text_of(over) in changed(loop)
    ):
        return
    if any(method_of(each) in PUTS or may_change(around, own, each, asked) for each in ast.walk(loop)):
        return
    if differs(around, own, loop, asked):
        return
    items, lists, edits = own.text_of(over), list[str](), list[Edit]()
    if not is_kept(own, over):
        if method_of(over) not in LISTS:
            return
        items = own.fresh(f"all_{target}s", f"{target}_rows")
        lists.append(f"{items} = {own.text_of(over)}")
        edits.append(own.replace(over, items))
    keys = f"[{own.text_of(asked.key)} for {target} in {items}]"
    place = own.statement(loop)
    lines, more = counted(own, asked, keys) if asked.counts else grouped(own, asked, keys, place)
    what = "counted" if asked.counts else "asked for"
    yield Proposal(
        (own.before(place, *lists, *lines), *edits, *more),
        f"the `{asked.model.name}` rows of all items are {what} by one query",
        source=own,
    )


def differs(around: Surroundings, source: Source, loop: ast.AST, asked: Asked) -> bool:
    """Tell whether a pass may find other rows than before the loop."""
    columns = {each.attr for each in ast.walk(asked.whole) if isinstance(each, ast.Attribute)}
    columns |= {each.arg for each in ast.walk(asked.whole) if isinstance(each, ast.keyword) and each.arg}
    read = set[str]().union(parts_of(around, asked.model), *[ways(around, each) for each in (*columns, asked.column)])
    if asked.model in made(around, source, loop) or stored(around, source, loop) & read:
        return True
    if calls_one_of(around, source, loop, PUTS) and makes_unseen(around, source, loop):
        return True
    rows = {asked.key.value.id} if isinstance(asked.key.value, ast.Name) else set[str]()
    rows |= {source.text_of(asked.session)} if asked.session is not None else set()
    return is_unseen(around, source, loop, aliases(around, source, loop, rows))


def counted(own: Source, asked: Asked, keys: str) -> tuple[list[str], list[Edit]]:
    """Return the lines that count the rows of all items, and the edits that take the counts from there."""
    name = own.fresh(f"{asked.model.name.lower()}_counts", f"{asked.model.name.lower()}s_by_key")
    found = own.replace(asked.whole, f"{name}.get({own.text_of(asked.key)}, 0)")
    if asked.session is None:
        given = ", ".join([f"{asked.column}__in={keys}", *asked.conditions])
        lines = [f"{asked.written}.objects.filter({given})", ".order_by()", f'.values_list("{asked.column}")']
        lines.append('.annotate(count=Count("pk"))')
        imports = surroundings.also_from(own, "django.db.models", ["Count"])
        return [f"{name} = dict(", *[f"    {each}" for each in lines], ")"], [found, *imports]
    column = f"{asked.written}.{asked.column}"
    lines = [
        f"select({column}, func.count())",
        f".where({', '.join([f'{column}.in_({keys})', *asked.conditions])})",
        f".group_by({column})",
    ]
    imports = surroundings.also_from(own, "sqlalchemy", ["func", "select"])
    return [
        f"{name} = dict(",
        f"    {own.text_of(asked.session)}.execute(",
        *[f"        {each}" for each in lines],
        "    ).all()",
        ")",
    ], [found, *imports]


def grouped(own: Source, asked: Asked, keys: str, place: ast.stmt) -> tuple[list[str], list[Edit]]:
    """Return the lines that ask for the rows of all items, and the edits that take those of one from there."""
    assert asked.session is not None
    plural = f"{asked.model.name.lower()}s"
    name, row = own.fresh(f"{plural}_by_{asked.column}", f"found_{plural}"), own.fresh("row", "each_row")
    where = ", ".join([f"{asked.written}.{asked.column}.in_({keys})", *asked.conditions])
    statement = f"select({asked.written}).where({where}){asked.order}"
    line = f"for {row} in {own.text_of(asked.session)}.scalars({statement}):"
    lines = [line]
    if len(own.indent(place)) + len(line) > WIDE:
        lines = [f"for {row} in {own.text_of(asked.session)}.scalars(", f"    {statement}", "):"]
    lines = [f"{name} = {{}}", *lines, f"    {name}.setdefault({row}.{asked.column}, []).append({row})"]
    found = own.replace(asked.whole, f"{name}.get({own.text_of(asked.key)}, [])")
    return lines, [found, *surroundings.also_from(own, "sqlalchemy", ["select"])]


def looped(loop: ast.AST | None) -> tuple[str, ast.expr | None]:
    """Return the name of a loop's items, and what it goes through; of a comprehension with one loop, too."""
    inner: ast.AST | None = loop
    if isinstance(loop, COMPREHENSIONS):
        generators: list[ast.comprehension] = getattr(loop, "generators", [])
        inner = generators[0] if len(generators) == 1 and not generators[0].is_async else None
    if isinstance(inner, ast.For | ast.comprehension) and isinstance(inner.target, ast.Name):
        return inner.target.id, inner.iter
    return "", None


def may_change(around: Surroundings, source: Source, node: ast.AST, asked: Asked) -> bool:
    """Tell whether a call may change rows: the one that asks does not."""
    own = any(each is node for each in ast.walk(asked.whole))
    return not own and changes_rows(around, source, node)


def is_kept(source: Source, node: ast.expr) -> bool:
    """Tell whether what an expression stands for can be gone through twice."""
    if isinstance(node, ast.Attribute):
        return True
    function = source.function(node)
    if not isinstance(node, ast.Name) or function is None:
        return False
    values = assigned(function, node.id)
    given = [each for each in ast.walk(function.args) if isinstance(each, ast.arg) and each.arg == node.id]
    if given:
        written = given[0].annotation
        return values == [] and written is not None and name_of(getattr(written, "value", written)) in KEPT
    return bool(values) and all(is_list(each) for each in values or ())


def is_list(node: ast.expr) -> bool:
    """Tell whether an expression gives a list, or what Django keeps like one."""
    if isinstance(node, ast.List | ast.Tuple | ast.ListComp):
        return True
    made = isinstance(node, ast.Call) and (method_of(node) in LISTS or name_of(node) in ("list", "sorted", "tuple"))
    return made or (isinstance(node, ast.Call) and any(name_of(each) == "objects" for each in chain(node)))
