"""The two versions that a person names: two functions, a function at a revision, a function and a patch."""

from pathlib import Path

from perfwright.errors import InputError
from perfwright.fix.judge.sides import Version
from perfwright.history import trees
from perfwright.measure import targets

PATCHES = (".patch", ".diff")


def versions(before: str, after: str, root: Path, scratch: Path) -> tuple[Version, Version]:
    """Return the two versions; what has to be laid out goes to `scratch`.

    Each is TARGET or TARGET@REVISION; the second may be a patch, which changes the first.
    Raises InputError for what does not exist.
    """
    first = version(before, root, scratch / "before")
    if after.endswith(PATCHES):
        patch = root / after
        if not patch.is_file():
            raise InputError(f"{after} does not exist; give a patch, or a second function.", slug="missing-path")
        target, _, rev = before.partition("@")
        made = trees.patched(root, patch, _made(scratch / "after"), rev)
        return first, _at(target, made, f"{before} with {after}")
    return first, version(after, root, scratch / "after")


def version(named: str, root: Path, folder: Path) -> Version:
    """Return one version; a revision of it is laid out in the folder."""
    target, at, rev = named.partition("@")
    if not at:
        return _at(target, root, named)
    return _at(target, trees.at_revision(root, rev, _made(folder)), named)


def _at(target: str, root: Path, named: str) -> Version:
    wanted = targets.parse(target, root)
    if not wanted.function:
        raise targets.no_function(target)
    return Version(wanted.module, wanted.function, root, named)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
