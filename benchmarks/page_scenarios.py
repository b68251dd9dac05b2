"""Plays the scenario of a rule's page with Slow, as often as time allows, and with Fast as often as with Slow.

It is started as `python page_scenarios.py FOLDER TIMES SECONDS`, with `FOLDER/page.json` as `tests/_run_page.py` reads
it, and prints a line of JSON: by form, what went wrong in each run, or nothing. Each run has a process of its own. An
`assert` of the scenario that does not hold is what goes wrong; any other exception, or a run that does not end, is a
fault of the page.
"""

import contextlib
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import page_runs

import _run_page as pages
from perfwright.measure import postgres

TESTS = Path(__file__).parent.parent / "tests"
HANGS = 20.0  # seconds of one run
LOADING = 60.0  # seconds for all that is not a run
FORMS = ("slow", "fast")

Runs = Mapping[str, list[str]]


def played(page: str, folder: Path, times: int, seconds: float) -> tuple[Runs, str]:
    """Play the scenario of a page, as `Page.for_run` gives it; return what went wrong in each run, by form.

    Where there are no runs, return why.
    """
    (folder / "page.json").write_text(page, "utf8")
    command = [sys.executable, __file__, str(folder), str(times), str(seconds)]
    most = LOADING + seconds + (times + 1) * HANGS
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    try:
        done = page_runs.run(command, cwd=folder, env=env, seconds=most)
    except subprocess.TimeoutExpired:
        return {}, f"it does not end within {most:.0f} s"
    if done.returncode:
        return {}, (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:200]
    return dict(json.loads(done.stdout.splitlines()[-1])), ""


def judged(runs: Runs) -> str:
    """Return what is wrong with what a page claims; nothing where Slow goes wrong and Fast never does."""
    slow, fast = ([each for each in runs[form] if each] for form in FORMS)
    if not slow:
        return f"Slow goes wrong in none of {len(runs['slow'])} runs"
    return f"Fast goes wrong in {len(fast)} of {len(runs['fast'])} runs: {fast[0]}" if fast else ""


def main(folder: Path, times: int, seconds: float) -> None:
    with contextlib.ExitStack() as stack:
        if pages.uses_django(page := pages.read(folder)):
            # SQLite knows no locks of rows, and lets one write at a time.
            server = stack.enter_context(postgres.private())
            pages.start_django(folder, rest="rest_framework" in json.dumps(page), database=address(server.fresh()))
        slow = outcomes(pages.load_scenario(folder, "slow"), times, seconds)
        fast = outcomes(pages.load_scenario(folder, "fast"), len(slow))
        print(json.dumps({"slow": slow, "fast": fast}))


def outcomes(scenario: Callable[[], Any], times: int, seconds: float = math.inf) -> list[str]:
    """Play a scenario again and again; return what went wrong in each run."""
    until = time.monotonic() + seconds
    found = [outcome(scenario)]
    while len(found) < times and time.monotonic() < until:
        found.append(outcome(scenario))
    return found


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
    signal.alarm(2 * int(HANGS))  # should nobody be left to end it
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
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
