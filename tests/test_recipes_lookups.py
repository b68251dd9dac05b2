"""Recipes for rows that loops look up by keys, or have in lists: the same answers and rows, from fewer queries."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from _rewritten import proposed, ran
from perfwright.fix.patches import Candidate

MODELS = """
from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Board(Base):
    __tablename__ = "boards"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Card(Base):
    __tablename__ = "cards"
    id: Mapped[int] = mapped_column(primary_key=True)
    board_id: Mapped[int] = mapped_column(ForeignKey("boards.id"))
    title: Mapped[str]
    done: Mapped[bool] = mapped_column(default=False)
    board: Mapped[Board] = relationship()
    notes: Mapped[list["Note"]] = relationship(order_by="Note.id")
    cover: Mapped["Cover"] = relationship(uselist=False)


class Cover(Base):
    __tablename__ = "covers"
    id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("cards.id"))
    colour: Mapped[str]


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    card_id: Mapped[int] = mapped_column(ForeignKey("cards.id"))
    text: Mapped[str]


class Member(Base):
    __tablename__ = "members"
    __table_args__ = (UniqueConstraint("board_id", "user_id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    board_id: Mapped[int] = mapped_column(ForeignKey("boards.id"))
    user_id: Mapped[int]
    role: Mapped[str]
"""
RUN = """
import json, sys
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session
from models import Base, Board, Card, Cover, Member, Note
import app


def measured(n, keys):
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for i in range(1, n + 1):
            session.add(Board(id=i, name=f"board {i}"))
            session.add(Card(id=i, board_id=1 + i // 2, title=f"card {i}"))
            session.add_all([Note(card_id=i, text=f"note {i}"), Note(card_id=1, text="more")])
            session.add_all([Cover(card_id=i, colour="red"), Cover(card_id=i, colour="blue")])
            session.add_all([Member(board_id=1, user_id=i, role="admin"), Member(board_id=2, user_id=i, role="guest")])
        session.commit()
    asked = []
    event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, *rest: asked.append(statement))
    with Session(engine) as session:
        try:
            value = app.run(session, keys)
            session.commit()
        except Exception as error:
            value = f"{type(error).__name__}: {error}"
    queries = len(asked)
    with engine.connect() as connection:
        rows = [[repr(row) for row in connection.execute(text(f"SELECT * FROM {t.name} ORDER BY id"))]
                for t in Base.metadata.sorted_tables]
    return {"value": repr(value), "queries": queries, "rows": rows}


print(json.dumps([measured(*each) for each in json.loads(sys.argv[1])]))
"""
HEAD = """from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Board, Card, Cover, Member, Note
"""
PATCHED = {
    "a helper that gets one row": (
        """
        def get_card(session: Session, card_id: int) -> Card:
            card = session.get(Card, card_id)
            if card is None:
                raise LookupError(f"no card {card_id}")
            return card


        def run(session: Session, ids: list[int]):
            names = []
            for card_id in ids:
                card = get_card(session, card_id)
                card.done = True
                names.append((card.title, card.board.name))
            return names
        """,
        "_cards = [",
    ),
    "the keys of a body": (
        """
        @dataclass
        class Body:
            card_ids: list[int]


        def get_card(session: Session, card_id: int) -> Card:
            card = session.get(Card, card_id)
            if card is None:
                raise LookupError(f"no card {card_id}")
            return card


        def archive(session: Session, data: Body):
            count = 0
            for card_id in data.card_ids:
                card = get_card(session, card_id)
                if not card.done:
                    card.done = True
                    count += 1
            return count


        def run(session: Session, ids: list[int]):
            return archive(session, Body(ids))
        """,
        "data.card_ids[start : start + 1000]",
    ),
    "a row by two columns that are unique": (
        """
        def run(session: Session, ids: list[int]):
            roles = []
            for user_id in ids:
                member = session.scalar(select(Member).where(Member.board_id == 1, Member.user_id == user_id))
                if member is None:
                    raise LookupError(f"no member {user_id}")
                roles.append(member.role)
            return roles
        """,
        "members_by_user_id.get(user_id)",
    ),
    "rows in a slice of a list that a helper gives": (
        """
        def found(session: Session) -> list[Card]:
            pairs = [(-card.id, card) for card in session.scalars(select(Card))]
            pairs.sort(key=lambda pair: pair[0])
            return [card for _, card in pairs]


        def summary(card: Card):
            return card.title, [note.text for note in card.notes], card.board.name


        def run(session: Session, ids: list[int]):
            cards = found(session)
            return [summary(card) for card in cards[: len(ids)]]
        """,
        "selectinload(Card.notes)",
    ),
    "the same query of all passes": (
        """
        def run(session: Session, ids: list[int]):
            query = session.query(Board).filter(Board.id < 5).order_by(Board.id)
            found = []
            for day in range(len(ids)):
                for board in query.all():
                    found.append((day, board.name))
            return found
        """,
        "boards = query.all()",
    ),
    "one row by word only": (
        """
        def run(session: Session, ids: list[int]):
            cards = session.scalars(select(Card).order_by(Card.id)).all()
            return [card.cover.colour for card in cards]
        """,
        "selectinload(Card.cover)",
    ),
}
MORE = ("one row by word only", "the same query of all passes")  # a query more where there are no keys
LEFT = {
    "the rows are made meanwhile": """
        def run(session: Session, ids: list[int]):
            roles = []
            for user_id in ids:
                member = session.scalar(select(Member).where(Member.board_id == 1, Member.user_id == user_id))
                if member is None:
                    session.add(Member(board_id=1, user_id=user_id, role="new"))
                roles.append(member.role if member else "none")
            return roles
        """,
    "the same query finds what a pass has changed": """
        def close(board: Board):
            board.name = "closed"


        def run(session: Session, ids: list[int]):
            found = []
            for day in range(len(ids)):
                for board in session.query(Board).filter(Board.name != "closed").order_by(Board.id).all():
                    found.append((day, board.id))
                    close(board)
            return found
        """,
    "the columns are not unique": """
        def run(session: Session, ids: list[int]):
            texts = []
            for card_id in ids:
                note = session.scalar(select(Note).where(Note.text != "more", Note.card_id == card_id))
                texts.append(note.text if note else "none")
            return texts
        """,
    "the transaction ends in a helper": """
        def finish(session: Session, card_id: int):
            card = session.get(Card, card_id)
            card.done = True
            session.commit()


        def run(session: Session, ids: list[int]):
            for card_id in ids:
                finish(session, card_id)
        """,
    "the key of a relation is set alone": """
        def moved(session: Session, card_id: int):
            card = session.get(Card, card_id)
            card.board_id = 1
            session.flush()
            return card.board.name


        def run(session: Session, ids: list[int]):
            return [moved(session, card_id) for card_id in ids]
        """,
}


def laid(folder: Path, code: str) -> None:
    (folder / "models.py").write_text(MODELS)
    (folder / "app.py").write_text(f"{HEAD}\n\n{textwrap.dedent(code).strip()}\n")


def kept(folder: Path) -> list[Candidate]:
    return [each for each in proposed(folder, "n-plus-one-query") if not each.recipe.suggested]


def asked(folder: Path, *given: tuple[int, list[int]]) -> list[dict[str, Any]]:
    return ran(folder, RUN, json.dumps(given))


@pytest.mark.parametrize("case", PATCHED)
def test_what_is_patched_answers_the_same_with_fewer_queries(case: str, tmp_path: Path) -> None:
    code, expected = PATCHED[case]
    laid(tmp_path, code)
    keys = [*range(1, 41)]
    given = [(40, keys), (40, [3, 5, 3]), (40, [7, 99, 8]), (40, []), (1_005, [*range(1, 1_006)])]
    before = asked(tmp_path, *given)
    made = kept(tmp_path)
    assert made
    (tmp_path / made[0].path).write_text(made[0].after)

    after = asked(tmp_path, *given)

    assert expected in made[0].after
    assert [(each["value"], each["rows"]) for each in after] == [(each["value"], each["rows"]) for each in before]
    assert after[0]["queries"] + 20 < before[0]["queries"]
    assert after[3]["queries"] <= before[3]["queries"] + (case in MORE)


@pytest.mark.parametrize("case", LEFT)
def test_what_a_patch_would_change_is_left_alone(case: str, tmp_path: Path) -> None:
    laid(tmp_path, LEFT[case])

    assert not kept(tmp_path)


def test_two_patches_of_the_same_rows_fetch_them_once(tmp_path: Path) -> None:
    laid(
        tmp_path,
        """
        def get_card(session: Session, card_id: int) -> Card:
            return session.get(Card, card_id)


        def noted(card: Card):
            return [note.text for note in card.notes]


        def run(session: Session, ids: list[int]):
            found = []
            for card_id in ids:
                card = get_card(session, card_id)
                found.append((card.title, noted(card), card.board.name))
            return found
        """,
    )
    before = asked(tmp_path, (30, [*range(1, 31)]))
    for _ in range(5):
        for each in kept(tmp_path):
            (tmp_path / each.path).write_text(each.after)
            break

    after = asked(tmp_path, (30, [*range(1, 31)]))

    assert (tmp_path / "app.py").read_text().count(".in_(") == 1
    assert after[0]["value"] == before[0]["value"]
    assert after[0]["queries"] == 2 < before[0]["queries"]
