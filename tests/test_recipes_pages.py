"""Answers of which only the first page is given: what the recipe proposes, and what the judge says of it."""

import sys
from pathlib import Path

import pytest

from perfwright import discover
from perfwright.config import Settings
from perfwright.fix import patches
from perfwright.fix.judge.pages import Pages
from perfwright.fix.judge.served import Served
from perfwright.fix.judge.verdict import Verdict
from perfwright.fix.patches import Candidate
from perfwright.measure import application
from perfwright.pipeline import check

MODELS = """
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Shelf(Base):
    __tablename__ = "shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    added: Mapped[int] = mapped_column(index=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelf.id"))
    shelf: Mapped[Shelf] = relationship()


class Country(Base):
    __tablename__ = "country"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
"""
FLASK = """
from flask import Flask, jsonify, render_template, request
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from models import Base, Book

app = Flask(__name__)
engine = create_engine("sqlite:///books.db")


def kept(session):
    return [book for book in session.scalars(select(Book).order_by(Book.id)) if book.title]


@app.get("/books")
def books():
    session = Session(engine)
    BODY
"""
FASTAPI = """
from fastapi import FastAPI
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from models import Base, Book, Country

app = FastAPI()
engine = create_engine("sqlite:///books.db")


@app.get("/books")
def books(title: str = ""):
    session = Session(engine)
    BODY
"""
TABLE = "<h1>Books</h1><table>{% for b in books %}<tr><td>{{ b.title }}</td></tr>{% endfor %}</table>"
TITLES = "[book.title for book in session.scalars(select(Book))]"
RENDERED = """found = session.scalars(select(Book).order_by(Book.title)).all()
    return render_template("books.html", books=found)"""


def laid(folder: Path, text: str, page: str = TABLE) -> list[Candidate]:
    (folder / "templates").mkdir()
    (folder / "templates" / "books.html").write_text(page, "utf8")
    (folder / "models.py").write_text(MODELS, "utf8")
    (folder / "app.py").write_text(text.lstrip(), "utf8")
    found = check(folder, ["app.py", "models.py", "templates/books.html"], Settings(), jobs=1).findings
    return [made for each in found if each.rule == "unbounded-result" for made in patches.candidates(folder, each)]


def judged(folder: Path, candidate: Candidate, scratch: Path) -> Verdict:
    root = folder.resolve()
    app = application.find(root, discover.find(root, [root], exclude=(), tests=False))
    with Served(root, app, Path(sys.executable), "auto") as served:
        return patches.judged(
            root, candidate, scratch, python=Path(sys.executable), contain="auto", size=None, served=served
        ).verdict


def added(candidate: Candidate) -> str:
    return "\n".join(line[1:].strip() for line in candidate.diff.splitlines()[2:] if line.startswith("+"))


# ------------------------------------------------------------------------------ what is proposed
def test_a_table_of_a_template_shows_a_page(tmp_path: Path) -> None:
    (made,) = laid(tmp_path, FLASK.replace("BODY", RENDERED))

    assert made.recipe.suggested
    assert added(made) == (
        "limit = 100\n"
        'offset = (max(request.args.get("page", 1, type=int), 1) - 1) * limit\n'
        "found = session.scalars(select(Book).order_by(Book.title, Book.id).limit(limit).offset(offset)).all()"
    )


@pytest.mark.parametrize(
    "page",
    [
        "<form><select>{% for b in books %}<option>{{ b.title }}</option>{% endfor %}</select></form>",
        "<p>{{ books|length }}</p>" + TABLE,
        "<script>show({{ books|tojson }})</script>",
        TABLE + TABLE,
        "{% for b in books %}<p>{{ loop.revindex }} {{ b.title }}</p>{% endfor %}",
        "{% include 'nowhere.html' %}" + TABLE,
    ],
)
def test_a_template_that_needs_all_rows_is_left_alone(page: str, tmp_path: Path) -> None:
    assert laid(tmp_path, FLASK.replace("BODY", RENDERED), page) == []


def test_a_table_after_a_closed_form_shows_a_page(tmp_path: Path) -> None:
    page = "<select><option>all</option></select>{% if books %}" + TABLE + "{% endif %}"

    assert len(laid(tmp_path, FLASK.replace("BODY", RENDERED), page)) == 1


def test_rows_that_are_filtered_are_divided_after(tmp_path: Path) -> None:
    body = """found = session.scalars(select(Book).order_by(Book.title)).all()
    if request.args.get("q"):
        found = [each for each in found if request.args["q"] in each.title]
    return render_template("books.html", books=found)"""
    (made,) = laid(tmp_path, FLASK.replace("BODY", body))

    assert 'render_template("books.html", books=found[offset : offset + limit])' in added(made)
    assert "fetched as before" in made.says


def test_a_list_of_another_function_is_divided(tmp_path: Path) -> None:
    (made,) = laid(tmp_path, FLASK.replace("BODY", "return jsonify([book.title for book in kept(session)])"))

    assert "for book in kept(session)[offset : offset + limit]]" in added(made)


@pytest.mark.parametrize(
    "body",
    [
        "found = kept(session)\n    return jsonify(books=[book.title for book in found], total=len(found))",
        "found = kept(session)\n    found += kept(session)\n    return jsonify([book.title for book in found])",
        "return jsonify({book.id: book.title for book in kept(session)})",
        "return jsonify(sum(book.added for book in kept(session)))",
    ],
)
def test_a_list_that_is_used_otherwise_is_left_alone(body: str, tmp_path: Path) -> None:
    assert laid(tmp_path, FLASK.replace("BODY", body)) == []


def test_names_that_a_view_has_already_are_left_to_it(tmp_path: Path) -> None:
    code = FLASK.replace("engine =", "limit = 7\nengine =").replace("BODY", "print(limit)\n    BODY")

    assert laid(tmp_path, code.replace("BODY", RENDERED)) == []


@pytest.mark.parametrize(
    ("query", "paged"),
    [
        ("select(Book)", "select(Book).order_by(Book.id).where(Book.id > after).limit(limit)"),
        ("select(Book).order_by(Book.id)", "select(Book).order_by(Book.id).where(Book.id > after).limit(limit)"),
        ("select(Book).order_by(Book.id.desc())", "order_by(Book.id.desc()).limit(limit).offset(offset)"),
        ("select(Book).order_by(Book.title)", "order_by(Book.title, Book.id).limit(limit).offset(offset)"),
        ("select(Book).order_by(Book.added.desc())", "order_by(Book.added.desc(), Book.id.desc()).limit(limit)"),
        ("select(Country)", "select(Country).order_by(Country.code).limit(limit).offset(offset)"),
    ],
)
def test_the_order_of_pages_is_whole(query: str, paged: str, tmp_path: Path) -> None:
    (made,) = laid(tmp_path, FASTAPI.replace("BODY", f"return session.scalars({query}).all()"))

    assert paged in added(made)
    assert "title" not in made.says


# ------------------------------------------------------------------------------ what the judge says
def test_a_page_of_a_template_is_judged_the_same_below_the_limit(tmp_path: Path) -> None:
    pytest.importorskip("flask")
    (tmp_path / "a").mkdir()
    page = "<table>{% for b in books %}<tr><td>{{ b.title }}</td><td>{{ b.shelf.name }}</td></tr>{% endfor %}</table>"
    (made,) = laid(tmp_path / "a", FLASK.replace("BODY", RENDERED), page)
    found = judged(tmp_path / "a", made, tmp_path / "b")

    assert (found.word, found.allowed) == ("same", ("new-parameters", "first-page")), found
    assert "the same up to 100 rows a table; of 1,000 the beginning; later pages were not compared" in found.notes
    assert found.better("rows")


def test_pages_of_an_endpoint_are_judged_the_same_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (made,) = laid(tmp_path / "a", FASTAPI.replace("BODY", f"return {TITLES}"))
    found = judged(tmp_path / "a", made, tmp_path / "b")

    assert (found.word, found.reason, found.counterexample) == ("same", "", None)
    assert "the same up to 100 items; of 1,000 the first 100; later pages were not compared" in found.notes
    assert next(each.at[-1] for each in found.counts if each.of == "rows")[1:] == (2000, 200)


def test_rows_in_another_order_are_no_first_page(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    code = FASTAPI.replace("BODY", f"return {TITLES}".replace("(Book)", "(Book).order_by(Book.id.desc())"))
    (made,) = laid(tmp_path / "a", code)
    wrong = Candidate(
        made.finding, made.recipe, "", made.function, made.before, made.after.replace(".desc()", ""), "app.py", "app.py"
    )
    found = judged(tmp_path / "a", wrong, tmp_path / "b")

    assert found.word == "differs"


# ------------------------------------------------------------------------------ of one answer
def html(first: int, last: int) -> str:
    return f"<table>{''.join(f'<tr>{n}</tr>' for n in range(first, last))}</table>"


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (html(0, 20), ""),
        (html(80, 100), "not the end of a list"),
        (html(20, 40), "something else"),
        (html(0, 0), "holds less"),
        (html(0, 20) + "<a>next</a>", "something else"),
    ],
)
def test_a_page_of_html_leaves_out_the_end_of_a_list(after: str, why: str) -> None:
    pages = Pages()
    assert pages.problem(html(0, 2), html(0, 2), n=2) == pages.problem(html(0, 9), html(0, 9), n=9) == ""

    found = pages.problem(html(0, 100), after, n=100)
    assert why in found
    assert bool(found) == bool(why)


def test_html_that_was_never_the_same_shows_no_first_page() -> None:
    assert Pages().problem(html(0, 100), html(0, 20), n=100) == "what it leaves out is not the end of a list"


def test_a_page_without_a_shorter_list_is_not_shown() -> None:
    pages = Pages()

    assert pages.problem("[1, 2, 3]", "[1, 2]") == ""
    assert pages.unshown
    assert pages.problem("[1]", "[1]") == ""
    assert not pages.unshown
    assert pages.told == "the same up to 1 items; of 3 the first 2; later pages were not compared"


def test_lines_of_a_text_are_a_list() -> None:
    pages = Pages()

    assert pages.problem("a;b\n1;2\n3;4", "a;b\n1;2") == ""
    assert pages.problem("a;b\n1;2\n3;4", "a;b\n3;4") == "it gives something else than the first page"


def test_lists_that_are_never_cut_say_so() -> None:
    pages = Pages()

    assert pages.problem('{"rows": [1], "total": 1}', '{"rows": [1], "total": 1}') == ""
    assert pages.told == "no answer was longer than a page: what the limit does was not seen"
