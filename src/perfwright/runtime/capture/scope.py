"""Which trace the running code counts for, and which layer has counted what runs now."""

from contextvars import ContextVar, Token
from typing import Any

# How far a statement or a request is told already, by a layer above: a statement is one query, whatever the layers.
OPEN, COUNTED, SETTING_UP = 0, 1, 2

TRACE: ContextVar[Any] = ContextVar("perfwright_trace", default=None)
QUERY: ContextVar[int] = ContextVar("perfwright_query", default=OPEN)
REQUEST: ContextVar[int] = ContextVar("perfwright_request", default=OPEN)


def restore(variable: ContextVar[int], token: "Token[int]") -> None:
    """Put a variable back, in whatever context that happens: a driver may begin in one and end in another."""
    try:
        variable.reset(token)
    except ValueError:
        variable.set(OPEN)
