"""The files that tell what a patch's verdict rests on, from which `perfwright verify --replay` comes to it again."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perfwright.fix import commits
from perfwright.fix.judge import evidences
from perfwright.fix.patches import Judged
from perfwright.history import trees


def files(
    root: Path, folder: Path, made: Judged, size: int | None, document: dict[str, Any]
) -> Iterator[tuple[Path, str]]:
    """Give the patch and the evidence of its verdict, each as a file and its text; before the patch is applied.

    The first version is that of the branch's last commit where the file is as it was there, else the file as it is.
    """
    candidate = made.candidate
    inside = candidate.inside
    name = re.sub(r"[^\w.-]+", "-", candidate.finding.key).strip("-")
    patch = folder / f"{name}.patch"
    saved = not any(trees.unsaved(root, path) for path in {candidate.path, inside})
    before = f"{inside}:{candidate.function}" + (f"@{commits.head(root)}" if saved else "")
    own = (root / inside).read_text("utf8", "surrogateescape")
    texts = candidate.before, candidate.after
    texts = texts if candidate.path == inside else (own, own)  # what is patched is another file
    hashes = {
        side: evidences.hash_of(text.replace("\r\n", "\n"))
        for side, text in zip(("before", "after"), texts, strict=True)
    }
    after = Path(os.path.relpath(patch, root)).as_posix()
    yield patch, candidate.diff_from(trees.from_top(root))
    yield folder / f"{name}.json", evidences.written(before, after, size, document, made.verdict.args, hashes)
