"""Which file of the project a path in a profile is: it may have been taken elsewhere, below another root."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

Parts = tuple[str, ...]

# Installed packages: a `models.py` of one of them is not the project's.
INSTALLED = re.compile(r"(^|/)(site-packages|dist-packages|lib/python\d[\d.]*)/")


class Places:
    """Finds the project's file that a profile's path means; nothing is opened, only names are compared."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self.root = parts(str(root.absolute()))
        self.names = frozenset(names)
        self.by_base: dict[str, list[Parts]] = {}
        for name in names:
            split = parts(name)
            self.by_base.setdefault(split[-1], []).append(split)
        self.elsewhere: tuple[Parts, Parts] | None = None

    def learn(self, files: Iterable[str]) -> bool:
        """Find out where the project was when the profile was taken; False where no path is one of its files.

        Each path that ends like a file of the project votes for what stands before that end, in both; most files win.
        """
        files = list(files)
        if any(self.named(file) for file in files):
            return True
        own = [file for file in files if not INSTALLED.search(file.replace("\\", "/"))]
        for heard in (own, files):
            votes: dict[tuple[Parts, Parts], set[Parts]] = {}
            for file in heard:
                path = parts(file)
                for name in self.by_base.get(path[-1], ()) if path else ():
                    alike = ending(path, name)
                    votes.setdefault((path[:-alike], name[:-alike]), set()).add(name)
            if votes:
                # On a draw the longer end decides, which is the one that leaves less of the project's own name over.
                self.elsewhere = min(votes, key=lambda each: (-len(votes[each]), len(each[1]), len(each[0]), each))
                return True
        return False

    def named(self, file: str) -> str | None:
        """Return the name of the project's file that a path means; None where it means none."""
        path = parts(file)
        if path[: len(self.root)] == self.root:
            name = "/".join(path[len(self.root) :])
            return name if name in self.names else None
        if self.elsewhere is None:
            return None
        there, here = self.elsewhere
        if path[: len(there)] != there:
            return None
        name = "/".join((*here, *path[len(there) :]))
        return name if name in self.names else None


def parts(path: str) -> Parts:
    """Return the parts of a path, of Windows too, from where it stops to go up: only its end is compared."""
    split = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    while ".." in split:
        del split[: split.index("..") + 1]
    return tuple(split)


def ending(left: Parts, right: Parts) -> int:
    """Return how many parts two paths have in common at their ends."""
    alike = 0
    for one, other in zip(reversed(left), reversed(right), strict=False):
        if one != other:
            break
        alike += 1
    return alike
