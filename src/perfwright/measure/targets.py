"""What a person names to be measured: a function, a module, a file of builders, a finding."""

import re
from dataclasses import dataclass
from pathlib import Path

from perfwright.errors import InputError

KEY = re.compile(r"[a-z0-9-]+@(?P<path>[^:]+)::(?P<function>[^#]*)(#.*)?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A module by name or by path, and a function in it; no function stands for all of them."""

    module: str
    function: str


def parse(target: str, root: Path) -> Wanted:
    """Return what a target stands for; paths are those below the root. Raises InputError."""
    key = KEY.fullmatch(target)
    if key is not None:
        if not key["function"]:
            raise InputError(f"{target} lies outside of any function; name one that runs it.", slug="no-function")
        return Wanted(_file(key["path"], root), key["function"])
    module, colon, function = target.rpartition(":")
    if not colon:
        return Wanted(_file(target, root) if target.endswith(".py") else target, "")
    if not module or not function:
        raise no_function(target)
    return Wanted(_file(module, root) if module.endswith(".py") else module, function)


def no_function(target: str) -> InputError:
    """Return the error of a target that names no function where one is needed."""
    return InputError(
        f"{target} names no function; give MODULE:FUNCTION or FILE.py:FUNCTION, or --all for all of a module.",
        slug="no-function",
    )


def _file(path: str, root: Path) -> str:
    if not (root / path).is_file():
        raise InputError(f"{path} does not exist; give a module or a file.", slug="missing-path")
    return str((root / path).absolute())
