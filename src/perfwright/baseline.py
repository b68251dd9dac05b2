"""Saved findings, and which of a later check are new."""

import json
import os
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from perfwright.errors import InputError
from perfwright.finding import VERSION, Record

FOLDER = ".perfwright"  # what perfwright keeps of a project, below its root
SAVED = f"{FOLDER}/findings.json"


def save(record: Record, path: Path) -> None:
    """Write the whole record; a folder `.perfwright` is made, and kept out of version control.

    Raises InputError where the file cannot be written.
    """
    _write(path, record.to_json())


def read(path: Path) -> Record:
    """Return a saved record; raises InputError where there is none or the file is something else."""
    data = _document(path, "findings saved by perfwright check --save")
    try:
        return Record.from_json(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} does not hold findings of this version; write it again with perfwright check --save.",
            slug="broken-saved-findings",
        ) from error


def write_keys(record: Record, path: Path) -> None:
    """Write the keys of all findings, sorted: the file that `--baseline` reads and a project commits."""
    _write(path, {"version": VERSION, "keys": sorted({finding.key for finding in record.findings})})


def read_keys(path: Path) -> frozenset[str]:
    """Return the keys of a baseline file; raises InputError where there is none or the file is something else."""
    data = _document(path, "a baseline written by perfwright check --write-baseline")
    keys = data.get("keys") if isinstance(data, dict) and data.get("version") == VERSION else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise InputError(
            f"{path} is not a baseline of this version of perfwright; write it again with "
            "perfwright check --write-baseline.",
            slug="broken-baseline",
        )
    return frozenset(keys)


def new(record: Record, keys: Collection[str]) -> Record:
    """Return the record with only the findings whose keys are not among the given ones."""
    return replace(record, findings=tuple(finding for finding in record.findings if finding.key not in keys))


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; raises InputError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_text(text, "utf8")  # a link, a pipe or /dev/stdout is written to, not replaced
        else:
            _replace(path, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be written ({reason}); name another file.", slug="unwritable-file") from error


def _write(path: Path, data: dict[str, Any]) -> None:
    if path.parent.name == FOLDER:
        _keep_out_of_git(path.parent)
    write_text(path, json.dumps(data, indent=2) + "\n")


def _keep_out_of_git(folder: Path) -> None:
    ignore = folder / ".gitignore"
    if not ignore.exists():
        write_text(ignore, "*\n")


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf8", newline="\n") as file:
            file.write(text)
        temporary.chmod(_mode(path))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """Return the permissions a file has, or what a new one gets: mkstemp gives nobody else any."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _document(path: Path, wanted: str) -> Any:
    try:
        text = path.read_text("utf8")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; give {wanted}.", slug="missing-path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read; give {wanted}.", slug="unreadable-file") from error
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON; give {wanted}.", slug="unreadable-file") from error
