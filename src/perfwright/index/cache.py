"""What was worked out before, kept in a folder: facts by the hash of the content, readings, whole answers.

Every entry is one file, written beside its place and then moved there, so that a run that is
ended half-way, or two runs at once, leave a whole file or none. An entry carries the identity of
the program that wrote it; another version, or a file that is broken, counts as nothing kept. The
values are those of `marshal`: plain ones, and nothing that could run.
"""

import contextlib
import hashlib
import marshal
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FORMAT = b"perfwright cache 1\n"
MOST = 256 << 20  # bytes of one entry; a larger one is not kept
PACKAGE = Path(__file__).parent.parent


class Cache:
    """The entries of one project root in a folder; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, root: Path) -> None:
        name = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=10).hexdigest()
        self.folder = folder / name if folder is not None else None
        self._identity: bytes | None = None

    @property
    def identity(self) -> bytes:
        """Return what tells this program from other versions of itself: its files, and the Python it runs on."""
        if self._identity is None:
            found = hashlib.blake2b(f"{sys.version} {sys.platform}".encode(), digest_size=16)
            for said in sorted(_states(str(PACKAGE))):
                found.update(said.encode("utf8", "surrogateescape"))
            self._identity = found.digest()
        return self._identity

    def load(self, name: str) -> Any:
        """Return a value that was kept, or None."""
        if self.folder is None:
            return None
        try:
            with open(self.folder / name, "rb") as file:  # noqa: PTH123
                data = file.read(MOST + 1)
        except OSError:
            return None
        head = FORMAT + self.identity
        if not data.startswith(head):
            return None
        try:
            return marshal.loads(memoryview(data)[len(head) :])
        except (ValueError, EOFError, TypeError, MemoryError):
            return None

    def keep(self, name: str, value: Any) -> None:
        """Keep a value under a name; where that cannot be done, nothing is kept and nobody is told."""
        if self.folder is None:
            return
        data = marshal.dumps(value)
        if len(data) > MOST:
            return
        temporary = ""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=f".{name}-")
            with open(handle, "wb") as file:  # noqa: PTH123
                file.write(FORMAT + self.identity)
                file.write(data)
            os.replace(temporary, self.folder / name)  # noqa: PTH105
        except OSError:
            self._remove(temporary)
        except BaseException:  # the run is being ended: leave nothing half-written behind
            self._remove(temporary)
            raise

    def _remove(self, temporary: str) -> None:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108


def _states(folder: str) -> Iterator[str]:
    """Give the path, size and time of each file of a package that makes a difference to what it says."""
    with os.scandir(folder) as entries:  # not pathlib: some hundred files at every start
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _states(entry.path)
            elif entry.name.endswith((".py", ".so", ".pyd", ".toml")):
                state = entry.stat()
                yield f"{entry.path} {state.st_size} {state.st_mtime_ns}"
