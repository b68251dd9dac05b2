"""The report as a page: whole without a network, harmless whatever code is called, true to its numbers."""

import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import _pages
from conftest import Golden
from documents import BENCH, HOSTILE, LINEAR, OPTIONS, PROVED, SCALE, every, hostile, page, spoilt
from perfwright.finding import Step
from perfwright.report.html import findings as listed
from perfwright.report.html import scaled
from perfwright.report.html.benched import bench
from perfwright.report.html.scaled import scale
from records import N_PLUS_ONE, NOTE, POSSIBLE, SCAN, SIX, UNREADABLE, record


@pytest.mark.parametrize("name", every())
def test_a_page_is_sound_and_loads_nothing(name: str) -> None:
    made = every()[name]

    assert _pages.read(made).wrong == []
    assert made == every()[name]


def test_a_person_reads_this(golden: Golden) -> None:
    made = page(record(*SIX, NOTE, POSSIBLE, stated=False, unreadable=(UNREADABLE,)))

    # Style and script are files of their own; their hashes follow them.
    made = re.sub(r"(?s)(<(style|script)>).*?(</\2>)", r"\1\3", made)
    golden("report_page.html", re.sub(r"sha256-[^']*", "sha256-", made).replace("><", ">\n<"))


def test_the_page_shows_what_the_terminal_shows() -> None:
    shown = _pages.read(page(record(SCAN, NOTE, POSSIBLE)))
    whole = _pages.read(page(record(SCAN, NOTE, POSSIBLE), all=True))

    assert [one.attributes["data-rule"] for one in shown.named("details", "finding")] == [SCAN.rule]
    assert len(whole.named("details", "finding")) == 3
    assert "2 findings: notes, what is only possible" in shown.text


def test_a_finding_says_why_what_it_costs_and_how_to_cure_it() -> None:
    read = _pages.read(page(record(PROVED)))

    for said in (
        "one query per order".capitalize(), "At 100,000 orders: 100,001 queries", 'select_related("customer")',
        "shop/models.py:2", "loop over Order", PROVED.key, f"perfwright explain {PROVED.rule}", "GET /customers/{id}",
        "Seen in pytest: 51 times in GET /orders, 12.4 ms, for 50 orders", "queries, grows as n, exponent 1.00",
    ):  # fmt: skip
        assert said in read.text
    marked = [(one.attributes["data-s"], one.attributes["data-n"], one.text.strip()) for one in read.named("mark")]
    assert marked[:2] == [
        ("1", "4", "for order in Order.objects.all():"),
        ("2", "5", "rows.append((order.customer.name, order.coupon.code))"),
    ]


@pytest.mark.parametrize("kind", ["check", "bench", "scale"])
def test_text_of_analysed_code_stays_text(kind: str) -> None:
    def made(text: str) -> str:
        lines = lambda _: [text, text, text, text]  # noqa: E731
        if kind == "check":
            return page(spoilt(text), lines=lines)
        if kind == "bench":
            return bench(hostile(BENCH, text), text, lines)
        return scale(hostile(SCALE, text), [spoilt(text).findings[0], *SIX], lines)

    bad, good = _pages.read(made(HOSTILE)), _pages.read(made("harmless"))

    assert bad.wrong == []
    assert bad.names == good.names
    assert [sorted(one.attributes) for one in bad.elements if one.name != "wbr"] == [
        sorted(one.attributes) for one in good.elements if one.name != "wbr"
    ]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069]", made(HOSTILE))
    assert "<script>hit=1</script>" in bad.text
    assert "\\u202ered" in bad.text


def test_nothing_outside_the_project_is_shown() -> None:
    for path in ("/etc/passwd", "../secret.py", "a/../../secret.py"):
        step = Step(path=path, line=1, function="f", what="db.query")
        finding = replace(N_PLUS_ONE, place=replace(N_PLUS_ONE.place, path=path, line=1), chain=(step,))

        assert "root:x:0:0" not in page(record(finding), lines=lambda _: ["root:x:0:0"])


def test_long_text_is_cut() -> None:
    long = replace(SCAN, message="m" * 100_000, cure="c" * 100_000)

    made = page(record(long), lines=lambda _: ["x" * 1_000_000] * 9)

    assert len(made) < 60_000
    assert "x" * 200 in made


def test_ten_thousand_findings_are_a_page_that_opens() -> None:
    many = [replace(PROVED, symbol=f"s{number}", message=f"message {number}") for number in range(10_000)]

    made = page(record(*many))

    assert len(made.encode()) < 15_000_000
    assert "Message 9999" in made


def test_what_is_not_on_the_page_is_counted_and_not_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed, "WHOLE", 20_000)
    monkeypatch.setattr(listed, "BRIEF", 2_000)
    many = [replace(N_PLUS_ONE, symbol=f"s{number}", message=f"message {number}") for number in range(100)]

    read = _pages.read(page(record(*many)))

    whole = len(read.named("details", "finding"))
    brief = sum(1 for one in read.named("li") if re.fullmatch(r"f\d+", one.attributes.get("id") or ""))
    assert read.wrong == []
    assert whole > 0 < brief
    assert f"{100 - whole - brief} more are not on this page" in read.text


def test_entry_points_have_their_findings_and_the_worst_cost() -> None:
    read = _pages.read(page(record(*SIX)))

    links = [one.attributes["href"] for one in read.named("a", "error")]
    assert links.count("#f1") == links.count("#f2") == 3  # three entry points reach both
    assert "GET /customers/{id}" in read.text
    assert "1 min 40 s" in read.text


def test_the_page_of_a_function_says_what_json_and_terminal_say() -> None:
    read = _pages.read(every()["bench"])

    for said in (
        "shop.pricing:total",
        "Time grows as n^2, exponent 2.00",
        "about 2 h 47 min",
        "measured at 128",
        "1.97",
    ):
        assert said in read.text
    cells = "".join(one.text for one in read.named("td"))
    assert "1 s" in cells
    assert len(read.named("svg")) == 3


def test_the_page_of_an_application_ranks_what_is_over_budget_first() -> None:
    read = _pages.read(every()["scale"])

    said = [one.text for one in read.named("code")]
    assert said.index("GET /orders") < said.index("GET /health")
    for words in (
        "1 of 2 entry points will be over budget", "1 entry point could not be reached", "Log in with --as",
        "queries: 2,000,001 at the stated size, the budget is 20", "answered 500", "confirmed", "refuted", "SELECT 1",
        "queries: 10 at 10, 100 at 100, from the framework", "1 entry point that write", "CHECK failed",
        "its lines ran",
    ):  # fmt: skip
        assert words in read.text
    assert [
        one.attributes.get("href") for one in read.named("a") if re.match("#f[0-9]", one.attributes.get("href") or "")
    ] == ["#f1", "#f2", "#f1"]


def test_an_application_of_a_thousand_entry_points_is_a_page_that_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    [_, one] = SCALE["scale"]["entries"]
    many = [{**one, "entry": f"GET /{number}"} for number in range(1_000)]
    document = {**SCALE, "scale": {**SCALE["scale"], "entries": many}}
    monkeypatch.setattr(scaled, "WHOLE", 100_000)

    made = scale(document, [PROVED, SCAN], OPTIONS.lines)

    read = _pages.read(made)
    assert read.wrong == []
    assert len(made) < 600_000
    assert "further entry points cost less and are not drawn" in read.text


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"surprises": {"values": {"10": 1, "x": 2, "100": None}, "growth": LINEAR}},
        {
            "queries": {
                "values": {},
                "growth": {"exponent": 0.0, "class": "cannot tell"},
                "at_stated": None,
                "budget": 0,
            }
        },
        {"peak_kb": {"values": {"10": 1e-9, "100": 1e18}, "growth": LINEAR, "at_stated": float("inf"), "budget": 1}},
    ],
    ids=["none", "unknown", "empty", "endless"],
)
def test_an_entry_point_of_which_little_is_known_is_shown(metrics: Any) -> None:
    entry = {"entry": "GET /odd", "metrics": metrics, "over": list(metrics)}
    document = {"scale": {"app": "shop", "sizes": [10, 100], "entries": [entry]}}

    read = _pages.read(scale(document, [], OPTIONS.lines))

    assert read.wrong == []
    assert "GET /odd" in read.text


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    (tmp_path / "views.py").write_text(
        "def common(a, b):\n    b = list(b)\n    return [x for x in a if x in b]\n", "utf8"
    )
    command = [
        sys.executable,
        "-m",
        "perfwright.app.main",
        "check",
        "--format",
        "html",
        "--output",
        "report.html",
        "--all",
    ]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode in (0, 1), done.stderr
    read = _pages.read((tmp_path / "report.html").read_text("utf8"))
    assert read.wrong == []
    assert "return [x for x in a if x in b]" in "".join(one.text for one in read.named("mark"))


def luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(scheme: int) -> None:
    style = files("perfwright.report.html").joinpath("style.css").read_text("utf8")
    colors = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})\b", re.findall(r":root \{(.*?)\}", style, re.DOTALL)[scheme]))
    behind = [
        (ink, paper)
        for ink in ("ink", "dim", "link", "error", "warning", "note", "good")
        for paper in ("paper", "card")
    ]
    behind += [("ink", "hit"), ("ink", "add"), ("ink", "remove")]
    behind += [("on", chip) for chip in ("error", "warning", "note", "good", "dim")]

    for ink, paper in behind:
        light, dark = sorted((luminance(colors[ink]), luminance(colors[paper])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)
