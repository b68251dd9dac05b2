"""What stands instead of a scan: a dictionary that is made once before the loop, and what is looked up in it."""

import ast
from collections.abc import Iterator, Sequence

from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._scans import Match
from perfwright.fix.recipes._stays import truth_of
from perfwright.fix.source import COMPREHENSIONS, Edit, Source, bound


def grouped(source: Source, match: Match, loop: ast.AST) -> Iterator[Proposal]:
    """Give the proposals: a set where nothing but a match is asked for, the first item by its key, or all of them."""
    statement = source.statement(loop)
    iterable = source.expression(match.scan.iter)
    item, keys, tests = own_names(source, match)
    key = keys[0] if len(keys) == 1 else f"({', '.join(keys)})"
    texts = [source.expression(each) for each in match.wanted]
    wanted = texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    plural, by = collection_of(match.scan.iter), last_of(match.keys[0])
    by = by.removesuffix("s") if match.many else by
    one = source.fresh(by, "one", "held") if match.many else key  # of what an item holds
    call = source.parents.get(match.node)
    if isinstance(match.scan, ast.comprehension) and not match.scan.ifs and isinstance(call, ast.Call):
        name = source.fresh(f"{plural}_{by}s", f"known_{by}s")
        within = f" for {one} in {key}" if match.many else ""
        made = source.before(statement, f"{name} = {{{one} for {item} in {iterable}{within}}}")
        test = f"{wanted} {'in' if ast.unparse(call.func) == 'any' else 'not in'} {name}"
        lone = isinstance(source.parents.get(call), ast.stmt | ast.comprehension)
        text = test if lone else f"({test})"
        yield Proposal((made, source.replace(call, text)), f"what `{iterable}` holds is looked up in a set")
        return
    if (default := first_alone(source, match)) is not None:
        name = source.fresh(f"{plural}_by_{by}", f"first_by_{by}")
        puts = walked(match, item, iterable, (key, one), tests, f"{name}.setdefault({one}, {item})")
        made = source.before(statement, f"{name} = {{}}", *puts)
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
            adds = walked(match, item, through, (key, one), tests, f"{name}.setdefault({one}, []).append({held})")
            made = source.before(statement, f"{name} = {{}}", *adds)
            yield Proposal((made, *looked), f"`{iterable}` is grouped by its key once before the loop")


def walked(
    match: Match, item: str, through: str, key: tuple[str, str], tests: Sequence[str], statement: str
) -> list[str]:
    """Return the lines that do something for the key of each item, as far as its other tests hold; of a key that holds
    several, for each of them once."""
    inner = [f"for {item} in {through}:"]
    if tests:
        inner.append(f"if {' and '.join(tests)}:")
    if match.many:
        inner.append(f"for {key[1]} in set({key[0]}):")
    return [f"{'    ' * depth}{line}" for depth, line in enumerate([*inner, statement])]


def own_names(source: Source, match: Match) -> tuple[str, list[str], list[str]]:
    """Return what an item is called before the loop, its keys, and the tests that come before: by another name where
    its own means something else in the function."""
    target = match.scan.target
    item = ast.unparse(target)
    item = item[1:-1] if isinstance(target, ast.Tuple) else item
    keys = [source.expression(each) for each in match.keys]
    tests = [tested(source, each) for each in match.before]
    taken = taken_around(source, match.node)
    if not isinstance(target, ast.Name) or target.id not in taken:
        return item, keys, tests
    name = source.fresh("each", "item", "one")

    class Renamed(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name(name, node.ctx) if node.id == item else node

    keys, tests = (
        [ast.unparse(Renamed().visit(ast.parse(each, mode="eval"))) for each in some] for some in (keys, tests)
    )
    return name, keys, tests


def tested(source: Source, test: ast.expr) -> str:
    """Return a test as it can stand beside others: in brackets where it is an alternative."""
    text = source.expression(test)
    return f"({text})" if isinstance(test, ast.BoolOp) and not text.startswith("(") else text


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
    if source.text[end:first].split("(")[0].split() != ["if"] or not is_balanced(source.text[end:last]):
        return None
    if not match.rest and len(match.scan.ifs) == 1 and is_whole(match):
        return [whole(source, match.node, looked)]
    if not match.rest:
        return [Edit(start, last, looked)]
    following = source.span(match.rest[0])[0]
    if source.text[last:following].split() != ["and"]:
        return None
    return [Edit(start, following, f"{looked} if ")]


def is_balanced(text: str) -> bool:
    """Tell whether a text has as many brackets that open as close."""
    return text.count("(") == text.count(")")


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
        first = source.span(match.tests[0])[0]
        if source.text[last:following].split() == ["and"] and is_balanced(source.text[first:last]):
            return [Edit(first, following, "")]
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
