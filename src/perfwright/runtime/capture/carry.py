"""Work that is handed to another thread counts for the call that handed it on, at the line that did."""

import functools
import sys
from collections.abc import Callable
from typing import Any

from .scope import OPEN, QUERY, REQUEST, TRACE
from .sites import HERE


def carry(function: Callable[..., Any], depth: int = 2) -> Callable[..., Any]:
    """Return a function that runs the given one for the trace that is current now; the same one where none is."""
    trace = TRACE.get()
    if trace is None or trace.closed:
        return function
    try:
        origin = trace.origin(sys._getframe(depth))
    except Exception:
        trace.fault()
        return function
    return functools.partial(hop, function, (trace, QUERY.get(), REQUEST.get(), origin))


def hop(function: Callable[..., Any], taken: tuple[Any, ...], *args: Any, **named: Any) -> Any:
    """Run a function with what was taken over. A site that meets this frame goes on where the work was handed on."""
    before = HERE.origin
    tokens = [(each, each.set(value)) for each, value in zip((TRACE, QUERY, REQUEST), taken[:3], strict=True)]
    HERE.origin = taken[3]
    try:
        return function(*args, **named)
    finally:
        HERE.origin = before
        for each, token in tokens:
            try:
                each.reset(token)
            except ValueError:  # what ran has changed the context
                each.set(None if each is TRACE else OPEN)
