"""Limits against accidents of measured code, set from inside: memory, files, processes, network. Code that means harm
gets round what is Python here; the sandbox is against that."""

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

CPU = 3_600  # seconds of one worker, and of what it started and nobody could end
SPEAKS = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")
# Which of the arguments are paths that it changes, and which the open folder that each is relative to.
CHANGES = {
    "os.chflags": {0: None}, "os.chmod": {0: 2}, "os.chown": {0: 3}, "os.link": {0: 2, 1: 3}, "os.mkdir": {0: 2},
    "os.remove": {0: 1}, "os.removexattr": {0: None}, "os.rename": {0: 2, 1: 3}, "os.rmdir": {0: 1},
    "os.setxattr": {0: None}, "os.symlink": {1: 2}, "os.truncate": {0: None}, "os.utime": {0: 3},
}  # fmt: skip
KILLS = ("os.kill", "os.killpg")
STARTS = ("os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
Check = Callable[[tuple[Any, ...]], bool]


def close(
    *, memory: int, disk: int, processes: int, writable: Sequence[str], alone: bool, reach: Sequence[Any] = ()
) -> None:
    """Set the limits, in bytes and processes, and refuse the network and changes outside the writable folders.

    None can be undone. `alone` says that no other program can be reached: its own loopback is open then. `reach` is the
    host and the port of the one server that may be reached, if any.
    """
    server = _addresses(*reach) if reach else frozenset()
    _limit(memory, disk, processes)
    folders = tuple(os.path.join(os.path.realpath(folder), "") for folder in writable)
    own = alone or sys.platform == "win32"  # where event loops speak to themselves over the loopback
    checks: dict[str, Check] = {}
    for event in SPEAKS:
        index = 1 if event in SPEAKS[:3] else 0
        checks[event] = (
            lambda given, index=index: (  # type: ignore[misc]
                _is_local(given[index], folders, own) or _is_server(given[index:], server)
            )
        )
    for event, paths in CHANGES.items():
        checks[event] = lambda given, paths=paths: all(
            _is_inside(given[path], folders, -1 if below is None else given[below]) for path, below in paths.items()
        )  # type: ignore[misc]
    checks["open"] = lambda given: _only_reads(given) or _is_inside(given[0], folders)
    checks["sqlite3.connect"] = lambda given: _is_scratch_database(given[0], folders)
    checks.update(dict.fromkeys(KILLS, lambda given: _is_own(given[0])))
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # whom the system's limit of processes does not hold
        room = _Room(processes * 4)
        checks.update(dict.fromkeys(STARTS, room.take))

    def refuse(event: str, given: tuple[Any, ...]) -> None:
        check = checks.get(event)
        if check is not None and not check(given):
            # With a number, as the system's own have: a library that puts a path into one without loses its text.
            text = f"perfwright measures {_rule(event)}: {event}{_named(given)} is refused"
            raise PermissionError(errno.EPERM, text)

    sys.addaudithook(refuse)


def _limit(memory: int, disk: int, processes: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the time limits of the other side are all there is
        return
    wanted = {"RLIMIT_AS": memory, "RLIMIT_FSIZE": disk, "RLIMIT_CORE": 0, "RLIMIT_CPU": CPU}
    if sys.platform == "linux":
        wanted["RLIMIT_NPROC"] = _running() + processes
    for name, most in wanted.items():
        limit = getattr(resource, name)
        hard = resource.getrlimit(limit)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(limit, (least, least))
        except (OSError, ValueError):  # macOS has no limit of address space
            continue


def _running() -> int:
    """Return how many processes and threads the user runs: the system's limit counts them all."""
    user, count = os.getuid(), 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == user:
                    count += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue
    return count


class _Room:
    """How many more processes may be started, by this one and all that come of it."""

    def __init__(self, most: int) -> None:
        import mmap

        self.most, self.taken = most, mmap.mmap(-1, 8)

    def take(self, _: tuple[Any, ...]) -> bool:
        taken = int.from_bytes(self.taken[:], "little") + 1
        self.taken[:] = taken.to_bytes(8, "little")
        return taken <= self.most


def _rule(event: str) -> str:
    if event in SPEAKS:
        return "without a network"
    if event in STARTS:
        return "with a limit of processes"
    if event in KILLS:
        return "and lets no other process be signalled"
    return "and lets no file be changed outside its scratch folder"


def _named(given: tuple[Any, ...]) -> str:
    return f" of {given[0]!r}"[:200] if given and isinstance(given[0], (str, bytes, os.PathLike)) else ""


def _only_reads(given: tuple[Any, ...]) -> bool:
    return not (isinstance(given[-1], int) and given[-1] & WRITES)


def _is_inside(path: Any, folders: tuple[str, ...], below: int = -1) -> bool:
    """Tell whether a path lies in one of the folders; it may be relative to one that is open."""
    if isinstance(path, int):
        return True  # an open file: it was judged when it was opened
    text = os.fsdecode(path)
    if below >= 0 and not os.path.isabs(text):
        try:
            text = os.path.join(os.readlink(f"/proc/self/fd/{below}"), text)
        except OSError:  # no such folder here: nobody can tell which it is
            return False
    text = os.path.realpath(text)
    return text == os.devnull or os.path.join(text, "").startswith(folders)


def _is_scratch_database(given: Any, folders: tuple[str, ...]) -> bool:
    name = os.fsdecode(given)
    if name.startswith("file:"):
        name, _, options = name[5:].partition("?")
        if {"mode=memory", "mode=ro", "immutable=1"} & set(options.split("&")):
            return True
    return name in ("", ":memory:") or _is_inside(name, folders)


def _is_own(process: int) -> bool:
    """Tell whether a process or group to be signalled is of this worker."""
    if process == 0:
        return True
    if process < 0 or process == os.getppid():
        return False
    if not hasattr(os, "getsid"):  # Windows
        return True
    try:
        return os.getsid(process) == os.getsid(0)
    except OSError:
        return True  # there is none, as the system will say


def _addresses(host: str, port: int) -> frozenset[Any]:
    """Return all that a server's address may be given as: its name, what that resolves to, and a socket in a folder."""
    if host.startswith("/"):
        return frozenset((os.path.join(host, f".s.PGSQL.{port}"),))
    import socket

    try:
        found = {row[4][0] for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:  # as the driver will say
        found = set()
    return frozenset((each, port) for each in (host, *found))


def _is_server(given: Any, server: frozenset[Any]) -> bool:
    """Tell whether it is the server that may be reached: an address, or a name and a port to be looked up."""
    address = given[0]
    if isinstance(address, tuple):
        return address[:2] in server
    if isinstance(address, bytes):
        address = address.decode("utf8", "replace")
    return address in server or (len(given) > 1 and (address, given[1]) in server)


def _is_local(address: Any, folders: tuple[str, ...], own: bool) -> bool:
    """Tell whether it is a socket in a writable folder, or this machine where that is all there is (`own`)."""
    if isinstance(address, tuple):
        address = address[0] if address else None
        if not isinstance(address, (str, bytes)):
            return own
    elif isinstance(address, (str, bytes)) and os.fsdecode(address)[:1] in ("/", "\0", "."):
        return own or _is_inside(address, folders)
    host = address.decode("ascii", "replace") if isinstance(address, bytes) else address
    return own and (host is None or host in ("", "localhost", "::1", "0.0.0.0", "::") or str(host).startswith("127."))
