"""Files to facts, in parallel processes; a file that cannot be read or parsed is named, not fatal."""

import gc
import marshal
import multiprocessing
import os
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from perfwright.discover import LARGEST
from perfwright.finding import Unreadable
from perfwright.index.lower import Node, lower

WORTH_A_PROCESS = 60  # files; below this, starting a second process costs more than it saves
CHUNK = 40  # files handed over at a time: large enough to hide the hand-over, small enough to balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of the files that could be read, by relative path, and the files that could not."""

    files: dict[str, Node]
    unreadable: tuple[Unreadable, ...]


def read(root: Path, names: Sequence[str], *, jobs: int | None = None) -> Facts:
    """Read and lower the named files (relative to the root); `jobs` processes, default one a core."""
    jobs = jobs or os.cpu_count() or 1
    chunks = [list(names[start : start + CHUNK]) for start in range(0, len(names), CHUNK)]
    if jobs == 1 or len(names) < WORTH_A_PROCESS:
        packed = [_read_chunk(str(root), chunk) for chunk in chunks]
    else:
        fork = "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux"
        context = multiprocessing.get_context("fork" if fork else "spawn")
        with ProcessPoolExecutor(min(jobs, len(chunks)), mp_context=context) as pool:
            packed = list(pool.map(_read_chunk, [str(root)] * len(chunks), chunks))
    files: dict[str, Node] = {}
    unreadable: list[Unreadable] = []
    enabled = gc.isenabled()
    gc.disable()  # thousands of tuples and no cycles: collecting between them finds nothing
    try:
        for data in packed:
            for name, facts in marshal.loads(data):
                if isinstance(facts, str):
                    unreadable.append(Unreadable(path=name, why=facts))
                else:
                    files[name] = facts
    finally:
        if enabled:
            gc.enable()
    return Facts(files=files, unreadable=tuple(unreadable))


def _read_chunk(root: str, names: list[str]) -> bytes:
    enabled = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes of the analysed code are not our news
            return marshal.dumps([(name, _read_one(root, name)) for name in names])
    finally:
        if enabled:
            gc.enable()


def _read_one(root: str, name: str) -> Node | str:
    """Return the facts of a file, or one sentence that says why there are none."""
    try:
        with open(os.path.join(root, name), "rb") as handle:  # noqa: PTH118, PTH123 - a hot path
            source = handle.read(LARGEST + 1)
    except OSError as error:
        return f"It cannot be read ({error.strerror or error}); check that it exists and may be read."
    if len(source) > LARGEST:
        return f"It is larger than {LARGEST >> 20} MiB and looks generated; exclude it or split it."
    try:
        return lower(source)
    except SyntaxError as error:
        if "encoding" in str(error) or "codec" in str(error) or "utf-8" in str(error).lower():
            return f"It is not text in the encoding it declares ({error.msg}); save it as UTF-8."
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"Line {error.lineno or 1} is not Python {version} ({error.msg}); correct it or run a newer Python."
    except (ValueError, UnicodeDecodeError) as error:
        return f"It is not Python source ({error}); correct it or exclude it."
    except (RecursionError, MemoryError):
        return "It nests too deeply to be parsed; split the expression or exclude the file."
