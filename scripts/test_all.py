"""Runs the tests on each Python that is found: `python3.12` on the path, or below pyenv. Says which are not.

    python scripts/test_all.py [VERSION ...]

Each gets an environment below .cache/pythons. Exits 1 where tests fail.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
FOLDER = ROOT / ".cache" / "pythons"
INSTALL = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")


def found(version: str) -> str | None:
    """Return an interpreter of a version, or nothing where there is none that starts."""
    places = [shutil.which(f"python{version}")]
    places += [str(path) for path in Path.home().glob(f".pyenv/versions/{version}.*/bin/python")]
    for place in places:
        if place and subprocess.run([place, "-c", ""], capture_output=True, check=False).returncode == 0:
            return place
    return None


def tested(version: str, interpreter: str) -> str:
    """Return what came of the tests on one interpreter."""
    folder = FOLDER / version
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    environment = {**os.environ, "PERFWRIGHT_PURE": "1"}
    command = [str(python), *INSTALL, "--constraint", str(ROOT / "constraints.txt"), "--editable", f"{ROOT}[dev]"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if made.returncode:
        return f"cannot be installed: {made.stderr.strip().splitlines()[-1][:200]}"
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-n2"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "\n    ".join([done.stdout.strip().splitlines()[-1], *failed])


def main() -> int:
    """Run the tests of each version; return the exit status."""
    said = {}
    for version in sys.argv[1:] or VERSIONS:
        interpreter = found(version)
        said[version] = tested(version, interpreter) if interpreter else "not found here: not tested"
        print(f"{version}: {said[version]}", flush=True)
    return 1 if any(" failed" in each or "cannot be" in each for each in said.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
