"""The report as a page: whole without a network, harmless whatever code is called, true to its numbers."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import _browser
import _pages
from conftest import Golden
from perfwright import report
from perfwright.finding import Growth, Measured, Observed, Patch, Record, Step
from perfwright.measure import growth as fits
from perfwright.report import Options
from perfwright.report.html import findings as listed
from perfwright.report.html import plot, scaled, units
from perfwright.report.html.benched import bench
from perfwright.report.html.scaled import scale
from records import N_PLUS_ONE, NOTE, POSSIBLE, SCAN, SIX, SOURCES, STALL, UNREADABLE, record

OPTIONS = Options(root=Path("/srv/shop"), lines=lambda path: SOURCES.get(path, "").split("\n"))
HOSTILE = (
    '</script></style><script>hit=1</script><img src=x onerror=hit=1>" onmouseover="hit=1\' javascript:hit=1'
    "\x1b[31m\u202ered\u2066\r\n\x00\u2028<!-- ]]>&lt;&#60;"
)
MEASURED = Measured(
    by="scale",
    metric="queries",
    values={"10": 11, "100": 101, "1000": 1001},
    growth=Growth(exponent=1.0, low=1.0, high=1.0, klass="n"),
)
SEEN = Observed(run="pytest", entry_point="GET /orders", count=51, per={"Order": 50}, ms=12.4, trace="")
PROVED = replace(N_PLUS_ONE, evidence=(*N_PLUS_ONE.evidence, SEEN, MEASURED), patch=Patch(diff="-old <b>\n+new\n same"))
LINEAR = {"exponent": 1.0, "low": 0.97, "high": 1.02, "class": "n"}
SIZES = [8 * 2**step for step in range(9)]
BENCH: Any = {
    "bench": {
        "target": "shop.pricing:total",
        "growth": {"exponent": 2.0, "low": 2.0, "high": 2.0, "class": "n^2"},
        "memory": LINEAR,
        "points": [
            {
                "n": n,
                "cpu_s": n * n * 1e-8,
                "wall_s": n * n * 1e-8,
                "peak_bytes": n * 8,
                "lines": n * n if n < 999 else None,
            }
            for n in SIZES
        ],
        "why": "",
        "hot": [{"line": "shop/prices.py:3", "exponent": 1.97}],
    }
}
SCALE: Any = {
    "version": 1,
    "tool": {"name": "perfwright", "version": "0.1.0"},
    "scale": {
        "app": "shop.asgi:app", "framework": "fastapi", "python": "3.11.7", "tier": "guard", "sizes": [10, 100, 1000],
        "rows": {"10": {"orders": 10}, "100": {"orders": 100}, "1000": {"orders": 1000}},
        "entries": [
            {"entry": "GET /health", "status": {"10": 200}, "metrics": {
                "queries": {"values": {"10": 0, "100": 0, "1000": 0}, "at_stated": 0, "budget": 20,
                            "growth": {"exponent": 0.0, "class": "1"}}},
             "over": [], "lines": [], "causes": []},
            {"entry": "GET /orders", "status": {"10": 200, "100": 200, "1000": 500}, "metrics": {
                "queries": {"values": {"10": 21, "100": 201, "1000": 2001}, "growth": LINEAR,
                            "at_stated": 2_000_001, "budget": 20},
                "wall_ms": {"values": {"10": 2.5, "100": 24.0, "1000": 251.0}, "growth": LINEAR,
                            "at_stated": 251_000.0, "budget": 200}},
             "over": ["queries", "wall_ms"],
             "lines": [{"metric": "queries", "path": "shop/views.py", "line": 5, "function": "order_list",
                        "statement": "SELECT 1", "values": {"10": 10, "100": 100}}],
             "causes": [N_PLUS_ONE.key, "gone@x::y#z"]},
        ],
        "unreached": [{"entry": "POST /pay", "why": "403: log in first", "help": "log in with --as"}],
        "refuted": [SCAN.key], "confirmed": [N_PLUS_ONE.key],
    },
}  # fmt: skip


def page(made: Record, **changes: Any) -> str:
    return report.render(made, format="html", options=replace(OPTIONS, **changes))


def hostile(value: Any, text: str) -> Any:
    """Return a document with a text put into every string that analysed code could have chosen."""
    if isinstance(value, dict):
        return {
            key: part if key in ("class", "metric", "growth") else hostile(part, text) for key, part in value.items()
        }
    if isinstance(value, list):
        return [hostile(part, text) for part in value]
    return f"{value}{text}" if isinstance(value, str) and value not in ("queries", "wall_ms") else value


def spoilt(text: str) -> Record:
    step = Step(path=text, line=1, function=text, what=text)
    finding = replace(
        PROVED, rule=text, symbol=text, message=text, cure=text, chain=(step, step), also=(step,), entry_points=(text,),
        place=replace(STALL.place, path=text, function=text), patch=Patch(diff=text.replace("\n", " ")),
        evidence=(replace(SEEN, run=text, entry_point=text, per={text: 2}), replace(MEASURED, by=text, metric=text)),
        cost=replace(N_PLUS_ONE.cost, at={text: 5}),
    )  # fmt: skip
    return record(finding, unreadable=(replace(UNREADABLE, path=text, why=text),))


def every() -> dict[str, str]:
    """Return a page of each kind, by its name."""
    made = record(PROVED, *SIX[1:], NOTE, POSSIBLE, stated=False, unreadable=(UNREADABLE,))
    return {
        "check": page(made, all=True),
        "nothing": page(record()),
        "bench": bench(BENCH, "0.1.0", OPTIONS.lines),
        "scale": scale(SCALE, [PROVED, SCAN], OPTIONS.lines),
    }


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


POINTS = [(float(n), n * 2.0) for n in (8, 16, 32, 64, 128)]


def drawn(points: Any, klass: str = "n", exponent: float = 1.0, **more: Any) -> _pages.Read:
    growth = Growth(exponent=exponent, low=exponent - 0.1, high=exponent + 0.1, klass=klass)
    markup = plot.figure(units.COUNT, points, fits.of_class(points, growth), "count", **more)
    reader = _pages._Reader()
    reader.feed(markup)
    return reader.read


def test_a_plot_has_every_point_and_says_its_number() -> None:
    read = drawn(POINTS)

    circles = read.named("circle")
    said = [one.text for one in read.named("title")]
    assert len(circles) == len(POINTS)
    assert "n = 128: 256" in said
    assert "n = 10,000: about 20,000 (12,935 to 30,925), extrapolated" in said


def test_the_curve_goes_through_points_that_lie_on_it() -> None:
    read = drawn(POINTS)

    solid, dashed = (one.attributes["d"] for one in read.named("path", "fit"))
    last = read.named("circle")[-1].attributes
    at = f"{last['cx']} {last['cy']}"
    assert solid is not None
    assert dashed is not None
    assert solid.endswith(at)
    assert dashed.startswith(f"M{at}L")


def test_what_was_measured_is_not_extrapolated() -> None:
    read = drawn([(10.0**power, 10.0**power) for power in range(1, 7)])

    assert read.named("path", "foretold") == []
    assert read.named("path", "target") == []


def test_growth_that_cannot_be_told_has_points_and_no_curve() -> None:
    read = drawn(POINTS, klass="cannot tell")

    assert len(read.named("circle")) == len(POINTS)
    assert read.named("path", "fit") == []


@pytest.mark.parametrize(
    "points",
    [[], [(8.0, 1.0)], [(8.0, 0.0), (16.0, 0.0)], [(8.0, 1.0), (8.0, 2.0)]],
    ids=["none", "one", "zeros", "same"],
)
def test_without_two_points_there_is_no_plot(points: Any) -> None:
    assert drawn(points).elements == []


@pytest.mark.parametrize(
    ("klass", "exponent"), [("1", 0.0), ("2^n", 9.0), ("n^3", 3.0), ("n log n", 1.1), ("log n", 0.2)]
)
@pytest.mark.parametrize("scale_of", [1e-9, 1.0, 1e12])
def test_every_class_at_every_magnitude_stays_inside_the_picture(klass: str, exponent: float, scale_of: float) -> None:
    read = drawn([(n, scale_of * (1 + n**exponent)) for n in (4.0, 8.0, 16.0, 24.0)], klass=klass, exponent=exponent)

    numbers = [
        float(number)
        for one in read.named("path")
        for number in re.findall(r"[ML](-?[\d.]+)", one.attributes["d"] or "")
    ]
    assert numbers
    assert all(0 <= number <= plot.WIDTH for number in numbers)
    assert len(read.named("text")) >= 5


def test_a_budget_is_a_line_where_it_is_near() -> None:
    assert len(drawn(POINTS, budget=20.0).named("path", "limit")) == 1
    assert drawn(POINTS, budget=1e15).named("path", "limit") == []


def test_a_class_is_laid_through_its_points() -> None:
    growth = Growth(exponent=1.0, low=1.0, high=1.0, klass="n")
    curve = fits.of_class([(10, 21), (100, 201), (1000, 2001)], growth).curve

    assert curve is not None
    assert curve.at(10_000) == pytest.approx(20_001)
    assert fits.of_class([], growth).curve is None
    assert fits.of_class([(1, 1.0), (2, 2.0)], replace(growth, klass="cannot tell")).curve is None


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
    ):  # fmt: skip
        assert words in read.text
    assert [
        one.attributes.get("href") for one in read.named("a") if re.match("#f[0-9]", one.attributes.get("href") or "")
    ] == ["#f1"]


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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_browser.Page]:
    if _browser.found() is None:
        pytest.skip(f"no browser is installed: {', '.join(_browser.NAMES)}")
    with _browser.browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("name", every())
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_opens_it_from_disk_without_a_network(
    browser: _browser.Page, tmp_path: Path, name: str, dark: bool
) -> None:
    path = tmp_path / f"{name}.html"
    path.write_text(every()[name], "utf8")
    browser.console.clear()
    browser.asked.clear()

    browser.open(path, width=360, dark=dark)

    assert browser.run("document.querySelector('h1').innerText") in ("shop", "shop.pricing:total", "shop.asgi:app")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)"
    )
    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert browser.console == []
    assert browser.asked == [path.as_uri()]
    assert browser.pdf().startswith(b"%PDF")


def test_a_browser_filters_and_opens_what_a_link_leads_to(browser: _browser.Page, tmp_path: Path) -> None:
    path = tmp_path / "check.html"
    path.write_text(every()["check"], "utf8")
    browser.open(path)
    shown = "[...document.querySelectorAll('.findings > details')].filter((one) => one.checkVisibility()).length"
    everything = browser.run(shown)

    browser.run("document.forms[0].words.value = 'HOOKS.py'")
    browser.run("document.forms[0].dispatchEvent(new Event('input'))")
    one = browser.run(shown), browser.run("document.querySelector('output').textContent")
    browser.run("location.hash = '#f7'")
    browser.run("new Promise((done) => setTimeout(done, 50))")

    assert everything == 8
    assert one == (1, "1 of 8 shown")
    assert browser.run("document.getElementById('f7').open")
    assert browser.run(shown) == 8


def test_a_browser_runs_nothing_of_the_analysed_code(browser: _browser.Page, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(page(spoilt(HOSTILE), lines=lambda _: [HOSTILE] * 3), "utf8")
    browser.console.clear()

    browser.open(path)

    assert browser.run("typeof hit") == "undefined"
    assert browser.run("document.images.length") == 0
    assert "onerror=hit=1" in browser.run("document.querySelector('h3').innerText")
    assert browser.console == []


def test_all_is_readable_with_scripts_off(browser: _browser.Page, tmp_path: Path) -> None:
    path = tmp_path / "check.html"
    path.write_text(every()["check"], "utf8")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(path)

        assert browser.run("document.getElementById('filter').checkVisibility()") is False
        assert browser.run("document.querySelectorAll('summary h3').length") == 8
        assert "select_related" in browser.run("document.querySelector('details[open]').innerText")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
