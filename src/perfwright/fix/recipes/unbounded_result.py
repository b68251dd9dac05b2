"""An endpoint answers with a page of rows: `limit`, and where the page begins, are parameters of it.

Of FastAPI and Flask with SQLAlchemy: the query stands in the endpoint and goes to its answer without being filtered,
counted or summed up after. Its order is made whole by the key of the model, so that pages do not change places. Where
the key is the order, a page begins after the last key of the page before, else at an offset. Where the rows go to a
template, that goes through them once, and not to choose among them in a form. Of what is filtered after, or comes from
elsewhere as a list, the answer takes a part. Of Django REST framework: a class of pages for the view.
"""

import ast
import itertools
import re
from collections.abc import Iterator

from perfwright.finding import Finding
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._answers import Definition, is_endpoint, is_flask, is_last, is_walked, reads, rendered
from perfwright.fix.recipes._imports import name_of
from perfwright.fix.recipes._paging import (
    MOST,
    PAGE,
    SAYS,
    WIDE,
    asked,
    is_number,
    keys,
    methods,
    of_endpoint,
    of_request,
    selected,
    width,
)
from perfwright.fix.source import Edit, Source, names
from perfwright.fix.surroundings import around
from perfwright.index.project import Function

VIEWS = re.compile(r"(ListAPIView|ListCreateAPIView|ModelViewSet|ListModelMixin)$")
DEEP = 3  # functions and names that a list is followed through
BOUNDED = {"limit", "slice", "fetch", "offset"}


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    call = of_name(source, finding) or source.at(finding.place, ast.Call)
    function = source.function(call) if call is not None else None
    if call is not None and function is not None:
        if is_flask(source, function) or is_endpoint(source, function):
            call = running(source, call)
            is_whole = asked(call) is not None and is_last(source, call, function)
            yield from (paged if is_whole else sliced)(source, call, function)
        return
    inside = source.at(finding.place, ast.ClassDef)
    if inside is not None:
        yield from view(source, inside)


# ------------------------------------------------------------------------------ FastAPI and Flask
def of_name(source: Source, finding: Finding) -> ast.Call | None:
    """Return the call that gave rows their name, where a finding is at a use of that; None where it is not."""
    name = source.at(finding.place, ast.Name)
    function = source.function(name) if name is not None else None
    if name is None or function is None or isinstance(source.parents[name], ast.Attribute | ast.Call):
        return None
    given = assigned(function, name.id)
    made = given[0].value if len(given) == 1 and isinstance(given[0], ast.Await) else given[0] if given else None
    return made if len(given) == 1 and isinstance(made, ast.Call) else None


def running(source: Source, call: ast.Call) -> ast.Call:
    """Return the call that runs the query which a call makes; the call itself where it makes none."""
    above = itertools.takewhile(lambda each: not isinstance(each, ast.stmt), source.above(call))
    return next((each for each in (call, *above) if isinstance(each, ast.Call) and asked(each) is not None), call)


def paged(source: Source, call: ast.Call, function: Definition) -> Iterator[Proposal]:
    """Give the proposal that asks for a page of what a query of SQLAlchemy selects."""
    query, flask, node = asked(call), is_flask(source, function), answered(source, function, call)
    if query is None or node is None or (flask and not is_open(source, node)):
        return
    chains = chained(function, query)
    calls = [each for chain in chains for each in methods(chain)]
    named = {each.func.attr for each in calls if isinstance(each.func, ast.Attribute)}
    if named & BOUNDED or not (named & {"query", "select"} or any(map(is_query, chains)) or "select" in called(calls)):
        return
    orders = [each for each in calls if isinstance(each.func, ast.Attribute) and each.func.attr == "order_by"]
    order = [source.text_of(arg) for each in orders for arg in each.args]
    missing, by_key = whole_order(source, chains, order) if "distinct" not in named else ([], "")
    if not order and not missing:
        return
    after = bool(by_key) and not flask
    edits: list[Edit] = []
    if len(orders) == 1 and orders[0].args and missing:
        last = source.span(orders[0].args[-1])[1]
        edits, missing = [Edit(last, last, f", {', '.join(missing)}")], []
    more = f".order_by({', '.join(missing)})" if missing else ""
    more += f".where({by_key} > after).limit(limit)" if after else ".limit(limit).offset(offset)"
    shown = flask and rendered(source, node) is not None
    made = (
        of_request(source, source.statement(call), function, numbered=shown)
        if flask
        else of_endpoint(source, function, after=after)
    )
    if made is None:
        return
    end = source.span(query)[1]
    if call.args and width(source, end) + len(more) > WIDE:
        more = f"\n{source.indent(source.statement(query))}        {more}"
    yield Proposal((*made, *edits, Edit(end, end, more)), SAYS)


def sliced(source: Source, call: ast.Call, function: Definition) -> Iterator[Proposal]:
    """Give the proposal that answers with a part of a list: of what is filtered, or what another function gives."""
    node = answered(source, function, call)
    if node is None or not isinstance(source.statement(node), ast.Return):
        return
    part = outermost(source, node)
    if part is None or not is_list(source, function, part):
        return
    flask = is_flask(source, function)
    if flask and not is_open(source, part):
        return
    statement = source.statement(node)
    shown = flask and rendered(source, part) is not None
    made = of_request(source, statement, function, numbered=shown) if flask else of_endpoint(source, function)
    if made is not None:
        end = source.span(part)[1]
        says = f"{SAYS}; all are fetched as before"
        yield Proposal((*made, Edit(end, end, "[offset : offset + limit]")), says)


def is_open(source: Source, node: ast.AST) -> bool:
    """Tell whether an answer of Flask can hold a page of rows: as data, or in a template that goes through them."""
    if (found := rendered(source, node)) is not None:
        return found[1].arg is not None and is_walked(source, found[0], found[1].arg)
    above = [each for each in source.above(node) if isinstance(each, ast.Call)]
    return not any(source.text_of(each.func).rpartition(".")[2].startswith(("render", "redirect")) for each in above)


def answered(source: Source, function: Definition, call: ast.Call) -> ast.expr | None:
    """Return the part of an answer that rows go to it by: a call, or the one use of its name that is no choice among
    the same rows; None where there are others."""
    statement = source.statement(call)
    if not isinstance(statement, ast.Assign):
        return call
    if len(statement.targets) != 1 or not isinstance(statement.targets[0], ast.Name):
        return None
    name = statement.targets[0].id
    again = [source.statement(each) for each in assigned(function, name)]
    uses = [each for each in reads(function, name) if source.statement(each) not in again]
    changed = any(isinstance(e, ast.AugAssign) and source.text_of(e.target) == name for e in ast.walk(function))
    return uses[0] if len(uses) == 1 and not changed else None


def outermost(source: Source, node: ast.expr) -> ast.expr | None:
    """Return the largest list around rows that an answer holds, or what an unconditional comprehension goes through."""
    part: ast.expr = node
    top: ast.AST = node
    for each in source.above(node):
        if isinstance(each, ast.comprehension):
            if each.iter is not top or each.is_async:
                return None
        elif isinstance(each, ast.ListComp):
            if len(each.generators) != 1 or each.generators[0] is not top:
                return None
            part = each if each.generators[0].ifs else part
        elif isinstance(each, ast.Call) and source.text_of(each.func) in ("sorted", "list") and top in each.args:
            part = each
        elif isinstance(each, ast.Dict | ast.keyword | ast.Return) or is_json(source, each):
            return part
        else:
            return None
        top = each
    return None


def is_json(source: Source, node: ast.AST) -> bool:
    """Tell whether a node makes an answer of data."""
    return isinstance(node, ast.Call) and source.text_of(node.func).rpartition(".")[2] == "jsonify"


def is_list(source: Source, function: Definition, node: ast.expr, depth: int = 0, *, walked: bool = False) -> bool:
    """Tell whether an expression is a list whose items have an order of their own, or is one once it is `walked`."""
    if isinstance(node, ast.ListComp):
        return is_list(source, function, node.generators[0].iter, depth, walked=True)
    if isinstance(node, ast.Name):
        given = assigned(function, node.id)
        rest = [each for each in given if node.id not in names(each)]
        return bool(rest) and depth < DEEP and all(is_list(source, function, e, depth + 1, walked=walked) for e in rest)
    if not isinstance(node, ast.Call):
        return False
    name = source.text_of(node.func)
    if name == "sorted":
        return True
    if name == "list" and len(node.args) == 1:
        return is_list(source, function, node.args[0], depth, walked=True)
    if (query := asked(node)) is not None:
        chains = chained(function, query)
        return (walked or name.endswith(".all")) and any(".order_by(" in source.text_of(each) for each in chains)
    known = around(source.root) if source.root is not None else None
    found = known.entity(source, node.func) if known is not None else None
    defined = known.definition(found) if known is not None and isinstance(found, Function) else None
    if defined is None or depth >= DEEP:
        return False
    where, made = defined
    answers = [each.value for each in ast.walk(made) if isinstance(each, ast.Return)]
    return bool(answers) and all(each is not None and is_list(where, made, each, depth + 1) for each in answers)


def whole_order(source: Source, chains: list[ast.expr], order: list[str]) -> tuple[list[str], str]:
    """Return what makes the order of a query whole, of the key of its model; and that key, where it is a number and
    the whole order."""
    models = [each for each in (selected(source, chain) for chain in chains) if each is not None]
    known = around(source.root) if source.root is not None else None
    model = known.model(source, models[0]) if known is not None and len(models) == 1 else None
    if known is None or model is None or not (key := keys(model)):
        return [], ""
    written = [f"{source.text_of(models[0])}.{name}" for name in key]
    missing = [each for each in written if not any(re.match(rf"{re.escape(each)}\b", one) for one in order)]
    only = written[0] if len(key) == 1 and order in ([], written) and is_number(known, model, key[0]) else ""
    # Where an index is read backwards, rows that are equal in it come backwards, too.
    last = re.fullmatch(r"(?:\w+\.)+(\w+)\.desc\(\)", order[-1]) if order else None
    column = model.columns.get(last[1]) if last is not None else None
    down = ".desc()" if column is not None and column.indexed else ""
    return [f"{each}{down}" for each in missing], only


def chained(function: ast.AST, query: ast.expr) -> list[ast.expr]:
    """Return a query with all that its name is given in a function."""
    base = query
    while isinstance(base, ast.Call | ast.Attribute):
        base = base.func if isinstance(base, ast.Call) else base.value
    return [query, *(assigned(function, base.id) if isinstance(base, ast.Name) else ())]


def assigned(function: ast.AST, name: str) -> list[ast.expr]:
    """Return what a name is given in a function."""
    found = [each for each in ast.walk(function) if isinstance(each, ast.Assign)]
    return [each.value for each in found if any(isinstance(t, ast.Name) and t.id == name for t in each.targets)]


def is_query(chain: ast.expr) -> bool:
    """Tell whether an expression is of the older form: `session.query(Order)`, `Order.query`."""
    return any(isinstance(each, ast.Attribute) and each.attr == "query" for each in ast.walk(chain))


def called(calls: list[ast.Call]) -> set[str]:
    """Return the plain names that are called."""
    return {each.func.id for each in calls if isinstance(each.func, ast.Name)}


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
