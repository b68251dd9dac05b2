"""The files as they are, before anything is made of them: a check of what has not changed needs no more."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perfwright.discover import LARGEST


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
            with open(os.path.join(top, name), "rb", buffering=0) as handle:  # noqa: PTH118, PTH123 - a hot path
                source = handle.read(LARGEST + 1) or b""
        except OSError as error:
            unreadable[name] = f"It cannot be read ({error.strerror or error}); check that it exists and may be read."
            continue
        if len(source) > LARGEST:
            unreadable[name] = f"It is larger than {LARGEST >> 20} MiB and looks generated; exclude it or split it."
        else:
            content[name] = source
    return Sources(
        content=content, digests={name: digest(source) for name, source in content.items()}, unreadable=unreadable
    )


def digest(source: bytes) -> str:
    """Return the hash of a file's content: BLAKE2b, 16 bytes, hex."""
    return hashlib.blake2b(source, digest_size=16).hexdigest()
