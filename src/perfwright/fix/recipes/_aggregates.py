"""Several values of the same rows, which the database is asked for in one row instead of them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from perfwright.effects.schema import DJANGO, Model
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.recipes._chains import Chains
from perfwright.fix.recipes._columns import column_of, kind_of, may_be_null
from perfwright.fix.recipes._conditions import Conditions
from perfwright.fix.recipes._inlined import inlined, inlined_parts
from perfwright.fix.recipes._joined import is_free
from perfwright.fix.recipes._lacking import is_guarded, may_lack, said_of
from perfwright.fix.recipes._narrowed import Queried, Queryset, Rows
from perfwright.fix.recipes._queried import asked_of
from perfwright.fix.recipes._quiet import binds, is_quiet
from perfwright.fix.recipes._related import alone
from perfwright.fix.recipes._row_uses import Use
from perfwright.fix.recipes._values import Function, Value, Values
from perfwright.fix.source import Edit, Source, names
from perfwright.fix.surroundings import Surroundings

KINDS = ("whole", "moment", "day", "clock")  # of columns whose least and greatest are asked for
_KEY = '"pk"'
PREFIXES = {"sum": "total", "min": "least", "max": "greatest"}


@dataclass(slots=True)
class Aggregates:
    """Asks for the values that are made of rows, which are said by `over`."""

    around: Surroundings
    source: Source
    function: Function
    over: ast.expr
    asked: Rows
    model: Model
    written: str
    values: Values
    names: list[str] = field(default_factory=list)

    def proposal(self, imports: list[Edit]) -> Proposal | None:
        """Return the proposal; None where one of the values is not the same in SQL."""
        block = self._block()
        gone = self.values.gone
        if any(each not in block or not self.source.is_alone(each) for each in gone):
            return None
        anchor = self._anchor(block)
        if (
            anchor is None
            or self._is_changed(anchor)
            or self._may_fail(anchor)
            or (isinstance(self.asked, Queried) and not self.asked.key)
        ):
            return None
        related = isinstance(self.over, ast.Attribute) and self.source.statement(self.over) not in gone
        if related and not any(is_reached(self.source, each.asked.whole, anchor) for each in self.values.found):
            return None
        heads = [each for each in ast.walk(anchor) if isinstance(each, ast.expr) and each.lineno == anchor.lineno]
        if not heads:
            return None  # within a `try`, or a function
        self.values.found.sort(key=lambda each: self.source.span(each.asked.whole))
        conditions = Conditions(self.around, self.source, heads[0], self.model, self.written)
        said = [self._said(conditions, each) for each in self.values.found]
        known = [each for each in said if each is not None]
        if len(known) != len(said):
            return None
        common = [each for each in known[0][0] if all(each in one[0] for one in known)]
        texts = [
            self._text(conditions, each, [one for one in some if one not in common], column)
            for each, (some, column) in zip(self.values.found, known, strict=True)
        ]
        edits = self._edits(anchor, texts, common)
        wanted = [
            *conditions.imports,
            *[(module, name) for module, some in self.asked.imports.items() for name in some],
        ]
        if edits is None or not is_free(self.source, wanted):
            return None
        more = conditions.edits(self.asked.imports)
        return Proposal((*edits, *more, *imports), "the database gives the values in one row", source=self.source)

    # ------------------------------------------------------------------------------ where
    def _block(self) -> list[ast.stmt]:
        """Return the statements among which the rows are asked for."""
        statement = self.source.statement(self.over)
        above = self.source.parents[statement]
        if isinstance(above, ast.If) and isinstance(self.over, ast.Attribute):
            return []
        blocks = [
            found for name in ("body", "orelse", "finalbody") if isinstance(found := getattr(above, name, 0), list)
        ]
        return next((block for block in blocks if statement in block), [])

    def _anchor(self, block: list[ast.stmt]) -> ast.stmt | None:
        """Return the statement that the first value is made in, of those beside the one that asks for the rows."""
        owners = []
        loops = self.source.loops(self.source.statement(self.over))
        for each in self.values.found:
            inside = {each.asked.whole, *self.source.above(each.asked.whole)}
            owners.append(next((one for one in block if one in inside), None))
            if not each.name and self.source.loops(each.asked.whole) != loops:
                return None
        found = [each for each in owners if each is not None]
        anchor = min(found, key=lambda each: each.lineno) if len(found) == len(owners) else None
        return anchor if anchor is not None and self.source.begins(anchor) else None

    def _is_changed(self, anchor: ast.stmt) -> bool:
        """Tell whether what is read may change while it is used, or what it is asked for with before it is asked."""
        first = self.source.statement(self.over)
        last = max(each.asked.whole.end_lineno or 0 for each in self.values.found)
        if self._binds(first.lineno + 1, anchor.lineno, names(self.over)):
            return True
        for each in self.values.found:
            for row, node in said_of(each):
                line = line_of(self.source, node)
                if self._binds(min(line, anchor.lineno), max(line - 1, anchor.lineno), names(node) - {row}):
                    return True
        lines = range(first.lineno, last + 1)
        some = [each for each in ast.walk(self.function) if getattr(each, "lineno", 0) in lines]
        return not is_quiet(self.around, self.source, some)

    def _binds(self, start: int, end: int, wanted: set[str]) -> bool:
        """Tell whether lines of the function give one of some names a value."""
        return binds((each for each in ast.walk(self.function) if start <= getattr(each, "lineno", 0) <= end), wanted)

    def _may_fail(self, anchor: ast.stmt) -> bool:
        """Tell whether a value is asked for only where something else holds, and SQL could not say it otherwise: what
        it is compared with may be None."""
        block, gone = self._block(), self.values.gone
        for value in self.values.found:
            said = [*said_of(value)]
            guarded = any(row and row not in names(test) for row, test in said)
            guarded = guarded or is_guarded(self.source, value.asked.whole, value.of, block, anchor, gone)
            if guarded and any(may_lack(self.around, self.source, node, row) for row, node in said):
                return True
        return False

    # ------------------------------------------------------------------------------ what
    def _said(self, conditions: Conditions, value: Value) -> tuple[list[str], str] | None:
        """Return the conditions of a value, and what it is made of; None where SQL would say otherwise."""
        found: list[str] = []
        sure: set[str] = set()
        for row, part in value.wanted:
            some = inlined_parts(self.around, self.source, self.model, [part], row)
            more, whole = conditions.said([*some], row, sure)
            if not whole or any(each.startswith("*") for each in more):
                return None
            found += more
        asked = value.asked
        if asked.kind in ("count", "exists"):
            return found, ""
        column = column_of(self.model, asked.column, value.row) if asked.column is not None else None
        whole_read = asked.value if column is not None or asked.column is None else asked.column
        if whole_read is not None and asked.kind == "sum":
            read = inlined(self.around, self.source, self.model, whole_read, value.row)
            term = conditions.term(read, value.row, sure) if value.row in names(read) else None
            return (found, term) if term is not None else None
        if column is None or asked.column is None:
            return None
        kind = kind_of(self.around, column)
        if asked.column.attr not in sure and may_be_null(self.around, self.model, column):
            return None
        if kind != "whole" and (asked.kind == "sum" or asked.default != "None" or kind not in KINDS):
            return None
        if isinstance(self.asked, Queryset):
            return found, f'"{asked.column.attr}"'
        return found, f"{self.written}.{asked.column.attr}"

    def _text(self, conditions: Conditions, value: Value, some: list[str], column: str) -> str:
        """Return what SQL makes a value with."""
        kind = "count" if value.asked.kind == "exists" else value.asked.kind
        if isinstance(self.asked, Queryset):
            made = self.asked.use("django.db.models", kind.capitalize())
            tests = " & ".join(conditions.keyless(each) for each in some)
            return f"{made}({', '.join([column or _KEY, *([f'filter={tests}'] if tests else [])])})"
        func = self.asked.func()
        if kind == "count" and isinstance(self.asked, Queried):
            column = f"{self.written}.{self.asked.key}"  # `count()` alone says nothing of the table
        test = some[0] if len(some) == 1 else f"{conditions.use('and_')}({', '.join(some)})" if some else ""
        if test:
            column = f"{self.asked.use('sqlalchemy', 'case')}(({test}, {column or 1}))"
        text = f"{func}.{kind}({column})"
        default = value.asked.default
        return text if kind == "count" or default == "None" else f"{func}.coalesce({text}, {default})"

    # ------------------------------------------------------------------------------ how
    def _edits(self, anchor: ast.stmt, texts: list[str], common: list[str]) -> list[Edit] | None:
        gone = list(self.values.gone)
        called: dict[str, str] = {}
        replaced: list[tuple[ast.AST, str]] = []
        later: list[str] = []
        django = isinstance(self.asked, Queryset)
        row = self._fresh("values", "figures") if django else ""
        for value, text in zip(self.values.found, texts, strict=True):
            own = value.name or self._own(value, gone)
            name = called.get(text) or (own if own and not django else self._fresh(own, *self._names(value)))
            called.setdefault(text, name)
            read = f'{row}["{name}"]' if django else name
            read = f"({read} or 0)" if django and value.asked.kind == "sum" else read
            if own and own != read:
                later.append(f"{own} = {read.removeprefix('(').removesuffix(')')}")
            elif not own:
                replaced.append((value.asked.whole, said(self.source, value, read)))
        self.asked.over = self.over
        target = row or ", ".join(called.values())
        asked = [f"{name}={text}" if django else text for text, name in called.items()]
        line = self.asked.row(f"{target} = ", asked, common, anchor)
        if line is None:
            return None
        if len(called) == 1 and not django:
            line = f"{line.removesuffix('.one()')}.scalar()"
        lines = line.replace(f"\n{self.source.indent(anchor)}", "\n").split("\n")
        edits = [self.source.before(anchor, *lines, *later)]
        edits += [self.source.removed(each) for each in gone]
        inside = {inner for each in gone for inner in ast.walk(each)}
        return edits + [self.source.replace(node, text) for node, text in replaced if node not in inside]

    def _names(self, value: Value) -> list[str]:
        """Return how a value may be called, the best first."""
        above, kind = self.source.parents[value.asked.whole], value.asked.kind
        found: list[str] = []
        if isinstance(above, ast.keyword) and above.arg:
            found.append(above.arg)
        if isinstance(above, ast.Dict):
            keys = [key for key, each in zip(above.keys, above.values, strict=True) if each is value.asked.whole]
            found += [each.value for each in keys if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if kind == "exists":
            return [f"matching_{value.of}"]
        if kind == "count":
            return [*filter(str.isidentifier, found), f"{value.of}_count"]
        column = value.asked.column.attr if value.asked.column is not None else "amount"
        return [*filter(str.isidentifier, found), f"{PREFIXES[kind]}_{column}"]

    def _own(self, value: Value, gone: list[ast.stmt]) -> str:
        """Return the name that a statement gives no more than a value, which goes; nothing where none does."""
        above = self.source.parents[value.asked.whole]
        target = above.targets[0] if isinstance(above, ast.Assign) and len(above.targets) == 1 else None
        if not isinstance(above, ast.Assign) or not isinstance(target, ast.Name) or value.asked.kind == "exists":
            return ""
        stores = [
            each
            for each in ast.walk(self.function)
            if isinstance(each, ast.Name) and each.id == target.id and not isinstance(each.ctx, ast.Load)
        ]
        given = any(each.arg == target.id for each in ast.walk(self.function.args) if isinstance(each, ast.arg))
        if len(stores) != 1 or given or above not in self._block() or not self.source.is_alone(above):
            return ""
        gone.append(above)
        return target.id

    def _fresh(self, *wanted: str) -> str:
        """Return a name that means nothing in the file, nor is given to another value."""
        for each in self._candidates(*wanted):
            taken = each in self.names or each in self.model.columns or each in self.model.relations
            if each and not taken and self.source.fresh(each) == each:
                self.names.append(each)
                return each
        raise ValueError("no name is free")

    def _candidates(self, *wanted: str) -> Iterator[str]:
        yield from wanted
        yield from (f"{wanted[-1]}_{number}" for number in range(2, 100))


def said(source: Source, value: Value, name: str) -> str:
    """Return what stands in place of an expression whose value has a name."""
    if value.asked.kind != "exists":
        return name
    above = source.parents[value.asked.whole]
    text = f"{name} == 0" if value.asked.negated else f"{name} > 0"
    return f"({text})" if isinstance(above, ast.UnaryOp | ast.Compare | ast.BinOp | ast.Attribute) else text


def aggregated(around: Surroundings, own: Source, rows: ast.expr) -> Proposal | None:
    """Return the proposal that asks for all values that are made of rows in one row; None where something else is done
    with them."""
    statement, function = own.statement(rows), own.function(rows)
    if function is None:
        return None
    values = Values(own, function)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
    over = rows
    while isinstance(above := own.parents[over], ast.Attribute | ast.Call | ast.Await):
        over = above
    reads: list[ast.expr] = [over]
    if isinstance(target, ast.Name) and isinstance(statement, ast.Assign) and statement.value in (over, rows):
        over = statement.value
        reads = [over]
        whole = values.named(target.id)
        values.gone.append(statement)
    elif isinstance(statement, ast.For) and statement.iter is over:
        whole = values.added(statement, over)
    elif isinstance(rows, ast.Attribute):
        reads = [each for each in ast.walk(function) if type(each) is ast.Attribute and is_same(each, rows)]
        over = min(reads, key=lambda each: own.span(each))
        whole = len(reads) > 1 and values.read(reads)
    else:
        return None
    if not whole or not values.found:
        return None
    found = asked_of(around, own, Use(statement, over))
    if found is not None:
        asked, model, (written, imports), _ = found
        once = not isinstance(asked, Queryset) and name_of(over) not in ("all", "list")
        if once and isinstance(statement, ast.Assign):
            return None  # what a loop uses up
        return Aggregates(around, own, function, over, asked, model, written, values).proposal(imports)
    owner = Chains(around, own).model(over.value) if isinstance(over, ast.Attribute) else None
    relation = owner.relations.get(over.attr) if owner is not None and isinstance(over, ast.Attribute) else None
    if owner is None or relation is None or relation.target is None or not isinstance(over, ast.Attribute):
        return None
    if owner.framework == DJANGO or not relation.many or relation.dynamic:
        return None
    alone_asked = alone(around, own, over, owner, relation, apart=reads)
    if alone_asked is None or alone_asked[0].is_guarded:
        return None
    related = alone_asked[0]
    made = Aggregates(around, own, function, over, related, relation.target, related.model, values)
    return made.proposal(alone_asked[1])


def is_reached(source: Source, node: ast.AST, statement: ast.stmt) -> bool:
    """Tell whether an expression is evaluated whenever a statement is, that it is in."""
    inner = node
    for each in source.above(node):
        if each is statement:
            head = getattr(each, "test", getattr(each, "iter", None))
            return inner is head if isinstance(each, ast.If | ast.For) else not hasattr(each, "body")
        chosen = isinstance(each, ast.IfExp) and inner is not each.test
        if chosen or (isinstance(each, ast.BoolOp) and inner is not each.values[0]) or isinstance(each, ast.stmt):
            return False
        inner = each
    return False


def line_of(source: Source, node: ast.AST) -> int:
    """Return the line of the statement that an expression, or what it is put together of, stands in."""
    return min(source.statement(each).lineno for each in ast.walk(node) if each in source.parents)


def is_same(node: ast.expr, other: ast.expr) -> bool:
    """Tell whether two expressions are written alike."""
    return ast.unparse(node) == ast.unparse(other)
