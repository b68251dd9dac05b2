"""Rows that a function asks for level by level, by calling itself, are asked for once and found by their parent.

The function asks for the rows of a model whose foreign key, to that model itself, is a value: `select(Category)
.where(Category.parent_id == parent_id)`. It calls itself in the loop over them; from outside it is given a row, or a
whole number by annotation, to begin at, or nothing. It gets a last parameter, by which its own calls hand on the rows.
The other conditions and the order are the same at each level, and nothing is changed in it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from perfwright.effects.schema import DJANGO, Model
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal, Recipe
from perfwright.fix.recipes._asked import NARROW, calls, of_query, of_statement, whole_of
from perfwright.fix.recipes._bindings import arguments, assigned, walked
from perfwright.fix.recipes._calls import method_of, with_argument
from perfwright.fix.recipes._paging import parameters
from perfwright.fix.recipes._quiet import is_quiet
from perfwright.fix.recipes._rows import key
from perfwright.fix.recipes._types import meant
from perfwright.fix.recipes._uses import used
from perfwright.fix.source import Edit, Source, names
from perfwright.fix.surroundings import Surroundings

WHOLE = ("int", "int | None", "None | int", "Optional[int]")


@dataclass(frozen=True, slots=True)
class Level:
    """The query of a level: of a `model` as it is `written`, the rows whose `column` is a `value`, asked for by what is
    said `ahead`; `others` are the other conditions and the order, as they are written."""

    source: Source
    function: ast.FunctionDef
    whole: ast.expr
    model: Model
    ahead: str
    column: str
    value: ast.expr
    others: tuple[ast.expr, ...]
    narrow: str
    order: str

    def is_below(self, call: ast.Call) -> bool:
        """Tell whether a call is made in a loop over the rows, and given something of one."""
        rows = [each for each in ast.walk(call) if isinstance(each, ast.Name)]
        return any(self.gives(over) for each in rows if (over := walked(self.source, each)) is not None)

    def gives(self, node: ast.expr) -> bool:
        """Tell whether an expression stands for the rows."""
        if isinstance(node, ast.Name):
            return (assigned(self.function, node.id) or []) == [self.whole]
        return node is self.whole

    def is_fixed(self, inner: list[ast.Call]) -> bool:
        """Tell whether all but the value is the same at each level."""
        given = {each.arg for each in ast.walk(self.function.args) if isinstance(each, ast.arg)}
        wanted = set[str]().union(*map(names, self.others))
        stored = {
            each.id
            for each in ast.walk(self.function)
            if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load)
        }
        handed = [arguments(self.function, each, is_method=False) for each in inner]
        same = all(name in one and ast.unparse(one[name]) == name for one in handed for name in wanted & given)
        return same and not wanted & stored

    def begins_with(self, around: Surroundings, node: ast.expr, outside: list[ast.Call]) -> bool:
        """Tell whether a value is a key of the model, or none, for all who call the function from outside."""
        if isinstance(node, ast.Constant):
            return node.value is None
        if isinstance(node, ast.IfExp):
            return all(self.begins_with(around, each, outside) for each in (node.body, node.orelse))
        is_key = isinstance(node, ast.Attribute) and node.attr == key(self.model)
        name = node.value if is_key and isinstance(node, ast.Attribute) else node
        if not isinstance(name, ast.Name):
            return False
        values = assigned(self.function, name.id)
        given = [each for each in ast.walk(self.function.args) if isinstance(each, ast.arg) and each.arg == name.id]
        if not given:
            return not is_key and bool(values) and all(self.begins_with(around, each, outside) for each in values or ())
        said = given[0].annotation
        if values or said is None:
            handed = [arguments(self.function, each, is_method=False).get(name.id) for each in outside]
            return not values and all(each is None or ast.unparse(each) == "None" for each in handed)
        if is_key:
            some = meant(around, self.source, said)
            return any(around.model(held, each) is self.model for held, each in some)
        return ast.unparse(said) in WHOLE

    def edits(self, inner: list[ast.Call]) -> list[Edit]:
        """Return the edits that ask for all rows in the outermost call."""
        source, statement = self.source, self.source.statement(self.whole)
        name, row = source.fresh("by_parent", f"{self.model.name.lower()}s_by_parent"), source.fresh("row", "each_row")
        asked = f"for {row} in {self.ahead}{self.narrow}{self.order}:"
        lines = [
            f"if {name} is None:",
            f"    {name} = {{}}",
            f"    {asked}",
            f"        {name}.setdefault({row}.{self.column}, []).append({row})",
        ]
        value = source.text_of(self.value)
        return [
            *parameters(source, self.function, f"{name}=None"),
            source.before(statement, *lines),
            source.replace(self.whole, f"{name}.get({value}, [])"),
            *[with_argument(source, each, f"{name}={name}") for each in inner],
        ]


def propose(source: Source, finding: Finding) -> Iterator[Proposal]:
    around = surroundings.around(source.root) if source.root is not None else None
    own = around.source(source.path) if around is not None else None
    step = finding.chain[-1] if finding.chain else None
    function = of_line(own, step.line) if own is not None and step is not None and step.path == source.path else None
    if around is None or own is None or function is None or function.decorator_list:
        return
    if not isinstance(own.parents[function], ast.Module) or function.args.vararg or function.args.kwarg:
        return
    read = [(other, each, other.parents.get(each)) for other, each in used(around, own, function)]
    made = [(other, call) for other, each, call in read if isinstance(call, ast.Call) and call.func is each]
    inner = [call for other, call in made if other.function(call) is function]
    outside = [call for _, call in made if call not in inner]
    every = len(made) == len(read)
    level = asked_at(around, own, function)
    if not inner or not every or level is None or own.parents[own.statement(level.whole)] is not function:
        return
    if not own.begins(own.statement(level.whole)) or not all(map(level.is_below, inner)) or not level.is_fixed(inner):
        return
    if level.begins_with(around, level.value, outside) and is_quiet(around, own, list(ast.walk(function))[1:]):
        says = f"the `{level.model.name}` rows of all levels are asked for once, and found by their parent"
        yield Proposal((*level.edits(inner),), says, source=own)


def of_line(source: Source, line: int) -> ast.FunctionDef | None:
    """Return the function that a line is in."""
    found = [
        each
        for each in ast.walk(source.tree)
        if isinstance(each, ast.FunctionDef) and each.lineno <= line <= (each.end_lineno or each.lineno)
    ]
    return found[0] if len(found) == 1 else None


def asked_at(around: Surroundings, source: Source, function: ast.FunctionDef) -> Level | None:
    """Return the one query of a function for the rows that belong to one of the same model."""
    found: dict[ast.expr, Level] = {}
    for node in ast.walk(function):
        whole = whole_of(source, node) if isinstance(node, ast.Call) else None
        if whole is None or whole in found or source.function(whole) is not function:
            continue
        links = calls(whole)
        asked = of_statement(links) or of_query(links)
        if asked is None or asked[1] or asked[2] is None:
            continue
        model = around.model(source, asked[0])
        if model is None or model.framework == DJANGO:
            return None
        level = level_of(source, function, whole, model, asked[0], asked[2], asked[3])
        if level is None:
            return None
        found[whole] = level
    return found.popitem()[1] if len(found) == 1 else None


def level_of(
    source: Source,
    function: ast.FunctionDef,
    whole: ast.expr,
    model: Model,
    written: ast.expr,
    session: ast.expr,
    inner: list[ast.Call],
) -> Level | None:
    """Return what a query asks for, where one condition is that a foreign key to the same model has a value."""
    own = source.text_of(written)
    found: list[tuple[str, ast.expr]] = []
    others: list[ast.expr] = [session]
    narrow: list[str] = []
    orders = [each for each in inner if method_of(each) == "order_by"]
    for call in reversed([each for each in inner if method_of(each) in NARROW]):
        for given in call.args:
            made = parent_of(model, own, given)
            if made is not None:
                found.append(made)
            else:
                others.append(given)
                narrow.append(source.text_of(given))
        for keyword in call.keywords:
            if keyword.arg is None:
                return None
            if is_parent(model, keyword.arg):
                found.append((keyword.arg, keyword.value))
            else:
                others.append(keyword.value)
                narrow.append(f"{own}.{keyword.arg} == {source.text_of(keyword.value)}")
    if len(found) != 1 or len(orders) > 1:
        return None
    others += [given for each in orders for given in each.args]
    if any("\n" in each for each in narrow) or any(isinstance(each, ast.Starred) for each in others):
        return None
    statement = any(method_of(each) == "scalars" for each in calls(whole))
    asks, end = source.text_of(session), ")" if statement else ""
    word, ahead = ("where", f"{asks}.scalars(select({own})") if statement else ("filter", f"{asks}.query({own})")
    order = "".join(f".order_by({', '.join(source.text_of(given) for given in each.args)})" for each in orders)
    more = f".{word}({', '.join(narrow)})" if narrow else ""
    return Level(source, function, whole, model, ahead, *found[0], tuple(others), more, f"{order}{end}")


def parent_of(model: Model, written: str, node: ast.expr) -> tuple[str, ast.expr] | None:
    """Return the foreign key to the same model that is compared, and the value it has."""
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq):
        return None
    for one, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
        if isinstance(one, ast.Attribute) and ast.unparse(one.value) == written and is_parent(model, one.attr):
            return one.attr, other
    return None


def is_parent(model: Model, name: str) -> bool:
    """Tell whether a column is a foreign key to the same model."""
    column = model.columns.get(name)
    return column is not None and bool(key(model)) and column.target == f"{model.table}.{key(model)}"


RECIPE = Recipe(
    rule="n-plus-one-query",
    improves=("queries",),
    propose=propose,
    allows=("new-parameters",),
)
