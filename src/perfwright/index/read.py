"""Files to facts, in parallel processes; a file that cannot be read or parsed is named, not fatal."""

import gc
import marshal
import os
import sys
import warnings
from dataclasses import dataclass

from perfwright import processes
from perfwright.finding import Unreadable
from perfwright.index.cache import Cache
from perfwright.index.lower import Node, TooLongError, lower
from perfwright.index.sources import Sources
from perfwright.progress import Progress

WORTH_A_PROCESS = 60  # files; below this, starting a second process costs more than it saves
PACK = "facts"  # the name of the cache's entry: the facts of every file, packed, by hash
RECENT = "facts-new"  # those of files that changed since: few, so that not all are written again
TOO_DEEP = "It nests too deeply to be parsed; split the expression or exclude the file."
MOST = 64 << 20  # bytes of facts that are kept of files that the last check did not read
FEW = 200  # files whose facts are kept apart
BODY = 8  # the place of the body in the facts of a function


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of the files that could be read, by relative path, and the files that could not.

    `packed` has the facts by the hash of the content, also of files as they were before.
    """

    files: dict[str, Node]
    unreadable: tuple[Unreadable, ...]
    packed: dict[str, bytes]


def read(found: Sources, cache: Cache, progress: Progress, *, jobs: int | None = None) -> Facts:
    """Lower the files whose facts are not in the cache; `jobs` processes, default one a core."""
    kept: dict[str, bytes] = cache.load(PACK) or {}
    recent: dict[str, bytes] = cache.load(RECENT) or {}
    kept.update(recent)
    missing = [name for name, known in found.digests.items() if known not in kept]
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(missing) // (WORTH_A_PROCESS // 2)))
    enabled = gc.isenabled()
    gc.disable()  # thousands of tuples and no cycles: collecting between them finds nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes of the analysed code are not our news
            lowered: dict[str, Node | str] = {}
            packed = _lower(found, missing, jobs, lowered, progress)
        if len(missing) > 0 and len(missing) + len(recent) <= min(FEW, len(kept)):
            cache.keep(RECENT, {**recent, **packed})
        elif missing:
            cache.keep(PACK, {**_others(kept, found), **packed})
            cache.keep(RECENT, {})
        kept.update(packed)
        for name, known in found.digests.items():
            if name not in lowered:
                lowered[name] = marshal.loads(kept[known])
    finally:
        if enabled:
            gc.enable()
    unreadable = {**found.unreadable, **{name: facts for name, facts in lowered.items() if isinstance(facts, str)}}
    return Facts(
        files={name: facts for name, facts in lowered.items() if not isinstance(facts, str)},
        unreadable=tuple(Unreadable(path=name, why=why) for name, why in sorted(unreadable.items())),
        packed=kept,
    )


def _others(kept: dict[str, bytes], found: Sources) -> dict[str, bytes]:
    """Return what stays in the cache: the facts that this check uses, and some that it does not."""
    used = set(found.digests.values())
    rest, others = {}, 0
    for known, facts in kept.items():
        others += 0 if known in used else len(facts)
        if known in used or others <= MOST:
            rest[known] = facts
    return rest


def _lower(
    found: Sources, names: list[str], jobs: int, lowered: dict[str, Node | str], progress: Progress
) -> dict[str, bytes]:
    """Lower files, every `jobs`-th in this process; return the facts packed, and fill in those made here."""

    def share(index: int) -> dict[str, bytes]:
        packed: dict[str, bytes] = {}
        for name in names[index::jobs]:
            facts = _lower_one(found.content[name])
            try:
                packed[found.digests[name]] = pack(facts)
            except ValueError:  # it takes up to 2,000 tuples inside each other
                facts = TOO_DEEP
                packed[found.digests[name]] = marshal.dumps(facts)
            if index == 0:
                lowered[name] = facts
            progress.step(index)
        return packed

    progress.begin("Reading files", len(names))
    together: dict[str, bytes] = {}
    for packed in processes.shared(share, jobs, at_once=True):
        together.update(packed)
    return together


def pack(facts: Node | str) -> bytes:
    """Return the facts of a file as bytes for `marshal`, with its body and each function's packed in themselves.

    Most bodies are not looked at when little has changed: see `Function.body`.
    """
    if isinstance(facts, str):
        return marshal.dumps(facts)
    digest, lines, functions, classes, names, body, *rest = facts
    apart = tuple([(*each[:BODY], marshal.dumps(each[BODY]), *each[BODY + 1 :]) for each in functions])
    return marshal.dumps((digest, lines, apart, classes, names, marshal.dumps(body), *rest))


def _lower_one(source: bytes) -> Node | str:
    """Return the facts of a file, or one sentence that says why there are none."""
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
    except TooLongError as error:
        return str(error)
    except (RecursionError, MemoryError):
        return TOO_DEEP
