"""`perfwright scale` on whole applications: the examples as they are, and one of Flask, each really started."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perfwright import baseline, pipeline
from perfwright.app import project
from perfwright.config import Settings
from perfwright.measure import application, growth, joined
from perfwright.measure.entries import Scaled
from perfwright.measure.run import Guest
from perfwright.measure.scale import scale

ROOT = Path(__file__).parent.parent
SIZES = (4, 8, 16)

FLASK = """
from flask import Flask, abort, jsonify, session
from flask_sqlalchemy import SQLAlchemy
import os, requests

KEY = os.environ["SHOP_KEY"]
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "postgresql://nobody@nowhere/shop"
app.secret_key = KEY
db = SQLAlchemy(app)

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(80), unique=True, nullable=False)
    role = db.Column(db.String(20), nullable=False)
    orders = db.relationship("Order", backref="user")

class Order(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.ForeignKey("user.id"), nullable=False)
    code = db.Column(db.String(12), unique=True, nullable=False)
    lines = db.relationship("Line", backref="order")

class Line(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    order_id = db.Column(db.ForeignKey("order.id"), nullable=False)
    amount = db.Column(db.Numeric(8, 2), db.CheckConstraint("amount > 0"), nullable=False)

def me():
    if "user_id" not in session:
        abort(401)
    return db.session.get(User, session["user_id"])

@app.route("/orders")
def orders():
    return jsonify([[order.code, [str(line.amount) for line in order.lines]] for order in me().orders])

@app.route("/orders/<code>")
def order(code):
    return jsonify(Order.query.filter_by(code=code).one().id)

@app.route("/rates")
def rates():
    return jsonify([requests.get(f"https://rates.example.com/{user.id}").json() for user in User.query.all()])

@app.route("/admin")
def admin():
    if me().role != "admin":
        abort(403)
    return jsonify(User.query.count())

@app.route("/broken")
def broken():
    return jsonify(1 / 0)

@app.route("/orders", methods=["POST"])
def add():
    return jsonify(1)
"""


def measured(folder: Path) -> Scaled:
    names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.py"))]
    known = application.find(folder, names)
    return scale(lambda: Guest(Path(sys.executable), []), known, folder, Settings(), sizes=SIZES, seconds=300)


def queries(found: Scaled) -> dict[str, list[float]]:
    return {
        each.entry: [value for _, value in sorted(each.metrics["queries"].values.items())] for each in found.entries
    }


@pytest.fixture(scope="module")
def flask(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scaled]:
    folder = tmp_path_factory.mktemp("flask")
    (folder / "app.py").write_text(FLASK)
    return folder, measured(folder)


def test_flask_is_started_filled_and_signed_in_without_its_server(flask: tuple[Path, Scaled]) -> None:
    found = flask[1]
    assert found.framework == "flask"
    assert found.rows[16] == {"user": 16, "order": 16, "line": 16}
    assert {each.entry for each in found.entries if each.answered} == {
        "GET /orders", "GET /orders/{code}", "GET /rates", "GET /admin",
    }  # fmt: skip
    assert any("SHOP_KEY" in note for note in found.notes)
    assert [(each.entry, each.why.partition(":")[0]) for each in found.unreached] == [
        ("GET /broken", "500"), ("POST /orders", "it writes"),
    ]  # fmt: skip


def test_counts_are_exact_and_the_growth_is_told(flask: tuple[Path, Scaled]) -> None:
    found = flask[1]
    # The first user has every second order beside the first: 1 + n / 2; each makes one query for its lines.
    assert queries(found)["GET /orders"] == [2 + 1 + n // 2 for n in SIZES]
    assert queries(found)["GET /orders/{code}"] == [1, 1, 1]
    rates = next(each for each in found.entries if each.entry == "GET /rates")
    assert list(rates.metrics["requests"].values.values()) == list(SIZES)
    assert rates.metrics["requests"].at_stated == pytest.approx(100_000)
    assert rates.metrics["requests"].fit.growth.klass == "n"


def test_a_second_run_counts_the_same(flask: tuple[Path, Scaled]) -> None:
    folder, first = flask
    assert queries(measured(folder)) == queries(first)


def test_findings_are_confirmed_at_the_line_that_was_predicted(flask: tuple[Path, Scaled]) -> None:
    folder, found = flask
    record = pipeline.check(folder, ["app.py"], Settings())
    verdicts = joined.judge(record.findings, found)
    said = {finding.symbol: verdicts[finding.key].said for finding in record.findings if finding.key in verdicts}
    assert said["Order.lines"] == "confirmed"
    assert said["requests.get"] == "confirmed"
    kept = {each.symbol: each for each in joined.kept(record, verdicts).findings}
    evidence = [each for each in kept["Order.lines"].evidence if each.to_json()["kind"] == "measured"]
    assert evidence[0].to_json()["values"] == {"4": 3.0, "8": 5.0, "16": 9.0}


def test_what_a_run_refutes_is_no_longer_likely(flask: tuple[Path, Scaled], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        FLASK.replace('db.relationship("Line", ', 'db.relationship("Line", lazy="selectin", ')
    )
    record = pipeline.check(flask[0], ["app.py"], Settings())  # as it was predicted before the change
    found = measured(tmp_path)
    verdicts = joined.judge(record.findings, found)
    finding = next(each for each in joined.kept(record, verdicts).findings if each.symbol == "Order.lines")
    assert (finding.confidence, verdicts[finding.key].said) == ("possible", "refuted")
    assert "refuted at GET /orders" in finding.message
    failed = replace(found, entries=[replace(each, faults=1) for each in found.entries])  # of the watcher
    assert joined.judge(record.findings, failed)[finding.key].said == "not reached"


def test_what_was_measured_stays_with_a_finding_until_its_files_change(
    flask: tuple[Path, Scaled], tmp_path: Path
) -> None:
    saved = tmp_path / baseline.SAVED
    (tmp_path / "app.py").write_text(FLASK)
    before = pipeline.check(tmp_path, ["app.py"], Settings())
    refuted = next(each for each in before.findings if each.rule == "request-per-item")
    verdicts = joined.judge(before.findings, flask[1])
    verdicts[refuted.key] = replace(verdicts[refuted.key], said="refuted", why="as many at every size")
    baseline.save(joined.kept(before, verdicts), saved)
    measured = baseline.read(saved)

    baseline.save(before, saved)
    assert baseline.read(saved) == measured
    assert {each.key: each.confidence for each in measured.findings}[refuted.key] == "possible"

    (tmp_path / "app.py").write_text(FLASK + "\nlater = 1\n")
    after = pipeline.check(tmp_path, ["app.py"], Settings())
    baseline.save(after, saved)
    assert baseline.read(saved) == after


def command(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "perfwright.app.main", "scale", "--python", sys.executable, *arguments],
        capture_output=True, text=True, cwd=cwd, timeout=300, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_the_example_shop_answers_every_get_route() -> None:
    status, said, _ = command(".", "--sizes", "4,8,16", "--format", "json", cwd=ROOT / "examples/shop")
    document: Any = json.loads(said)["scale"]
    assert status == 1  # over its budgets at the stated size
    assert document["framework"] == "fastapi"
    assert [each for each in document["unreached"] if each["why"] != "it writes"] == []
    assert len(document["entries"]) >= 19
    tree = next(each for each in document["entries"] if each["entry"] == "GET /categories/tree")
    assert tree["metrics"]["queries"]["values"] == {"4": 9, "8": 17, "16": 33}
    assert any(key.startswith("n-plus-one-query@services.py::category_tree") for key in tree["causes"])


def test_the_django_example_is_measured_through_its_own_settings() -> None:
    folder = ROOT / "examples/shop_django"
    found = project.find([folder])
    names = [name for name in found.names if name.startswith("examples/shop_django/")]
    known = application.find(folder, [name.removeprefix("examples/shop_django/") for name in names])
    result = scale(lambda: Guest(Path(sys.executable), []), known, folder, Settings(), sizes=SIZES, only=["/api/*"])
    answered = [each.entry for each in result.entries if each.answered]
    assert "GET /api/orders/" in answered
    assert len(answered) >= 0.9 * (len(answered) + sum(each.why != "it writes" for each in result.unreached))
    assert not list(folder.rglob("*.sqlite3"))


def test_an_application_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import nowhere_to_be_found\nfrom fastapi import FastAPI\napp = FastAPI()\n")
    status, said, error = command(".", cwd=tmp_path)
    assert (status, said) == (2, "")
    assert "nowhere_to_be_found" in error
    assert "Traceback" not in error


def test_flask_makes_its_files_in_the_scratch_folder(tmp_path: Path) -> None:
    app = FLASK.replace("postgresql://nobody@nowhere/shop", "sqlite:///shop.db")
    config = "app = Flask(__name__)\nos.makedirs(app.instance_path, exist_ok=True)\n"
    (tmp_path / "app.py").write_text(app.replace("app = Flask(__name__)\n", config))
    status, said, error = command(".", "--sizes", "2,4,8", cwd=tmp_path)
    assert status in (0, 1), error
    assert "4 of 5 entry points" in said
    assert not (tmp_path / "instance").exists()


def test_a_folder_without_an_application_says_what_would_be_right(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    status, _, error = command(".", cwd=tmp_path)
    assert status == 2
    assert "MODULE:ATTRIBUTE" in error


@pytest.mark.parametrize(
    ("values", "klass"),
    [
        ([3, 3, 3, 3, 3], "1"), ([11, 31, 101, 301, 1001], "n"), ([26, 76, 127, 135, 135], "1"),
        ([100, 900, 10_000, 90_000, 1_000_000], "n^2"), ([4, 5, 7, 8, 10], "log n"),
    ],
)  # fmt: skip
def test_counts_grow_as_they_were_made(values: list[int], klass: str) -> None:
    assert growth.counted(list(zip((10, 30, 100, 300, 1000), values, strict=True))).growth.klass == klass


def test_writes_find_what_was_filled_each_time() -> None:
    status, said, _ = command(".", "--sizes", "4,8,16", "--writes", "--format", "json", cwd=ROOT / "examples/shop")
    entries = {each["entry"]: each for each in json.loads(said)["scale"]["entries"]}
    assert status == 1
    assert entries["DELETE /products/{product_id}"]["metrics"]["queries"]["values"] == {"4": 2, "8": 2, "16": 2}
    assert entries["POST /orders/{order_id}/cancel"]["metrics"]["queries"]["growth"]["class"] != "1"
    assert entries["GET /categories/tree"]["metrics"]["queries"]["values"] == {"4": 9, "8": 17, "16": 33}


def test_commands_are_run_as_entry_points(tmp_path: Path) -> None:
    loop = "    for order in Order.query.all():\n        print(order.user.email)\n"
    remind = f"@app.cli.command('remind')\ndef remind():\n{loop}"
    (tmp_path / "app.py").write_text(f"{FLASK}\n\n{remind}")
    status, said, _ = command(
        ".", "--sizes", "4,8,16", "--commands", "--only", "remind", "--format", "json", cwd=tmp_path
    )
    entry = next(each for each in json.loads(said)["scale"]["entries"] if each["entry"] == "command remind")
    assert status == 1
    assert entry["metrics"]["queries"]["values"] == {
        "4": 3,
        "8": 5,
        "16": 9,
    }  # each user once, and half of the orders are one's
    assert any(key.endswith("#Order.user") for key in entry["causes"])


def test_a_stop_of_the_event_loop_is_told_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import time\n\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\ndef waits():\n    time.sleep(0.1)\n\n\n"
        "@app.get('/slow')\nasync def slow():\n    waits()\n"
    )
    status, said, _ = command(".", "--sizes", "2,4,8", cwd=tmp_path)
    assert status == 1
    assert "main.py:14 slow > main.py:9 waits" in said
    assert "1 confirmed" in said


def test_even_data_gives_no_user_more_than_another(flask: tuple[Path, Scaled]) -> None:
    status, said, _ = command(".", "--sizes", "4,8,16", "--even", "--only", "/orders", "--format", "json", cwd=flask[0])
    entry = next(each for each in json.loads(said)["scale"]["entries"] if each["entry"] == "GET /orders")
    assert status in (0, 1)
    assert entry["metrics"]["queries"]["values"] == {"4": 3, "8": 3, "16": 3}
