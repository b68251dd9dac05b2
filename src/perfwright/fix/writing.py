"""Patches applied to the user's files: whole or not at all, and only where git could bring the file back."""

import contextlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from perfwright.history import trees

if TYPE_CHECKING:
    from perfwright.fix.patches import Judged


def write(root: Path, patches: Sequence["Judged"], *, dirty: bool, suggested: Sequence[str] = ()) -> Mapping[str, str]:
    """Apply patches; return, by the key of the finding, what kept one from being written, or nothing where it was.

    Suggestions are written where their rule is named in `suggested`, by name or pattern. Of several patches of one file
    the first is written: the others were judged on a file that is no longer there.
    """
    said: dict[str, str] = {}
    done: set[str] = set()
    for each in patches:
        candidate = each.candidate
        key, path = candidate.finding.key, candidate.path
        rule = candidate.finding.rule
        if candidate.recipe.suggested and not any(fnmatchcase(rule, each) for each in suggested):
            said[key] = f"it changes what the program does; --suggested {rule} writes it"
        elif path in done:
            said[key] = f"another patch of {path} was written; run it again"
        elif not dirty and (why := trees.unsaved(root, path)):
            said[key] = f"{path} {why}; commit it, or use --dirty"
        elif (root / path).read_bytes() != candidate.before.encode("utf8", "surrogateescape"):
            said[key] = f"{path} has changed meanwhile"
        else:
            replace(root / path, candidate.after.encode("utf8", "surrogateescape"))
            done.add(path)
            said[key] = ""
    return said


def replace(path: Path, data: bytes) -> None:
    """Give a file another content, all of it or nothing, with the rights that it has."""
    mode = path.stat().st_mode
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
