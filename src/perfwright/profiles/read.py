"""A profile from its file: which format it has is told from its content. Nothing in it is trusted."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from perfwright.errors import InputError
from perfwright.profiles import worker
from perfwright.profiles.formats import collapsed, cprofile, memray, pyinstrument, speedscope
from perfwright.profiles.model import Profile, UnfitError

MOST = 512 << 20  # bytes of a file
SECONDS = 180  # for the process that unpacks one
MEMRAY = (b"memray", b"\x04\x22\x4d\x18")  # plain, and compressed
DUMPED = re.compile(rb"[{\xfb][()\xa8\xa9]")  # how `marshal` begins a dictionary whose first key is a tuple
KINDS = "cProfile, speedscope, collapsed stacks, pyinstrument's session or JSON, memray"


def read(path: Path) -> Profile:
    """Return the profile in a file; raises InputError where it is none that is known, is damaged or is too large."""
    try:
        profile = _read(path)
    except UnfitError as error:
        raise InputError(f"{path} {error}.", slug="broken-profile") from error
    if not profile.total > 0:
        raise InputError(
            f"{path} has no time or memory in it; record one while the program works.", slug="broken-profile"
        )
    return profile


def content(path: Path, most: int, *, first: int = -1) -> bytes:
    """Return a file's bytes, or the first of them; raises InputError where there is none or it is too large to hold."""
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise InputError(f"{path} {what}; give one that a profiler or a server wrote.", slug="missing-path")
        size = path.stat().st_size
        if size > most:
            raise InputError(f"{path} is {size >> 20:,} MB; at most {most >> 20} MB are read.", slug="broken-profile")
        with path.open("rb") as file:
            return file.read(first)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); give one that can.", slug="unreadable-file"
        ) from error


def _read(path: Path) -> Profile:
    data = content(path, MOST)
    start = data[:64].lstrip()
    if start.startswith(MEMRAY) or b"memray" in data[:64]:
        return memray.peak(_unpacked("memray", path))
    if DUMPED.match(data):
        return cprofile.read(_unpacked("cprofile", path))
    try:
        text = data.decode("utf8")
    except UnicodeDecodeError as error:
        raise UnfitError(f"is no profile that is known; give one of {KINDS}") from error
    if start.startswith((b"{", b"[")):
        return _document(text)
    first = text.partition("\n")[0]
    if "stack_trace" in first and "," in first:
        return memray.read(io.StringIO(text))
    return collapsed.read(io.StringIO(text))


def _document(text: str) -> Profile:
    try:
        document: Any = json.loads(text)
    except RecursionError as error:
        raise UnfitError("is JSON nested deeper than can be read; record it in another format") from error
    except ValueError as error:
        raise UnfitError(f"is not whole JSON ({str(error)[:80]}); record it again") from error
    if isinstance(document, dict) and "profiles" in document:
        return speedscope.read(document)
    if isinstance(document, dict) and ("frame_records" in document or "root_frame" in document):
        return pyinstrument.read(document)
    raise UnfitError(f"is JSON, but no profile that is known; give one of {KINDS}")


def _unpacked(kind: str, path: Path) -> Any:
    """Return what the worker makes of a file; raises UnfitError with its reason, or where it ended without one."""
    command = [sys.executable, "-I", worker.__file__, kind, str(path.absolute())]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnfitError(f"takes longer than {SECONDS} s to be read; take a shorter one") from error
    if done.returncode == 3 and done.stderr:
        raise UnfitError(done.stderr.decode("utf8", "replace").strip()[-500:])
    if done.returncode:
        raise UnfitError("ends the interpreter that unpacks it, so it is damaged; record it again")
    return json.loads(done.stdout)
