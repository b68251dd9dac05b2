"""Queries that ask for less: rows under more conditions, one value, or one row, in the words of their library."""

import abc
import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from perfwright.fix.recipes._calls import WIDE, called_on, chain, method_of, name_of
from perfwright.fix.recipes._origins import RUNS, Origin
from perfwright.fix.source import Edit, Source

KEPT = ("where", "filter", "filter_by", "join", "outerjoin", "select_from")  # of what only counts or adds
BREAK, EDGE = "\0", "\1"  # where a line may end, and where arguments begin and end
BY_COLUMN = ("top", "best")  # rows, or the row, that come first by a column
DROPPED = ("order_by", "options", "execution_options")


@dataclass(slots=True)
class Rows(abc.ABC):
    """The rows of a query, as they may be asked for otherwise.

    `imports` are the names of a library that this needs, `key` the column that no two rows have the same in.
    """

    source: Source
    over: ast.expr
    imports: dict[str, list[str]]
    key: str = field(default="", kw_only=True)

    @abc.abstractmethod
    def narrowed(self, conditions: list[str]) -> list[Edit]:
        """Return the edits that put conditions into the query."""

    @abc.abstractmethod
    def value(self, kind: str, conditions: list[str], column: str, default: str) -> str | None:
        """Return the expression that asks for one value, or one row; None where it cannot be said."""

    @abc.abstractmethod
    def row(self, ahead: str, values: list[str], conditions: list[str], place: ast.stmt) -> str | None:
        """Return the expression that asks for one row of several values, after what stands `ahead` of it in a statement
        that comes to a place; None where it cannot be said."""

    def func(self, select: str = "") -> str:
        """Return how `func` is written: beside `db.select` it is `db.func`."""
        owner = select.rpartition(".")[0]
        return f"{owner}.func" if owner else self.use("sqlalchemy", "func")

    def use(self, module: str, name: str) -> str:
        self.imports.setdefault(module, [])
        if name not in self.imports[module]:
            self.imports[module].append(name)
        return name


@dataclass(slots=True)
class Queryset(Rows):
    """Rows that Django is asked for."""

    origin: Origin

    def narrowed(self, conditions: list[str]) -> list[Edit]:
        return [called_on(self.source, self.origin.query, "filter", conditions)]

    def row(self, ahead: str, values: list[str], conditions: list[str], place: ast.stmt) -> str | None:
        text = self.chain_text(conditions)
        return chained(self.source, place, f"{ahead}{text}.aggregate{arguments(values)}") if text is not None else None

    def groups(
        self, ahead: str, by: str, joins: list[str], value: str, conditions: list[str], place: ast.expr | ast.stmt
    ) -> str | None:
        text = self.chain_text(conditions)
        if text is None or joins or self.origin.first.ordering is not None or "order_by" in self.origin.asked:
            return None
        made, least = self.use("django.db.models", "Sum" if value else "Count"), self.use("django.db.models", "Min")
        if {"made", "least"} & {*self.origin.first.columns, *self.origin.first.relations}:
            return None
        key, over = f'.values_list("{by}").alias(least={least}("pk"))', value or '"pk"'
        return chained(
            self.source, place, f'{ahead}{text}{key}.annotate({EDGE}made={made}({over}){EDGE}).order_by("least")'
        )

    def chain_text(self, conditions: list[str]) -> str | None:
        """Return the queryset under more conditions, as something can be called on it."""
        node = self.over
        while True:
            if isinstance(node, ast.Call) and name_of(node) == "list" and len(node.args) == 1:
                node = node.args[0]
            elif isinstance(node, ast.Call) and method_of(node) in ("all", "iterator") and not node.args:
                inner = node.func.value  # type: ignore[attr-defined]
                if conditions or method_of(node) == "iterator":
                    node = inner
                    continue
                break
            else:
                break
        text = plain(self.source, node) if is_chain(node) else None
        more = f".filter({', '.join(conditions)})" if conditions else ""
        return f"{text}{more}" if text is not None else None

    def value(self, kind: str, conditions: list[str], column: str, default: str) -> str | None:
        text = self.chain_text(conditions)
        if text is None:
            return None
        if kind in ("count", "exists", "first"):
            return f"{text}.{kind}()"
        if kind in BY_COLUMN:
            if self.origin.first.ordering is not None or "order_by" in self.origin.asked:
                return None
            name = column.removesuffix(".desc()")
            text += f'.order_by("{"" if name == column else "-"}{name}", "{self.key}")'
            return f"{text}.first()" if kind == "best" else f"list({text}[:{default}])"
        if kind == "columns":
            return f'list({text}.values_list("{column}", flat=True))'
        made = self.use("django.db.models", kind.capitalize())
        over = f'"{column}"' if column.isidentifier() else column
        asked = f'{text}.aggregate(value={made}({over}))["value"]'
        return f"({asked} or 0)" if kind == "sum" else asked if default == "None" else None


@dataclass(slots=True)
class Selected(Rows):
    """Rows that a session is asked for with `select(...)`, in the function itself."""

    origin: Origin

    def narrowed(self, conditions: list[str]) -> list[Edit]:
        return [called_on(self.source, self.origin.query, "where", conditions)]

    def value(self, kind: str, conditions: list[str], column: str, default: str) -> str | None:
        run, awaited = self.run()
        query = self.origin.query
        if run is None or not isinstance(query, ast.Call) or not isinstance(run.func, ast.Attribute):
            return None
        inner = run.args[0]
        model, select = self.source.text_of(query.args[0]), self.source.text_of(query.func)
        more = [f".where{arguments(conditions)}"] if conditions else []
        steps = self.steps(inner, query, DROPPED[1:] if kind == "columns" else DROPPED)
        session = self.source.text_of(run.func.value)
        said: list[str] | None
        if kind in BY_COLUMN:
            whole = plain(self.source, inner)
            if whole is None or "order_by" in self.origin.asked or not is_inline(inner, query):
                return None
            said = [whole, *more, f".order_by({model}.{column}, {model}.{self.key})", f".limit({default})"]
            if kind == "top":
                listed = laid(self.source, self.over, f"{session}.scalars", said)
                return f"(await {listed}).all()" if awaited else f"{listed}.all()"
        elif kind in ("exists", "first"):
            whole = plain(self.source, inner)
            said = [whole, *more, ".limit(1)"] if whole is not None else None
        elif steps is None:
            whole = plain(self.source, inner)
            if kind != "count" or whole is None or not isinstance(inner, ast.Name):
                return None
            rows = flat("".join([whole, *more]))
            said = [f"{select}({self.func(select)}.count())", f".select_from({rows}.subquery())"]
        elif kind == "columns":
            listed = laid(self.source, self.over, f"{session}.scalars", [f"{select}({model}.{column})", *steps, *more])
            return f"(await {listed}).all()" if awaited else f"{listed}.all()"
        else:
            asked = reduced(self.func(select), kind, of_model(model, column), default)
            said = [f"{select}({asked})", f".select_from({model})", *steps, *more]
        if said is None:
            return None
        text = laid(self.source, self.over, f"{'await ' if awaited else ''}{session}.scalar", said)
        return f"{text} is not None" if kind == "exists" else text

    def row(self, ahead: str, values: list[str], conditions: list[str], place: ast.stmt) -> str | None:
        run, awaited = self.run()
        query = self.origin.query
        if run is None or not isinstance(query, ast.Call) or not isinstance(run.func, ast.Attribute):
            return None
        steps = self.steps(run.args[0], query, DROPPED)
        if steps is None:
            return None
        select = self.source.text_of(query.func)
        more = [f".where{arguments(conditions)}"] if conditions else []
        said = [f"{select}{arguments(values)}", f".select_from({self.source.text_of(query.args[0])})", *steps, *more]
        before = f"{ahead}(await " if awaited else ahead
        text = laid(self.source, place, f"{before}{self.source.text_of(run.func.value)}.execute", said)
        return f"{text}).one()" if awaited else f"{text}.one()"

    def groups(
        self, ahead: str, by: str, joins: list[str], value: str, conditions: list[str], place: ast.expr | ast.stmt
    ) -> str | None:
        run, awaited = self.run()
        query = self.origin.query
        if run is None or not isinstance(query, ast.Call) or not isinstance(run.func, ast.Attribute):
            return None
        steps = self.steps(run.args[0], query, DROPPED[1:])
        if steps is None or "order_by" in self.origin.asked:
            return None
        model, select = self.source.text_of(query.args[0]), self.source.text_of(query.func)
        func = self.func(select)
        asked = f"{func}.sum({value})" if value else f"{func}.count()"
        more = [f".where{arguments(conditions)}"] if conditions else []
        grouped = [f".group_by({by})", f".order_by({func}.min({model}.{self.key}))"]
        base = [f".select_from({model})"] if joins else []
        said = [f"{select}({by}, {asked})", *base, *steps, *joins, *more, *grouped]
        before = f"{ahead}(await " if awaited else ahead
        text = laid(self.source, place, f"{before}{self.source.text_of(run.func.value)}.execute", said)
        return f"{text}).all()" if awaited else f"{text}.all()"

    def run(self) -> tuple[ast.Call | None, bool]:
        """Return the call that runs the statement, and whether it is awaited."""
        node, awaited = self.over, False
        while True:
            if isinstance(node, ast.Await):
                node, awaited = node.value, True
            elif isinstance(node, ast.Call) and name_of(node) == "list" and len(node.args) == 1:
                node = node.args[0]
            elif method_of(node) in ("all", "scalars") and isinstance(node, ast.Call) and not node.args:
                node = node.func.value  # type: ignore[attr-defined]
            else:
                break
        runs = isinstance(node, ast.Call) and method_of(node) in RUNS[:2] and len(node.args) == 1 and not node.keywords
        return (node if runs and isinstance(node, ast.Call) else None), awaited

    def steps(self, statement: ast.expr, query: ast.expr, dropped: Sequence[str]) -> list[str] | None:
        """Return what narrows the rows in a statement, as it is written, without what is dropped."""
        found: list[str] = []
        at = statement
        while at is not query:
            if not isinstance(at, ast.Call) or not isinstance(at.func, ast.Attribute):
                return None
            if at.func.attr in KEPT or (at.func.attr in DROPPED and at.func.attr not in dropped):
                start, end = self.source.span(at.func.value)[1], self.source.span(at)[1]
                text = one_line(self.source.text[start:end])
                if text is None:
                    return None
                found.insert(0, text)
            elif at.func.attr not in dropped:
                return None
            at = at.func.value
        return found


@dataclass(slots=True)
class Queried(Rows):
    """Rows that a session is asked for with `session.query(...)`, or that a relation of it gives as a query."""

    query: ast.expr
    model: str

    def narrowed(self, conditions: list[str]) -> list[Edit]:
        return [called_on(self.source, self.query, "filter", conditions)]

    def value(self, kind: str, conditions: list[str], column: str, default: str) -> str | None:
        node = unlisted(self.over)
        while kind not in ("first", "count") and method_of(node) in DROPPED and isinstance(node, ast.Call):
            node = node.func.value  # type: ignore[attr-defined]
        text = plain(self.source, node) if is_chain(node) else None
        if text is None or (kind in ("sum", "min", "max") and "order_by" in text):
            return None
        if kind in ("count", "sum") and "join(" in text:
            return None  # it gives each row once
        text += f".filter({', '.join(conditions)})" if conditions else ""
        if kind in ("count", "first"):
            return f"{text}.{kind}()"
        if kind == "exists":
            return f"{text}.first() is not None"
        if kind in BY_COLUMN and "order_by" not in text:
            text += f".order_by({self.model}.{column}, {self.model}.{self.key})"
            return f"{text}.first()" if kind == "best" else f"{text}.limit({default}).all()"
        if kind in ("columns", *BY_COLUMN):
            return None  # it gives each in a row of its own
        asked = reduced(self.use("sqlalchemy", "func"), kind, of_model(self.model, column), default)
        return f"{text}.with_entities({asked}).scalar()"

    def groups(
        self, ahead: str, by: str, joins: list[str], value: str, conditions: list[str], place: ast.expr | ast.stmt
    ) -> str | None:
        node = unlisted(self.over)
        text = plain(self.source, node) if is_chain(node) else None
        if text is None or "join(" in text or "order_by" in text:
            return None
        func = self.use("sqlalchemy", "func")
        asked = f"{func}.sum({value})" if value else f"{func}.count({self.model}.{self.key})"
        text += "".join(joins) + (f".filter{arguments(conditions)}" if conditions else "")
        steps = (
            f".with_entities{arguments([by, asked])}.group_by({by}).order_by({func}.min({self.model}.{self.key})).all()"
        )
        return chained(self.source, place, f"{ahead}{text}{steps}")

    def row(self, ahead: str, values: list[str], conditions: list[str], place: ast.stmt) -> str | None:
        node = unlisted(self.over)
        while method_of(node) in DROPPED and isinstance(node, ast.Call):
            node = node.func.value  # type: ignore[attr-defined]
        text = plain(self.source, node) if is_chain(node) else None
        if text is None or "join(" in text or "order_by" in text:
            return None  # it gives each row once
        text += f".filter{arguments(conditions)}" if conditions else ""
        return chained(self.source, place, f"{ahead}{text}.with_entities{arguments(values)}.one()")


def unlisted(node: ast.expr) -> ast.expr:
    """Return the query whose rows an expression lists."""
    while isinstance(node, ast.Call) and (
        (name_of(node) == "list" and len(node.args) == 1) or (method_of(node) == "all" and not node.args)
    ):
        node = node.args[0] if node.args else node.func.value  # type: ignore[attr-defined]
    return node


def of_model(model: str, column: str) -> str:
    """Return a column of a model; what is counted of several is said already."""
    return f"{model}.{column}" if column.isidentifier() else column


def reduced(func: str, kind: str, column: str, default: str) -> str:
    """Return the function of SQL that gives a value of all rows."""
    if kind == "count":
        return f"{func}.count()"
    asked = f"{func}.{kind}({column})"
    return asked if default == "None" else f"{func}.coalesce({asked}, {default})"


def is_inline(node: ast.expr, query: ast.expr) -> bool:
    """Tell whether a statement is written where it is run: what it is made of is seen."""
    return any(each is query for each in chain(node))


def is_chain(node: ast.expr) -> bool:
    """Tell whether an expression is a query, or a chain of calls on one, that another call can follow."""
    return isinstance(node, ast.Name | ast.Attribute | ast.Call) and isinstance(chain(node)[-1], ast.Name | ast.Call)


def plain(source: Source, node: ast.expr) -> str | None:
    """Return an expression on one line; None where that would lose something."""
    return one_line(source.text_of(node))


def one_line(text: str) -> str | None:
    """Return text on one line; None where it has comments, or text of several lines, in it."""
    if "\n" not in text:
        return text
    if "#" in text or '"""' in text or "'''" in text or "\\" in text:
        return None
    text = re.sub(r"\s*\n\s*", " ", text)
    return re.sub(r",? ([)\]}])", r"\1", re.sub(r"([(\[{]) ", r"\1", text)).replace(" .", ".")


def laid(source: Source, place: ast.expr | ast.stmt, function: str, steps: Sequence[str]) -> str:
    """Return a call of a function with a chain as its argument, on lines of its own where one would be long."""
    text = f"{function}({''.join(steps)})"
    if fits(source, place, text):
        return flat(text)
    indent = source.indent_at(place.lineno)
    body = "".join(
        f"\n{indent}    {flat(step) if len(step) + len(indent) < WIDE else spread(step, f'{indent}    ')}"
        for step in steps
    )
    return f"{function}({body}\n{indent})"


def chained(source: Source, place: ast.expr | ast.stmt, text: str) -> str:
    """Return a chain of calls, with the arguments that may stand on lines of their own there where it is long."""
    return flat(text) if fits(source, place, text) else spread(text, source.indent_at(place.lineno))


def fits(source: Source, place: ast.expr | ast.stmt, text: str) -> bool:
    """Tell whether text is short enough for the line that it comes to stand on."""
    line = source.text[source.starts[place.lineno - 1] : source.starts[place.lineno] - 1]
    return len(line) - len(source.text_of(place).partition("\n")[0]) + len(text) <= WIDE


def arguments(some: Sequence[str]) -> str:
    """Return the arguments of a call, in marks of where a line may end."""
    return f"({EDGE}{f',{BREAK}'.join(some)}{EDGE})"


def flat(text: str) -> str:
    return text.replace(EDGE, "").replace(BREAK, " ")


def spread(text: str, indent: str) -> str:
    opened = text.replace(f"({EDGE}", f"(\n{indent}    ").replace(f"{EDGE})", f",\n{indent})")
    return opened.replace(BREAK, f"\n{indent}    ")
