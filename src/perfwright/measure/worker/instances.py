"""Instances of the user's classes: dataclasses, named tuples, Pydantic and ORM models, frames, arrays, protocols."""

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from . import spread  # type: ignore[import-not-found,unused-ignore]
from .apps import _databases as databases  # type: ignore[import-not-found,unused-ignore]

FRAMES = ("DataFrame", "Series", "Index", "ndarray")
INNER = 4  # items of a container inside another one


class CannotBuildError(Exception):
    """No value can be made for a parameter; the text says which and why."""


def made(builder: Any, kind: Any, size: int, depth: int) -> Any:
    """Return an instance of a class, made by a builder of values. Raises CannotBuildError."""
    if typing.is_typeddict(kind):
        hints = typing.get_type_hints(kind)
        return {name: builder.value(each, INNER, depth=depth + 1) for name, each in hints.items()}
    if not inspect.isclass(kind):
        raise CannotBuildError(f"no value of type {kind!r} can be made")
    inner = size if depth == 0 else INNER
    for way in (_likened, _frame, _database, _pydantic, _django, _sqlalchemy, _fields, _protocol, _below):
        values = way(builder, kind, inner, depth)
        if values is not None:
            return values
    return _called(builder, kind, inner, depth)


def holds_items(kind: Any) -> bool:
    """Tell whether it is a frame, a column or an array."""
    return _library(kind) in ("pandas", "numpy", "polars") and kind.__name__ in (
        "DataFrame",
        "Series",
        "Index",
        "ndarray",
    )


def _library(kind: Any) -> str:
    return str(getattr(kind, "__module__", "")).partition(".")[0]


def _likened(builder: Any, kind: Any, size: int, depth: int) -> Any:
    """Return text or a number where the class says of it that it is an instance: as types for checkers do."""
    if "__instancecheck__" not in vars(type(kind)) or type(kind).__module__ in ("abc", "typing", "enum"):
        return None
    for plain in (str, int, float):
        value = builder.value(plain, size, depth=depth)
        if isinstance(value, kind):
            return value
    return None


def _frame(builder: Any, kind: type, size: int, _: int) -> Any:
    """Return a frame of a number, a text and a date column, a column, or an array."""
    if not holds_items(kind):
        return None
    library = sys.modules[_library(kind)]
    numbers = [builder.value(float, 1, depth=1) for _ in range(size)]
    if kind.__name__ == "ndarray":
        return library.array(numbers)
    if kind.__name__ in ("Series", "Index"):
        return kind(numbers)
    return kind({"id": list(range(size)), "value": numbers, "name": builder.items(str, size, 1)})


def _database(builder: Any, kind: Any, size: int, __: int) -> Any:
    """Return a session or a connection of a scratch database with rows."""
    try:
        return databases.handle(kind, size, varied=builder.spread != spread.parse(databases.USUAL))
    except databases.CannotFillError as error:
        raise CannotBuildError(str(error)) from error


def _pydantic(builder: Any, kind: Any, size: int, depth: int) -> Any:
    """Return a Pydantic model, of version 1 or 2, with the fields that it requires."""
    fields = getattr(kind, "model_fields", None) or getattr(kind, "__fields__", None)
    if not isinstance(fields, dict) or (not hasattr(kind, "__pydantic_validator__") and not hasattr(kind, "parse_obj")):
        return None
    given = {}
    for name, field in fields.items():
        required = field.is_required() if callable(getattr(field, "is_required", None)) else field.required
        if not required:
            continue
        hint = getattr(field, "annotation", None) or field.outer_type_
        value = builder.value(hint, size, depth=depth + 1)
        given[getattr(field, "alias", None) or name] = _within(value, getattr(field, "metadata", ()))
    return kind(**given)


LIMITS: dict[str, Callable[[Any, Any], Any]] = {
    "ge": max,
    "gt": lambda value, limit: max(value, limit + 1),
    "le": min,
    "lt": lambda value, limit: min(value, limit - 1),
    "min_length": lambda value, limit: value * (limit // max(len(value), 1) + 1) if len(value) < limit else value,
    "max_length": lambda value, limit: value[:limit],
}


def _within(value: Any, limits: Any) -> Any:
    """Return a value as near to it as the limits of a field allow."""
    for each in limits:
        for name, change in LIMITS.items():
            limit = getattr(each, name, None)
            if limit is not None:
                value = change(value, limit)
    return value


DJANGO: dict[str, Any] = {
    "CharField": str, "TextField": str, "SlugField": str, "EmailField": str, "URLField": str, "IntegerField": int,
    "BigIntegerField": int, "SmallIntegerField": int, "PositiveIntegerField": int, "AutoField": int,
    "BigAutoField": int, "FloatField": float, "BooleanField": bool, "JSONField": dict[str, int],
}  # fmt: skip


def _django(builder: Any, kind: Any, size: int, depth: int) -> Any:
    """Return an instance of a Django model that was not saved, each field with a value of its type."""
    about = getattr(kind, "_meta", None)
    if not hasattr(about, "concrete_fields") or not hasattr(kind, "full_clean"):
        return None
    import datetime
    import decimal
    import uuid

    more = {
        "DateField": datetime.date, "DateTimeField": datetime.datetime, "DecimalField": decimal.Decimal,
        "UUIDField": uuid.UUID, "DurationField": datetime.timedelta,
    }  # fmt: skip
    given: dict[str, Any] = {}
    for field in about.concrete_fields:  # type: ignore[union-attr]
        if field.is_relation:
            if depth < 2 and not field.null:
                given[field.name] = builder.value(field.related_model, INNER, depth=depth + 1)
            continue
        hint = DJANGO.get(field.get_internal_type()) or more.get(field.get_internal_type())
        if field.choices:
            given[field.attname] = builder.random.choice(list(field.flatchoices))[0]
        elif hint is not None:
            value = builder.value(hint, size, depth=depth + 1)
            given[field.attname] = value[: field.max_length] if isinstance(value, str) else value
    return kind(**given)


def _sqlalchemy(builder: Any, kind: Any, size: int, depth: int) -> Any:
    """Return an instance of a mapped class that belongs to no session, each column with a value of its type."""
    mapper = getattr(kind, "__mapper__", None)
    if mapper is None or not hasattr(mapper, "column_attrs"):
        return None
    made = kind()
    for each in mapper.column_attrs:
        try:
            hint = each.columns[0].type.python_type
        except NotImplementedError:  # SQLAlchemy's word for a type of no Python type: the column stays as it is
            continue
        setattr(made, each.key, builder.value(hint, size, depth=depth + 1))
    return made


def _fields(builder: Any, kind: Any, size: int, depth: int) -> Any:
    """Return a dataclass, an attrs class or a named tuple."""
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind) if field.init]
    elif hasattr(kind, "__attrs_attrs__"):
        names = [field.name.lstrip("_") for field in kind.__attrs_attrs__ if field.init]
    elif issubclass(kind, tuple) and hasattr(kind, "_fields"):
        names = list(kind._fields)
    else:
        return None
    hints = typing.get_type_hints(kind)
    return kind(**{name: builder.value(hints.get(name, int), size, depth=depth + 1) for name in names})


def _protocol(builder: Any, kind: Any, _: int, depth: int) -> Any:
    """Return an object with the attributes and methods of a protocol; the methods return values of their types."""
    if not getattr(kind, "_is_protocol", False):
        return None
    space: dict[str, Any] = {}
    for name, hint in typing.get_type_hints(kind).items():
        space[name] = builder.value(hint, INNER, depth=depth + 1)
    for base in reversed(kind.__mro__[:-1]):
        for name, value in vars(base).items():
            if inspect.isfunction(value) and (not name.startswith("__") or name in ("__call__", "__len__", "__iter__")):
                back = typing.get_type_hints(value).get("return", type(None))
                space[name] = _returning(builder.value(back, INNER, depth=depth + 1))
    return types.new_class(f"Some{kind.__name__}", (), {}, lambda made: made.update(space))()


def _returning(value: Any) -> Any:
    def method(*_: Any, **__: Any) -> Any:
        return value

    return method


def _below(builder: Any, kind: Any, size: int, depth: int) -> Any:
    """Return an instance of a class that implements an abstract one."""
    if not inspect.isabstract(kind):
        return None
    why = "none is imported"
    for each in _subclasses(kind):
        try:
            return builder.value(each, size, depth=depth + 1)
        except Exception as error:  # the user's class, built as it may not like; the next one may be
            why = f"{each.__name__}: {type(error).__name__}: {error}"
    raise CannotBuildError(f"{kind.__name__} is abstract, and no class that implements it can be built ({why})")


def _subclasses(kind: Any) -> Iterator[Any]:
    for each in kind.__subclasses__():
        if not inspect.isabstract(each):
            yield each
        yield from _subclasses(each)


def _called(builder: Any, kind: type, size: int, depth: int) -> Any:
    """Return what calling a class gives, with a value for each parameter that has to be given."""
    try:
        parameters = inspect.signature(kind).parameters.values()
        if all(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) or each.default is not each.empty
               for each in parameters):  # fmt: skip
            return kind()
        hints = typing.get_type_hints(kind.__init__)  # type: ignore[misc]
    except (TypeError, ValueError, NameError) as error:
        raise CannotBuildError(f"the parameters of {kind.__name__} are unknown ({error})") from error
    named: dict[str, Any] = {}
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) or each.default is not each.empty:
            continue
        if each.name not in hints:
            raise CannotBuildError(f"{kind.__name__}({each.name}) has no annotation")
        named[each.name] = builder.value(hints[each.name], size, depth=depth + 1)
    return kind(**named)
