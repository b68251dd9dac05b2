"""Calls that a docstring shows (`>>> total([1, 2])`), made again with larger literals.

An example is a small program that its author knows to work. Its literals are the sizes: the list that is passed, the
number of nodes of the graph that is built before. Each is marked in the syntax tree, so that a run may replace it.
"""

import ast
import doctest
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .grown import CannotGrowError, Grower  # type: ignore[import-not-found,unused-ignore]

MOST_EXAMPLES, MOST_SITES = 6, 12
STILL = 64  # size of what does not grow, while another part does
LONGEST = 40_000  # characters of a docstring that is read
LITERAL = (ast.List, ast.Tuple, ast.Set, ast.Dict)
UNTOUCHED = ("super", "locals", "globals", "vars", "dir", "eval", "exec")

Call = tuple[tuple[Any, ...], dict[str, Any]]


class _Reached(BaseException):
    """The call was reached: with these arguments."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call


class Example:
    """The statements that lead to one call of a function, with a mark at each literal."""

    def __init__(
        self, statements: Sequence[ast.stmt], around: dict[str, Any], is_target: Callable[[Any], bool]
    ) -> None:
        self.around, self.is_target = around, is_target
        self.text = "; ".join(ast.unparse(each) for each in statements)
        marking = _Marking()
        body = []
        for place, each in enumerate(statements):
            marking.is_call = place == len(statements) - 1
            body.append(marking.visit(ast.parse(ast.unparse(each)).body[0]))
        self.sites: list[tuple[type, bool]] = marking.sites
        self.spans = marking.texts
        tree = ast.fix_missing_locations(ast.Module(body=body, type_ignores=[]))
        self.code = compile(tree, "<example>", "exec")

    def run(self, growers: Mapping[int, Grower]) -> Call | None:
        """Return the arguments of the call, with the literals of some sites grown; None where it is not reached."""

        def mark(site: int, value: Any) -> Any:
            return growers[site].larger(value) if site in growers else value

        def call(function: Any, /, *positional: Any, **named: Any) -> Any:
            if self.is_target(function):
                owner = getattr(function, "__self__", None)
                is_bound = inspect.ismethod(function) and owner is not None and not inspect.isclass(owner)
                raise _Reached(((owner, *positional) if is_bound else positional, named))
            return function(*positional, **named)

        try:
            exec(self.code, {**self.around, "_pw_mark": mark, "_pw_call": call})
        except _Reached as reached:
            return reached.call
        return None

    def said(self, grown: Sequence[int]) -> str:
        """Return the example as people read it, with `n` where it grows."""
        text = self.text
        for site in grown:
            original = self.spans[site]
            text = text.replace(original, "n" if self.sites[site][0] is int else f"{original}...n", 1)
        return text


class _Marking(ast.NodeTransformer):
    """Replaces `value` by `_pw_mark(site, value)` and `f(x)` by `_pw_call(f, x)`."""

    def __init__(self) -> None:
        self.sites: list[tuple[type, bool]] = []
        self.texts: list[str] = []
        self.is_call = False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, (ast.JoinedStr, ast.Subscript, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
            return node
        return super().generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in UNTOUCHED:
            return node
        self.generic_visit(node)
        return ast.Call(func=ast.Name("_pw_call", ast.Load()), args=[node.func, *node.args], keywords=node.keywords)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        kind = type(node.value)
        is_size = isinstance(node.value, int) and node.value > 1
        return self._site(node, kind) if is_size or (kind in (str, bytes, float) and node.value) else node

    def visit_List(self, node: ast.List) -> ast.AST:
        return self._literal(node, list)

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        return self._literal(node, tuple)

    def visit_Set(self, node: ast.Set) -> ast.AST:
        return self._literal(node, set)

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        return self._literal(node, dict)

    def _literal(self, node: ast.expr, kind: type) -> ast.AST:
        try:
            if not ast.literal_eval(node):
                return node
        except (ValueError, TypeError, SyntaxError):
            if isinstance(getattr(node, "ctx", None), ast.Store):
                return node
            return self.generic_visit(node)
        return self._site(node, kind)

    def _site(self, node: ast.expr, kind: type) -> ast.AST:
        self.sites.append((kind, self.is_call))
        self.texts.append(ast.unparse(node))
        return ast.Call(ast.Name("_pw_mark", ast.Load()), [ast.Constant(len(self.sites) - 1), node], [])


class FromExample:
    """Arguments from an example of the docstring: some literals, or some of the arguments themselves, grown."""

    def __init__(self, example: Example, sites: Sequence[int], whole: Sequence[int], *, repeated: bool) -> None:
        self.example, self.sites, self.whole, self.repeated = example, tuple(sites), tuple(whole), repeated
        self.plan: dict[str, Any] = {}

    def call(self, n: int, distribution: str, alone: str = "") -> Call:
        """Return the arguments of one call at a size, where only one part grows if one is named."""
        grower = Grower(n, distribution, repeated=self.repeated)
        still = Grower(STILL, distribution, repeated=self.repeated)
        growers = {site: grower if alone in ("", self.example.spans[site]) else still for site in self.sites}
        made = self.example.run(growers)
        if made is None:
            raise CannotGrowError("the example does not come to its call")
        if not self.whole:
            return made
        positional = [grower.larger(each) if place in self.whole else each for place, each in enumerate(made[0])]
        return tuple(positional), made[1]

    @property
    def said(self) -> str:
        """Say where the input comes from."""
        grows = f", argument {self.whole[0] + 1} grown" if self.whole else ""
        return f"from the docstring's example: {self.example.said(self.sites)}{grows}"

    @property
    def parts(self) -> list[str]:
        """Return the literals that grow."""
        texts = [self.example.spans[site] for site in self.sites]
        return texts if len(set(texts)) == len(texts) and not self.whole else []


def shown(docstring: str, around: dict[str, Any], is_target: Callable[[Any], bool], name: str) -> Iterator[Example]:
    """Give each call of the function that a docstring shows, with the statements that it needs."""
    try:
        parts = doctest.DocTestParser().get_examples(docstring[:LONGEST])
    except ValueError:
        return
    before: list[ast.stmt] = []
    found = 0
    for part in parts:
        try:
            statements = ast.parse(part.source).body
        except SyntaxError:
            continue
        for statement in statements:
            if found < MOST_EXAMPLES and _calls(statement, name):
                found += 1
                yield Example([*_needed(before, statement), statement], around, is_target)
            before.append(statement)


def attempts(example: Example) -> Iterator[FromExample]:
    """Give the ways in which the input of an example may grow, the most natural first."""
    sites = list(enumerate(example.sites[:MOST_SITES]))
    items = [site for site, (kind, in_call) in sites if in_call and kind not in (int, float, str, bytes)]
    texts = [site for site, (kind, in_call) in sites if in_call and kind in (str, bytes)]
    made = [site for site, (kind, in_call) in sites if not in_call and kind not in (int, float)]
    numbers = [site for site, (kind, in_call) in sites if kind is int and not in_call]
    own = [site for site, (kind, in_call) in sites if kind is int and in_call]
    together = [items] if len(items) > 1 else []
    singles = [[site] for some in (items, numbers, made, own, texts) for site in some]
    for some in (*together, *singles):
        yield FromExample(example, some, (), repeated=False)
    if len(numbers) > 1:
        yield FromExample(example, numbers, (), repeated=False)
    for place in range(3):
        yield FromExample(example, (), (place,), repeated=False)
    for some in (*together, *([site] for site in (*items, *made))):
        yield FromExample(example, some, (), repeated=True)


def _calls(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement names the function in a call."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            called = node.func
            if (isinstance(called, ast.Name) and called.id == name) or (
                isinstance(called, ast.Attribute) and called.attr == name
            ):
                return True
    return False


def _needed(before: Sequence[ast.stmt], last: ast.stmt) -> list[ast.stmt]:
    """Return the statements before one that bind, or change, what it uses."""
    names = _names(last)
    kept: list[ast.stmt] = []
    for statement in reversed(before):
        bound = _bound(statement)
        changes = isinstance(statement, (ast.Expr, ast.For, ast.With, ast.AugAssign, ast.Assign, ast.Delete)) and (
            _changed(statement) & names
        )
        if isinstance(statement, (ast.Import, ast.ImportFrom)) or bound & names or changes:
            kept.append(statement)
            if isinstance(statement, ast.Assign) and all(isinstance(each, ast.Name) for each in statement.targets):
                names -= bound  # what was bound to it before is of no use
            names |= _names(statement) - (bound if isinstance(statement, ast.Assign) else set())
    return kept[::-1]


def _names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
        return {statement.name}
    return {each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _changed(statement: ast.stmt) -> set[str]:
    """Return the names whose object a statement may change: `x.add(1)`, `x[0] = 1`, `fill(x)`."""
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found |= _names(node.func.value)
        elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            found |= _names(node.value)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        for each in statement.value.args:
            found |= _names(each) if isinstance(each, ast.Name) else set()
    return found
