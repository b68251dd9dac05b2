"""What a peer's fixture says: its code, and which parts of it the peer marks and does not mark."""

import ast
import builtins
import sys
from collections.abc import Iterator
from dataclasses import dataclass

# What a fixture may lean on without an import: the libraries that the peers' fixtures are about.
LIBRARIES = frozenset(
    ["aiohttp", "anyio", "django", "flask", "httpx", "httpx2", "requests", "sqlalchemy", "trio", "urllib3"]
)
UNPARSABLE = 50  # lines of a fixture that a newer or an older Python would read
DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
SAYS_NOTHING = (ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal, ast.Break, ast.Continue)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Lines of a file, from the first to the last, counted from 1."""

    first: int
    last: int

    def holds(self, line: int) -> bool:
        return self.first <= line <= self.last


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A part that a peer marks as bad under one of its codes."""

    span: Span
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """One piece of code of a peer with its marks; `path` is relative to the checkout, `offset` the lines before it.

    `codes` are those that the peer tries on it, `good` the parts that it leaves unmarked under each of them.
    """

    peer: str
    path: str
    text: str
    codes: frozenset[str]
    bad: tuple[Mark, ...]
    good: tuple[Span, ...]
    offset: int = 0


def parsable(text: str) -> str:
    """Return a text without the lines that are not Python here, the others where they were; "" where all would go."""
    lines = text.split("\n")
    for _ in range(UNPARSABLE):
        try:
            ast.parse("\n".join(lines))
        except SyntaxError as error:
            at = min(error.lineno or 1, len(lines)) - 1
            if not lines[at]:
                return ""
            lines[at] = ""
        except ValueError:
            return ""
        else:
            return "\n".join(lines)
    return ""


def statements(text: str) -> list[Span]:
    """Return the lines of each statement, of a compound one those of its header; raises SyntaxError.

    A handler of exceptions counts as one, with all of its lines.
    """
    spans = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            spans.add(span_of(node))
        elif isinstance(node, ast.ExceptHandler):
            spans.add(Span(node.lineno, node.end_lineno or node.lineno))
    return sorted(spans)


def worked(text: str) -> list[Span]:
    """Return the statements that do something: no imports, no bare names or constants, no plain `def` and `class`."""
    return sorted({span_of(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt) and works(node)})


def works(node: ast.stmt) -> bool:
    if isinstance(node, DEFINES):
        return bool(node.decorator_list)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.Name):
        return False
    return not isinstance(node, SAYS_NOTHING)


def span_of(node: ast.stmt) -> Span:
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return Span(first, node.end_lineno or first)
    inner = body[0].pattern.lineno if isinstance(body[0], ast.match_case) else span_of(body[0]).first
    return Span(first, max(node.lineno, inner - 1))


def around(spans: list[Span], line: int) -> Span:
    """Return the smallest statement that holds a line, or the line itself where none does."""
    holding = [span for span in spans if span.holds(line)]
    return min(holding, key=lambda span: span.last - span.first, default=Span(line, line))


def matches(text: str) -> list[tuple[Span, Span]]:
    """Return each statement, of a compound one its header, with how far a pattern that begins there may go.

    A pattern of several statements goes on in the same block, and one that begins with a compound statement goes
    to its end; raises SyntaxError.
    """
    found = []
    for node in ast.walk(ast.parse(text)):
        for field in ("body", "orelse", "finalbody", "handlers"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                for each in block:
                    if isinstance(each, ast.stmt):
                        last = block[-1] if isinstance(each, ast.Assign | ast.AnnAssign) else each
                        end = last.end_lineno or each.lineno
                        found.append((span_of(each), Span(span_of(each).first, end)))
    return sorted(found)


def matched(starts: list[tuple[Span, Span]], line: int) -> Span:
    """Return what a pattern that begins at a line may cover."""
    holding = [(start.last - start.first, reach) for start, reach in starts if start.holds(line)]
    return min(holding, default=(0, Span(line, line)))[1]


def unmarked(spans: list[Span], bad: tuple[Mark, ...]) -> tuple[Span, ...]:
    """Return the statements that no mark touches."""
    return tuple(
        span for span in spans if not any(mark.span.first <= span.last and span.first <= mark.span.last for mark in bad)
    )


def missing_imports(text: str) -> list[str]:
    """Return the modules that a fixture uses by name and never binds: code that runs would import them."""
    used: set[str] = set()
    bound = set(dir(builtins))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, DEFINES):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return sorted((used - bound) & (sys.stdlib_module_names | LIBRARIES))


def indented(text: str) -> str | None:
    """Return a text four columns to the right; None where nothing at its top does anything."""
    tree = ast.parse(text)
    loose = [node for node in tree.body if works(node) and not isinstance(node, DEFINES)]
    if not loose:
        return None
    inside: set[int] = set()  # of a string: its lines are no code
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno is not None:
            inside.update(range(node.lineno + 1, node.end_lineno + 1))
    lines = text.split("\n")
    return "\n".join(line if number in inside or not line else f"    {line}" for number, line in enumerate(lines, 1))


def top_imports(text: str) -> list[str]:
    """Return the imports at the top of a text, a line each."""
    found = [node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [ast.unparse(node) for node in found]


def marked_lines(peer: str, path: str, text: str, lines: dict[str, list[int]]) -> Iterator[Fixture]:
    """Give the fixture whose marks are lines by code, an empty list where a code finds nothing.

    Lines that this Python cannot parse are left out, with what is said of them.
    """
    text = parsable(text)
    spans = statements(text)
    marks = {
        Mark(around(spans, line), code)
        for code, where in lines.items()
        for line in where
        if any(span.holds(line) for span in spans)
    }
    bad = tuple(sorted(marks))
    yield Fixture(peer=peer, path=path, text=text, codes=frozenset(lines), bad=bad, good=unmarked(worked(text), bad))
