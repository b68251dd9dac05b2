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


def tested(version: str, interpreter: str) -> tuple[bool, str]:
    """Return whether the tests hold on one interpreter, and what came of them."""
    folder = FOLDER / version
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    environment = {**os.environ, "PERFWRIGHT_PURE": "1"}
    command = [str(python), *INSTALL, "--constraint", str(ROOT / "constraints.txt"), "--editable", f"{ROOT}[dev]"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if made.returncode:
        return False, f"cannot be installed: {_last(made.stderr)[:200]}"
    done = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-n2"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode == 0, "\n    ".join([_last(done.stdout or done.stderr), *failed])


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def main() -> int:
    """Run the tests of each version; return the exit status."""
    hold = True
    for version in sys.argv[1:] or VERSIONS:
        interpreter = found(version)
        held, said = tested(version, interpreter) if interpreter else (True, "not found here: not tested")
        hold = hold and held
        print(f"{version}: {said}", flush=True)
    return 0 if hold else 1


if __name__ == "__main__":
    sys.exit(main())
