"""Recipes for rows that a function goes down, and for those of a row whose session the function does not have."""

from pathlib import Path

import pytest

from _rewritten import proposed, ran

RULE = "n-plus-one-query"
MODELS = """
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Topic(Base):
    __tablename__ = "topics"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    shown: Mapped[bool]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("topics.id"))
    children: Mapped[list["Topic"]] = relationship(back_populates="parent", order_by="Topic.id")
    parent: Mapped["Topic | None"] = relationship(back_populates="children", remote_side=[id])
    posts: Mapped[list["Post"]] = relationship(back_populates="topic", order_by="Post.id")


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topics.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    topic: Mapped[Topic] = relationship(back_populates="posts")
    author: Mapped["Author"] = relationship()


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
"""
RUN = """
import json, sys
from sqlalchemy import create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from models import Author, Base, Post, Topic
import app


def measured(n):
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for i in range(1, n + 1):
            parent = None if i < 3 else i // 3
            session.add(Topic(id=i, name=f"topic {i % 7}", shown=i % 5 > 0, parent_id=parent))
            session.add(Author(id=i, name=f"author {i}"))
        session.flush()
        session.add_all(Post(topic_id=1, author_id=i) for i in range(1, n + 1))
        session.commit()
    asked = []
    event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, *rest: asked.append(statement))
    with Session(engine) as session:
        value = app.run(session)
    return {"value": repr(value), "queries": len(asked)}


print(json.dumps([measured(int(n)) for n in sys.argv[1:]]))
"""
HEAD = "from sqlalchemy import select\nfrom sqlalchemy.orm import Session\n\nfrom models import Topic\n\n\n"
DOWN = """
def below(topic: Topic) -> list[int]:
    found = [topic.id]
    for child in topic.children:
        found.extend(below(child))
    return found


def run(session: Session):
    return [below(topic) for topic in session.scalars(select(Topic).where(Topic.parent_id.is_(None)))]
"""
LEVELS = """
def tree(session: Session, parent: Topic | None = None, shown: bool = True):
    parent_id = parent.id if parent else None
    topics = session.scalars(
        select(Topic).where(Topic.parent_id == parent_id, Topic.shown == shown).order_by(Topic.name, Topic.id)
    ).all()
    return [(topic.name, tree(session, topic, shown)) for topic in topics]


def run(session: Session):
    return tree(session)
"""
QUERIES = """
def tree(session: Session, parent_id: int | None = None):
    return [
        {"id": topic.id, "children": tree(session, topic.id)}
        for topic in session.query(Topic).filter_by(parent_id=parent_id).order_by(Topic.id).all()
    ]


def run(session: Session):
    return tree(session), tree(session, 1)
"""
LEFT = {
    "a condition of the level": LEVELS.replace("tree(session, topic, shown)", "tree(session, topic, not shown)"),
    "what may be text": QUERIES.replace("parent_id: int | None", "parent_id").replace("(session, 1)", "(session, '1')"),
    "rows that are changed": LEVELS.replace("    return [(topic", "    session.delete(topics[-1])\n    return [(topic"),
}
OWN = """
def told(topic: Topic) -> list[str]:
    return [post.author.name for post in topic.posts]


def find(session: Session, key: int):
    return session.get(Topic, key)


def run(session: Session):
    if find(session, 1) is None:
        return told(Topic(name="new", shown=True))
    return told(find(session, 1))
"""


def laid(folder: Path, code: str) -> None:
    (folder / "models.py").write_text(MODELS.lstrip(), "utf8")
    (folder / "app.py").write_text(f"{HEAD}{code.lstrip()}", "utf8")


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (DOWN, "selectinload(Topic.children, recursion_depth=-1)"),
        (LEVELS, "by_parent.get(parent_id, [])"),
        (QUERIES, "tree(session, topic.id, by_parent=by_parent)"),
        (OWN, "session = object_session(topic)"),
    ],
)
def test_what_is_asked_for_row_by_row_is_the_same_from_fewer_queries(code: str, says: str, tmp_path: Path) -> None:
    laid(tmp_path, code)
    found = [each.after for each in proposed(tmp_path, RULE) if says in each.after]
    before = ran(tmp_path, RUN, "0", "4", "40")
    (tmp_path / "app.py").write_text(found[0], "utf8")
    after = ran(tmp_path, RUN, "0", "4", "40")

    assert [each["value"] for each in after] == [each["value"] for each in before]
    assert after[-1]["queries"] < before[-1]["queries"] / 2


@pytest.mark.parametrize("case", LEFT)
def test_levels_that_are_not_asked_for_alike_are_left(case: str, tmp_path: Path) -> None:
    laid(tmp_path, LEFT[case])

    assert [each.says for each in proposed(tmp_path, RULE) if "all levels" in each.says] == []


def test_the_session_of_a_row_is_not_asked_for_where_some_are_awaited(tmp_path: Path) -> None:
    laid(tmp_path, f"from sqlalchemy.ext.asyncio import AsyncSession\n\n\n{OWN.lstrip()}")

    assert [each.after for each in proposed(tmp_path, RULE) if "object_session" in each.after] == []
