"""What code under measurement must not be able to do, each bounded: where it is not stopped it endangers nothing.

This file is copied into a folder `code` of a run of its own. Beside it lies `outside`, which anybody may write to:
what changes there was not contained. `code/facts.json` names a port, a socket and a process that stand for others'.
Every function fails where it is stopped, with the reason.
"""

import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUTSIDE = HERE.parent / "outside"
FACTS = json.loads((HERE / "facts.json").read_text("utf8")) if (HERE / "facts.json").exists() else {}
LIBC = ctypes.CDLL(None, use_errno=True)
FORKS, FILLED = 300, 2 << 30
forked = 0


def fine(items: list[int]) -> list[int]:
    return sorted(items)


def child(code: str) -> None:
    """Run a line of Python in a process of its own. Raises where it fails, with its last words."""
    done = subprocess.run([sys.executable, "-c", code, str(HERE)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or [f"exited with {done.returncode}"])[-1])


def call(name: str, *given: object) -> int:
    result = int(getattr(LIBC, name)(*given))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), name)
    return result


# ---------------------------------------------------------------------------------------------------- time, memory


def loops_forever(items: list[int]) -> None:
    while True:
        pass


def matches_forever(items: list[int]) -> None:
    re.fullmatch(r"(a+)+$", "a" * 64 + "!")


def takes_100_gigabytes(items: list[int]) -> bytearray:
    return bytearray(100 << 30)


def shares_memory_out(items: list[int]) -> None:
    most = resource.getrlimit(resource.RLIMIT_AS)[0] * 2 // 5
    here, there = os.pipe()
    for _ in range(4):
        if os.fork() == 0:
            _held = bytearray(b"x") * min(most, 1 << 30)
            os.write(there, b"x")
            time.sleep(30)
            os._exit(0)
    for _ in range(4):
        os.read(here, 1)
    time.sleep(0.5)
    raise RuntimeError("four processes hold more than one may")


def recurses_in_c(items: list[int]) -> str:
    sys.setrecursionlimit(1 << 30)
    nested: list[object] = []
    for _ in range(1_000_000):
        nested = [nested]
    return repr(nested) + str(ctypes.string_at(0))


def prints_a_gigabyte(items: list[int]) -> None:
    for _ in range(512):
        print("x" * (1 << 20))
        sys.stderr.write("x" * (1 << 20))


def fills_the_disk(items: list[int]) -> None:
    part = os.urandom(1 << 20) * 16
    for number in range(FILLED // len(part)):
        Path(f"filled-{number}").write_bytes(part)
    time.sleep(2)
    raise RuntimeError("the disk was filled")


# ---------------------------------------------------------------------------------------------------- processes


def forks_without_end(items: list[int]) -> None:
    global forked
    while forked < FORKS:
        forked += 1
        if os.fork() == 0:
            time.sleep(30)
            os._exit(0)
    raise RuntimeError("300 processes were started")


def outlives_its_parent(items: list[int]) -> None:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(30)
        os._exit(0)
    time.sleep(0.2)


def leaves_threads(items: list[int]) -> None:
    if threading.active_count() < 20:
        threading.Thread(target=time.sleep, args=(30,)).start()


def exits(items: list[int]) -> None:
    os._exit(3)


def stops_itself(items: list[int]) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def deadly() -> int:
    """Return the signal that ends, in a process namespace of its own; elsewhere the one that asks whether it could."""
    alone = os.getppid() == 1 and len([name for name in os.listdir("/proc") if name.isdigit()]) < 10
    return int(signal.SIGKILL) if alone else 0


def kills_all(items: list[int]) -> None:
    os.kill(-1, deadly())


def kills_all_by_ctypes(items: list[int]) -> None:
    call("kill", -1, sent := deadly())
    if not sent:
        raise RuntimeError("every process could be ended")


def kills_its_group(items: list[int]) -> None:
    call("kill", 0, int(signal.SIGKILL))


def kills_its_parent_by_ctypes(items: list[int]) -> None:
    call("kill", os.getppid(), int(signal.SIGKILL))


def kills_its_parent(items: list[int]) -> None:
    os.kill(os.getppid(), signal.SIGKILL)


def kills_another(items: list[int]) -> None:
    os.kill(FACTS["process"], signal.SIGKILL)


def kills_another_by_ctypes(items: list[int]) -> None:
    call("kill", FACTS["process"], int(signal.SIGKILL))


def becomes_root(items: list[int]) -> None:
    os.setuid(0)
    raise RuntimeError("it is root")


# ---------------------------------------------------------------------------------------------------- files


def writes_outside(items: list[int]) -> None:
    (OUTSIDE / "written").write_text("x")


def writes_outside_by_os_open(items: list[int]) -> None:
    os.open(OUTSIDE / "written", os.O_CREAT | os.O_WRONLY)


def writes_outside_by_a_child(items: list[int]) -> None:
    child(f"open({str(OUTSIDE / 'written')!r}, 'w')")


def writes_outside_by_ctypes(items: list[int]) -> None:
    call("open", str(OUTSIDE / "written").encode(), os.O_CREAT | os.O_WRONLY, 0o666)


def writes_after_a_new_mount(items: list[int]) -> None:
    """Take a user namespace, where a process has every right, and make the mount writable again."""
    tried = [LIBC.unshare(0x10000000), LIBC.unshare(0x00020000)]
    LIBC.mount(b"none", str(OUTSIDE).encode(), None, 4096 | 16384, None)
    clear = struct.pack("QQQQ", 0, 1, 0, 0)
    tried.append(LIBC.syscall(442, -100, str(OUTSIDE).encode(), 0x8000, clear, 32))
    tried.append(LIBC.syscall(442, -100, b"/", 0x8000, clear, 32))
    call("open", str(OUTSIDE / "written").encode(), os.O_CREAT | os.O_WRONLY, 0o666)


def removes_outside(items: list[int]) -> None:
    shutil.rmtree(OUTSIDE / "kept")


def renames_outside(items: list[int]) -> None:
    os.rename(OUTSIDE / "kept", OUTSIDE / "gone")


def writes_a_database(items: list[int]) -> None:
    with sqlite3.connect(OUTSIDE / "base.sqlite") as base:
        base.execute("insert into t values (2)")


# ---------------------------------------------------------------------------------------------------- others' ears


def connects(items: list[int]) -> None:
    socket.create_connection(("127.0.0.1", FACTS["port"]), 1)


def connects_by_ctypes(items: list[int]) -> None:
    handle = call("socket", 2, 1, 0)
    address = struct.pack("=HHI8x", 2, socket.htons(FACTS["port"]), socket.htonl(0x7F000001))
    call("connect", handle, address, len(address))


def connects_by_a_child(items: list[int]) -> None:
    child(f"import socket; socket.create_connection(('127.0.0.1', {FACTS['port']}), 1)")


def connects_to_a_socket_file(items: list[int]) -> None:
    child(f"import socket; socket.socket(socket.AF_UNIX).connect({FACTS['socket']!r})")


def reads_secrets(items: list[int]) -> None:
    found = "HOSTILE_SECRET" in os.environ
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found |= b"HOSTILE_SECRET" in Path("/proc", name, "environ").read_bytes()
            except OSError:
                continue
    raise RuntimeError("the secret was read" if found else "no secret in any process that it can see")


def reads_its_parents_memory(items: list[int]) -> None:
    with open(f"/proc/{os.getppid()}/mem", "rb", buffering=0):
        raise RuntimeError("the parent's memory was opened")


# ---------------------------------------------------------------------------------------------------- the worker


def raises_system_exit(items: list[int]) -> None:
    raise SystemExit(0)


def raises_keyboard_interrupt(items: list[int]) -> None:
    raise KeyboardInterrupt


def raises_what_cannot_be_told(items: list[int]) -> None:
    class SilentError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    raise SilentError


def takes_the_tracer(items: list[int]) -> None:
    sys.settrace(lambda *_: None)
    sys.setprofile(lambda *_: None)
    threading.settrace(lambda *_: None)


def closes_all_descriptors(items: list[int]) -> None:
    os.closerange(0, 4096)


def answers_noise(items: list[int]) -> None:
    flood(b"\xff\x00noise" * 1000)


def answers_too_deeply(items: list[int]) -> None:
    flood(struct.pack(">I", 100_000) + b"[" * 100_000)


def answers_no_numbers(items: list[int]) -> None:
    said = b'{"changes": NaN, "cpu": "fast", "wall": -1, "lines": [], "peak": 1e999, "ended": ""}'
    flood(struct.pack(">I", len(said)) + said)


def answers_without_end(items: list[int]) -> None:
    said = b"{}" + b" " * 998
    while True:
        flood(struct.pack(">I", len(said)) + said)


def flood(data: bytes) -> None:
    for handle in range(3, 64):
        try:
            os.write(handle, data)
        except OSError:
            continue
