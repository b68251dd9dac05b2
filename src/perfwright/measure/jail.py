"""Starts a command where it can harm nothing: `python jail.py PLAN COMMAND...`. Linux only, run by our interpreter.

Three processes. The first enters namespaces of its own (user, mount, process, network, IPC) and waits. The second is
the first of the new process namespace: it lays out what can be seen and written, watches, and when it ends the kernel
ends all that are in there, however they tried to get away. The third gives up every right and becomes the command.

PLAN is JSON, see `sandbox.py`. What could not be done, and how the command ended, is one line of JSON on the descriptor
that the plan names. Nothing of perfwright is imported: it starts in the time of a bare interpreter.
"""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import select
import signal
import socket
import stat
import struct
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

# From the kernel's headers: these numbers are the same on every processor.
NEW = {"mount": 0x00020000, "ipc": 0x08000000, "uts": 0x04000000, "process": 0x20000000, "network": 0x40000000}
NEW_USER = 0x10000000
BIND, RECURSIVE, PRIVATE = 4096, 16384, 1 << 18
NO_SUID, NO_DEVICES, NO_EXEC = 2, 4, 8
MOUNT_SETATTR, HERE, ALL_BELOW = 442, -100, 0x8000
READ_ONLY, ATTR_NO_SUID, ATTR_NO_DEVICES = 1, 2, 4
DEATH_SIGNAL, DUMPABLE, KEEP_RIGHTS, DROP_BOUND, NO_NEW_RIGHTS, AMBIENT, RAISE = 1, 4, 8, 24, 38, 47, 2
READ_ALL = 2  # CAP_DAC_READ_SEARCH
CAPABILITY_VERSION = 0x20080522
SET_FLAGS, UP = 0x8914, 1
DEVICES = ("null", "zero", "full", "random", "urandom")
RENEWED = ("/run", "/var/run")  # where services of the machine listen
TICK = 200  # milliseconds between two looks at the memory
FAILED = 125
PAGE = os.sysconf("SC_PAGE_SIZE")

LIBC = ctypes.CDLL(None, use_errno=True)
Plan = dict[str, Any]


def call(what: str, name: str, *given: Any) -> int:
    """Call a function of the C library. Raises OSError that says what was tried."""
    given = tuple(ctypes.c_long(each) if isinstance(each, int) else each for each in given)
    result = int(getattr(LIBC, name)(*given))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
    return result


def mount(kind: str, target: str, flags: int, *, source: str = "", options: str = "") -> None:
    given = [each.encode() or None for each in (source or kind, target, kind)]
    call(f"mount {target}", "mount", *given, flags, options.encode() or None)


def attributes(path: str, *, add: int = 0, clear: int = 0, below: bool = False) -> None:
    """Change what a mount allows, and those below it."""
    changed = struct.pack("QQQQ", add, clear, 0, 0)
    call(f"mount_setattr {path}", "syscall", MOUNT_SETATTR, HERE, path.encode(), ALL_BELOW * below, changed, 32)


def tell(plan: Plan, **what: object) -> None:
    os.write(plan["report"], json.dumps(what).encode() + b"\n")


def main() -> NoReturn:
    """Start the command in a jail, and end as it does."""
    plan, command = json.loads(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(plan["report"], False)
    try:
        sockets = listed_sockets()
        own_users()
        for what, flag in NEW.items():
            call(f"unshare {what}", "unshare", flag)
        if (first := os.fork()) == 0:
            keep(plan, command, sockets)
    except Exception as error:
        refuse(plan, error)
    os.close(0)
    os.close(1)
    os.waitpid(first, 0)
    os._exit(0)


def refuse(plan: Plan, error: Exception) -> NoReturn:
    """Say why there is no jail, and end."""
    said = f"{error.filename or 'it'}: {error.strerror}" if isinstance(error, OSError) else f"{error}"
    tell(plan, refused=said)
    os._exit(FAILED)


# ---------------------------------------------------------------------------------------------------- users


def own_users() -> None:
    """Enter a user namespace where all users are who they were: files stay theirs, and rights end at its border."""
    user, group = os.geteuid(), os.getegid()
    if user:
        call("unshare user", "unshare", NEW_USER)
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{user} {user} 1")
        write("/proc/self/gid_map", f"{group} {group} 1")
        return
    # More than one user can be mapped only from outside: by a process that stays behind.
    entered, enter = os.pipe()
    if (outside := os.fork()) == 0:
        status = FAILED
        if os.read(entered, 1):
            for name in ("uid_map", "gid_map"):
                same = [row.split() for row in read(f"/proc/self/{name}").splitlines()]
                write(f"/proc/{os.getppid()}/{name}", "".join(f"{inner} {inner} {count}\n" for inner, _, count in same))
            status = 0
        os._exit(status)
    try:
        call("unshare user", "unshare", NEW_USER)
        os.write(enter, b"1")
    finally:
        os.close(enter)
        os.close(entered)
        status = os.waitpid(outside, 0)[1]
    if status:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), "uid_map")


def drop(user: int) -> None:
    """Give up every right for good. Who was root keeps one: to read what root could read."""
    was_root = os.geteuid() == 0
    kept = {READ_ALL} if was_root else set()
    for right in range(64):
        if right not in kept and LIBC.prctl(DROP_BOUND, right, 0, 0, 0) < 0:
            break  # the last one that this kernel knows
    if was_root:
        call("prctl", "prctl", KEEP_RIGHTS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    mask = sum(1 << right for right in kept)
    call("capset", "capset", struct.pack("Ii", CAPABILITY_VERSION, 0), struct.pack("IIIIII", mask, mask, mask, 0, 0, 0))
    for right in kept:
        call("prctl", "prctl", AMBIENT, RAISE, right, 0, 0)
    call("prctl", "prctl", NO_NEW_RIGHTS, 1, 0, 0, 0)


# ---------------------------------------------------------------------------------------------------- what is seen


def lay_out(plan: Plan, sockets: Sequence[str]) -> None:
    """Make all that can be seen read-only but the scratch folder; hide what speaks to the outside, and secrets."""
    mount("none", "/", RECURSIVE | PRIVATE)
    mount("proc", "/proc", NO_SUID | NO_DEVICES | NO_EXEC)
    with contextlib.suppress(
        OSError
    ):  # rights in one that it makes itself would be of no use, but they are none of its own
        write("/proc/sys/user/max_user_namespaces", "0")
    own_devices(plan)
    owner = f"uid={plan['user']},gid={plan['user']}"
    for folder in RENEWED:
        if os.path.isdir(folder) and not os.path.islink(folder):
            renew(folder, plan)
    scratch = plan["scratch"]
    if plan["shared"]:
        mount("none", scratch, BIND, source=scratch)
    else:
        mount("tmpfs", scratch, NO_SUID | NO_DEVICES, options=f"size={plan['disk']},nr_inodes=100k,mode=700,{owner}")
    for path in sockets:
        if is_kind(path, stat.S_ISSOCK) and not (plan["shared"] and path.startswith(scratch + "/")):
            mount("none", path, BIND, source="/dev/null")
    for path in plan["hidden"]:
        if is_kind(path, stat.S_ISREG):
            mount("none", path, BIND, source="/dev/null")
        elif is_kind(path, stat.S_ISDIR):
            mount("tmpfs", path, NO_SUID | NO_DEVICES, options="size=4k,mode=755")
    attributes("/", add=READ_ONLY | ATTR_NO_SUID | ATTR_NO_DEVICES, below=True)
    for name in DEVICES:
        attributes(f"/dev/{name}", clear=ATTR_NO_DEVICES)
    for path in ("/dev/shm", scratch):
        attributes(path, clear=READ_ONLY)


def own_devices(plan: Plan) -> None:
    """Put a /dev in place with the few devices that can do no harm: a disk is written to past every mount."""
    found = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES}
    mount("tmpfs", "/dev", NO_SUID | NO_EXEC, options="size=64k,mode=755")
    for name, handle in found.items():
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
        mount("none", f"/dev/{name}", BIND, source=f"/proc/self/fd/{handle}")
        os.close(handle)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"/dev/{name}")
    os.symlink("/proc/self/fd", "/dev/fd")
    os.mkdir("/dev/shm")
    options = f"size={plan['disk'] // 4},nr_inodes=10k,mode=1777"
    mount("tmpfs", "/dev/shm", NO_SUID | NO_DEVICES, options=options)


def renew(folder: str, plan: Plan) -> None:
    """Put an empty folder over one, with its links, and what is needed of its folders, put back."""
    entries = [(entry.path, entry.is_symlink()) for entry in os.scandir(folder)]
    links = [(path, os.readlink(path)) for path, is_link in entries if is_link]
    folders = [
        path
        for path, is_link in entries
        if not is_link and any((each + "/").startswith(path + "/") for each in plan["needed"])
    ]
    found = [(path, os.open(path, os.O_PATH | os.O_DIRECTORY)) for path in folders]
    mount("tmpfs", folder, NO_SUID | NO_DEVICES, options="size=64k,mode=755")
    for path, handle in found:
        os.mkdir(path)
        mount("none", path, BIND | RECURSIVE, source=f"/proc/self/fd/{handle}")
        os.close(handle)
    for path, to in links:
        os.symlink(to, path)


def listed_sockets() -> list[str]:
    """Return the sockets that programs of this machine listen at: a read-only mount does not close them."""
    rows = (row.split(maxsplit=7) for row in read("/proc/net/unix").splitlines()[1:])
    return sorted({row[7] for row in rows if len(row) == 8 and row[7].startswith("/")})


def is_kind(path: str, kind: Any) -> bool:
    try:
        return bool(kind(os.lstat(path).st_mode))
    except OSError:
        return False


# ---------------------------------------------------------------------------------------------------- processes


def keep(plan: Plan, command: list[str], sockets: Sequence[str]) -> NoReturn:
    """Be the first process of the namespace: start the command, collect what ends, and end with it."""
    try:
        call("prctl", "prctl", DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        lay_out(plan, sockets)
        raise_loopback()
        call("prctl", "prctl", DUMPABLE, 0, 0, 0, 0)
        if (leader := os.fork()) == 0:
            become(plan, command)
        os.close(1)
        tell(plan, **watch(leader, plan["memory"]))
    except Exception as error:
        refuse(plan, error)
    os._exit(0)


def become(plan: Plan, command: list[str]) -> NoReturn:
    """Be the command, with no rights."""
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_NPROC, (plan["processes"], plan["processes"]))
        drop(plan["user"])
        os.chdir(plan["scratch"])
        nothing = os.open("/dev/null", os.O_RDWR)
        os.dup2(nothing, 2)
        os.execv(command[0], command)
    except Exception as error:
        refuse(plan, error)


def watch(leader: int, memory: int) -> dict[str, object]:
    """Wait until the leader ends, nobody asks any more, or all together hold too much; return what it was."""
    poller = select.poll()
    poller.register(0, 0)  # only that the other end was closed
    poller.register(os.pidfd_open(leader), select.POLLIN)
    while True:
        events = poller.poll(TICK)
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == leader:
                return {"status": os.waitstatus_to_exitcode(ended[1])}
        if any(handle == 0 for handle, _ in events):
            return {"closed": True}
        if not events and held() > memory:
            return {"why": f"held over {memory / (1 << 30):.1f} GiB in all its processes"}


def held() -> int:
    """Return the bytes of memory that all processes in here hold; what they share counts once where it matters."""
    own = str(os.getpid())
    names = [name for name in os.listdir("/proc") if name.isdigit() and name != own]
    whole = 0
    for name in names:
        try:
            whole += int(read(f"/proc/{name}/statm").split()[1]) * PAGE
        except (OSError, IndexError):
            continue
    if len(names) < 2 or whole < 1 << 30:
        return whole
    shares = 0
    for name in names:
        try:
            rows = read(f"/proc/{name}/smaps_rollup").splitlines()
        except OSError:
            continue
        shares += sum(int(row.split()[1]) << 10 for row in rows if row.startswith("Pss:"))
    return shares or whole


def raise_loopback() -> None:
    """Let programs in here talk to each other; there is no other network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh22x", b"lo", UP))


def read(path: str) -> str:
    with open(path, encoding="utf8", errors="surrogateescape") as file:
        return file.read()


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
