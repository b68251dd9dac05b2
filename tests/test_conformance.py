"""The readers of peers' fixtures, on tiny checkouts of our own in each of their formats, and the counting."""

from pathlib import Path

import pytest
from conformance import __main__ as suite
from conformance import ours, page, verdicts
from conformance.compare import Difference, compare
from conformance.fixture import Fixture, Mark, Span, indented, missing_imports, parsable, worked
from conformance.readers import flake8_async, perflint, refurb, ruff, semgrep_rules
from conformance.verdicts import Code, TableError

SLEEPS = """\
import time


async def bad() -> None:
    time.sleep(1)


async def good() -> None:
    print("nothing to wait for")
"""


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")
    return root


def marks(fixture: Fixture) -> list[tuple[int, str]]:
    return [(mark.span.first, mark.code) for mark in fixture.bad]


def test_ruff_is_read_from_its_snapshots(tmp_path: Path) -> None:
    snapshot = (
        "---\nsource: mod.rs\n---\nABC123 Wait less\n --> ABC123.py:5:5\n  |\n5 |     time.sleep(1)\n  |     ^^^^\n"
    )
    other = snapshot.replace("ABC123 Wait", "ABC124 Wait").replace("--> ABC123.py:5", "--> ABC123.py:9")
    snapshots = "crates/ruff_linter/src/rules/waits/snapshots/ruff_linter__rules__waits__tests__"
    checkout = put(
        tmp_path,
        {
            "crates/ruff_linter/resources/test/fixtures/waits/ABC123.py": SLEEPS,
            f"{snapshots}ABC123_ABC123.py.snap": snapshot,
            f"{snapshots}named-by-its-rule_ABC123.py.snap": other,
            f"{snapshots}ABC125_ABC123.py.snap": "---\nsource: mod.rs\n---\n",
            f"{snapshots}other_settings.snap": snapshot,
        },
    )

    (fixture,) = ruff.read(checkout)

    assert fixture.path == "crates/ruff_linter/resources/test/fixtures/waits/ABC123.py"
    assert marks(fixture) == [(5, "ABC123"), (9, "ABC124")]
    assert fixture.codes == {"ABC123", "ABC124", "ABC125"}
    assert fixture.good == ()


def test_flake8_async_is_read_from_comments_at_the_line(tmp_path: Path) -> None:
    text = SLEEPS.replace("sleep(1)", "sleep(1)  # ASYNC251: 4, 'x'")
    of_file = SLEEPS.replace("sleep(1)", "sleep(1)  # error: 4, 'x'")
    folder = "tests/eval_files"
    checkout = put(tmp_path, {f"{folder}/async25x.py": text, f"{folder}/async110_asyncio.py": of_file})

    second, first = flake8_async.read(checkout)

    assert (marks(first), first.codes, first.good) == ([(5, "ASYNC251")], {"ASYNC251"}, (Span(9, 9),))
    assert (marks(second), second.codes) == ([(5, "ASYNC110")], {"ASYNC110"})


def test_refurb_is_read_from_what_it_prints(tmp_path: Path) -> None:
    printed = "test/data/err_900.py:5:5 [FURB900]: Replace one with another\n"
    checkout = put(tmp_path, {"test/data/err_900.py": SLEEPS, "test/data/err_900.txt": printed})

    (fixture,) = refurb.read(checkout)

    assert (marks(fixture), fixture.good) == ([(5, "FURB900")], (Span(9, 9),))


def test_semgrep_rules_are_read_from_comments_above_the_line(tmp_path: Path) -> None:
    text = (
        "# ruleid: wait, other.wait-long\n"
        "def bad():\n"
        "    sleep(1)\n"
        "    # ok:wait\n"
        "    # another word\n"
        "    sleep(0)\n"
        "    # todoruleid: wait\n"
        "    sleep(2)\n"
        "    # ruleid: wait\n"
        "    made = sleep\n"
        "    made(1)\n"
    )
    checkout = put(tmp_path, {"python/waits/wait.py": text, "python/waits/wait.fixed.py": text, "java/wait.py": text})

    wait, long = semgrep_rules.read(checkout)

    assert [mark.span for mark in wait.bad] == [Span(2, 11), Span(10, 11)]
    assert (wait.good, wait.codes) == ((Span(6, 6),), {"wait"})
    assert (marks(long), long.good) == ([(2, "wait-long")], ())


def test_perflint_is_read_from_its_unit_tests(tmp_path: Path) -> None:
    text = (
        "class TestWaits:\n"
        "    def test_bad(self):\n"
        '        node = astroid.extract_node("""\n'
        "        def bad(): #@\n"
        "            sleep(1)\n"
        '        """)\n'
        '        with self.assertAddedMessage("waits-long"):\n'
        "            self.walk(node)\n"
        "    def test_good(self):\n"
        '        node = astroid.extract_node("""\n'
        "        def good(): #@\n"
        "            pass\n"
        '        """)\n'
        "        with self.assertNoMessages():\n"
        "            self.walk(node)\n"
        "    def test_nothing(self):\n"
        "        pass\n"
    )
    bad, good = perflint.read(put(tmp_path, {"tests/test_waits.py": text}))

    assert ([mark.code for mark in bad.bad], bad.good, bad.offset) == (["waits-long"], (), 2)
    assert (good.bad, len(good.good), good.codes) == ((), 1, {"waits-long"})
    assert bad.text.startswith("\ndef bad()")


def test_what_does_nothing_is_no_good_line() -> None:
    text = 'import os\n"""Words."""\n@cache\ndef kept():\n    pass\ndef plain():\n    if os:\n        return os.name\n'

    assert worked(text) == [Span(3, 4), Span(7, 7), Span(8, 8)]


def test_code_at_the_top_is_moved_and_the_text_of_strings_is_not() -> None:
    assert indented("def only():\n    pass\n") is None
    assert indented('run("""\nas it is\n""")\nmore()\n') == '    run("""\nas it is\n""")\n    more()\n'


def test_lines_of_another_python_are_left_out_in_their_place() -> None:
    assert parsable("a = 1\nprint a\nb = 2\n") == "a = 1\n\nb = 2\n"


def test_modules_that_are_only_named_are_imported() -> None:
    assert missing_imports("import os\nos.wait(); subprocess.run(); unheard_of.run(); time = 1; time.sleep()\n") == [
        "subprocess"
    ]


def test_perfwright_reads_a_fixture_both_ways_and_says_its_own_lines() -> None:
    text = "requests.get('https://shop.test')\n\n\nasync def wait():\n    time.sleep(1)\n"
    fixture = Fixture(peer="p", path="p.py", text=text, codes=frozenset(), bad=(), good=())

    with ours.models_at_hand():
        found = {(report.rule, report.line) for report in ours.read(fixture)}

    assert {("no-timeout", 1), ("blocking-call-in-async", 5)} <= found


CODE = Code("p", "W1", ("blocking-call-in-async",), "the same")
ALIKE = Code("p", "W2", ("blocking-call-in-async",), "the same")


def fixture_of(*lines: int, good: tuple[int, ...] = (), code: str = "W1") -> Fixture:
    return Fixture(
        peer="p",
        path="p.py",
        text="",
        codes=frozenset({"W1", "W2"}),
        bad=tuple(Mark(Span(line, line), code) for line in lines),
        good=tuple(Span(line, line) for line in good),
    )


def said(*lines: int) -> list[ours.Report]:
    return [
        ours.Report(rule="blocking-call-in-async", line=line, lines=frozenset({line}), message="it waits")
        for line in lines
    ]


def none() -> verdicts.Verdicts:
    return verdicts.Verdicts({})


def test_found_missed_and_flagged_are_counted() -> None:
    result = compare([(fixture_of(1, 2, good=(5, 6)), said(1, 5))], [CODE], none())

    row = result.rows[CODE]
    assert (row.marked, row.found, row.good, row.flagged) == (2, 1, 2, 1)
    assert set(result.differences) == {Difference("p", "p.py", "W1", 2, True), Difference("p", "p.py", "W1", 5, False)}


def test_what_another_code_of_the_same_rule_marks_is_not_good() -> None:
    result = compare([(fixture_of(5, good=(5,), code="W2"), said(5))], [CODE, ALIKE], none())

    assert (result.rows[CODE].good, result.rows[CODE].flagged, result.rows[ALIKE].found) == (0, 0, 1)


def test_a_finding_of_another_rule_does_not_count() -> None:
    other = [ours.Report(rule="no-timeout", line=1, lines=frozenset({1}), message="it waits")]

    assert compare([(fixture_of(1), other)], [CODE], none()).rows[CODE].found == 0


@pytest.mark.parametrize(("kind", "counted"), [("missed", (2, 2, 1)), ("peer", (1, 1, 0))])
def test_a_verdict_takes_a_place_out_only_where_it_shows_no_common_defect(kind: str, counted: tuple[int, ...]) -> None:
    table = {"verdict": [{"peer": "p", "file": "p.py", "code": "W1", "lines": [2, 5], "kind": kind, "why": "So."}]}

    read = verdicts.read_verdicts(table, {"p"})
    row = compare([(fixture_of(1, 2, good=(5, 6)), said(1, 5))], [CODE], read).rows[CODE]

    assert (row.bad_counted, row.good_counted, row.flagged_counted) == counted
    assert read.unused() == []


def test_differences_without_a_verdict_stale_verdicts_and_low_figures_fail() -> None:
    table = {"verdict": [{"peer": "p", "file": "p.py", "code": "W1", "lines": [[8, 9]], "kind": "peer", "why": "So."}]}
    read = verdicts.read_verdicts(table, {"p"})

    result = compare([(fixture_of(1, 2, good=(5, 6)), said(1, 5))], [CODE], read)

    assert list(suite.failures(result, read, {"found": 0.85, "flagged": 0.05})) == [
        "p: p.py:2 W1 is missed, without a verdict.",
        "p: p.py:5 W1 is flagged, without a verdict.",
        "p: p.py:8 W1 has a verdict and is no difference.",
        "p: p.py:9 W1 has a verdict and is no difference.",
        "50.0% of what peers mark is found, of 85.0%.",
        "50.0% of what peers do not mark is flagged; 5.0% at most.",
    ]


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([{"kind": "who knows"}], "use one of missed"),
        ([{"kind": "peer"}, {"kind": "missed"}], "has two verdicts"),
    ],
)
def test_a_table_that_says_something_else_is_refused(entries: list[dict[str, str]], told: str) -> None:
    base = {"peer": "p", "file": "p.py", "code": "W1", "lines": [1], "why": "So."}

    with pytest.raises(TableError, match=told):
        verdicts.read_verdicts({"verdict": [{**base, **entry} for entry in entries]}, {"p"})


def test_the_tables_name_peers_rules_and_codes_that_are_there() -> None:
    from perfwright import rules

    table = verdicts.load("codes.toml")
    names = {peer["name"] for peer in table["peer"]}
    codes = verdicts.read_codes(table, names)

    assert {rule for code in codes for rule in code.rules} <= set(rules.load())
    assert {entry["peer"] for entry in table["defect"]} <= names
    known = {(code.peer, code.name) for code in codes}
    assert {
        (peer, code) for peer, _, code, _ in verdicts.read_verdicts(verdicts.load("verdicts.toml"), names).by_place
    } <= known
    left_out = {(peer, code) for entry in table["left_out"] for peer in entry["peers"] for code in entry["codes"]}
    assert not left_out & known


def test_the_page_shows_figures_and_verdicts() -> None:
    table = verdicts.load("codes.toml")
    entry = {
        "peer": "p",
        "file": "p.py",
        "code": "W1",
        "lines": [[2, 4]],
        "kind": "peer",
        "why": "It waits for nothing.",
    }
    read = verdicts.read_verdicts({"verdict": [entry]}, {"p"})

    shown = page.page(compare([(fixture_of(1, 2, 3, 4), said(1))], [CODE], read), table)

    assert "**Found: 100.0%** of the 1 marked places that count" in shown
    assert "Before any verdict it is 1 of 4, 25.0%." in shown
    assert "- `p.py` 2 to 4 (missed): *the peer is wrong*. It waits for nothing." in shown


def test_checkouts_that_are_not_there_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["conformance", str(tmp_path)])

    assert suite.main() == 2
    assert "has no folder ruff; clone ruff, flake8-async" in capsys.readouterr().err
