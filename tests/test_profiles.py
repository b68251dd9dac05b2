"""`check --profile`: shares and ceilings are those of the raw file, in each format; nothing hostile gets through."""

import csv
import json
import marshal
import pstats
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfwright import config, discover, pipeline, report
from perfwright.amdahl import Hot, Share, times_as_fast
from perfwright.errors import InputError
from perfwright.finding import Cost, Finding, Observed, Place, Record, Step, Term
from perfwright.profiles import overlay, read
from perfwright.profiles.formats import collapsed
from perfwright.profiles.gain import gain
from perfwright.profiles.model import Calls, Frame, Stacks
from perfwright.profiles.outline import outline
from perfwright.profiles.places import Places
from records import N_PLUS_ONE, NOTE, SCAN, SOURCES, record

SAMPLES = Path(__file__).parent / "profiles"
SHOP = Path(__file__).parent.parent / "examples" / "shop"
NAMES = discover.find(SHOP, [SHOP], exclude=(), tests=False)
LINED = ("py-spy.speedscope.json", "py-spy.txt", "shop.pyisession")


@pytest.fixture(scope="module")
def found() -> Record:
    return pipeline.check(SHOP, NAMES, config.read(SHOP / "perfwright.toml"))


def laid(found: Record, name: str) -> Record:
    return overlay.lay_profile(found, SAMPLES / name, SHOP, NAMES)


def share_of(finding: Finding) -> Share | None:
    return next(iter(finding.shares), None)


def at(record: Record, rule: str, path: str, line: int) -> Finding:
    return next(f for f in record.findings if (f.rule, f.place.path, f.place.line) == (rule, path, line))


# ------------------------------------------------------------------ shares, by other means
def raw(name: str) -> list[tuple[list[tuple[str, int]], float]]:
    """Return the stacks of a sample as files and lines with their weights, read as plainly as can be."""
    text = (SAMPLES / name).read_text()
    if name.endswith(".txt"):
        return [
            ([(file, int(n)) for file, n in re.findall(r"\(([^()]+):(\d+)\)", line)], int(line.split(" ")[-1]))
            for line in text.splitlines()
        ]
    document = json.loads(text)
    if name.endswith(".pyisession"):
        return [
            ([(told.split("\0")[1], int(told.rpartition("\x01l")[2])) for told in frames], seconds)
            for frames, seconds in document["frame_records"]
        ]
    frames = [(frame["file"], frame["line"]) for frame in document["shared"]["frames"]]
    return [
        ([frames[each] for each in sample], weight)
        for profile in document["profiles"]
        for sample, weight in zip(profile["samples"], profile["weights"], strict=True)
    ]


@pytest.mark.parametrize("name", LINED)
def test_a_line_has_the_share_of_the_stacks_that_it_is_on(found: Record, name: str) -> None:
    stacks = raw(name)
    whole = sum(weight for _, weight in stacks)

    made = at(laid(found, name), "n-plus-one-query", "routers/admin.py", 129)

    part = sum(weight for stack, weight in stacks if ("/app/shop/routers/admin.py", 129) in stack) / whole
    share = share_of(made)
    assert share is not None
    assert part > 0.01
    assert share.part == pytest.approx(part)
    assert share.at == "line"
    assert share.ceiling == pytest.approx(1 / (1 - part))


@pytest.mark.parametrize("name", LINED)
def test_a_chain_that_ends_elsewhere_has_the_share_of_both(found: Record, name: str) -> None:
    stacks = raw(name)
    whole = sum(weight for _, weight in stacks)
    both = {("/app/shop/routers/catalog.py", 77), ("/app/shop/models.py", 64)}

    share = share_of(at(laid(found, name), "n-plus-one-query", "routers/catalog.py", 77))

    assert share is not None
    assert share.at == "call"
    assert share.part == pytest.approx(sum(weight for stack, weight in stacks if both <= set(stack)) / whole)


def test_a_function_of_cprofile_has_its_cumulative_time(found: Record) -> None:
    stats: Any = pstats.Stats(str(SAMPLES / "shop.prof"))
    [row] = [row for key, row in stats.stats.items() if key[0].endswith("admin.py") and key[2] == "export_orders"]

    share = share_of(at(laid(found, "shop.prof"), "n-plus-one-query", "routers/admin.py", 129))

    assert share is not None
    assert share.at == "function"
    assert share.part == pytest.approx(row[3] / stats.total_tt)


def test_a_call_of_cprofile_has_the_time_on_behalf_of_its_caller(found: Record) -> None:
    stats: Any = pstats.Stats(str(SAMPLES / "shop.prof"))
    [row] = [row for key, row in stats.stats.items() if key[2] == "product_name"]
    edge = sum(times[3] for caller, times in row[4].items() if caller[2] == "export_orders")

    share = share_of(at(laid(found, "shop.prof"), "n-plus-one-query", "routers/admin.py", 137))

    assert share is not None
    assert 0 < edge < row[3]
    assert share.at == "call"
    assert share.part == pytest.approx(edge / stats.total_tt)


def test_memory_is_shared_among_the_findings_that_spend_it(found: Record) -> None:
    with (SAMPLES / "memray.csv").open() as file:
        rows = [(row["stack_trace"], int(row["size"])) for row in csv.DictReader(file)]
    part = sum(size for trace, size in rows if "/admin.py;44" in trace) / sum(size for _, size in rows)

    made = laid(found, "memray.csv")

    share = share_of(at(made, "load-all-to-filter", "routers/admin.py", 44))
    assert share is not None
    assert (share.of, share.part) == ("memory", pytest.approx(part))
    assert all("memory_mb" in finding.cost.predicted for finding in made.findings if finding.shares)


def test_memrays_own_file_is_read_where_memray_is_installed(tmp_path: Path) -> None:
    memray = pytest.importorskip("memray")
    path = tmp_path / "run.bin"
    with memray.Tracker(path):
        kept = bytearray(50_000_000)

    profile = read.read(path)

    assert profile.total >= len(kept)
    assert isinstance(profile, Stacks)
    assert Path(__file__).name in {Path(frame.file).name for frame in profile.frames}


@pytest.mark.parametrize("name", [*LINED, "shop.prof"])
def test_findings_are_in_the_order_of_share_times_gain(found: Record, name: str) -> None:
    made = laid(found, name)
    weights = [share.part * (1 if share.gain is None else share.gain) for f in made.findings for share in f.shares]

    assert len([weight for weight in weights if weight > 0]) > 5
    assert all(one >= other for one, other in pairwise(weights))
    seen = [bool(finding.shares) and max(finding.weight) > 0 for finding in made.findings]
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("name", [*LINED, "shop.prof", "memray.csv"])
def test_severities_and_findings_stay_as_they_were(found: Record, name: str) -> None:
    before = {finding.key: finding.severity for finding in found.findings}

    assert {finding.key: finding.severity for finding in laid(found, name).findings} == before


# --------------------------------------------------------------------------------- Amdahl
def test_the_ceiling_is_amdahls() -> None:
    share = Share(of="time", part=0.31, at="line", gain=0.9)

    assert share.ceiling == pytest.approx(1.4493, abs=1e-4)
    assert share.speedup == pytest.approx(1 / (1 - 0.279))
    assert times_as_fast(1.0) is None


def test_of_many_queries_one_is_left() -> None:
    cost = Cost(terms=(Term("db.query", ("Order",)),), at={"Order": 50}, predicted={"queries": 50.0})

    assert gain(replace(N_PLUS_ONE, cost=cost)) == pytest.approx(0.98)


def test_two_sizes_are_gone_through_one_after_the_other() -> None:
    terms = (Term("compare", ("left", "right")),)

    assert gain(replace(SCAN, cost=Cost(terms=terms, at={"left": 100, "right": 50}))) == pytest.approx(0.97)


def test_a_gain_that_is_not_known_is_not_said() -> None:
    assert gain(replace(SCAN, rule="unbounded-result")) is None


# ------------------------------------------------------------------------- a small project
APP = """\
def total(rows):
    amount = 0
    for row in rows:
        amount += price(row)
    return amount


def price(row):
    return row.price


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
"""
AT_PRICE = Finding(
    rule="n-plus-one-query",
    severity="error",
    confidence="certain",
    place=Place(path="shop/app.py", line=4, function="total"),
    symbol="x",
    message="m",
    chain=(
        Step(path="shop/app.py", line=3, function="total", what="loop over rows"),
        Step(path="shop/app.py", line=9, function="price", what="db.query"),
    ),
)


@pytest.fixture
def lay(tmp_path: Path) -> Callable[..., Record]:
    (tmp_path / "root" / "shop").mkdir(parents=True)
    (tmp_path / "root" / "shop" / "app.py").write_text(APP)

    def made(content: str | bytes, *findings: Finding) -> Record:
        path = tmp_path / "profile"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return overlay.lay_profile(record(*findings), path, tmp_path / "root", ["shop/app.py"])

    return made


def dumped(stats: dict[Any, Any]) -> bytes:
    return marshal.dumps(stats)


def test_what_is_hot_without_a_finding_is_told(lay: Callable[..., Record]) -> None:
    made = lay("main (/app/shop/app.py:5);price (/app/shop/app.py:9) 30\nfib (/app/shop/app.py:13) 68\nx (/y.py:1) 2\n")

    assert made.summary.hot == (
        Hot(path="shop/app.py", line=13, function="fib", of="time", part=0.68, at="line"),
        Hot(path="shop/app.py", line=9, function="price", of="time", part=0.3, at="line"),
    )


def test_a_line_with_a_finding_is_not_told_as_hot(lay: Callable[..., Record]) -> None:
    made = lay("total (/app/shop/app.py:4) 50\nprice (/app/shop/app.py:9) 50\n", AT_PRICE)

    assert made.summary.hot == ()


def test_what_cprofile_spends_in_libraries_is_hot_in_their_caller(lay: Callable[..., Record]) -> None:
    app = "/app/shop/app.py"
    stats = {
        (app, 8, "price"): (1, 1, 1.0, 9.0, {}),
        ("/usr/lib/json.py", 1, "loads"): (1, 1, 8.0, 8.0, {(app, 8, "price"): (1, 1, 8.0, 8.0)}),
        ("~", 0, "<built-in>"): (1, 1, 1.0, 1.0, {}),
    }

    assert lay(dumped(stats)).summary.hot == (
        Hot(path="shop/app.py", line=8, function="price", of="time", part=0.9, at="function"),
    )


def test_recursion_counts_once(lay: Callable[..., Record]) -> None:
    finding = replace(AT_PRICE, place=Place(path="shop/app.py", line=13, function="fib"), chain=())
    deep = ";".join(["fib (/app/shop/app.py:13)"] * 50)

    made = lay(f"{deep} 10\nx (/y.py:1) 30\n", finding)

    assert [share.part for share in made.findings[0].shares] == [0.25]


def test_the_innermost_of_functions_that_call_each_other_is_the_hot_one(lay: Callable[..., Record]) -> None:
    fib, price = "fib (/app/shop/app.py:13)", "price (/app/shop/app.py:9)"

    made = lay(f"{fib};{price};{fib};x (/y.py:1) 5\n")

    assert [(hot.function, hot.part) for hot in made.summary.hot] == [("fib", 1.0)]


def test_callers_in_a_circle_end(lay: Callable[..., Record]) -> None:
    one, other = ("/app/shop/app.py", 1, "total"), ("/lib/x.py", 1, "back")
    stats = {
        one: (1, 1, 1.0, 2.0, {other: (1, 1, 1.0, 2.0)}),
        other: (1, 1, 1.0, 2.0, {one: (1, 1, 1.0, 2.0), other: (1, 1, 0.0, 0.0)}),
    }

    made = lay(dumped(stats), AT_PRICE)

    assert [share.part for share in made.findings[0].shares] == [1.0]


def test_a_profile_that_is_all_of_one_line_has_no_bound(lay: Callable[..., Record]) -> None:
    made = lay("total (/app/shop/app.py:4) 7\n", AT_PRICE)

    [share] = made.findings[0].shares
    assert (share.part, share.ceiling) == (1.0, None)
    assert "100% of run time at this line; at most more than 1,000x as fast" in text(made)


def test_a_line_that_was_passed_by_is_told_apart_from_one_never_reached(lay: Callable[..., Record]) -> None:
    elsewhere = replace(AT_PRICE, symbol="y", place=Place(path="shop/app.py", line=13, function="fib"), chain=())
    made = lay("total (/app/shop/app.py:2) 7\n", AT_PRICE, elsewhere)

    shown = text(made)

    assert "its function was seen, this line was not" in shown
    assert "not seen in the profile profile" in shown


def test_pyinstruments_tree_gives_each_function_its_own_time(lay: Callable[..., Record]) -> None:
    price = {"function": "price", "file_path": "/app/shop/app.py", "line_no": 8, "time": 3.0, "children": []}
    total = {"function": "total", "file_path": "/app/shop/app.py", "line_no": 1, "time": 4.0, "children": [price]}
    tree = {"root_frame": {"function": "m", "file_path": "/m.py", "line_no": 1, "time": 10.0, "children": [total]}}

    [share] = lay(json.dumps(tree), AT_PRICE).findings[0].shares

    assert (share.part, share.at) == (pytest.approx(0.3), "call")


def evented(**changes: Any) -> str:
    frames = [{"name": "total", "file": "/app/shop/app.py", "line": 4}, {"name": "x", "file": "/x.py", "line": 1}]
    events = [(0, "O", 1), (1, "O", 0), (4, "C", 0), (10, "C", 1)]
    profile = {
        "type": "evented",
        "unit": "milliseconds",
        "startValue": 0,
        "endValue": 10,
        "events": [{"at": when, "type": kind, "frame": frame} for when, kind, frame in events],
    }
    return json.dumps({"shared": {"frames": frames}, "profiles": [profile | changes]})


def test_events_are_the_time_between_them(lay: Callable[..., Record]) -> None:
    made = lay(evented(), AT_PRICE)

    assert [share.part for share in made.findings[0].shares] == [pytest.approx(0.3)]
    assert made.summary.seen[0].total == pytest.approx(0.01)


# ----------------------------------------------------------------------------- the paths
@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["/app/shop/app.py"], "shop/app.py"),
        (["shop/app.py"], "shop/app.py"),
        (["C:\\work\\shop\\app.py"], "shop/app.py"),
        (["../shop/app.py"], "shop/app.py"),
        (["/srv/site-packages/shop/app.py"], "shop/app.py"),
        (["/srv/app.py", "/x/site-packages/y/app.py"], "shop/app.py"),
    ],
)
def test_a_path_of_elsewhere_is_found_by_its_end(tmp_path: Path, files: list[str], name: str) -> None:
    places = Places(tmp_path, ["shop/app.py", "shop/models.py"])

    assert places.learn(files)
    assert places.named(files[0]) == name


def test_a_file_of_a_package_is_not_taken_for_the_projects(tmp_path: Path) -> None:
    places = Places(tmp_path, ["models.py", "views.py"])
    places.learn(
        ["/venv/lib/python3.12/site-packages/pip/models.py", "/app/models.py", "/app/views.py", "/lib/x/models.py"]
    )

    assert places.named("/app/models.py") == "models.py"
    assert places.named("/venv/lib/python3.12/site-packages/pip/models.py") is None
    assert places.named("/lib/x/models.py") is None


def test_a_path_leads_out_of_the_project_nowhere(tmp_path: Path) -> None:
    places = Places(tmp_path, ["shop/app.py"])
    places.learn(["/app/shop/app.py"])

    for path in ("/app/../etc/passwd", "/app/shop/../../etc/passwd", f"{tmp_path}/../x.py", "/app/shop/app.py\0", ""):
        assert places.named(path) is None


def test_a_profile_of_another_program_is_refused(lay: Callable[..., Record]) -> None:
    with pytest.raises(InputError, match=r"no file of this project: its first path is /srv/other\.py, and the root is"):
        lay("main (/srv/other.py:3) 5\n")


# --------------------------------------------------------------------------------- hostile
DEEP = "[" * 200_000
HOSTILE = {
    "nothing": b"",
    "zeros": b"\0" * 1_000,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "cut json": evented().encode()[:80],
    "deep json": DEEP.encode(),
    "json of another kind": b'{"a": 1}',
    "a list": b"[1, 2]",
    "no weights": b'{"profiles": [{"unit": "seconds", "samples": [[0]]}], "shared": {"frames": [{}]}}',
    "no profiles": b'{"profiles": [], "shared": {"frames": []}}',
    "profiles of a kind": b'{"profiles": 7}',
    "a unit": evented(unit=["x"]).encode(),
    "nan": evented(events=[{"at": float("nan"), "type": "O", "frame": 0}]).encode(),
    "back in time": evented(startValue=5).encode(),
    "frames that are not": evented(events=[{"at": 1, "type": "O", "frame": 10**30}]).encode(),
    "closed first": evented(events=[{"at": 1, "type": "C", "frame": 0}]).encode(),
    "negative": b'{"frame_records": [[["f\\u0000/app/shop/app.py\\u00001"], -1]]}',
    "records of a kind": b'{"frame_records": [1]}',
    "a child without time": b'{"root_frame": {"time": 1, "children": [{}]}}',
    "no count": b"main (/app/shop/app.py:4)\n",
    "a vast count": b"main (/app/shop/app.py:4) " + b"9" * 400 + b"\n",
    "a size of memray": b"allocator,size,stack_trace\nMALLOC,-4,f;/app/shop/app.py;4\n",
    "cut marshal": dumped({("/app/shop/app.py", 1, "total"): (1, 1, 1.0, 1.0, {})})[:20],
    "marshal of a kind": b"{"
    + marshal.dumps(((1, 2), 3))[:0]
    + b"(\x02\x00\x00\x00i\x01\x00\x00\x00i\x02\x00\x00\x00N0",
    "marshal without times": dumped({("/app/shop/app.py", 1, "total"): 1}),
    "marshal with nan": dumped({("/app/shop/app.py", 1, "total"): (1, 1, float("nan"), 1.0, {})}),
    "marshal below nothing": dumped({("/app/shop/app.py", 1, "total"): (1, 1, -1.0, 1.0, {})}),
    "marshal that promises": b"\xfb)\x03\xfa\xff" + b"(" + b"\xff\xff\xff\x7f" * 4,
    "a cut file of memray": b"memray\0\x0d\0\0\0" + b"\0" * 30,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_profile_is_refused_in_one_sentence(lay: Callable[..., Record], name: str) -> None:
    with pytest.raises(InputError) as refused:
        lay(HOSTILE[name], AT_PRICE)

    assert refused.value.slug in ("broken-profile", "foreign-profile")
    assert str(refused.value).count("\n") == 0
    assert str(refused.value).endswith(".")


def test_code_in_a_profile_is_not_run(lay: Callable[..., Record], tmp_path: Path) -> None:
    code = compile(f"open({str(tmp_path / 'ran')!r}, 'w')", "/app/shop/app.py", "exec")

    with pytest.raises(InputError):
        lay(dumped({(code, 1, "total"): (1, 1, 1.0, 1.0, {})}))

    assert not (tmp_path / "ran").exists()


def test_a_stack_of_a_million_frames_is_read(lay: Callable[..., Record]) -> None:
    made = lay(";".join(["fib (/app/shop/app.py:13)"] * 1_000_000) + " 1\n", AT_PRICE)

    assert made.summary.seen[0].total == 1.0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=60), max_size=6))
def test_collapsed_stacks_are_read_or_refused(lines: list[str]) -> None:
    try:
        stacks = collapsed.read(lines)
    except InputError:
        return
    assert stacks.total >= 0


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_any_text_has_an_outline(source: str) -> None:
    assert all(code.first <= code.last for code in outline(source).codes)


def test_names_of_a_profile_cannot_reach_the_terminal(lay: Callable[..., Record]) -> None:
    made = lay("a\x1b[31m (/app/shop/app.py:13) 5\n")
    seen = replace(made.summary.seen[0], name="x\x1b]8;;http://x\x07\u202e")

    shown = text(replace(made, summary=replace(made.summary, seen=(seen,))))

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


# ------------------------------------------------------------------------------- as text
def text(made: Record, name: str = "terminal") -> str:
    options = report.Options(root=Path("/srv/shop"), lines=lambda path: SOURCES.get(path, "").split("\n"))
    return report.render(made, format=name, options=options)


def test_a_person_reads_the_share_and_the_ceiling(lay: Callable[..., Record]) -> None:
    made = lay("total (/app/shop/app.py:4) 31\nx (/y.py:1) 69\n", AT_PRICE)

    assert "seen  31% of run time at this line; at most 1.45x as fast  (profile)" in text(made)
    assert "profile: collapsed stacks, 100 samples, 31% in this project's code and what it calls" in text(made)


def test_weights_come_before_severity_and_the_unseen_last(lay: Callable[..., Record]) -> None:
    note = replace(AT_PRICE, severity="warning", symbol="seen")
    made = lay("total (/app/shop/app.py:4) 31\nx (/y.py:1) 69\n", N_PLUS_ONE, note)
    results = json.loads(text(made, "sarif"))["runs"][0]["results"]

    assert [result["properties"]["symbol"] for result in results] == ["seen", "Order.customer"]
    assert [result["level"] for result in results] == ["warning", "error"]
    assert results[0]["rank"] > results[1]["rank"]
    assert results[0]["properties"]["shares"][0]["part"] == 0.31


def test_without_a_profile_the_record_says_nothing_of_one() -> None:
    data = record(N_PLUS_ONE, NOTE).to_json()

    assert not {"seen", "hot", "start_here"} & set(data["summary"])


def test_frames_are_kept_once() -> None:
    stacks = Stacks(format="x", of="time", unit="samples")

    assert stacks.place(Frame("a.py", "f", 1)) == stacks.place(Frame("a.py", "f", 1))
    assert isinstance(read.read(SAMPLES / "shop.prof"), Calls)


def evidence(made: Record) -> Iterator[Observed]:
    return (item for finding in made.findings for item in finding.evidence if isinstance(item, Observed))


def test_evidence_names_the_file_and_not_its_folder(found: Record) -> None:
    assert {item.run for item in evidence(laid(found, "py-spy.txt"))} == {"py-spy.txt"}
