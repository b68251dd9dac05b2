"""The tier *sandbox*: whether this machine can contain a program, tried out, and the command that starts one so."""

import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JAIL = Path(__file__).with_name("jail.py")
DISK = 1 << 30  # bytes that may be written
PROCESSES = 256  # processes and threads at one time
PATIENCE = 20.0  # seconds for the trial
NOBODY = 65534
# What root and others keep secret, seen from the home folder or absolute.
SECRETS = (
    ".ssh", ".aws", ".azure", ".config/gcloud", ".config/gh", ".docker", ".gnupg", ".kube", ".netrc", ".pgpass",
    ".my.cnf", ".pypirc", ".git-credentials", ".npmrc", ".config/pip", ".pip", ".local/share/keyrings",
    "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/var/run/secrets", "/run/secrets",
)  # fmt: skip
# Run in the jail: it exits 0 only where what the tier promises holds.
TRIAL = """
import os, socket, sys
outside, inside = sys.argv[1:]
def refused(work):
    try:
        work()
    except OSError:
        return True
status = open("/proc/self/status").read()
open(os.path.join(inside, "written"), "w").close()
wrong = [what for what, holds in (
    ("files outside can be written", refused(lambda: open(os.path.join(outside, "written"), "w"))),
    ("there is a network", [name for _, name in socket.if_nameindex()] == ["lo"]),
    ("other processes can be seen", os.getppid() == 1),
    ("it is root", os.geteuid() != 0),
    ("rights can be gained", "NoNewPrivs:\\t1" in status),
    ("mounts can be changed", refused(lambda: os.rename(outside, outside + "-moved"))),
) if not holds]
print("; ".join(wrong))
sys.exit(bool(wrong))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jail:
    """A command to start, and the descriptor it needs and reports on."""

    command: Sequence[str]
    reports: int
    told: int

    def report(self) -> dict[str, Any]:
        """Return how it ended, once it has: `status`, `why`, or `refused` where it could not be made."""
        with os.fdopen(self.told, "rb") as file:
            first = file.read(4096).partition(b"\n")[0]
        return dict(json.loads(first)) if first else {}


def jail(
    command: Sequence[str],
    scratch: Path,
    *,
    needed: Sequence[Path],
    shared: bool,
    memory: int,
    processes: int,
    disk: int = DISK,
) -> Jail:
    """Return what starts a command contained.

    It can write to the scratch folder alone: to the folder itself where it is `shared`, else to one in its place that
    goes with it. `needed` are folders and files that it reads.
    """
    user = os.geteuid() or _nobody()
    if shared and user != os.geteuid():
        _give(scratch, user)
    home = os.path.expanduser("~")  # noqa: PTH111 - a user without one is no error here
    seen = [os.path.realpath(each) for each in needed]
    plan: dict[str, Any] = {
        "scratch": os.path.realpath(scratch),
        "shared": shared,
        "user": user,
        "needed": sorted({*map(str, needed), *seen, os.path.realpath(scratch)}),
        "hidden": [str(Path(home, each)) for each in SECRETS],
        "memory": memory,
        "processes": processes,
        "disk": disk,
    }
    told, reports = os.pipe()
    plan["report"] = reports
    return Jail(command=[sys.executable, "-I", "-S", str(JAIL), json.dumps(plan), *command], reports=reports, told=told)


@functools.cache
def missing() -> str:
    """Return why nothing can be contained here; nothing where it can. Tried out once in each process."""
    if sys.platform != "linux":
        return "only Linux has namespaces"
    with tempfile.TemporaryDirectory(prefix="perfwright-") as place:
        outside, inside = Path(place, "outside"), Path(place, "inside")
        outside.mkdir()
        inside.mkdir()
        command = [sys.executable, "-I", "-S", "-c", TRIAL, str(outside), str(inside)]
        trial = jail(
            command,
            inside,
            needed=[Path(sys.executable), outside],
            shared=False,
            memory=DISK,
            processes=8,
            disk=1 << 20,
        )
        with subprocess.Popen(  # nobody speaks to it, but it would end where its standard input does
            trial.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[trial.reports],
        ) as process:
            os.close(trial.reports)
            assert process.stdout is not None
            watch = threading.Timer(PATIENCE, process.kill)
            watch.start()
            found = process.stdout.read(1000).decode("utf8", "replace").strip()
            process.wait()
            watch.cancel()
        said = trial.report()
        if "refused" in said:
            return f"the system refuses it: {said['refused']}"
        return "" if said.get("status") == 0 else f"the trial did not hold: {found or said or 'it did not end'}"


def _give(folder: Path, user: int) -> None:
    """Make a folder, with all in it, the user's that root becomes in the jail."""
    for place, _, names in os.walk(folder):
        for path in (place, *(os.path.join(place, name) for name in names)):  # noqa: PTH118
            os.chown(path, user, user, follow_symlinks=False)


def _nobody() -> int:
    """Return a user that root can become here and that owns nothing."""
    rows = [row.split() for row in Path("/proc/self/uid_map").read_text("ascii").splitlines()]
    if any(int(first) <= NOBODY < int(first) + int(count) for first, _, count in rows):
        return NOBODY
    return max(int(first) + int(count) - 1 for first, _, count in rows)
