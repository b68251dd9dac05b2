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
        ("list[str] | None", "Union[list[int], list[str]]", True),
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


MODELS = """from dataclasses import dataclass, field


@dataclass
class Card:
    kind: str
    done: bool = False

    def finish(self, request):
        self.done = True

    def move(self, name, value):
        setattr(self, name, value)

    def show(self):
        return self.kind.upper()

    @property
    def group(self):
        return self.kind if not self.done else ""


@dataclass
class Board:
    cards: list[Card]
    names: list[str] = field(default_factory=list)
    extra: list[Card] | None = None

    @property
    def open_cards(self):
        return [each for each in self.cards if not each.done]

    def keep(self, cards):
        self.kept = list(cards)
        self.lost = cards

    def call(self, card):
        names = self.names
        names.append(card.kind)

    def add(self, card):
        self.cards.append(card)
        self.names.append(card.kind)
"""
SHOP = """from models import Board, Card
from sqlalchemy.orm import Session


def take(card, request):
    note(card)


def lose(card):
    card.kind = None


def note(card):
    card["kind"] = "taken"
    card.kind = "taken"


def count(card, totals):
    totals[card.kind] = 1


def shown(card):
    own = {{}}
    own["kind"] = card.kind
    return own


def load(path):
    for line in open(path):
        yield line.split(",")


def f(board: Board, cards: list[Card], other, requests, session: Session, path):
    found = []
    {0}
    return found
"""
FIRST = "for r in requests:\n        c = next((c for c in cards if c.kind == r.kind), None)\n        {}"
ALL = "for r in requests:\n        cs = [c for c in cards if c['kind'] == r.kind]\n        {}"
UNDER = "for r in requests:\n        if r.kind:\n            found.append(any(c.kind == r.kind for c in {}))"
OPEN = "for r in requests:\n        for c in board.open_cards:\n            if c.kind == r.kind:\n                {}"


def shop(folder: Path, body: str) -> str:
    (folder / "models.py").write_text(MODELS, "utf8")
    return SHOP.format(body)


def at_of(text: str) -> str:
    return next(each for each in ("c.kind == r.kind for", "c for c in", "for c in") if each in text)


@pytest.mark.parametrize(
    "body",
    [
        FIRST.format("found.append(c)"),
        FIRST.format("found.append(c.show())"),
        FIRST.format("found.append(count(c, {}))"),
        FIRST.format("c.finish(r)"),
        ALL.format("found.append(shown(cs[0]))"),
        ALL.format("found += map(shown, cs)"),
        ALL.format("cs.sort()\n        cs.pop()\n        found.append(len(cs))"),
        "by = {}\n    " + ALL.format("by[r['id']] = cs[0]\n        by['kind'] = len(cs)"),
        OPEN.format("found.append(c.show())"),
        UNDER.format("cards"),
        UNDER.format("board.cards"),
        UNDER.format("other.kept"),
        "cs = [each for each in other]\n    " + UNDER.format("cs"),
        "if other is None:\n        other = []\n    " + UNDER.format("other"),
        "rows = session.scalars(path).all()\n    " + UNDER.format("rows"),
    ],
)
def test_a_loop_whose_calls_leave_the_items_as_they_are_is_mended(tmp_path: Path, body: str) -> None:
    text = shop(tmp_path, body)

    assert proposed(tmp_path, text, at_of(body))


@pytest.mark.parametrize(
    "body",
    [
        FIRST.format("take(c, r)"),  # which sets what is looked for, two calls away
        FIRST.format("c.move('kind', r)"),
        FIRST.format("setattr(c, 'kind', r)"),
        FIRST.format("path(c)"),  # nobody knows what that does
        FIRST.format("found.append(c)\n        path(found)"),
        FIRST.format("board.add(r)").replace("in cards", "in board.cards"),
        FIRST.format("board.add(r)").replace("for r", "cards = board.cards\n    for r"),
        FIRST.format("c.finish(r)").replace("c.kind ==", "c.group =="),
        FIRST.format("c.done = True").replace("c.kind ==", "not c.done and c.kind =="),
        ALL.format("take(cs[0], r)"),
        ALL.format("count(r, cs[0])"),
        FIRST.format("found += map(lose, [c])"),
        FIRST.format("found += map(path, [c])"),
        ALL.format("cs[0].update(kind='taken')"),
        ALL.format("cs[0].update(r)"),
        ALL.format("cs[0]['kind'] = 'taken'"),
        ALL.format("one = cs[0]\n        one['kind'] = 'taken'"),
        ALL.format("for one in cs:\n            one.pop('kind')"),
        "def inner():\n        cards[0].kind = 1\n\n    " + FIRST.format("inner()"),
        "by = {}\n    " + ALL.format("by[r] = cs[0]\n        by[r]['kind'] = 1"),
        OPEN.format("c.finish(r)"),
        UNDER.format("other"),  # which may be None where no pass goes through it
        UNDER.format("board.extra"),
        UNDER.format("other.lost"),
        UNDER.format("other['cards']"),
        "if path:\n        cs = []\n    " + UNDER.format("cs"),
        "cs = load(path)\n    " + FIRST.format("found.append(c)").replace("in cards", "in cs"),
        "cs = session.execute(path)\n    " + FIRST.format("found.append(c)").replace("in cards", "in cs"),
        "cs = session.scalars(path)\n    " + FIRST.format("found.append(c)").replace("in cards", "in cs"),
        "with open(path) as cs:\n        "
        + FIRST.format("found.append(c)").replace("in cards", "in cs").replace("\n", "\n    "),
    ],
)
def test_items_that_may_change_or_be_missing_or_used_up_are_left(tmp_path: Path, body: str) -> None:
    text = shop(tmp_path, body)

    assert proposed(tmp_path, text, at_of(body)) == []


@pytest.mark.parametrize(
    ("body", "is_set"),
    [
        ("for r in requests:\n        if r in board.names:\n            found.append(r)", True),
        ("for r in requests:\n        if r.kind and r in board.names:\n            found.append(r)", True),
        ("for r in requests:\n        if r in board.names:\n            board.add(r)", False),
        ("for r in requests:\n        if r in board.names:\n            board.call(r)", False),
        ("names = board.names\n    for r in requests:\n        if r not in names:\n            board.add(r)", False),
        ("for r in requests:\n        if r.kind and r in board.extra:\n            found.append(r)", False),
        ("for r in requests:\n        if r.kind and r in other:\n            found.append(r)", False),
        ("for r in requests:\n        if r in other:\n            found.append(r)", True),
        ("rows = load(path)\n    for r in requests:\n        if r in rows:\n            found.append(r)", False),
        ("for r in requests:\n        if r not in found:\n            found.append(r)", True),
        ("for r in requests:\n        if r not in found:\n            found.append(r)\n            path(found)", False),
        ("also = found\n    for r in requests:\n        if r not in found:\n            found.append(r)", False),
        ("for r in requests:\n        if r not in found:\n            found.append(r)\n        found += r.all", False),
    ],
)
def test_a_list_that_may_change_or_be_missing_or_used_up_is_searched(tmp_path: Path, body: str, is_set: bool) -> None:
    text = shop(tmp_path, body)
    at = next(each for each in ("r in board", "r not in", "r in other", "r in rows") if each in body)

    assert bool(proposed(tmp_path, text, at, "membership-in-list")) is is_set
