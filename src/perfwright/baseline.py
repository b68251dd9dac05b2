"""Saved findings, and which of a later check are new."""

import json
import os
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from perfwright.errors import InputError
from perfwright.finding import REFUTED, VERSION, Finding, Measured, Record

FOLDER = ".perfwright"  # what perfwright keeps of a project, below its root
SAVED = f"{FOLDER}/findings.json"


def save(record: Record, path: Path) -> None:
    """Write the whole record; a folder `.perfwright` is made, and kept out of version control.

    What was measured of a finding before stays with it, where no file of its chain has changed since. Raises
    InputError where the file cannot be written.
    """
    _write(path, carried(record, path).to_json())


def carried(record: Record, path: Path) -> Record:
    """Return the record with what the record saved there holds of measurements that still hold."""
    try:
        saved = read(path) if path.is_file() else None
    except InputError:  # of another version, or cut short: it is written anew
        saved = None
    if saved is None:
        return record
    measured = {each.key: each for each in saved.findings if _was_measured(each)}
    findings = []
    for finding in record.findings:
        before = measured.get(finding.key)
        files = {finding.place.path, *(step.path for step in finding.chain)}
        if before is not None and all(record.sources.get(file) == saved.sources.get(file) for file in files):
            finding = _with_measured(finding, before)
        findings.append(finding)
    return replace(record, findings=tuple(findings))


def _was_measured(finding: Finding) -> bool:
    return REFUTED in finding.message or any(isinstance(each, Measured) for each in finding.evidence)


def _with_measured(finding: Finding, before: Finding) -> Finding:
    """Return a finding with what was measured before; what was measured since, in the same way, counts instead."""
    ways = {each.by for each in finding.evidence if isinstance(each, Measured)}
    older = [each for each in before.evidence if isinstance(each, Measured) and each.by not in ways]
    if not _was_measured(finding):
        _, refuted, why = before.message.partition(REFUTED)
        finding = replace(finding, confidence=before.confidence, message=f"{finding.message}{refuted}{why}")
    return replace(finding, evidence=(*finding.evidence, *older))


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
