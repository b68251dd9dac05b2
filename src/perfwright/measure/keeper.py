"""Keeps a PostgreSQL server of our own: `python keeper.py`, run by our interpreter, the plan as one line of its input.

It makes a cluster, starts the server, says `{"ready": true}` or `{"failed": why}`, and waits. When its input ends,
because the run ended or whoever asked was killed, it ends the server and removes the folders. Nothing of perfwright is
imported.
"""

import contextlib
import ctypes
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

MAKING, STARTING, ENDING = 120.0, 60.0, 10.0  # seconds
TICK = 0.05
DEATH_SIGNAL = 1
READY = "ready"
# A server that is thrown away need not survive a failure of power; what runs by itself would disturb what is measured.
OPTIONS = {
    "listen_addresses": "", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
    "shared_buffers": "32MB", "max_connections": "100", "autovacuum": "off", "jit": "off", "timezone": "UTC",
    "log_timezone": "UTC", "max_wal_size": "256MB", "wal_level": "minimal", "max_wal_senders": "0",
    "max_worker_processes": "2", "temp_file_limit": "512MB", "logging_collector": "off",
}  # fmt: skip
# The owner has a password that only perfwright knows; the application is led in as one who owns its database alone.
WHO = "local all {owner} scram-sha-256\nlocal all {application} trust\n"
Plan = dict[str, Any]


class ClosedError(Exception):
    """Nobody asks any more."""


def main() -> None:
    """Keep a server until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked hears it as well, and closes
    plan: Plan = json.loads(sys.stdin.buffer.readline())
    server = None
    try:
        make(plan)
        server = start(plan)
        print(json.dumps({"ready": True}), flush=True)
        while server.poll() is None and not is_closed(1.0):
            pass
    except ClosedError:
        pass
    except Exception as error:
        with contextlib.suppress(OSError):
            print(json.dumps({"failed": str(error)[:1000]}), flush=True)
    finally:
        if server is not None:
            end(server)
        for _ in range(3):  # another process may be writing to them for a moment yet
            for name in ("root", "scratch"):
                shutil.rmtree(plan[name], ignore_errors=True)
            if not any(Path(plan[name]).exists() for name in ("root", "scratch")):
                break
            time.sleep(ENDING / 20)


def make(plan: Plan) -> None:
    """Make a cluster in the root folder."""
    root = Path(plan["root"])
    secret = root / "secret"
    secret.touch(0o600)
    secret.write_text(plan["secret"] + "\n", "utf8")
    for path in (root, Path(plan["scratch"]), secret):
        if plan["user"]:
            shutil.chown(path, plan["user"])
    process = begin(
        plan, "initdb", "-D", root / "data", "-U", plan["owner"], f"--pwfile={secret}", "--auth=scram-sha-256",
        "--no-sync", "--encoding=UTF8", "--locale=C",
    )  # fmt: skip
    until = time.monotonic() + MAKING
    while process.poll() is None:
        if is_closed(TICK) or time.monotonic() > until:
            end(process)
            raise ClosedError
    secret.unlink()
    if process.returncode:
        raise RuntimeError(f"initdb {said(root)}")
    (root / "data" / "pg_hba.conf").write_text(WHO.format(**plan), "utf8")


def start(plan: Plan) -> "subprocess.Popen[bytes]":
    """Return the server, once it can be asked."""
    root = Path(plan["root"])
    options = {**OPTIONS, "unix_socket_directories": f"{root},{plan['scratch']}", "port": str(plan["port"])}
    given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    process = begin(plan, "postgres", "-D", root / "data", *given)
    state, until = root / "data" / "postmaster.pid", time.monotonic() + STARTING
    while True:
        with contextlib.suppress(OSError, IndexError):
            if state.read_text("utf8").splitlines()[7].strip() == READY:
                return process
        if process.poll() is not None:
            raise RuntimeError(f"postgres {said(root)}")
        if is_closed(TICK) or time.monotonic() > until:
            end(process)
            raise ClosedError


def begin(plan: Plan, program: str, *given: Any) -> "subprocess.Popen[bytes]":
    """Start one of PostgreSQL's programs as whom it may run as; it ends with this process, however that ends."""
    root, user = plan["root"], plan["user"]
    command: Sequence[str] = [str(Path(plan["programs"], program)), *map(str, given)]
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    with Path(root, "log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=user or None,
            group=pwd.getpwnam(user).pw_gid if user else None, extra_groups=[] if user else None,
            start_new_session=True, preexec_fn=die_with_parent, env={**environment, "LC_ALL": "C", "TZ": "UTC"},
        )  # fmt: skip


def die_with_parent() -> None:
    """Let the kernel end this process as its parent ends; only Linux does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGQUIT, 0, 0, 0)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a server at once: SIGQUIT is what it takes as that, and its own processes end with it."""
    with contextlib.suppress(OSError):
        process.send_signal(signal.SIGQUIT)
    try:
        process.wait(ENDING)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_closed(seconds: float) -> bool:
    """Wait for the input to end, at most so long, and tell whether it has."""
    readable, _, _ = select.select([0], [], [], seconds)
    return bool(readable) and not os.read(0, 4096)


def said(root: Path) -> str:
    """Return the last line that a program wrote."""
    lines = root.joinpath("log").read_text("utf8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "said nothing")


if __name__ == "__main__":
    main()
