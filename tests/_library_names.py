"""Says which names of a library model its library does not have: run by `test_libraries.py`, one process a file.

Names come as JSON on standard input, in the form of `Claim`; what is wrong with them goes out the same way.
"""

import importlib
import inspect
import json
import re
import sys
from typing import Any, TypedDict


class Claim(TypedDict):
    """What a model says of a name that the library's own source can contradict."""

    name: str
    params: list[str]
    arguments: list[str]
    awaited: bool


def main() -> None:
    claims: list[Claim] = json.load(sys.stdin)
    if any(claim["name"].startswith(("django.", "rest_framework.")) for claim in claims):
        _start_django()
    json.dump([wrong for claim in claims if (wrong := _wrong(claim))], sys.stdout)


def _start_django() -> None:
    import django
    from django.conf import settings

    apps = ["django.contrib.contenttypes", "django.contrib.auth"]
    settings.configure(INSTALLED_APPS=apps, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3"}})
    django.setup()


def _wrong(claim: Claim) -> str | None:
    name = claim["name"]
    owner = _resolve(name.rpartition(".")[0]) if "." in name else None
    found = _member(owner, name.rpartition(".")[2]) if owner is not None else _resolve(name)
    if found is None:
        found = _resolve(name)
    if found is None:
        return None if inspect.isclass(owner) and _set_by_code(owner, name.rpartition(".")[2]) else f"{name} is missing"
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    try:
        parameters = list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return None
    if inspect.isclass(owner) and parameters and parameters[0].name in ("self", "cls", "type", "manager"):
        del parameters[0]
    return _unlike(claim, found, parameters)


def _unlike(claim: Claim, found: Any, parameters: list[inspect.Parameter]) -> str | None:
    """Return how a callable differs from what is said of it."""
    name, params = claim["name"], claim["params"]
    positional = [p for p in parameters if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    # No caller can write the name of a parameter that is only positional: it may change with the version of Python.
    written = [p.kind == p.POSITIONAL_OR_KEYWORD for p in positional]
    known = [p.name if is_written else None for p, is_written in zip(positional, written, strict=True)]
    if len(known) < len(params) or any(has not in (None, said) for has, said in zip(known, params, strict=False)):
        return f"{name} has the positional parameters {[p.name for p in positional]}, not {params}"
    if not any(p.kind == p.VAR_KEYWORD for p in parameters):
        for argument in claim["arguments"]:
            if argument not in {*params, *(p.name for p in parameters)}:
                return f"{name} has no parameter {argument}"
    if inspect.iscoroutinefunction(found) and not claim["awaited"]:
        return f"{name} is async"
    return None


def _resolve(name: str) -> Any:
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        for part in parts[end:]:
            found = _member(found, part)
            if found is None:
                return None
        return found
    return None


def _member(owner: Any, name: str) -> Any:
    try:
        return inspect.getattr_static(owner, name) if inspect.isclass(owner) else getattr(owner, name)
    except AttributeError:
        return getattr(owner, name, None)


def _set_by_code(cls: type, name: str) -> bool:
    """Tell whether instances have the name: set or declared in the class's source, or handed on by `__getattr__`."""
    if hasattr(cls, "__getattr__"):
        return True
    pattern = re.compile(rf"\bself\.{name}\b.* = |\bself\.{name}: |^    {name}: ", re.MULTILINE)
    # The source of `__init__` as well: httpx says of its classes that another module has them.
    for base in (*cls.__mro__[:-1], *(base.__dict__.get("__init__") for base in cls.__mro__[:-1])):
        try:
            if base is not None and pattern.search(inspect.getsource(base)):
                return True
        except (OSError, TypeError):
            continue
    return False


if __name__ == "__main__":
    main()
