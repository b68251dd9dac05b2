"""Times in which the event loop stands still, at the line that stops it."""

from pathlib import Path
from typing import Any

import pytest

from _watched import line_of, run

APP = """
import asyncio
import re
import time


def helper():
    time.sleep(0.2)  # blocks


async def blocks():
    await asyncio.sleep(0)
    helper()


async def waits():
    await asyncio.sleep(0.2)


async def threads():
    await asyncio.to_thread(helper)


def spins():
    total = 0
    for i in range(8_000_000):
        total += i  # spins
    return total


async def computes():
    await asyncio.sleep(0)
    return spins()


def matches():
    for _ in range(8):
        sum(range(8_000_000))  # holds the GIL


async def holds():
    await asyncio.sleep(0)
    return matches()
"""
SCRIPT = """
import asyncio, app, sys, threading
capture = Capture([ROOT]); capture.install()
for name in ("blocks", "waits", "threads", "computes", "holds"):
    with capture.recording() as trace:
        asyncio.run(getattr(app, name)())
    told[name] = trace.to_json()
async def inside():
    with capture.recording() as trace:
        app.helper()
    return trace.to_json()
told["inside"] = asyncio.run(inside())
async def apart():
    async def one(name):
        with capture.recording() as trace:
            await getattr(app, name)()
        return trace.to_json()
    return await asyncio.gather(one("waits"), one("blocks"))
told["apart"] = asyncio.run(apart())
run = asyncio.events.Handle._run
capture.remove()
told["restored"] = asyncio.events.Handle._run is not run
for thread in threading.enumerate():
    if thread.name == "perfwright-watchdog":
        thread.join(10)
told["left"] = [thread.name for thread in threading.enumerate() if thread.name == "perfwright-watchdog"]
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("stalls")
    (root / "app.py").write_text(APP)
    return root, run(root, SCRIPT)


@pytest.mark.parametrize(
    ("name", "mark", "function"),
    [("blocks", "# blocks", "helper"), ("computes", None, "spins"), ("holds", "# holds the GIL", "matches")],
)
def test_the_line_that_stops_the_loop_is_named(
    told: tuple[Path, dict[str, Any]], name: str, mark: str | None, function: str
) -> None:
    root, found = told
    stall = found[name]["stalls"][0]

    assert stall["ms"] == found[name]["stall_ms"]
    assert [line[2] for line in stall["site"]] == [name, function]
    if mark is not None:
        assert stall["site"][-1][:2] == ["app.py", line_of(root, "app.py", mark)]
    assert found[name]["faults"] == 0


def test_only_what_no_thread_can_interrupt_held_the_gil(told: tuple[Path, dict[str, Any]]) -> None:
    _, found = told

    assert [found[name]["stalls"][0]["held_gil"] for name in ("blocks", "holds")] == [False, True]


@pytest.mark.parametrize("name", ["waits", "threads"])
def test_waiting_and_work_in_threads_do_not_stop_the_loop(told: tuple[Path, dict[str, Any]], name: str) -> None:
    _, found = told

    assert not [stall for stall in found[name]["stalls"] if stall["site"] and stall["site"][-1][2] == "helper"]


def test_a_recording_inside_one_callback_sees_its_stall(told: tuple[Path, dict[str, Any]]) -> None:
    root, found = told

    assert found["inside"]["stalls"][0]["site"][-1] == ["app.py", line_of(root, "app.py", "# blocks"), "helper"]


def test_a_stall_counts_for_the_recording_whose_code_it_is(told: tuple[Path, dict[str, Any]]) -> None:
    _, found = told
    waits, blocks = found["apart"]

    assert not [stall for stall in waits["stalls"] if stall["site"] and stall["site"][-1][2] == "helper"]
    assert blocks["stalls"][0]["site"][-1][2] == "helper"


def test_nothing_is_left_behind(told: tuple[Path, dict[str, Any]]) -> None:
    _, found = told

    assert (found["restored"], found["left"]) == (True, [])


def test_a_known_frame_is_looked_at_without_the_file_system(tmp_path: Path) -> None:
    """Who asks the file system lets the loop run on, and the sample is of something else by then."""
    body = "def run(look):\n    return json.JSONEncoder(default=look).encode(Each())\n"
    (tmp_path / "app.py").write_text("import json\n\n\nclass Each:\n    pass\n\n\n" + body)
    found = run(
        tmp_path,
        """
import app, os, sys
sites, asked = Capture([ROOT]).sites, []
real = os.path.realpath
os.path.realpath = lambda path, **more: asked.append(path) or real(path, **more)
def look(each):
    told["lines"].append(sites.lines(sys._getframe(), None))
    told["asked"].append(len(asked))
told["lines"], told["asked"] = [], []
app.run(look); app.run(look)
""",
    )

    assert found["lines"] == [[["app.py", 9, "run"]]] * 2
    assert found["asked"][1] == found["asked"][0]
