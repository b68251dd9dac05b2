"""Builds the package: `index`, `effects` and `rules` are compiled with mypyc where there is a C compiler.

Without a compiler, or with `PERFWRIGHT_PURE=1`, and in an editable install, the same files run as they are.
"""

import os
import sys
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
COMPILED = ("src/perfwright/index", "src/perfwright/effects", "src/perfwright/rules")
LEFT = ("__init__.py", "external.py", "read.py", "cache.py", "sources.py")  # a kind of str; what meets the machine

UNCOMPILED = {"editable_wheel", "develop", "sdist", "egg_info", "dist_info"}  # commands that need the sources alone


def compiled() -> list[str]:
    """Return the files to compile."""
    files = [path for folder in COMPILED for path in sorted((HERE / folder).glob("*.py")) if path.name not in LEFT]
    return [path.relative_to(HERE).as_posix() for path in files]


def extensions() -> list[object]:
    """Return the modules to compile; none where the sources are to be used in place."""
    if os.environ.get("PERFWRIGHT_PURE") or UNCOMPILED & set(sys.argv):
        return []
    from mypyc.build import mypycify

    found = mypycify(compiled(), opt_level="2", debug_level="0")
    for extension in found:
        extension.optional = True  # no compiler: the wheel is pure Python then
    return list(found)


if __name__ == "__main__":
    setup(ext_modules=extensions())
