"""The user's interpreter with our worker in it: started, asked, limited, ended."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from perfwright.errors import PerfwrightError
from perfwright.measure import sandbox
from perfwright.measure.sandbox import Jail
from perfwright.measure.wire import OverrunError, Wire

WORKER = Path(__file__).parent / "worker"
MEMORY = 4 << 30  # bytes of address space; in the sandbox also of memory, of all processes together
START = 60.0  # seconds for an import
START_OF_TRIALS = 4.0  # seconds beside the budget: modules that an example imports
WAYS = ("written", "body")  # what says how arguments are made: builder, annotations, examples; what the body does
END = 5.0  # seconds in which what was ended is gone
MARK, COUNT = "PERFWRIGHT_GUEST", itertools.count()
Tier = Literal["sandbox", "guard"]
Choice = Literal["auto", "off", "require"]
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
    """A worker in the user's interpreter. Use it as a context manager.

    `environment` is added to the little that it is given. It can write to one folder alone: `scratch`, which stays,
    else one of its own, which goes with the guest and in the sandbox begins empty with each worker.
    """

    def __init__(
        self,
        python: Path,
        places: Sequence[Path],
        *,
        environment: Mapping[str, str] | None = None,
        scratch: Path | None = None,
        contain: Choice = "auto",
        memory: int = MEMORY,
        processes: int = sandbox.PROCESSES,
    ) -> None:
        self.python, self.places, self.environment = python, places, dict(environment or {})
        self.memory, self.processes = memory, processes
        self.uncontained = "not asked for" if contain == "off" else sandbox.missing()
        if contain == "require" and self.uncontained:
            raise GuestError(
                f"There is no sandbox here ({self.uncontained}); use --sandbox auto to run without, in the guard.",
                slug="no-sandbox",
            )
        self.reads = [python.parent, *places, WORKER, Path.cwd()]
        self.reach: tuple[str, int] | None = None  # the one server that may be reached, in the guard
        self.untold: list[Path] = [*places[:1]]  # folders whose place is taken out of all that is told
        self.fills: list[Path] = []  # folders that others write to for it, as a database does
        self.loaded: Mapping[str, Any] | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.wire: Wire | None = None
        self.jail: Jail | None = None
        self.keeps = scratch is not None
        self.scratch = (scratch or Path(tempfile.mkdtemp(prefix="perfwright-"))).resolve()
        self.mark = f"{os.getpid()}-{next(COUNT)}"  # what it starts carries it on
        self.free = 0  # bytes that were free where it writes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if not self.keeps:
            shutil.rmtree(self.scratch, ignore_errors=True)

    @property
    def tier(self) -> Tier:
        """The tier in force: whether what runs is contained, or only guarded against accidents."""
        return "guard" if self.uncontained else "sandbox"

    @property
    def contained(self) -> str:
        """What holds, as a clause."""
        if self.uncontained:
            return f"limits, no network; not contained ({self.uncontained})"
        return "own processes, no network, nothing written outside its scratch folder"

    def load(self, module: str, function: str, marks: str = "", *, watched: bool = False) -> Mapping[str, Any]:
        """Import a module and find a function in it, and its builder there or in the file `marks`; return what it is.

        `watched`: the databases that it opens are remembered. Raises GuestError where that cannot be done.
        """
        self._read(module, marks)
        question = {"ask": "load", "module": module, "function": function, "marks": marks, "watched": watched}
        said = self._imported(question, f"{module}:{function}", "a function")
        self.loaded = question
        return said

    def names(self, module: str) -> Mapping[str, Any]:
        """Import a module or a package; return the targets that it offers, and those that it has builders for.

        Raises GuestError where that cannot be done.
        """
        self._read(module)
        return self._imported({"ask": "names", "module": module}, module, "a module")

    def _read(self, *modules: str) -> None:
        """Let the worker see the folders that files are imported from, those of their packages; it is started anew."""
        for module in modules:
            if not module.endswith(".py"):
                continue
            folder = Path(module).parent
            while (folder / "__init__.py").is_file() and folder != folder.parent:
                folder = folder.parent
            if folder not in self.reads:
                self.reads.append(folder)
                self.end()

    def _imported(self, question: Mapping[str, Any], named: str, kind: str) -> Mapping[str, Any]:
        self.loaded = None
        said = self.ask(question, START)
        if "raised" in said or "ended" in said:
            why = said.get("raised") or said["ended"]
            raise GuestError(
                f"{named} cannot be loaded ({why}); name {kind} that {self.python} can import.", slug="cannot-load"
            )
        return said

    def choose(self, seconds: float, ways: Sequence[str] = WAYS) -> dict[str, Any]:
        """Let the worker choose how arguments are made; one that is started later makes them the same way.

        `ways` are some of WAYS, and "recorded": what the tests of a file called the function with, which comes first.
        """
        said = self.ask({"ask": "search", "seconds": seconds, "ways": list(ways)}, seconds + START_OF_TRIALS)
        if self.loaded is not None and said.get("plan") and not said["failed"]:
            self.loaded = {**self.loaded, "plan": said["plan"], "endless": said["endless"]}
        return said

    def record(self, test: Path, name: str, root: Path, seconds: float) -> dict[str, Any]:
        """Run a file of tests and let the worker keep what they call the function with; return how many calls, or why
        there is none. What the worker knew of another file it forgets."""
        if not any(test.is_relative_to(each) for each in self.reads):
            self._read(str(test))
        question = {"ask": "record", "test": str(test), "name": name, "root": str(root), "seconds": seconds}
        return self.ask(question, seconds + END)

    def ask(self, question: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Return the worker's answer; `{"ended": why}` where it crashed or took longer. The next one is asked anew."""
        wire = self.wire or self._start()
        if wire is None:
            return {"ended": "the worker did not start"}
        try:
            return wire.ask(question, seconds, self._overrun)
        except TimeoutError:
            self.end()
            return {"ended": f"took over {seconds:.1f} s", "late": True}
        except OverrunError as error:
            self.end()
            return {"ended": str(error)}
        except ValueError:
            self.end()
            return {"ended": "gave no answer that can be read"}
        except EOFError:
            return {"ended": self._why()}

    def end(self) -> dict[str, Any]:
        """End the worker and all that it started; return what the jail reports of it, if it was in one."""
        process, wire, jail = self.process, self.wire, self.jail
        self.process = self.wire = self.jail = None
        if process is None or wire is None:
            return {}
        wire.close()
        if jail is not None:  # it ends all that is in it as soon as nobody can ask any more
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END)
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        if jail is None:
            _end_marked(self.mark)
            return {}
        return jail.report()

    def _start(self) -> Wire | None:
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        folders = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), str(self.scratch))
        environment |= {
            **folders,
            MARK: self.mark,
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        } | self.environment
        if not self.uncontained:
            self.jail = self._jail()
        try:
            self.process = subprocess.Popen(
                self.jail.command if self.jail else self._command(),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.scratch,
                env=environment,
                start_new_session=True,
                pass_fds=[self.jail.reports] if self.jail else [],
            )
        except OSError as error:
            raise self._no_interpreter(error.strerror or str(error)) from error
        finally:
            if self.jail is not None:
                os.close(self.jail.reports)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.wire = Wire(self.process.stdin, self.process.stdout)
        self.free = shutil.disk_usage(self.scratch).free
        if self.loaded is not None and "ended" in self.ask(self.loaded, START):
            return None
        return self.wire

    def _command(self) -> list[str]:
        limits = {
            "memory": self.memory,
            "disk": sandbox.DISK,
            "processes": self.processes,
            "writable": [str(self.scratch)] if self.uncontained else [str(self.scratch), "/dev/shm"],
            "alone": not self.uncontained,
            "reach": self.reach or (),
        }
        told = json.dumps(limits), json.dumps([*map(str, self.untold)])
        arguments = [str(WORKER / "__init__.py"), str(WORKER), *told, *map(str, self.places)]
        return [str(self.python), "-c", BOOT, *arguments]

    def _jail(self) -> Jail:
        python = self.python if self.python.is_absolute() else Path(shutil.which(self.python) or self.python).absolute()
        command = [str(python), *self._command()[1:]]
        return sandbox.jail(
            command, self.scratch, needed=self.reads, shared=self.keeps, memory=self.memory, processes=self.processes
        )

    def _why(self) -> str:
        """End the worker, which closed its answers, and return what became of it."""
        process, in_jail = self.process, self.jail is not None
        assert process is not None
        try:
            process.wait(END)
        except subprocess.TimeoutExpired:
            self.end()
            return "closed the pipe of its answers"
        status, report = process.returncode, self.end()
        if not in_jail:
            return _said(status)
        if "refused" in report:
            raise self._no_interpreter(report["refused"])
        return str(report.get("why") or _said(report.get("status")))

    def _no_interpreter(self, why: str) -> GuestError:
        return GuestError(
            f"{self.python} does not start ({why}); name an interpreter with --python.", slug="no-interpreter"
        )

    def _overrun(self) -> str:
        """Return what the worker used up of the disk; nothing where that is within bounds."""
        if self.free - shutil.disk_usage(self.scratch).free <= sandbox.DISK:
            return ""
        written = 0
        for folder, _, names in itertools.chain.from_iterable(map(os.walk, (self.scratch, *self.fills))):
            for name in names:
                with contextlib.suppress(OSError):
                    written += Path(folder, name).lstat().st_blocks * 512
        return f"wrote over {sandbox.DISK >> 30} GiB" if written > sandbox.DISK else ""


def interpreter(root: Path, given: Path | None, environment: str | None) -> Path:
    """Return the interpreter of a project: the given one, its `.venv`, the active environment, else this one."""
    if given is not None:  # it is started in another folder: a path is made absolute, a bare name looked up
        return given.absolute() if given.exists() else Path(shutil.which(given) or given)
    for folder in (root / ".venv", Path(environment) if environment else None):
        for name in ("bin/python", "Scripts/python.exe"):
            if folder is not None and (folder / name).exists():
                return folder / name
    return Path(sys.executable)


def _end_marked(mark: str) -> None:
    """End what left the worker's process group, as far as this system shows what each process was started with."""
    carried = f"{MARK}={mark}".encode()
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if carried in path.read_bytes().split(b"\0"):
                os.kill(int(path.parent.name), signal.SIGKILL)


def _said(status: int | None) -> str:
    if status is None:
        return "ended"
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-status).name}"
    return f"exited with status {status}"
