"""What a call gives that does something only when it is used: functions are called, contexts are entered and left."""

import contextlib
import copy
import types
from collections.abc import Callable, Iterator
from typing import Any

from .search import LateError  # type: ignore[import-not-found,unused-ignore]

CONTEXTS = (contextlib._GeneratorContextManager, contextlib._AsyncGeneratorContextManager)
MOST, DEEPEST = 5, 2  # functions that are called, and functions that give functions
UNFIT = (TypeError, AttributeError)


def _first(*values: Any) -> Any:
    return values[0] if values else None


# What functions are called with, by kinds: those of the first kind that one takes.
NUMBERS = (2, 0, 1, 3, 4, 5, 7, 10, 100, -1, 1.5, True, None)
PROBES: tuple[tuple[tuple[Any, ...], ...], ...] = (
    tuple((number,) for number in NUMBERS),
    (("A b",), ("",), ("a",), ("1",)),
    (([3, 1, 2],), ([],)),
    (({"a": 1, "b": 2},),),
    ((_first,),),
    ((1, 2), (2, 1), (2, 2)),
    (("a", "b"), ("b", "a")),
    ((),),
)


def functions(value: Any) -> list[Any]:
    """Return the functions that a call made and gave: alone, or in a container."""
    items = list(value.values()) if type(value) is dict else value if type(value) in (list, tuple) else [value]
    return [each for each in items if local(each)][:MOST]


def local(value: Any) -> bool:
    """Tell whether a value is a function that another one made: its name says nothing."""
    return isinstance(value, types.FunctionType) and "<locals>" in value.__qualname__


def called(made: list[Any], finished: Callable[[Any], Any], depth: int = 0) -> list[Any]:
    """Return what functions do when they are called, twice with the same: what they give, or the type of an error."""
    seen: list[Any] = []
    for each in made:
        for probes in PROBES:
            first = _outcome(each, probes[0], finished, depth)
            if first not in UNFIT:
                seen += [first, *(_outcome(each, probe, finished, depth) for probe in (*probes, *probes))]
                break
    return seen


def _outcome(function: Any, probe: tuple[Any, ...], finished: Callable[[Any], Any], depth: int) -> Any:
    """Return what a function gives for some arguments, with these as it leaves them; or the type of its error."""
    given = copy.deepcopy(probe)
    try:
        value = finished(function(*given))
    except LateError:
        raise
    except Exception as error:
        return type(error)
    inner = [each for each in functions(value) if each is not function]
    return given, called(inner[:1], finished, depth + 1) if inner and depth < DEEPEST - 1 else value


def entered(context: Any, *, fails: bool) -> list[Any]:
    """Return what a context gives when it is entered, and how it is left; what is inside of it may fail."""
    seen: list[Any] = []
    with _told(seen), context as value:
        seen.append(value)
        if fails:
            raise RuntimeError("what is inside failed")
    return seen


async def entered_later(context: Any, *, fails: bool) -> list[Any]:
    """Return the same of a context that is awaited."""
    seen: list[Any] = []
    with _told(seen):
        async with context as value:
            seen.append(value)
            if fails:
                raise RuntimeError("what is inside failed")
    return seen


@contextlib.contextmanager
def _told(seen: list[Any]) -> Iterator[None]:
    try:
        yield
        seen.append("left")
    except LateError:
        raise
    except Exception as error:
        seen.append([type(error), str(error)])
