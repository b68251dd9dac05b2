"""Columns as their models declare them: whether they may be NULL, and what kind of value they hold."""

import ast
import os
from pathlib import PurePosixPath

from perfwright.effects.schema import DJANGO, TO_ONE, Column, Model
from perfwright.fix.recipes._calls import name_of
from perfwright.fix.source import Source
from perfwright.fix.surroundings import Surroundings
from perfwright.index.project import Class

KINDS = {
    "whole": "int Integer BigInteger SmallInteger INTEGER BIGINT IntegerField BigIntegerField SmallIntegerField"
    " AutoField PositiveIntegerField PositiveSmallIntegerField PositiveBigIntegerField BigAutoField SmallAutoField",
    "text": "str String Text Unicode UnicodeText VARCHAR TEXT CharField TextField EmailField SlugField URLField",
    "flag": "bool Boolean BOOLEAN BooleanField",
    "moment": "datetime DateTime DATETIME TIMESTAMP DateTimeField",
    "day": "date Date DATE DateField",
    "clock": "time Time TIME TimeField",
    "exact": "Decimal Numeric DECIMAL NUMERIC DecimalField",
    "float": "float Float FLOAT Double FloatField",
    "uuid": "UUID Uuid UUIDField",
    "enum": "Enum SAEnum SqlEnum SQLEnum SqlAlchemyEnum SQLAlchemyEnum",
}
KIND_OF = {name: kind for kind, some in KINDS.items() for name in some.split()}
AROUND = ("Mapped", "Optional", "Annotated", "Union")
KEY = "key"  # a foreign key: it holds what the other's key is
ORDERED = ("whole", "moment", "day", "clock", "exact", "float")  # kinds that SQL orders as Python does
NUMBERS = ("whole", "exact", "float")


def column_of(model: Model, node: ast.expr, row: str) -> Column | None:
    """Return the column of a row that an expression reads."""
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == row):
        return None
    found = model.columns.get(node.attr)
    if model.framework != DJANGO:
        return found
    if found is None:
        found = model.columns.get(node.attr.removesuffix("_id"))
        return found if found is not None and found.type in TO_ONE and node.attr.endswith("_id") else None
    return found if found.type not in TO_ONE else None


def may_be_null(around: Surroundings, model: Model, column: Column) -> bool:
    """Tell whether a column is not declared to have a value in every row."""
    if model.framework == DJANGO and column.name in ("id", "pk"):
        return False
    each = declaration(around, column)
    if each is None:
        return True
    given = keywords(each)
    said = given.get("null" if model.framework == DJANGO else "nullable")
    if isinstance(said, ast.Constant):
        return bool(said.value)
    if said is not None:
        return True
    if isinstance(each, ast.AnnAssign):
        return any(word in ast.unparse(each.annotation) for word in ("None", "Optional"))
    return model.framework != DJANGO and "primary_key" not in given


def kind_of(around: Surroundings, column: Column) -> str:
    """Return the kind of a column's values, one of `KINDS` or a key; nothing for a type of the project's own."""
    if column.type in TO_ONE:
        return KEY
    if column.name in ("id", "pk") and column.type == "AutoField":
        return "whole"
    each = declaration(around, column)
    if each is None:
        return ""
    if "collat" in ast.unparse(each):
        return ""  # text that is the same otherwise than in Python
    arguments = each.value.args if isinstance(each.value, ast.Call) else []
    named = [name_of(node) for node in arguments if isinstance(node, ast.Call | ast.Name | ast.Attribute)]
    types = [name for name in named if name != "ForeignKey"]
    if isinstance(each.value, ast.Call) and name_of(each.value) in KIND_OF:
        types = [name_of(each.value)]  # a field of Django's
    if types:
        return KIND_OF.get(types[0], "")
    if isinstance(each, ast.AnnAssign):
        inner = [node for node in ast.walk(each.annotation) if isinstance(node, ast.Name | ast.Attribute)]
        inner = [node for node in inner if name_of(node) not in AROUND and not holds(inner, node)]
        if len(inner) == 1:
            source = around.source(column.module.path)
            found = around.entity(source, inner[0]) if source is not None else None
            return "enum" if isinstance(found, Class) and is_enum(around, found) else KIND_OF.get(name_of(inner[0]), "")
        return ""
    return KEY if "ForeignKey" in named else ""


def is_aware(around: Surroundings, column: Column) -> bool:
    """Tell whether a column's moments may have a time zone."""
    each = declaration(around, column)
    return each is None or "timezone" in ast.unparse(each) or column.type == "DateTimeField"


def holds(some: list[ast.Name | ast.Attribute], node: ast.AST) -> bool:
    """Tell whether a name is the beginning of another: `models` of `models.Status`."""
    return any(isinstance(each, ast.Attribute) and each.value is node for each in some)


def is_enum(around: Surroundings, cls: Class) -> bool:
    """Tell whether a class of the project is an enumeration."""
    names = [str(base).rpartition(".")[2] for base in around.project.mro(cls)]
    return any(name in ("Enum", "StrEnum", "IntEnum", "TextChoices", "IntegerChoices") for name in names)


def beside(around: Surroundings, source: Source, model: Model) -> list[Source]:
    """Return the files of the application that a model and a file which uses it belong to."""
    folders = [PurePosixPath(path).parent for path in (source.path, model.cls.module.path)]
    base = PurePosixPath(os.path.commonpath(folders) if all(map(str, folders)) else ".")
    if base.name in ("models", "model", "entities", "db"):
        base = base.parent
    paths = [path for path in around.modules if PurePosixPath(path).is_relative_to(base)]
    return [found for path in paths if (found := around.source(path)) is not None]


def declaration(around: Surroundings, column: Column) -> ast.Assign | ast.AnnAssign | None:
    """Return the statement that declares a column."""
    source = around.source(column.module.path)
    for each in ast.walk(source.tree) if source is not None else ():
        if isinstance(each, ast.Assign | ast.AnnAssign) and each.lineno == column.line:
            target = each.target if isinstance(each, ast.AnnAssign) else each.targets[0]
            return each if isinstance(target, ast.Name) and target.id == column.name else None
    return None


def keywords(statement: ast.Assign | ast.AnnAssign) -> dict[str | None, ast.expr]:
    """Return the keywords of the call that declares a column."""
    return {key.arg: key.value for key in statement.value.keywords} if isinstance(statement.value, ast.Call) else {}
