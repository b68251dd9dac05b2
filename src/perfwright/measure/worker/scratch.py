"""The folder that measured code may write to: as each call of the judge finds it, and what the call leaves there."""

import base64
import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from .trees import CannotWriteError, Tree  # type: ignore[import-not-found,unused-ignore]

LARGEST = 1 << 20  # bytes of a file that are looked at
MOST = 32 << 20  # bytes of all files that go with the arguments of a call
OLD = 1_000_000_000  # seconds: whatever is written later has another time
Files = list[list[Any]]  # of each its name, below the folder, and what it holds in base64; None for a folder
Stamp = tuple[int, int, int]
HERE = json.dumps(str(Path.cwd()))[1:-1]  # the worker begins in it
ROOTS: list[str] = []  # of the project that is measured, as JSON has it


class Scratch:
    """The folder that the worker began in.

    What lies there once the function was loaded is there for every call, and the files that the arguments name; nothing
    that a call leaves is seen by the next.
    """

    def __init__(self) -> None:
        self.folder = Path.cwd()
        self.kept = self._kept()
        self.laid: dict[str, Stamp | None] = {}
        self.holds: dict[str, bytes | None] = {}  # what was laid

    def _kept(self) -> dict[str, bytes | None]:
        found: dict[str, bytes | None] = {}
        left = MOST
        for name, stamp in self._held().items():
            left -= stamp[1] if stamp is not None else 0
            if left >= 0:
                found[name] = (self.folder / name).read_bytes() if stamp is not None else None
        return found

    def named(self, args: Tree) -> Tree:
        """Return the arguments of a call with the files of this folder that they name, by names that hold elsewhere.

        Raises CannotWriteError where the files are too large.
        """
        named: dict[str, bytes | None] = {}

        def local(tree: Tree) -> Tree:
            if isinstance(tree, list):
                return [local(each) for each in tree]
            if not isinstance(tree, str) or not tree.startswith(f"{self.folder}{os.sep}"):
                return tree
            name = tree[len(str(self.folder)) + 1 :]
            self._take(name, named)
            return name

        made = local(args)
        if sum(len(data) for data in named.values() if data is not None) > MOST:
            raise CannotWriteError("files of more than 32 MB cannot be copied")
        files = [[name, None if data is None else base64.b64encode(data).decode()] for name, data in named.items()]
        return [*made, sorted(files)] if files else made

    def _take(self, name: str, named: dict[str, bytes | None]) -> None:
        """Note what a name stands for: a file, a folder with all in it, or what would be in a folder that is there."""
        path = self.folder / name
        for above in reversed(path.relative_to(self.folder).parents[:-1]):
            if (self.folder / above).is_dir():
                named[str(above)] = None
        some = [path]
        if path.is_dir() and not path.is_symlink():
            some += sorted(path.rglob("*"))
        for each in some:
            if each.is_dir() and not each.is_symlink():
                named[str(each.relative_to(self.folder))] = None
            elif each.is_file() and each.stat().st_size <= MOST:
                named[str(each.relative_to(self.folder))] = each.read_bytes()

    def lay(self, files: Files) -> None:
        """Bring the folder to what a call has to find there."""
        wanted = dict(self.kept)
        for name, data in files:
            wanted[name] = None if data is None else base64.b64decode(data)
        held = self._held()
        same = {name for name in wanted if name in self.holds and self.holds[name] == wanted[name]}
        same &= {name for name, stamp in held.items() if self.laid.get(name, ()) == stamp}
        for name in sorted(held.keys() - same, reverse=True):
            if name not in wanted or (held[name] is None) != (wanted[name] is None):
                _remove(self.folder / name)
        for name, data in sorted(wanted.items()):
            path = self.folder / name
            if data is None:
                path.mkdir(parents=True, exist_ok=True)
            elif name not in same:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                os.utime(path, (OLD, OLD))
        self.laid, self.holds = self._held(), wanted

    def left(self) -> list[list[Any]]:
        """Return the files that a call left otherwise than it found them: name, size and hash; those that are gone.

        What `tempfile` makes has names by chance, and is left out.
        """
        held = self._held()
        found: list[list[Any]] = [[name, None, "gone"] for name in self.laid.keys() - held.keys()]
        for name, stamp in held.items():
            first = name.partition(os.sep)[0]
            if self.laid.get(name, ()) == stamp or (first.startswith("tmp") and first not in self.laid):
                continue
            digest = ""
            with contextlib.suppress(OSError):
                if stamp is not None:
                    with (self.folder / name).open("rb") as file:
                        digest = hashlib.sha256(file.read(LARGEST)).hexdigest()[:16]
            found.append([name, stamp[1] if stamp is not None else None, digest])
        return sorted(found, key=str)

    def _held(self) -> dict[str, Stamp | None]:
        """Return what lies in the folder: of each file when it was written, its size and number; None of a folder."""
        found: dict[str, Stamp | None] = {}
        for folder, folders, names in os.walk(self.folder):
            for name in (*folders, *names):
                path = Path(folder, name)
                if path.is_symlink() and path.is_dir():  # as pytest leaves to its newest folder
                    continue
                with contextlib.suppress(OSError):
                    about = path.lstat()
                    is_folder = name in folders and not path.is_symlink()
                    stamp = None if is_folder else (about.st_mtime_ns, about.st_size, about.st_ino)
                    found[str(path.relative_to(self.folder))] = stamp
        return found


def anywhere(text: str) -> str:
    """Return JSON without the places of the folder and of the project, which are others for each worker."""
    for folder, written in ((HERE, "/~"), *((root, "/~~") for root in ROOTS)):
        text = text.replace(folder, written) if folder in text else text
    return text


def lies_in(roots: list[str]) -> None:
    """Take the places of a project out of all that is told of it, unless that is a folder of anything."""
    ROOTS[:] = [json.dumps(each)[1:-1] for each in roots if len(Path(each).parts) > 2]


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
