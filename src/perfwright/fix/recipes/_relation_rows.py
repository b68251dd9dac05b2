"""Rows of a relation, as a session or their model is asked for them alone."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

from perfwright.fix.recipes._narrowed import BY_COLUMN, Rows, arguments, chained, laid, of_model, reduced
from perfwright.fix.source import Edit


@dataclass(slots=True)
class Related(Rows):
    """Rows of a relation of a row, `node`, which a session is asked for on their own.

    It is guarded where the row may not be saved yet, or have them already. `joins` are the relations that lead on from
    them to the rows that a value is asked of.
    """

    session: str
    model: str
    owner: str
    order: str
    node: ast.Attribute
    is_guarded: bool = False
    is_linked: bool = False  # by a table between the two, where a row may be twice
    joins: tuple[str, ...] = ()
    kept: dict[str, list[str]] = field(default_factory=dict)  # what the session itself needs to be imported

    def narrowed(self, conditions: list[str]) -> list[Edit]:
        steps = [f"{self.use('sqlalchemy', 'select')}({self.model})", self.where("where", conditions), *self.sorted()]
        text = laid(self.source, self.node, f"{self.session}.scalars", steps)
        return [self.source.replace(self.node, f"{text}.all()")]

    def value(self, kind: str, conditions: list[str], column: str, default: str) -> str | None:
        if self.node is not self.over or kind in BY_COLUMN or (self.is_linked and kind in ("count", "sum")):
            return None
        select, where = self.use("sqlalchemy", "select"), self.where("where", conditions)
        if kind == "columns":
            steps = [f"{select}({self.model}.{column})", where, *self.sorted()]
            return f"{laid(self.source, self.over, f'{self.session}.scalars', steps)}.all()"
        joins = [f".join({each})" for each in self.joins]
        if kind in ("exists", "first"):
            said = [f"{select}({self.model})", *joins, where, *(self.sorted() if kind == "first" else []), ".limit(1)"]
        else:
            asked = reduced(self.use("sqlalchemy", "func"), kind, of_model(self.model, column), default)
            said = [f"{select}({asked})", f".select_from({self.model})", *joins, where]
        text = laid(self.source, self.over, f"{self.session}.scalar", said)
        return f"{text} is not None" if kind == "exists" else text

    def row(self, ahead: str, values: list[str], conditions: list[str], place: ast.stmt) -> str | None:
        if self.is_linked:
            return None
        select, where = self.use("sqlalchemy", "select"), self.where("where", conditions)
        said = [f"{select}{arguments(values)}", f".select_from({self.model})", where]
        return f"{laid(self.source, place, f'{ahead}{self.session}.execute', said)}.one()"

    def sorted(self) -> list[str]:
        return [f".order_by({self.order})"] if self.order else []

    def where(self, word: str, conditions: Sequence[str]) -> str:
        parent = f"{self.use('sqlalchemy.orm', 'with_parent')}({self.source.text_of(self.node.value)}, {self.owner}."
        return f".{word}{arguments([f'{parent}{self.node.attr})', *conditions])}"


class Inquired(Related):
    """Rows of a relation which their model is asked for by its `query`."""

    def narrowed(self, conditions: list[str]) -> list[Edit]:
        text = f"{self.model}.query{''.join([self.where('filter', conditions), *self.sorted()])}.all()"
        return [self.source.replace(self.node, chained(self.source, self.node, text))]

    def value(self, kind: str, conditions: list[str], column: str, default: str) -> str | None:
        if self.node is not self.over or kind in ("columns", *BY_COLUMN):
            return None
        if self.is_linked and kind in ("count", "sum"):
            return None
        text = chained(self.source, self.over, f"{self.model}.query{self.where('filter', conditions)}")
        if kind in ("count", "first"):
            return f"{text}{''.join(self.sorted() if kind == 'first' else [])}.{kind}()"
        if kind == "exists":
            return f"{text}.first() is not None"
        asked = reduced(self.use("sqlalchemy", "func"), kind, of_model(self.model, column), default)
        return f"{text}.with_entities({asked}).scalar()"

    def row(self, ahead: str, values: list[str], conditions: list[str], place: ast.stmt) -> str | None:
        if self.is_linked:
            return None
        text = f"{ahead}{self.model}.query{self.where('filter', conditions)}.with_entities{arguments(values)}.one()"
        return chained(self.source, place, text)
