"""Attributes of other people's objects, replaced and put back."""

from collections.abc import Callable
from typing import Any

ALWAYS = ""  # the library of a hook that needs none to be imported
MISSING = object()


class Patches:
    """The replaced attributes of one hook."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, str, Any, Any]] = []

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute until `undo`."""
        self.done.append((owner, name, vars(owner).get(name, MISSING), value))
        setattr(owner, name, value)

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace a function by what `make` returns for it; nothing where the owner does not define it itself."""
        original = vars(owner).get(name)
        if original is not None:
            made = make(original)
            made.__name__, made.__doc__ = name, getattr(original, "__doc__", None)
            made.__wrapped__ = original
            self.put(owner, name, made)

    def undo(self) -> None:
        """Put back every attribute; one that somebody else has replaced since is theirs and stays."""
        while self.done:
            owner, name, original, value = self.done.pop()
            if vars(owner).get(name) is not value:
                continue
            if original is MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
