"""What the hooks of HTTP clients share: a request that goes out, or would, counted once whatever the layers."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..scope import COUNTED, REQUEST, TRACE, restore
from ..trace import Mark

BODY = b"{}"  # the answer where nothing may go out
HEADERS = {"Content-Type": "application/json", "Content-Length": str(len(BODY))}
LONGEST = 300  # characters of a path
DEEPEST = 20  # parts of one
# A part of a path that names one thing among many: a number, a UUID, a hash, a token.
NAMES_ONE = re.compile(
    r"\d[\d,.:-]*|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=[a-f]*\d)[0-9a-f]{8,}|(?=\D*\d)[\w.~-]{20,}",
    re.IGNORECASE,
)


def template(path: str) -> str:
    """Return a path with the parts that name one thing among many left out, so that like requests are alike."""
    parts = path[:LONGEST].split("/", DEEPEST)[:DEEPEST]
    return "/".join("{}" if NAMES_ONE.fullmatch(part) else part for part in parts) or "/"


class Asked:
    """A request of one library, from its beginning to its answer."""

    __slots__ = ("above", "mark", "stubbed", "token")

    def __init__(self, method: Any, url: Any, *, stubbed: bool) -> None:
        self.above = REQUEST.get() == COUNTED  # a layer above has it
        self.stubbed = stubbed and not self.above
        self.mark: Mark | None = None
        trace = TRACE.get()
        if trace is not None and not self.above:
            try:
                parts = urlsplit(_text(url))
                asked = _text(method).upper()[:20], (parts.hostname or "")[:LONGEST], template(parts.path)
                self.mark = trace.request(*asked, stubbed=stubbed, depth=3)
            except Exception:
                trace.fault()
        self.token = None if self.above else REQUEST.set(COUNTED)

    def end(self) -> None:
        """Note the answer, or that there is none."""
        if self.token is not None:
            restore(REQUEST, self.token)
            self.token = None
        if self.mark is not None:
            self.mark.end()
            self.mark = None


def answered(stub: Callable[[], Any], fault: Callable[[], None]) -> Any:
    """Return the answer that a stub makes; None where it cannot: the layer below has a stub too."""
    try:
        return stub()
    except Exception:
        fault()
        return None


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
