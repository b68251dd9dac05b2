"""A collection that is gone through for what matches is put into a dictionary by its key, once before the loop.

The match is an equality of a part of the item with something that is not of it, and is what is asked first: in a
comprehension that is used at once, in `next`, `any` and `all`, or in an inner loop. The loop does not change the
collection, nor what the key is read from; the inner loop's name is not read after it. What cannot be hashed, or is not
equal to itself, is found by the judge.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._stays import is_lazy, stays, truth_of
from perfwright.fix.source import COMPREHENSIONS, Edit, Source, bound, changed, names

Scan = ast.For | ast.comprehension
ONCE = ("Iterator", "Generator", "Iterable", "AsyncIterator")
MAKE_ONCE = ("map", "filter", "zip", "iter", "open", "reversed", "enumerate", "reader", "DictReader", "chain")
PLAIN = ("str", "lower", "upper", "strip", "lstrip", "rstrip", "casefold", "replace", "date", "isoformat")


@dataclass(frozen=True, slots=True)
class Match:
    """What is gone through, and by which key what is wanted; `rest` of the test follows it."""

    scan: Scan
    node: ast.expr | ast.For  # the comprehension, or the loop
    keys: list[ast.expr]  # of an item
    wanted: list[ast.expr]
    tests: list[ast.expr]  # that say so
    rest: list[ast.expr]


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    for match in matches(source, finding):
        loops = [each for each in source.loops(match.node) if holds(source, match, each)]
        if not loops or not source.begins(source.statement(loops[-1])):
            continue
        yield from grouped(source, match, loops[-1])
        return


def matches(source: Source, finding: Finding) -> Iterator[Match]:
    """Give the scans at a place that look for something equal."""
    for comp in (source.at(finding.place, ast.GeneratorExp), *made_at(source, finding)):
        if comp is not None and len(comp.generators) == 1 and not comp.generators[0].is_async:
            scan = comp.generators[0]
            tests = scan.ifs[0].values if scan.ifs and isinstance(scan.ifs[0], ast.BoolOp) else scan.ifs[:1]
            if scan.ifs and isinstance(scan.ifs[0], ast.BoolOp) and isinstance(scan.ifs[0].op, ast.Or):
                continue
            if (found := matched(comp, scan, tests) or denied(source, comp)) and not is_lazy(source, comp):
                yield found
    loop = source.at(replace(finding.place, column=0), ast.For) or source.at(finding.place, ast.For)
    if loop is not None and len(loop.body) == 1 and isinstance(inner := loop.body[0], ast.If) and not inner.orelse:
        is_and = isinstance(inner.test, ast.BoolOp) and isinstance(inner.test.op, ast.And)
        found = matched(loop, loop, inner.test.values if is_and else [inner.test])  # type: ignore[attr-defined]
        if found is not None and not read_after(source, loop):
            yield found


def made_at(source: Source, finding: Finding) -> tuple[ast.ListComp | None, ast.SetComp | None]:
    return source.at(finding.place, ast.ListComp), source.at(finding.place, ast.SetComp)


def denied(source: Source, comp: ast.GeneratorExp | ast.ListComp | ast.SetComp) -> Match | None:
    """Return what `any` asks each item to be, or `all` not to be; None where they ask for something else."""
    call = source.parents.get(comp)
    if isinstance(comp, ast.GeneratorExp) and isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
        wanted = {"any": ast.Eq, "all": ast.NotEq}.get(call.func.id)
        test = comp.elt
        if wanted is not None and not comp.generators[0].ifs and isinstance(test, ast.Compare):
            return matched(comp, comp.generators[0], [test], wanted)
    return None


def matched(
    node: ast.expr | ast.For, scan: Scan, tests: list[ast.expr], asks: type[ast.cmpop] = ast.Eq
) -> Match | None:
    """Return what the first of some tests ask for by a key of an item; None where they ask for nothing so."""
    own = names(scan.target)
    keys: list[ast.expr] = []
    wanted: list[ast.expr] = []
    for test in tests:
        sides = sides_of(test, own, asks)
        if sides is None:
            break
        keys.append(sides[0])
        wanted.append(sides[1])
    if not keys or not is_plain(scan.target) or names(scan.iter) & own:
        return None
    return Match(scan, node, keys, wanted, tests[: len(keys)], tests[len(keys) :])


def sides_of(test: ast.expr, own: set[str], asks: type[ast.cmpop]) -> tuple[ast.expr, ast.expr] | None:
    """Return the part of an item that a test compares, and with what; None for another test."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], asks):
        return None
    for one, other in ((test.left, test.comparators[0]), (test.comparators[0], test.left)):
        if names(one) & own and not names(other) & own and is_read(one) and is_read(other):
            return one, other
    return None


def is_read(node: ast.expr) -> bool:
    """Tell whether an expression is read from names alone, with no more than plain methods of text."""
    kinds = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Call, ast.Tuple, ast.expr_context, ast.UnaryOp)
    if not all(isinstance(each, (*kinds, ast.unaryop)) for each in ast.walk(node)):
        return False
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    return all(getattr(each.func, "attr", getattr(each.func, "id", "")) in PLAIN for each in calls)


def is_plain(target: ast.expr) -> bool:
    """Tell whether an item is given a name, or its parts are."""
    return isinstance(target, ast.Name) or (isinstance(target, ast.Tuple) and all(map(is_plain, target.elts)))


def read_after(source: Source, loop: ast.For) -> bool:
    """Tell whether the name that a loop gives its items is read outside of it, where it would be another item."""
    own, function = names(loop.target), source.function(loop)
    inside = {id(each) for each in ast.walk(loop)}
    others = [each for each in ast.walk(function) if isinstance(each, ast.Name)] if function is not None else []
    return function is None or any(each.id in own and id(each) not in inside for each in others)


# ------------------------------------------------------------------------------ what must hold
def holds(source: Source, match: Match, loop: ast.AST) -> bool:
    """Tell whether a loop leaves the collection, and what keys are read from, as they are."""
    own = names(match.scan.target)
    if not stays(source, match.scan.iter, loop) or is_walked_once(source, match.scan.iter):
        return False
    around = {name for key in match.keys for name in names(key)} - own
    if any(not stays(source, each, loop) for key in match.keys for each in named(key, around)):
        return False
    read = {part for key in match.keys for part in parts_of(key)}
    for text in changed(loop):
        root, last = text.partition(".")[0].partition("[")[0], text.rpartition(".")[2]
        if "." in text and "[" not in last and last in read:
            return False
        if "[" in text and root in own | bound_by(loop) and (not read or text.rpartition("[")[2].rstrip("]") in read):
            return False
    return True


def named(node: ast.AST, wanted: set[str]) -> list[ast.Name]:
    """Return where some names stand in a node."""
    return [each for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in wanted]


def parts_of(key: ast.expr) -> set[str]:
    """Return the attributes and items that a key is read from, as written."""
    found = {each.attr for each in ast.walk(key) if isinstance(each, ast.Attribute)}
    return found | {ast.unparse(each.slice) for each in ast.walk(key) if isinstance(each, ast.Subscript)}


def bound_by(loop: ast.AST) -> set[str]:
    targets = [each.target for each in ast.walk(loop) if isinstance(each, ast.For | ast.comprehension)]
    return {name for target in targets for name in names(target)}


def is_walked_once(source: Source, iterable: ast.expr) -> bool:
    """Tell whether something may be an iterator, which is at its end after the first pass."""
    function = source.function(iterable)
    if not isinstance(iterable, ast.Name) or function is None:
        return False
    for each in ast.walk(function.args):
        if isinstance(each, ast.arg) and each.arg == iterable.id and each.annotation is not None:
            return bool({ast.unparse(each.annotation).partition("[")[0].rpartition(".")[2]} & set(ONCE))
    for each in ast.walk(function):
        if isinstance(each, ast.Assign) and any(named(target, {iterable.id}) for target in each.targets):
            made = each.value
            called = getattr(made.func, "attr", getattr(made.func, "id", "")) if isinstance(made, ast.Call) else ""
            if isinstance(made, ast.GeneratorExp) or called in MAKE_ONCE:
                return True
    return False


# ------------------------------------------------------------------------------ what is written
def grouped(source: Source, match: Match, loop: ast.AST) -> Iterator[Proposal]:
    """Give the proposals: a set where nothing but a match is asked for, the first item by its key, or all of them."""
    statement = source.statement(loop)
    iterable = source.expression(match.scan.iter)
    item, keys = own_names(source, match)
    key = keys[0] if len(keys) == 1 else f"({', '.join(keys)})"
    texts = [source.expression(each) for each in match.wanted]
    wanted = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    plural, by = collection_of(match.scan.iter), last_of(match.keys[0])
    call = source.parents.get(match.node)
    if isinstance(match.scan, ast.comprehension) and not match.scan.ifs and isinstance(call, ast.Call):
        name = source.fresh(f"{plural}_{by}s", f"known_{by}s")
        made = source.before(statement, f"{name} = {{{key} for {item} in {iterable}}}")
        test = f"{wanted} {'in' if ast.unparse(call.func) == 'any' else 'not in'} {name}"
        lone = isinstance(source.parents.get(call), ast.stmt | ast.comprehension)
        text = test if lone else f"({test})"
        yield Proposal((made, source.replace(call, text)), f"what `{iterable}` holds is looked up in a set")
        return
    if (default := first_alone(source, match)) is not None:
        name = source.fresh(f"{plural}_by_{by}", f"first_by_{by}")
        made = source.before(
            statement, f"{name} = {{}}", f"for {item} in {iterable}:", f"    {name}.setdefault({key}, {item})"
        )
        got = f"{name}.get({wanted})" if default == "None" else f"{name}.get({wanted}, {default})"
        assert isinstance(call, ast.Call)
        yield Proposal((made, source.replace(call, got)), f"the first of `{iterable}` is looked up by its key")
    name = source.fresh(f"{plural}_by_{by}", f"grouped_by_{by}")
    held = f"({item})" if "," in item else item
    plain = iterable, f"{name}.get({wanted}, ())"
    # Where there is nothing to compare with, no key is asked for: neither of items, nor what is wanted.
    truth = truth_of(loop)
    guarded = f"{iterable} if {truth} else ()" if truth else iterable, f"{name} and {name}.get({wanted}, ())"
    for through, asked_for in (plain, guarded):
        looked = narrowed(source, match, asked_for)
        if looked is not None:
            adds = f"    {name}.setdefault({key}, []).append({held})"
            made = source.before(statement, f"{name} = {{}}", f"for {item} in {through}:", adds)
            yield Proposal((made, *looked), f"`{iterable}` is grouped by its key once before the loop")


def own_names(source: Source, match: Match) -> tuple[str, list[str]]:
    """Return what an item is called before the loop, and its keys: by another name where its own means something else
    in the function."""
    target = match.scan.target
    item = ast.unparse(target)
    item = item[1:-1] if isinstance(target, ast.Tuple) else item
    keys = [source.expression(each) for each in match.keys]
    taken = taken_around(source, match.node)
    if not isinstance(target, ast.Name) or target.id not in taken:
        return item, keys
    name = source.fresh("each", "item", "one")

    class Renamed(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name(name, node.ctx) if node.id == item else node

    return name, [ast.unparse(Renamed().visit(ast.parse(each, mode="eval"))) for each in keys]


def taken_around(source: Source, node: ast.AST) -> set[str]:
    """Return the names that mean something in the function around a node, but for those that comprehensions have for
    themselves."""
    function, inside = source.function(node), {id(each) for each in ast.walk(node)}
    found = {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)} if function is not None else set()
    for each in ast.walk(function) if function is not None else ():
        if isinstance(each, ast.Name) and id(each) not in inside:
            around = [one for one in source.above(each) if isinstance(one, COMPREHENSIONS)]
            if not any(each.id in bound(one) for one in around):
                found.add(each.id)
    return found


def collection_of(node: ast.expr) -> str:
    """Return what a collection is called."""
    if isinstance(node, ast.Call):
        inner = (
            node.args[0] if node.args and isinstance(node.func, ast.Name) else getattr(node.func, "value", node.func)
        )
        return collection_of(inner)
    return last_of(node)


def last_of(node: ast.expr) -> str:
    """Return the last name in an expression, as a part of another."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        text = node.slice.value
    elif isinstance(node, ast.Attribute):
        text = node.attr
    else:
        text = node.id if isinstance(node, ast.Name) else "key"
    return text.strip("_") if text.isidentifier() and text.strip("_") else "key"


def first_alone(source: Source, match: Match) -> str | None:
    """Return the default of `next(x for x in xs if x.key == key)`, as written; None for what is not such."""
    call = source.parents.get(match.node)
    if not isinstance(match.scan, ast.comprehension) or len(match.scan.ifs) != 1 or match.rest:
        return None
    if (
        not isinstance(match.node, ast.GeneratorExp)
        or not isinstance(call, ast.Call)
        or not isinstance(call.func, ast.Name)
        or call.func.id != "next"
    ):
        return None
    if len(call.args) != 2 or ast.unparse(match.node.elt) != ast.unparse(match.scan.target):
        return None
    return source.text_of(call.args[1])


def narrowed(source: Source, match: Match, looked: str) -> list[Edit] | None:
    """Return the edits that go through what was looked up, without the tests that it answers; None where what stands
    between them is not understood."""
    start, end = source.span(match.scan.iter)
    if isinstance(match.scan, ast.For):
        return [Edit(start, end, looked), *unnested(source, match.scan, match)]
    first, last = source.span(match.tests[0])[0], source.span(match.tests[-1])[1]
    if source.text[end:first].split() != ["if"]:
        return None
    if not match.rest and len(match.scan.ifs) == 1 and is_whole(match):
        return [whole(source, match.node, looked)]
    if not match.rest:
        return [Edit(start, last, looked)]
    following = source.span(match.rest[0])[0]
    if source.text[last:following].split() != ["and"]:
        return None
    return [Edit(start, following, f"{looked} if ")]


def is_whole(match: Match) -> bool:
    """Tell whether a comprehension is a list of the items that match, as they are."""
    return isinstance(match.node, ast.ListComp) and ast.unparse(match.node.elt) == ast.unparse(match.scan.target)


def whole(source: Source, node: ast.AST, looked: str) -> Edit:
    """Return the edit that takes what was looked up for a list of it: itself where it is only counted."""
    call = source.parents.get(node)
    counted = isinstance(call, ast.Call) and ast.unparse(call.func) == "len" and " and " not in looked
    return source.replace(node, looked if counted else f"list({looked})")


def unnested(source: Source, loop: ast.For, match: Match) -> list[Edit]:
    """Return the edits that take a test from around the body of a loop; none where the lines cannot be moved: then the
    test stays, which is always true."""
    inner = loop.body[0]
    assert isinstance(inner, ast.If)
    if match.rest:
        last, following = source.span(match.tests[-1])[1], source.span(match.rest[0])[0]
        if source.text[last:following].split() == ["and"]:
            return [Edit(source.span(match.tests[0])[0], following, "")]
        return []
    if not source.begins(inner) or not all(map(source.begins, inner.body)):
        return []
    texts = [each for each in ast.walk(inner) if isinstance(each, ast.Constant | ast.JoinedStr)]
    if any("\n" in source.text_of(each) for each in texts if source.in_text(each) is None):
        return []
    outer, deeper = source.indent(inner), source.indent(inner.body[0])
    begin = source.starts[inner.lineno - 1]
    first = inner.body[0].lineno
    edits = [Edit(begin, source.starts[first - 1], "")] if not comments(source, inner.lineno, first) else []
    if not edits:
        return []
    for line in range(first, (inner.end_lineno or first) + 1):
        at = source.starts[line - 1]
        if source.text[at:].startswith(deeper):
            edits.append(Edit(at, at + len(deeper), outer))
    return edits


def comments(source: Source, first: int, last: int) -> bool:
    """Tell whether there is a comment on some lines, from the first to before the last."""
    return "#" in source.text[source.starts[first - 1] : source.starts[last - 1]]


RECIPE = Recipe(rule="nested-scan", improves=("time",), propose=propose, allows=("exception-text",))
