"""A project as it was at a revision, or as a patch makes it, laid out in a folder."""

import io
import subprocess
import tarfile
from pathlib import Path

from perfwright.errors import InputError
from perfwright.history.changes import SAFE

LARGEST = 64 << 20  # bytes of one patch


def at_revision(root: Path, rev: str, folder: Path) -> Path:
    """Lay the project at `root` out in a folder as it was at a revision; return the folder that stands for the root.

    Raises InputError where git is missing, the folder is in no repository, or the revision is unknown.
    """
    prefix = _git(root, "rev-parse", "--show-prefix")
    if prefix is None:
        raise InputError(f"{root} is not in a git repository; give two files instead.", slug="no-repository")
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}") if rev else None
    if commit is None:
        raise InputError(
            f"{rev!r} is not a revision of this repository; give a branch, a tag or a commit.",
            slug="unknown-revision",
        )
    top = Path((_git(root, "rev-parse", "--show-toplevel") or b"").decode().strip())
    data = _git(top, "archive", "--format=tar", commit.decode().strip())
    if data is None:
        raise InputError(f"git cannot lay out {rev!r}; `git archive {rev}` says why.", slug="unknown-revision")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(folder, filter="data")
    return folder / prefix.decode().strip()


def patched(root: Path, patch: Path, folder: Path, rev: str = "") -> Path:
    """Lay the project at `root` out in a folder as it is, or was at a revision, with a patch applied; return the folder
    that stands for it.

    Raises InputError where git is missing, the folder is in no repository, or the patch does not apply.
    """
    here = at_revision(root, rev, folder) if rev else _as_it_is(root, folder)
    done = subprocess.run(
        ["git", *SAFE, "apply", "--whitespace=nowarn", "--recount", "-"],
        cwd=folder, input=patch.read_bytes()[:LARGEST], capture_output=True, check=False,
        env={"GIT_CEILING_DIRECTORIES": str(folder.parent), "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"},
    )  # fmt: skip
    if done.returncode:
        why = done.stderr.decode("utf8", "replace").strip().partition("\n")[0]
        raise InputError(f"{patch} does not apply ({why}); make it with `git diff`.", slug="bad-patch")
    return here


def _as_it_is(root: Path, folder: Path) -> Path:
    prefix = _git(root, "rev-parse", "--show-prefix")
    if prefix is None:
        raise InputError(f"{root} is not in a git repository; give two files instead.", slug="no-repository")
    top = Path((_git(root, "rev-parse", "--show-toplevel") or b"").decode().strip())
    for name in (_git(top, "ls-files", "--cached", "--others", "--exclude-standard", "-z") or b"").split(b"\0"):
        path = top / name.decode("utf8", "surrogateescape")
        if name and path.is_file() and not path.is_symlink():
            made = folder / path.relative_to(top)
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_bytes(path.read_bytes())
    return folder / prefix.decode().strip()


def from_top(root: Path) -> str:
    """Return the way from the top of the repository to a folder in it, with `/` at its end; nothing where it is the
    top, or in no repository."""
    try:
        return (_git(root, "rev-parse", "--show-prefix") or b"").decode("utf8", "surrogateescape").strip()
    except InputError:
        return ""


def _git(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", *SAFE, *arguments], cwd=root, capture_output=True, check=False)
    except OSError as error:
        raise InputError("git cannot be started; install it, or give two files.", slug="no-git") from error
    except ValueError:
        return None
    return done.stdout if done.returncode == 0 else None


def unsaved(root: Path, path: str) -> str:
    """Return why git could not bring a file back as it is now, as the end of a sentence; nothing where it could."""
    try:
        known = _git(root, "ls-files", "--error-unmatch", "--", path)
        changed = _git(root, "status", "--porcelain", "--", path)
    except InputError:
        return "is in no git repository"
    if known is None:
        return "is not in a git repository"
    return "has changes that are not committed" if changed is None or changed.strip() else ""
