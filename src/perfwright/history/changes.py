"""The lines that changed since a revision, and whether a finding is on one of them.

A repository is not trusted: git is started without a shell, and without what its settings could start.
"""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from perfwright.errors import InputError
from perfwright.finding import Finding

Lines = list[tuple[int, int]]  # first and last line of each piece, counted from 1

WHOLE = (1, sys.maxsize)
# What a repository's own settings could otherwise start or change.
SAFE = (
    *("--no-pager", "--no-optional-locks", "--literal-pathspecs"),
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotepath=off"),
)
DIFF = (
    *("--unified=0", "--inter-hunk-context=0", "--relative", "--no-color", "--no-ext-diff", "--no-textconv"),
    *("--no-renames", "--ignore-submodules=all", "--diff-filter=d", "--src-prefix=a/", "--dst-prefix=b/"),
)
HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def changed_lines(root: Path, rev: str) -> dict[str, Lines]:
    """Return the lines below `root` that differ from a revision, by relative path; untracked files are whole.

    Raises InputError where git is missing, the folder is in no repository, or the revision is unknown.
    """
    if _git(root, "rev-parse", "--is-inside-work-tree") is None:
        raise InputError(
            f"{root} is not in a git repository; leave --since out, or run perfwright inside one.",
            slug="no-repository",
        )
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}") if rev else None
    if commit is None:
        raise InputError(
            f"{rev!r} is not a revision of this repository; give a branch, a tag or a commit.",
            slug="unknown-revision",
        )
    diff = _git(root, "diff", *DIFF, commit.decode().strip(), "--")
    untracked = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    if diff is None or untracked is None:
        raise InputError(f"git cannot compare {root} with {rev!r}; `git diff {rev}` says why.", slug="unknown-revision")
    changed = parse(diff)
    changed.update({_name(path): [WHOLE] for path in untracked.split(b"\0") if path})
    return changed


def touches(finding: Finding, changed: Mapping[str, Sequence[tuple[int, int]]]) -> bool:
    """Tell whether a finding's place, or a step of its chain, is on a changed line."""
    place = finding.place
    spans = [(place.path, place.line, place.end_line), *((step.path, step.line, step.line) for step in finding.chain)]
    return any(first <= end and start <= last for path, start, end in spans for first, last in changed.get(path, ()))


def parse(diff: bytes) -> dict[str, Lines]:
    """Return the changed lines of each file of a `git diff --unified=0`."""
    changed: dict[str, Lines] = {}
    path, left = "", 0  # lines of the hunk that are still to come: none of them is a header, whatever it says
    for line in diff.split(b"\n"):
        if left:
            left -= not line.startswith(b"\\")
        elif line.startswith(b"+++ "):
            path = _target(line[4:])
        elif match := HUNK.match(line):
            removed, start, added = (int(number) if number else 1 for number in match.groups())
            left = removed + added
            # Where lines were only taken away, the lines on both sides of the gap are the changed ones.
            changed.setdefault(path, []).append((start, start + added - 1) if added else (start, start + 1))
    return changed


def _target(field: bytes) -> str:
    name = field.removesuffix(b"\t")  # git ends a name that holds spaces with a tab
    if name.startswith(b'"'):
        # Git quotes as C does, which for these few escapes is as Python does.
        name = name[1:-1].decode("unicode_escape").encode("latin1")
    return _name(name.removeprefix(b"b/"))


def _name(path: bytes) -> str:
    return path.decode("utf8", "surrogateescape")


def _git(root: Path, *arguments: str) -> bytes | None:
    """Return what git prints, or None where it fails."""
    try:
        done = subprocess.run(["git", *SAFE, *arguments], cwd=root, capture_output=True, check=False)
    except OSError as error:
        raise InputError("git cannot be started; install it, or leave --since out.", slug="no-git") from error
    except ValueError:
        return None  # a name with a NUL in it
    return done.stdout if done.returncode == 0 else None
