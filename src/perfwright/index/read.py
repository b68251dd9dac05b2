"""Files to facts, in parallel processes; a file that cannot be read or parsed is named, not fatal."""

import gc
import marshal
import multiprocessing
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from perfwright.discover import LARGEST
from perfwright.finding import Unreadable
from perfwright.index.lower import Node, lower

WORTH_A_PROCESS = 60  # files; below this, starting a second process costs more than it saves


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of the files that could be read, by relative path, and the files that could not."""

    files: dict[str, Node]
    unreadable: tuple[Unreadable, ...]


def read(root: Path, names: Sequence[str], *, jobs: int | None = None) -> Facts:
    """Read and lower the named files (relative to the root); `jobs` processes, default one a core."""
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(names) // (WORTH_A_PROCESS // 2)))
    enabled = gc.isenabled()
    gc.disable()  # thousands of tuples and no cycles: collecting between them finds nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes of the analysed code are not our news
            lowered = _shared_out(str(root), names, jobs) if jobs > 1 else _read_share(str(root), names)
    finally:
        if enabled:
            gc.enable()
    files = {name: facts for name, facts in lowered if not isinstance(facts, str)}
    unreadable = tuple(Unreadable(path=name, why=facts) for name, facts in sorted_unreadable(lowered))
    return Facts(files=files, unreadable=unreadable)


def sorted_unreadable(lowered: list[tuple[str, Node | str]]) -> list[tuple[str, str]]:
    """Return the files that have a reason instead of facts, by name."""
    return sorted((name, facts) for name, facts in lowered if isinstance(facts, str))


def _shared_out(root: str, names: Sequence[str], jobs: int) -> list[tuple[str, Node | str]]:
    """Read every `jobs`-th file in this process, the others in processes of their own.

    This process keeps its share as it is: only what comes from another one is packed and unpacked.
    """
    fork = "fork" in multiprocessing.get_all_start_methods() and sys.platform == "linux"
    context: Any = multiprocessing.get_context("fork" if fork else "spawn")
    started = []
    for index in range(1, jobs):
        share = list(names[index::jobs])
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_send_share, args=(root, share, there), daemon=True)
        process.start()
        there.close()
        started.append((process, here, share))
    lowered = _read_share(root, names[::jobs])
    for process, here, share in started:
        try:
            lowered.extend(marshal.loads(here.recv_bytes()))
        except EOFError:  # the process was ended from outside: its files are still to be read
            lowered.extend(_read_share(root, share))
        finally:
            here.close()
            process.join()
    return lowered


def _send_share(root: str, names: list[str], to: Connection) -> None:
    gc.disable()
    warnings.simplefilter("ignore")
    to.send_bytes(marshal.dumps(_read_share(root, names)))
    to.close()


def _read_share(root: str, names: Sequence[str]) -> list[tuple[str, Node | str]]:
    return [(name, _read_one(root, name)) for name in names]


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
        if "null bytes" in str(error):
            return "It is not text (it holds null bytes); save it as UTF-8 or exclude it."
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"Line {error.lineno or 1} is not Python {version} ({error.msg}); correct it or run a newer Python."
    except (ValueError, UnicodeDecodeError) as error:
        return f"It is not Python source ({error}); correct it or exclude it."
    except (RecursionError, MemoryError):
        return "It nests too deeply to be parsed; split the expression or exclude the file."
