"""Whole answers, kept: a check of what has not changed is the check of last time."""

import hashlib
import marshal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from perfwright.config import Settings
from perfwright.discover import packages_around
from perfwright.finding import Record
from perfwright.index.cache import Cache
from perfwright.index.sources import digest

ENTRY = "answers"  # the name of the cache's entry
MOST = 8  # answers kept for one root: other paths, other settings


def key(root: Path, settings: Settings, digests: Mapping[str, str], unreadable: Mapping[str, str]) -> str:
    """Return what an answer depends on, as a hash: the files by content, the settings, the project's library models."""
    said = hashlib.blake2b(repr((settings, str(root), sorted(unreadable.items()))).encode(), digest_size=16)
    for name in sorted(digests):
        said.update(f"{name}\n{digests[name]}\n".encode("utf8", "surrogatepass"))
    said.update(beside(root, settings).encode())
    return said.hexdigest()


def beside(root: Path, settings: Settings) -> str:
    """Return a hash of what readings depend on beside the files: the project's library models, the packages around."""
    said = hashlib.blake2b(repr((packages_around(root), settings.exclude, settings.tests)).encode(), digest_size=16)
    for place in settings.models:
        for path in sorted(place.glob("*.toml")) if place.is_dir() else [place]:
            said.update(f"{path}\n{digest_of(path)}\n".encode("utf8", "surrogatepass"))
    return said.hexdigest()


def find(cache: Cache, known: str, root: Path, settings: Settings) -> Record | None:
    """Return the answer that was kept for a key, where the templates that it read are as they were."""
    entry: dict[str, Any] | None = (cache.load(ENTRY) or {}).get(known)
    if entry is None or (entry["listed"] and entry["listed"] != listed(root, settings)):
        return None
    if any(digest_of(root / name) != then for name, then in entry["templates"].items()):
        return None
    try:
        return Record.from_json(marshal.loads(entry["record"]))
    except (EOFError, KeyError, TypeError, ValueError):
        return None


def listed(root: Path, settings: Settings) -> str:
    """Return a hash of the list of all templates."""
    from perfwright.index.template_files import TemplateFiles  # only where the answer rests on templates

    return TemplateFiles(root, settings.exclude, tests=settings.tests).listed()


def keep(cache: Cache, known: str, record: Record, templates: Mapping[str, str], listed: str) -> None:
    """Keep an answer with the templates that were read for it, by hash, and the list of all there are."""
    if cache.folder is None:
        return
    answers: dict[str, Any] = cache.load(ENTRY) or {}
    answers.pop(known, None)
    newest: Sequence[str] = list(answers)[-(MOST - 1) :]
    entry = {"record": marshal.dumps(record.to_json()), "templates": dict(templates), "listed": listed}
    cache.keep(ENTRY, {**{name: answers[name] for name in newest}, known: entry})


def digest_of(path: Path) -> str:
    """Return the hash of a file's content; empty where it cannot be read."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return ""
