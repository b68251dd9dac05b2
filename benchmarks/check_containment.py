"""Runs functions that mean harm, and says of each whether it was contained: by tier, as root and as a plain user.

    python benchmarks/check_containment.py                 all of them, and what the tiers cost to start
    python benchmarks/check_containment.py WORD...         those whose name holds one of the words
    python benchmarks/check_containment.py --markdown      also the table of docs/safety.md

Each runs twice: by the real `perfwright bench`, whose last words are judged, and by a guest that measures a harmless
function next. What shows that one was not contained is seen from outside: a file that was changed, a connection that
arrived, a process that is still there or is gone, a secret that was read, a disk or a memory that was filled.
It exits 1 where the sandbox, or what must not fail in any tier, did not hold.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
FUNCTIONS = HERE / "hostile" / "functions.py"
SECRET = "HOSTILE_SECRET"
PLAIN = 4242  # a user that owns nothing
PATIENCE = 90.0
FILLED = 1200 << 20  # bytes that may have been on the disk for a while
CRASHES = ("Traceback", "Internal error")
# The functions, and a word of what a user is told where each is contained.
CASES = {
    "loops_forever": "took over",
    "matches_forever": "took over",
    "takes_100_gigabytes": "MemoryError",
    "shares_memory_out": "held over|took over",
    "recurses_in_c": "SIG|MemoryError|Recursion",
    "prints_a_gigabyte": "",
    "fills_the_disk": "No space|GiB|took over|OSError",
    "forks_without_end": "unavailable|limit of processes|took over|RuntimeError",
    "outlives_its_parent": "",
    "leaves_threads": "",
    "exits": "exited with status 3",
    "stops_itself": "took over",
    "kills_all": "",
    "kills_all_by_ctypes": "",
    "kills_its_group": "SIGKILL",
    "kills_its_parent": "no other process",
    "kills_its_parent_by_ctypes": "",
    "kills_another": "No such process|no other process",
    "kills_another_by_ctypes": "No such process|Operation not permitted",
    "becomes_root": "not permitted|Invalid argument",
    "writes_outside": "outside its scratch folder",
    "writes_outside_by_os_open": "outside its scratch folder",
    "writes_outside_by_a_child": "Read-only",
    "writes_outside_by_ctypes": "Read-only",
    "writes_after_a_new_mount": "Read-only",
    "removes_outside": "outside its scratch folder",
    "renames_outside": "outside its scratch folder",
    "writes_a_database": "outside its scratch folder",
    "connects": "without a network|refused",
    "connects_by_ctypes": "refused",
    "connects_by_a_child": "refused",
    "connects_to_a_socket_file": "refused|not a socket|No such",
    "reads_secrets": "no secret",
    "reads_its_parents_memory": "Permission|Operation not permitted",
    "raises_system_exit": "SystemExit",
    "raises_keyboard_interrupt": "KeyboardInterrupt",
    "raises_what_cannot_be_told": "",
    "takes_the_tracer": "",
    "closes_all_descriptors": "closed the pipe|exited",
    "answers_noise": "no answer that can be read",
    "answers_too_deeply": "no answer that can be read",
    "answers_no_numbers": "no answer that can be read",
    "answers_without_end": "no answer that can be read|took over",
}
# Said of itself, where nothing outside shows it.
CONFESSIONS = (
    "the secret was read",
    "parent's memory was opened",
    "it is root",
    "300 processes were started",
    "the disk was filled",
    "every process could be ended",
    "hold more than one may",
)


@dataclass(slots=True)
class Outcome:
    """What one function came to: what was not contained, and what the user was told."""

    told: str = ""
    wrong: list[str] = field(default_factory=list)

    @property
    def contained(self) -> bool:
        return not self.wrong


@dataclass(frozen=True, slots=True)
class Who:
    """A user to run as, and an interpreter that this user can start."""

    name: str
    user: int | None
    python: str


class Place:
    """A folder for one run, with all in it that a function could harm."""

    def __init__(self, folder: Path, user: int | None) -> None:
        self.folder, self.code, self.outside = folder, folder / "code", folder / "outside"
        for each in (self.folder, self.code, self.outside, self.outside / "kept"):
            each.mkdir(exist_ok=True)
            each.chmod(0o777)
        (self.outside / "kept" / "file").write_text("kept", "utf8")
        base = self.outside / "base.sqlite"
        with contextlib.closing(sqlite3.connect(base)) as made:
            made.executescript("pragma synchronous = off; create table t (a);")
        base.chmod(0o666)
        shutil.copy(FUNCTIONS, self.code / "functions.py")
        self.before = self.state()
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.file = socket.socket(socket.AF_UNIX)
        path = str(self.folder / "ear")
        self.file.bind(path)
        Path(path).chmod(0o777)
        self.file.listen()
        for each in (self.listener, self.file):
            threading.Thread(target=self._listen, args=(each,), daemon=True).start()
        self.neighbour = subprocess.Popen(["sleep", "600"], user=user, start_new_session=True)
        facts = {"port": self.listener.getsockname()[1], "socket": path, "process": self.neighbour.pid}
        (self.code / "facts.json").write_text(json.dumps(facts), "utf8")

    def _listen(self, at: socket.socket) -> None:
        while True:
            try:
                at.accept()[0].close()
            except OSError:
                return
            self.connections += 1

    def state(self) -> list[tuple[str, bytes]]:
        """Return all that lies outside."""
        files = sorted(path for path in self.outside.rglob("*") if path.is_file())
        return [(str(path.relative_to(self.outside)), path.read_bytes()) for path in files]

    def left(self) -> list[int]:
        """Return the processes of this run that are still there."""
        found = []
        for path in Path("/proc").iterdir():
            if path.name.isdigit() and int(path.name) != os.getpid():
                try:
                    command = (path / "cmdline").read_bytes()
                except OSError:
                    continue
                if os.fsencode(self.folder) in command:
                    found.append(int(path.name))
        return found

    def wrong(self) -> list[str]:
        """Return what was harmed, and end what is left of the run."""
        found = []
        until = time.monotonic() + 2
        while (left := self.left()) and time.monotonic() < until:
            time.sleep(0.1)
        for each in left:
            try:
                os.kill(each, signal.SIGKILL)
            except OSError:
                continue
        if left:
            found.append(f"{len(left)} processes outlived it")
        if self.state() != self.before:
            found.append("files outside were changed")
        if self.connections:
            found.append("it connected")
        if self.neighbour.poll() is not None:
            found.append("another process was ended")
        return found

    def close(self) -> None:
        self.listener.close()
        self.file.close()
        self.neighbour.kill()
        self.neighbour.wait()


@contextmanager
def place(user: int | None = None) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="containment-") as folder:
        made = Place(Path(folder).resolve(), user)
        try:
            yield made
        finally:
            made.close()


def bench(name: str, tier: str, who: Who, at: Place) -> Outcome:
    """Run one function by the command."""
    target = f"{at.code / 'functions.py'}:{name}"
    command = ["-m", "perfwright.app.main", "bench", target, "--seconds", "1", "--sandbox", choice(tier)]
    status, out, err = started(command, who, at)
    told = " ".join((out or err).split())
    outcome = Outcome(told=told)
    if status not in (0, 1, 2) or any(word in out + err for word in CRASHES):
        outcome.wrong.append(f"perfwright itself ended with {status}")
    return judged(outcome, at)


def drive(name: str, tier: str, who: Who, at: Place) -> Outcome:
    """Run one function by a guest, and a harmless one after it."""
    command = [str(at.code / "drive.py"), str(at.code / "functions.py"), name, choice(tier)]
    shutil.copy(HERE / "hostile" / "drive.py", at.code)
    status, out, err = started(command, who, at)
    try:
        said = json.loads(out)
    except ValueError:
        return judged(Outcome(told=err[-300:], wrong=[f"the guest's side ended with {status}"]), at)
    outcome = Outcome(told=said["outcome"])
    if said["tier"] != tier:
        outcome.wrong.append(f"it ran in the {said['tier']}")
    if not said["next"]:
        outcome.wrong.append(f"the next function {said['failed']}")
    return judged(outcome, at)


def both(name: str, tier: str, who: Who) -> tuple[Outcome, tuple[str, str]]:
    """Run one function both ways, and return what each told."""
    with place(who.user) as at:
        one = bench(name, tier, who, at)
    with place(who.user) as at:
        two = drive(name, tier, who, at)
    wrong = list(dict.fromkeys([*one.wrong, *two.wrong]))
    words = CASES[name].split("|") if tier == "sandbox" else [""]
    if not all(told and any(word in told for word in words) for told in (one.told, two.told)):
        wrong.append("it is not named")
    return Outcome(told=one.told, wrong=wrong), (one.told, two.told)


def choice(tier: str) -> str:
    return "require" if tier == "sandbox" else "off"


def judged(outcome: Outcome, at: Place) -> Outcome:
    """Return an outcome with what is seen from outside, and what a function says of itself."""
    outcome.wrong += at.wrong()
    outcome.wrong += [words for words in CONFESSIONS if words in outcome.told]
    return outcome


def started(arguments: Sequence[str], who: Who, at: Place) -> tuple[int, str, str]:
    """Run a program of the run's as a user; return how it ended and what it wrote."""
    paths = [str(HERE.parent / "src"), *(each for each in sys.path if each.endswith("site-packages"))]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(paths),
        SECRET: "1",
        "HOME": str(at.folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(
        [who.python, *arguments],
        cwd=at.code,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        user=who.user,
        group=who.user,
        extra_groups=None if who.user is None else [],
    )
    free, least, done = shutil.disk_usage(at.folder).free, [1 << 62], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            least[0] = min(least[0], shutil.disk_usage(at.folder).free)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        err += "it did not end"
    done.set()
    watching.join()
    if free - least[0] > 2 * FILLED:
        err += "the disk was filled"
    return process.returncode, out, err


def start_times(who: Who, rounds: int = 15) -> dict[str, float]:
    """Return the median of the seconds that a guest takes to start and load a function, by tier, turn about."""
    code = (
        "import sys, time; from pathlib import Path; from perfwright.measure import sandbox\n"
        "from perfwright.measure.run import Guest\n"
        "sandbox.missing(); times = {'off': [], 'require': []}\n"
        "for _ in range(int(sys.argv[2])):\n"
        "    for contain, each in times.items():\n"
        "        began = time.perf_counter()\n"
        "        with Guest(Path(sys.executable), [], contain=contain) as guest: guest.load(sys.argv[1], 'fine')\n"
        "        each.append(time.perf_counter() - began)\n"
        "import json; print(json.dumps(times))\n"
    )
    with place() as at:
        _, out, err = started(["-c", code, str(at.code / "functions.py"), str(rounds)], who, at)
    if not out:
        raise SystemExit(f"The start could not be timed: {err[-300:]}")
    times = json.loads(out)
    return {"guard": statistics.median(times["off"]), "sandbox": statistics.median(times["require"])}


def people() -> tuple[list[Who], list[str]]:
    """Return the users to run as, and why one is left out."""
    if os.geteuid():
        return [Who("plain", None, sys.executable)], ["root: this was started by a plain user"]
    found, missing = [Who("root", None, sys.executable)], []
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        check = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
        try:
            if not subprocess.run(check, user=PLAIN, group=PLAIN, capture_output=True, check=False).returncode:
                return [*found, Who("plain", PLAIN, python)], missing
        except OSError:
            continue
    return found, ["plain: no Python 3.11 that a plain user can start"]


def sandbox_missing(who: Who) -> str:
    """Return why there is no sandbox for a user; nothing where there is one."""
    with place() as at:
        code = "from perfwright.measure import sandbox; print(sandbox.missing())"
        status, out, err = started(["-c", code], who, at)
    return out.strip() if not status else err.strip()[-200:]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--tier", choices=["sandbox", "guard"], help="this tier alone")
    parser.add_argument("--markdown", action="store_true", help="also the table of docs/safety.md")
    given = parser.parse_args()
    users, missing = people()
    columns = []
    for who in users:
        why = sandbox_missing(who)
        columns += [(tier, who) for tier in ("sandbox", "guard") if not (tier == "sandbox" and why)]
        missing += [f"sandbox as {who.name}: {why}"] if why else []
    columns = [each for each in columns if given.tier in (None, each[0])]
    names = [name for name in CASES if not given.words or any(word in name for word in given.words)]
    table: dict[str, dict[str, Outcome]] = {}
    failed = False
    for name in names:
        table[name] = {}
        for tier, who in columns:
            outcome, told = both(name, tier, who)
            table[name][f"{tier}, {who.name}"] = outcome
            failed |= not outcome.contained and tier == "sandbox"
            said = "contained" if outcome.contained else "NOT CONTAINED: " + "; ".join(outcome.wrong)
            print(f"{name:28} {tier:8} {who.name:6} {said}", *(f"{'':45}{brief(each)}" for each in told), sep="\n")
            sys.stdout.flush()
    if given.markdown:
        print(markdown(table))
    for who in users:
        times = start_times(who)
        ratio = times["sandbox"] / times["guard"]
        print(f"start as {who.name}: guard {times['guard']:.3f} s, sandbox {times['sandbox']:.3f} s: {ratio:.2f} times")
    for why in missing:
        print(f"not run: {why}")
    sys.exit(failed)


def brief(told: str) -> str:
    """Return what a user was told without the path and the advice."""
    return told.rpartition(" docs: ")[0].rpartition("; give a builder")[0][-160:] or told[-160:]


def markdown(table: dict[str, dict[str, Outcome]]) -> str:
    heads = list(next(iter(table.values())))
    rows = [f"| function | {' | '.join(heads)} |", f"| --- | {' | '.join('---' for _ in heads)} |"]
    for name, outcomes in table.items():
        cells = ["contained" if each.contained else f"**not**: {'; '.join(each.wrong)}" for each in outcomes.values()]
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
