"""Patches applied to the user's files: whole or not at all, and only where git could bring the file back."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from perfwright.fix import commits
from perfwright.history import trees

if TYPE_CHECKING:
    from perfwright.fix.patches import Judged


@dataclass(slots=True)
class Writer:
    """Applies patches, one after the other.

    Suggestions are written where their rule is named in `suggested`, by name or pattern. With a `message` each patch
    becomes a commit of its own. `said` tells, by the key of the finding, what kept a patch from being written, or
    nothing where it was; `commits` tells its commit, and `changed` those whose file a hook changed.
    """

    root: Path
    dirty: bool
    suggested: Sequence[str] = ()
    message: "Callable[[Judged], str] | None" = None
    said: dict[str, str] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    ours: dict[str, bytes] = field(default_factory=dict)  # files as they were written here

    def write(self, made: "Judged") -> bool:
        """Apply a patch, and tell whether its file is another one now."""
        key, path = made.candidate.finding.key, made.candidate.path
        before, after = (
            text.encode("utf8", "surrogateescape") for text in (made.candidate.before, made.candidate.after)
        )
        if why := self._refused(made, before):
            self.said[key] = why
            return False
        replace(self.root / path, after)
        self.said[key] = self._commit(made, path, before, after) if self.message is not None else ""
        if not self.said[key]:
            self.ours[path] = (self.root / path).read_bytes()
        return not self.said[key]

    def _refused(self, made: "Judged", before: bytes) -> str:
        """Return why a patch is not to be written; nothing where it is."""
        rule, path = made.candidate.finding.rule, made.candidate.path
        if made.candidate.recipe.suggested and not any(fnmatchcase(rule, each) for each in self.suggested):
            return f"it changes what the program does; --suggested {rule} writes it"
        now = (self.root / path).read_bytes()
        if not self.dirty and self.ours.get(path) != now and (why := trees.unsaved(self.root, path)):
            return f"{path} {why}; commit it, or use --dirty"
        return "" if now == before else f"{path} has changed meanwhile"

    def _commit(self, made: "Judged", path: str, before: bytes, after: bytes) -> str:
        """Commit a file that was just written; put it back, and return why, where that is refused."""
        assert self.message is not None
        key, last = made.candidate.finding.key, commits.head(self.root)
        try:
            self.commits[key] = commits.commit(self.root, path, self.message(made))
        except commits.RefusedError as error:
            replace(self.root / path, before)
            return f"git refused the commit: {error}"
        except BaseException:  # an interrupt: what is not committed is not written either
            if commits.head(self.root) == last:
                replace(self.root / path, before)
            raise
        if not commits.holds(self.root, path, after):
            self.changed.add(key)
        return ""


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
