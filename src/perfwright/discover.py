"""The files to read: Python below the given paths, without tests, environments and what is excluded."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from perfwright.config import path_matches
from perfwright.errors import InputError

SKIPPED = frozenset(
    (
        *("__pycache__", ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", ".mypy_cache", ".ruff_cache"),
        *(".pytest_cache", ".eggs", ".perfwright", "node_modules", "site-packages", "__pypackages__", "build", "dist"),
    )
)
TEST = re.compile(r"(^|/)(tests?|testing)/|(^|/)(test_[^/]*|[^/]*_tests?|conftest|tests)\.py$")
LARGEST = 4 * 1024 * 1024  # bytes; a longer file is generated data, not code a person maintains


def is_test(path: str) -> bool:
    """Tell whether a relative path is a test by the usual names."""
    return TEST.search(path) is not None


def find(root: Path, paths: Sequence[Path], *, exclude: tuple[str, ...] = (), tests: bool = False) -> list[str]:
    """Return the Python files below the paths, relative to the root with `/`, sorted.

    A file that is named itself is taken as it is. Raises InputError for a path that does not exist.
    """
    found: set[str] = set()
    for path in paths:
        if path.is_file():
            found.add(relative(root, path))
        elif path.is_dir():
            below = relative(root, path) + "/"
            found.update(name for name in _walk(root, path, exclude) if tests or not is_test(name.removeprefix(below)))
        else:
            raise InputError(f"{path} does not exist; give a file or a folder.", slug="missing-path")
    return sorted(found)


def relative(root: Path, path: Path) -> str:
    """Return a path as it is shown: relative to the root, with `/`."""
    return Path(os.path.relpath(path.absolute(), root.absolute())).as_posix()


def _walk(root: Path, folder: Path, exclude: tuple[str, ...]) -> Iterator[str]:
    base = relative(root, folder)
    folders = [(str(folder), "" if base == "." else f"{base}/")]
    while folders:
        path, prefix = folders.pop()
        inside = _entries(path)
        if inside is None:
            yield prefix.rstrip("/") or "."  # to be reported: a folder is no file that can be read
            continue
        if any(entry.name == "pyvenv.cfg" for entry in inside) and path != str(folder):
            continue  # an environment, whatever its name
        for entry in inside:
            name = entry.name
            python = name.endswith(".py")
            if not python and name in SKIPPED:
                continue
            if entry.is_dir(follow_symlinks=False):
                if name not in SKIPPED and not _excluded(prefix + name, exclude):
                    folders.append((entry.path, f"{prefix}{name}/"))
            elif python and not _excluded(prefix + name, exclude):
                yield prefix + name


def _entries(path: str) -> list["os.DirEntry[str]"] | None:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except FileNotFoundError:
        return []  # it has just gone
    except OSError:
        return None  # it may not be read


def _excluded(path: str, exclude: tuple[str, ...]) -> bool:
    return any(path_matches(path, pattern) for pattern in exclude)


def packages_around(root: Path) -> tuple[str, ...]:
    """Return the packages that a root lies in: `("wagtail",)` where the root is wagtail's own package."""
    names: list[str] = []
    folder = root.resolve()
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        names.append(folder.name)
        folder = folder.parent
    return tuple(reversed(names))
