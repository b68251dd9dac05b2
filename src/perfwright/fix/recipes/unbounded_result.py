"""An endpoint answers with a page of rows: `limit`, and where the page begins, are parameters of it.

Of FastAPI with SQLAlchemy: the query stands in the endpoint and goes to its answer without being filtered, counted or
summed up after; its rows have an order, or a key that the file names. Where the key is the order, a page begins after
the last key of the page before, else at an offset. Of Flask with SQLAlchemy, where no template makes a page of it:
both are read from the request. Of Django REST framework: a class of pages for the view.
"""

import ast
import re
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._imports import merged, name_of
from perfwright.fix.source import Edit, Source

PAGE, MOST = 100, 1000
WIDE = 108  # characters of a line, with what follows
ASKS = ("scalars", "execute", "stream", "stream_scalars")
ROUTES = ("get", "api_route", "post")
SUMMED = ("len", "sum", "min", "max", "any", "all", "set", "Counter", "groupby", "next")
VIEWS = re.compile(r"(ListAPIView|ListCreateAPIView|ModelViewSet|ListModelMixin)$")


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = source.at(finding.place, ast.Call)
    function = source.function(call) if call is not None else None
    if call is not None and function is not None:
        flask = is_flask(source, function)
        if (flask or is_endpoint(source, function)) and is_last(source, call, function):
            yield from paged(source, call, function, flask=flask)
        return
    around = source.at(finding.place, ast.ClassDef)
    if around is not None:
        yield from view(source, around)


# ------------------------------------------------------------------------------ FastAPI
def is_endpoint(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function answers requests of FastAPI."""
    if not any(
        isinstance(each, ast.ImportFrom | ast.Import) and "fastapi" in source.text_of(each) for each in source.tree.body
    ):
        return False
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ROUTES
        for each in function.decorator_list
    )


def is_flask(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function answers requests of Flask that only read, with data and not with a page of a template."""
    if not any(isinstance(each, ast.ImportFrom) and each.module == "flask" for each in source.tree.body):
        return False
    called = [each.func for each in ast.walk(function) if isinstance(each, ast.Call)]
    if any(source.text_of(each).rpartition(".")[2].startswith(("render_", "redirect")) for each in called):
        return False
    routes = [each for each in function.decorator_list if isinstance(each, ast.Call)]
    named = [each for each in routes if isinstance(each.func, ast.Attribute) and each.func.attr in ("route", "get")]
    return bool(named) and not any(keyword.arg == "methods" for each in named for keyword in each.keywords)


def is_last(source: Source, call: ast.Call, function: ast.AST) -> bool:
    """Tell whether the rows of a query go to the answer as they are: nobody filters, counts or adds them up."""
    uses: list[ast.AST] = [call]
    statement = source.statement(call)
    if isinstance(statement, ast.Assign):
        if len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
            return False
        name = statement.targets[0].id
        uses += [
            n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name and n is not statement.targets[0]
        ]
        if len(uses) != 2:  # more than the answer is made of it
            return False
    elif not isinstance(statement, ast.Return):
        return False
    return not any(is_used_up(source, each) for each in uses)


def is_used_up(source: Source, node: ast.AST) -> bool:
    """Tell whether a part of an expression is filtered, counted or added up on the way to its statement."""
    for each in source.above(node):
        if isinstance(each, ast.stmt):
            return isinstance(each, ast.If | ast.For | ast.While)
        if isinstance(each, ast.comprehension) and each.ifs:
            return True
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in SUMMED:
            return True
        if isinstance(each, ast.Compare | ast.BoolOp | ast.Subscript | ast.IfExp):
            return True
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in ("one", "first"):
            return True
    return False


def asked(call: ast.Call) -> ast.expr | None:
    """Return the query that a call runs: of `scalars(…)` and the like, or of `….query….all()`."""
    if not isinstance(call.func, ast.Attribute):
        return None
    if call.func.attr in ASKS and call.args:
        return call.args[0]
    return call.func.value if call.func.attr == "all" and not call.args else None


def paged(
    source: Source, call: ast.Call, function: ast.FunctionDef | ast.AsyncFunctionDef, *, flask: bool
) -> Iterator[Proposal]:
    """Give the proposal that asks for a page of what a query of SQLAlchemy selects."""
    query = asked(call)
    if query is None:
        return
    chains = [query]
    if isinstance(query, ast.Name):
        chains = [
            each.value
            for each in ast.walk(function)
            if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == query.id for t in each.targets)
        ]
    calls = [each for chain in chains for each in methods(chain)]
    root = next((each for each in calls if source.text_of(each.func).rpartition(".")[2] == "select"), None)
    named = {each.func.attr for each in calls if isinstance(each.func, ast.Attribute)}
    older = root is None and any(is_query(each) for chain in chains for each in ast.walk(chain))
    if ((root is None or not root.args) and not older) or named & {"limit", "slice", "fetch", "offset"}:
        return
    taken = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
    if taken & {"limit", "offset", "after"} or "*" in taken:
        return
    orders = [each for each in calls if isinstance(each.func, ast.Attribute) and each.func.attr == "order_by"]
    model = source.text_of(root.args[0]) if root is not None else ""
    key = f"{model}.id"
    alone = root is not None and len(root.args) == 1 and model.isidentifier()
    by_key = alone and [source.text_of(arg) for each in orders for arg in each.args] == [key]
    unordered = alone and not orders and re.search(rf"\b{re.escape(key)}\b", source.text) is not None
    if not orders and (flask or not unordered):
        return
    if flask:
        yield from read(source, function, query)
        return
    annotated, first = name_of(source, "typing", "Annotated")
    bounded, second = name_of(source, "fastapi", "Query")
    limit = f"limit: {annotated}[int, {bounded}(ge=1, le={MOST})] = {PAGE}"
    if by_key or unordered:
        begins = "after: int = 0"
        more = f"{'' if by_key else f'.order_by({key})'}.where({key} > after).limit(limit)"
    else:
        begins = f"offset: {annotated}[int, {bounded}(ge=0)] = 0"
        more = ".limit(limit).offset(offset)"
    end = source.span(query)[1]
    if width(source, end) + len(more) > WIDE:
        more = f"\n{source.indent(source.statement(query))}        {more}"
    says = f"it answers with {PAGE} rows, and with the next ones to who asks for them"
    yield Proposal((*parameters(source, function, limit, begins), Edit(end, end, more), *merged(first, second)), says)


def is_query(node: ast.AST) -> bool:
    """Tell whether an expression is a query of the older form: `session.query(Order)`, `Order.query`."""
    return isinstance(node, ast.Attribute) and node.attr == "query"


def read(source: Source, function: ast.FunctionDef | ast.AsyncFunctionDef, query: ast.expr) -> Iterator[Proposal]:
    """Give the proposal that reads from a request of Flask which page is asked for."""
    statement = source.statement(query)
    held = {each.id for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    if held & {"limit", "offset"} or not source.is_alone(statement) or statement not in function.body:
        return
    request, imports = source.imported("flask", "request")
    lines = (
        f'limit = min(max({request}.args.get("limit", {PAGE}, type=int), 1), {MOST})',
        f'offset = max({request}.args.get("offset", 0, type=int), 0)',
    )
    end = source.span(query)[1]
    edits = (source.before(statement, *lines), Edit(end, end, ".limit(limit).offset(offset)"), *imports)
    yield Proposal(edits, f"it answers with {PAGE} rows, and with the next ones to who asks for them")


def width(source: Source, offset: int) -> int:
    """Return how long the line is that a place of the text is on, with what follows there."""
    start = source.text.rfind("\n", 0, offset) + 1
    end = source.text.find("\n", offset)
    return (len(source.text) if end < 0 else end) - start


def methods(chain: ast.AST) -> Iterator[ast.Call]:
    """Give the calls of a chain, the last first: `select(A).where(...)`."""
    while isinstance(chain, ast.Call | ast.Attribute):
        if isinstance(chain, ast.Call):
            yield chain
            chain = chain.func
        else:
            chain = chain.value


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


# ------------------------------------------------------------------------------ Django REST framework
def view(source: Source, around: ast.ClassDef) -> Iterator[Proposal]:
    """Give the proposal that divides what a view of Django REST framework answers into pages."""
    bases = [source.text_of(each) for each in around.bases]
    if not any(map(VIEWS.search, bases)):
        return
    own = [
        each
        for each in around.body
        if isinstance(each, ast.Assign) and any(source.text_of(t) == "pagination_class" for t in each.targets)
    ]
    if own and source.text_of(own[0].value) != "None":
        return
    known = next(
        (each.name for each in source.tree.body if isinstance(each, ast.ClassDef)
         and any(source.text_of(base).endswith("Pagination") for base in each.bases)),
        "",
    )  # fmt: skip
    edits: list[Edit] = []
    name = known
    if not known:
        base, imports = name_of(source, "rest_framework.pagination", "PageNumberPagination")
        name = source.fresh("Pages", "PagesOfRows")
        lines = (
            f"class {name}({base}):",
            f"    page_size = {PAGE}",
            '    page_size_query_param = "page_size"',
            f"    max_page_size = {MOST}",
        )
        made = source.before(around, *lines)
        edits = [Edit(made.start, made.end, f"{made.text}\n\n"), *imports]
    if own:
        edits.append(source.replace(own[0].value, name))
    else:
        last = next((each for each in reversed(around.body) if isinstance(each, ast.Assign)), None)
        if last is None or not source.is_alone(last):
            return
        edits.append(source.after(last, f"pagination_class = {name}"))
    yield Proposal(tuple(edits), f"it answers with pages of {PAGE} rows")


RECIPE = Recipe(
    rule="unbounded-result",
    improves=("rows", "bytes", "time", "memory"),
    propose=propose,
    allows=("new-parameters", "first-page"),
    suggested="who asks gets a page of rows, and has to ask for the next one",
)
