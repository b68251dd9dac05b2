"""A private PostgreSQL server of a test: a folder of its own, a socket in it, no port."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

INSTALLED = "/usr/lib/postgresql"  # where Debian keeps what is not on the path


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl; None where there is no server."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return next(iter(sorted(Path(INSTALLED).glob("*/bin"), reverse=True)), None)


def user() -> str | None:
    """Return whom a server runs as: root may not. An empty name is whoever runs the tests."""
    if os.geteuid() != 0:
        return ""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    return None


def reason() -> str:
    """Return why there can be no server here; nothing where there can."""
    if programs() is None:
        return "no PostgreSQL server is installed"
    return "" if user() is not None else "PostgreSQL does not run as root, and there is no user postgres"


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Give the connection string of a server that ends with the block."""
    folder, name = programs(), user()
    assert folder is not None
    root = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        if name:
            shutil.chown(root, name)
        _run(name, root, folder / "initdb", "-D", root / "data", "-U", "postgres", "--auth=trust", "--no-sync")
        options = f"-k {root} -c listen_addresses='' -c fsync=off -c shared_buffers=16MB"
        _run(name, root, folder / "pg_ctl", "-D", root / "data", "-w", "-l", root / "log", "-o", options, "start")
        try:
            yield f"host={root} user=postgres dbname=postgres"
        finally:
            _run(name, root, folder / "pg_ctl", "-D", root / "data", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _run(name: str | None, root: Path, *command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        user=name or None,
        cwd=root,
        stdout=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, command
