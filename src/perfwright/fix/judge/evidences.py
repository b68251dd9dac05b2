"""The file that tells what a verdict rests on, and lets anybody come to it again."""

import hashlib
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perfwright import __version__
from perfwright.errors import InputError
from perfwright.fix.judge import within
from perfwright.fix.judge.sides import Sides
from perfwright.fix.judge.trees import Tree

LARGEST = 16 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Evidence:
    """What such a file tells."""

    before: str
    after: str
    allowed: tuple[str, ...]
    size: int | None
    seed: int
    verdict: str
    hashes: dict[str, str]


def hashes(sides: Sides) -> dict[str, str]:
    """Return a hash of the source of each version that was loaded, or that lies below its root."""
    found = {}
    for name, version in sides.versions.items():
        if path := within.file_of(version):
            found[name] = (version.root / path).read_text("utf8", "replace")
    found |= {name: side.source for (name, _), side in sides.running.items() if name in ("before", "after")}
    return {name: hash_of(text) for name, text in sorted(found.items())}


def hash_of(source: str) -> str:
    """Return the hash of a source (BLAKE2b, 16 bytes, hex)."""
    return hashlib.blake2b(source.encode("utf8", "surrogateescape"), digest_size=16).hexdigest()


def written(
    before: str, after: str, size: int | None, document: dict[str, Any], args: Tree, hashes: dict[str, str]
) -> str:
    """Return the text of an evidence file."""
    machine = {"system": platform.system(), "machine": platform.machine(), "perfwright": __version__}
    asked = {"before": before, "after": after, "size": size, "sources": hashes, "machine": machine, "args": args}
    return json.dumps({**document, "evidence": asked}, indent=2) + "\n"


def read(path: Path) -> Evidence:
    """Return what an evidence file tells. Raises InputError where it cannot be read, or is none."""
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("it is too large")
        held = json.loads(path.read_text("utf8"))
        asked, said = held["evidence"], held["verify"]
        found = Evidence(
            before=_text(asked["before"]),
            after=_text(asked["after"]),
            allowed=tuple(map(_text, said["allowed"])),
            size=None if asked["size"] is None else int(asked["size"]),
            seed=int(said["seed"]),
            verdict=_text(said["verdict"]),
            hashes={_text(name): _text(each) for name, each in asked["sources"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is no evidence that can be read ({error}); give a file that --evidence wrote.", slug="bad-evidence"
        ) from error
    return found


def compared(told: Evidence, verdict: str, now: dict[str, str]) -> str:
    """Say whether the same came of it, and whether of the same sources."""
    changed = [name for name, each in told.hashes.items() if now.get(name) != each]
    what = f"the verdict is {verdict!r} again" if verdict == told.verdict else f"the verdict was {told.verdict!r}"
    if not changed:
        return f"{what}; the sources are the same."
    return f"{what}; the source of the version {' and '.join(changed)} has changed since."


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
