"""The files as they are, before anything is made of them: a check of what has not changed needs no more."""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perfwright.discover import LARGEST

# Without waiting: a pipe that is named like a module would have to be written to first.
READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files as they are: their content by relative path, its hash, and those that cannot be read."""

    content: dict[str, bytes]
    digests: dict[str, str]
    unreadable: dict[str, str]


def sources_of(root: Path, names: Sequence[str]) -> Sources:
    """Read the named files (relative to the root)."""
    content: dict[str, bytes] = {}
    unreadable: dict[str, str] = {}
    top = str(root)
    for name in names:
        try:
            source = _content(os.path.join(top, name))  # noqa: PTH118 - a hot path
        except OSError as error:
            unreadable[name] = f"It cannot be read ({error.strerror or error}); check that it exists and may be read."
            continue
        if source is None:
            unreadable[name] = "It is no file but a folder, a pipe or a device; exclude it."
        elif len(source) > LARGEST:
            unreadable[name] = f"It is larger than {LARGEST >> 20} MiB and looks generated; exclude it or split it."
        else:
            content[name] = source
    return Sources(
        content=content, digests={name: digest(source) for name, source in content.items()}, unreadable=unreadable
    )


def _content(path: str) -> bytes | None:
    """Return what stands in a file, one byte more than the most at most; None for a pipe and what else is no file."""
    handle = os.open(path, READING)
    try:
        state = os.fstat(handle)
        return os.read(handle, min(state.st_size, LARGEST) + 1) if stat.S_ISREG(state.st_mode) else None
    finally:
        os.close(handle)


def digest(source: bytes) -> str:
    """Return the hash of a file's content: BLAKE2b, 16 bytes, hex."""
    return hashlib.blake2b(source, digest_size=16).hexdigest()
