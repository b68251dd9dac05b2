"""Every failure of a command leaves as one sentence and a status."""

import click
import pytest

from perfwright.app import main
from perfwright.errors import InputError


def outcome(monkeypatch: pytest.MonkeyPatch, failure: BaseException) -> int:
    def fail() -> None:
        raise failure

    monkeypatch.setattr(main, "program", click.Command("perfwright", callback=fail))
    return main.run([])


def test_an_interrupt_is_one_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err.strip() == "Stopped."


def test_a_refusal_is_a_sentence_and_a_heading(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(monkeypatch, InputError("x\x1b does not exist.", slug="missing-path")) == 2
    assert capsys.readouterr().err == "perfwright: x\\x1b does not exist.\ndocs: errors.md#missing-path\n"


@pytest.mark.parametrize(("debug", "traceback"), [("", False), ("1", True)])
def test_a_fault_of_ours_asks_for_a_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], debug: str, traceback: bool
) -> None:
    monkeypatch.setenv("PERFWRIGHT_DEBUG", debug)

    assert outcome(monkeypatch, ZeroDivisionError()) == 2

    printed = capsys.readouterr().err
    assert "this is a fault of perfwright, not of your program (ZeroDivisionError); please report it" in printed
    assert ("Traceback" in printed) is traceback
