"""What a person at a terminal sees while files are read, and what is left when it is interrupted."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from perfwright import pipeline
from perfwright.config import Settings
from perfwright.progress import Progress

COUNT = 150  # files: enough for two processes
BODY = (
    "def total{n}(rows):\n    seen = []\n    for row in rows:\n        if row in seen:\n            seen.append(row)\n"
)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    root.mkdir()
    for number in range(COUNT):
        (root / f"part{number}.py").write_text("".join(BODY.format(n=each) for each in range(60)))
    return root


def test_each_stage_is_counted_to_its_end_in_every_process(many: Path) -> None:
    stages = []

    class Kept(Progress):
        def begin(self, stage: str, total: int) -> None:
            stages.append((self.stage, self.done, self.total))
            super().begin(stage, total)

    known = Kept()
    names = sorted(path.name for path in many.iterdir())
    pipeline.check(many, names, Settings(), jobs=2, progress=known)
    stages.append((known.stage, known.done, known.total))
    assert stages[1:] == [("Reading files", COUNT, COUNT), ("Following calls", COUNT * 60, COUNT * 60)]


def at_a_terminal(*arguments: str, cwd: Path, interrupt: bytes = b"") -> tuple[str, int, int]:
    """Return what a terminal of its own shows, the status, and the process group, whose leader was the program."""
    here, there = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    environment.pop("PERFWRIGHT_CACHE", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "perfwright.app.main", *arguments],
        stdin=there, stdout=subprocess.DEVNULL, stderr=there, cwd=cwd, env=environment, start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # tests run in the background ignore it
    )  # fmt: skip
    os.close(there)
    shown, sent = b"", not interrupt
    until = time.monotonic() + 100
    while time.monotonic() < until:
        if select.select([here], [], [], 0.1)[0]:
            try:
                shown += os.read(here, 65536)
            except OSError:  # the other end is closed
                break
        if not sent and interrupt in shown:
            os.killpg(process.pid, signal.SIGINT)
            sent = True
    os.close(here)
    return shown.decode(), process.wait(20), process.pid


def working_in(group: int) -> list[str]:
    """Return what is said of the processes of a group that are at work; one that ended and waits for init is not."""
    until = time.monotonic() + 20
    while True:
        listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True)
        found = [line for line in listed.stdout.splitlines() if line.split()[0] == str(group)]
        found = [line for line in found if not line.split()[1].startswith("Z")]
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.1)


def test_a_terminal_shows_how_far_it_is_and_is_left_clean(many: Path) -> None:
    shown, status, _ = at_a_terminal("check", "--no-cache", ".", cwd=many)
    assert status == 0
    assert f"/{COUNT * 60}" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the line of the bar is wiped
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back


def test_ctrl_c_leaves_no_file_no_process_and_no_hidden_cursor(many: Path) -> None:
    before = sorted(many.rglob("*"))
    shown, status, group = at_a_terminal("check", ".", cwd=many, interrupt=b"Following calls")
    assert status == 130
    assert "Traceback" not in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert sorted(many.rglob("*.part*")) == []
    left = [path for path in sorted(many.rglob("*")) if path not in before and ".perfwright" not in path.parts]
    assert left == []
    assert working_in(group) == []
