"""Installs the tools of `peers.toml`, each into an environment of its own, and runs them cold."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peer_output import OutputError, Report, keep, read

HERE = Path(__file__).parent
STORE = HERE.parent / ".cache" / "peers"
DATA = HERE / "peers.toml"
PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")
OURS = "perfwright"
NEEDS = "import sys; sys.exit(sys.version_info < ({version}))"
PATIENCE = 4  # times the limit, of time on the clock: for a tool that waits instead of working


class PeerError(Exception):
    """Why a tool gave no answer, in one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rule files that a tool does not ship: how it is told of them, and where they are found."""

    option: str
    files: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One tool: what to install, how to run it, how to read it."""

    name: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    format: str
    scope: str
    answers: frozenset[int]
    python: str = "3.11"
    keep: tuple[str, ...] = ()
    rules: Rules | None = None
    note: str = ""
    kinds: dict[str, str | list[str]] = field(default_factory=dict)
    names: dict[str, str | list[str]] = field(default_factory=dict)

    @property
    def version(self) -> str:
        return self.packages[0].partition("==")[2] if self.packages else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a tool took, in CPU seconds and seconds, and what it found; `over` when it was stopped at the limit."""

    cpu: float
    wall: float
    reports: tuple[Report, ...] = ()
    over: bool = False


def load(path: Path = DATA) -> dict[str, Peer]:
    """Return the tools by name; perfwright, which is not installed here, is the first."""
    peers = {OURS: ours()}
    for name, given in tomllib.loads(path.read_text("utf8")).items():
        peers[name] = Peer(
            name=name,
            packages=tuple(given["packages"]),
            command=tuple(given["command"]),
            format=given["format"],
            scope=given["scope"],
            answers=frozenset(given["answers"]),
            python=given.get("python", "3.11"),
            keep=tuple(given.get("keep", ())),
            rules=Rules(**given["rules"]) if "rules" in given else None,
            note=given.get("note", ""),
            kinds=given["kinds"],
            names=given["names"],
        )
    return peers


def ours() -> Peer:
    """Return perfwright, as a tool among the others."""
    command = (OURS, "check", "--format=sarif", "{targets}")
    return Peer(name=OURS, packages=(), command=command, format="sarif", scope="tree", answers=frozenset((0, 1)))


def install(peer: Peer, pythons: Sequence[str] = (), store: Path = STORE) -> Path:
    """Return the folder of a tool's programs, after installing it if it is not there as pinned."""
    folder = store / peer.name
    programs, made = folder / "bin", folder / ".made"
    wanted = " ".join(peer.packages)
    if made.is_file() and made.read_text("utf8") == wanted:
        return programs
    python = interpreter(peer.python, pythons)
    print(f"Installing {wanted} ...", file=sys.stderr)
    for command in (
        [python, "-m", "venv", "--clear", str(folder)],
        [str(programs / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *peer.packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
            reason = said[0].removeprefix("ERROR: ")[:160] if said else f"exit {done.returncode}"
            raise PeerError(f"{wanted} does not install: {reason}")
    made.write_text(wanted, "utf8")
    return programs


def interpreter(version: str, pythons: Sequence[str] = ()) -> str:
    """Return an interpreter that is new enough: the one that runs this, one of those given, or one on the PATH."""
    question = NEEDS.format(version=version.replace(".", ", "))
    for name in (sys.executable, *pythons, *PYTHONS):
        found = shutil.which(name)
        if found and not subprocess.run([found, "-c", question], capture_output=True, check=False).returncode:
            return found
    raise PeerError(f"it needs Python {version} or later, and none is here; name one with --python.")


def argv(peer: Peer, programs: Path, *, files: Sequence[str], targets: Sequence[str], rules: Path | None) -> list[str]:
    """Return the command line of a tool, its own program by its full path."""
    words: list[str] = []
    for word in peer.command:
        match word:
            case "{files}":
                words += files
            case "{targets}":
                words += targets
            case "{rules}":
                words += rule_options(peer, rules)
            case _:
                words.append(word.replace("{{", "{").replace("}}", "}"))
    return [str(programs / words[0]), *words[1:]]


def rule_options(peer: Peer, folder: Path | None) -> list[str]:
    """Return the options that name the rule files a tool does not ship."""
    if peer.rules is None:
        return []
    files = sorted(folder.glob(peer.rules.files)) if folder else []
    if not files:
        raise PeerError(f"its rules are not in its package; name a copy of {peer.rules.source}.")
    return [f"{peer.rules.option}={path}" for path in files]


def run(peer: Peer, command: list[str], root: Path, limit: int) -> Run:
    """Run a tool in a tree with an empty home, so that nothing is kept; raise PeerError when it gives no answer.

    The limit holds for each process it starts.
    """
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        try:
            process = subprocess.Popen(
                command,
                cwd=root,
                env=environment(home),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5)),
            )
        except OSError as error:
            raise PeerError(f"it cannot be started ({error.strerror}).") from None
        late = False
        try:
            process.wait(timeout=limit * PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            late = True
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        if late or process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return Run(cpu=cpu, wall=wall, over=True)
        out.seek(0)
        err.seek(0)
        text, said = out.read().decode("utf8", "replace"), err.read().decode("utf8", "replace")
    if process.returncode not in peer.answers:
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        raise PeerError(f"it exited {process.returncode}: {last[:160]}")
    try:
        return Run(cpu=cpu, wall=wall, reports=tuple(keep(read(text, peer.format, root), peer.keep)))
    except OutputError as error:
        raise PeerError(str(error)) from None


def environment(home: str) -> dict[str, str]:
    """Return an environment in which no tool finds what an earlier run kept."""
    kept = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}
    cache = {"HOME": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home}
    return {**kept, **cache, "PERFWRIGHT_CACHE": f"{home}/perfwright", "DO_NOT_TRACK": "1"}
