"""Loops and comprehensions that go through a collection for what matches: by which key, and whether that stays."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from perfwright.finding import Finding
from perfwright.fix.recipes._bindings import is_once
from perfwright.fix.recipes._held import holds_many
from perfwright.fix.recipes._stays import is_lazy, stays
from perfwright.fix.recipes._there import can_be_before
from perfwright.fix.recipes._touched import parts_of, touches
from perfwright.fix.source import Source, changed, names

Scan = ast.For | ast.comprehension
PLAIN = ("str", "lower", "upper", "strip", "lstrip", "rstrip", "casefold", "replace", "date", "isoformat")


@dataclass(frozen=True, slots=True)
class Match:
    """What is gone through, and by which key what is wanted; `rest` of the test follows it."""

    scan: Scan
    node: ast.expr | ast.For  # the comprehension, or the loop
    keys: list[ast.expr]  # of an item
    wanted: list[ast.expr]
    tests: list[ast.expr]  # that say so, with those before them
    rest: list[ast.expr]
    before: list[ast.expr]  # tests of the item alone, which come first
    many: bool = False  # the key is a collection, which holds what is wanted


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
    found: list[tuple[ast.expr, ast.expr]] = []
    before: list[ast.expr] = []
    many = False
    for test in tests:
        sides = sides_of(test, own, asks)
        if sides is None and not found and asks is ast.Eq:
            sides = held_by(test, own)
            many = sides is not None
        if sides is not None:
            found.append(sides)
        elif not found and is_condition(test):
            before.append(test)
        else:
            break
        if many:
            break
    if not found or not is_plain(scan.target) or names(scan.iter) & own:
        return None
    asked = len(before) + len(found)
    keys, wanted = [one for one, _ in found], [other for _, other in found]
    return Match(scan, node, keys, wanted, tests[:asked], tests[asked:], before, many)


def sides_of(test: ast.expr, own: set[str], asks: type[ast.cmpop]) -> tuple[ast.expr, ast.expr] | None:
    """Return the part of an item that a test compares, and with what; None for another test."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], asks):
        return None
    for one, other in ((test.left, test.comparators[0]), (test.comparators[0], test.left)):
        if names(one) & own and not names(other) & own and is_read(one) and is_read(other):
            return one, other
    return None


def held_by(test: ast.expr, own: set[str]) -> tuple[ast.expr, ast.expr] | None:
    """Return the attribute of an item in which a test looks, and what for; None for another test."""
    if not isinstance(test, ast.Compare) or len(test.ops) != 1 or not isinstance(test.ops[0], ast.In):
        return None
    held, wanted = test.comparators[0], test.left
    is_part = isinstance(held, ast.Attribute) and isinstance(held.value, ast.Name) and held.value.id in own
    return (held, wanted) if is_part and not names(wanted) & own and is_read(wanted) else None


def is_condition(node: ast.expr) -> bool:
    """Tell whether a test compares no more than what is read."""
    if isinstance(node, ast.BoolOp):
        return all(map(is_condition, node.values))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return is_condition(node.operand)
    if isinstance(node, ast.Compare):
        return all(map(is_read, (node.left, *node.comparators)))
    return is_read(node)


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
    held = match.scan.iter
    if not stays(source, held, loop) or is_once(source.function(held), held, source):
        return False
    if not can_be_before(source, held, loop):
        return False
    if match.many and not holds_many(source, match.keys[0]):
        return False
    parts = [*match.keys, *match.before]
    around = {name for key in parts for name in names(key)} - own
    if any(not stays(source, each, loop) for key in parts for each in named(key, around)):
        return False
    if touches(source, loop, held, parts, own):
        return False
    read = {part for key in parts for part in parts_of(key)}
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


def bound_by(loop: ast.AST) -> set[str]:
    targets = [each.target for each in ast.walk(loop) if isinstance(each, ast.For | ast.comprehension)]
    return {name for target in targets for name in names(target)}
