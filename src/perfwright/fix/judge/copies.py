"""A copy of a project that its tests may write to, and into which nothing of the original is written."""

import os
import shutil
from pathlib import Path

from perfwright import discover

SKIPPED = discover.SKIPPED - {"build", "dist"}  # these may be packages of its own
LARGEST, MOST = 1 << 20, 40_000  # bytes of a file that is copied, where larger ones are linked; files


def copied(root: Path, folder: Path) -> Path:
    """Lay a project out in a folder as it is, what it links to as well; return the folder.

    Large files are linked: they are read, and written to by nobody who is contained.
    """
    seen: set[str] = set()
    left = MOST
    for place, folders, names in os.walk(root, followlinks=True):
        here = folder / Path(place).relative_to(root)
        here.mkdir(parents=True, exist_ok=True)
        folders[:] = [each for each in folders if each not in SKIPPED and _is_new(Path(place, each), seen)]
        for name in names:
            left -= 1
            if left > 0:
                _copy(Path(place, name), here / name)
    return folder


def _is_new(folder: Path, seen: set[str]) -> bool:
    """Tell whether a folder is a part of the project, no environment, and was not gone through by another link."""
    real = os.path.realpath(folder)
    if real in seen or (folder / "pyvenv.cfg").exists():
        return False
    seen.add(real)
    return True


def _copy(path: Path, there: Path) -> None:
    try:
        if not path.is_file():
            return  # a socket, a pipe, a link to nowhere
        if path.stat().st_size > LARGEST and path.suffix != ".py":
            there.symlink_to(path.resolve())
        else:
            shutil.copy(path, there)
    except OSError:  # it may not be read: the tests will say whether they need it
        return
