"""Runs the processes that measure pages, several at a time, says how far they are, and ends them all when asked to."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

_running: set[subprocess.Popen[str]] = set()
_lock = threading.Lock()
_ended = threading.Event()


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it said; raises TimeoutExpired, and leaves no process of its own."""
    with _lock:
        if _ended.is_set():
            return subprocess.CompletedProcess(command, -signal.SIGKILL, "", "it was ended")
        process = subprocess.Popen(
            command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        _running.add(process)
    try:
        out, err = process.communicate(timeout=seconds)
        return subprocess.CompletedProcess(command, process.returncode, out, err)
    finally:
        _end(process)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        with _lock:
            _running.discard(process)


def end() -> None:
    """End all that runs, with what it has started; nothing is started after it."""
    with _lock:
        _ended.set()
        for process in _running:
            _end(process)


def ended() -> bool:
    """Tell whether all were ended: what a page then says of itself is not so."""
    return _ended.is_set()


def _end(process: subprocess.Popen[str]) -> None:
    # Its pools have processes too; the group lives on as long as one of them does.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Told:
    """Says which page is measured and how many are: on a terminal in one line, elsewhere in a line a page."""

    def __init__(self, total: int, stream: TextIO = sys.stdout) -> None:
        self.total, self.done = total, 0
        self.stream, self.live = stream, stream.isatty()
        self.names: list[str] = []
        self.lock = threading.Lock()

    def begin(self, name: str) -> None:
        with self.lock:
            self.names.append(name)
            self._rewrite()

    def end(self, name: str, line: str, *, keep: bool) -> None:
        """Count a page; its line stays on a terminal only where it is to be kept."""
        with self.lock:
            self.names.remove(name)
            self.done += 1
            if keep or not self.live:
                self.clear()
                print(f"{self.done}/{self.total} {line}", file=self.stream, flush=True)
            self._rewrite()

    def clear(self) -> None:
        if self.live:
            print("\r\x1b[K", end="", file=self.stream, flush=True)

    def _rewrite(self) -> None:
        if self.live:
            width = os.get_terminal_size(self.stream.fileno()).columns or 80
            line = f"{self.done}/{self.total} measured; now {', '.join(self.names)}" if self.names else ""
            print(f"\r\x1b[K{line[: width - 1]}", end="", file=self.stream, flush=True)
