"""What the passes of a loop over rows test and change, and how the tests are taken away that a query makes."""

import ast
import re
from collections.abc import Sequence

from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._row_uses import Use
from perfwright.fix.source import Edit, Source
from perfwright.fix.surroundings import Surroundings


def is_changed(source: Source, use: Use, more: Sequence[ast.expr | None] = ()) -> bool:
    """Tell whether what is tested of a row, or read `more`, may change after the rows are asked for, but by its own
    pass."""
    some = [part.test for part in use.wanted] + [each for each in more if each is not None]
    read = {each.attr for one in some for each in ast.walk(one) if isinstance(each, ast.Attribute)}
    function = source.function(use.node)
    start = source.span(use.held or use.over)[0]
    return any(
        isinstance(each, ast.Attribute)
        and each.attr in read
        and isinstance(each.ctx, ast.Store)
        and source.span(each)[0] > start
        and not (isinstance(each.value, ast.Name) and each.value.id == use.row)
        for each in (ast.walk(function) if function is not None else ())
    )


def changes_others(around: Surroundings, use: Use) -> bool:
    """Tell whether a pass may change what is tested of rows to come: a function that it calls sets it of something else
    than what it is given."""
    read = {each.attr for part in use.wanted for each in ast.walk(part.test) if isinstance(each, ast.Attribute)}
    called = {name_of(each) for each in ast.walk(use.node) if isinstance(each, ast.Call)}
    functions = [each for each in around.project.functions if each.name in called]
    for found in (around.definition(each) for each in functions):
        given = (
            {each.arg for each in ast.walk(found[1].args) if isinstance(each, ast.arg)} if found is not None else set()
        )
        for each in ast.walk(found[1]) if found is not None else ():
            stores = isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) and each.attr in read
            if stores and ast.unparse(each.value) not in given:  # type: ignore[attr-defined]
                return True
    return False


def untested(source: Source, use: Use) -> list[Edit]:
    """Return the edits that take the conditions of a loop away, all of which the query says."""
    assert isinstance(use.node, ast.For)
    tests = [each for each in use.tests if isinstance(each, ast.If)]
    if use.node.body == tests and len(tests) == 1 and not isinstance(tests[0].body[0], ast.Continue):
        return unwrapped(source, tests[0])
    if len(tests) == len(use.node.body) or not all(source.is_alone(each) for each in tests):
        return []
    return [source.removed(each) for each in tests]


def unwrapped(source: Source, test: ast.If) -> list[Edit]:
    """Return the edits that leave the body of an `if` alone, moved to where that stood; none where it cannot be."""
    first, last = test.body[0], test.body[-1]
    inner, outer = source.indent(first), source.indent(test)
    if first.lineno == test.lineno or re.search(r"\"{3}|'{3}|\\\n", source.text_of(test)):
        return []
    if not source.begins(first) or not inner.startswith(outer):
        return []
    start = source.starts[test.lineno - 1]
    begin, end = source.starts[first.lineno - 1], source.starts[last.end_lineno or last.lineno]
    lines = source.text[begin:end].splitlines(keepends=True)
    moved = "".join(outer + line.removeprefix(inner) if line.startswith(inner) else line for line in lines)
    between = source.text[source.span(test.test)[1] : begin]
    return [Edit(start, end, moved)] if "#" not in between else []
