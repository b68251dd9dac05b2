"""The whole product on one page: files -> the answer of last time, or facts -> effects -> findings -> record."""

import gc
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from perfwright import answers, processes
from perfwright.config import Settings
from perfwright.finding import Record
from perfwright.index.cache import Cache
from perfwright.index.sources import sources_of
from perfwright.progress import Progress

FRAMES = 12_000  # Python frames: forty calls deep, each a few nested expressions


def check(
    root: Path,
    names: Sequence[str],
    settings: Settings,
    *,
    jobs: int | None = None,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> Record:
    """Read the named files (relative to the root) and return what will be slow at the stated size.

    `jobs` is the number of processes that read files, one a core by default. `keep` is a folder where
    what was worked out is kept for the next time; `progress` counts along. Raises LibraryModelError
    for a library model of the project that is not one.
    """
    cache = Cache(keep, root)
    sources = sources_of(root, names)
    known = answers.key(root, settings, sources.digests, sources.unreadable)
    record = answers.find(cache, known, root, settings)
    if record is not None:
        return record
    from perfwright import analysis  # heavy: all of the reader, which an unchanged project does not need

    enabled, limit = gc.isenabled(), sys.getrecursionlimit()
    gc.disable()  # the facts are many and stay: each collection would walk them all again
    sys.setrecursionlimit(max(limit, FRAMES))
    try:
        record, templates, listed = processes.deep(
            partial(analysis.read_all, root, sources, settings, jobs, cache, progress or Progress())
        )
        answers.keep(cache, known, record, templates, listed)
        return record
    finally:
        sys.setrecursionlimit(limit)
        if enabled:
            gc.freeze()  # what is left is freed by its references: do not walk it to find that out
            gc.enable()
