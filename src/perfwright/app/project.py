"""What a command is to read: the root, its settings and its files."""

import difflib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from perfwright import config, discover
from perfwright.config import Settings
from perfwright.errors import ConfigError, InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A root, the settings that govern it, the files to read below it, and the paths that do not exist."""

    root: Path
    settings: Settings
    names: list[str]
    missing: tuple[Path, ...]


def find(
    paths: Sequence[Path],
    *,
    settings_file: Path | None = None,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    tests: bool = False,
) -> Project:
    """Return the project that the paths belong to; what is given beside them is added to its settings.

    `select` replaces what the settings select. Raises InputError where no path exists and ConfigError
    for settings that cannot be used.
    """
    there = [path.absolute() for path in paths if path.exists()]
    missing = tuple(path for path in paths if not path.exists())
    if not there:
        raise InputError(f"{missing[0]} does not exist; give a file or a folder.", slug="missing-path")
    if settings_file is not None and not settings_file.is_file():
        raise InputError(f"{settings_file} does not exist; give a settings file.", slug="missing-path")
    parent = _parent(there)
    source = settings_file or config.find(parent)
    settings = config.read(source) if source else Settings()
    settings = replace(
        settings,
        select=select or settings.select,
        ignore=(*settings.ignore, *ignore),
        exclude=(*settings.exclude, *exclude),
        tests=tests or settings.tests,
    )
    _known(settings)
    root = _root(there, parent, source)
    names = discover.find(root, there, exclude=settings.exclude, tests=settings.tests)
    return Project(root=root, settings=settings, names=names, missing=missing)


def cache_folder() -> Path | None:
    """Return the folder where the user's programs keep what they can work out again; None where there is no home."""
    said = os.environ.get("PERFWRIGHT_CACHE")
    if said:
        return Path(said)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local, "perfwright", "Cache") if local else None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "perfwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache", "perfwright")


def rule_named(name: str) -> str:
    """Return the name where it is a rule's; raises ConfigError with the nearest rule otherwise."""
    from perfwright import rules  # heavy: all of the analysis

    known = rules.load()
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    right = f"did you mean {near[0]!r}?" if near else "`perfwright explain` lists the rules."
    raise ConfigError(f"{name!r} is not a rule; {right}", slug="unknown-rule")


def _known(settings: Settings) -> None:
    """Refuse a rule's name that no rule has, wherever it was given."""
    named = {*settings.select, *settings.ignore, *(name for part in settings.per_path for name in part.ignore)}
    for name in sorted(named - {"*"}):
        if not any(mark in name for mark in "*?["):
            rule_named(name)
        elif not _matches_a_rule(name):
            raise ConfigError(f"{name!r} matches no rule; `perfwright explain` lists the rules.", slug="unknown-rule")


def _matches_a_rule(pattern: str) -> bool:
    from perfwright import rules

    return any(config.matches_any(rule, (pattern,)) for rule in rules.load())


def _parent(paths: Sequence[Path]) -> Path:
    common = Path(os.path.commonpath([os.path.normpath(path) for path in paths]))
    return common if common.is_dir() else common.parent


def _root(paths: Sequence[Path], parent: Path, source: Path | None) -> Path:
    """Return the nearest of: the folder of the settings, the current one, the parent of all paths."""
    for folder in ([source.absolute().parent] if source else []) + [Path.cwd()]:
        if all(Path(os.path.normpath(path)).is_relative_to(folder) for path in paths):
            return folder
    return parent


def lines_below(root: Path) -> Callable[[str], Sequence[str]]:
    """Return a function that gives the source lines of a path below the root, none where it cannot be read."""

    def lines(path: str) -> Sequence[str]:
        try:
            return (root / path).read_text("utf8", errors="replace").split("\n")
        except (OSError, ValueError):
            return ()

    return lines
