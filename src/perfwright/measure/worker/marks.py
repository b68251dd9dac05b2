"""What a user's code may say to the measurement: stands for the package where perfwright is not installed."""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

BUILDS = "__perfwright_builds__"


def inputs(function: Callable[..., Any] | str) -> Callable[[F], F]:
    """Mark a builder: called with a size `n`, it returns the arguments of `function` at that size.

    The arguments are a tuple (by position) or a dict (by name). `function` is the function itself or its name.
    """

    def mark(builder: F) -> F:
        setattr(builder, BUILDS, function)
        return builder

    return mark
