"""Plays the scenario of a rule's page with Slow or Fast, as often as time allows, each time in a process of its own.

It is started as `python page_scenarios.py FOLDER FORM TIMES SECONDS`, with `FOLDER/page.json` as `tests/_run_page.py`
reads it, and prints a line of JSON for each run: what went wrong, or nothing in it. An `assert` of the scenario that
does not hold is what goes wrong; any other exception, or a run that does not end, is a fault of the page.
"""

import contextlib
import json
import multiprocessing
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import _run_page as pages
from perfwright.measure import postgres

TESTS = Path(__file__).parent.parent / "tests"
HANGS = 20.0  # seconds of one run
LOADING = 30.0  # seconds until the first run begins, at most


def played(folder: Path, form: str, times: int, seconds: float) -> tuple[list[str], str]:
    """Return what went wrong in each run of a form; why there are no runs, where there are none."""
    command = [sys.executable, __file__, str(folder), form, str(times), str(seconds)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LOADING + HANGS + seconds, check=False, cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [], f"it does not end within {LOADING + HANGS + seconds:.0f} s"
    if done.returncode:
        return [], (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:200]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('"')], ""


def judged(slow: list[str], fast: list[str]) -> str:
    """Return what is wrong with what a page claims; nothing where Slow goes wrong and Fast never does."""
    if not any(slow) or not fast:
        return f"Slow goes wrong in {sum(map(bool, slow))} of {len(slow)} runs; there are {len(fast)} of Fast"
    wrong = [each for each in fast if each]
    return f"Fast goes wrong in {len(wrong)} of {len(fast)} runs: {wrong[0]}" if wrong else ""


def main(folder: Path, form: str, times: int, seconds: float) -> None:
    with contextlib.ExitStack() as stack:
        if pages.uses_django(page := pages.read(folder)):
            # SQLite knows no locks of rows, and lets one write at a time.
            server = stack.enter_context(postgres.private())
            pages.start_django(folder, rest="rest_framework" in json.dumps(page), database=address(server.fresh()))
        scenario = pages.load_scenario(folder, form)
        until = time.monotonic() + seconds
        for run in range(times):
            if run and time.monotonic() > until:
                break
            print(json.dumps(outcome(scenario)), flush=True)


def address(place: dict[str, Any]) -> dict[str, Any]:
    """Return a database as Django's settings say it."""
    return {"ENGINE": f"{pages.ENGINES}.postgresql", **{key.upper(): str(value) for key, value in place.items()}}


def outcome(scenario: Callable[[], Any]) -> str:
    """Play a scenario in a copy of this process; return what went wrong."""
    disconnect()
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    player = context.Process(target=play, args=(scenario, theirs))
    player.start()
    theirs.close()
    try:
        if not ours.poll(HANGS):
            sys.exit(f"a run does not end within {HANGS:.0f} s")
        wrong, fault = ours.recv()
    except EOFError:
        sys.exit("a run ends before its end")
    finally:
        player.kill()
        player.join()
    if fault:
        sys.exit(fault)
    return str(wrong)


def play(scenario: Callable[[], Any], told: Connection) -> None:
    wrong = fault = ""
    try:
        scenario()
    except AssertionError as error:
        if list(frames(error))[-1].name == pages.SCENARIO:
            wrong = str(error)[:300] or "it goes wrong"
        else:
            fault = traceback.format_exc()
    except Exception:
        fault = traceback.format_exc()
    told.send((wrong, fault))
    os._exit(0)  # who hangs is not waited for


def frames(error: BaseException) -> Iterator[Path]:
    for frame in traceback.extract_tb(error.__traceback__):
        yield Path(frame.filename)


def disconnect() -> None:
    """Close the connections of this process, which its copies must not share."""
    if "django" in sys.modules:
        from django.db import connections

        connections.close_all()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
