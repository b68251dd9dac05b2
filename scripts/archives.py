"""Brings the source of public programs here, to read: `python scripts/archives.py [NAME...]` prints their folders.

They come from the package index as source archives, through pip, and are checked against the digests
below. They are unpacked below `.cache/archives`, never installed.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

STORE = Path(__file__).parent.parent / ".cache" / "archives"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One version of a program, and what its source archive hashes to."""

    name: str
    version: str
    sha256: str
    what: str

    @property
    def folder(self) -> Path:
        return STORE / f"{self.name}-{self.version}"


ARCHIVES = (
    Archive(
        name="wagtail",
        version="7.1",
        sha256="e1de2af82b62cbf4d3b77a93c55779bc67ad7b3179b6b4f824ec4f214d570c01",
        what="a content management system on Django",
    ),
    Archive(
        name="prefect",
        version="3.9.1",
        sha256="56f091cd49a06e6c3f98eea93648208f6750361d1dd0aeb60b5faa0e9cb5c458",
        what="a workflow server on FastAPI, asyncio and SQLAlchemy",
    ),
)


class ArchiveError(Exception):
    """An archive that could not be had, in one sentence."""


def bring(name: str) -> Path:
    """Return the folder of an archive's source, after downloading it if it is not there."""
    archive = next((item for item in ARCHIVES if item.name == name), None)
    if archive is None:
        raise ArchiveError(f"{name} is not an archive; use one of {', '.join(item.name for item in ARCHIVES)}.")
    if not archive.folder.is_dir():
        _unpack(_download(archive), archive)
    return archive.folder


def _download(archive: Archive) -> Path:
    print(f"Downloading {archive.name} {archive.version}, {archive.what} ...", file=sys.stderr)
    wanted = ["--no-deps", "--no-binary", archive.name, f"{archive.name}=={archive.version}"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    done = subprocess.run([*pip, "--dest", str(STORE), *wanted], capture_output=True, text=True, check=False)
    path = STORE / f"{archive.name}-{archive.version}.tar.gz"
    if done.returncode or not path.is_file():
        last = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ArchiveError(f"{archive.name}=={archive.version} could not be downloaded: {last}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != archive.sha256:
        raise ArchiveError(f"{path.name} hashes to {digest}, not to the pinned {archive.sha256}; it was not unpacked.")
    return path


def _unpack(path: Path, archive: Archive) -> None:
    aside = STORE / f".{archive.name}-{archive.version}"
    shutil.rmtree(aside, ignore_errors=True)
    with tarfile.open(path) as tar:
        # The filter refuses what would be written outside the folder, and devices, and odd modes.
        tar.extractall(aside, filter="data")
    (aside / archive.folder.name).rename(archive.folder)
    shutil.rmtree(aside)


if __name__ == "__main__":
    try:
        for wanted in sys.argv[1:] or [item.name for item in ARCHIVES]:
            print(bring(wanted))
    except ArchiveError as error:
        sys.exit(str(error))
