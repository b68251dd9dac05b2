"""http.client, and urllib.request on it: connections that go nowhere where nothing may go out."""

import http.client
import io
from collections.abc import Callable
from typing import Any

from ..patches import ALWAYS, Patches
from ._requests import BODY, HEADERS, Asked

LIBRARY = ALWAYS
PATCHES = Patches()
ASKED = "_perfwright_asked"
HEAD = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
ANSWER = f"HTTP/1.1 200 OK\r\n{HEAD}\r\n".encode() + BODY


def install(capture: Any) -> None:
    """Watch requests by their first line and their answer."""
    client = http.client
    PATCHES.wrap(client.HTTPConnection, "putrequest", lambda original: _putting(original, capture))
    PATCHES.wrap(client.HTTPConnection, "getresponse", _getting)
    for kind in (client.HTTPConnection, client.HTTPSConnection):
        if capture.stub_requests:
            PATCHES.wrap(kind, "connect", _connecting)


remove = PATCHES.undo


class Nowhere:
    """A socket that takes everything and answers every request."""

    def sendall(self, data: Any) -> None:
        """Take it."""

    def makefile(self, *given: Any, **named: Any) -> io.BytesIO:
        """Return the answer."""
        return io.BytesIO(ANSWER)

    def close(self) -> None:
        """Be done."""

    def settimeout(self, seconds: Any) -> None:
        """Wait for nothing."""

    def setsockopt(self, *given: Any) -> None:
        """Have no options."""

    def fileno(self) -> int:
        """Return that of a closed socket."""
        return -1


def _connecting(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: Any) -> None:
        self.sock = Nowhere()

    return connect


def _putting(original: Callable[..., Any], capture: Any) -> Callable[..., Any]:
    def putrequest(self: Any, method: Any, url: Any, *given: Any, **named: Any) -> Any:
        host = getattr(self, "_tunnel_host", None) or self.host
        asked = Asked(
            method, url if "://" in url else f"http://{host}/{url.lstrip('/')}", stubbed=capture.stub_requests
        )
        mark, asked.mark = asked.mark, None  # its answer comes with another call
        asked.end()
        if mark is not None:
            self.__dict__[ASKED] = mark
        return original(self, method, url, *given, **named)

    return putrequest


def _getting(original: Callable[..., Any]) -> Callable[..., Any]:
    def getresponse(self: Any, *given: Any, **named: Any) -> Any:
        try:
            return original(self, *given, **named)
        finally:
            mark = self.__dict__.pop(ASKED, None)
            if mark is not None:
                mark.end()

    return getresponse
