"""Commits of single files on the user's branch, by the user's git with its settings and hooks."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from perfwright.errors import InputError, PerfwrightError

PLAIN = ("--no-pager", "--literal-pathspecs", "-c", "core.quotepath=off")
# What git keeps while something goes on that a commit would get in the way of, and how it is called.
GOING_ON = {
    "rebase-merge": "rebase", "rebase-apply": "rebase", "MERGE_HEAD": "merge", "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert", "BISECT_LOG": "bisect",
}  # fmt: skip
LINES, REASON = 3, 300  # of what git says where it refuses, the last ones


class RefusedError(PerfwrightError):
    """Git, or a hook, did not make a commit; the text says why, as a clause."""


def ready(root: Path) -> None:
    """Raise InputError where a commit could not be made: no repository, no branch, no name, something in progress."""
    if _git(root, "rev-parse", "--is-inside-work-tree").stdout.strip() != "true":
        raise InputError(f"{root} is not in a git repository; use --write alone.", slug="no-repository")
    for name, what in GOING_ON.items():
        path = _git(root, "rev-parse", "--git-path", name).stdout.strip()
        if (root / path).exists():
            raise InputError(f"A {what} is in progress; finish it, or abort it, and commit then.", slug="cannot-commit")
    if _git(root, "symbolic-ref", "--quiet", "HEAD").returncode:
        raise InputError(
            "HEAD is detached, on no branch; switch to the one that is to be changed.", slug="cannot-commit"
        )
    for role in ("AUTHOR", "COMMITTER"):
        if _git(root, "-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT").returncode:
            raise InputError(
                "Git does not know whose commits these are; set user.name and user.email.", slug="cannot-commit"
            )


def commit(root: Path, path: str, message: str) -> str:
    """Commit one file as it is, and nothing that is staged beside it; return the commit. Raises RefusedError."""
    words = ("commit", "--quiet", "--only", "--cleanup=whitespace", "--file=-", "--", path)
    done = _git(root, *words, given=message)
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        why = "; ".join(said[-LINES:])[-REASON:] or f"git ended with status {done.returncode}"
        raise RefusedError(why, slug="cannot-commit")
    return head(root)


def head(root: Path) -> str:
    """Return the commit that the branch is at; nothing where it has none."""
    return _git(root, "rev-parse", "--verify", "--quiet", "HEAD").stdout.strip()


def holds(root: Path, path: str, data: bytes) -> bool:
    """Tell whether a file is committed with this content: a hook may have changed it."""
    clean = _git(root, "diff", "--quiet", "--no-ext-diff", "HEAD", "--", path).returncode == 0
    return clean and (root / path).read_bytes() == data


def _git(root: Path, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    command: Sequence[str] = ["git", *PLAIN, *words]
    data = given.encode("utf8", "backslashreplace")
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, input=data, check=False)
    except OSError as error:
        raise InputError("git cannot be started; install it, or use --write alone.", slug="no-git") from error
    texts = (each.decode("utf8", "replace") for each in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, *texts)
