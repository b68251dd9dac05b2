"""What the project's own tests call a function with. What is seen stays in this process."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any

from . import suite, usage  # type: ignore[import-not-found,unused-ignore]
from .target import Target  # type: ignore[import-not-found,unused-ignore]
from .watch import Recorded, Watch  # type: ignore[import-not-found,unused-ignore]

KEPT = 6  # calls kept of all


@dataclass
class Recording:
    """What the tests of one file called a function with; `why` says why nothing was seen."""

    test: str
    place: dict[str, Any]  # the question that makes it again
    calls: list[Recorded] = field(default_factory=list)
    why: str = ""


def record(target: Target, asked: dict[str, Any], imported: Callable[[str], ModuleType]) -> Recording:
    """Run a file of tests and return what the target was called with, the largest calls first."""
    made = Recording(asked["name"], {key: asked[key] for key in ("test", "name", "root", "seconds")})
    code = usage.code_of(target.function)
    if not isinstance(code, CodeType):
        made.why = "the function is not written in Python"
        return made
    if callable(clear := getattr(target.function, "cache_clear", None)):
        clear()  # what is remembered is not called
    where = (code.co_filename, code.co_firstlineno, code.co_name)
    watch = Watch(where, drop=inspect.ismethod(target.function))
    found = suite.run(asked, imported, watch, until_enough=True)
    made.calls = sorted(watch.calls, key=lambda call: call.size, reverse=True)[:KEPT]
    if not made.calls:
        none = f"none of its {found.began} tests called it" + (f" ({found.why})" if found.why else "")
        made.why = " ".join((watch.why or found.said or none).split())[: suite.REASON]
    return made
