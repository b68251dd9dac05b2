#!/usr/bin/env python3
"""Lay the best known rewrite of an application over a copy of it.

    python benchmarks/aicode/lay.py teamtasks FOLDER

FOLDER, which must not be there yet, gets the application with the files of <application>.best in place of its own: that
folder holds only files that differ. Standard library only.
"""
import argparse
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SKIP = shutil.ignore_patterns("__pycache__", ".git", "*.pyc", "*.sqlite3", "*.db")


def lay(name, to):
    """Return the folder, with the application and its rewrite in it."""
    application, rewrite = HERE / name, HERE / f"{name}.best"
    for folder in (application, rewrite):
        if not folder.is_dir():
            raise SystemExit(f"There is no {folder.name} in {HERE.name}; these are rewritten: {', '.join(rewritten())}.")
    if Path(to).exists():
        raise SystemExit(f"{to} is there already; name a folder that is not.")
    shutil.copytree(application, to, ignore=SKIP)
    return Path(shutil.copytree(rewrite, to, ignore=SKIP, dirs_exist_ok=True))


def rewritten():
    """Return the names of the applications that have a rewrite."""
    return sorted(folder.name.removesuffix(".best") for folder in HERE.glob("*.best"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("application", help="one of " + ", ".join(rewritten()))
    parser.add_argument("folder")
    options = parser.parse_args()
    print(lay(options.application, options.folder))


if __name__ == "__main__":
    sys.exit(main())
