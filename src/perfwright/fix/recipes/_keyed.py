"""Rows that each pass of a loop over keys gets by `session.get`, of its own or in a helper: held before the loop.

What a session holds it gives without a query, so the helper stays as it is: what it raises for a row that is not there,
it raises at the same pass.
"""

import ast
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._ahead import fetched_ahead, held, more_fetched
from perfwright.fix.recipes._bindings import arguments
from perfwright.fix.recipes._calls import WIDE, method_of
from perfwright.fix.recipes._eager import Path, along
from perfwright.fix.recipes._keys import is_cut
from perfwright.fix.recipes._lookups import ENDS, rebinds
from perfwright.fix.recipes._looped import loop_step
from perfwright.fix.recipes._preloads import options_of
from perfwright.fix.recipes._reached import calls_one_of, made, stored, yields
from perfwright.fix.recipes._rows import key
from perfwright.fix.recipes._sessions import session
from perfwright.fix.recipes._unseen import is_unseen, targets, ways
from perfwright.fix.source import Edit, Source, changed
from perfwright.fix.surroundings import Surroundings, also_from
from perfwright.index.project import Function

DEEPEST = 3  # helpers between a loop and the row that it gets


def proposed(source: Source, finding: Finding) -> Iterator[Proposal]:
    """Give the proposal that holds the rows of all passes, and what is read of them."""
    around = surroundings.around(source.root) if source.root is not None else None
    step = loop_step(finding)
    own = around.source(step.path) if around is not None and step is not None else None
    if around is None or own is None or step is None:
        return
    loops = [each for each in ast.walk(own.tree) if isinstance(each, ast.For) and each.lineno == step.line]
    loop = loops[0] if len(loops) == 1 else None
    if loop is None or not isinstance(loop.target, ast.Name) or own.loops(loop) or not own.begins(loop):
        return
    over = own.text_of(loop.iter)
    if not is_cut(around, own, loop.iter) or over in changed(loop) or rebinds(loop, loop.target.id):
        return
    models = {id(each): each for each in gotten(around, own, loop, loop.target.id)}
    model = models.popitem()[1] if len(models) == 1 else None
    said = session(around, own, loop)
    if model is None or said is None or not is_about(finding, model):
        return
    paths = [way for name in finding.fetches or () if (way := along(around, finding, model, (), name)) is not None]
    if not is_kept(around, own, loop, model, paths, said[0]):
        return
    edits = lines(around, own, loop, model, said, paths)
    if edits:
        says = f"the `{model.name}` rows of all passes are fetched together, and held"
        yield Proposal(tuple(edits), says, source=own)


def gotten(around: Surroundings, source: Source, node: ast.AST, name: str, depth: int = 0) -> Iterator[Model]:
    """Give the models of the rows that a name is the key of where it is got, also in the functions it is given to."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call):
            continue
        if method_of(call) == "get" and len(call.args) == 2 and not call.keywords and is_name(call.args[1], name):
            model = around.model(source, call.args[0])
            if model is not None and model.framework != DJANGO and key(model):
                yield model
        called = around.entity(source, call.func)
        defined = around.definition(called) if isinstance(called, Function) and depth < DEEPEST else None
        if defined is not None and isinstance(called, Function):
            given = arguments(defined[1], call, is_method=called.owner is not None)
            for parameter, value in given.items():
                if is_name(value, name):
                    yield from gotten(around, *defined, parameter, depth + 1)


def is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def is_about(finding: Finding, model: Model) -> bool:
    """Tell whether a finding is about rows of a model, or what is read of them."""
    return bool(finding.symbol.partition("~")[0].partition(".")[0] == model.name)


def is_kept(around: Surroundings, source: Source, loop: ast.AST, model: Model, paths: list[Path], session: str) -> bool:
    """Tell whether rows stay as they are fetched: nothing in the loop ends the transaction, writes around the session,
    makes rows that a relation would have or moves them, or sets the key of one alone."""
    if calls_one_of(around, source, loop, ENDS) or yields(loop):
        return False
    if is_unseen(around, source, loop, {session, *targets(loop)}):
        return False
    relations = [relation for path in paths for _, relation in path]
    if {relation.target for relation in relations if relation.many} & made(around, source, loop):
        return False
    if model in made(around, source, loop):
        return False
    names = stored(around, source, loop)
    for each in relations:
        if each.many and names & {each.name, *(ways(around, each.column.name) if each.column is not None else ())}:
            return False
    ones = [each for each in relations if not each.many]
    return not any(each.column is not None and each.column.name in names and each.name not in names for each in ones)


def lines(
    around: Surroundings, source: Source, loop: ast.For, model: Model, said: tuple[str, list[Edit]], ways: list[Path]
) -> list[Edit]:
    """Return the edits that hold the rows before the loop, or fetch more with those that are held."""
    written = around.written(source, model)
    options = options_of(around, source, ways)
    if written is None or options is None:
        return []
    texts, edits, loaders = options
    edits = [*dict.fromkeys((*edits, *written[1], *said[1])), *also_from(source, "sqlalchemy.orm", loaders)]
    over = source.text_of(loop.iter)
    before = fetched_ahead(source, loop, written[0], key(model), over)
    if before is not None:
        more = more_fetched(source, before, texts)
        return [*more, *edits] if more else []
    edits += also_from(source, "sqlalchemy", ["select"])
    name = source.fresh(f"_{model.name.lower()}s", f"_known_{model.name.lower()}s")
    room = WIDE - len(source.indent(loop))
    return [source.before(loop, *held(source, name, said[0], written[0], key(model), over, texts, room)), *edits]
