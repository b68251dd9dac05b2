"""What is asked of the database for one item of a loop: how many rows of another table have its key, or which."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipes._calls import chain, method_of, name_of, placed
from perfwright.fix.source import Source, names
from perfwright.fix.surroundings import Surroundings

NARROW = ("where", "filter", "filter_by")
RUNS = ("scalar", "scalars", "execute")
STATEMENTS = {  # how a statement is run: whether it counts
    ("scalar",): True,
    ("scalar", "execute"): True,
    ("scalar_one", "execute"): True,
    ("all", "scalars"): False,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of an item: the `whole` of it, whose `column` has the item's `key`, its other conditions, and its order.

    It `counts` rows, or gives them. It has no `session` where it is Django's.
    """

    whole: ast.expr
    model: Model
    written: str
    column: str
    key: ast.Attribute
    counts: bool
    session: ast.expr | None
    conditions: tuple[str, ...] = ()
    order: str = ""


def called_at(source: Source, finding: Finding) -> tuple[Surroundings, Source, ast.Call] | None:
    """Return the call that stands where a finding does, with its file and project; None where there is none."""
    around = surroundings.around(source.root) if source.root is not None else None
    own = around.source(source.path) if around is not None else None
    call = next((each for each in placed(own, finding.place) if isinstance(each, ast.Call)), None) if own else None
    return (around, own, call) if around is not None and own is not None and call is not None else None


def whole_of(source: Source, node: ast.expr) -> ast.expr:
    """Return the whole of what runs a query that a call is part of."""
    while True:
        above = source.parents.get(node)
        if isinstance(above, ast.Attribute) and isinstance(call := source.parents.get(above), ast.Call):
            node = call
        elif isinstance(above, ast.Call) and method_of(above) in RUNS and node in above.args:
            node = above
        else:
            return node


def asked_of(around: Surroundings, source: Source, whole: ast.expr, item: str) -> Asked | None:
    """Return what a call asks of an item; None where it is not of the kinds that are known."""
    links = calls(whole)
    found = of_statement(links) or of_query(links) or of_manager(whole, links)
    if found is None or any(each.keywords and method_of(each) not in NARROW for each in links):
        return None
    written, counts, session, inner = found
    model = around.model(source, written)
    orders = [each for each in inner if method_of(each) == "order_by"]
    if model is None or (model.framework == DJANGO) != (session is None) or len(orders) > (0 if counts else 1):
        return None
    if any(item in names(given) or isinstance(given, ast.Starred) for each in orders for given in each.args):
        return None
    said = conditions(
        source, model, source.text_of(written), [each for each in inner if method_of(each) in NARROW], item
    )
    if said is None:
        return None
    order = "".join(f".order_by({', '.join(source.text_of(given) for given in each.args)})" for each in orders)
    return Asked(whole, model, source.text_of(written), said[0], said[1], counts, session, said[2], order)


def calls(node: ast.expr) -> list[ast.Call]:
    return [each for each in chain(node) if isinstance(each, ast.Call)]


def steps(links: Sequence[ast.Call]) -> list[str]:
    """Return what the calls of a chain do beside narrowing and ordering, the last first."""
    return [name for each in links if (name := name_of(each)) not in (*NARROW, "order_by")]


Found = tuple[ast.expr, bool, ast.expr | None, list[ast.Call]]  # the model, whether it counts, the session, the chain


def of_statement(links: Sequence[ast.Call]) -> Found | None:
    """Return what a statement asks for that a session runs: `session.scalar(select(func.count())...)`."""
    runs = next((each for each in links if method_of(each) in RUNS and len(each.args) == 1), None)
    if runs is None or not isinstance(runs.func, ast.Attribute):
        return None
    how = tuple(name_of(each) for each in links[: links.index(runs) + 1])
    inner = calls(runs.args[0])
    select = inner[-1] if inner and name_of(inner[-1]) == "select" and len(inner[-1].args) == 1 else None
    if how not in STATEMENTS or select is None:
        return None
    if not STATEMENTS[how]:
        return (select.args[0], False, runs.func.value, inner) if steps(inner) == ["select"] else None
    count = select.args[0]
    if not isinstance(count, ast.Call) or name_of(count) != "count" or len(count.args) > 1:
        return None
    column = count.args[0] if count.args else None
    if isinstance(column, ast.Attribute) and column.attr == "id" and steps(inner) == ["select"]:
        return column.value, True, runs.func.value, inner
    tables = [each.args[0] for each in inner if name_of(each) == "select_from" and len(each.args) == 1]
    if column is None and len(tables) == 1 and steps(inner) == ["select_from", "select"]:
        return tables[0], True, runs.func.value, inner
    return None


def of_query(links: Sequence[ast.Call]) -> Found | None:
    """Return what the older form asks for: `session.query(Model).filter(...).count()`."""
    query = links[-1] if links else None
    if query is None or name_of(query) != "query" or len(query.args) != 1 or not isinstance(query.func, ast.Attribute):
        return None
    how = steps(links)
    return (query.args[0], how[0] == "count", query.func.value, list(links)) if how[1:] == ["query"] and how[0] in (
        "count", "all",
    ) else None  # fmt: skip


def of_manager(whole: ast.expr, links: Sequence[ast.Call]) -> Found | None:
    """Return what Django's manager asks for: `Model.objects.filter(...).count()`."""
    manager = next((each for each in chain(whole) if isinstance(each, ast.Attribute) and each.attr == "objects"), None)
    if manager is None or steps(links) != ["count"] or any(method_of(each) == "order_by" for each in links):
        return None
    return manager.value, True, None, list(links)


def conditions(
    source: Source, model: Model, written: str, narrow: Sequence[ast.Call], item: str
) -> tuple[str, ast.Attribute, tuple[str, ...]] | None:
    """Return the column that has the item's key, that key, and the other conditions as they are written."""
    found: list[tuple[str, ast.Attribute]] = []
    others: list[str] = []
    for call in reversed(narrow):
        for given in call.args:
            column = compared(given, written, item)
            if column is not None:
                found.append(column)
            elif item in names(given) or isinstance(given, ast.Starred):
                return None
            else:
                others.append(source.text_of(given))
        for keyword in call.keywords:
            is_key = is_of(keyword.value, item)
            if keyword.arg is None or (item in names(keyword.value) and not is_key):
                return None
            if is_key and isinstance(keyword.value, ast.Attribute):
                found.append((keyword.arg, keyword.value))
            elif model.framework == DJANGO:
                others.append(f"{keyword.arg}={source.text_of(keyword.value)}")
            else:
                others.append(f"{written}.{keyword.arg} == {source.text_of(keyword.value)}")
    if len(found) != 1 or model.column(found[0][0]) is None:
        return None
    return found[0][0], found[0][1], tuple(others)


def compared(node: ast.expr, written: str, item: str) -> tuple[str, ast.Attribute] | None:
    """Return the column of a model that is compared with the item's key, and that key."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq):
        return None
    for one, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
        if is_of(one, item) and isinstance(one, ast.Attribute) and isinstance(other, ast.Attribute):
            return (other.attr, one) if ast.unparse(other.value) == written else None
    return None


def is_of(node: ast.expr, item: str) -> bool:
    """Tell whether an expression is the key of the item."""
    is_named = isinstance(node, ast.Attribute) and node.attr in ("id", "pk")
    return is_named and isinstance(node.value, ast.Name) and node.value.id == item  # type: ignore[attr-defined]
