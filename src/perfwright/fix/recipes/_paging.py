"""What a page of rows is made with: parameters of an endpoint, or what a request asks for; an order that is whole."""

import ast
import re
from collections.abc import Iterator

from perfwright.effects.schema import DJANGO, Model
from perfwright.fix.recipes._answers import Definition
from perfwright.fix.recipes._columns import declaration
from perfwright.fix.recipes._imports import merged, name_of
from perfwright.fix.source import FUNCTIONS, Edit, Source, names
from perfwright.fix.surroundings import Surroundings

PAGE, MOST = 100, 1000
WIDE = 108  # characters of a line, with what follows
ASKS = ("scalars", "execute", "stream", "stream_scalars")
NUMBER = re.compile(r"\b(int|\w*Integer)\b")
SAYS = f"it answers with {PAGE} rows, and with the next ones to who asks for them"


def asked(call: ast.Call) -> ast.expr | None:
    """Return the query that a call runs: of `scalars(…)` and the like, or of `….query….all()`."""
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr in ASKS and call.args:
        return call.args[0]
    return call.func.value if call.func.attr == "all" and not call.args else None


def methods(chain: ast.AST) -> Iterator[ast.Call]:
    """Give the calls of a chain, the last first: `select(A).where(...)`."""
    while isinstance(chain, ast.Call | ast.Attribute):
        if isinstance(chain, ast.Call):
            yield chain
            chain = chain.func
        else:
            chain = chain.value


def selected(source: Source, chain: ast.expr) -> ast.expr | None:
    """Return the model that a query of SQLAlchemy gives the rows of: `select(Order)`, `session.query(Order)`,
    `Order.query`; None where it gives other things too, or is none."""
    for each in methods(chain):
        if source.text_of(each.func).rpartition(".")[2] in ("select", "query"):
            return each.args[0] if len(each.args) == 1 else None
    found = [each for each in ast.walk(chain) if isinstance(each, ast.Attribute) and each.attr == "query"]
    return found[0].value if len(found) == 1 else None


def keys(model: Model) -> list[str]:
    """Return the names of the columns that a model's primary key is made of."""
    return [each.name for each in model.columns.values() if each.type == "primary"] if model.framework != DJANGO else []


def is_number(around: Surroundings, model: Model, name: str) -> bool:
    """Tell whether the values of a column are whole numbers, which begin at one."""
    said = declaration(around, model.columns[name])
    return said is not None and NUMBER.search(ast.unparse(said)) is not None


def width(source: Source, offset: int) -> int:
    """Return how long the line is that a place of the text is on, with what follows there."""
    start = source.text.rfind("\n", 0, offset) + 1
    end = source.text.find("\n", offset)
    return (len(source.text) if end < 0 else end) - start


def parameters(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, *parts: str) -> list[Edit]:
    """Return the edit that adds parameters with defaults to a function."""
    given = function.args
    if given.vararg or given.kwarg:
        raise ValueError("it takes any number of arguments")
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *given.defaults, *filter(None, given.kw_defaults)]
    if every:
        end = max(source.span(each)[1] for each in every)
        if width(source, end) + len(", ".join(parts)) > WIDE:
            indent = f"\n{source.indent(function)}        "
            return [Edit(end, end, "".join(f",{indent}{each}" for each in parts))]
        return [Edit(end, end, f", {', '.join(parts)}")]
    start = source.text.index(f"{function.name}(", source.offset(function.lineno, function.col_offset))
    end = start + len(function.name) + 1
    return [Edit(end, end, ", ".join(parts))]


def of_request(source: Source, statement: ast.stmt, function: Definition, *, numbered: bool) -> list[Edit] | None:
    """Return the edits that read from a request of Flask which page is asked for, before a statement: `limit` and
    `offset`; the `offset` alone where pages are `numbered`. None where it has no place there."""
    held = names(function) | {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    loops = (ast.For, ast.AsyncFor, ast.While, *FUNCTIONS)
    inside = [each for each in source.above(statement) if each is not function and source.function(each) is function]
    if held & {"limit", "offset"} or not source.is_alone(statement) or any(isinstance(e, loops) for e in inside):
        return None
    request, imports = source.imported("flask", "request")
    lines = [
        f'limit = min(max({request}.args.get("limit", {PAGE}, type=int), 1), {MOST})',
        f'offset = max({request}.args.get("offset", 0, type=int), 0)',
    ]
    if numbered:
        lines = [
            f"limit = {PAGE}",
            f'offset = (max({request}.args.get("page", 1, type=int), 1) - 1) * limit',
        ]
    return [source.before(statement, *lines), *imports]


def of_endpoint(source: Source, function: Definition, *, after: bool = False) -> list[Edit] | None:
    """Return the edits that give an endpoint of FastAPI parameters for a page: `limit`, and `after` which key or at
    which `offset` it begins. None where it has such, or takes any number of them."""
    taken = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    if (taken | names(function)) & {"limit", "offset", "after", "page"} or function.args.vararg or function.args.kwarg:
        return None
    annotated, first = name_of(source, "typing", "Annotated")
    bounded, second = name_of(source, "fastapi", "Query")
    limit = f"limit: {annotated}[int, {bounded}(ge=1, le={MOST})] = {PAGE}"
    begins = "after: int = 0" if after else f"offset: {annotated}[int, {bounded}(ge=0)] = 0"
    return [*parameters(source, function, limit, begins), *merged(first, second)]
