"""perflint: each unit test holds a small piece of code and says which message it must get, or none."""

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

from conformance.fixture import Fixture, Mark, Span


def read(checkout: Path) -> Iterator[Fixture]:
    """Give the code of each unit test: all of it is bad or good, for the tests do not say which line."""
    for path in sorted((checkout / "tests").glob("test_*.py")):
        tests = [node for node in ast.walk(ast.parse(path.read_text("utf8"))) if isinstance(node, ast.FunctionDef)]
        expected = {test.name: messages(test) for test in tests}
        codes = frozenset(code for found in expected.values() for code in found)
        for test in tests:
            piece = next(snippets(test), None)
            if piece is None or not (expected[test.name] or asserts(test, "assertNoMessages")):
                continue
            text = textwrap.dedent(piece.value)
            whole = Span(1, max(1, text.count("\n")))
            bad = tuple(Mark(whole, code) for code in sorted(expected[test.name]))
            yield Fixture(
                peer="perflint",
                path=path.relative_to(checkout).as_posix(),
                text=text,
                codes=codes,
                bad=bad,
                good=() if bad else (whole,),
                offset=piece.lineno - 1,
            )


def snippets(test: ast.FunctionDef) -> Iterator[ast.Constant]:
    """Give the pieces of code that a test hands over as text."""
    for call in calls(test):
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("extract_node", "parse") and call.args:
            text = call.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text


def messages(test: ast.FunctionDef) -> list[str]:
    return [
        call.args[0].value
        for call in asserts(test, "assertAddedMessage")
        if call.args and isinstance(call.args[0], ast.Constant)
    ]


def asserts(test: ast.FunctionDef, name: str) -> list[ast.Call]:
    return [call for call in calls(test) if isinstance(call.func, ast.Attribute) and call.func.attr == name]


def calls(test: ast.FunctionDef) -> Iterator[ast.Call]:
    return (node for node in ast.walk(test) if isinstance(node, ast.Call))
