"""Conditions on a row as its query says them, where SQL means by them what Python does.

SQL leaves out the rows for which a condition is NULL. So negations are said of the single comparisons, and each of
these is true in SQL for the rows for which it is in Python: `!=` of a column that may be NULL is `is_distinct_from`.
Text is compared only for being equal, for its order is the database's own.
"""

import ast
from dataclasses import dataclass

from perfwright.effects.schema import DJANGO, Column, Model
from perfwright.fix.recipes._calls import method_of
from perfwright.fix.recipes._columns import NUMBERS, ORDERED, column_of, is_aware, kind_of, may_be_null
from perfwright.fix.recipes._constants import Constants, written
from perfwright.fix.source import Edit, Source, names
from perfwright.fix.surroundings import Surroundings, also_from

OPERATORS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", ""), ast.NotEq: ("!=", ""), ast.Lt: ("<", "__lt"), ast.LtE: ("<=", "__lte"),
    ast.Gt: (">", "__gt"), ast.GtE: (">=", "__gte"),
}  # fmt: skip
TURNED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
DAYS = {  # of a moment's day, by the first and the last moment of a day
    ast.Lt: ("<", "min"), ast.LtE: ("<=", "max"), ast.Gt: (">", "max"), ast.GtE: (">=", "min"),
}  # fmt: skip
SIGNS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*"}
IMPORTED = {"or_": "sqlalchemy", "and_": "sqlalchemy", "Q": "django.db.models", "F": "django.db.models"}
QUIET = ("lower", "upper", "strip", "startswith", "endswith", "date", "weekday", "isoformat", "total_seconds", "len")


@dataclass(frozen=True, slots=True)
class Part:
    """One of the conditions that must all hold: a test, and whether it has to be true or false."""

    test: ast.expr
    holds: bool


def parts(test: ast.expr, *, holds: bool = True) -> list[Part]:
    """Return the conditions that must all hold where a test is true, or false, in their order."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return parts(test.operand, holds=not holds)
    if isinstance(test, ast.Compare) and len(test.ops) > 1 and holds:
        return [Part(each, True) for each in pairs(test)]
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And if holds else ast.Or):
        return [part for each in test.values for part in parts(each, holds=holds)]
    return [Part(test, holds)]


def pairs(test: ast.Compare) -> list[ast.Compare]:
    """Return the comparisons of a chain: `a < b < c` is two."""
    sides = [test.left, *test.comparators]
    return [
        ast.copy_location(ast.Compare(left, [op], [right]), test)
        for left, op, right in zip(sides, test.ops, sides[1:], strict=False)
    ]


class Conditions:
    """Says conditions on the rows of one query in the words of its library; `imports` are the names they need."""

    def __init__(self, around: Surroundings, source: Source, query: ast.expr, model: Model, written: str) -> None:
        self.around, self.source, self.model, self.written = around, source, model, written
        self.constants = Constants(around, source, query)
        self.django = model.framework == DJANGO
        self.imports: dict[tuple[str, str], None] = {}

    def said(self, some: list[Part], row: str, sure: set[str] | None = None) -> tuple[list[str], bool]:
        """Return what the query says of some conditions, and whether that is all of them.

        What comes after one that stays is said too, unless that one does something, or asks nothing of the row: what
        follows may rest on it. The columns that are `sure` to have a value grow with them.
        """
        found: list[str] = []
        sure = set() if sure is None else sure
        whole = True
        for part in some:
            text = self.guarded(part, row, sure)
            if text is None:
                whole = False
                calls = [each for each in ast.walk(part.test) if isinstance(each, ast.Call | ast.Await)]
                if row not in names(part.test) or any(method_of(each) not in QUIET for each in calls):
                    break
            else:
                found.append(text)
            sure |= present(part.test, row, holds=part.holds)
        return (self.ordered(found) if self.django else found), whole

    def edits(self, more: dict[str, list[str]]) -> list[Edit]:
        """Return the edits that import what the conditions need, and more names, by module."""
        found: list[Edit] = []
        for module in sorted({*(module for module, _ in self.imports), *more}, reverse=True):  # the first comes last
            wanted = [name for owner, name in self.imports if owner == module] + more.get(module, [])
            if module == "datetime":
                found += [edit for name in wanted for edit in self.source.imported(module, name)[1]]
            else:
                found += also_from(self.source, module, sorted(wanted))
        return found

    def ordered(self, some: list[str]) -> list[str]:
        """Return conditions as Django's `filter` takes them: each keyword once, and after all else."""
        words = [each.partition("=")[0] for each in some]
        again = [
            self.keyless(text) if is_keyword(text) and words.index(word) != place else text
            for place, (text, word) in enumerate(zip(some, words, strict=True))
        ]
        return sorted(again, key=is_keyword)

    def keyless(self, text: str) -> str:
        """Return a condition of Django's as an expression: `Q(active=True)`."""
        return f"{self.use('Q')}({text})" if is_keyword(text) else text

    def use(self, name: str) -> str:
        self.imports[IMPORTED[name], name] = None
        return name

    # ------------------------------------------------------------------------------ one of several
    def guarded(self, part: Part, row: str, sure: set[str]) -> str | None:
        """Return a condition; of one that is asked only where something else holds, what unpacks to it then."""
        test = part.test
        either = isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or if part.holds else ast.And)
        guards = [each for each in test.values if row not in names(each)] if isinstance(test, ast.BoolOp) else []
        if isinstance(test, ast.BoolOp) and either and guards:
            guard, rest = guards[0], [each for each in test.values if each is not guards[0]]
            if len(guards) > 1 or not self.constants.is_fixed(guard, row):
                return None
            inner: ast.expr = rest[0] if len(rest) == 1 else ast.copy_location(ast.BoolOp(test.op, rest), test)
            text = self.of(inner, row, sure, holds=part.holds)
            if text is None:
                return None
            asked = written(self.source, guard)
            wanted = f"not ({asked})" if not isinstance(guard, ast.Name | ast.Attribute) else f"not {asked}"
            if isinstance(guard, ast.Compare) and len(guard.ops) == 1 and type(guard.ops[0]) in (ast.Is, ast.IsNot):
                word = "is not" if isinstance(guard.ops[0], ast.Is) else "is"
                wanted = f"{written(self.source, guard.left)} {word} {written(self.source, guard.comparators[0])}"
            return f"*([{self.keyless(text)}] if {wanted if part.holds else asked} else [])"
        return self.of(test, row, sure, holds=part.holds)

    def of(self, test: ast.expr, row: str, sure: set[str], *, holds: bool) -> str | None:
        """Return the condition that a test is true, or false; None where SQL would say otherwise."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.of(test.operand, row, sure, holds=not holds)
        if isinstance(test, ast.BoolOp):
            return self.several(test.values, row, sure, every=isinstance(test.op, ast.And) == holds, holds=holds)
        if isinstance(test, ast.Compare) and len(test.ops) > 1:
            return self.several([*pairs(test)], row, sure, every=holds, holds=holds)
        if isinstance(test, ast.Attribute):
            return self.truth(test, row, holds=holds)
        if not isinstance(test, ast.Compare):
            return None
        kind = type(test.ops[0]) if holds else OPPOSITE[type(test.ops[0])]
        return self.comparison(test.left, kind, test.comparators[0], row, sure)

    def several(self, values: list[ast.expr], row: str, sure: set[str], *, every: bool, holds: bool) -> str | None:
        """Return the condition that every one, or any one, of some tests is true, or false."""
        found: list[str] = []
        known = set(sure)
        for value in values:
            text = self.of(value, row, known, holds=holds) if row in names(value) else None
            if text is None:
                return None
            found.append(self.keyless(text) if self.django else text)
            known |= present(value, row, holds=holds if every else not holds)
        if self.django:
            return f"({(' & ' if every else ' | ').join(found)})"
        return f"{self.use('and_' if every else 'or_')}({', '.join(found)})"

    # ------------------------------------------------------------------------------ one comparison
    def truth(self, node: ast.Attribute, row: str, *, holds: bool) -> str | None:
        """Return the condition that a column has a value that counts as true, or that it has none."""
        column = column_of(self.model, node, row)
        kind = kind_of(self.around, column) if column is not None else ""
        if column is None or kind in ("", "enum"):
            return None
        name, nullable = self.name(node), may_be_null(self.around, self.model, column)
        if kind == "flag":
            if self.django:
                return f"{name}={holds}" if holds or not nullable else f"~{self.keyless(f'{name}=True')}"
            return f"{name}.is_({holds})" if holds or not nullable else f"{name}.is_not(True)"
        if kind in ("moment", "day", "clock", "uuid"):
            return self.null(name, is_null=not holds)
        empty = '""' if kind == "text" else "0"
        if kind not in ("text", *NUMBERS):
            return None
        if self.django:
            if holds:
                return f"(~{self.keyless(f'{name}={empty}')} & {self.keyless(f'{name}__isnull=False')})"
            text = f"{name}={empty}"
            return f"({self.keyless(text)} | {self.keyless(f'{name}__isnull=True')})" if nullable else text
        if holds:
            return f"{name} != {empty}"
        return f"{self.use('or_')}({name} == {empty}, {name}.is_(None))" if nullable else f"{name} == {empty}"

    def comparison(
        self, left: ast.expr, kind: type[ast.cmpop], right: ast.expr, row: str, sure: set[str]
    ) -> str | None:
        if kind in (ast.In, ast.NotIn):
            return self.membership(left, right, row, sure, inside=kind is ast.In)
        if self.of_row(left, row) is None and kind in TURNED and row in names(right):
            left, right, kind = right, left, TURNED[kind]
        column = self.of_row(left, row)
        if column is None:
            return self.of_terms(left, kind, right, row, sure)
        if isinstance(left, ast.Call):
            return self.of_day(left, column, kind, right, row)
        assert isinstance(left, ast.Attribute)
        other = column_of(self.model, right, row)
        if other is not None and isinstance(right, ast.Attribute):
            return self.of_both(left, column, kind, right, other, sure)
        if not self.constants.is_fixed(right, row):
            return None
        if isinstance(right, ast.Constant) and right.value is None:
            return self.null(self.name(left), is_null=kind in (ast.Is, ast.Eq)) if kind in NULLS else None
        return self.compared(left, column, kind, right, sure)

    def term(self, node: ast.expr, row: str, sure: set[str]) -> str | None:
        """Return what is counted together of whole numbers of a row, none of which is NULL."""
        if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
            sides = [self.term(each, row, sure) for each in (node.left, node.right)]
            inner = [
                f"({text})" if isinstance(each, ast.BinOp) else text
                for each, text in zip((node.left, node.right), sides, strict=True)
            ]
            return f"{inner[0]} {SIGNS[type(node.op)]} {inner[1]}" if None not in sides else None
        if isinstance(node, ast.Constant):
            return repr(node.value) if type(node.value) is int else None
        column = column_of(self.model, node, row)
        if column is None or not isinstance(node, ast.Attribute) or kind_of(self.around, column) != "whole":
            return None
        if node.attr not in sure and may_be_null(self.around, self.model, column):
            return None
        return f'{self.use("F")}("{node.attr}")' if self.django else self.name(node)

    def of_terms(self, left: ast.expr, kind: type[ast.cmpop], right: ast.expr, row: str, sure: set[str]) -> str | None:
        """Return the comparison of what is counted of a row with a number, or with what else is."""
        if self.django or kind not in OPERATORS or not isinstance(left, ast.BinOp):
            return None
        one, other = self.term(left, row, sure), self.term(right, row, sure)
        if other is None and self.constants.kind(right) == "whole" and self.constants.is_fixed(right, row):
            other = written(self.source, right)
        return f"{one} {OPERATORS[kind][0]} {other}" if one is not None and other is not None else None

    def compared(
        self, left: ast.Attribute, column: Column, kind: type[ast.cmpop], right: ast.expr, sure: set[str]
    ) -> str | None:
        """Return the comparison of a column with a value."""
        if kind not in OPERATORS:
            return None
        equal, of = kind in (ast.Eq, ast.NotEq), kind_of(self.around, column)
        if not self.constants.fits(of, right, ordered=not equal):
            return None
        nullable = left.attr not in sure and may_be_null(self.around, self.model, column)
        if nullable and not equal:
            return None  # Python fails at the first that has none
        name, (sign, word), text = self.name(left), OPERATORS[kind], written(self.source, right)
        if self.django:
            said = f"{name}{word}={text}"
            return f"~{self.keyless(said)}" if kind is ast.NotEq else said
        if nullable and kind is ast.NotEq:
            return f"{name}.is_distinct_from({text})"
        plain = isinstance(right, ast.Name | ast.Attribute | ast.Constant | ast.Subscript | ast.BinOp | ast.Call)
        return f"{name} {sign} {text}" if plain else f"{name} {sign} ({text})"

    def of_both(
        self,
        left: ast.Attribute,
        one: Column,
        kind: type[ast.cmpop],
        right: ast.Attribute,
        other: Column,
        sure: set[str],
    ) -> str | None:
        """Return the comparison of two columns of the row, of which none is NULL."""
        kinds = {kind_of(self.around, one), kind_of(self.around, other)}
        some = ((left.attr, one), (right.attr, other))
        if any(name not in sure and may_be_null(self.around, self.model, column) for name, column in some):
            return None
        equal = kind in (ast.Eq, ast.NotEq)
        if kind not in OPERATORS or len(kinds) != 1 or not kinds <= {*ORDERED, *(("text", "uuid") if equal else ())}:
            return None
        sign, word = OPERATORS[kind]
        if self.django:
            said = f'{left.attr}{word}={self.use("F")}("{right.attr}")'
            return f"~{self.keyless(said)}" if kind is ast.NotEq else said
        return f"{self.name(left)} {sign} {self.name(right)}"

    def of_day(self, left: ast.Call, column: Column, kind: type[ast.cmpop], right: ast.expr, row: str) -> str | None:
        """Return the comparison of the day of a moment that has no time zone: with a day's first and last moment."""
        moment = left.func.value if isinstance(left.func, ast.Attribute) else left
        known = not may_be_null(self.around, self.model, column) and not is_aware(self.around, column)
        if self.django or not known or not isinstance(moment, ast.Attribute):
            return None
        if self.constants.kind(right) != "day" or not self.constants.is_fixed(right, row):
            return None
        name, text = self.name(moment), written(self.source, right)
        moments, clock = (self.source.imported("datetime", each)[0] for each in ("datetime", "time"))
        if kind is ast.Eq:
            said = f"{name}.between({moments}.combine({text}, {clock}.min), {moments}.combine({text}, {clock}.max))"
        elif kind in DAYS:
            said = f"{name} {DAYS[kind][0]} {moments}.combine({text}, {clock}.{DAYS[kind][1]})"
        else:
            return None
        self.imports.update({("datetime", "datetime"): None, ("datetime", "time"): None})
        return said

    def membership(self, left: ast.expr, right: ast.expr, row: str, sure: set[str], *, inside: bool) -> str | None:
        """Return the condition that a column is, or is not, one of some values, or one of a few columns a value."""
        if isinstance(right, ast.List | ast.Tuple | ast.Set) and row in names(right):
            each = [ast.copy_location(ast.Compare(item, [ast.Eq()], [left]), right) for item in right.elts]
            return self.several([*each], row, sure, every=not inside, holds=inside)
        column = column_of(self.model, left, row)
        items = self.constants.listed(right)
        if (
            column is None
            or not isinstance(left, ast.Attribute)
            or not items
            or not self.constants.is_fixed(right, row)
        ):
            return None
        of = kind_of(self.around, column)
        kinds = [self.constants.kind(item) for item in items]
        if not all(
            kind and self.constants.fits(of, item, ordered=False) for kind, item in zip(kinds, items, strict=True)
        ):
            return None
        name, text = self.name(left), written(self.source, right)
        nullable = left.attr not in sure and may_be_null(self.around, self.model, column)
        if self.django:
            said = f"{name}__in={text}"
            return said if inside else f"~{self.keyless(said)}"
        if inside:
            return f"{name}.in_({text})"
        return f"{self.use('or_')}({name}.not_in({text}), {name}.is_(None))" if nullable else f"{name}.not_in({text})"

    def null(self, name: str, *, is_null: bool) -> str:
        if self.django:
            return f"{name}__isnull={is_null}"
        return f"{name}.is_(None)" if is_null else f"{name}.is_not(None)"

    def name(self, node: ast.Attribute) -> str:
        return node.attr if self.django else f"{self.written}.{node.attr}"

    def of_row(self, node: ast.expr, row: str) -> Column | None:
        """Return the column that is compared, or of which the day is."""
        if method_of(node) == "date" and isinstance(node, ast.Call) and not node.args and not node.keywords:
            found = column_of(self.model, node.func.value, row) if isinstance(node.func, ast.Attribute) else None
            return found if found is not None and kind_of(self.around, found) == "moment" else None
        return column_of(self.model, node, row)


NULLS = (ast.Is, ast.IsNot, ast.Eq, ast.NotEq)


def is_keyword(text: str) -> bool:
    """Tell whether a condition of Django's is written as a keyword."""
    return text.partition("=")[0].isidentifier()


def present(test: ast.expr, row: str, *, holds: bool) -> set[str]:
    """Return the columns of a row that have a value where a test is true, or false."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return present(test.operand, row, holds=not holds)
    if isinstance(test, ast.BoolOp):
        found = [present(each, row, holds=holds) for each in test.values]
        return set.union(*found) if isinstance(test.op, ast.And) == holds else set.intersection(*found)
    if isinstance(test, ast.Attribute) and isinstance(test.value, ast.Name) and test.value.id == row:
        return {test.attr} if holds else set()
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return set()
    left, right, kind = test.left, test.comparators[0], type(test.ops[0]) if holds else OPPOSITE[type(test.ops[0])]
    if not (isinstance(left, ast.Attribute) and isinstance(left.value, ast.Name) and left.value.id == row):
        return set()
    is_none = isinstance(right, ast.Constant) and right.value is None
    there = kind in (ast.IsNot, ast.NotEq) if is_none else kind is ast.Eq and isinstance(right, ast.Constant)
    return {left.attr} if there else set()
