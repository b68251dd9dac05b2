"""What runs is contained where the system allows it, and guarded where it does not: seen from outside, for real."""

import json
import os
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import check_containment
import pytest
from check_containment import CASES, Place

from perfwright.measure import sandbox, wire
from perfwright.measure.run import Choice, Guest, GuestError

MISSING = sandbox.missing()
contained = pytest.mark.skipif(bool(MISSING), reason=f"no sandbox here: {MISSING}")
TIERS = [pytest.param("require", marks=contained, id="sandbox"), pytest.param("off", id="guard")]
CODE = """
import asyncio, os, socket, threading
from pathlib import Path

def writes(items: list[int]) -> None:
    Path("written").write_text("kept")
    if Path("before").exists():
        Path("before").write_text("kept")

def talks(items: list[int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].sendall(b"yes"), daemon=True).start()
        with socket.create_connection(server.getsockname()) as client:
            assert client.recv(3) == b"yes"

def waits(items: list[int]) -> None:
    asyncio.run(asyncio.sleep(0))

def tells(items: list[int]) -> None:
    raise ValueError(os.environ["GIVEN"] + " " + os.environ.get("HOSTILE_SECRET", "nothing else"))
"""
# Quick ones; `make bench-containment` runs all, as root and as a plain user, and by the command.
CONTAINED = [
    "exits", "forks_without_end", "outlives_its_parent", "kills_all_by_ctypes", "kills_another_by_ctypes",
    "becomes_root", "writes_outside_by_a_child", "writes_outside_by_ctypes", "writes_after_a_new_mount",
    "removes_outside", "connects_by_ctypes", "connects_to_a_socket_file", "reads_secrets", "reads_its_parents_memory",
]  # fmt: skip
GUARDED = [
    "takes_100_gigabytes", "kills_its_parent", "kills_another", "writes_outside", "writes_outside_by_os_open",
    "outlives_its_parent", "removes_outside", "renames_outside", "writes_a_database", "connects",
]  # fmt: skip
NO_ANSWER = ["answers_noise", "answers_too_deeply", "answers_no_numbers", "answers_without_end"]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("HOSTILE_SECRET", "1")
    with check_containment.place() as made:
        yield made


@pytest.fixture
def code(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)  # nobody else may read it
    path = tmp_path / "kind_code.py"
    path.write_text(CODE, "utf8")
    return path


def called(guest: Guest, path: Path, name: str, seconds: float = 5) -> str:
    """Call a function; return what came of it."""
    guest.load(str(path), name)
    said = guest.ask({"ask": "changes", "n": 8}, seconds)
    return str(said.get("raised") or said.get("ended") or "ran")


def refused(place: Place, name: str, contain: Choice) -> None:
    with Guest(Path(sys.executable), [place.code], contain=contain) as guest:
        told = called(guest, place.code / "functions.py", name)
        assert called(guest, place.code / "functions.py", "fine") == "ran"

    assert place.wrong() == []
    assert not any(words in told for words in check_containment.CONFESSIONS)
    assert re.search(CASES[name], told), told


@contained
@pytest.mark.parametrize("name", CONTAINED)
def test_the_sandbox_contains(place: Place, name: str) -> None:
    refused(place, name, "require")


@pytest.mark.parametrize("name", GUARDED)
def test_the_guard_stops_what_python_does(place: Place, name: str) -> None:
    refused(place, name, "off")


@pytest.mark.parametrize("name", NO_ANSWER)
def test_what_is_no_answer_is_told_as_such(place: Place, name: str) -> None:
    with Guest(Path(sys.executable), [place.code], contain="off") as guest:
        assert called(guest, place.code / "functions.py", "fine") == "ran"
        guest.load(str(place.code / "functions.py"), name)
        guest.ask({"ask": "changes", "n": 8}, 5)
        told = [guest.ask({"ask": "time", "n": 8, "fresh": True}, 5) for _ in range(2)]

        assert {"ended": "gave no answer that can be read"} in told


@contained
def test_the_sandbox_bounds_the_memory_of_all_processes_together(place: Place) -> None:
    with Guest(Path(sys.executable), [place.code], contain="require", memory=400 << 20) as guest:
        assert "held over 0.4 GiB" in called(guest, place.code / "functions.py", "shares_memory_out", 30)


@contained
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become a plain user")
def test_the_sandbox_contains_for_a_plain_user(place: Place) -> None:
    users, missing = check_containment.people()
    plain = [who for who in users if who.name == "plain"]
    if not plain:
        pytest.skip(f"{missing}")
    if why := check_containment.sandbox_missing(plain[0]):
        pytest.skip(f"no sandbox for a plain user: {why}")

    outcome = check_containment.drive("writes_outside_by_ctypes", "sandbox", plain[0], place)

    assert outcome.wrong == []
    assert "Read-only" in outcome.told


@pytest.mark.parametrize("contain", TIERS)
def test_a_given_folder_is_written_to_and_stays(code: Path, tmp_path: Path, contain: Choice) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir(mode=0o700)
    (scratch / "before").touch(mode=0o600)

    with Guest(Path(sys.executable), [], scratch=scratch, contain=contain) as guest:
        assert called(guest, code, "writes") == "ran"

    assert (scratch / "written").read_text("utf8") == "kept"
    assert (scratch / "before").stat().st_size == 4


@pytest.mark.parametrize("contain", TIERS)
def test_an_own_folder_goes(code: Path, contain: Choice) -> None:
    with Guest(Path(sys.executable), [], contain=contain) as guest:
        assert called(guest, code, "writes") == "ran"

    assert not guest.scratch.exists()


@pytest.mark.parametrize("contain", TIERS)
def test_an_environment_is_given_and_nothing_else(code: Path, contain: Choice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTILE_SECRET", "a secret")

    with Guest(Path(sys.executable), [], environment={"GIVEN": "this"}, contain=contain) as guest:
        assert called(guest, code, "tells") == "ValueError: this nothing else"


@pytest.mark.parametrize("contain", TIERS)
def test_an_event_loop_runs(code: Path, contain: Choice) -> None:
    with Guest(Path(sys.executable), [], contain=contain) as guest:
        assert called(guest, code, "waits") == "ran"


@contained
def test_a_server_of_its_own_is_reached_in_the_sandbox(code: Path) -> None:
    with Guest(Path(sys.executable), [], contain="require") as guest:
        assert called(guest, code, "talks") == "ran"


def test_where_there_is_no_sandbox_the_guard_says_so(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "missing", lambda: "the system refuses it")

    with Guest(Path(sys.executable), []) as guest:
        assert called(guest, code, "waits") == "ran"
        assert (guest.tier, guest.contained) == ("guard", "limits, no network; not contained (the system refuses it)")
    with pytest.raises(GuestError, match=r"no sandbox here \(the system refuses it\)") as caught:
        Guest(Path(sys.executable), [], contain="require")
    assert caught.value.slug == "no-sandbox"


@contained
def test_an_interpreter_that_does_not_start_is_named_in_the_sandbox(tmp_path: Path) -> None:
    with Guest(tmp_path / "python", [], contain="require") as guest, pytest.raises(GuestError, match="does not start"):
        guest.load("json", "dumps")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("time", {"cpu": float("nan"), "wall": 1, "waits": 0}),
        ("time", {"cpu": -1, "wall": 1, "waits": 0}),
        ("time", {"cpu": True, "wall": 1, "waits": 0}),
        ("time", {"cpu": 1, "waits": 0}),
        ("time", {"cpu": 1, "wall": 1}),
        ("peak", {"peak": 1.5}),
        ("lines", {"lines": {"a": "b"}, "whole": True}),
        ("changes", {"changes": "yes"}),
        ("anything", {"ended": "said by the other side"}),
        ("anything", ["a list"]),
    ],
)
def test_an_answer_of_another_shape_is_refused(asked: str, answer: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        wire.understood(json.dumps(answer).encode(), asked)


def test_an_answer_that_is_too_long_is_not_read() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb", 0) as to:
        to.write(struct.pack(">I", wire.LONGEST + 1))
        line = wire.Wire(open(os.devnull, "wb", 0), os.fdopen(read, "rb", 0))  # noqa: PTH123, SIM115

        with pytest.raises(ValueError, match=r"\w"):
            line.ask({"ask": "peak"}, 5, lambda: "")
        line.close()


def test_what_uses_up_too_much_is_not_waited_for() -> None:
    read, write = os.pipe()
    with os.fdopen(write, "wb", 0):
        line = wire.Wire(open(os.devnull, "wb", 0), os.fdopen(read, "rb", 0))  # noqa: PTH123, SIM115

        with pytest.raises(wire.OverrunError, match="wrote over"):
            line.ask({"ask": "peak"}, 30, lambda: "wrote over 1 GiB")
        line.close()
