"""Runs the tests of each application of `aicode` on its best known rewrite, and compares the answers of both.

    python benchmarks/check_rewrites.py                   every application that has a rewrite
    python benchmarks/check_rewrites.py teamtasks --size 100

What an application needs and is not here is named, and the application is left out. Exits 1 where a test fails or an
answer differs.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from aicode import lay

NEEDS = {  # what tests and driver import that may not be here
    "clinicdesk": ("flask_sqlalchemy", "flask_login", "requests"),
    "logharbor": ("fastapi", "sqlalchemy", "httpx"),
    "mailmill": ("sqlalchemy", "requests", "jinja2"),
    "mealbox": ("fastapi", "sqlalchemy", "aiosqlite", "httpx"),
    "metricspipe": ("pandas", "click", "jinja2"),
    "pricewatch": ("click", "requests", "httpx", "yaml"),
    "shiftplan": ("flask_sqlalchemy",),
    "stockroom": ("django", "rest_framework"),
    "talkdesk": ("fastapi", "sqlalchemy", "aiosqlite", "httpx", "openai", "numpy", "jwt"),
    "teamtasks": ("fastapi", "sqlalchemy", "email_validator"),
}
TESTS = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir")
DJANGO_TESTS = ("-W", "ignore", "manage.py", "test")


def missing(name: str) -> list[str]:
    """Return the modules that an application needs and that are not installed."""
    return [module for module in NEEDS.get(name, ()) if importlib.util.find_spec(module) is None]


def run(*words: str, folder: Path) -> tuple[int, str]:
    """Run Python in a folder; return its exit status and the last line it printed."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout[-4000:])
    lines = [line for line in done.stdout.strip().splitlines() if not line.startswith("Destroying ")]  # Django's tests
    return done.returncode, (lines or ["it printed nothing"])[-1]


def check(name: str, size: int) -> bool:
    """Check one application and print what came of it."""
    if lacking := missing(name):
        print(f"{name}: left out, as {', '.join(lacking)} is not installed.")
        return True
    with tempfile.TemporaryDirectory() as scratch:
        folder = lay.lay(name, Path(scratch) / name)
        django = (folder / "manage.py").is_file()
        tests, told = run(*DJANGO_TESTS, folder=folder) if django else run(*TESTS, str(folder), ".", folder=folder)
        print(f"{name}: its tests on the rewrite: {told}", flush=True)
        alike, told = run(str(lay.HERE / "alike.py"), name, f"--size={size}", folder=folder)
        print(told, flush=True)
    return not tests and not alike


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="APPLICATION")
    parser.add_argument("--size", type=int, default=10, help="of the data that the drivers make")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(lay.rewritten()))
    if unknown:
        parser.error(f"{unknown[0]} has no rewrite; use one of {', '.join(lay.rewritten())}.")
    results = [check(name, given.size) for name in given.names or lay.rewritten()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
