"""The user's interpreter with our worker in it: started, asked, limited, ended."""

import contextlib
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from perfwright.errors import PerfwrightError

WORKER = Path(__file__).parent / "worker"
HEAD = struct.Struct(">I")
MEMORY = 4 << 30  # bytes of address space
LONGEST = 64 << 20  # bytes of one answer
START = 60.0  # seconds for an import
START_OF_TRIALS = 4.0  # seconds beside the budget: modules that an example imports
# The worker comes as a package of its own name: nothing of ours is on the path of the user's program.
BOOT = """
import importlib.util, sys
first, folder = sys.argv.pop(1), sys.argv.pop(1)
spec = importlib.util.spec_from_file_location("_perfwright_worker", first, submodule_search_locations=[folder])
sys.modules["_perfwright_worker"] = worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)
from _perfwright_worker.serve import main
main()
"""
# What a program needs of the environment to start; all else, secrets with it, stays here.
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH", "DJANGO_SETTINGS_MODULE")


class GuestError(PerfwrightError):
    """The user's interpreter could not be started, or the code in it could not be loaded."""


class Guest:
    """A worker in the user's interpreter. Use it as a context manager; a scratch folder lives as long."""

    def __init__(self, python: Path, places: Sequence[Path]) -> None:
        self.python, self.places = python, places
        self.loaded: Mapping[str, Any] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.scratch = Path(tempfile.mkdtemp(prefix="perfwright-"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def load(self, module: str, function: str, marks: str = "") -> Mapping[str, Any]:
        """Import a module and find a function in it, and its builder there or in the file `marks`; return what it is.

        Raises GuestError where that cannot be done.
        """
        question = {"ask": "load", "module": module, "function": function, "marks": marks}
        said = self._imported(question, f"{module}:{function}", "a function")
        self.loaded = question
        return said

    def names(self, module: str) -> Mapping[str, Any]:
        """Import a module or a package; return the targets that it offers, and those that it has builders for.

        Raises GuestError where that cannot be done.
        """
        return self._imported({"ask": "names", "module": module}, module, "a module")

    def _imported(self, question: Mapping[str, Any], named: str, kind: str) -> Mapping[str, Any]:
        self.loaded = None
        said = self.ask(question, START)
        if "raised" in said or "ended" in said:
            why = said.get("raised") or said["ended"]
            raise GuestError(
                f"{named} cannot be loaded ({why}); name {kind} that {self.python} can import.", slug="cannot-load"
            )
        return said

    def choose(self, seconds: float) -> dict[str, Any]:
        """Let the worker choose how arguments are made; one that is started later makes them the same way."""
        said = self.ask({"ask": "search", "seconds": seconds}, seconds + START_OF_TRIALS)
        if self.loaded is not None and "plan" in said:
            self.loaded = {**self.loaded, "plan": said["plan"], "endless": said["endless"]}
        return said

    def ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Return the worker's answer; `{"ended": why}` where it crashed or took longer. The next one is asked anew."""
        process = self.process or self._start()
        if process is None:
            return {"ended": "the worker did not start"}
        assert process.stdin is not None
        data = json.dumps(question).encode()
        try:
            process.stdin.write(HEAD.pack(len(data)) + data)
            process.stdin.flush()
            head = self._read(HEAD.size, seconds)
            return dict(json.loads(self._read(min(HEAD.unpack(head)[0], LONGEST), seconds)))
        except TimeoutError:
            self.end()
            return {"ended": f"took over {seconds:.1f} s", "late": True}
        except (EOFError, OSError, ValueError):
            status = process.wait(5) if process.poll() is None else process.returncode
            self.end()
            return {"ended": _said(status)}

    def end(self) -> None:
        """End the worker and all that it started."""
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()

    def _start(self) -> subprocess.Popen[bytes] | None:
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        folders = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), str(self.scratch))
        environment |= {**folders, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        arguments = [str(WORKER / "__init__.py"), str(WORKER), str(MEMORY), *map(str, self.places)]
        try:
            self.process = subprocess.Popen(
                [str(self.python), "-c", BOOT, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.scratch,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise GuestError(
                f"{self.python} does not start ({error.strerror or error}); name an interpreter with --python.",
                slug="no-interpreter",
            ) from error
        if self.loaded is not None and "ended" in self.ask(self.loaded, START):
            return None
        return self.process

    def _read(self, count: int, seconds: float) -> bytes:
        assert self.process is not None
        assert self.process.stdout is not None
        handle, data = self.process.stdout.fileno(), b""
        until = time.monotonic() + seconds
        while len(data) < count:
            left = until - time.monotonic()
            if left <= 0 or not select.select([handle], [], [], left)[0]:
                raise TimeoutError
            part = os.read(handle, count - len(data))
            if not part:
                raise EOFError
            data += part
        return data


def interpreter(root: Path, given: Path | None, environment: str | None) -> Path:
    """Return the interpreter of a project: the given one, its `.venv`, the active environment, else this one."""
    if given is not None:
        return given.absolute() if given.exists() else given  # it is started in another folder; or found on PATH
    for folder in (root / ".venv", Path(environment) if environment else None):
        for name in ("bin/python", "Scripts/python.exe"):
            if folder is not None and (folder / name).exists():
                return folder / name
    return Path(sys.executable)


def _said(status: int | None) -> str:
    if status is None:
        return "ended"
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
    return f"exited with status {status}"
