"""Items that are gone through for those that hold something: put into a dictionary by what they hold, where it is sure
that this is a collection of what can be looked up."""

import ast
from pathlib import Path
from typing import Any

import pytest

from perfwright.finding import Finding, Place
from perfwright.fix import recipes
from perfwright.fix.source import Source

POSTS = """from dataclasses import dataclass


@dataclass
class Post:
    title: str
    tags: list[str]
    draft: bool = False


def f(posts: list[Post], tags: list[str]):
    {}
"""
SEARCHED = """from dataclasses import dataclass
from pydantic import BaseModel


@dataclass
class Open:
    name: str


@dataclass(frozen=True)
class Closed:
    name: str


class Model(BaseModel):
    name: str


def f(found: {0}, known: {1}):
    return [each for each in found if each in known]
"""
ROWS = """from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("card.id"))


class Card(Base):
    __tablename__ = "card"
    id: Mapped[int] = mapped_column(primary_key=True)
    done: Mapped[bool]
    assignees: Mapped[list[User]] = relationship()


def f(cards, users):
    rows = []
    for user in users:
        rows.append(len([c for c in cards if user in c.assignees and not c.done]))
    return rows
"""


def proposed(folder: Path, text: str, at: str, rule: str = "nested-scan") -> list[str]:
    (folder / "a.py").write_text(text, "utf8")
    start = text.index(at)
    place = Place(path="a.py", line=text.count("\n", 0, start) + 1, column=start - text.rfind("\n", 0, start))
    finding = Finding(rule=rule, place=place, symbol="", message="")
    source = Source("a.py", text, folder)
    every = [each for recipe in recipes.load()[rule] for each in recipe.propose(source, finding)]
    made = [source.edited(each.edits) for each in every]
    for each in made:
        ast.parse(each)
    return made


def given(text: str) -> list[str]:
    space: dict[str, Any] = {"__name__": "a"}
    exec(compile(text, "a.py", "exec"), space)
    post = space["Post"]
    posts = [post("1", ["a", "b", "a"]), post("2", []), post("3", ["b"], draft=True), post("4", ["c", "b"])]
    return [repr(space["f"](some, tags)) for some in (posts, []) for tags in (["b", "a", "x", "b"], [])]


@pytest.mark.parametrize(
    "body",
    [
        "return [[p for p in posts if tag in p.tags] for tag in tags]",
        "return [len([p for p in posts if tag in p.tags]) for tag in tags]",
        "return [[p.title for p in posts if not p.draft and tag in p.tags and p.title != '4'] for tag in tags]",
        "return [next((p for p in posts if tag in p.tags), None) for tag in tags]",
        "return [tag for tag in tags if any(tag in p.tags for p in posts)]",
        "p = 1\n    return p, [[p for p in posts if tag in p.tags] for tag in tags]",
        "found = []\n    for tag in tags:\n        for p in posts:\n            if tag in p.tags:\n"
        "                found.append((tag, p.title))\n    return found",
    ],
)
def test_items_are_found_by_what_they_hold(tmp_path: Path, body: str) -> None:
    text = POSTS.format(body)
    at = next(word for word in ("[p ", "[p.", "p for p", "tag in p.tags for", "for p in posts:") if word in text)
    made = proposed(tmp_path, text, at)

    assert made
    for each in made:
        assert given(each) == given(text)
        assert "tag in p.tags" not in each


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tags: list[str]\n", "tags: str\n"),  # a part of a text is no item of it
        ("tags: list[str]\n", "tags: list[dict]\n"),
        ("tags: list[str]\n", "tags: object\n"),
        ("@dataclass\n", "class Other:\n    def __init__(self):\n        self.tags = 'a'\n\n\n@dataclass\n"),
        ("@dataclass\n", "class Other:\n    @property\n    def tags(self):\n        return 'a'\n\n\n@dataclass\n"),
        ("tag in p.tags", "tag not in p.tags"),
        ("tag in p.tags", "p.title in p.tags"),
        ("tag in p.tags]", "tag in p.tags and p.tags.append(1)]"),
    ],
)
def test_what_may_hold_something_else_is_left(tmp_path: Path, old: str, new: str) -> None:
    text = POSTS.format("return [[p for p in posts if tag in p.tags] for tag in tags]")
    assert old in text

    assert proposed(tmp_path, text.replace(old, new, 1), "[p ") == []


def test_rows_are_found_by_those_of_a_relation(tmp_path: Path) -> None:
    made = proposed(tmp_path, ROWS, "[c for")

    assert (
        "        for assignee in set(c.assignees):\n            cards_by_assignee.setdefault(assignee, [])" in made[0]
    )
    assert "len([c for c in cards_by_assignee.get(user, ()) if not c.done])" in made[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("relationship()", "relationship(lazy='dynamic')"),
        ("Mapped[list[User]] = relationship()", "Mapped[str]"),
        ("id: Mapped[int]", "def __eq__(self, other):\n        return True\n\n    id: Mapped[int]"),
        ("class Base(DeclarativeBase)", "class Base(MappedAsDataclass, DeclarativeBase)"),
    ],
)
def test_rows_that_may_not_be_looked_up_are_left(tmp_path: Path, old: str, new: str) -> None:
    assert old in ROWS

    assert proposed(tmp_path, ROWS.replace(old, new, 1), "[c for") == []


@pytest.mark.parametrize(
    ("found", "known", "is_set"),
    [
        ("list[str]", "list[str]", True),
        ("list[str] | None", "Optional[list[int]]", True),
        ("list[Closed]", "list[Closed]", True),
        ("list[tuple[str, int]]", "list", True),
        ("list[Any]", "Sequence[Other]", True),
        ("list[dict[str, int]]", "list", False),
        ("list", "list[list[int]] | None", False),
        ("list", "list[tuple[str, list[int]]]", False),
        ("list[Open]", "list[Open]", False),
        ("list[Model]", "list", False),
    ],
)
def test_what_annotations_say_cannot_be_hashed_is_put_into_no_set(
    tmp_path: Path, found: str, known: str, is_set: bool
) -> None:
    assert bool(proposed(tmp_path, SEARCHED.format(found, known), "each in known", "membership-in-list")) is is_set
