"""The interpreters that are found on this machine."""

import shutil
import subprocess
import sys
from pathlib import Path


def interpreters() -> list[str]:
    """Return this interpreter, and one of each other version that is on the path or installed beside it."""
    found = {f"{sys.version_info.major}.{sys.version_info.minor}": sys.executable}
    beside = [str(path) for path in sorted(Path(sys.base_prefix).parent.glob("*/bin/python3"))]
    for path in [shutil.which(f"python3.{minor}") for minor in range(10, 16)] + beside:
        command = [path or "", "-c", "import sqlite3, sys; print('%d.%d' % sys.version_info[:2])"]
        done = subprocess.run(command, capture_output=True, text=True, check=False) if path else None
        version = done.stdout.strip() if done is not None and done.returncode == 0 else ""
        if version and tuple(map(int, version.split("."))) >= (3, 10):
            found.setdefault(version, path or "")
    return [found[version] for version in sorted(found)]
