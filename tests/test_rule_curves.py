"""What was measured of the rules' pages is kept, drawn and told; and measuring can be stopped."""

import os
import pty
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import page_runs
import prove_rules
import pytest
import rule_curves

from perfwright import rules
from perfwright.measure import growth
from perfwright.report import proved
from perfwright.rules import Curve, Measured

ROOT = Path(__file__).parent.parent
SQUARE = Curve(((10, 0.001), (100, 0.1), (1_000, 10.0)), 2.0)
LINE = Curve(((10, 0.001), (100, 0.01), (1_000, 0.1), (10_000, 1.0)), 1.0)
NOTHING = Curve(((10, 0.0), (100, 0.0)), 0.0)
MADE = Measured("growth", "n^2", "cpu", SQUARE, LINE, "", "a machine")
KEPT = {name: each for name, each in rules.proofs().items() if name in rules.load()}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_what_was_measured_is_written_and_read_without_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "proofs.json"
    file.write_text(rules.document({"b": MADE, "a": replace(MADE, wrong="it is not so")}), "utf8")
    monkeypatch.setattr(rules._proofs, "FILE", file)

    assert rules._proofs.proofs.__wrapped__() == {"a": replace(MADE, wrong="it is not so"), "b": MADE}
    assert len(file.read_text("utf8").splitlines()) == 4


def test_both_forms_are_compared_at_the_largest_size_they_share() -> None:
    assert MADE.largest == (1_000, 10.0, 0.1)
    assert proved.sentence(MADE) == (
        "CPU time at n = 1,000: Slow 10 s (grows as n^2.0), Fast 100 ms (n^1.0), 100 times less"
    )
    assert proved.row("a", MADE) == "| a | cpu | n^2 | 1,000 | 10 s (n^2.0) | 100 ms (n^1.0) | 100 | proved |"


def test_of_a_scenario_the_runs_are_told() -> None:
    runs = Curve(((20, 19.0),), 0.0), Curve(((20, 0.0),), 0.0)
    made = Measured("scenario", "lost", "runs", *runs, "", "a machine", "an update is lost")

    assert proved.sentence(made) == "Slow goes wrong in 19 of 20 runs (an update is lost), Fast in 0 of 20 runs"
    assert (
        proved.row("a", made)
        == "| a | scenario | lost | | 19 of 20 runs: an update is lost | 0 of 20 runs | | proved |"
    )


def test_a_curve_is_drawn_the_same_each_time_and_names_its_forms() -> None:
    svg = rule_curves.svg(MADE)

    assert svg == rule_curves.svg(MADE)
    assert {"CPU time", "Slow, n^2.0", "Fast, n^1.0", "n", "100", "10 s"} <= set(texts(svg))


def test_a_form_that_takes_nothing_is_drawn_at_zero() -> None:
    assert "0" in texts(rule_curves.svg(replace(MADE, figure="left", fast=NOTHING)))


def test_where_neither_form_takes_anything_there_is_still_a_picture() -> None:
    assert "Fast, n^0.0" in texts(rule_curves.svg(replace(MADE, figure="left", slow=NOTHING, fast=NOTHING)))


def test_there_is_no_curve_through_one_point_or_of_a_scenario() -> None:
    assert rule_curves.svg(replace(MADE, fast=Curve(((10, 1.0),), 0.0))) == ""
    assert rule_curves.svg(replace(MADE, kind="scenario")) == ""


@pytest.mark.parametrize("name", sorted(KEPT))
def test_a_rules_page_shows_its_curve_and_the_machine(name: str) -> None:
    folder = ROOT / "docs" / "rules"
    page = (folder / f"{name}.md").read_text("utf8")
    drawn = rule_curves.svg(KEPT[name])

    assert (f"({name}.svg)" in page) == bool(drawn) == (folder / f"{name}.svg").is_file()
    if KEPT[name].largest:
        assert KEPT[name].machine in page
    assert len(drawn) < 16_000


@pytest.fixture
def measuring(tmp_path: Path) -> Iterator["Measuring"]:
    made = Measuring(tmp_path)
    yield made
    made.process.kill()
    made.process.wait()


class Measuring:
    """`make prove` of two rules, on a terminal of its own, with its folders in `place`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.screen, theirs = pty.openpty()
        script = str(ROOT / "benchmarks" / "prove_rules.py")
        path = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
        self.process = subprocess.Popen(
            [sys.executable, script, "pool-per-call", "client-per-call", "--write"], stdout=theirs,
            stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(place)},
        )  # fmt: skip
        os.close(theirs)

    def started(self) -> set[int]:
        """Return the processes that measure a page here."""
        found = set()
        for told in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = told.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.startswith(os.fsencode(f"{self.place}/prove-")) for word in words):
                found.add(int(told.parent.name))
        return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no list of processes to look at")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_no_process_and_no_file(measuring: Measuring, sent: signal.Signals) -> None:
    before = page_of_proofs()
    while not (running := measuring.started()):
        assert measuring.process.poll() is None, measuring.process.stderr.read()
        time.sleep(0.05)

    measuring.process.send_signal(sent)
    _, said = measuring.process.communicate()

    assert running
    assert measuring.process.returncode == 1
    assert said.strip() == "Interrupted: nothing was written."
    assert measuring.started() == set()
    assert list(measuring.place.iterdir()) == []
    assert page_of_proofs() == before
    shown = os.read(measuring.screen, 1 << 16).decode()
    assert "\r\x1b[K0/2 measured; now " in shown
    assert "\n" not in shown


def page_of_proofs() -> bytes:
    return (ROOT / "src" / "perfwright" / "rules" / "proofs.json").read_bytes()


def test_as_many_requests_as_the_size_load_a_model_as_often_or_once() -> None:
    name = "model-load-per-request"

    each = prove_rules.prove(name, rules.load()[name], seconds=0.1)

    assert (each.wrong, each.figure) == ("", "loads")
    assert all(loads == n for n, loads in each.slow.items())
    assert set(each.fast.values()) == {1}


def test_an_exponent_is_no_steeper_than_its_points_or_what_the_page_says() -> None:
    jumps = {
        8: 5.4e-05,
        32: 6.2e-05,
        128: 9.1e-05,
        512: 0.00015,
        2048: 0.00044,
        8192: 0.004,
        16384: 0.0144,
        32768: 1.137,
        65536: 5.985,
    }
    slope = growth.tail(sorted(jumps.items()))[0]

    assert prove_rules.rate_of("cpu", jumps) == 3.0
    assert prove_rules.rate_of("cpu", jumps, most=2.0) == slope < 3.0
    assert prove_rules.rate_of("cpu", {8: 0.0, 16: 0.0, 32: 0.5}) == 0.0


def test_a_name_that_is_no_rule_is_refused() -> None:
    path = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "prove_rules.py"), "no-such"], capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip

    assert done.returncode == 2
    assert "no-such is no rule; `perfwright explain` lists them." in done.stderr


def test_elsewhere_than_on_a_terminal_a_page_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    told = page_runs.Told(2, sys.stdout)
    told.begin("a")
    told.begin("b")
    told.end("b", "| b |", keep=False)
    told.end("a", "| a |", keep=True)

    assert capsys.readouterr().out == "1/2 | b |\n2/2 | a |\n"
