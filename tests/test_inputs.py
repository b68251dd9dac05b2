"""Values of annotated types: of the size that is asked for, and such as their classes take."""

import collections.abc
import dataclasses
import datetime
import enum
import io
import re
import sys
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Protocol, TypedDict, TypeVar

import pytest

from perfwright.measure.run import Guest
from perfwright.measure.sweep import sweep
from perfwright.measure.worker.inputs import Builder, is_container
from perfwright.measure.worker.instances import CannotBuildError

Name = NewType("Name", str)
T = TypeVar("T", bound=str)


class Color(enum.Flag):
    RED = 1
    BLUE = 2


class Point(NamedTuple):
    x: int
    y: float
    label: str = ""


class Options(TypedDict):
    depth: int
    name: NotRequired[str]


class Shape(Protocol):
    size: int

    def area(self) -> float: ...


class Base(collections.abc.Sized):
    pass


class Concrete(Base):
    def __init__(self, items: list[int]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)


@dataclasses.dataclass
class Order:
    lines: list[Point]
    placed: datetime.datetime


def value(kind: Any, n: int = 30) -> Any:
    return Builder(n).value(kind, n)


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        (list[int], list), (Name, str), (T, str), (Annotated[list[int], "noted"], list), (bytes, bytes),
        (Iterable[tuple[int, str]], list), (Mapping[str, list[int]], dict), (str | None, str),
        (typing.Union[list[int], None], list), (io.StringIO, io.StringIO), (range, range),  # noqa: UP007
    ],
)  # fmt: skip
def test_what_has_a_size_has_the_size_that_is_asked_for(kind: Any, holds: type) -> None:
    made = value(kind)

    assert isinstance(made, holds)
    assert is_container(kind) or kind is range
    assert len(made.getvalue().splitlines() if isinstance(made, io.StringIO) else made) == 30


def test_classes_are_built_from_their_fields() -> None:
    assert isinstance(value(Point).y, float)
    assert set(value(Options)) == {"depth", "name"}
    assert len(value(Order).lines) == 30
    assert isinstance(value(Order).placed, datetime.datetime)
    assert isinstance(value(Color), Color)
    assert value(Literal["a", "b"]) in ("a", "b")
    assert value(re.Pattern[str]).search("word")
    assert value(re.Match[str]).group(1)


def test_a_protocol_is_met_and_an_abstract_class_implemented() -> None:
    shape = value(Shape)

    assert isinstance(shape.area(), float)
    assert isinstance(shape.size, int)
    assert isinstance(value(Base), Concrete)


def test_a_function_returns_what_its_type_says() -> None:
    assert value(Callable[[int], bool])(3) is True
    assert isinstance(value(Callable[..., str])(3), str)
    assert isinstance(value(Callable[[], list[int]])(), list)
    assert value(Callable[[T], T])("same") == "same"


def test_what_cannot_be_built_says_so() -> None:
    class Odd:
        def __init__(self, thing) -> None:  # type: ignore[no-untyped-def]
            self.thing = thing

    with pytest.raises(CannotBuildError, match=r"Odd\(thing\) has no annotation"):
        value(Odd)


def test_pydantic_models_keep_their_limits() -> None:
    pydantic = pytest.importorskip("pydantic")
    Model = pydantic.create_model(  # noqa: N806
        "Model",
        age=(int, pydantic.Field(ge=18, le=99)),
        code=(str, pydantic.Field(max_length=3)),
        tags=(list[str], ...),
    )
    made = value(Model)

    assert 18 <= made.age <= 99
    assert len(made.code) <= 3
    assert len(made.tags) == 30


def test_mapped_classes_are_built_without_a_session() -> None:
    orm = pytest.importorskip("sqlalchemy.orm")

    class Model(orm.DeclarativeBase):  # type: ignore[name-defined,misc]
        pass

    class User(Model):
        __tablename__ = "users"
        id: orm.Mapped[int] = orm.mapped_column(primary_key=True)  # type: ignore[name-defined]
        name: orm.Mapped[str]  # type: ignore[name-defined]

    users = value(list[User])

    assert len(users) == 30
    assert isinstance(users[0].id, int)
    assert users[0].name


def test_frames_and_arrays_have_as_many_rows() -> None:
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")

    assert len(value(pandas.DataFrame)) == 30
    assert len(value(pandas.Series)) == 30
    assert value(numpy.ndarray).shape == (30,)
    assert is_container(pandas.DataFrame)


DJANGO = """
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=[], DEFAULT_AUTO_FIELD="django.db.models.BigAutoField")
django.setup()
from django.db import models

class Team(models.Model):
    name = models.CharField(max_length=5)
    class Meta:
        app_label = "teams"

class Player(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE)
    born = models.DateField()
    class Meta:
        app_label = "teams"

def roster(players: list[Player]):
    return [(player.team.name[:5], player.born.year) for player in players]
"""


def test_a_function_over_django_models_is_measured_without_a_database(tmp_path: Path) -> None:
    pytest.importorskip("django")
    (tmp_path / "teams.py").write_text(DJANGO, "utf8")
    with Guest(Path(sys.executable), []) as guest:
        found = sweep(guest, str(tmp_path / "teams.py"), "roster", seconds=1)

    assert not found.failed
    assert len(found.samples) > 3


def test_a_class_that_takes_text_for_its_instance_is_given_text() -> None:
    class Likens(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, str) and bool(value)

    class Word(metaclass=Likens):
        pass

    assert type(value(Word)) is str
    assert len(value(Word)) == 30
