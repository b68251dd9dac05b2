"""Several values of the same rows, which the database is asked for in one row instead of them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from perfwright.effects.schema import Model
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._columns import column_of, kind_of, may_be_null
from perfwright.fix.recipes._conditions import Conditions
from perfwright.fix.recipes._inlined import inlined, inlined_parts
from perfwright.fix.recipes._joined import is_free
from perfwright.fix.recipes._narrowed import Queryset, Rows
from perfwright.fix.recipes._related import changes
from perfwright.fix.recipes._values import Function, Value, Values
from perfwright.fix.source import Edit, Source, names
from perfwright.fix.surroundings import Surroundings

KINDS = ("whole", "moment", "day", "clock")  # of columns whose least and greatest are asked for
_KEY = '"pk"'
NAMES = {"count": ("count", "number"), "sum": ("total", "sum_of_all"), "min": ("least",), "max": ("greatest",)}


@dataclass(slots=True)
class Aggregates:
    """Asks for the values that a function makes of the rows which the statement `held` gives a name."""

    around: Surroundings
    source: Source
    function: Function
    held: ast.Assign
    asked: Rows
    model: Model
    written: str
    values: Values
    names: list[str] = field(default_factory=list)

    def proposal(self, imports: list[Edit]) -> Proposal | None:
        """Return the proposal; None where one of the values is not the same in SQL."""
        block = self._block()
        gone = self.values.gone
        if block is None or any(each not in block or not self.source.is_alone(each) for each in gone):
            return None
        anchor = self._anchor(block)
        if anchor is None or self._is_changed(anchor):
            return None
        first = next(each for each in ast.walk(anchor) if isinstance(each, ast.expr) and each.lineno == anchor.lineno)
        conditions = Conditions(self.around, self.source, first, self.model, self.written)
        said = [self._said(conditions, each) for each in self.values.found]
        known = [each for each in said if each is not None]
        if len(known) != len(said):
            return None
        common = [each for each in known[0][0] if all(each in one[0] for one in known)]
        texts = [
            self._text(conditions, each, [one for one in some if one not in common], column)
            for each, (some, column) in zip(self.values.found, known, strict=True)
        ]
        edits = self._edits(conditions, anchor, texts, common)
        wanted = [
            *conditions.imports,
            *[(module, name) for module, some in self.asked.imports.items() for name in some],
        ]
        if edits is None or not is_free(self.source, wanted):
            return None
        more = conditions.edits(self.asked.imports)
        return Proposal((*edits, *more, *imports), "the database gives the values in one row", source=self.source)

    # ------------------------------------------------------------------------------ where
    def _block(self) -> list[ast.stmt] | None:
        """Return the statements among which the rows are asked for."""
        above = self.source.parents[self.held]
        blocks = [
            block for name in ("body", "orelse", "finalbody") if isinstance(block := getattr(above, name, None), list)
        ]
        return next((block for block in blocks if self.held in block), None)

    def _anchor(self, block: list[ast.stmt]) -> ast.stmt | None:
        """Return the statement that the first value is made in, of those beside the one that asks for the rows."""
        owners = []
        for each in self.values.found:
            inside = {each.asked.whole, *self.source.above(each.asked.whole)}
            owners.append(next((one for one in block if one in inside), None))
        found = [each for each in owners if each is not None]
        if len(found) != len(owners) or any(
            self.source.loops(each.asked.whole) and not each.name for each in self.values.found
        ):
            return None
        anchor = min(found, key=lambda each: each.lineno)
        return anchor if anchor.lineno > (self.held.end_lineno or 0) and self.source.begins(anchor) else None

    def _is_changed(self, anchor: ast.stmt) -> bool:
        """Tell whether what is read may change while it is used, or what the query is made of before it is asked."""
        last = max(each.asked.whole.end_lineno or 0 for each in self.values.found)
        made = names(self.held.value)
        for each in ast.walk(self.function):
            line = getattr(each, "lineno", 0)
            if self.held.lineno < line < anchor.lineno and isinstance(each, ast.Name) and each.id in made:
                if not isinstance(each.ctx, ast.Load):
                    return True
            if self.held.lineno < line <= last and isinstance(each, ast.Call | ast.Attribute) and changes(each):
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
        if asked.value is not None:
            read = inlined(self.around, self.source, self.model, asked.value, value.row)
            term = conditions.term(read, value.row, sure) if value.row in names(read) else None
            return (found, term) if term is not None else None
        column = column_of(self.model, asked.column, value.row) if asked.column is not None else None
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
        test = some[0] if len(some) == 1 else f"{conditions.use('and_')}({', '.join(some)})" if some else ""
        if test:
            column = f"{self.asked.use('sqlalchemy', 'case')}(({test}, {column or 1}))"
        text = f"{func}.{kind}({column})"
        default = value.asked.default
        return text if kind == "count" or default == "None" else f"{func}.coalesce({text}, {default})"

    # ------------------------------------------------------------------------------ how
    def _edits(
        self, conditions: Conditions, anchor: ast.stmt, texts: list[str], common: list[str]
    ) -> list[Edit] | None:
        gone = list(self.values.gone)
        called: dict[str, str] = {}
        replaced: list[tuple[ast.AST, str]] = []
        django = isinstance(self.asked, Queryset)
        rows = self._fresh("values", "figures") if django else ""
        for value, text in zip(self.values.found, texts, strict=True):
            name = value.name or ("" if django else self._own(value, gone))
            if not name:
                name = called.get(text) or self._fresh(
                    *NAMES["count" if value.asked.kind == "exists" else value.asked.kind]
                )
                read = f'{rows}["{name}"]' if django else name
                read = f"({read} or 0)" if django and value.asked.kind == "sum" else read
                replaced.append((value.asked.whole, said(self.source, value, read)))
            if django and value.name:
                return None
            called.setdefault(text, name)
            if called[text] != name:
                called[f"{text} "] = name  # asked for under two names
        asked = [f"{name}={text}" if django else text.strip() for text, name in called.items()]
        self.asked.over = self.held.value
        line = self.asked.row(asked, common, anchor)
        if line is None or len({*called.values()}) != len(called):
            return None
        target = rows if django else ", ".join(called.values()) + ("," if len(called) == 1 else "")
        indent = self.source.indent(anchor)
        edits = [self.source.before(anchor, *f"{target} = {line}".replace(f"\n{indent}", "\n").split("\n"))]
        edits += [self.source.removed(each) for each in gone]
        inside = {inner for each in gone for inner in ast.walk(each)}
        return edits + [self.source.replace(node, text) for node, text in replaced if node not in inside]

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
        if len(stores) != 1 or given or above not in (self._block() or []) or not self.source.is_alone(above):
            return ""
        gone.append(above)
        return target.id

    def _fresh(self, *wanted: str) -> str:
        """Return a name that means nothing in the file, nor is given to another value."""
        for each in self._candidates(*wanted):
            if each not in self.names and self.source.fresh(each) == each:
                self.names.append(each)
                return each
        raise ValueError("no name is free")

    def _candidates(self, *wanted: str) -> Iterator[str]:
        yield from wanted
        yield from (f"{wanted[0]}_{number}" for number in range(2, 100))


def said(source: Source, value: Value, name: str) -> str:
    """Return what stands in place of an expression whose value has a name."""
    if value.asked.kind != "exists":
        return name
    above = source.parents[value.asked.whole]
    text = f"{name} == 0" if value.asked.negated else f"{name} > 0"
    return f"({text})" if isinstance(above, ast.UnaryOp | ast.Compare | ast.BinOp | ast.Attribute) else text
